"""What is owed, as the front page shows it: by time left, with who owes it and who is asked next.

A fixed number of queries, however many duties are shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet

from tocsin.assess import worklist
from tocsin.assess.models import Situation
from tocsin.duties import store as duties
from tocsin.duties.models import Duty
from tocsin.people.models import Grant, Operation, Shift
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor, Role
from tocsin.people.visibility import visible_to
from tocsin.warn import store as warn
from tocsin.warn.models import Warning
from tocsin.web import subjects

SHOWN = 25
"""Rows of one group on the front page; the rest is a click away."""
PAGE = 50
FOLDED_FROM = 4
"""This many duties of one kind that wait in the queue are one row, which leads to the queue."""

SHOWS = {"mine": "Mine", "agency": "My agency's", "all": "All I may see"}
_FOLDS = {
    "assess": ("Assess {n} flagged reports", "Open the queue"),
    "second_reading": ("Read {n} decisions a second time", "Open the queue"),
}
_ACTS_NEXT = {
    "do:next_channel": "the same person another way",
    "do:next_person": "the next person named",
    "do:next_releaser": "another release authority",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line, in the words of `parts/owed_row.html`."""

    what: str
    title: str
    url: str
    about: str
    about_url: str
    whose: str
    next: str
    opened: datetime
    due: datetime
    precedence: str
    action_label: str
    action_url: str


@dataclass(frozen=True, slots=True)
class Group:
    """Duties due within one stretch of time: those shown, and how many there are."""

    key: str
    label: str
    count: int
    rows: list[Row] = field(default_factory=list)
    more_url: str = ""


def bounds(now: datetime) -> dict[str, tuple[str, Q]]:
    """The four groups of the front page: words, and which due times belong."""
    soon, hour = now + timedelta(minutes=15), now + timedelta(hours=1)
    return {
        "overdue": ("Overdue", Q(due_at__lte=now)),
        "soon": ("Next 15 minutes", Q(due_at__gt=now, due_at__lte=soon)),
        "hour": ("Next hour", Q(due_at__gt=soon, due_at__lte=hour)),
        "later": ("Later", Q(due_at__gt=hour)),
    }


def owed(actor: Actor, show: str, now: datetime) -> QuerySet[Duty]:
    """The duties of one of `SHOWS`, soonest due first."""
    if show == "agency":
        return duties.open_duties(actor).filter(owner_agency=actor.agency)
    if show == "all":
        return duties.open_duties(actor)
    return duties.owed_by(actor, now)


def front(actor: Actor, show: str, now: datetime) -> list[Group]:
    """The groups of the front page that hold anything: at most `SHOWN` rows each, queue work folded."""
    rows, times = owed(actor, show, now), bounds(now)
    tallies = {key: Count("id", filter=within) for key, (_, within) in times.items()}
    folds = {
        f"{key}__{kind}": Count("id", filter=within & Q(kind=kind))
        for key, (_, within) in times.items()
        for kind in _FOLDS
    }
    counted = rows.order_by().aggregate(**tallies, **folds)
    found: dict[str, list[Duty]] = {}
    folded: dict[str, int] = {}
    for key, (_, within) in times.items():
        if not counted[key]:
            continue
        some = rows.filter(within)
        heads: list[Duty] = []
        for kind in _FOLDS:
            if (n := counted[f"{key}__{kind}"]) >= FOLDED_FROM and show != "all":
                first = some.filter(kind=kind).first()
                if first is not None:
                    heads.append(first)
                    folded[first.id] = n
                    some = some.exclude(kind=kind)
        found[key] = sorted([*heads, *some[:SHOWN]], key=lambda d: (d.due_at, d.id))
    lines = dict(
        zip(
            [d.id for ds in found.values() for d in ds],
            describe(actor, [d for ds in found.values() for d in ds], now, folded),
            strict=True,
        )
    )
    return [
        Group(
            key,
            times[key][0],
            counted[key],
            [lines[d.id] for d in ds],
            _more(show, key)
            if counted[key] > len(ds) + sum(folded.get(d.id, 1) - 1 for d in ds)
            else "",
        )
        for key, ds in found.items()
    ]


def _more(show: str, key: str) -> str:
    base = subjects.page("owed-list", key)
    return f"{base}?show={show}" if base else ""


def describe(
    actor: Actor, rows: list[Duty], now: datetime, folded: dict[str, int] | None = None
) -> list[Row]:
    """Each duty in words; those in `folded` (id -> how many they stand for) lead to the queue."""
    staff = Staffing(rows, now)
    warnings = subjects.warnings_of(d.subject for d in rows)
    titles = _titles(actor, {warnings.get(d.subject, d.subject) for d in rows})
    return [
        _row(actor, d, staff, warnings.get(d.subject, ""), (folded or {}).get(d.id, 0), titles)
        for d in rows
    ]


def _titles(actor: Actor, subjects_: set[str]) -> dict[str, str]:
    """What the warnings and situations are called, for those the actor may see: two like duties on one
    event are told apart by it."""
    warnings = [s for s in subjects_ if s.startswith("wrn_")]
    situations = [s for s in subjects_ if s.startswith("sit_")]
    found: dict[str, str] = {}
    if warnings:
        found |= warn.titles(visible_to(actor, Warning.objects.filter(id__in=warnings)))
    if situations:
        rows = visible_to(actor, Situation.objects.filter(id__in=situations))
        found |= {id: words.get("title", "") for id, words in worklist.titles(rows).items()}
    return found


