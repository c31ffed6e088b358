"""Trying refused input again, after its source was mended."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec

from tocsin.collect import rules
from tocsin.collect.actions.refusals import close_refused, locked_refusal, settle_duties
from tocsin.collect.configs import FileConfig, read_config
from tocsin.collect.models import Refusal, Source
from tocsin.collect.sources.letters import read_letter
from tocsin.collect.sources.mapping import Mapping
from tocsin.collect.sources.partner import PartnerSource
from tocsin.collect.sources.rows import reread
from tocsin.collect.store import charter as charter_of
from tocsin.collect.terms import Item, RefusalState, Refused, SourceKind
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Invalid
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible
from tocsin.record.actions import Writing
from tocsin.record.store import content
from tocsin.screen import store
from tocsin.screen.actions.intake import take_in
from tocsin.screen.taken import Taken

_FEED_ENTRY = Mapping(
    fields={"key": "id", "url": "link", "title": "title", "text": "summary", "author": "author"},
    optional=("key", "url", "title", "author"),
    html=True,
)
_PLAIN_ITEM = Mapping(
    fields={
        name: name for name in ("key", "text", "title", "url", "author", "at", "thread", "lang")
    },
    optional=("key", "title", "url", "author", "at", "thread", "lang"),
)


def retry_refused(actor: Actor, *, refused: str) -> Taken:
    """Try refused input once more, after the source's mapping or charter was mended; returns what became of it.

    It is closed when it was taken in, or found to lie outside the source's limits. Else it stays open.
    Raises: Forbidden; NotFound; Invalid saying what is still wrong; Conflict when it was closed meanwhile.
    """
    permit(actor, Permission.COLLECT)
    row = get_visible(actor, Refusal.objects.all(), id=refused)
    source = store.source(row.source)
    item = _read_again(source, content(row.raw) if row.raw else {})
    if isinstance(item, Refused):
        raise Invalid(item.reason, field=item.field or item.where, cure=item.cure)
    charter = charter_of(source)
    ruling = rules.within_purpose(
        item, charter, purpose=source.purpose, operation=source.operation, now=clock.now()
    )
    if not ruling.allowed and ruling.reason not in rules.SCOPE_REASONS:
        raise Invalid(ruling.plain, field=ruling.field, cure=ruling.cure)

    def close(w: Writing, taken: Taken) -> None:
        locked = locked_refusal(actor, refused)
        if locked.state != RefusalState.OPEN:
            raise Conflict("somebody decided on it since you opened it")
        close_refused(w, locked, RefusalState.RETRIED, taken.reports[0] if taken.reports else "")
        settle_duties(w, [refused])

    return take_in(source, [item], actor=actor, saving=close)


def _read_again(source: Source, raw: dict[str, Any]) -> Item | Refused:
    if "item" in raw:
        return msgspec.convert(raw["item"], Item)
    data = base64.b64decode(raw["base64"]) if "base64" in raw else str(raw.get("raw", "")).encode()
    if not data:
        return Refused(
            "",
            "",
            "the input itself was not kept",
            "Dismiss it, and fetch it anew from its source.",
        )
    return _reader(source)(data)


def _reader(source: Source) -> Callable[[bytes], Item | Refused]:
    kind = SourceKind(source.kind)
    config = read_config(kind, source.config)
    if isinstance(config, FileConfig) and config.mapping:
        mapping = config.mapping
        return lambda data: reread(data, mapping)
    if kind in (SourceKind.MAILBOX, SourceKind.FILE):
        return lambda data: read_letter(data, "letter")
    if isinstance(config, PartnerSource):
        from tocsin.collect.sources import rereading  # noqa: PLC0415 - reads XML, which is seldom needed

        partner = config
        return lambda data: rereading.reread(data, partner)
    return lambda data: reread(data, _FEED_ENTRY if kind is SourceKind.FEED else _PLAIN_ITEM)
