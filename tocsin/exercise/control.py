"""The two columns of the score, and every difference between them.

**With Tocsin**: injects are the real actions of their stages; duties fire, warnings are addressed, sent and
sent on, the alarm counts kinds of sign, no-reports are read twice; people are asked by all that.

**Control**: the same posts, people and injects in the same tables, and nothing that pushes:

- no duty fires, nobody is told, nothing is addressed or sent; people act only where history has them act;
- the k-of-n alarm does not count; second readings open and nobody is asked for them;
- concerns stay in chat, requests have no due date: neither is filed;
- a draft held or dropped leaves no entry; a release is passed to the people history names, by hand;
- a no-report is decided by the collector alone; a plan keeps what it cites; an all-clear passes;
- background posts are left out: nobody would have been shown any.

What is recorded of the control is what history left behind: drafts, releases, no-reports, the plan's source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tocsin.exercise import acts
from tocsin.exercise.terms import (
    ChatConcern,
    ConcernRaised,
    DraftReleased,
    Inject,
    NullReport,
    PlanCites,
    Relay,
    ReviewerHolds,
    RfiOpened,
    SourceOutage,
)
from tocsin.exercise.world import Passed, World
from tocsin.kernel import clock
from tocsin.screen.actions import on_flagged
from tocsin.warn.models import Warning
from tocsin.warn.terms import State


@dataclass(frozen=True, slots=True)
class Column:
    """A way of running the same exercise. `pushes`: whether anything is brought to people."""

    name: str
    pushes: bool

    def perform(self, world: World, inject: Inject) -> None:
        """Let an inject happen in this column."""
        instead = None if self.pushes else _INSTEAD.get(type(inject))
        if instead:
            instead(world, inject)
        else:
            acts.perform(world, inject)

    @contextmanager
    def running(self) -> Iterator[None]:
        """The block in which this column runs: in the control the alarm is taken out."""
        counting = list(on_flagged)
        if not self.pushes:
            on_flagged.clear()
        try:
            yield
        finally:
            on_flagged[:] = counting


def _by_hand(world: World, inject: DraftReleased) -> None:
    acts.released(world, inject)
    for person in inject.to:
        world.passed.append(Passed(inject.id, inject.draft, person, clock.now()))


def _relayed(world: World, inject: Relay) -> None:
    for person in inject.to:
        passed = Passed(
            inject.id, inject.warning, person, clock.now(), inject.text, inject.acknowledged
        )
        world.passed.append(passed)


def _plan_keeps(world: World, inject: PlanCites) -> None:
    if Warning.objects.get(id=world.warnings[inject.cited]).state == State.RELEASED:
        acts.plan_cites(world, inject)


def _unrecorded(world: World, inject: Any) -> None:
    acts.note(world, inject.actor, inject.historical)


_INSTEAD: dict[type, Callable[[World, Any], None]] = {
    DraftReleased: _by_hand,
    Relay: _relayed,
    PlanCites: _plan_keeps,
    ConcernRaised: _unrecorded,
    ChatConcern: _unrecorded,
    RfiOpened: _unrecorded,
    ReviewerHolds: _unrecorded,
    NullReport: _unrecorded,
    SourceOutage: _unrecorded,
}

WITH = Column("with", pushes=True)
CONTROL = Column("control", pushes=False)
