"""CAP alerts: one message at an address, or a feed (Atom, or RSS as an index) that names or holds them.

Each alert is one item: its words to be screened, its provenance, and the message itself, byte for byte.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final
from urllib.parse import urljoin

from tocsin.collect.sources.batch import Batch, Broken, Cursor, refuse
from tocsin.collect.sources.partner import CapSource
from tocsin.collect.sources.plain import one_line, storable, text_of_html
from tocsin.collect.sources.web import Document, Limits, get
from tocsin.collect.terms import FailReason, FeedState, Fetched, Item, Permanence, Refused
from tocsin.formats import atom, cap, cap_sign, edxl, xml
from tocsin.formats.cap_terms import Alert, Info
from tocsin.kernel.errors import Invalid, TocsinError

_ACCEPT: Final = "application/cap+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.5"
_MOST: Final = 100  # alerts fetched one by one at a reading; the rest at the next
_SEEN: Final = 500


def fetch(config: CapSource, cursor: Cursor | None = None, *, allow_private: bool = False) -> Batch:
    """Read the address and hand out its alerts. The cursor holds what the server gave to ask for changes with,
    and which messages of a feed were fetched: an issued alert never changes, so none is fetched twice."""
    cursor = dict(cursor or {})
    limits = Limits(config.timeout_seconds, config.size_bytes, allow_private=allow_private)
    headers = {"User-Agent": "Tocsin", "Accept": _ACCEPT}
    if cursor.get("etag") and not cursor.get("more"):
        headers["If-None-Match"] = cursor["etag"]
    try:
        document = get(config.url, headers, limits)
        if document.status == 304:
            return Batch(cursor).end(Fetched(FeedState.NOT_MODIFIED, note="Nothing changed."))
        root = xml.local(xml.read(document.body, what="feed"))
        listed = atom.read(document.body) if root in ("feed", "rss") else None
    except Broken as broken:
        return Batch(cursor).end(broken.outcome)
    except Invalid as error:
        said = f"What came back {error.message}."
        return Batch(cursor).end(
            Fetched(FeedState.FAILED, FailReason.NOT_A_FEED, Permanence.TEMPORARY, said)
        )
    batch = Batch(cursor, total_bytes=len(document.body))
    if listed is None:
        return batch.fill(_whole(document, config, batch))
    return batch.fill(_feed(document, listed, config, limits, batch))


def _whole(document: Document, config: CapSource, batch: Batch) -> Iterator[Item | Refused]:
    """One CAP message, or an EDXL-DE envelope of several."""
    where = document.url
    try:
        root = xml.local(xml.read(document.body, what="cap"))
        raws = (
            edxl.read(document.body).originals if root == "EDXLDistribution" else (document.body,)
        )
    except TocsinError as error:
        yield refuse(where, error.field, error.message, error.cure, document.body)
        raws = ()
    for raw in raws:
        yield from taken(raw, where, config)
    batch.cursor = {"etag": document.headers.get("etag", "")[:1000]}


def _feed(
    document: Document, listed: list[atom.Entry], config: CapSource, limits: Limits, batch: Batch
) -> Iterator[Item | Refused]:
    done = [s for s in batch.cursor.get("seen", "").split("\n") if s]
    seen = set(done)
    waiting = [e for e in listed if _mark(e) not in seen]
    for n, entry in enumerate(waiting[:_MOST]):
        raw, where = entry.inside, one_line(entry.id or entry.link)[:300]
        if not raw:
            try:
                address = urljoin(document.url, entry.link)
                raw = get(address, {"User-Agent": "Tocsin", "Accept": _ACCEPT}, limits).body
            except Broken as broken:
                if broken.permanence is Permanence.TEMPORARY:
                    raise  # what was fetched is kept; the next reading goes on here
                yield refuse(where, "link", broken.message, broken.cure)
                raw = b""
        done.append(_mark(entry))
        batch.cursor = {"seen": "\n".join(done[-_SEEN:]), "more": "1"}
        if raw:
            yield from taken(raw, where, config)
        if n == _MOST - 1 and len(waiting) > _MOST:
            return
    batch.cursor = {
        "seen": "\n".join(done[-_SEEN:]),
        "etag": document.headers.get("etag", "")[:1000],
    }


def _mark(entry: atom.Entry) -> str:
    return one_line(f"{entry.id or entry.link} {entry.updated or ''}")[:200]


def taken(raw: bytes, where: str, config: CapSource) -> Iterator[Item | Refused]:
    """The item of one message, when it is signed as asked and not a drill."""
    try:
        covered = (
            cap_sign.verify(raw, certificates=list(config.certificates))
            if (config.certificates)
            else raw
        )
        alert = cap.read(covered)
    except TocsinError as error:
        yield refuse(where, error.field, error.message, error.cure, raw)
        return
    if alert.status in config.statuses and alert.kind not in ("Ack", "Error"):
        yield item_of(alert, raw)


def item_of(alert: Alert, raw: bytes) -> Item:
    """One message as an item: words of its first language first, and its own bytes behind the mask."""
    first = alert.infos[0] if alert.infos else None
    title = one_line((first.headline or first.event) if first else alert.identifier)
    parts = [_words(info) for info in alert.infos]
    extra = {
        "format": "cap",
        "identifier": alert.identifier,
        "sender": alert.sender,
        "sent": cap.date(alert.sent),
        "kind": alert.kind,
        "status": alert.status,
        "original": kept(raw),
    }
    if first and first.sender_name:
        extra["sender_name"] = one_line(first.sender_name)[:200]
    if alert.references:
        extra["references"] = " ".join(r.identifier for r in alert.references)[:2000]
    return Item(
        key=f"{alert.sender},{alert.identifier},{cap.date(alert.sent)}",
        text="\n\n".join(p for p in parts if p) or title or alert.note or alert.identifier,
        title=title,
        url=first.web if first else "",
        author=alert.sender,
        at=alert.sent,
        thread=alert.references[0].identifier if alert.references else alert.identifier,
        lang=first.language if first else "",
        extra=extra,
    )


def kept(raw: bytes) -> str:
    """Bytes as text that can be kept and given back unchanged."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(raw).decode()
    unsafe = "\x00" in text or text.startswith("base64:")
    return "base64:" + base64.b64encode(raw).decode() if unsafe else text


def _words(info: Info) -> str:
    areas = "; ".join(a.description for a in info.areas)
    parts = [info.headline or info.event, info.description, info.instruction]
    said = [text_of_html(storable(p)) for p in parts if p]
    return "\n\n".join([*dict.fromkeys(said), *([f"Where: {areas}"] if areas else [])])
