"""The live feed of a running operation, `GET /field/feed`: pushes each thing itself to whoever follows.

A thing is told from the commit that made it (one notice of the database), to everybody who follows its operation, in
one encoding. Its place in the tree follows as the event `place`, whose id is what a device resumes from; places wait
for each other, so that a thousand devices are not woken twice for every word.

Promise: at least once. What is sent is always the newest version whole, with its id and version, so a device that keeps
the highest version of each id has no gap and shows nothing twice (to one that joins, what it missed is read while
newer things are told, so an older version may follow a newer one).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import psycopg
from django.db import connection

from tocsin.operate import store
from tocsin.operate.actions.feed import CHANNEL
from tocsin.record.sequencer import CHANNEL as PLACED
from tocsin.web import streams
from tocsin.web.field_who import Who, forget, in_thread, who
from tocsin.web.streams import PING, Connection, Listening, Receive, Scope, Send, Stream

REPLAY = 20_000  # places looked through on resume; beyond it, what is open is told anew
PLACES_S = 0.5  # how long places wait for each other: proof can wait, a word cannot
_TOLD = ("sighting.%", "question.%", "hold_question.%", "absence.%")
_WANTED = """e.operation = %(operation)s AND e.kind LIKE ANY(%(kinds)s)
  AND e.kind NOT IN ('sighting.receipts', 'sighting.retried')"""
_MISSED = f"""
SELECT e.subject FROM record_place p JOIN record_entry e USING (n) WHERE p.seq > %(after)s AND {_WANTED}
UNION SELECT e.subject FROM record_pending q JOIN record_entry e USING (n) WHERE {_WANTED}
"""  # noqa: S608 - no input in it
_PLACES = """
SELECT e.operation, e.subject, max(p.seq) FROM record_place p JOIN record_entry e USING (n)
WHERE p.seq >= %(first)s AND p.seq < %(end)s AND e.operation = ANY(%(operations)s) AND e.kind LIKE ANY(%(kinds)s)
  AND e.kind NOT IN ('sighting.receipts', 'sighting.retried')
GROUP BY e.operation, e.subject ORDER BY max(p.seq)
"""


class Follower(Stream):
    """One open stream, and who follows."""

    __slots__ = ("who",)

    def __init__(self, who: Who) -> None:
        super().__init__()
        self.who = who


class Feed(Listening[Follower]):
    """All followers of this process, by operation."""

    channels = (CHANNEL, PLACED)

    def __init__(self) -> None:
        super().__init__()
        self._followers: dict[str, set[Follower]] = {}
        self._told = 0  # grows with each thing told: what was read before may lack something
        self._missed: dict[tuple[str, int], tuple[int, asyncio.Future[bytes]]] = {}
        self._places: tuple[int, int] | None = None  # first and end of those not told yet
        self._asking: Connection
        self._placing: asyncio.Task[None] | None = None

    def streams(self) -> Iterable[Follower]:
        return [f for followers in self._followers.values() for f in followers]

    async def join(self, follower: Follower) -> None:
        """Tell this follower from now on."""
        await self.listening()
        self._followers.setdefault(follower.who.operation, set()).add(follower)

    def leave(self, stream: Follower) -> None:
        followers = self._followers.get(stream.who.operation, set())
        followers.discard(stream)
        if not followers:
            self._followers.pop(stream.who.operation, None)

    async def missed(self, operation: str, after: int) -> bytes:
        """What a follower that joined just now has not got: everything since place `after` (-1 = all that is open).

        Many that come back at once share one reading, as long as nothing was told since it began.
        """
        key = (operation, after)
        known = self._missed.get(key)
        if known is None or known[0] != self._told:
            if len(self._missed) > 1000:
                self._missed.clear()
            known = (self._told, asyncio.ensure_future(in_thread("read", _read, operation, after)))
            self._missed[key] = known
        return await asyncio.shield(known[1])

    async def began(self, c: Connection) -> None:
        self._asking = c
        # What came while nobody listened was told to nobody: whoever is here comes back for it.
        self.cut(self.streams())
        self._told += 1

    def lost(self) -> None:
        forget()

    async def heard(self, c: Connection, channel: str, payload: str) -> None:
        if channel == CHANNEL:
            await self._tell(*json.loads(payload))
            return
        first, end = map(int, payload.split())
        self._places = (self._places[0] if self._places else first), end
        if self._placing is None or self._placing.done():
            self._placing = asyncio.create_task(self._place())

    async def _tell(self, operation: str, kind: str, row_id: str) -> None:
        self._told += 1
        followers = self._followers.get(operation, set())
        if kind == "revoked":
            forget()
            self.cut(f for f in followers if f.who.device == row_id)
        if kind not in store.THINGS or not followers:
            return
        thing = await in_thread("tell", store.snapshot, kind, row_id)
        if thing is not None:
            self.put(followers, encode(thing))

    async def _place(self) -> None:
        """Tell the places of what was told before."""
        await asyncio.sleep(PLACES_S)
        (first, end), self._places = self._places or (0, 0), None
        operations = list(self._followers)
        if not operations:
            return
        values = {"first": first, "end": end, "operations": operations, "kinds": list(_TOLD)}
        try:
            rows = await (await self._asking.execute(_PLACES, values)).fetchall()
        except psycopg.Error:
            return  # whoever follows is cut, and hears it when they are back
        said: dict[str, list[bytes]] = {}
        for operation, subject, seq in rows:
            said.setdefault(operation, []).append(place(seq, subject))
        for operation, places in said.items():
            self.put(self._followers.get(operation, set()), b"".join(places))


def _read(operation: str, after: int) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(seq), -1) FROM record_place")
        last: int = cursor.fetchone()[0]
        if after > last:
            after = -1  # a restore put the record back: what the device knows may never have been
        if after < 0 or last - after > REPLAY:
            wanted = store.not_over(operation)
        else:
            values: dict[str, Any] = {
                "after": after, "operation": operation, "kinds": list(_TOLD)
            }  # fmt: skip
            cursor.execute(_MISSED, values)
            wanted = sorted({s.partition(".")[0] for (s,) in cursor.fetchall()})
    return b"".join(map(encode, store.snapshots(wanted))) + place(last, "")


def encode(thing: dict[str, Any]) -> bytes:
    """A thing as a server-sent event."""
    data = json.dumps(thing, separators=(",", ":"), ensure_ascii=False)
    return f"event: {thing['type']}\ndata: {data}\n\n".encode()


def place(seq: int, subject: str) -> bytes:
    """The proof that follows: up to this place of the tree, everything was told."""
    return f'id: {seq}\nevent: place\ndata: {{"place": {seq}, "id": "{subject}"}}\n\n'.encode()


feed = Feed()


async def field_feed(scope: Scope, receive: Receive, send: Send) -> None:
    """`?operation=`: 401 for nobody, 404 for an operation that is not theirs, else an endless stream."""
    await feed.listening()  # so that what is known of a device is forgotten when it is shut out
    found = await who(scope)
    if isinstance(found, int):
        await streams.answer(send, found)
        return
    follower = Follower(found)

    async def first() -> bytes:
        await feed.join(follower)
        if isinstance(await who(scope), int):
            return b""  # shut out while they joined
        after = streams.last_event_id(scope)
        missed = await feed.missed(found.operation, -1 if after is None else after)
        return b"retry: 1000\n" + PING + missed

    async def still() -> bool:
        return not isinstance(await who(scope, fresh=True), int)

    try:
        await streams.serve(receive, send, follower, first, still)
    finally:
        feed.leave(follower)
