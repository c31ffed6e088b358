"""When somebody must say whether the protected person stays (incidents B, 17:59-18:05: nobody was asked)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.operate.terms import ASKS_HOLD, SEEN_HOLDS, Decision, SightingState


class HoldWhy(StrEnum):
    """Why the question is asked, or not; shown as it is, of a person, a vehicle or a thing."""

    LOST = "dangerous, and nobody can see it any more"
    NOT_PLACED = "dangerous, and nobody said where"
    SEEN_TOO_LONG_AGO = "dangerous, and not seen for two minutes"
    IN_SIGHT = "dangerous, in sight, and not stopped"
    OVER = "it is over"
    NO_DANGER = "nothing that was seen asks for it"


ASKED = frozenset({HoldWhy.LOST, HoldWhy.NOT_PLACED, HoldWhy.SEEN_TOO_LONG_AGO, HoldWhy.IN_SIGHT})
_AT_ONCE = frozenset({"climbing", "on_roof", "device", "armed", "shots"})


def asks_hold(
    *,
    state: str,
    aggravators: Iterable[str],
    placed: bool,
    last_seen_at: datetime,
    now: datetime,
) -> HoldWhy:
    """Whether a sighting asks to hold. A rangefinder does when its bearer is out of sight; a man on a roof always."""
    danger = set(aggravators) & ASKS_HOLD
    if state == SightingState.RESOLVED:
        return HoldWhy.OVER
    if not danger:
        return HoldWhy.NO_DANGER
    if state == SightingState.TRACK_LOST:
        return HoldWhy.LOST
    if not placed:
        return HoldWhy.NOT_PLACED
    if now - last_seen_at >= SEEN_HOLDS:
        return HoldWhy.SEEN_TOO_LONG_AGO
    return HoldWhy.IN_SIGHT if danger & _AT_ONCE else HoldWhy.NO_DANGER


class Again(StrEnum):
    """Why a question that was decided is asked anew, or not; shown before the reason itself."""

    WORSE = "worse than when it was decided"
    OUT_OF_SIGHT = "out of sight since it was decided to go on"
    STANDS = "what was decided stands"


@dataclass(frozen=True, slots=True)
class Settled:
    """A decision, and what was known when it was made: the sighting's version and severity."""

    decision: str
    at: datetime
    version: int
    severity: int


def asks_again(
    last: Settled,
    *,
    severity: int,
    must_version: int,
    lost_version: int,
    last_seen_at: datetime,
    now: datetime,
) -> Again:
    """Whether what was decided no longer holds. `must_version` = of the newest raise; `lost_version` = of the loss of
    sight since it was last seen (0 = none).

    Going on is asked anew after any raise, and once nobody sees it any more. A hold stands, unless it gets graver:
    then somebody may have to be moved. Whoever was moved is not asked about again.
    """
    if last.decision == Decision.MOVE:
        return Again.STANDS
    if last.decision == Decision.HOLD:
        return Again.WORSE if severity > last.severity else Again.STANDS
    if must_version > last.version:
        return Again.WORSE
    unseen_at = last_seen_at + SEEN_HOLDS
    if lost_version > last.version or last.at < unseen_at <= now:
        return Again.OUT_OF_SIGHT
    return Again.STANDS
