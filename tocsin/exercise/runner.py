"""Playing a scenario on a virtual clock against the real system in an empty database.

The runner never escalates, reminds or delivers by itself: it moves the clock to the next moment anything is
due and runs the worker's own steps. People are asked by what the system wrote (a notice, a delivery, a list
they work off) and answer as their script says.

Promise: the same scenario, count and seed give the same history, but for ids and keys, and for which
no-reports of trained people fall into the share that is always read twice (that draw is secret).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db import connection

from tocsin.assess.actions import mind_watches
from tocsin.deliver.actions import fan_out, send_due, send_notices
from tocsin.deliver.models import Delivery, Recipient
from tocsin.deliver.terms import DELIVERY_SENT
from tocsin.duties.actions import fire_due
from tocsin.duties.models import Duty
from tocsin.duties.terms import DUTY_FIRED, DUTY_OPENED
from tocsin.exercise import acts, answers, cast, chatter
from tocsin.exercise.behaviour import Planned, answer
from tocsin.exercise.control import Column
from tocsin.exercise.labels import Ask
from tocsin.exercise.terms import Person, Scenario, SourceOutage
from tocsin.exercise.world import World
from tocsin.kernel import clock, settings
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Invalid
from tocsin.people.store import on_duty
from tocsin.record.models import Entry
from tocsin.record.sequencer import Sequencer
from tocsin.record.store import decode
from tocsin.record.terms import Entry as Body
from tocsin.warn import terms as warnings
from tocsin.warn.actions import expire_due

BATCH = timedelta(hours=12)
"""Background posts are taken in by this much at a time; the scenario's own posts at their minute."""
SEQUENCE_EVERY = 25
"""Entries get their place in the tree after this many moments; nothing in an exercise waits for it."""
MIND_EVERY = timedelta(hours=1)
_NEVER = datetime.max.replace(tzinfo=UTC)
_FIRST, _THEN, _LAST = 0, 1, 2
"""Order of what happens at one moment: what comes in, what is done, what is answered."""

_NEXT = """
SELECT
    (SELECT min(next_at) FROM duties_duty WHERE discharged_at IS NULL AND next_at IS NOT NULL),
    (SELECT min(next_try_at) FROM deliver_delivery WHERE next_try_at IS NOT NULL),
    least((SELECT min(expires_at) FROM warn_warning WHERE state = 'RELEASED'),
          (SELECT min(held_until) FROM warn_warning WHERE state = 'HELD'))
"""
_FANS = frozenset(
    {
        warnings.WARNING_RELEASED,
        warnings.WARNING_CANCELLED,
        warnings.WARNING_SUPERSEDED,
        warnings.WARNING_EXPIRED,
    }
)
_SEEN = (DUTY_OPENED, DUTY_FIRED, DELIVERY_SENT, *_FANS)

Progress = Callable[[datetime], None]


