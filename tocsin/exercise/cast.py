"""Setting the stage in an empty site: agencies, people, shifts, the operation, sources, directory.

Everything goes through the same actions as in a real site, as of the moment the exercise starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta, timezone

from tocsin.collect.actions import add_source
from tocsin.collect.terms import Reliability, SourceKind
from tocsin.deliver.actions import add_recipient
from tocsin.duties.actions import adopt_policy
from tocsin.exercise.labels import Ask, Seat, Skill
from tocsin.exercise.terms import AgencySpec, Person, RosterSpec, Scenario
from tocsin.exercise.world import World
from tocsin.people import actions as people
from tocsin.people.terms import SYSTEM, Role

ROLES = {
    Seat.COLLECTOR: Role.COLLECTOR,
    Seat.RELEASE_AUTHORITY: Role.RELEASE_AUTHORITY,
    Seat.PARTNER: Role.PARTNER,
    Seat.OPERATION_LEAD: Role.OPERATION_LEAD,
    Seat.FIELD: Role.FIELD,
    Seat.PRIVACY_OFFICER: Role.PRIVACY_OFFICER,
    Seat.OVERSIGHT: Role.INSPECTOR,
    Seat.ADMINISTRATOR: Role.ADMINISTRATOR,
}
COURSE = "Threat assessment, yearly course"
_TRAINED_FOR = timedelta(days=365)
_LAPSED_SINCE = timedelta(days=60)
_TRAINED = (Seat.COLLECTOR, Seat.RELEASE_AUTHORITY)


def build(scenario: Scenario, *, accounts: Mapping[str, tuple[str, str]] | None = None) -> World:
    """Put the cast of `scenario` into an empty site, as of now; returns who and what is where.

    `accounts` = person id -> (user name, password) of those somebody will sign in as; the others cannot sign in.
    """
    world = World(scenario)
    adopt_policy(SYSTEM)
    for agency in scenario.agencies:
        id = agency.id.replace("-", "_")
        world.agencies[agency.id] = people.add_agency(
            SYSTEM, agency=id, name=agency.name, short=agency.short
        )
    for person in scenario.people:
        username, password = (accounts or {}).get(person.id, (person.id, None))
        _add(world, person, username, password)
    for roster in scenario.rosters:
        for starts, ends in watches(scenario, roster):
            people.plan_shift(
                SYSTEM,
                person=world.people[roster.person],
                role=ROLES[roster.seat],
                starts_at=starts,
                ends_at=ends,
            )
    world.operation = _open(world)
    _sources(world)
    _directory(world)
    world.forget_actors()
    return world


def _add(world: World, person: Person, username: str, password: str | None) -> None:
    agency = world.scenario.agency(person.agency)
    id = people.add_person(
        SYSTEM,
        username=username,
        name=person.role,
        agency=world.agencies[person.agency],
        roles=[ROLES[seat] for seat in person.seats],
        email=f"{person.id}@{agency.domain}",
        password=password,
        novice=person.skill is Skill.NOVICE,
    )
    world.cast(person, id)
    if any(seat in _TRAINED for seat in person.seats):
        lapsed = person.skill is Skill.LAPSED
        start = world.scenario.starts
        expires = start - _LAPSED_SINCE if lapsed else start + _TRAINED_FOR
        people.qualify(SYSTEM, person=id, name=COURSE, expires_at=expires)


def watches(scenario: Scenario, roster: RosterSpec) -> Iterator[tuple[datetime, datetime]]:
    """The watches of a roster line from the day before the exercise until the day after it, in UTC.

    Round the clock is one long watch.
    """
    zone = timezone(scenario.local_offset)
    opens, closes = roster.hours.split("-")
    day = scenario.starts.astimezone(zone).date() - timedelta(days=1)
    last = scenario.ends.astimezone(zone).date() + timedelta(days=1)
    if (opens, closes) == ("00:00", "24:00"):
        yield _at(day, "00:00", zone), _at(last, "00:00", zone) + timedelta(days=1)
        return
    while day <= last:
        starts, ends = _at(day, opens, zone), _at(day, closes, zone)
        yield starts, ends if ends > starts else ends + timedelta(days=1)
        day += timedelta(days=1)


def _at(day: object, clock: str, zone: timezone) -> datetime:
    hour, minute = clock.split(":")
    midnight = datetime.combine(day, time(), tzinfo=zone)  # type: ignore[arg-type]
    return (midnight + timedelta(hours=int(hour), minutes=int(minute))).astimezone(UTC)


def _open(world: World) -> str:
    spec = world.scenario.operation
    return people.open_operation(
        SYSTEM,
        name=spec.name,
        place=spec.place,
        lead_agency=world.agencies[spec.lead_agency],
        agencies=list(world.agencies.values()),
        starts_at=spec.starts,
        ends_at=spec.ends,
        checklist=sorted(
            {sign for inject in world.scenario.injects for sign in getattr(inject, "raises", ())}
        ),
        must_know=[{"agency": agency, "role": role.value} for agency, role, _ in must_know(world)],
        keywords=["capitol", "joint session", "january 6", "jan 6", "the 6th"],
        k=spec.alarm_categories,
    )


def must_know(world: World) -> list[tuple[str, Role, Person]]:
    """(agency, role, person) of everybody who must know: the role is the first seat of the person."""
    named = [
        (world.agencies[agency.id], world.scenario.person(id))
        for agency in world.scenario.agencies
        for id in agency.must_know
    ]
    return [(agency, ROLES[person.seats[0]], person) for agency, person in named]


def _sources(world: World) -> None:
    """Sources as of the exercise: posts are handed in by the road other systems use, nothing is fetched."""
    for spec in world.scenario.sources:
        world.sources[spec.id] = add_source(
            SYSTEM,
            kind=SourceKind.TIP if spec.kind == "tip" else SourceKind.API,
            name=spec.name,
            agency=world.agencies[spec.agency],
            authority=spec.authority,
            purpose=spec.purpose,
            operation=world.operation,
            retention_days=spec.retention.days,
            reliability=Reliability(spec.reliability),
        )


def _directory(world: World) -> None:
    """The lead agency keeps the directory: for each role that must know, whom to ask and who is next."""
    keeper = world.actor(world.scenario.operation.lead)
    for agency in world.scenario.agencies:
        roles = dict.fromkeys(r for a, r, _ in must_know(world) if a == world.agencies[agency.id])
        for role in roles:
            for rank, person in enumerate(order(world.scenario, agency, role), 1):
                add_recipient(
                    keeper,
                    agency=world.agencies[agency.id],
                    role=role.value,
                    name=person.role,
                    ways=[("email", f"{person.id}@{agency.domain}"), ("inapp", "")],
                    rank=rank,
                    person=world.people[person.id],
                )


def order(scenario: Scenario, agency: AgencySpec, role: Role) -> list[Person]:
    """Who is asked for a role at an agency, in order.

    First whoever must know in that role and is on no ladder; then the agency's ladder to acknowledge, those in
    the role before those who only stand in; then all others in the role.
    """
    steps = [
        id
        for ladder in scenario.ladders
        if ladder.ask is Ask.ACKNOWLEDGE and ladder.agency == agency.id
        for id in ladder.steps
    ]
    named = [scenario.person(id) for id in agency.must_know if id not in steps]
    holds = [p for p in scenario.people if p.agency == agency.id and _holds(p, role)]
    first = [p.id for p in named if ROLES[p.seats[0]] is role]
    on_ladder = [id for id in steps if _holds(scenario.person(id), role)]
    others = [p.id for p in holds if p.id not in first and p.id not in on_ladder]
    stand_in = [id for id in steps if id not in on_ladder]
    return [scenario.person(id) for id in dict.fromkeys([*first, *on_ladder, *stand_in, *others])]


def _holds(person: Person, role: Role) -> bool:
    return any(ROLES[seat] is role for seat in person.seats)
