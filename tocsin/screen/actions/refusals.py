"""Input that could not be taken in: kept sealed until somebody looks."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from tocsin.collect import terms
from tocsin.collect.models import Refusal, Source
from tocsin.collect.terms import RefusalState, Refused
from tocsin.duties import actions as duties
from tocsin.duties.models import Duty
from tocsin.kernel.ids import new_id
from tocsin.people.terms import Role
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing
from tocsin.screen.taken import Chunk, sound

MOST_REFUSED = 5000
"""Open refusals kept a source; beyond, refused input is counted only, so that a wrong mapping cannot fill the disk."""

UNREADABLE = "unreadable"


def keep_refused(w: Writing, row: Source, chunk: Chunk, retention_until: str) -> None:
    """Keep what a chunk refused, and owe somebody's look at it: one duty a source at a time."""
    kept: list[tuple[Refused, str, dict[str, Any]]] = [
        (r, UNREADABLE, _sealed(r.raw)) for r in chunk.refused
    ]
    for item, ruling in chunk.barred:
        refusal = Refused(item.key or "item", ruling.field, ruling.plain, ruling.cure)
        kept.append((refusal, ruling.reason.value, {"item": _sound(msgspec.to_builtins(item))}))
    if not kept:
        return
    taken = chunk.taken
    taken.refused += len(kept)
    taken.reasons.update(why for _, why, _ in kept)
    room = max(
        0, MOST_REFUSED - Refusal.objects.filter(source=row.id, state=RefusalState.OPEN).count()
    )
    taken.unkept += max(0, len(kept) - room)
    for refusal, why, raw in kept[:room]:
        _keep(w, row, refusal, why, raw, retention_until)
    if not Duty.objects.filter(subject=row.id, kind="retry_refused", discharged_at=None).exists():
        duties.open_duty(
            w,
            "retry_refused",
            row.id,
            f"Look at input that was refused from {row.name}",
            marking_of(row),
            owner_agency=row.agency,
            owner_role=Role.COLLECTOR.value,
        )


def _keep(
    w: Writing, row: Source, refusal: Refused, why: str, raw: dict[str, Any], until: str
) -> None:
    said = _sound({"where": refusal.where, "reason": refusal.reason, "cure": refusal.cure})
    data = {
        "id": new_id("ref", w.at),
        "field": sound(refusal.field)[:60],
        "why": why,
        "content": w.keep(row.id, said),
        "raw": w.keep(row.id, raw, sealed=True) if raw else None,
        "retention_until": until,
    }
    w.append(terms.INPUT_REFUSED, row.id, data, marking=marking_of(row))


def _sealed(raw: bytes) -> dict[str, Any]:
    if not raw:
        return {}
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}
    return {"base64": base64.b64encode(raw).decode()} if "\x00" in text else {"raw": text}


def _sound(values: dict[str, Any]) -> dict[str, Any]:
    """Values that can be kept: what a stranger wrote may hold halves of characters."""
    return {
        name: sound(v) if isinstance(v, str) else _sound(v) if isinstance(v, dict) else v
        for name, v in values.items()
    }
