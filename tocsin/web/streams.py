"""A stream of events with resume, as both live feeds serve it: plain ASGI, beside Django.

One task a process listens to the database's notices; every open stream has what waits to be sent to it, in order. What
is told and to whom is the feed's own (`web.live`: topics to pages; `web.field_feed`: things to devices).

Promise: messages of a stream leave in order. A stream too slow to keep up is cut off instead of buffered without
bound, and comes back with its last id.
"""

from __future__ import annotations

import asyncio
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs

import psycopg
from django.conf import settings as django

from tocsin.web.numbers import number

log = logging.getLogger("tocsin.live")
PING_S = 15.0
RECHECK_S = 60.0
PING = b"event: ping\ndata: \n\n"
BACKLOG = 256  # messages a slow reader may lag behind
AGAIN_S = 0.5  # until the database is tried again

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Connection = psycopg.AsyncConnection[Any]


class Stream:
    """One open stream: what waits to be sent, in order."""

    __slots__ = ("_gone", "_messages", "_wake")

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._wake: asyncio.Future[None] | None = None
        self._gone = False

    def put(self, message: bytes) -> bool:
        """Hand over a message; False when more than `BACKLOG` wait and the stream was cut off."""
        if len(self._messages) >= BACKLOG:
            self.cut()
            return False
        self._messages.append(message)
        self._rouse()
        return True

    def cut(self) -> None:
        """End this stream."""
        self._gone = True
        self._rouse()

    async def take(self) -> bytes:
        """All that waits, as one body; b"" when the stream is over."""
        while not self._messages and not self._gone:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        if self._gone:
            return b""
        body = b"".join(self._messages)
        self._messages.clear()
        return body

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


S = TypeVar("S", bound=Stream)


class Listening(ABC, Generic[S]):
    """All streams of one kind in this process, and the tasks that listen and ping."""

    channels: tuple[str, ...]

    def __init__(self) -> None:
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._ready = asyncio.Event()

    @abstractmethod
    def streams(self) -> Iterable[S]:
        """Every open stream."""

    @abstractmethod
    def leave(self, stream: S) -> None:
        """Tell this stream no more."""

    @abstractmethod
    async def began(self, c: Connection) -> None:
        """Listening began, or began again: what came while nobody listened is to be seen to."""

    @abstractmethod
    async def heard(self, c: Connection, channel: str, payload: str) -> None:
        """A notice came."""

    def lost(self) -> None:
        """The database went away: nothing is heard until it is back."""

    async def start(self) -> None:
        """Listen, if nobody does yet."""
        if not self._tasks or any(t.done() for t in self._tasks):
            for task in self._tasks:
                task.cancel()
            self._ready.clear()
            self._tasks = asyncio.create_task(self._listen()), asyncio.create_task(self._ping())

    async def listening(self) -> None:
        """Returns once what is committed from here on will be heard."""
        await self.start()
        await self._ready.wait()

    def put(self, streams: Iterable[S], message: bytes) -> None:
        """The same message to each of these."""
        for stream in list(streams):
            if not stream.put(message):
                self.leave(stream)

    def cut(self, streams: Iterable[S]) -> None:
        """End these."""
        for stream in list(streams):
            stream.cut()
            self.leave(stream)

    def close(self) -> None:
        """The server stops: every stream ends now, and readers come back to whoever serves next."""
        for task in self._tasks:
            task.cancel()
        self.cut(self.streams())

    async def _listen(self) -> None:
        while True:
            try:
                # Two connections: while one waits for notices it can answer nothing else.
                async with await connect() as listening, await connect() as asking:
                    for channel in self.channels:
                        await listening.execute(f"LISTEN {channel}")
                    await self.began(asking)
                    self._ready.set()
                    async for notify in listening.notifies():
                        await self.heard(asking, notify.channel, notify.payload)
            except (OSError, psycopg.Error):
                log.warning("a feed lost the database; trying again")
                self._ready.clear()
                self.lost()
                await asyncio.sleep(AGAIN_S)

    async def _ping(self) -> None:
        """One timer for all."""
        while True:
            await asyncio.sleep(PING_S)
            self.put(self.streams(), PING)


async def serve(
    receive: Receive,
    send: Send,
    stream: Stream,
    first: Callable[[], Awaitable[bytes]],
    still: Callable[[], Awaitable[bool]],
) -> None:
    """Answer with a stream until it is over: `first` joins it and says what was missed, then whatever is put.

    `still` = whether they may follow yet: asked again once a minute, when there is something to say.
    """
    headers = [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone = asyncio.create_task(_until_gone(receive, stream))
    now = asyncio.get_running_loop().time
    try:
        body, checked = await first(), now()
        while body:
            await send({"type": "http.response.body", "body": body, "more_body": True})
            body = await stream.take()
            if body and now() - checked > RECHECK_S:
                body, checked = body if await still() else b"", now()
        await send({"type": "http.response.body", "body": b""})
    except (OSError, RuntimeError):
        log.debug("a reader went away mid-send")
    finally:
        gone.cancel()


async def _until_gone(receive: Receive, stream: Stream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.cut()


async def answer(send: Send, status: int, data: dict[str, Any] | None = None) -> None:
    """One short answer, as JSON where there is something to say."""
    body = json.dumps(data).encode() if data is not None else b""
    headers = [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    if body:
        headers.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def header(scope: Scope, name: bytes) -> str:
    """A header of the request; '' where there is none."""
    return next((v.decode("latin-1") for k, v in scope["headers"] if k == name), "")


def query(scope: Scope, name: str) -> str:
    """A value of the address; '' where there is none."""
    text: str = scope.get("query_string", b"").decode("latin-1")
    return parse_qs(text).get(name, [""])[0]


def last_event_id(scope: Scope) -> int | None:
    """The place to resume from: -1 = before the first entry; None = not said."""
    text = header(scope, b"last-event-id") or query(scope, "last-event-id")
    return -1 if text == "-1" else number(text, None, digits=18)


async def connect() -> Connection:
    """A connection of our own, beside Django's."""
    db: dict[str, Any] = django.DATABASES["default"]
    return await psycopg.AsyncConnection.connect(
        dbname=db["NAME"], user=db["USER"], password=db["PASSWORD"] or None, host=db["HOST"] or None,
        port=db["PORT"] or None, autocommit=True,
    )  # fmt: skip


async def size(c: Connection) -> int:
    """How many entries have a place."""
    row = await (await c.execute("SELECT coalesce(max(seq) + 1, 0) FROM record_place")).fetchone()
    return int(row[0]) if row else 0