class Play:
    """One run of one column, from the start of the scenario until its end or `until`."""

    def __init__(
        self,
        world: World,
        column: Column,
        time: VirtualClock,
        *,
        answering: Answering | None = None,
    ) -> None:
        self.world = world
        self.column = column
        self.time = time
        self._answering = answering or (lambda person, ask, at: True)
        self._sequencer = Sequencer()
        self._heap: list[tuple[datetime, int, int, Callable[[], object]]] = []
        self._count = 0
        self._last = 0
        self._settled = 0
        self._mind_next = self.time.now()
        self._planned: set[tuple[str, str]] = set()

    def at(self, moment: datetime, order: int, do: Callable[[], object]) -> None:
        """Let something happen at `moment` (now, where that is past)."""
        self._count += 1
        heapq.heappush(self._heap, (max(moment, self.time.now()), order, self._count, do))

    def run(self, until: datetime, progress: Progress | None = None) -> None:
        """Play until `until`, in order of time: what is due in the system first, then what happens."""
        while self._heap and self._heap[0][0] <= until:
            moment = self._heap[0][0]
            self._catch_up(moment)
            self.time.move_to(max(moment, self.time.now()))
            while self._heap and self._heap[0][0] <= self.time.now():
                heapq.heappop(self._heap)[3]()
            self._settle()
            if progress:
                progress(moment)
        self._catch_up(until)
        self.time.move_to(max(until, self.time.now()))
        self._settle()
        while self._sequencer.step():
            pass

    def entries(self) -> int:
        """How many entries the record holds."""
        return self._last

    def _catch_up(self, moment: datetime) -> None:
        """Move from one thing due in the system to the next, up to `moment`."""
        while (due := min(self._due())) <= moment:
            self.time.move_to(max(due, self.time.now()))
            self._settle()
            if self._heap and self._heap[0][0] < moment:
                return  # somebody answers before that

    def _due(self) -> list[datetime]:
        """When the next duty, delivery and expiry are due; far away where there is none."""
        if not self.column.pushes:
            return [_NEVER] * 3
        with connection.cursor() as cursor:
            cursor.execute(_NEXT)
            return [at or _NEVER for at in cursor.fetchone()]

    def _settle(self) -> None:
        """Run the worker's steps until nothing is due now, and let people see what came of it."""
        if self.column.pushes and self.time.now() >= self._mind_next:
            self._mind_next = self.time.now() + MIND_EVERY
            mind_watches()
        fans = self._observe()
        while self.column.pushes:
            now = self.time.now()
            duties, deliveries, ends = (at <= now for at in self._due())
            if not (fans or duties or deliveries or ends):
                break
            if duties:
                fire_due()
            if ends:
                expire_due()
            if fans:
                fan_out()
            if deliveries:
                send_due(threads=0)
            if duties:
                send_notices()
            fans = self._observe()
        self._settled += 1
        if self._settled % SEQUENCE_EVERY == 0:
            self._sequencer.step()

    def _observe(self) -> bool:
        """Read what is new on the record; plan what people will do. Returns whether there is something to address."""
        rows = Entry.objects.filter(n__gt=self._last).order_by("n")
        last = rows.values_list("n", flat=True).last()
        if last is None:
            return False
        self._last = last
        fans = False
        for body in rows.filter(n__lte=last, kind__in=_SEEN).values_list("body", flat=True):
            entry = decode(body)
            fans |= entry.kind in _FANS
            if self.column.pushes:
                self._ask(entry)
        return fans

    def _ask(self, entry: Body) -> None:
        if entry.kind == DUTY_OPENED and entry.data["kind"] in answers.QUEUES:
            self._list(
                entry.data["id"],
                entry.data["owner_agency"],
                entry.data["owner_role"],
                entry.data["kind"],
            )
        elif entry.kind == DUTY_FIRED and entry.data["told"]:
            kind = Duty.objects.values_list("kind", flat=True).get(id=entry.data["id"])
            for person in entry.data["told"]:
                self.plan(person, entry.data["id"], kind)
        elif entry.kind == DELIVERY_SENT:
            self._delivered(entry.data["id"])

    def _list(self, duty: str, agency: str, role: str, kind: str) -> None:
        for shift in on_duty(agency, role, self.time.now()):
            self.plan(shift.person, duty, kind)

    def watch_begins(self, agency: str, role: str, person: str) -> None:
        """Whoever comes on watch works off what lies on the lists of their role."""
        waiting = Duty.objects.filter(
            owner_agency=agency, owner_role=role, kind__in=answers.QUEUES, discharged_at=None
        )
        for duty, kind in waiting.order_by("due_at", "id").values_list("id", "kind"):
            self.plan(person, duty, kind)

    def plan(self, person: str, duty: str, kind: str) -> None:
        """A person is asked about a duty: note when they will answer, once a duty."""
        ask = answers.ASKS.get(kind)
        scripted = self.world.person(person)
        if ask is None or scripted is None or (person, duty) in self._planned:
            return
        self._planned.add((person, duty))
        planned = self._answer(scripted, ask)
        if planned is not None:
            self.at(planned.at, _LAST, partial(self._do, scripted, duty, planned))

    def _answer(self, person: Person, ask: Ask) -> Planned | None:
        now = self.time.now()
        planned = answer(person, ask, now, self.world.scenario.local_offset)
        return planned if planned and self._answering(person, ask, planned.at) else None

    def _do(self, person: Person, duty: str, planned: Planned) -> None:
        row = Duty.objects.get(id=duty)
        if row.discharged_at is None:
            answers.answer(self.world, person, row, planned)

    def _delivered(self, delivery: str) -> None:
        row = Delivery.objects.get(id=delivery)
        person = Recipient.objects.values_list("person", flat=True).get(id=row.recipient)
        scripted = self.world.person(person)
        if scripted is None or (person, row.destination) in self._planned:
            return
        self._planned.add((person, row.destination))
        planned = self._answer(scripted, Ask.ACKNOWLEDGE)
        if planned is not None:
            self.at(planned.at, _LAST, partial(answers.acknowledge, self.world, row, planned))


