"""A mail server and a webhook receiver at the far end, on this machine, for stories of delivery."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from unittest.mock import patch

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tocsin.kernel import settings


@dataclass(frozen=True)
class Taken:
    """One message the mail server took over."""

    to: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        made = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(made, EmailMessage)
        return made

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    @property
    def token(self) -> str:
        """The secret part of the link in it."""
        return self.text.split("/a/", 1)[1].split()[0]


@dataclass
class Sink:
    """A mail server that keeps what it gets. `refuse` = address -> SMTP answer, or None to take it;
    `delay_seconds` = how long it thinks before it takes a message."""

    port: int = 0
    messages: list[Taken] = field(default_factory=list)
    refuse: Callable[[str], str | None] = lambda to: None
    delay_seconds: float = 0.0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if said := self.refuse(address):
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        self.messages.append(Taken(envelope.rcpt_tos[0], envelope.content))
        return "250 Taken"

    def to(self, address: str) -> list[Taken]:
        return [m for m in self.messages if m.to == address]


class _OnSocket(Controller):
    """Listens on a socket that is bound already, so that its port is known and ours."""

    def __init__(self, handler: Sink, bound: socket.socket, **options: Any) -> None:
        super().__init__(handler, hostname="127.0.0.1", port=bound.getsockname()[1], **options)
        self._bound = bound

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._bound)


@contextmanager
def sink(**options: Any) -> Iterator[Sink]:
    """A mail server on a free port; `options` are aiosmtpd's."""
    bound = socket.create_server(("127.0.0.1", 0))
    handler = Sink(bound.getsockname()[1])
    controller = _OnSocket(handler, bound, **options)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()


@dataclass
class Hook:
    """A partner's own system. `answers` = HTTP states to give, the last one for ever."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [200])
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@contextmanager
def hook() -> Iterator[Hook]:
    """A webhook receiver on a free port."""
    kept = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(kept.answers[0])
            if len(kept.answers) > 1:
                kept.answers.pop(0)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}/in"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def settings_as(**changes: Any) -> Iterator[None]:
    """Run a block with some settings changed."""
    changed = replace(settings.current(), **changes)
    with contextlib.ExitStack() as stack:
        stack.enter_context(patch.object(settings, "current", lambda: changed))
        yield
