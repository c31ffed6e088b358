"""Playing an exercise in the field on a virtual clock against the real system in an empty database.

The runner never tells, retries, asks or escalates by itself: it moves the clock to the next moment anything is due
and runs the worker's own steps. Promise: the same story gives the same history, but for ids and keys.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db import connection

from tocsin.deliver.actions import send_notices
from tocsin.duties.actions import fire_due
from tocsin.exercise.live import acts
from tocsin.exercise.live.folk import SEEN, Folk
from tocsin.exercise.live.setting import Accounts, Stage, build
from tocsin.exercise.live.terms import Busy, Down, FieldStory
from tocsin.exercise.runner import quick_commits, refuse_unless_empty
from tocsin.kernel import clock
from tocsin.kernel.clock import VirtualClock
from tocsin.operate import actions as operate
from tocsin.operate.terms import CHECK_IN_EVERY, SEEN_HOLDS
from tocsin.plan.actions import lapse_due
from tocsin.record.models import Entry
from tocsin.record.sequencer import Sequencer
from tocsin.record.store import decode

CHECK_IN = CHECK_IN_EVERY - timedelta(minutes=5)
"""How often whoever holds a post taps that they are there."""
LOCATE = timedelta(minutes=4)
"""How often a phone that is on says where it is, at least: a place older than `FRESH` counts for nobody."""
STUCK = 20
"""So often something may be due at one moment; a way out that cannot be taken is tried again a second later."""
_NEVER = datetime.max.replace(tzinfo=UTC)
_NEXT = """
SELECT least(
    (SELECT min(next_at) FROM duties_duty WHERE discharged_at IS NULL AND next_at IS NOT NULL),
    (SELECT min(until) FROM operate_message WHERE done_at IS NULL),
    (SELECT min(last_seen_at) + make_interval(secs => %s) FROM operate_sighting
     WHERE state = 'OPEN' AND last_seen_at > %s),
    (SELECT min(expires_at) FROM plan_zone WHERE state = 'SWEPT'))
"""
Progress = Callable[[datetime], None]


class FieldPlay:
    """One run of one column. `pushes`: whether anything is brought to people, or only by hand as history did."""

    def __init__(self, stage: Stage, time: VirtualClock, *, pushes: bool) -> None:
        self.stage = stage
        self.pushes = pushes
        self._time = time
        self._folk = Folk(stage, self.at)
        self._heap: list[tuple[datetime, int, Callable[[], object]]] = []
        self._count = 0
        self._last = 0
        self._sequencer = Sequencer()
        self._schedule()

    def at(self, moment: datetime, do: Callable[[], object]) -> None:
        """Let something happen at `moment` (now, where that is past)."""
        self._count += 1
        heapq.heappush(self._heap, (max(moment, clock.now()), self._count, do))

    def run(self, until: datetime, progress: Progress | None = None) -> None:
        """Play until `until`, in order of time: what is due in the system first, then what happens."""
        self.settle()
        again = 0
        while (moment := min(self.next(), self._heap[0][0] if self._heap else _NEVER)) <= until:
            again = again + 1 if moment <= self._time.now() else 0
            if again > STUCK:
                moment = self._time.now() + timedelta(
                    seconds=1
                )  # it stays due; time goes on all the same
            self._time.move_to(max(moment, self._time.now()))
            self.step()
            if progress:
                progress(moment)
        self._time.move_to(max(until, self._time.now()))
        self.step()
        while self._sequencer.step():
            pass

    def step(self) -> None:
        """Do what is due in the system, then what happens now, then what came of it."""
        self.settle()
        while self._heap and self._heap[0][0] <= clock.now():
            heapq.heappop(self._heap)[2]()
        self.settle()

    def entries(self) -> int:
        """How many entries the record holds."""
        return self._last

    def next(self) -> datetime:
        """When anything is due in the system; far away where nothing is."""
        if not self.pushes:
            return _NEVER
        with connection.cursor() as cursor:
            cursor.execute(_NEXT, [SEEN_HOLDS.total_seconds(), clock.now() - SEEN_HOLDS])
            due: datetime | None = cursor.fetchone()[0]
        return due or _NEVER

    def settle(self) -> None:
        """Run the worker's steps until nothing is due now, and let people hear what came of it."""
        while True:
            self._hear()
            if not self.pushes or not (
                fire_due() + operate.mind() + operate.send_due() + lapse_due() + send_notices()
            ):
                break
        self._sequencer.step()

    def _hear(self) -> None:
        rows = Entry.objects.filter(n__gt=self._last).order_by("n")
        found = list(rows.values_list("n", "kind", "body"))
        if not found:
            return
        self._last = found[-1][0]
        for _, kind, body in found:
            if self.pushes and kind in SEEN:
                self._folk.hear(decode(body))

    def _schedule(self) -> None:
        story = self.stage.story
        for inject in story.injects:
            do = acts.perform if self.pushes else acts.by_hand
            self.at(inject.at, partial(do, self.stage, inject))
            if self.pushes and isinstance(inject, Down) and inject.until:
                self.at(inject.until, partial(acts.up, self.stage, inject))
            if self.pushes and isinstance(inject, Busy) and inject.until:
                self.at(inject.until, partial(acts.calm, self.stage, inject))
        if self.pushes:
            self._stand()

    def _stand(self) -> None:
        """Those at posts check in by one tap, as long as they are there; their phones say where they are."""
        story = self.stage.story
        for post in story.plan.posts:
            if not post.person or post.person in self.stage.played:
                continue
            opens = post.opens or story.operation.starts
            closes = min(post.closes or story.operation.ends, story.ends)
            here = self.stage.point(post.at)
            self.at(opens, partial(self.stage.places.__setitem__, post.person, here))
            moment = opens
            while moment < closes:
                self.at(moment, partial(acts.here, self.stage, post))
                moment += CHECK_IN
        moment = story.operation.starts
        while moment < story.ends:
            self.at(moment, partial(acts.locate_all, self.stage))
            moment += LOCATE


@contextmanager
def stage(
    story: FieldStory, *, pushes: bool, accounts: Accounts | None = None, played: Iterable[str] = ()
) -> Iterator[FieldPlay]:
    """Set the stage in the connected database, which must be empty, and hand out the play, on its own clock.

    Raises: Conflict when the database is not empty; Invalid when mail would leave this machine.
    """
    refuse_unless_empty()
    virtual = VirtualClock(story.starts)
    with clock.use(virtual), quick_commits():
        yield FieldPlay(build(story, accounts=accounts, played=played), virtual, pushes=pushes)


__all__ = ["FieldPlay", "stage"]