def _row(
    actor: Actor,
    duty: Duty,
    staff: Staffing,
    warning: str,
    stands_for: int,
    titles: dict[str, str],
) -> Row:
    event = staff.operations.get(duty.operation)
    url = subjects.answer_url(duty.kind, duty.subject, duty.operation, warning=warning)
    what, label = duty.title, subjects.act_of(duty.kind)
    if stands_for:
        words, label = _FOLDS[duty.kind]
        what, url = words.format(n=stands_for), subjects.page("queue") or url
    return Row(
        what=what,
        title="" if stands_for else titles.get(warning or duty.subject, ""),
        url=url,
        about="several events" if stands_for else event.name if event else "",
        about_url=subjects.page("operation", event.id) if event and not stands_for else "",
        whose=staff.whose(duty, actor),
        next=staff.next(duty),
        opened=duty.opened_at,
        due=duty.due_at,
        precedence=duty.precedence,
        action_label=label,
        action_url=url,
    )


class Staffing:
    """Who answers for a role now, for all roles that these duties name: the rule of `people.store.on_duty`
    (those on shift, else all who hold the role), for many seats at once."""

    def __init__(self, rows: Iterable[Duty], now: datetime) -> None:
        found = list(rows)
        events = {d.operation for d in found if d.operation}
        self.operations = (
            {o.id: o for o in Operation.objects.filter(id__in=events)} if events else {}
        )
        seats = {seat for d in found for seat in self._seats(d)}
        holders = self._by_seat(Grant.objects.filter(revoked_at=None), seats)
        on_shift = self._by_seat(Shift.objects.filter(starts_at__lte=now, ends_at__gt=now), seats)
        self._on = {
            seat: [p for p in on_shift.get(seat, []) if p in held] or held
            for seat, held in holders.items()
        }
        people = {p for on in self._on.values() for p in on} | {
            d.owner_person for d in found if d.owner_person
        }
        self._names = names(people) if people else {}
        self._agencies = agency_names()

    @staticmethod
    def _by_seat(
        rows: QuerySet[Any], seats: set[tuple[str, str]]
    ) -> dict[tuple[str, str], list[str]]:
        found: dict[tuple[str, str], list[str]] = {}
        if not seats:
            return found
        rows = rows.filter(agency__in={a for a, _ in seats}, role__in={r for _, r in seats})
        for agency, role, person in (
            rows.order_by("person").values_list("agency", "role", "person").distinct()
        ):
            found.setdefault((agency, role), []).append(person)
        return found

    def _seats(self, duty: Duty) -> set[tuple[str, str]]:
        seats = {(duty.owner_agency, duty.owner_role)} if duty.owner_role else set()
        for step in duty.steps[max(0, min(duty.rung, len(duty.steps) - 1)) :]:
            if seat := self._seat(duty, step["tell"]):
                seats.add(seat)
            seats |= set(self._must_know(duty, step["tell"]))
        return seats

    def _seat(self, duty: Duty, tell: str) -> tuple[str, str] | None:
        how, _, role = tell.partition(":")
        if how == "role":
            return duty.owner_agency, role
        if how == "lead":
            event = self.operations.get(duty.operation)
            return (event.lead_agency if event else duty.agency or duty.owner_agency), role
        return None

    def _must_know(self, duty: Duty, tell: str) -> list[tuple[str, str]]:
        event = self.operations.get(duty.operation)
        return (
            [(r["agency"], r["role"]) for r in event.must_know]
            if event and tell == "must_know"
            else []
        )

    def whose(self, duty: Duty, actor: Actor) -> str:
        """Who owes it now: names where they are few, else the role; the agency where it is another."""
        where = (
            ""
            if duty.owner_agency == actor.agency
            else self._agencies.get(duty.owner_agency, duty.owner_agency)
        )
        if duty.owner_person:
            who = "you" if duty.owner_person == actor.person else self._named([duty.owner_person])
        else:
            who = self._seat_words((duty.owner_agency, duty.owner_role), actor.person)
        return f"{who}, {where}" if where else who

    def _seat_words(self, seat: tuple[str, str], me: str = "") -> str:
        people, title = self._on.get(seat, []), _title(seat[1])
        if not people:
            return f"{title} (nobody holds the role)"
        if len(people) > 2:
            return f"{len(people)} people: {title}"
        return f"{self._named(people, me)} ({title})"

    def next(self, duty: Duty) -> str:
        """The first of the steps still to come that asks somebody else than the owner; '' = nobody."""
        if duty.next_at is None:
            return ""
        for step in duty.steps[min(duty.rung, len(duty.steps) - 1) :]:
            tell = step["tell"]
            if tell in _ACTS_NEXT:
                return _ACTS_NEXT[tell]
            seats = [s for s in [self._seat(duty, tell)] if s] or self._must_know(duty, tell)
            people = [p for seat in seats for p in self._on.get(seat, []) if p != duty.owner_person]
            if people:
                return self._named(people)
        return ""

    def _named(self, people: list[str], me: str = "") -> str:
        said = ["you" if p == me else self._names.get(p, p) for p in dict.fromkeys(people)]
        return ", ".join(said[:2]) + (f" and {len(said) - 2} more" if len(said) > 2 else "")


def _title(role: str) -> str:
    return Role(role).title if role in set(Role) else role
