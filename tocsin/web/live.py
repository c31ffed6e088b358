"""The live feed `/live`: tells each open page which of its topics changed.

One LISTEN connection a process hears of each batch the sequencer placed; what changed is looked up once,
sight is decided once for each kind of reader, and the same bytes go to all readers of that kind. An event
carries no content: a page asks for its part again, by its own rights.

Promise: at least once, in order; after a cut, what was missed is told (Last-Event-ID).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from asgiref.sync import sync_to_async

from tocsin.people.rules import SEEN, sight
from tocsin.people.terms import Actor
from tocsin.record.sequencer import CHANNEL
from tocsin.record.terms import Marking
from tocsin.web import streams
from tocsin.web.sessions import actor_of_cookies
from tocsin.web.streams import PING, Connection, Listening, Receive, Scope, Send, Stream

REPLAY = 5_000  # entries looked through on resume; beyond it, everything is said to have changed

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


class Reader(Stream):
    """One open page, and who reads it."""

    __slots__ = ("actor",)

    def __init__(self, actor: Actor) -> None:
        super().__init__()
        self.actor = actor

    @property
    def kind(self) -> tuple[object, ...]:
        """All of the actor that sight depends on."""
        return self.actor.agency, self.actor.roles, self.actor.operations


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


class Hub(Listening[Reader]):
    """All readers of this process."""

    channels = (CHANNEL,)

    def __init__(self) -> None:
        super().__init__()
        self._readers: set[Reader] = set()
        self._last = -1  # the last place told
        self._told = False  # whether anything was looked up yet
        self._recent: deque[tuple[int, int, list[Changed]]] = (
            deque()
        )  # (first place, end, changes) told

    def streams(self) -> Iterable[Reader]:
        return self._readers

    async def join(self, reader: Reader) -> None:
        """Tell this reader from now on."""
        await self.start()
        self._readers.add(reader)

    def leave(self, stream: Reader) -> None:
        self._readers.discard(stream)

    async def missed(self, reader: Reader, after: int) -> bytes:
        """What changed for this reader after place `after`, until now. From memory where it is recent: a page
        that was just made, or a link that blinked, costs no query."""
        if self._recent and self._recent[0][0] <= after + 1:
            found = [c for _, end, changes in self._recent if end > after + 1 for c in changes]
            return (
                encode(seen_topics(reader.actor, found), self._last) if after < self._last else b""
            )
        if self._told and after == self._last:
            return b""
        async with await streams.connect() as c:
            last = await streams.size(c) - 1
            if last <= after:
                return b""
            if last - after > REPLAY:
                return encode(sorted(EVERYTHING), last)
            return encode(seen_topics(reader.actor, await _changes(c, after + 1, last + 1)), last)

    async def began(self, c: Connection) -> None:
        await self._tell(c, await streams.size(c))  # what came while nobody listened

    async def heard(self, c: Connection, channel: str, payload: str) -> None:
        await self._tell(c, int(payload.split()[1]))

    async def _tell(self, c: Connection, end: int) -> None:
        """Tell every reader what was placed before `end` and not told yet."""
        if not self._told:
            self._told, self._last = True, end - 1
            return
        first = self._last + 1
        if end <= first:
            # An old notice; or the record was put back to an earlier state (a restore) under our feet.
            size = await streams.size(c)
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
                self.put((reader,), message)


async def _changes(c: Connection, first: int, end: int) -> list[Changed]:
    rows = await (await c.execute(_CHANGED, [first, end])).fetchall()
    return [
        Changed(topics_of(kind, subject), Marking(agency, tlp, operation), frozenset(shared))
        for _, kind, subject, agency, tlp, operation, shared in rows
        if agency
    ]


hub = Hub()


async def live(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application behind `/live`: 401 for nobody, else an endless stream."""
    cookies = streams.header(scope, b"cookie")
    actor = await sync_to_async(actor_of_cookies)(cookies)
    if actor is None:
        await streams.answer(send, 401)
        return
    reader = Reader(actor)

    async def first() -> bytes:
        await hub.join(reader)
        after = streams.last_event_id(scope)
        return (
            b"retry: 2000\n"
            + PING
            + (await hub.missed(reader, after) if after is not None else b"")
        )

    async def still() -> bool:
        found = await sync_to_async(actor_of_cookies)(cookies)
        if found is not None:  # else they signed out, or are no longer active
            reader.actor = found
        return found is not None

    try:
        await streams.serve(receive, send, reader, first, still)
    finally:
        hub.leave(reader)
