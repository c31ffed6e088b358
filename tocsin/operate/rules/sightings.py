"""Severity never falls by what is added; "informed" means that every seat that must know has acknowledged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tocsin.operate.terms import Aggravator, Said


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one person, for one seat, has said so far. `version` = the newest acknowledged; 0 = none."""

    seat: str
    person: str
    must: bool
    version: int = 0
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
    acknowledged_at: datetime | None = None


def raised_to(
    severity: int, aggravators: Iterable[str], stated: int, added: Iterable[str]
) -> tuple[int, list[str]]:
    """Severity and aggravators after an update: whatever it says, neither gets less.

    "On the roof" and "armed" cannot be lost on the way (incidents B, 18:10:00).
    """
    before = list(dict.fromkeys(aggravators))
    every = before + [a for a in dict.fromkeys(added) if a not in before]
    floors = [Aggravator(a).floor for a in added]
    return max([severity, stated, *floors]), every


def informed_version(receipts: Iterable[Receipt], version: int) -> bool:
    """Whether every seat that must know has acknowledged `version` or a newer one.

    A seat that nobody holds is not informed; nor is an operation in which no seat must know (incidents B, 17:52).
    """
    seats: dict[str, int] = {}
    for r in receipts:
        if r.must:
            seats[r.seat] = max(seats.get(r.seat, 0), r.version if r.person else 0)
    return bool(seats) and all(v >= version for v in seats.values())


def unanswered(receipts: Iterable[Receipt], version: int) -> list[Receipt]:
    """The receipts of every seat that nobody has acknowledged at `version`, so far."""
    rows = list(receipts)
    answered = {r.seat for r in rows if r.person and r.version >= version}
    return [r for r in rows if r.seat not in answered]


def merged_receipt(r: Receipt, said: str, version: int, at: datetime) -> Receipt:
    """A receipt with what was said added: it only grows, in whatever order the words arrive.

    Whoever acknowledged has opened it, and whoever opened it has been given it.
    """
    acknowledged, opened, delivered = r.acknowledged_at, r.opened_at, r.delivered_at
    newest = r.version
    if said == Said.ACKNOWLEDGED and version > r.version:
        acknowledged, newest = at, version
    if said in (Said.ACKNOWLEDGED, Said.OPENED):
        opened = opened or at
    return Receipt(r.seat, r.person, r.must, newest, delivered or at, opened, acknowledged)
