"""Reading objectives and medical care."""

from __future__ import annotations

from typing import Any

from tocsin.people.terms import SYSTEM, Actor
from tocsin.people.visibility import visible_to
from tocsin.plan.models import Brief as Row
from tocsin.plan.terms.brief import KINDS, Brief, Care
from tocsin.record.store import content


def brief(operation: str, actor: Actor = SYSTEM) -> Brief:
    """What the plan says in words; empty, of version 0, where nobody wrote any."""
    row = visible_to(actor, Row.objects.filter(id=operation)).first()
    if row is None:
        return Brief()
    kept: dict[str, Any] = content(row.words)
    care = {kind: tuple(Care(**c) for c in kept.get(kind, ())) for kind in KINDS}
    return Brief(
        objectives=tuple(kept.get("objectives", ())),
        emphasis=kept.get("emphasis", ""),
        procedures=kept.get("procedures", ""),
        version=row.version,
        **care,
    )
