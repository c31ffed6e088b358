"""Whether a position is held and a zone is swept, at a moment, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.plan.terms import PositionState, ZoneState


class Colour(StrEnum):
    """Nothing between: a thing is held by somebody who said so, or it is red."""

    GREEN = "green"
    RED = "red"


class Reason(StrEnum):
    """Why a position or a zone is green or red; shown as it is."""

    HELD = "accepted, with a named person who checks in"
    NOT_ASKED = "nobody was asked to take it"
    ASSUMED = "assumed: nobody has accepted it"
    DECLINED = "declined by the agency that was asked"
    NO_MEASURE = "accepted, and nothing says what is done about it"
    NO_PERSON = "accepted, and no person is named"
    PERSON_GONE = "the person named for it has left the agency"
    NO_CHECK_IN = "accepted, and no check-in is set"
    MISSED = "the check-in was missed"
    CLEAR = "swept, nothing found, still holds"
    NOT_SWEPT = "not swept yet"
    SWEEPING = "being swept: not covered until it is done"
    NO_TEAM = "no team has it"
    FOUND = "something was found"
    BREACHED = "somebody got in after the sweep"
    LAPSED = "the sweep is too old"
    GIVEN_UP = "will not be swept; the reason stands beside it"


@dataclass(frozen=True, slots=True)
class Held:
    """A position as the decision sees it. `person_here` = the named person is still of the accepting agency."""

    state: str
    accepting: str = ""
    mitigation: bool = False
    person: str = ""
    person_here: bool = True
    check_in_every_s: int = 0
    check_in_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """A zone as the decision sees it."""

    state: str
    team: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    colour: Colour
    why: Reason

    @property
    def red(self) -> bool:
        return self.colour is Colour.RED


def standing(p: Held, now: datetime) -> Verdict:
    """Green only for a position that an agency accepted, with a measure, a person who is there, and a check-in
    that was not missed. "Somebody will take care of it" is red (incidents B, 8-12 Jul)."""
    why = _wanting(p, now)
    return Verdict(Colour.RED, why) if why else Verdict(Colour.GREEN, Reason.HELD)


def _wanting(p: Held, now: datetime) -> Reason | None:
    if p.state == PositionState.DECLINED:
        return Reason.DECLINED
    if p.state != PositionState.ACCEPTED:
        return Reason.ASSUMED if p.accepting else Reason.NOT_ASKED
    if not p.accepting:
        return Reason.NOT_ASKED
    if not p.mitigation:
        return Reason.NO_MEASURE
    if not p.person:
        return Reason.NO_PERSON
    if not p.person_here:
        return Reason.PERSON_GONE
    if p.check_in_every_s <= 0:
        return Reason.NO_CHECK_IN
    if p.check_in_due is not None and p.check_in_due < now:
        return Reason.MISSED
    return None


def next_check_in(
    now: datetime, every_s: int, starts_at: datetime, ends_at: datetime, *, first: bool
) -> datetime | None:
    """When the next check-in is due: the first one by the start of the event (or one interval from now, when that
    is later), then every interval until its end; None once the event is over."""
    every = timedelta(seconds=every_s)
    due = max(starts_at, now + every) if first or now < starts_at - every else now + every
    return due if due <= ends_at else None


_SWEEPS = {
    ZoneState.BEGUN.value: Reason.SWEEPING,
    ZoneState.FOUND.value: Reason.FOUND,
    ZoneState.BREACHED.value: Reason.BREACHED,
    ZoneState.LAPSED.value: Reason.LAPSED,
    ZoneState.NOT_SWEPT.value: Reason.GIVEN_UP,
}


def sweep_standing(z: Sweep, now: datetime) -> Verdict:
    """Green only while a sweep that found nothing holds. "Swept" without an end is not cover (incidents C)."""
    if z.state == ZoneState.SWEPT:
        if z.expires_at is None or z.expires_at <= now:
            return Verdict(Colour.RED, Reason.LAPSED)
        return Verdict(Colour.GREEN, Reason.CLEAR)
    fallback = Reason.NOT_SWEPT if z.team else Reason.NO_TEAM
    return Verdict(Colour.RED, _SWEEPS.get(z.state, fallback))
