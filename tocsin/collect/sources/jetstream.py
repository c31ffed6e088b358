"""Bluesky Jetstream: public posts as JSON over a WebSocket, in the order of the server's own microsecond clock.

The clock of one server never repeats a value, so that the last one taken is the whole cursor: everything at or before
it was
taken. The server plays back about a day; what lies further back is a gap. Protocol: github.com/bluesky-
social/jetstream.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from zlib import crc32

import msgspec
from msgspec import Struct

from tocsin.collect.sources.batch import Broken, Cursor, refuse
from tocsin.collect.sources.guard import checked_addresses
from tocsin.collect.sources.plain import storable
from tocsin.collect.sources.streams import PART, PAUSE_S, Gap, Part
from tocsin.collect.terms import TEXT_CAP, FailReason, Item, Permanence, Refused

_LARGEST = 4 * 1024 * 1024  # bytes of a message; a post has a few thousand
_SILENT_S = 60.0  # the stream of all posts is never that quiet
_SLACK = timedelta(
    minutes=5
)  # between what was taken last and what came first after: more than that is a gap
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REMEMBERED = 100  # messages that could not be read
_CLOCK = "time_us"


class JetstreamSource(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to listen. `collections` = kinds of records wanted; only posts have a text we can screen."""

    url: str = "wss://jetstream2.us-east.bsky.network/subscribe"
    collections: tuple[str, ...] = ("app.bsky.feed.post",)
    timeout_seconds: float = 20.0


class _Reply(Struct):
    root: dict[str, str] = {}


class _Record(Struct):
    text: str = ""
    createdAt: str = ""
    langs: list[str] = []
    reply: _Reply | None = None


class _Commit(Struct):
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    record: _Record | None = None


class _Event(Struct):
    did: str
    time_us: int
    kind: str = ""
    commit: _Commit | None = None


class Jetstream:
    """One connection to a server."""

    def __init__(self, source: JetstreamSource, *, allow_private: bool = False) -> None:
        self._source = source
        self._allow_private = allow_private
        self._first = 0
        self._broken: OrderedDict[str, None] = OrderedDict()
        self._decoder = msgspec.json.Decoder(_Event)

    def parts(self, cursor: Cursor) -> Iterator[Part]:
        """See `Stream.parts`."""
        from websockets.exceptions import ConnectionClosed, WebSocketException  # noqa: PLC0415

        last = int(cursor.get(_CLOCK, "0"))
        self._broken = OrderedDict.fromkeys(filter(None, cursor.get("broken", "").split(",")))
        before = last
        try:
            with self._connect(last) as connection:
                heard = time.monotonic()
                while True:
                    messages, ended = _messages(connection)
                    if messages:
                        heard = time.monotonic()
                    part, last = self._part(messages, last)
                    if before and last > before:
                        part.gaps += _gap(before, self._first)
                        before = 0
                    yield part
                    if ended is not None:
                        raise ended
                    if time.monotonic() - heard > _SILENT_S:
                        raise Broken(
                            FailReason.TIMED_OUT, Permanence.TEMPORARY, "The stream fell silent."
                        )
        except ConnectionClosed as error:
            raise _closed(error) from error
        except (WebSocketException, OSError, TimeoutError) as error:
            raise Broken(
                FailReason.UNREACHABLE,
                Permanence.TEMPORARY,
                f"The stream cannot be reached: {error!s:.200}",
            ) from error

    def _connect(self, last: int) -> Any:
        from websockets.sync.client import connect  # noqa: PLC0415 - only who streams pays for it

        split = urlsplit(self._source.url)
        host, secure = split.hostname or "", split.scheme == "wss"
        port = split.port or (443 if secure else 80)
        query = [("wantedCollections", name) for name in self._source.collections]
        query += [("cursor", str(last))] if last else []
        address = checked_addresses(host, port, allow_private=self._allow_private)[0]
        timeout = self._source.timeout_seconds
        return connect(
            f"{self._source.url}?{urlencode(query)}",
            sock=socket.create_connection((address, port), timeout),
            ssl=ssl.create_default_context() if secure else None,
            server_hostname=host if secure else None,
            open_timeout=timeout,
            close_timeout=1,
            max_size=_LARGEST,
            compression=None,
        )

    def _part(self, messages: list[bytes | str], last: int) -> tuple[Part, int]:
        records: list[Item | Refused] = []
        again = 0
        for message in messages:
            raw = message.encode(errors="surrogatepass") if isinstance(message, str) else message
            try:
                event = self._decoder.decode(raw)
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
                if self._broke_before(raw):
                    again += 1
                    continue
                reason = f"not an event: {str(error)[:200]}"
                records.append(refuse(f"after {last}", "", reason, "Ask the server's keeper.", raw))
                continue
            if event.time_us <= last:
                again += 1
                continue
            last = event.time_us
            self._first = self._first or last
            if (item := _item(event)) is not None:
                records.append(item)
        left_off = {_CLOCK: str(last)} if last else {}
        if self._broken:
            left_off["broken"] = ",".join(self._broken)
        return Part(records, left_off, again=again), last

    def _broke_before(self, raw: bytes) -> bool:
        """Whether this very message was refused already: it has no time by which to know it."""
        mark = f"{crc32(raw):08x}"
        if mark in self._broken:
            return True
        self._broken[mark] = None
        if len(self._broken) > _REMEMBERED:
            self._broken.popitem(last=False)
        return False


