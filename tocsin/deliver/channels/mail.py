"""Mail: by SMTP over connections that are kept, or into files where no mail server is set."""

from __future__ import annotations

import contextlib
import os
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from tocsin.deliver.channels.job import Job, PermanentFailure, TemporaryFailure
from tocsin.deliver.channels.letters import Sender
from tocsin.deliver.terms import Reason, State
from tocsin.formats import smime
from tocsin.formats.smime import Signer
from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid
from tocsin.kernel.settings import Settings

_PATIENCE_SECONDS = 9.0
"""For an answer of a server to a command."""
_WHOLE_SECONDS = 45.0
"""For one mail: within its lease. What of it the commands left is for the answer to the text. Who hangs up while a
server still thinks about a text sends it twice, so RFC 5321 4.5.3.2.6 asks for ten minutes; but no warning may wait
so long behind a server that hangs."""
_UNKNOWN_ADDRESS = {550, 551, 553}


class Post(Protocol):
    """Carries a message; returns when the other side has taken it over."""

    def post(self, key: str, to: str, message: bytes) -> None: ...
    def close(self) -> None: ...


class Mail:
    """The e-mail channel of one thread."""

    def __init__(self, settings: Settings) -> None:
        self._sender = Sender.of(settings.mail_from)
        self._smime = settings.smime_file
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
            paper=job.paper() if job.paper else None,
            signer=_signer(self._smime) if self._smime else None,
        )
        self.post(job.delivery, job.address, message)
        return State.SENT

    def post(self, key: str, to: str, message: bytes) -> None:
        """Send a message that is already written. Raises: TemporaryFailure, PermanentFailure."""
        self._post.post(key, to, message)

    def close(self) -> None:
        self._post.close()


@lru_cache(maxsize=4)
def _signer(file: Path) -> Signer:
    """Who signs. Raises: TemporaryFailure while the file is not right: a site that signs sends nothing unsigned."""
    try:
        return smime.signer(file.read_text())
    except (OSError, Invalid) as e:
        raise TemporaryFailure(Reason.NOT_SET_UP, f"smime_file: {e}") from e


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

    Where the server takes commands in groups (PIPELINING, RFC 2920) a message costs two round trips, else
    four. A connection the server closed in the meantime is opened again, once, as long as no message was
    under way on it: so a message is never sent twice by this class.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sender = parseaddr(settings.mail_from)[1]
        self._server: smtplib.SMTP | None = None

    def post(self, key: str, to: str, message: bytes) -> None:
        if not to.isascii() or not to.isprintable() or set(to) & set("<> "):
            raise PermanentFailure(Reason.NO_SUCH_ADDRESS, "no SMTP command can hold it")
        end = time.monotonic() + _WHOLE_SECONDS
        try:
            server = self._opened(key, to)
            server.send(_body(message))
            code, said = _answer(server, end)
            if code != 250:
                raise _refused(code, said)
        except (smtplib.SMTPServerDisconnected, ConnectionError, ssl.SSLError) as e:
            self._drop()
            raise TemporaryFailure(Reason.UNREACHABLE, str(e)) from e
        except TimeoutError as e:
            self._drop()
            raise TemporaryFailure(Reason.TIMED_OUT, str(e)) from e
        except (smtplib.SMTPException, OSError) as e:
            self._drop()
            raise TemporaryFailure(Reason.UNREACHABLE, str(e)) from e

    def _opened(self, key: str, to: str) -> smtplib.SMTP:
        """A connection that waits for the text of a message to `to`."""
        for fresh in (self._server is None, True):
            server = self._connect() if fresh or self._server is None else self._server
            dsn = server.has_extn("dsn")
            commands = [
                f"MAIL FROM:<{self._sender}>" + (f" RET=HDRS ENVID={key}" if dsn else ""),
                f"RCPT TO:<{to}>" + (" NOTIFY=FAILURE,DELAY" if dsn else ""),
                "DATA",
            ]
            try:
                self._agreed(server, commands)
            except (smtplib.SMTPServerDisconnected, ConnectionError):
                self._drop()
                if fresh:
                    raise
                continue
            except _OurTrouble as e:
                self._drop()
                if fresh:
                    raise TemporaryFailure(Reason.BUSY, str(e)) from e
                continue
            return server
        raise AssertionError("the second round returns or raises")

    def _agreed(self, server: smtplib.SMTP, commands: Sequence[str]) -> None:
        """Say who it is from and for, in one group where the server takes that.

        Raises: _OurTrouble when it refuses us as a whole, hence temporary even with a 5xx;
        TemporaryFailure or PermanentFailure when it refuses the recipient.
        """
        if server.has_extn("pipelining"):
            server.send("".join(f"{c}\r\n" for c in commands))
            answers = [server.getreply() for _ in commands]
            if answers[2][0] == 354 and (answers[0][0] != 250 or answers[1][0] not in (250, 251)):
                server.send(
                    b".\r\n"
                )  # RFC 2920 3.1: it took DATA all the same, so an empty one ends it
                server.getreply()
        else:
            answers = []
            for command, good in zip(commands, _GOOD, strict=True):
                server.putcmd(command)
                answers.append(server.getreply())
                if answers[-1][0] not in good:
                    break
        for (code, said), good in zip(answers, _GOOD, strict=False):
            if code in good:
                continue
            if good is _GOOD[0]:
                raise _OurTrouble(f"{code} {_words(said)}")
            self._drop() if code == 421 else self._reset()
            raise _refused(code, said)

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
            # The end of a text must not wait for the other side's delayed ACK: 40 ms a message.
            if server.sock is not None:
                server.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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


def _answer(server: smtplib.SMTP, end: float) -> tuple[int, bytes]:
    """The server's answer to a text, waited for until `end` (monotonic)."""
    assert server.sock is not None  # noqa: S101 - it has just sent
    server.sock.settimeout(max(end - time.monotonic(), _PATIENCE_SECONDS))
    answer = server.getreply()
    server.sock.settimeout(_PATIENCE_SECONDS)
    return answer


class _OurTrouble(Exception):
    """The server does not take mail from us now: that says nothing about the recipient."""


_GOOD = ((250,), (250, 251), (354,))
_LINE_ENDS = re.compile(rb"\r\n|\n|\r")
_LEADING_DOT = re.compile(rb"(?m)^\.")


def _body(message: bytes) -> bytes:
    """A message as DATA wants it: every line ends in CRLF, so that nothing in it can end it early; dots doubled."""
    if b"\r" in message.replace(b"\r\n", b"") or b"\n" in message.replace(b"\r\n", b""):
        message = _LINE_ENDS.sub(b"\r\n", message)
    end = b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n"
    return _LEADING_DOT.sub(b"..", message) + end


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
