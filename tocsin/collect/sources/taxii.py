"""A TAXII 2.1 collection of a partner's, read on from where it was left off."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from tocsin.collect.sources.batch import Batch, Broken, Cursor, refuse
from tocsin.collect.sources.partner import TaxiiSource
from tocsin.collect.sources.web import Limits, get
from tocsin.collect.terms import FailReason, Item, Permanence, Refused
from tocsin.formats import stix
from tocsin.formats.stix import Failed, Object
from tocsin.formats.taxii import MEDIA_TYPE
from tocsin.kernel.errors import Invalid

_PAGES: Final = 20  # a reading; the next goes on from there
_MOVED_ON: Final = "x-taxii-date-added-last"


class _Page(Struct):
    more: bool = False
    next: str = ""


def fetch(
    config: TaxiiSource,
    cursor: Cursor | None = None,
    *,
    password: str = "",
    allow_private: bool = False,
) -> Batch:
    """Hand out the objects added since the last reading that hold words for a reader.

    The cursor is the server's own: `added_after` from its last answer, or its `next` inside a longer one.
    """
    batch = Batch(cursor)
    limits = Limits(config.timeout_seconds, config.size_bytes, allow_private=allow_private)
    headers = {"User-Agent": "Tocsin", "Accept": MEDIA_TYPE, **_sign_in(config, password)}
    return batch.fill(_records(config, headers, limits, batch))


def _sign_in(config: TaxiiSource, password: str) -> dict[str, str]:
    if config.user:
        pair = base64.b64encode(f"{config.user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {"Authorization": f"Bearer {password}"} if password else {}


def _records(
    config: TaxiiSource, headers: dict[str, str], limits: Limits, batch: Batch
) -> Iterator[Item | Refused]:
    for _ in range(_PAGES):
        asked = {"limit": str(config.page)}
        asked |= {k: batch.cursor[k] for k in ("added_after", "next") if batch.cursor.get(k)}
        address = f"{config.url.rstrip('/')}/objects/?{urlencode(asked)}"
        document = get(address, headers, limits)
        try:
            read = stix.read(document.body or b"{}")
            page = msgspec.json.decode(document.body or b"{}", type=_Page)
        except (Invalid, msgspec.DecodeError) as error:
            said = "What came back is no TAXII envelope."
            cure = "Check that the address is that of a collection."
            raise Broken(FailReason.PROTOCOL, Permanence.TEMPORARY, said, cure=cure) from error
        for n, found in enumerate(read, 1):
            if isinstance(found, Failed):
                where = found.id or f"object {n}"
                yield refuse(where, "object", found.message, "Tell whoever runs the collection.")
            elif found.text:
                yield item_of(found, config.url)
        last = document.headers.get(_MOVED_ON, "")
        if page.more and page.next:
            batch.cursor = {**batch.cursor, "next": page.next}
            if last:
                batch.cursor["reached"] = last
        else:
            reached = last or batch.cursor.get("reached") or batch.cursor.get("added_after", "")
            batch.cursor = {"added_after": reached} if reached else {}
            return


def item_of(o: Object, collection: str) -> Item:
    """One object as an item: its words and provenance, and itself as it came behind the mask."""
    extra = {
        "format": "stix",
        "identifier": o.id,
        "sender": o.created_by or collection,
        "collection": collection,
        "original": o.raw,
    }
    if o.tlp:
        extra["tlp"] = o.tlp
    return Item(
        key=o.id, text=o.text, title=o.title, author=o.created_by, at=o.version, extra=extra
    )
