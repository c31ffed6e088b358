"""A mailbox over IMAP: letters by their number in the folder, each once.

The folder is opened read-only unless letters are to be marked as seen. Its numbers (UIDs) hold as
long as its UIDVALIDITY does (RFC 9051 section 2.3.1.1); when that changes, reading starts anew
and `identity` knows the letters seen before.
"""

import contextlib
import ssl
from collections.abc import Iterator
from typing import Any, Final

import imapclient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError
from msgspec import Struct

from tocsin.collect.sources.batch import Batch, Broken, Cursor, refuse
from tocsin.collect.sources.guard import checked_addresses
from tocsin.collect.sources.letters import LETTER_CAP, read_letter
from tocsin.collect.terms import FailReason, Item, Permanence, Refused

_AT_ONCE: Final = 10
"""Letters fetched in one question."""
_SECURITY: Final = ("tls", "starttls", "none")


class MailboxSource(Struct, frozen=True, forbid_unknown_fields=True):
    """A mailbox: server, account, folder. `security` is tls, starttls, or none (tests only)."""

    host: str
    user: str
    folder: str = "INBOX"
    port: int = 993
    security: str = "tls"
    mark_seen: bool = False
    timeout_seconds: float = 30.0
    letters_at_most: int = 5000


def fetch(
    config: MailboxSource,
    cursor: Cursor | None = None,
    *,
    password: str,
    allow_private: bool = False,
) -> Batch:
    """Hand out letters that came after the cursor, oldest first, `letters_at_most` a time.

    The password is no part of the configuration, so that it is never stored or shown with it.
    """
    batch = Batch(cursor)
    try:
        client = _connected(config, password, allow_private=allow_private)
    except Broken as broken:
        return batch.end(broken.outcome)
    return batch.fill(_letters(client, config, batch))


def _connected(
    config: MailboxSource, password: str, *, allow_private: bool
) -> imapclient.IMAPClient:
    """Connect, secure the line, log in. Raises `Broken`."""
    if config.security not in _SECURITY:
        cure = f"Use one of: {', '.join(_SECURITY)}."
        said = f"There is no security {config.security!r}."
        raise Broken(FailReason.PROTOCOL, Permanence.PERMANENT, said, cure=cure)
    checked_addresses(config.host, config.port, allow_private=allow_private)
    client = None
    try:
        context = ssl.create_default_context()
        client = imapclient.IMAPClient(
            config.host,
            config.port,
            ssl=config.security == "tls",
            ssl_context=context if config.security == "tls" else None,
            timeout=config.timeout_seconds,
        )
        if config.security == "starttls":
            client.starttls(context)
        client.login(config.user, password)
    except Exception as error:
        _leave(client)
        raise _broken(config, error) from error
    return client


def _broken(config: MailboxSource, error: Exception) -> Broken:
    """Name what went wrong on the line. A server's words are quoted, shortened."""
    said = f"{config.host}: {str(error)[:200] or type(error).__name__}."
    if isinstance(error, LoginError):
        cure = "Check the account and its password."
        return Broken(FailReason.LOGIN_REFUSED, Permanence.PERMANENT, said, cure=cure)
    if isinstance(error, ssl.SSLError):
        cure = "Check the server's certificate and the kind of security."
        return Broken(FailReason.PROTOCOL, Permanence.PERMANENT, said, cure=cure)
    if isinstance(error, TimeoutError):
        return Broken(FailReason.TIMED_OUT, Permanence.TEMPORARY, said)
    if isinstance(error, OSError):
        return Broken(FailReason.UNREACHABLE, Permanence.TEMPORARY, said)
    return Broken(FailReason.PROTOCOL, Permanence.TEMPORARY, said)


def _leave(client: imapclient.IMAPClient | None) -> None:
    if client is None:
        return
    try:
        client.logout()
    except Exception:  # noqa: BLE001 - leaving a line that is broken already
        with contextlib.suppress(OSError, ValueError):
            client.shutdown()


def _letters(
    client: imapclient.IMAPClient, config: MailboxSource, batch: Batch
) -> Iterator[Item | Refused]:
    """Steps: 1. open the folder; 2. find new numbers; 3. fetch and read; 4. mark what was taken."""
    try:
        _open_folder(client, config, batch)
        after = int(batch.cursor["uid"])
        found = client.search(["UID", f"{after + 1}:*"])
        # "n:*" always names the last letter, even when its number is below n (RFC 9051 s. 9).
        new = sorted(uid for uid in found if uid > after)[: config.letters_at_most]
        for start in range(0, len(new), _AT_ONCE):
            taken = new[start : start + _AT_ONCE]
            yield from _some(client, taken, batch)
            if config.mark_seen:
                client.add_flags(taken, [imapclient.SEEN], silent=True)
    except Broken:
        raise
    except Exception as error:
        raise _broken(config, error) from error
    finally:
        _leave(client)


def _open_folder(client: imapclient.IMAPClient, config: MailboxSource, batch: Batch) -> None:
    try:
        status = client.select_folder(config.folder, readonly=not config.mark_seen)
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        cure = "Check the folder's name and the account's rights."
        said = f"The folder {config.folder!r} cannot be opened: {str(error)[:200]}."
        raise Broken(FailReason.FOLDER_MISSING, Permanence.PERMANENT, said, cure=cure) from error
    validity = str(status.get(b"UIDVALIDITY", ""))
    uid = batch.cursor.get("uid", "")
    if batch.cursor.get("uidvalidity") != validity or not uid.isdecimal():
        uid = "0"
    batch.cursor = {"uidvalidity": validity, "uid": uid}


def _some(client: imapclient.IMAPClient, uids: list[int], batch: Batch) -> Iterator[Item | Refused]:
    """Ask for sizes first, so that no letter fills the memory, then for the letters."""
    sizes: dict[int, Any] = client.fetch(uids, [b"RFC822.SIZE"])
    for uid in uids:
        where = f"letter {uid}"
        size = sizes.get(uid, {}).get(b"RFC822.SIZE")
        if size is None:  # deleted since the search
            continue
        if size > LETTER_CAP:
            batch.cursor["uid"] = str(uid)
            cure = "Open it in a mail program and enter what matters by hand."
            yield refuse(where, "", f"larger than {LETTER_CAP} bytes", cure)
            continue
        raw = client.fetch([uid], [b"BODY.PEEK[]"]).get(uid, {}).get(b"BODY[]")
        # Only now: were the line to break while it was sent, the letter must come again.
        batch.cursor["uid"] = str(uid)
        if isinstance(raw, bytes):
            yield read_letter(raw, where)
