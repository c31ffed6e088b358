"""What a scripted person answers, and when: pure, the same in both columns of the score."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from typing import NamedTuple

from tocsin.exercise.labels import (
    Ask,
    Reply,
)
from tocsin.exercise.terms import (
    Person,
)


class Planned(NamedTuple):
    """An answer that will come, and when (aware UTC)."""

    at: datetime
    reply: Reply
    words: str


def answer(person: Person, ask: Ask, asked_at: datetime, local_offset: timedelta) -> Planned | None:
    """What `person` answers when asked for `ask` at `asked_at`; None is silence for good.

    The clock of `within` starts when the person is asked, is no longer silent, and is on duty; the
    answer comes at its very end, so that a run never shows people quicker than stated.
    """
    for candidate in person.behaviour.answers:
        if candidate.ask == ask:
            begin = max(asked_at, person.behaviour.silent_until or asked_at)
            begin = next_on_duty(person.on_duty, begin, local_offset)
            return Planned(begin + candidate.within, candidate.reply, candidate.words)
    return None


def next_on_duty(hours: str, at: datetime, local_offset: timedelta) -> datetime:
    """The first moment from `at` on within the local `hours` (`19:00-07:00` runs over midnight)."""
    local = at.astimezone(timezone(local_offset))
    opens, closes = (_minutes(part) for part in hours.split("-"))
    now = local.hour * 60 + local.minute
    inside = opens <= now < closes if opens < closes else now >= opens or now < closes
    if inside:
        return at
    midnight = datetime.combine(local.date(), time(), tzinfo=local.tzinfo)
    start = midnight + timedelta(minutes=opens)
    return (start if start >= local else start + timedelta(days=1)).astimezone(at.tzinfo)


def _minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)
