"""Mastodon: public posts of one server by server-sent events; what was missed is fetched by pages.

The stream itself is not played back. So a session first connects, then reads the pages behind the last post taken,
then goes
on with the stream: what comes by both ways is known by its id and taken once. A server that refuses the pages leaves
a gap.
Protocol: docs.joinmastodon.org, methods streaming and timelines.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Struct

from tocsin.collect.sources.batch import Broken, Cursor, refuse
from tocsin.collect.sources.guard import checked_addresses
from tocsin.collect.sources.plain import storable, text_of_html
from tocsin.collect.sources.streams import PART, PAUSE_S, Gap, Part
from tocsin.collect.terms import TEXT_CAP, FailReason, Item, Permanence, Refused

_REMEMBERED = 400  # ids of posts: posts of other servers arrive out of order
_OVERLAP = 60  # posts before the last one from which the pages are read
_PAGE = 40  # the most a server gives
_PAGES = 250
_LINE_CAP = 1024 * 1024
_SILENT_S = 60.0  # the server sends a sign of life every 15 to 30 s


class MastodonSource(Struct, frozen=True, forbid_unknown_fields=True):
    """A server, such as https://mastodon.example. `local` = only posts of its own people; `tag` = only with this tag.
    `password_env` names the variable with an access token, where the server wants one."""

    url: str
    local: bool = False
    tag: str = ""
    password_env: str = ""
    timeout_seconds: float = 20.0


class _Account(Struct):
    acct: str = ""
    url: str = ""


class _Status(Struct):
    id: str
    content: str = ""
    uri: str = ""
    url: str | None = None
    created_at: str = ""
    edited_at: str | None = None
    language: str | None = None
    in_reply_to_id: str | None = None
    spoiler_text: str = ""
    account: _Account = msgspec.field(default_factory=_Account)
    reblog: Any = None


class Mastodon:
    """One connection to a server."""

    def __init__(
        self, source: MastodonSource, *, token: str = "", allow_private: bool = False
    ) -> None:
        self._source = source
        self._allow_private = allow_private
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._one = msgspec.json.Decoder(_Status)
        self._known: OrderedDict[str, None] = OrderedDict()

    def parts(self, cursor: Cursor) -> Iterator[Part]:
        """See `Stream.parts`."""
        self._known = OrderedDict.fromkeys(filter(None, cursor.get("recent", "").split(",")))
        split = urlsplit(self._source.url)
        port = split.port or (443 if split.scheme == "https" else 80)
        checked_addresses(split.hostname or "", port, allow_private=self._allow_private)
        timeout = httpx.Timeout(self._source.timeout_seconds, read=_SILENT_S)
        try:
            with (
                httpx.Client(timeout=timeout, headers=self._headers, trust_env=False) as client,
                client.stream("GET", self._live(), params=self._query()) as answer,
            ):
                _check(answer)
                yield from self._missed(client)
                yield from self._following(answer)
        except httpx.TimeoutException as error:
            raise Broken(
                FailReason.TIMED_OUT, Permanence.TEMPORARY, "The stream fell silent."
            ) from error
        except (httpx.HTTPError, OSError) as error:
            raise Broken(
                FailReason.UNREACHABLE,
                Permanence.TEMPORARY,
                f"The stream broke off: {error!s:.200}",
            ) from error

    def _live(self) -> str:
        kind = "hashtag" if self._source.tag else "public"
        local = "/local" if self._source.local else ""
        return f"{self._source.url.rstrip('/')}/api/v1/streaming/{kind}{local}"

    def _query(self) -> dict[str, str]:
        return {"tag": self._source.tag} if self._source.tag else {}

    def _missed(self, client: httpx.Client) -> Iterator[Part]:
        """What was posted since the last post taken, oldest first."""
        if not self._known:
            return
        tag = self._source.tag
        where = f"timelines/tag/{tag}" if tag else "timelines/public"
        at = min((mark.partition("@")[0] for mark in list(self._known)[-_OVERLAP:]), key=_order)
        for _ in range(_PAGES):
            query = {"min_id": at, "limit": str(_PAGE)}
            query |= {"local": "true"} if self._source.local else {}
            page = client.get(f"{self._source.url.rstrip('/')}/api/v1/{where}", params=query)
            if page.status_code != httpx.codes.OK:
                yield self._part([], gap=f"The server gave no pages (HTTP {page.status_code}).")
                return
            try:
                raws = msgspec.json.decode(page.content, type=list[msgspec.Raw])
            except msgspec.MsgspecError:
                yield self._part([], gap="The server's pages could not be read.")
                return
            ids = [i for raw in raws if (i := _id_of(raw))]
            yield self._part([bytes(raw) for raw in reversed(raws)])
            if not ids or (highest := max(ids, key=_order)) == at:
                return
            at = highest
        yield self._part([], gap=f"More was missed than {_PAGES * _PAGE:,} posts.")

    def _following(self, answer: httpx.Response) -> Iterator[Part]:
        """The live stream. It is read by a thread of its own, so that a quiet stream still hands out parts; the queue
        between them is short, and a full one holds the server back."""
        events: Queue[bytes | Exception] = Queue(PART)
        stop = Event()
        Thread(target=_pump, args=(answer, events, stop), daemon=True, name="mastodon").start()
        try:
            while True:
                found: list[bytes] = []
                until = time.monotonic() + PAUSE_S
                ended: Exception | None = None
                while len(found) < PART and (left := until - time.monotonic()) > 0:
                    try:
                        event = events.get(timeout=left)
                    except Empty:
                        break
                    if isinstance(event, Exception):
                        ended = event
                        break
                    found.append(event)
                yield self._part(found)
                if ended is not None:
                    raise ended
        finally:
            stop.set()

    def _part(self, raws: list[bytes], *, gap: str = "") -> Part:
        records: list[Item | Refused] = []
        again = 0
        for raw in raws:
            try:
                status = self._one.decode(raw)
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
                reason = f"not a post: {str(error)[:200]}"
                records.append(refuse("stream", "", reason, "Ask the server's keeper.", raw))
                continue
            mark = f"{status.id}@{status.edited_at}" if status.edited_at else status.id
            if mark in self._known:
                again += 1
                continue
            self._known[mark] = None
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
            if (item := _item(status)) is not None:
                records.append(item)
        gaps = [Gap(f"{gap} What was posted while we were away may be missing.")] if gap else []
        return Part(records, {"recent": ",".join(self._known)}, gaps, again)


def _pump(answer: httpx.Response, events: Queue[bytes | Exception], stop: Event) -> None:
    """Read events off the wire until told to stop; says how it ended."""
    ended: Exception = Broken(
        FailReason.UNREACHABLE, Permanence.TEMPORARY, "The server ended the stream."
    )
    try:
        for event in events_of(answer.iter_bytes()):
            if not _put(events, event, stop):
                return
    except Exception as error:  # noqa: BLE001 - it is raised again where the parts are read
        ended = error
    _put(events, ended, stop)


def _put(events: Queue[bytes | Exception], event: bytes | Exception, stop: Event) -> bool:
    while not stop.is_set():
        try:
            events.put(event, timeout=PAUSE_S)
        except Full:
            continue
        return True
    return False


def events_of(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The data of `update` and `status.update` events, however the bytes were split. A line over the limit is dropped
    with its event. Source: HTML standard, server-sent events (only the parts Mastodon uses)."""
    rest, kind, data, spoilt = b"", b"", b"", False
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > _LINE_CAP:
            rest, spoilt = b"", True
        for raw in lines:
            line = raw.removesuffix(b"\r")
            if not line:
                if data and not spoilt and kind in (b"update", b"status.update"):
                    yield data
                kind, data, spoilt = b"", b"", False
            elif line.startswith(b"event:"):
                kind = line[6:].strip()
            elif line.startswith(b"data:"):
                data += line[5:].strip()


