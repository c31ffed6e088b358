"""The live feed of a running operation: `GET /field/feed` pushes each thing itself, `POST /field/receipts` takes the
answers. Plain ASGI, beside Django.

A thing is told from the commit that made it (one notice of the database), to everybody who follows its operation, in
one encoding. Its place in the tree follows as the event `place`, whose id is what a device resumes from.

Promise: at least once. What is sent is always the newest version whole, with its id and version, so a device that keeps
the highest version of each id has no gap and shows nothing twice. A reader too slow is cut off and resumes.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import psycopg
from django.db import DatabaseError, connections

from tocsin.kernel.errors import TocsinError
from tocsin.operate import devices, store
from tocsin.operate.actions import Said, record_receipts
from tocsin.operate.actions.feed import CHANNEL
from tocsin.operate.terms import SightingState
from tocsin.people.models import Operation
from tocsin.people.rules import SEEN, sight
from tocsin.people.terms import Actor
from tocsin.record.sequencer import CHANNEL as PLACED
from tocsin.record.terms import Marking, Tlp
from tocsin.web.live import (
    PING,
    PING_S,
    RECHECK_S,
    Receive,
    Scope,
    Send,
    _connect,
    _header,
    _last_event_id,
    _size,
    _until_gone,
)
from tocsin.web.sessions import actor_of_cookies

log = logging.getLogger("tocsin.live")
BACKLOG = 256
REPLAY = 20_000  # places looked through on resume; beyond it, what is open is told anew
BODY_CAP = 65_536
RECEIPTS_CAP = 200
GATHER_S = 0.02  # how long receipts wait for others, so that many make one entry
KINDS = {"sgt": "sighting", "qst": "question", "hlq": "hold", "abs": "absence"}
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


@dataclass(frozen=True, slots=True)
class Who:
    """Who follows: an actor, for one operation, by a device ('' = signed in with an account)."""

    actor: Actor
    operation: str
    device: str


class Follower:
    """One open stream: what waits to be sent, in order; more than `BACKLOG` waiting, and it is cut off."""

    __slots__ = ("_gone", "_messages", "_wake", "who")

    def __init__(self, who: Who) -> None:
        self.who = who
        self._messages: list[bytes] = []
        self._wake: asyncio.Future[None] | None = None
        self._gone = False

    def put(self, message: bytes) -> bool:
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


class Feed:
    """All followers of this process, by operation, and the one task that listens."""

    def __init__(self) -> None:
        self._followers: dict[str, set[Follower]] = {}
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        # What is told never waits behind who knocks, nor either behind what is recorded.
        self._threads = {
            what: ThreadPoolExecutor(1, f"field-{what}")
            for what in ("tell", "know", "record", "read")
        }
        self._ready = asyncio.Event()
        self._told = 0  # grows with each thing told: what was read before may lack something
        self._missed: dict[tuple[str, int], tuple[int, asyncio.Future[bytes]]] = {}

    async def start(self) -> None:
        """Listen, if nobody does yet; returns once what is committed from here on will be heard."""
        if not self._tasks or any(t.done() for t in self._tasks):
            for task in self._tasks:
                task.cancel()
            self._ready.clear()
            self._tasks = (asyncio.create_task(self._listen()), asyncio.create_task(self._ping()))
        await self._ready.wait()

    async def join(self, follower: Follower) -> None:
        """Tell this follower from now on."""
        await self.start()
        self._followers.setdefault(follower.who.operation, set()).add(follower)

    def leave(self, follower: Follower) -> None:
        self._followers.get(follower.who.operation, set()).discard(follower)

    def close(self) -> None:
        """The server stops: every stream ends."""
        for task in self._tasks:
            task.cancel()
        self._cut(f for fs in self._followers.values() for f in fs)

    async def missed(self, operation: str, after: int) -> bytes:
        """What a follower that joined just now has not got: everything since place `after` (-1 = all that is open).

        Many that come back at once share one reading, as long as nothing was told since it began.
        """
        key = (operation, after)
        known = self._missed.get(key)
        if known is None or known[0] != self._told:
            if len(self._missed) > 1000:
                self._missed.clear()
            known = (self._told, asyncio.ensure_future(self._read(operation, after)))
            self._missed[key] = known
        return await asyncio.shield(known[1])

    async def in_thread(self, what: str, work: Any, *args: Any) -> Any:
        """Run what asks the database through Django, in the thread for such work."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads[what], _guarded, work, *args
        )

    async def _read(self, operation: str, after: int) -> bytes:
        async with await _connect() as c:
            last = await _size(c) - 1
            if after > last:
                after = (
                    -1
                )  # a restore put the record back: what the device knows may never have been
            if after < 0 or last - after > REPLAY:
                things = await self.in_thread("read", _open, operation)
            else:
                values = {"after": after, "operation": operation, "kinds": list(_TOLD)}
                rows = await (await c.execute(_MISSED, values)).fetchall()
                subjects = {s.partition(".")[0] for (s,) in rows}
                things = await self.in_thread("read", _snapshots, sorted(subjects))
        return b"".join(map(encode, things)) + place(last, "")

    async def _listen(self) -> None:
        while True:
            try:
                async with await _connect() as listening, await _connect() as asking:
                    await listening.execute(f"LISTEN {CHANNEL}")
                    await listening.execute(f"LISTEN {PLACED}")
                    # What came while nobody listened was told to nobody: whoever is here comes back for it.
                    self._cut(f for fs in self._followers.values() for f in fs)
                    self._told += 1
                    self._ready.set()
                    async for notify in listening.notifies():
                        if notify.channel == CHANNEL:
                            await self._tell(*json.loads(notify.payload))
                        else:
                            first, end = map(int, notify.payload.split())
                            await self._placed(asking, first, end)
            except (OSError, psycopg.Error):
                log.warning("the field feed lost the database; trying again")
                self._ready.clear()
                _known.clear()
                await asyncio.sleep(0.5)

    async def _tell(self, operation: str, kind: str, row_id: str) -> None:
        self._told += 1
        followers = self._followers.get(operation, set())
        if kind == "revoked":
            _known.clear()
            self._cut(f for f in followers if f.who.device == row_id)
        if kind not in KINDS.values() or not followers:
            return
        thing = await self.in_thread("tell", store.snapshot, kind, row_id)
        if thing is not None:
            self._put(followers, encode(thing))

    async def _placed(self, c: psycopg.AsyncConnection[Any], first: int, end: int) -> None:
        operations = [o for o, fs in self._followers.items() if fs]
        if not operations:
            return
        values = {"first": first, "end": end, "operations": operations, "kinds": list(_TOLD)}
        for operation, subject, seq in await (await c.execute(_PLACES, values)).fetchall():
            self._put(self._followers.get(operation, set()), place(seq, subject))

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_S)
            for followers in list(self._followers.values()):
                self._put(followers, PING)

    def _put(self, followers: set[Follower], message: bytes) -> None:
        for follower in list(followers):
            if not follower.put(message):
                self.leave(follower)

    def _cut(self, followers: Iterable[Follower]) -> None:
        for follower in list(followers):
            follower.cut()
            self.leave(follower)


