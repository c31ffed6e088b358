"""Mail: by SMTP over connections that are kept, or into files where no mail server is set."""

from __future__ import annotations

import contextlib
import os
import smtplib
import ssl
from email.utils import parseaddr
from pathlib import Path
from typing import Protocol

from tocsin.deliver.channels.job import Job, PermanentFailure, TemporaryFailure
from tocsin.deliver.channels.letters import Sender
from tocsin.deliver.terms import Reason, State
from tocsin.kernel import clock
from tocsin.kernel.settings import Settings

_PATIENCE_SECONDS = 9.0
"""For each answer of a server: five of them make one mail, so one mail stays within its lease."""
_UNKNOWN_ADDRESS = {550, 551, 553}


class Post(Protocol):
    """Carries a message; returns when the other side has taken it over."""

    def post(self, key: str, to: str, message: bytes) -> None: ...
    def close(self) -> None: ...


class Mail:
    """The e-mail channel of one thread."""

    def __init__(self, settings: Settings) -> None:
        self._sender = Sender.of(settings.mail_from)
        folder = settings.data_dir / "mail"
        self._post: Post = Smtp(settings) if settings.smtp_host else Folder(folder)

    def send(self, job: Job) -> State:
        """Send one mail. Raises: TemporaryFailure, PermanentFailure."""
        message = job.letter.to(
            name=job.name,
            address=job.address,
            sender=self._sender,
            link=job.link,
            key=job.delivery,
            at=clock.now(),
        )
        self.post(job.delivery, job.address, message)
        return State.SENT

    def post(self, key: str, to: str, message: bytes) -> None:
        """Send a message that is already written. Raises: TemporaryFailure, PermanentFailure."""
        self._post.post(key, to, message)

    def close(self) -> None:
        self._post.close()


class Folder:
    """Mail as files `<key>.eml`, for a demo and for sites that fetch it from there. Same key, same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def post(self, key: str, to: str, message: bytes) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = self._folder / f".{key}.{os.getpid()}"
            fresh.write_bytes(message)
            fresh.replace(self._folder / f"{key}.eml")
        except OSError as e:
            raise TemporaryFailure(Reason.UNREACHABLE, str(e)) from e

    def close(self) -> None:
        """Nothing is held open."""


class Smtp:
    """One connection to the mail server, kept for message after message.

    A connection the server closed in the meantime is opened again, once, as long as no message was under
    way on it: so a message is never sent twice by this class.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sender = parseaddr(settings.mail_from)[1]
        self._server: smtplib.SMTP | None = None

    def post(self, key: str, to: str, message: bytes) -> None:
        try:
            server = self._ready()
            self._recipient(server, to)
            code, said = server.data(message)
            if code != 250:
                raise _refused(code, said)
        except (smtplib.SMTPServerDisconnected, ConnectionError, ssl.SSLError) as e:
            self._drop()
            raise TemporaryFailure(Reason.UNREACHABLE, str(e)) from e
        except TimeoutError as e:
            self._drop()
            raise TemporaryFailure(Reason.TIMED_OUT, str(e)) from e
        except smtplib.SMTPDataError as e:
            self._reset()
            raise _refused(e.smtp_code, e.smtp_error) from e
        except (smtplib.SMTPException, OSError) as e:
            self._drop()
            raise TemporaryFailure(Reason.UNREACHABLE, str(e)) from e
        except ValueError as e:  # an address that no SMTP command can hold
            self._reset()
            raise PermanentFailure(Reason.NO_SUCH_ADDRESS, str(e)) from e

    def _ready(self) -> smtplib.SMTP:
        """A connection that has accepted our sender. A refusal here says nothing about the recipient:
        it is our own trouble or theirs as a whole, hence temporary even with a 5xx."""
        for fresh in (self._server is None, True):
            server = self._connect() if fresh or self._server is None else self._server
            try:
                code, said = server.docmd("MAIL", f"FROM:<{self._sender}>")
            except (smtplib.SMTPServerDisconnected, ConnectionError):
                self._drop()
                if fresh:
                    raise
                continue
            if code == 250:
                return server
            self._drop()
            if fresh:
                raise TemporaryFailure(Reason.BUSY, f"{code} {_words(said)}")
        raise AssertionError("the second round returns or raises")

    def _connect(self) -> smtplib.SMTP:
        s = self._settings
        try:
            server = smtplib.SMTP(
                s.smtp_host,
                s.smtp_port,
                local_hostname=self._sender.rpartition("@")[2] or "localhost",
                timeout=_PATIENCE_SECONDS,
            )
            self._server = server
            server.ehlo_or_helo_if_needed()
            if s.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
                server.ehlo()
            if s.smtp_user:
                server.login(s.smtp_user, s.smtp_password)
        except smtplib.SMTPAuthenticationError as e:
            raise TemporaryFailure(Reason.SIGN_IN_REFUSED, _words(e.smtp_error)) from e
        except (smtplib.SMTPNotSupportedError, ssl.SSLError) as e:
            self._drop()
            raise TemporaryFailure(Reason.NOT_SECURE, str(e)) from e
        except smtplib.SMTPResponseException as e:
            self._drop()
            raise TemporaryFailure(Reason.BUSY, f"{e.smtp_code} {_words(e.smtp_error)}") from e
        return server

    def _recipient(self, server: smtplib.SMTP, to: str) -> None:
        code, said = server.docmd("RCPT", f"TO:<{to}>")  # checked when it was entered
        if code in (250, 251):
            return
        self._drop() if code == 421 else self._reset()
        raise _refused(code, said)

    def _reset(self) -> None:
        """Forget the message under way, keep the connection."""
        try:
            if self._server is not None:
                self._server.rset()
        except (smtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()


def _refused(code: int, said: bytes | str) -> TemporaryFailure | PermanentFailure:
    """RFC 5321 4.2.1: 4yz may succeed later, 5yz will not."""
    detail = f"{code} {_words(said)}"
    if 400 <= code < 500:
        return TemporaryFailure(Reason.BUSY, detail)
    if code in _UNKNOWN_ADDRESS:
        return PermanentFailure(Reason.NO_SUCH_ADDRESS, detail)
    return PermanentFailure(Reason.REFUSED, detail)


def _words(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