Answering = Callable[[Person, Ask, datetime], bool]
"""Whether a person gives a planned answer: the demo lets some of the last hours' work lie."""


@contextmanager
def stage(
    scenario: Scenario,
    column: Column,
    *,
    count: int | None = None,
    seed: int | None = None,
    accounts: dict[str, tuple[str, str]] | None = None,
    answering: Answering | None = None,
) -> Iterator[Play]:
    """Set the stage in the connected database, which must be empty, and hand out the play, on its own clock.

    `count` and `seed` override the scenario's background posts.
    Raises: Conflict when the database is not empty; Invalid when mail would leave this machine.
    """
    refuse_unless_empty()
    time = VirtualClock(scenario.starts)
    with clock.use(time), column.running(), quick_commits():
        play = Play(cast.build(scenario, accounts=accounts), column, time, answering=answering)
        _schedule(play, count, seed)
        yield play


def refuse_unless_empty() -> None:
    """Raises: Conflict when the database is not empty; Invalid when mail would leave this machine."""
    if Entry.objects.exists():
        raise Conflict(
            "this database holds a record already",
            field="database",
            cure="An exercise plays in an empty database; `tocsin exercise run` makes its own.",
        )
    if settings.current().smtp_host:
        raise Invalid(
            "an exercise sends no real mail",
            field="smtp_host",
            cure="Unset TOCSIN_SMTP_HOST for it.",
        )


@contextmanager
def quick_commits() -> Iterator[None]:
    """Commit without waiting for the disk: a crash of the machine loses the run's end, and it is played again."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET synchronous_commit")


def _schedule(play: Play, count: int | None, seed: int | None) -> None:
    scenario, world = play.world.scenario, play.world
    for inject in scenario.injects:
        play.at(inject.at, _THEN, partial(play.column.perform, world, inject))
        if isinstance(inject, SourceOutage) and play.column.pushes:
            play.at(inject.until, _THEN, partial(acts.works_again, world, inject))
    if not play.column.pushes:
        return
    _background(play, count, seed)
    for roster in scenario.rosters:
        who = (
            world.agency_of(roster.person),
            cast.ROLES[roster.seat].value,
            world.people[roster.person],
        )
        for starts, _ in cast.watches(scenario, roster):
            if starts > scenario.starts:
                play.at(starts, _THEN, partial(play.watch_begins, *who))


def _background(play: Play, count: int | None, seed: int | None) -> None:
    """Background posts come in at the end of the hours they were posted in, source by source."""
    scenario = play.world.scenario
    batches: dict[datetime, dict[str, list[chatter.BackgroundPost]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for post in chatter.for_scenario(scenario, count, seed):
        number = (post.at - scenario.starts) // BATCH + 1
        batches[scenario.starts + number * BATCH][post.source].append(post)
    for moment, by_source in batches.items():
        for source, posts in by_source.items():
            play.at(moment, _FIRST, partial(acts.background, play.world, source, posts))
