"""The far end of the bench of the fan-out: many devices in one process, on bare sockets so that they cost little."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_THING = re.compile(rb'"id":"(sgt_[0-9a-z]+)","version":(\d+)')
_PLACE = re.compile(rb"(?:^|\n)id: (\d+)\n")


@dataclass
class Told:
    """What one device got: (sighting, version) -> when first, and how often in all."""

    at: dict[tuple[str, int], float] = field(default_factory=dict)
    count: dict[tuple[str, int], int] = field(default_factory=dict)
    shown: list[tuple[str, int]] = field(default_factory=list)
    place: int = -1


class Stream(asyncio.Protocol):
    """One stream of a device. Keeps the highest version of each sighting, as the app does."""

    def __init__(
        self, told: Told, heard: Callable[[Stream, tuple[str, int]], None], request: bytes
    ) -> None:
        self.told, self._heard, self._request = told, heard, request
        self._rest = b""
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        data = self._rest + data
        cut = data.rfind(b"\n\n") + 2
        data, self._rest = data[:cut], data[cut:]
        if not self.open.done() and b"event: place" in data:
            self.open.set_result(None)
        for found in _THING.finditer(data):
            thing = (found[1].decode(), int(found[2]))
            t = self.told
            t.count[thing] = t.count.get(thing, 0) + 1
            if thing not in t.at:
                t.at[thing] = now
                t.shown.append(thing)
            self._heard(self, thing)
        for found in _PLACE.finditer(data):
            self.told.place = max(self.told.place, int(found[1]))


class Answers(asyncio.Protocol):
    """A connection kept open for answers, as a browser keeps one."""

    def __init__(self, done: Callable[[float], None]) -> None:
        self._done = done
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 200"):
            self._done(time.monotonic())

    def say(self, token: str, sighting: str, version: int) -> None:
        body = json.dumps(
            {"receipts": [{"sighting": sighting, "version": version, "said": "acknowledged"}]}
        ).encode()
        head = (
            f"POST /field/receipts HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Device {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)


def devices(port: int, tokens: list[str], asked: Any, answered: Any) -> None:
    """The process of the devices: does what is asked by its queue until told "stop"."""
    asyncio.run(_devices(port, tokens, asked, answered))


async def _devices(port: int, tokens: list[str], asked: Any, answered: Any) -> None:
    loop = asyncio.get_running_loop()
    told = [Told() for _ in tokens]
    streams: list[Stream] = []
    acks: list[float] = []
    answers: list[Answers] = []
    reply: dict[str, bool] = {"on": False}
    names = {id(t): n for n, t in enumerate(told)}

    def heard(stream: Stream, thing: tuple[str, int]) -> None:
        if reply["on"]:
            n = names[id(stream.told)]
            answers[n].say(tokens[n], *thing)

    async def connect(n: int) -> Stream:
        request = (
            f"GET /field/feed HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Device {tokens[n]}\r\n"
            + (f"Last-Event-ID: {told[n].place}\r\n" if told[n].place >= 0 else "")
            + "\r\n"
        )
        _, protocol = await loop.create_connection(
            lambda: Stream(told[n], heard, request.encode()), "127.0.0.1", port
        )
        await protocol.open
        return protocol

    async def join(together: int) -> float:
        begin = time.monotonic()
        gate = asyncio.Semaphore(together)

        async def one(n: int) -> Stream:
            async with gate:
                return await connect(n)

        streams[:] = await asyncio.gather(*(one(n) for n in range(len(tokens))))
        return time.monotonic() - begin

    while True:
        what, *args = await loop.run_in_executor(None, asked.get)
        if what == "stop":
            return
        if what == "join":
            answered.put(await join(args[0]))
        elif what == "answering":
            made = [
                await loop.create_connection(lambda: Answers(acks.append), "127.0.0.1", port)
                for _ in tokens
            ]
            answers[:] = [p for _, p in made]
            reply["on"] = True
            answered.put(None)
        elif what == "quiet":
            reply["on"] = False
            answered.put(None)
        elif what == "leave":
            for s in streams:
                s.transport.abort()
            answered.put(None)
        elif what == "heard":
            thing, wait_s = args
            until = time.monotonic() + wait_s
            while time.monotonic() < until and not all(thing in t.at for t in told):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            answered.put([t.at.get(thing, 0.0) for t in told])
        elif what == "acks":
            wanted, wait_s = args
            until = time.monotonic() + wait_s
            while time.monotonic() < until and len(acks) < wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            answered.put(list(acks))
            acks.clear()
        elif what == "all":
            answered.put([(t.shown, max(t.count.values(), default=0)) for t in told])


class Subscriber(asyncio.Protocol):
    """One subscriber of a NATS server."""

    def __init__(self, heard: list[float], marker: bytes) -> None:
        self._heard, self._marker = heard, marker
        self._rest = b""
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        transport.write(b'CONNECT {"verbose":false}\r\nSUB rally 1\r\nPING\r\n')

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if not self.ready.done():
            if b"PONG" in data:
                self.ready.set_result(None)
            return
        data = self._rest + data
        for _ in range(data.count(self._marker)):
            self._heard.append(now)
        self._rest = (
            data[data.rfind(self._marker) + len(self._marker) :] if self._marker in data else data
        )


def subscribers(port: int, count: int, marker: bytes, asked: Any, answered: Any) -> None:
    """The process of the subscribers of NATS."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        heard: list[float] = []
        for _ in range(count):
            _, p = await loop.create_connection(
                lambda: Subscriber(heard, marker), "127.0.0.1", port
            )
            await p.ready
        answered.put(None)
        while await loop.run_in_executor(None, asked.get) != "stop":
            until = time.monotonic() + 10
            while time.monotonic() < until and len(heard) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            answered.put(list(heard))
            heard.clear()

    asyncio.run(run())
