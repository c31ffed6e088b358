"""What a run knows: which scripted thing is which row, and what happened beside the record."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tocsin.exercise.labels import Speech
from tocsin.exercise.terms import Person, Scenario
from tocsin.people import store
from tocsin.people.terms import Actor


@dataclass(frozen=True, slots=True)
class Label:
    """What a careful reader would say of an item. `item` = its id in the scenario; '' = background."""

    item: str
    speech: Speech
    raises: tuple[str, ...] = ()
    veiled: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    """Something passed on by hand, outside the system: which draft, to whom, when, in which words."""

    inject: str
    draft: str
    to: str
    at: datetime
    words: str = ""
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the run's own log: what was done, or what the system refused."""

    at: datetime
    who: str
    what: str
    refused: bool = False


@dataclass(slots=True)
class World:
    """The ids of one run: scenario id -> id in the system. Filled by the cast and the acts."""

    scenario: Scenario
    people: dict[str, str] = field(default_factory=dict)
    agencies: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    operation: str = ""
    reports: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)
    concerns: dict[str, str] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)
    passed: list[Passed] = field(default_factory=list)
    log: list[Line] = field(default_factory=list)
    chatter: int = 0
    shown_too_soon: int = 0
    signs: dict[str, set[str]] = field(default_factory=dict)
    ended_by_null: dict[str, int] = field(default_factory=dict)
    _who: dict[str, Person] = field(default_factory=dict)
    _actors: dict[str, Actor] = field(default_factory=dict)

    def cast(self, person: Person, id: str) -> None:
        """Note which account plays `person`."""
        self.people[person.id] = id
        self._who[id] = person

    def person(self, id: str) -> Person | None:
        """The scripted person behind an id of the system; None for anybody else."""
        return self._who.get(id)

    def actor(self, person: str) -> Actor:
        """The scripted person as an actor; `forget_actors` after a change of standing."""
        if person not in self._actors:
            self._actors[person] = store.actor(self.people[person])
        return self._actors[person]

    def forget_actors(self) -> None:
        """Read actors afresh from now on."""
        self._actors.clear()

    def agency_of(self, person: str) -> str:
        """The agency of a scripted person, by its id in the system."""
        return self.agencies[self.scenario.person(person).agency]


def name_of(person: str) -> str:
    """What the person of an id is called."""
    return store.names([person]).get(person, person)
