"""Receipts: what people who were told have said. Many at once make one entry, so a thousand are a second's work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tocsin.operate import rules, store, terms
from tocsin.operate.actions import shared
from tocsin.operate.actions.feed import tell
from tocsin.operate.actions.knowing import close_duties, say_informed
from tocsin.operate.models import Act, Receipt, Sighting
from tocsin.operate.terms import Said as Kind
from tocsin.people.rules import permit
from tocsin.people.store import operation as operation_of
from tocsin.people.terms import SYSTEM, Actor, Permission
from tocsin.people.visibility import get_visible
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import stamp


@dataclass(frozen=True, slots=True)
class Said:
    """What one person said of one sighting. `version` 0 = the newest; `at` = by their device's clock; `operation` =
    the only one whose sightings this device may speak of ('' = the person's own word)."""

    person: str
    sighting: str
    said: str
    version: int = 0
    at: datetime | None = None
    via: str = "app"
    key: str = ""
    operation: str = ""


def acknowledge(
    actor: Actor,
    *,
    sighting: str,
    version: int = 0,
    via: str = "app",
    at: datetime | None = None,
    device: str = "",
    key: str = "",
) -> bool:
    """Say that one has it; returns whether now everybody who must know does. `version` 0 = the newest.

    It answers every seat the person was told for. Raises: Forbidden; NotFound when it is not theirs to see.
    """
    permit(actor, Permission.READ_CONTENT)
    get_visible(actor, Sighting.objects.all(), id=sighting)
    said = Said(actor.person, sighting, Kind.ACKNOWLEDGED.value, version, at, via, key)
    record_receipts([said], actor=actor)
    row = Sighting.objects.get(id=sighting)
    return row.informed_version >= row.must_version


def record_receipts(said: Sequence[Said], *, actor: Actor = SYSTEM) -> int:
    """Put many people's receipts on the record, one entry a sighting; returns how many rows grew.

    Of a person who was not told nothing is kept; what was said before is not said again.
    """
    by: dict[str, list[Said]] = defaultdict(list)
    for s in said:
        by[s.sighting].append(s)
    grown = 0
    with writing(actor) as w:
        for row in Sighting.objects.select_for_update().filter(id__in=by).order_by("id"):
            grown += _record(w, row, by[row.id])
    return grown


def _record(w: Writing, row: Sighting, said: Sequence[Said]) -> int:
    people = {s.person for s in said}
    known: dict[str, list[Receipt]] = defaultdict(list)
    for r in Receipt.objects.filter(sighting=row.id, person__in=people):
        known[r.person].append(r)
    now: dict[tuple[str, str], rules.Receipt] = {}
    via: dict[tuple[str, str], str] = {}
    for s in said:
        if s.said not in set(Kind) or s.operation not in ("", row.operation):
            continue
        version = min(s.version or row.version, row.version)
        for r in known[s.person]:
            place = (r.seat, r.person)
            before = now.get(place) or store.as_rule(r)
            now[place] = rules.merged_receipt(before, s.said, version, shared.when(w, s.at))
            via[place] = s.via
    before_all = {(r.seat, r.person): store.as_rule(r) for rows in known.values() for r in rows}
    changed = {p: r for p, r in now.items() if r != before_all[p]}
    acts = _acts(said)
    if not changed and not acts:
        return 0
    data = {"said": [[*p, _values(r, via[p])] for p, r in changed.items()], "acts": acts}
    plan = operation_of(row.operation)
    w.append(terms.SIGHTING_RECEIPTS, row.id, data, marking=shared.marking(plan))
    if any(r.version > before_all[p].version for p, r in changed.items()):
        _settle(w, row, changed)
    return len(changed)


def _settle(w: Writing, row: Sighting, changed: dict[tuple[str, str], rules.Receipt]) -> None:
    """End the duties of seats that have answered, and say so once everybody who must know does."""
    w.flush()
    answered = {seat for (seat, _), r in changed.items() if r.version >= row.must_version}
    musts = [seat for (seat, _), r in changed.items() if r.must and seat in answered]
    if musts:
        close_duties(w, row.id, "acknowledged", musts)
    if answered - set(musts) and not store.posts_wait(row.id, row.must_version):
        close_duties(w, row.id, "every post has acknowledged", [""])
    plan = operation_of(row.operation)
    if say_informed(w, plan, row):
        tell(plan.id, "sighting", row.id)


def _values(r: rules.Receipt, via: str) -> dict[str, Any]:
    return {
        "version": r.version,
        "delivered_at": stamp(r.delivered_at) if r.delivered_at else None,
        "opened_at": stamp(r.opened_at) if r.opened_at else None,
        "acknowledged_at": stamp(r.acknowledged_at) if r.acknowledged_at else None,
        "via": via,
    }


def _acts(said: Sequence[Said]) -> list[list[str]]:
    keys = {f"{s.person}:{s.key}": s for s in said if s.key}
    done = set(Act.objects.filter(id__in=keys).values_list("id", flat=True))
    return [[s.person, s.key, s.sighting] for i, s in keys.items() if i not in done]


__all__ = ["Said", "acknowledge", "record_receipts"]
