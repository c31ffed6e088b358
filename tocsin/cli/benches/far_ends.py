"""What stands at the far end of a bench of delivery: a mail server and a partner's system, each a process of its own.

They keep what they took by its id, so that a lost and a doubled message show. A share of the tries is
refused for now, another hangs before it is answered; both by chance with a fixed seed.
"""

from __future__ import annotations

import abc
import asyncio
import random
import re
import socket
from collections import Counter
from typing import Any

STALL_S = 2.0
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_KEY = re.compile(rb"(?i)\r\n(?:webhook-id|idempotency-key): *(\S+)")


class _Far(asyncio.Protocol, abc.ABC):
    """One connection. Input waits while an answer is owed, as with any server that works in order."""

    def __init__(self, taken: Counter[str], refused: float, stalled: float) -> None:
        self._taken, self._refused, self._stalled = taken, refused, stalled
        self._chance = random.Random(6)
        self._got = bytearray()
        self._hangs = False
        self._way: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._way = transport
        line = transport.get_extra_info("socket")
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._chance = random.Random(len(self._taken))

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not self._hangs:
            self._go_on()

    @abc.abstractmethod
    def _go_on(self) -> None:
        """Work off what came, until an answer is owed or the rest is still to come."""

    def _later(self, answer: bytes) -> None:
        """Answer after a while, then go on with what came in the meantime."""
        self._hangs = True

        def end() -> None:
            self._hangs = False
            self._way.write(answer)
            self._go_on()

        asyncio.get_running_loop().call_later(STALL_S, end)


class _Mail(_Far):
    """SMTP, the part a client of ours speaks."""

    _in_text = False
    _to_whom = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._way.write(b"220 sink\r\n")

    def _go_on(self) -> None:
        while self._got and not self._hangs:
            end = self._got.find(b"\r\n.\r\n" if self._in_text else b"\r\n")
            if end < 0:
                return
            piece = bytes(self._got[:end])
            del self._got[: end + (5 if self._in_text else 2)]
            if self._in_text:
                self._in_text = self._to_whom = False
                self._take(piece)
            else:
                self._command(piece[:4].upper())

    def _take(self, message: bytes) -> None:
        key = message.split(b"Message-ID: <", 1)[1].split(b"@", 1)[0].decode()
        self._taken[key] += 1
        if self._chance.random() < self._stalled:
            self._later(b"250 Taken\r\n")
        else:
            self._way.write(b"250 Taken\r\n")

    def _command(self, verb: bytes) -> None:
        if verb == b"EHLO":
            answer = b"250-sink\r\n250 PIPELINING\r\n"
        elif verb == b"RCPT":
            self._to_whom = self._chance.random() >= self._refused
            answer = b"250 OK\r\n" if self._to_whom else b"451 try again later\r\n"
        elif verb == b"DATA":
            self._in_text = self._to_whom
            answer = b"354 Go on\r\n" if self._to_whom else b"503 nobody to send it to\r\n"
        elif verb == b"QUIT":
            self._way.write(b"221 Bye\r\n")
            self._way.close()
            return
        else:
            answer = b"250 OK\r\n"
        self._way.write(answer)


class _Hook(_Far):
    """HTTP, the part a sender of webhooks speaks."""

    def _go_on(self) -> None:
        while not self._hangs:
            end = self._got.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._got[: end + 2])
            length = _LENGTH.search(head)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self._got) < size:
                return
            body = bytes(self._got[end + 4 : size])
            del self._got[:size]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        chance = self._chance.random()
        refused = chance < self._refused
        if not refused:
            key = _KEY.search(head)
            self._taken[key[1].decode() if key else body.decode("utf-8", "replace")] += 1
        state = b"503 Busy" if refused else b"200 OK"
        answer = b"HTTP/1.1 " + state + b"\r\nContent-Length: 0\r\n\r\n"
        if not refused and chance > 1 - self._stalled:
            self._later(answer)
        else:
            self._way.write(answer)


def serve_mail(bound: socket.socket, refused: float, stalled: float, asked: Any, told: Any) -> None:
    """Be a mail server until the process is ended; tells what it took whenever asked."""
    asyncio.run(_serve(_Mail, bound, refused, stalled, asked, told))


def serve_hook(bound: socket.socket, refused: float, stalled: float, asked: Any, told: Any) -> None:
    """Be a partner's system until the process is ended; tells what it took whenever asked."""
    asyncio.run(_serve(_Hook, bound, refused, stalled, asked, told))


async def _serve(
    kind: type[_Far], bound: socket.socket, refused: float, stalled: float, asked: Any, told: Any
) -> None:
    taken: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: kind(taken, refused, stalled), sock=bound)
    while True:
        await loop.run_in_executor(None, asked.get)
        told.put(Counter(taken))
