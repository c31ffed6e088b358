"""RSS and Atom feeds. Failed, empty and not modified are three different answers."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import feedparser
import msgspec
from msgspec import Struct

from tocsin.collect.sources.batch import Batch, Broken, Cursor, refuse
from tocsin.collect.sources.plain import one_line, storable, text_of_html, without_surrogates
from tocsin.collect.sources.web import Document, Limits, get
from tocsin.collect.terms import (
    TEXT_CAP,
    FailReason,
    FeedState,
    Fetched,
    Item,
    Permanence,
    Refused,
)

_ACCEPT: Final = "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5"
_PLAIN_TYPE: Final = "text/plain"


class FeedSource(Struct, frozen=True, forbid_unknown_fields=True):
    """A feed: its address, and the bounds of one fetch."""

    url: str
    timeout_seconds: float = 20.0
    size_bytes: int = 4 * 1024 * 1024
    redirects: int = 5
    user_agent: str = "Tocsin"


def fetch(
    config: FeedSource, cursor: Cursor | None = None, *, allow_private: bool = False
) -> Batch:
    """Fetch a feed and hand out its entries, as the feed orders them.

    The cursor holds what the server gave to ask "changed since?" with; it moves on only when the
    last entry was handed out. Entries seen before come again until then: `identity` knows them.
    """
    cursor = dict(cursor or {})
    limits = Limits(config.timeout_seconds, config.size_bytes, config.redirects, allow_private)
    headers = {"User-Agent": config.user_agent, "Accept": _ACCEPT}
    if cursor.get("etag"):
        headers["If-None-Match"] = cursor["etag"]
    if cursor.get("last_modified"):
        headers["If-Modified-Since"] = cursor["last_modified"]
    try:
        document = get(config.url, headers, limits)
        if document.status == 304:
            return Batch(cursor).end(Fetched(FeedState.NOT_MODIFIED, note="Nothing changed."))
        parsed = parse(document)
    except Broken as broken:
        return Batch(cursor).end(broken.outcome)
    batch = Batch(cursor, total_bytes=len(document.body))
    batch.bytes_read = lambda: batch.total_bytes
    if parsed.get("bozo"):
        batch.outcome = Fetched(FeedState.OK, note="The feed is not well formed; read in part.")
    return batch.fill(_records(parsed, batch, document))


def _records(parsed: Any, batch: Batch, document: Document) -> Iterator[Item | Refused]:
    yield from entries_of(parsed)
    known = {
        "etag": document.headers.get("etag", "")[:1000],
        "last_modified": document.headers.get("last-modified", "")[:100],
    }
    batch.cursor = {name: value for name, value in known.items() if value}


def parse(document: Document) -> Any:
    """Read a document as a feed.

    Raises:
        Broken: it is no feed, or breaks off before its first entry.
    """
    headers = {
        "content-type": document.headers.get("content-type", ""),
        "content-location": document.url,
    }
    try:
        # A stream, never text: the library would open text that looks like an address or path.
        parsed = feedparser.parse(
            io.BytesIO(document.body),
            response_headers=headers,
            sanitize_html=False,  # every entry becomes plain text below
            resolve_relative_uris=False,
        )
    except Exception as error:
        raise _no_feed(f"cannot be read ({type(error).__name__})") from error
    if not parsed.get("entries"):
        if not parsed.get("version"):
            raise _no_feed("is not an RSS or Atom feed")
        if parsed.get("bozo") and not _harmless(parsed.get("bozo_exception")):
            raise _no_feed("is damaged before its first entry")
    return parsed


def _harmless(problem: object) -> bool:
    """Whether the library only notes a wrong label, having read everything."""
    return type(problem).__name__ in ("CharacterEncodingOverride", "NonXMLContentType")


def _no_feed(what: str) -> Broken:
    cure = "Open the address in a browser; look for the feed's own address."
    said = f"What came back {what}."
    return Broken(FailReason.NOT_A_FEED, Permanence.TEMPORARY, said, cure=cure)


def entries_of(parsed: Any) -> Iterator[Item | Refused]:
    """Turn the entries of a parsed feed into items, one by one. Never raises."""
    language = str(parsed.get("feed", {}).get("language", ""))
    for number, entry in enumerate(parsed.get("entries", ()), start=1):
        where = f"entry {number}"
        try:
            yield _item(entry, language, where)
        except Exception as error:  # noqa: BLE001 - one odd entry must not stop the rest
            reason = f"cannot be read ({type(error).__name__})"
            yield refuse(where, "", reason, "Tell whoever runs the feed.", _raw(entry))


def _item(entry: Any, language: str, where: str) -> Item | Refused:
    title = one_line(text_of_html(_text(entry, "title")))
    body, spoken = _body(entry)
    text = body or title
    if not text:
        cure = "Nothing to do, unless the feed should hold text."
        return refuse(where, "text", "neither text nor title", cure, _raw(entry))
    if len(text) > TEXT_CAP:
        cure = "Take this entry in by hand."
        return refuse(where, "text", f"longer than {TEXT_CAP} characters", cure, _raw(entry))
    at, extra = _posted(entry)
    reply = entry.get("thr_in-reply-to")
    return Item(
        key=one_line(_text(entry, "id")),
        text=text,
        title=title,
        url=one_line(_text(entry, "link")),
        author=one_line(_text(entry, "author")),
        at=at,
        thread=one_line(_text(reply, "ref")) if isinstance(reply, dict) else "",
        lang=one_line(spoken or language),
        extra=extra,
    )


def _text(entry: Any, name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _body(entry: Any) -> tuple[str, str]:
    """The longest form of an entry's text, and its language where told."""
    parts = [*entry.get("content", ()), entry.get("summary_detail") or {}]
    for part in parts:
        value = _text(part, "value")
        if _text(part, "type") == _PLAIN_TYPE:
            text = without_surrogates(storable(value)).strip()
        else:
            text = text_of_html(value)
        if text:
            return text, _text(part, "language")
    return text_of_html(_text(entry, "summary")), ""


def _posted(entry: Any) -> tuple[datetime | None, dict[str, str]]:
    """When the entry was posted; a date nobody can read is kept as written."""
    told = set(entry)  # asked for one date, the library would answer with the other
    names = [name for name in ("published", "updated") if name in told]
    for name in names:
        parsed = entry.get(f"{name}_parsed") if f"{name}_parsed" in told else None
        if parsed:
            try:
                year, month, day, hour, minute, second = parsed[:6]
                at = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
                return at, {}
            except (ValueError, OverflowError, TypeError):
                pass
    written = one_line(_text(entry, names[0]))[:200] if names else ""
    return None, {"date_as_written": written} if written else {}


def _raw(entry: Any) -> bytes:
    """Keep what can be kept of a refused entry, for a person to look at."""
    names = ("id", "link", "title", "summary", "published", "author")
    kept = {name: without_surrogates(_text(entry, name))[:10_000] for name in names}
    return msgspec.json.encode({name: value for name, value in kept.items() if value})
