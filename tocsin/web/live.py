"""The live feed `/live`: tells each open page which of its topics changed. Plain ASGI, beside Django.

One LISTEN connection a process hears of each batch the sequencer placed; what changed is looked up once,
sight is decided once for each kind of reader, and the same bytes go to all readers of that kind. An event
carries no content: a page asks for its part again, by its own rights.

Promise: at least once, in order; after a cut, what was missed is told (Last-Event-ID). A reader too slow
to keep up is cut off, and comes back with its last id.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import psycopg
from asgiref.sync import sync_to_async
from django.conf import settings as django

from tocsin.people.rules import SEEN, sight
from tocsin.people.terms import Actor
from tocsin.record.sequencer import CHANNEL
from tocsin.record.terms import Marking
from tocsin.web.numbers import number
from tocsin.web.sessions import actor_of_cookies

log = logging.getLogger("tocsin.live")
PING_S = 15.0
RECHECK_S = 60.0
PING = b"event: ping\ndata: \n\n"
BACKLOG = 256  # messages a slow reader may lag behind
REPLAY = 5_000  # entries looked through on resume; beyond it, everything is said to have changed

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_TOPICS = {
    "duty": ("owed",),
    "report": ("queue", "owed"),
    "assessment": ("queue", "owed"),
    "situation": ("situations", "owed"),
    "dissent": ("situations", "owed"),
    "rfi": ("situations", "owed"),
    "warning": ("warnings", "owed"),
    "destination": ("receipts", "owed"),
    "delivery": ("receipts",),
    "relay": ("receipts",),
    "source": ("sources",),
    "screen": ("sources",),
    "refused": ("sources",),
    "recipient": ("directory",),
    "shift": ("owed",),
    "operation": ("owed", "situations"),
    "sighting": ("board", "owed"),
    "question": ("board", "owed"),
    "hold_question": ("board", "owed"),
    "absence": ("board", "owed"),
    "incident": ("board",),
    "plan": ("board",),
}
EVERYTHING = frozenset(t for topics in _TOPICS.values() for t in topics)

_CHANGED = """
SELECT p.seq, e.kind, e.subject, e.agency, e.tlp, e.operation,
       coalesce((SELECT array_agg(s.agency) FROM people_share s WHERE s.subject = e.subject), '{}')
FROM record_place p JOIN record_entry e USING (n) WHERE p.seq >= %s AND p.seq < %s ORDER BY p.seq
"""


@dataclass(frozen=True, slots=True)
class Changed:
    """One entry, as far as the feed speaks of it."""

    topics: tuple[str, ...]
    marking: Marking
    shared_with: frozenset[str]


class Reader:
    """One open page: what waits to be sent to it, and who it is.

    Promise: messages leave in order; more than `BACKLOG` waiting, and the reader is cut off instead of
    buffered without bound.
    """

    __slots__ = ("_gone", "_messages", "_wake", "actor", "checked")

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.checked = asyncio.get_running_loop().time()
        self._messages: list[bytes] = []
        self._wake: asyncio.Future[None] | None = None
        self._gone = False

    @property
    def kind(self) -> tuple[object, ...]:
        """All of the actor that sight depends on."""
        return self.actor.agency, self.actor.roles, self.actor.operations

    def put(self, message: bytes) -> bool:
        """Hand over a message; False when the reader is too slow and was cut off. It resumes with its last id."""
        if len(self._messages) >= BACKLOG:
            self.cut()
            return False
        self._messages.append(message)
        self._rouse()
        return True

    def cut(self) -> None:
        """End this reader's stream."""
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


def topics_of(kind: str, subject: str) -> tuple[str, ...]:
    """The topics an entry touches: those of its kind's family, and its own subject."""
    return (*_TOPICS.get(kind.split(".", 1)[0], ()), f"subject:{subject}")


def seen_topics(actor: Actor, changes: Iterable[Changed]) -> list[str]:
    """The topics, in order of first touch, of which this actor may know that something changed."""
    found: dict[str, None] = {}
    for change in changes:
        if sight(actor, change.marking, shared=actor.agency in change.shared_with) in SEEN:
            found.update(dict.fromkeys(change.topics))
    return list(found)


def encode(topics: list[str], last: int) -> bytes:
    """Server-sent events, one a topic; the last carries the id to resume from."""
    events = [f'event: changed\ndata: {{"topic": "{topic}"}}\n\n' for topic in topics]
    if events:
        events[-1] = f"id: {last}\n" + events[-1]
    return "".join(events).encode()


