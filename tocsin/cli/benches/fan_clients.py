"""The far end of the bench of the fan-out: many devices in one process, on bare sockets so that they cost little."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_THING = re.compile(rb'"id":"(sgt_[0-9a-z]+)","version":(\d+)')
_PLACE = re.compile(rb"(?:^|\n)id: (\d+)\n")
Thing = tuple[str, int]


@dataclass
class Told:
    """What one device got: (sighting, version) -> when first; what it showed, in order; the place it resumes from."""

    at: dict[Thing, float] = field(default_factory=dict)
    shown: list[Thing] = field(default_factory=list)
    place: int = -1


class Stream(asyncio.Protocol):
    """One stream of a device. Shows a version of a sighting once, as the app does."""

    def __init__(self, told: Told, heard: Callable[[Told, Thing], None], request: bytes) -> None:
        self.told, self._heard, self._request = told, heard, request
        self._rest = b""
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        for one in (self.open, self.over):
            if not one.done():
                one.set_result(None)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        whole, end, self._rest = (self._rest + data).rpartition(b"\n\n")
        data = whole + end
        if b'"type":"sighting"' in data:
            self._things(data, now)
        if b"event: place" in data:
            if not self.open.done():
                self.open.set_result(None)
            self.told.place = max([self.told.place, *map(int, _PLACE.findall(data))])

    def _things(self, data: bytes, now: float) -> None:
        told = self.told
        for name, version in _THING.findall(data):
            thing = (name.decode(), int(version))
            if thing not in told.at:
                told.at[thing] = now
                told.shown.append(thing)
                self._heard(told, thing)


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
    asyncio.run(_Devices(port, tokens).serve(asked, answered))


class _Devices:
    """Every device of the bench, and what may be asked of them, by name."""

    def __init__(self, port: int, tokens: list[str]) -> None:
        self._port, self._tokens = port, tokens
        self._told = [Told() for _ in tokens]
        self._names = {id(t): n for n, t in enumerate(self._told)}
        self._streams: list[Stream] = []
        self._answers: list[Answers] = []
        self._acks: list[float] = []
        self._count: Counter[Thing] = Counter()
        self._reply = False

    async def serve(self, asked: Any, answered: Any) -> None:
        loop = asyncio.get_running_loop()
        while True:
            what, *args = await loop.run_in_executor(None, asked.get)
            if what == "stop":
                return
            answered.put(await getattr(self, what)(*args))

    async def join(self, together: int, wait_s: float = 0.0) -> float:
        """Every device follows, so many knocking at once; seconds until all were served. Where nobody answers, a
        device tries again until `wait_s` are over."""
        begin = time.monotonic()
        gate = asyncio.Semaphore(together)

        async def one(n: int) -> Stream:
            async with gate:
                while True:
                    try:
                        return await self._connect(n)
                    except OSError:
                        if time.monotonic() - begin > wait_s:
                            raise
                        await asyncio.sleep(0.1)

        self._streams = await asyncio.gather(*(one(n) for n in range(len(self._tokens))))
        return time.monotonic() - begin

    async def _connect(self, n: int) -> Stream:
        told = self._told[n]
        after = f"Last-Event-ID: {told.place}\r\n" if told.place >= 0 else ""
        who = f"Host: 127.0.0.1\r\nAuthorization: Device {self._tokens[n]}\r\n"
        request = f"GET /field/feed HTTP/1.1\r\n{who}{after}\r\n"
        _, stream = await asyncio.get_running_loop().create_connection(
            lambda: Stream(told, self._heard, request.encode()), "127.0.0.1", self._port
        )
        await stream.open
        if stream.over.done():
            raise ConnectionResetError("cut off before it was served")
        return stream

    def _heard(self, told: Told, thing: Thing) -> None:
        self._count[thing] += 1
        if self._reply:
            n = self._names[id(told)]
            self._answers[n].say(self._tokens[n], *thing)

    async def answering(self) -> None:
        """From now on every device answers what it hears."""
        for _ in self._tokens:
            _, one = await asyncio.get_running_loop().create_connection(
                lambda: Answers(self._acks.append), "127.0.0.1", self._port
            )
            self._answers.append(one)
        self._reply = True

    async def quiet(self) -> None:
        self._reply = False

    async def leave(self) -> None:
        """All are cut off."""
        for s in self._streams:
            s.transport.abort()

    async def ended(self) -> None:
        """Wait until the other side has ended every stream."""
        await asyncio.gather(*(s.over for s in self._streams))

    async def heard(self, thing: Thing, wait_s: float) -> tuple[list[float], float]:
        """When each device had a thing (0 = not), and the seconds of processor this process has used so far."""
        until = time.monotonic() + wait_s
        while time.monotonic() < until and self._count[thing] < len(self._told):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return [t.at.get(thing, 0.0) for t in self._told], time.process_time()

    async def acks(self, wanted: int, wait_s: float) -> list[float]:
        """When each answer was known to be durable."""
        until = time.monotonic() + wait_s
        while time.monotonic() < until and len(self._acks) < wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        found = list(self._acks)
        self._acks.clear()
        return found

    async def shown(self) -> list[list[Thing]]:
        return [t.shown for t in self._told]


class Subscriber(asyncio.Protocol):
    """One subscriber of a broker: says `hello`, is ready once `welcome` came, then counts `marker`."""

    def __init__(self, heard: list[float], hello: bytes, welcome: bytes, marker: bytes) -> None:
        self._heard, self._hello, self._welcome, self._marker = heard, hello, welcome, marker
        self._rest = b""
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        data = self._rest + data
        if not self.ready.done():
            self._rest = data
            if self._welcome in data:
                self._rest = b""
                self.ready.set_result(None)
            return
        found = data.count(self._marker)
        self._heard += [now] * found
        self._rest = data[data.rfind(self._marker) + len(self._marker) :] if found else data


def subscribers(
    port: int, count: int, hello: bytes, welcome: bytes, marker: bytes, asked: Any, answered: Any
) -> None:
    """The process of a broker's subscribers."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        heard: list[float] = []
        for _ in range(count):
            _, p = await loop.create_connection(
                lambda: Subscriber(heard, hello, welcome, marker), "127.0.0.1", port
            )
            await p.ready
        answered.put(None)
        while (await loop.run_in_executor(None, asked.get))[0] != "stop":
            until = time.monotonic() + 10
            while time.monotonic() < until and len(heard) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            answered.put(list(heard))
            heard.clear()

    asyncio.run(run())
