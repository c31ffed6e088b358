"""Atom feeds of CAP messages: written for partners' readers, and read from theirs.

An entry's id is the CAP identifier, so a reader knows a message again; an issued message is never edited: an
update or a cancellation is an entry of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec
from lxml import etree

from tocsin.formats import xml
from tocsin.formats.cap_terms import MEDIA_TYPE, NAMESPACE, NAMESPACE_11
from tocsin.kernel.errors import Invalid

ATOM: Final = "http://www.w3.org/2005/Atom"
ENTRIES_CAP: Final = 1000


class Entry(msgspec.Struct, frozen=True):
    """One message in a feed. `link` leads to it; `inside` = its bytes where the feed carries it whole."""

    id: str
    title: str
    updated: datetime | None
    link: str
    summary: str = ""
    author: str = ""
    inside: bytes = b""


def write(*, feed_id: str, title: str, link: str, entries: Iterable[Entry], at: datetime) -> bytes:
    """A feed. `at` = when it last changed, used where it has no entries."""
    listed = list(entries)
    root = xml.root(f"{{{ATOM}}}feed", ATOM)
    _put(root, "id", feed_id)
    _put(root, "title", title)
    _put(root, "updated", _stamp(max((e.updated for e in listed if e.updated), default=at)))
    etree.SubElement(root, f"{{{ATOM}}}link", rel="self", href=link)
    _put(_put(root, "author", ""), "name", title)
    for entry in listed:
        one = _put(root, "entry", "")
        _put(one, "id", entry.id)
        _put(one, "title", entry.title)
        _put(one, "updated", _stamp(entry.updated or at))
        if entry.author:
            _put(_put(one, "author", ""), "name", entry.author)
        etree.SubElement(one, f"{{{ATOM}}}link", type=MEDIA_TYPE, href=xml.sound(entry.link))
        if entry.summary:
            _put(one, "summary", entry.summary)
    return xml.write(root)


def read(raw: bytes) -> list[Entry]:
    """The messages a feed names: Atom, or RSS used as an index. Raises: Invalid when it is neither."""
    root = xml.read(raw, what="feed")
    name = xml.local(root)
    if name == "feed" and xml.namespace(root) == ATOM:
        return [_atom(e) for e in root.findall(f"{{{ATOM}}}entry")[:ENTRIES_CAP]]
    if name == "rss":
        return [_rss(e) for e in list(root.iter("item"))[:ENTRIES_CAP]]
    raise Invalid("is neither Atom nor RSS", field="feed", cure="Look for the feed's own address.")


def _atom(entry: etree._Element) -> Entry:
    links = entry.findall(f"{{{ATOM}}}link")
    best = [e for e in links if e.get("type") == MEDIA_TYPE] or [
        e for e in links if e.get("rel", "alternate") == "alternate"
    ]
    inside = [
        e
        for content in entry.findall(f"{{{ATOM}}}content")
        for e in content
        if xml.local(e) == "alert" and xml.namespace(e) in (NAMESPACE, NAMESPACE_11)
    ]
    return Entry(
        id=_words(entry, "id"),
        title=_words(entry, "title"),
        updated=_time(_words(entry, "updated")),
        link=str(best[0].get("href", "")) if best else "",
        summary=_words(entry, "summary"),
        inside=bytes(etree.tostring(inside[0], method="c14n", exclusive=True)) if inside else b"",
    )


def _rss(item: etree._Element) -> Entry:
    link = xml.words(item.find("link"))
    return Entry(
        id=xml.words(item.find("guid")) or link,
        title=xml.words(item.find("title")),
        updated=None,
        link=link,
        summary=xml.words(item.find("description")),
    )


def _words(entry: etree._Element, name: str) -> str:
    return xml.words(entry.find(f"{{{ATOM}}}{name}"))


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _put(parent: etree._Element, name: str, text: str) -> etree._Element:
    child = etree.SubElement(parent, f"{{{ATOM}}}{name}")
    if text:
        child.text = xml.sound(text)
    return child