def _messages(connection: Any) -> tuple[list[bytes | str], Exception | None]:
    """What has come within the pause, at most a part; and how the connection ended, if it did."""
    from websockets.exceptions import ConnectionClosed  # noqa: PLC0415

    until = time.monotonic() + PAUSE_S
    found: list[bytes | str] = []
    while len(found) < PART and (left := until - time.monotonic()) > 0:
        try:
            found.append(connection.recv(timeout=left, decode=False))
        except TimeoutError:
            break
        except ConnectionClosed as error:
            return found, error
    return found, None


def _item(event: _Event) -> Item | None:
    commit = event.commit
    if event.kind != "commit" or commit is None or commit.record is None:
        return None
    if commit.operation not in ("create", "update") or not commit.record.text.strip():
        return None
    record = commit.record
    return Item(
        key=storable(f"{event.did}/{commit.collection}/{commit.rkey}"),
        text=storable(record.text[:TEXT_CAP]),
        url=storable(f"https://bsky.app/profile/{event.did}/post/{commit.rkey}"),
        author=storable(event.did),
        at=_posted(record.createdAt, event.time_us),
        thread=storable(record.reply.root.get("uri", "")) if record.reply else "",
        lang=record.langs[0] if record.langs else "",
    )


def _posted(told: str, time_us: int) -> datetime:
    """When it was posted, as told; where that is no time, or later than the server had it, when the server had it."""
    had = _EPOCH + timedelta(microseconds=min(time_us, 1 << 52))
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        return had
    return had if at.tzinfo is None or at > had else at


def _gap(before: int, first: int) -> list[Gap]:
    """What lies between the last event taken and the first one played back, where that is too long."""
    after, until = (_EPOCH + timedelta(microseconds=us) for us in (before, first))
    if until - after <= _SLACK:
        return []
    return [
        Gap("The server could not play back all that was posted while we were away.", after, until)
    ]


def _closed(error: Exception) -> Broken:
    """How a connection was closed, by either side."""
    from websockets.exceptions import ConnectionClosed  # noqa: PLC0415

    sent = error.sent if isinstance(error, ConnectionClosed) else None
    if sent is not None and sent.code == 1009:
        return Broken(
            FailReason.TOO_LARGE,
            Permanence.TEMPORARY,
            f"The server sent a message of more than {_LARGEST:,} bytes.",
        )
    return Broken(
        FailReason.UNREACHABLE, Permanence.TEMPORARY, f"The stream broke off: {error!s:.200}"
    )
