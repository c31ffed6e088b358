"""What every form is made from, each read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from tocsin.kernel import settings
from tocsin.people.models import Operation
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor
from tocsin.plan import store
from tocsin.plan.forms.paper import Block
from tocsin.plan.models import Assignment, Post
from tocsin.plan.terms import CarryState
from tocsin.record.terms import Entry

Say = Callable[[Entry], str | None]


@dataclass(frozen=True, slots=True)
class Live:
    """What the stage that runs an operation adds. `say` makes, of the entries of a log, what says each in words:
    '' = not worth a line, None = nothing better than the plan's own words. `now` = how it stands, as boxes.
    `silent` = kinds of entries that are left out; `by_rule` = those that nobody did, but follow from what was done."""

    say: Callable[[Desk, Sequence[Entry]], Say]
    now: Callable[[Desk], Iterable[Block]]
    silent: frozenset[str] = frozenset()
    by_rule: frozenset[str] = frozenset()


@dataclass
class Desk:
    """What the forms are made from, each read once."""

    actor: Actor
    operation: Operation
    now: datetime
    live: Live | None = None
    agencies: dict[str, str] = field(default_factory=agency_names)

    def __post_init__(self) -> None:
        self.zone = ZoneInfo(settings.current().timezone)
        self.posts = list(store.posts(self.operation.id, self.actor))
        rows = store.assignments(self.operation.id, self.actor).filter(relieved_at=None)
        self.held: dict[str, list[Assignment]] = defaultdict(list)
        for one in rows:
            self.held[one.post].append(one)
        self.names = names(one.person for many in self.held.values() for one in many)
        self.channels = {c.id: c for c in store.channels(self.operation.id, self.actor)}
        self.carried: dict[str, list[str]] = defaultdict(list)
        for c in store.carries(self.operation.id, self.actor):
            if c.channel in self.channels:
                done = "" if c.state == CarryState.TESTED else " (not tested)"
                self.carried[c.post or c.agency].append(f"{self.channels[c.channel].label}{done}")

    def clock(self, at: datetime | None) -> str:
        return at.astimezone(self.zone).strftime("%d %b %H:%M") if at else ""

    def hours(self, start: datetime, end: datetime) -> str:
        return f"{self.clock(start)} to {self.clock(end)}"

    def agency(self, agency: str) -> str:
        return self.agencies.get(agency, agency)

    def who(self, post: Post) -> str:
        return "; ".join(
            f"{self.names.get(a.person, a.person)}"
            + (
                ""
                if (a.from_at, a.until_at) == (post.from_at, post.until_at)
                else f", {self.hours(a.from_at, a.until_at)}"
            )
            for a in self.held[post.id]
        )
