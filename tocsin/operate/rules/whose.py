"""Whose is that? The register's answer, in words a person can act on (incidents B: the roof was thought to be held)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.operate.terms import ON_IT_M


class Verdict(StrEnum):
    """The short of it."""

    OURS = "OURS"
    ASSIGNED = "ASSIGNED"
    NONE_OF_OURS = "NONE_OF_OURS"


@dataclass(frozen=True, slots=True)
class Friendly:
    """Somebody of ours near the place: a manned post, or a live position. `agency` = its short name."""

    label: str
    agency: str
    metres: int
    floor: str = ""
    heard_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """A listed position at the place. `accepted` = by its agency; `person` = whether one is named."""

    label: str
    agency: str
    accepted: bool
    checked_in_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The answer: the verdict, and each line as it is shown and spoken."""

    verdict: Verdict
    lines: tuple[str, ...]


def whose(near: Sequence[Friendly], ground: Sequence[Ground], now: datetime) -> Told:
    """What the register knows of a place. `near` = nearest first.

    "Ours" only where somebody of ours is on it: that a place is assigned proves nobody there.
    """
    here = [f for f in near if f.metres <= ON_IT_M]
    held = [g for g in ground if g.accepted]
    lines: list[str] = []
    if here:
        lines += [f"OURS: {_friendly(f, now)}" for f in here[:3]]
    elif held:
        lines.append("ASSIGNED, BUT NOBODY OF OURS IS KNOWN TO BE THERE NOW")
    else:
        lines.append("NONE OF OURS")
    if held:
        lines += [
            f"assigned to {g.agency} ({g.label}); {_heard(g.checked_in_at, now)}" for g in held
        ]
    else:
        asked = [g for g in ground if g.agency]
        lines += [f"{g.agency} was asked and never accepted ({g.label})" for g in asked]
        lines.append("assigned to nobody")
    if not here and near:
        lines.append(f"nearest friendly: {_friendly(near[0], now)}")
    if not near:
        lines.append("nobody of ours is known to be near")
    verdict = Verdict.OURS if here else Verdict.ASSIGNED if held else Verdict.NONE_OF_OURS
    return Told(verdict, tuple(lines))


def _friendly(f: Friendly, now: datetime) -> str:
    floor = f", {f.floor}" if f.floor else ""
    return f"{f.label} ({f.agency}){floor}, {f.metres} m; {_heard(f.heard_at, now)}"


def _heard(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "not checked in"
    seconds = max(0, int((now - at).total_seconds()))
    if seconds < 60:
        return f"heard {seconds} s ago"
    minutes = seconds // 60
    return f"checked in {minutes} min ago" if minutes < 120 else f"checked in {minutes // 60} h ago"