def _check(answer: httpx.Response) -> None:
    status = answer.status_code
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise Broken(
            FailReason.LOGIN_REFUSED,
            Permanence.PERMANENT,
            "The server wants an access token for its stream.",
            cure="Put one into the variable that password_env names.",
        )
    if status != httpx.codes.OK:
        permanent = httpx.codes.is_client_error(status) and status != httpx.codes.TOO_MANY_REQUESTS
        reason = FailReason.HTTP_CLIENT_ERROR if permanent else FailReason.HTTP_SERVER_ERROR
        kind = Permanence.PERMANENT if permanent else Permanence.TEMPORARY
        raise Broken(reason, kind, f"The server answered HTTP {status}.")


def _item(status: _Status) -> Item | None:
    text = text_of_html(status.content)
    if status.reblog is not None or not text.strip():
        return None
    try:
        at = datetime.fromisoformat(status.created_at)
    except ValueError:
        at = None
    return Item(
        key=storable(status.uri or status.id),
        text=storable(text[:TEXT_CAP]),
        title=storable(status.spoiler_text[:500]),
        url=storable(status.url or status.uri),
        author=storable(status.account.url or status.account.acct),
        at=at if at and at.tzinfo else None,
        thread=storable(status.in_reply_to_id or ""),
        lang=status.language or "",
    )


def _id_of(raw: msgspec.Raw) -> str:
    try:
        return msgspec.json.decode(raw, type=_Id).id
    except msgspec.MsgspecError:
        return ""


class _Id(Struct):
    id: str


def _order(told: str) -> tuple[int, str]:
    """Ids are numbers in text, or at least grow in length and letters."""
    return len(told), told
