"""When somebody must say whether the protected person stays (incidents B, 17:59-18:05: nobody was asked)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from tocsin.operate.terms import ASKS_HOLD, SEEN_HOLDS, SightingKind, SightingState


class HoldWhy(StrEnum):
    """Why the question is asked, or not; shown as it is."""

    LOST = "a suspicious person whom nobody can see any more, and who is dangerous"
    NOT_PLACED = "a suspicious person of whom nobody said where, and who is dangerous"
    SEEN_TOO_LONG_AGO = "a suspicious person not seen for two minutes, and who is dangerous"
    IN_SIGHT = "a dangerous person in sight, and not stopped"
    OVER = "it is over"
    NO_DANGER = "nothing that was seen asks for it"
    NOT_A_PERSON = "what was seen is no person"


ASKED = frozenset({HoldWhy.LOST, HoldWhy.NOT_PLACED, HoldWhy.SEEN_TOO_LONG_AGO, HoldWhy.IN_SIGHT})
_AT_ONCE = frozenset({"climbing", "on_roof", "device", "armed", "shots"})


def asks_hold(
    *,
    kind: str,
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
    if kind not in (SightingKind.PERSON, SightingKind.OBJECT):
        return HoldWhy.NOT_A_PERSON
    if state == SightingState.TRACK_LOST:
        return HoldWhy.LOST
    if not placed:
        return HoldWhy.NOT_PLACED
    if now - last_seen_at >= SEEN_HOLDS:
        return HoldWhy.SEEN_TOO_LONG_AGO
    return HoldWhy.IN_SIGHT if danger & _AT_ONCE else HoldWhy.NO_DANGER
