"""Whether a scenario holds together: whatever it refers to exists, and exists by that time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from tocsin.exercise.terms import (
    DraftWritten,
    Inject,
    Measure,
    Post,
    Scenario,
    Shift,
    SourceOutage,
    Tip,
)

ROW = re.compile(r"A(0[1-9]|1[0-5])")
HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)")
MODES = range(1, 19)

PEOPLE = "people"
SOURCES = "sources"
DRAFTS = "drafts"
ITEMS = "posts or tips"
ANY = "injects"

REFERS = {
    "actor": PEOPLE,
    "to": PEOPLE,
    "person": PEOPLE,
    "people": PEOPLE,
    "reviewer": PEOPLE,
    "source": SOURCES,
    "draft": DRAFTS,
    "warning": DRAFTS,
    "cited": DRAFTS,
    "superseded_by": DRAFTS,
    "cites": ITEMS,
    "items": ITEMS,
    "about": ANY,
}
"""What each field of an inject refers to; an empty value refers to nothing."""


class Problem(NamedTuple):
    """What is wrong, where (`file: entry`), and the cure."""

    where: str
    what: str
    cure: str


def problems(scenario: Scenario) -> list[Problem]:
    """Everything in `scenario` that does not hold together; empty when all is well."""
    return [
        *_doubles(scenario),
        *_cast(scenario),
        *_operation(scenario),
        *_times(scenario),
        *_references(scenario),
        *_measures(scenario),
    ]


def _where(inject: Inject) -> str:
    file = "posts.toml: posts" if isinstance(inject, Post) else "injects.toml: injects"
    return f"{file} {inject.id}"


def _doubles(scenario: Scenario) -> Iterator[Problem]:
    groups = (
        ("people.toml: agencies", [agency.id for agency in scenario.agencies]),
        ("people.toml: people", [person.id for person in scenario.people]),
        ("sources.toml: sources", [source.id for source in scenario.sources]),
        ("scenario.toml: measures", [measure.id for measure in scenario.measures]),
        ("injects.toml: injects", [inject.id for inject in scenario.injects]),
    )
    for where, ids in groups:
        for id, count in Counter(ids).items():
            if count > 1:
                yield Problem(
                    f"{where} {id}", f"the id is used {count} times.", "Rename all but one."
                )


def _cast(scenario: Scenario) -> Iterator[Problem]:
    people = {person.id for person in scenario.people}
    agencies = {agency.id for agency in scenario.agencies}
    for person in scenario.people:
        where = f"people.toml: people {person.id}"
        if person.agency not in agencies:
            yield _unknown(where, "agency", person.agency, "agencies")
        if HOURS.fullmatch(person.on_duty) is None:
            yield Problem(where, f"on_duty is {person.on_duty!r}.", "Write it like '07:00-19:00'.")
        asks = [answer.ask for answer in person.behaviour.answers]
        if len(asks) != len(set(asks)):
            yield Problem(where, "answers one kind of request twice.", "Keep one of them.")
    for agency in scenario.agencies:
        for id in agency.must_know:
            if id not in people:
                yield _unknown(f"people.toml: agencies {agency.id}", "must_know", id, PEOPLE)
    for source in scenario.sources:
        if source.agency not in agencies:
            yield _unknown(
                f"sources.toml: sources {source.id}", "agency", source.agency, "agencies"
            )
    seats = {person.id: person.seats for person in scenario.people}
    for roster in scenario.rosters:
        where = f"people.toml: rosters {roster.person}"
        if roster.person not in people:
            yield _unknown(where, "person", roster.person, PEOPLE)
        elif roster.seat not in seats[roster.person]:
            yield Problem(where, f"has no seat {roster.seat!r}.", "Give the person that seat.")
        if HOURS.fullmatch(roster.hours) is None:
            yield Problem(where, f"hours are {roster.hours!r}.", "Write them like '07:00-19:00'.")
    for ladder in scenario.ladders:
        where = f"people.toml: ladders {ladder.ask} of {ladder.agency}"
        if ladder.agency not in agencies:
            yield _unknown(where, "agency", ladder.agency, "agencies")
        for id in ladder.steps:
            if id not in people:
                yield _unknown(where, "steps", id, PEOPLE)


def _operation(scenario: Scenario) -> Iterator[Problem]:
    operation, where = scenario.operation, "scenario.toml: operation"
    if operation.lead_agency not in {agency.id for agency in scenario.agencies}:
        yield _unknown(where, "lead_agency", operation.lead_agency, "agencies")
    if operation.lead not in {person.id for person in scenario.people}:
        yield _unknown(where, "lead", operation.lead, PEOPLE)
    order = (scenario.starts, operation.starts, operation.ends, scenario.ends)
    if list(order) != sorted(order):
        yield Problem(
            where,
            "the event does not lie within the exercise.",
            "Correct starts and ends of scenario and operation.",
        )
    if not scenario.starts < scenario.demo_stops_at < operation.starts:
        yield Problem(
            "scenario.toml: scenario",
            "demo_stops_at is not between the start of the exercise and the event.",
            "Choose a moment between them.",
        )


def _times(scenario: Scenario) -> Iterator[Problem]:
    for inject in scenario.injects:
        if not scenario.starts <= inject.at <= scenario.ends:
            yield Problem(
                _where(inject),
                "happens outside the exercise.",
                "Correct its time, or starts and ends.",
            )
        if isinstance(inject, Shift | SourceOutage) and inject.until <= inject.at:
            yield Problem(_where(inject), "ends before it begins.", "Correct until.")


def _references(scenario: Scenario) -> Iterator[Problem]:
    known = {
        PEOPLE: {person.id for person in scenario.people},
        SOURCES: {source.id for source in scenario.sources},
    }
    seen: dict[str, set[str]] = {DRAFTS: set(), ITEMS: set(), ANY: set()}
    for inject in scenario.injects:
        for field, group, id in _referred(inject):
            if id not in (known[group] if group in known else seen[group]):
                yield _unknown(_where(inject), field, id, group)
        seen[ANY].add(inject.id)
        if isinstance(inject, DraftWritten):
            seen[DRAFTS].add(inject.id)
        if isinstance(inject, Post | Tip):
            seen[ITEMS].add(inject.id)
        if not isinstance(inject, Post):
            for row in inject.rows:
                if ROW.fullmatch(row) is None:
                    yield Problem(_where(inject), f"row {row!r} does not exist.", "Use A01 to A15.")


def _referred(inject: Inject) -> Iterator[tuple[str, str, str]]:
    for field, group in REFERS.items():
        value = getattr(inject, field, ())
        for id in (value,) if isinstance(value, str) else value:
            if id:
                yield field, group, id


def _measures(scenario: Scenario) -> Iterator[Problem]:
    injects = {inject.id for inject in scenario.injects}
    for measure in scenario.measures:
        where = f"scenario.toml: measures {measure.id}"
        if _targets(measure) != 1:
            yield Problem(
                where, "needs exactly one target.", "Give one of at_most, at_least and before."
            )
        if not measure.modes or any(mode not in MODES for mode in measure.modes):
            yield Problem(where, f"modes are {list(measure.modes)}.", "Use failure modes 1 to 18.")
        for row in measure.rows:
            if ROW.fullmatch(row) is None:
                yield Problem(where, f"row {row!r} does not exist.", "Use A01 to A15.")
        for id in measure.subjects:
            if id not in injects:
                yield _unknown(where, "subjects", id, ANY)


def _targets(measure: Measure) -> int:
    return sum(target is not None for target in (measure.at_most, measure.at_least, measure.before))


def _unknown(where: str, field: str, id: str, group: str) -> Problem:
    late = " before that time" if group in (DRAFTS, ITEMS, ANY) else ""
    return Problem(
        where,
        f"{field} names {id!r}, which is not among the {group}{late}.",
        "Add it, or correct the name.",
    )