class Hub:
    """All readers of this process, and the one task that listens."""

    def __init__(self) -> None:
        self._readers: set[Reader] = set()
        self._tasks: tuple[asyncio.Task[None], asyncio.Task[None]] | None = None
        self._began = False
        self._last = -1  # the last place told
        self._recent: deque[tuple[int, int, list[Changed]]] = (
            deque()
        )  # (first place, end, changes) told

    async def join(self, reader: Reader) -> None:
        """Tell this reader from now on."""
        if self._tasks is None or any(t.done() for t in self._tasks):
            for task in self._tasks or ():
                task.cancel()
            self._tasks = asyncio.create_task(self._listen()), asyncio.create_task(self._ping())
        self._readers.add(reader)

    def leave(self, reader: Reader) -> None:
        self._readers.discard(reader)

    def close(self) -> None:
        """The server stops: every stream ends now, and pages come back to whoever serves next."""
        for task in self._tasks or ():
            task.cancel()
        for reader in list(self._readers):
            reader.cut()

    async def missed(self, reader: Reader, after: int) -> bytes:
        """What changed for this reader after place `after`, until now. From memory where it is recent: a page
        that was just made, or a link that blinked, costs no query."""
        if self._recent and self._recent[0][0] <= after + 1:
            found = [c for _, end, changes in self._recent if end > after + 1 for c in changes]
            return (
                encode(seen_topics(reader.actor, found), self._last) if after < self._last else b""
            )
        if self._began and after == self._last:
            return b""
        async with await _connect() as c:
            last = await _size(c) - 1
            if last <= after:
                return b""
            if last - after > REPLAY:
                return encode(sorted(EVERYTHING), last)
            return encode(seen_topics(reader.actor, await _changes(c, after + 1, last + 1)), last)

    async def _listen(self) -> None:
        while True:
            try:
                # Two connections: while one waits for notices it can answer nothing else.
                async with await _connect() as listening, await _connect() as asking:
                    await listening.execute(f"LISTEN {CHANNEL}")
                    await self._tell(asking, await _size(asking))  # what came while nobody listened
                    async for notify in listening.notifies():
                        await self._tell(asking, int(notify.payload.split()[1]))
            except (OSError, psycopg.Error):
                log.warning("the feed lost the database; trying again")
                await asyncio.sleep(0.5)

    async def _tell(self, c: psycopg.AsyncConnection[Any], end: int) -> None:
        """Tell every reader what was placed before `end` and not told yet."""
        if not self._began:
            self._began, self._last = True, end - 1
            return
        first = self._last + 1
        if end <= first:
            # An old notice; or the record was put back to an earlier state (a restore) under our feet.
            size = await _size(c)
            if size <= self._last:
                self._last = size - 1
                self._recent.clear()
            return
        changes = await _changes(c, first, end)
        self._last = end - 1
        self._recent.append((first, end, changes))
        while len(self._recent) > 1 and end - self._recent[0][0] > REPLAY:
            self._recent.popleft()
        said: dict[tuple[object, ...], bytes] = {}
        for reader in list(self._readers):
            if reader.kind not in said:
                said[reader.kind] = encode(seen_topics(reader.actor, changes), end - 1)
            if message := said[reader.kind]:
                self._put(reader, message)

    async def _ping(self) -> None:
        """One timer for all readers."""
        while True:
            await asyncio.sleep(PING_S)
            for reader in list(self._readers):
                self._put(reader, PING)

    def _put(self, reader: Reader, message: bytes) -> None:
        if not reader.put(message):
            self.leave(reader)


async def _connect() -> psycopg.AsyncConnection[Any]:
    db: dict[str, Any] = django.DATABASES["default"]
    return await psycopg.AsyncConnection.connect(
        dbname=db["NAME"], user=db["USER"], password=db["PASSWORD"] or None, host=db["HOST"] or None,
        port=db["PORT"] or None, autocommit=True,
    )  # fmt: skip


async def _size(c: psycopg.AsyncConnection[Any]) -> int:
    row = await (await c.execute("SELECT coalesce(max(seq) + 1, 0) FROM record_place")).fetchone()
    return int(row[0]) if row else 0


async def _changes(c: psycopg.AsyncConnection[Any], first: int, end: int) -> list[Changed]:
    rows = await (await c.execute(_CHANGED, [first, end])).fetchall()
    return [
        Changed(topics_of(kind, subject), Marking(agency, tlp, operation), frozenset(shared))
        for _, kind, subject, agency, tlp, operation, shared in rows
        if agency
    ]


hub = Hub()


async def live(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application behind `/live`: 401 for nobody, else an endless stream."""
    actor = await sync_to_async(actor_of_cookies)(_header(scope, b"cookie"))
    if actor is None:
        await send(
            {"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]}
        )
        await send({"type": "http.response.body", "body": b""})
        return
    reader = Reader(actor)
    headers = [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone = asyncio.create_task(_until_gone(receive, reader))
    try:
        await hub.join(reader)
        after = _last_event_id(scope)
        missed = await hub.missed(reader, after) if after is not None else b""
        await send(
            {
                "type": "http.response.body",
                "body": b"retry: 2000\n" + PING + missed,
                "more_body": True,
            }
        )
        await _pour(scope, reader, send)
    except (OSError, RuntimeError):
        log.debug("a reader went away mid-send")
    finally:
        hub.leave(reader)
        gone.cancel()


async def _pour(scope: Scope, reader: Reader, send: Send) -> None:
    now = asyncio.get_running_loop().time
    while body := await reader.take():
        if now() - reader.checked > RECHECK_S:
            actor = await sync_to_async(actor_of_cookies)(_header(scope, b"cookie"))
            if actor is None:  # signed out, or no longer active
                break
            reader.actor, reader.checked = actor, now()
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(receive: Receive, reader: Reader) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    reader.cut()


def _header(scope: Scope, name: bytes) -> str:
    return next((v.decode("latin-1") for k, v in scope["headers"] if k == name), "")


def _last_event_id(scope: Scope) -> int | None:
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    text = _header(scope, b"last-event-id") or query.get("last-event-id", [""])[0]
    return -1 if text == "-1" else number(text, None, digits=18)  # -1 = before the first entry
