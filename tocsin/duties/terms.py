"""The vocabulary of what is owed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

DUTY_OPENED = "duty.opened"
DUTY_FIRED = "duty.fired"
DUTY_MOVED = "duty.moved"
DUTY_DISCHARGED = "duty.discharged"
POLICY_CHANGED = "policy.changed"
NOTICE_SEEN = "notice.seen"


class Precedence(StrEnum):
    """The field's four words of urgency, lowest first."""

    ROUTINE = "ROUTINE"
    PRIORITY = "PRIORITY"
    IMMEDIATE = "IMMEDIATE"
    FLASH = "FLASH"


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of a ladder: when (an offset from opening, from due, or a share of the time between), and whom.

    `tell` is `owner`, `role:<role>` (at the owner's agency), `lead:<role>` (at the operation's lead agency),
    `must_know` or `do:<name>` (an act a later stage registered, such as the next channel).
    """

    tell: str
    base: str  # "opened" | "due" | "share"
    offset: timedelta = timedelta(0)
    percent: int = 0


@dataclass(frozen=True, slots=True)
class Ladder:
    """Policy for one kind of duty. `limit` from opening; `lead` before the operation starts;
    `floor` = the least time anyone is given; `repeat` = how often the last step is told again."""

    name: str
    version: str
    limit: timedelta
    lead: timedelta
    floor: timedelta
    steps: tuple[Step, ...]
    repeat: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline and why it is that."""

    at: datetime
    reason: str
