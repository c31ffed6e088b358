"""The mailbox to which bounces and replies come, over IMAP: letters by their number, each once, oldest first.

It is opened read-only: what people do with it stays theirs. Numbers hold as long as the folder's validity
does (RFC 9051 2.3.1.1); when that changes, reading starts anew, and what was taken in before changes nothing.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import imapclient

from tocsin.deliver.returned import MOST_BYTES
from tocsin.kernel.settings import Settings

_PATIENCE_S = 20.0
_AT_ONCE = 20


class Inbox:
    """An open mailbox. `validity` says whether earlier numbers still mean the same letters."""

    def __init__(self, client: imapclient.IMAPClient, validity: int) -> None:
        self._client = client
        self.validity = validity

    def after(self, uid: int, most: int) -> Iterator[tuple[int, bytes]]:
        """(number, letter) of at most so many letters after `uid`; a huge one is cut."""
        found = self._client.search(["UID", f"{uid + 1}:*"])
        new = sorted(n for n in found if n > uid)[
            :most
        ]  # `n:*` names the last one even if it is older
        for start in range(0, len(new), _AT_ONCE):
            some = new[start : start + _AT_ONCE]
            field = f"BODY.PEEK[]<0.{MOST_BYTES}>"
            got = self._client.fetch(some, [field])
            for number in some:
                parts = got.get(number, {})
                body = next((v for k, v in parts.items() if k.startswith(b"BODY[]")), b"")
                yield number, body or b""


@contextmanager
def opened(settings: Settings) -> Iterator[Inbox]:
    """Open the mailbox of the settings. Raises: OSError, ssl.SSLError, imapclient's errors."""
    context = ssl.create_default_context()
    tls = settings.mailbox_security == "tls"
    client = imapclient.IMAPClient(
        settings.mailbox_host,
        settings.mailbox_port,
        ssl=tls,
        ssl_context=context if tls else None,
        timeout=_PATIENCE_S,
    )
    try:
        if settings.mailbox_security == "starttls":
            client.starttls(context)
        client.login(settings.mailbox_user, settings.mailbox_password)
        about = client.select_folder(settings.mailbox_folder, readonly=True)
        yield Inbox(client, int(about[b"UIDVALIDITY"]))
    finally:
        with contextlib.suppress(Exception):
            client.logout()
