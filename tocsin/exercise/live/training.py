"""Live mode: a team takes seats of an exercise at real or faster pace, and is scored by the same measures.

Up to `training_at` everybody is scripted. From then on the site's clock runs, the team signs in and acts by the same
pages as on any day; whoever nobody plays stays scripted. It plays in a place of its own, with a web server of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from tocsin.exercise.live.play import FieldPlay
from tocsin.exercise.live.terms import FieldStory
from tocsin.kernel import clock
from tocsin.kernel.clock import Clock, PacedClock, SystemClock
from tocsin.kernel.errors import Invalid
from tocsin.operate.models import Absence, Answer, Hold, Question, Receipt, Sighting
from tocsin.record.models import Entry, Site
from tocsin.record.store import decode
from tocsin.record.terms import unstamp

PACES = range(1, 61)
STEP_S = 0.2
"""How often what is due is looked at (seconds of the machine's clock)."""
Rest = Callable[[float], None]


def accounts(story: FieldStory, password: str) -> dict[str, tuple[str, str]]:
    """Everybody of the cast can sign in under the story's own name for them."""
    return {p.id: (p.id, password) for p in story.people}


def seats(story: FieldStory, played: Iterable[str]) -> tuple[str, ...]:
    """Those whom the team plays. Raises: Invalid for a name that is not of the cast."""
    known = {p.id for p in story.people}
    wanted = tuple(dict.fromkeys(played)) or (story.operation.lead,)
    for name in wanted:
        if name not in known:
            cure = f"Choose of: {', '.join(sorted(known))}."
            raise Invalid(f"nobody is called {name!r}", field="as", cure=cure)
    return wanted


def set_clock(exercise: str, shows: datetime, pace: int) -> Clock:
    """Let the site's clock show `shows` now and run on, `pace` times as fast; returns it for this process."""
    since = SystemClock().now()
    values = {
        "exercise": exercise,
        "clock_offset_us": (shows - since) // timedelta(microseconds=1),
        "clock_pace": pace,
        "clock_since": since,
    }
    Site.objects.update_or_create(id=1, defaults=values)
    return PacedClock(shows, since, pace)


@contextmanager
def running(play: FieldPlay, pace: int) -> Iterator[Clock]:
    """From here on the clock runs by itself, for this process and for every other of the site.

    Raises: Invalid for a pace out of reach.
    """
    if pace not in PACES:
        raise Invalid(f"{pace} is out of reach", field="pace", cure="Give 1 (real) to 60.")
    story = play.stage.story
    with clock.use(set_clock(story.id, clock.now(), pace)) as ticking:
        yield ticking


def live(
    play: FieldPlay,
    until: datetime,
    *,
    progress: Callable[[datetime], None] | None = None,
    rest: Rest = time.sleep,
) -> None:
    """Let the exercise happen as the clock goes, until `until`: the worker's own steps, and what the script has."""
    shown = clock.now()
    while (now := clock.now()) < until:
        play.step()
        if progress and now - shown >= timedelta(seconds=1):
            shown = now
            progress(now)
        rest(STEP_S)
    play.step()


@dataclass(frozen=True, slots=True)
class Marks:
    """How one played person did. Times in seconds, the middle case and the slowest; None = nothing was asked, or
    nothing was answered."""

    person: str
    role: str
    told: int
    acknowledged: int
    middle_s: int | None
    slowest_s: int | None
    decided: int
    decide_s: int | None
    answered: int
    covered: int


def marks(play: FieldPlay, since: datetime) -> list[Marks]:
    """How each person whom the team played did from `since` on, by the record."""
    stage = play.stage
    team = [p for p in stage.story.people if p.id in stage.played]
    return [_marks(stage.people[p.id], p.id, p.role, stage.operation, since) for p in team]


def _marks(person: str, name: str, role: str, operation: str, since: datetime) -> Marks:
    rows = Sighting.objects.filter(operation=operation, reported_at__gte=since)
    mine = Receipt.objects.filter(person=person, sighting__in=rows.values("id"))
    taken = [s for r in mine if (s := _took(r)) is not None]
    holds = list(Hold.objects.filter(operation=operation, decided_by=person, asked_at__gte=since))
    times = [round((h.decided_at - h.asked_at).total_seconds()) for h in holds if h.decided_at]
    questions = Question.objects.filter(operation=operation, asked_at__gte=since).values("id")
    return Marks(
        person=name,
        role=role,
        told=mine.values("sighting").distinct().count(),
        acknowledged=len(taken),
        middle_s=round(median(taken)) if taken else None,
        slowest_s=max(taken, default=None),
        decided=len(holds),
        decide_s=max(times, default=None),
        answered=Answer.objects.filter(person=person, question__in=questions).count(),
        covered=Absence.objects.filter(
            operation=operation, covered_by=person, found_at__gte=since
        ).count(),
    )


def _took(r: Receipt) -> int | None:
    """Seconds from being told to the first acknowledgement; the table keeps the last, the record the first."""
    rows = Entry.objects.filter(subject=r.sighting, kind="sighting.receipts").order_by("n")
    for e in map(decode, rows.values_list("body", flat=True)):
        for seat, person, value in e.data["said"]:
            if (seat, person) == (r.seat, r.person) and value["version"] > 0:
                return max(0, round((unstamp(e.recorded_at) - r.sent_at).total_seconds()))
    return None