class Receipts:
    """Gathers receipts for a moment and records them together, one batch after the other."""

    def __init__(self) -> None:
        self._waiting: list[tuple[list[Said], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def take(self, said: list[Said]) -> None:
        """Record these; returns once they are durable. Raises: whatever kept them from it."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((said, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        await done

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER_S)
            batch, self._waiting = self._waiting[:2000], self._waiting[2000:]
            try:
                await feed.in_thread(
                    "record", record_receipts, [s for said, _ in batch for s in said]
                )
            except Exception as e:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                for _, done in batch:
                    if not done.done():
                        done.set_exception(e)
                continue
            for _, done in batch:
                if not done.done():
                    done.set_result(None)


feed = Feed()
receipts = Receipts()
_known: dict[tuple[str, str], tuple[float, Who]] = {}
_KNOWN_S = 60.0  # as long as an open stream goes unchecked; the feed itself hears of a revoked device at once


def encode(thing: dict[str, Any]) -> bytes:
    """A thing as a server-sent event."""
    data = json.dumps(thing, separators=(",", ":"), ensure_ascii=False)
    return f"event: {thing['type']}\ndata: {data}\n\n".encode()


def place(seq: int, subject: str) -> bytes:
    """The proof that follows: up to this place of the tree, everything was told."""
    return f'id: {seq}\nevent: place\ndata: {{"place": {seq}, "id": "{subject}"}}\n\n'.encode()


async def field_feed(scope: Scope, receive: Receive, send: Send) -> None:
    """`GET /field/feed?operation=`: 401 for nobody, 404 for an operation that is not theirs, else an endless stream."""
    who = await _who(scope)
    if isinstance(who, int):
        await _answer(send, who)
        return
    follower = Follower(who)
    headers = [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone = asyncio.create_task(_until_gone(receive, follower))  # type: ignore[arg-type]
    try:
        await feed.join(follower)
        after = _last_event_id(scope)
        missed = await feed.missed(who.operation, -1 if after is None else after)
        body = b"retry: 1000\n" + PING + missed
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await _pour(scope, follower, send)
    except (OSError, RuntimeError):
        log.debug("a device went away mid-send")
    finally:
        feed.leave(follower)
        gone.cancel()


async def field_receipts(scope: Scope, receive: Receive, send: Send) -> None:
    """`POST /field/receipts` `{"receipts": [{"sighting", "version", "said", "at", "key"}]}`: 200 once durable."""
    kind = _header(scope, b"content-type").partition(";")[0].strip().lower()
    if scope["method"] != "POST" or kind != "application/json":
        await _answer(send, 405 if scope["method"] != "POST" else 415)
        return
    who = await _who(scope)
    if isinstance(who, int):
        await _answer(send, who)
        return
    try:
        said = _said(who, await _body(receive))
    except ValueError as e:
        await _answer(send, 422, {"error": str(e)})
        return
    try:
        await receipts.take(said)
    except (TocsinError, DatabaseError, OSError):
        log.exception("receipts were not recorded")
        await _answer(send, 503)
        return
    await _answer(send, 200, {"taken": len(said)})


async def _pour(scope: Scope, follower: Follower, send: Send) -> None:
    now = asyncio.get_running_loop().time
    checked = now()
    while body := await follower.take():
        if now() - checked > RECHECK_S:
            if isinstance(await _who(scope, fresh=True), int):
                break
            checked = now()
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _who(scope: Scope, *, fresh: bool = False) -> Who | int:
    """Who asks, for which operation; else the status that says why not. Known for five seconds."""
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    operation = query.get("operation", [""])[0]
    cookies = _header(scope, b"cookie")
    token = devices.token_of(_header(scope, b"authorization")) or _cookie(cookies, devices.COOKIE)
    await feed.start()  # so that what is known here is forgotten when it is revoked
    key, now = (token or cookies, operation), asyncio.get_running_loop().time()
    if not fresh and (known := _known.get(key)) and now - known[0] < _KNOWN_S:
        return known[1]
    found: Who | int = await feed.in_thread("know", _recognise, token, cookies, operation)
    if isinstance(found, Who):
        if len(_known) > 20_000:
            _known.clear()
        _known[key] = (now, found)
    return found


def _recognise(token: str, cookies: str, operation: str) -> Who | int:
    if token:
        session = devices.session_of(token)
        if session is None:
            return 401
        actor, device, wanted = devices.actor_of(session), session.device, session.operation
        if operation not in ("", wanted):
            return 404
    else:
        found = actor_of_cookies(cookies)
        if found is None:
            return 401
        actor, device, wanted = found, "", operation
    row = Operation.objects.filter(id=wanted).first()
    if row is None or sight(actor, Marking(row.lead_agency, Tlp.AMBER.value, row.id)) not in SEEN:
        return 404
    return Who(actor, wanted, device)


def _open(operation: str) -> list[dict[str, Any]]:
    """Everything of an operation that is not over."""
    from tocsin.operate.models import Absence, Hold, Question, Sighting  # noqa: PLC0415

    ids = [
        *Sighting.objects.filter(operation=operation)
        .exclude(state=SightingState.RESOLVED)
        .values_list("id", flat=True),
        *Question.objects.filter(operation=operation)
        .exclude(state="ANSWERED")
        .values_list("id", flat=True)[:50],
        *Hold.objects.filter(operation=operation)
        .exclude(state="DECIDED")
        .values_list("id", flat=True)[:50],
        *Absence.objects.filter(operation=operation)
        .exclude(state="ENDED")
        .values_list("id", flat=True)[:50],
    ]
    return _snapshots(ids)


def _snapshots(ids: Iterable[str]) -> list[dict[str, Any]]:
    found = (store.snapshot(KINDS.get(i.partition("_")[0], ""), i) for i in ids)
    return [thing for thing in found if thing is not None]


def _guarded(work: Any, *args: Any) -> Any:
    """Run in our thread; a connection that was lost is not kept."""
    try:
        return work(*args)
    except DatabaseError:
        connections.close_all()
        raise


def _said(who: Who, body: bytes) -> list[Said]:
    """Raises: ValueError naming what is wrong."""
    try:
        given = json.loads(body)["receipts"]
    except (ValueError, KeyError, TypeError):
        raise ValueError('send {"receipts": [...]}') from None
    if not isinstance(given, list) or len(given) > RECEIPTS_CAP:
        raise ValueError(f"receipts: a list of at most {RECEIPTS_CAP}")
    found = []
    for r in given:
        if (
            not isinstance(r, dict)
            or not isinstance(r.get("sighting"), str)
            or not isinstance(r.get("said"), str)
        ):
            raise ValueError("receipts: each needs sighting and said")
        version, at, key = r.get("version", 0), r.get("at"), r.get("key", "")
        if (
            not isinstance(version, int)
            or not 0 <= version < 1 << 31
            or not isinstance(key, str)
            or len(key) > 64
        ):
            raise ValueError("receipts: version is a whole number, key a short text")
        when = datetime.fromisoformat(at) if isinstance(at, str) else None
        found.append(
            Said(
                who.actor.person, r["sighting"], r["said"], version, when, "app", key, who.operation
            )
        )
    return found


async def _body(receive: Receive) -> bytes:
    """Raises: ValueError when it is too long."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ValueError("cut off")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_CAP:
            raise ValueError("too long")
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Send, status: int, data: dict[str, Any] | None = None) -> None:
    body = json.dumps(data).encode() if data is not None else b""
    headers = [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    if body:
        headers.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _cookie(header: str, name: str) -> str:
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""
