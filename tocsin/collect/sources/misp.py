"""A MISP feed: its manifest, and each event that is new or changed since the last reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tocsin.collect.sources.batch import Batch, Broken, Cursor, refuse
from tocsin.collect.sources.cap import kept
from tocsin.collect.sources.partner import MispSource
from tocsin.collect.sources.plain import storable, without_surrogates
from tocsin.collect.sources.web import Limits, get
from tocsin.collect.terms import FailReason, Item, Permanence, Refused
from tocsin.formats import misp
from tocsin.formats.misp import Event
from tocsin.kernel.errors import Invalid

_MOST: Final = 100  # events a reading; the next goes on from there


def fetch(
    config: MispSource, cursor: Cursor | None = None, *, key: str = "", allow_private: bool = False
) -> Batch:
    """Hand out the feed's events, oldest change first. The cursor is the time and uuid of the last one."""
    batch = Batch(cursor)
    limits = Limits(config.timeout_seconds, config.size_bytes, allow_private=allow_private)
    headers = {"User-Agent": "Tocsin", "Accept": "application/json"}
    if key:
        headers["Authorization"] = key
    return batch.fill(_records(config, headers, limits, batch))


def _records(
    config: MispSource, headers: dict[str, str], limits: Limits, batch: Batch
) -> Iterator[Item | Refused]:
    base = config.url.rstrip("/").removesuffix("/manifest.json")
    try:
        listed = misp.manifest(get(f"{base}/manifest.json", headers, limits).body)
    except Invalid as error:
        said = f"What came back {error.message}."
        raise Broken(FailReason.NOT_A_FEED, Permanence.TEMPORARY, said, cure=error.cure) from error
    done = batch.cursor.get("timestamp", "0"), batch.cursor.get("uuid", "")
    last = int(done[0]) if done[0].isdigit() else 0, done[1]
    for entry in [e for e in listed if (e.timestamp, e.uuid) > last][:_MOST]:
        raw = get(f"{base}/{entry.uuid}.json", headers, limits).body
        batch.cursor = {"timestamp": str(entry.timestamp), "uuid": entry.uuid}
        try:
            yield item_of(misp.read(raw))
        except Invalid as error:
            yield refuse(f"event {entry.uuid}", error.field, error.message, error.cure, raw)


def item_of(event: Event) -> Item:
    """One event as an item: its words and provenance, and itself as it came behind the mask."""
    extra = {
        "format": "misp",
        "identifier": event.uuid,
        "sender": event.organisation,
        "original": kept(event.raw.encode()),
    }
    if event.tlp:
        extra["tlp"] = event.tlp
    return Item(
        key=event.uuid,
        text=without_surrogates(storable(event.text)),
        title=event.info,
        author=event.organisation,
        at=event.at,
        extra=extra,
    )
