"""Reading for the pages: the queue, one report with all about it, situations and their signs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from tocsin.assess import rules, store
from tocsin.assess.models import (
    Alarm,
    Assessment,
    Dissent,
    Membership,
    Rfi,
    Sign,
    Situation,
    Standing,
    Whole,
)
from tocsin.assess.terms import SituationKind, SituationState, Stage
from tocsin.collect.models import Report
from tocsin.collect.store import texts
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.people.models import Operation
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible, visible_to
from tocsin.record.store import contents
from tocsin.record.terms import unstamp

SHOWN = 50
QUEUED = 30
"""Lines of the queue at once: a screen and a half."""
WORK = ("assess", "second_reading", "settle")
_RANK = Case(
    *(When(precedence=p.value, then=Value(n)) for n, p in enumerate(Precedence)),
    default=Value(0),
    output_field=IntegerField(),
)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the queue: what is owed, on which report, and the report's masked content."""

    duty: Duty
    report: Report
    content: Mapping[str, Any]


def work(actor: Actor, kind: str, operation: str = "") -> QuerySet[Duty]:
    """What the actor's agency owes of one kind, most urgent first, then least time left.

    Nobody is offered what they may not do: their own decision for a second reading, or a difference
    they are a party to.
    """
    rows = _owed(actor, operation).filter(_offered(actor, kind))
    return rows.order_by(_RANK.desc(), "due_at", "id")


def counts(actor: Actor, operation: str = "") -> dict[str, int]:
    """How much there is to do of each kind."""
    asked = {kind: Count("id", filter=_offered(actor, kind)) for kind in WORK}
    return _owed(actor, operation).aggregate(**asked)


def _owed(actor: Actor, operation: str) -> QuerySet[Duty]:
    rows = visible_to(
        actor, Duty.objects.filter(discharged_at=None, kind__in=WORK), subject="subject"
    )
    rows = rows.filter(owner_agency=actor.agency)
    return rows.filter(operation=operation) if operation else rows


def _offered(actor: Actor, kind: str) -> Q:
    """Which open duties of a kind this actor may answer."""
    wanted = Q(kind=kind)
    if kind == "second_reading":
        if actor.novice or Permission.SECOND_READ not in actor.permissions:
            return Q(pk__in=[])
        own = Standing.objects.filter(first_reader=actor.person, stage=Stage.SECOND_READING)
        return wanted & ~Q(subject__in=own.values("report"))
    if kind == "settle":
        if Permission.SETTLE not in actor.permissions:
            return Q(pk__in=[])
        party = Q(first_reader=actor.person) | Q(second_reader=actor.person)
        own = Standing.objects.filter(party, stage=Stage.SETTLING)
        return wanted & ~Q(subject__in=own.values("report"))
    return wanted


def queue(actor: Actor, kind: str, operation: str = "", first: int = 0) -> list[Item]:
    """A page of the queue (at most `QUEUED` lines), from line `first`."""
    duties = list(work(actor, kind, operation)[first : first + QUEUED])
    rows = visible_to(actor, Report.objects.filter(id__in=[d.subject for d in duties]))
    reports = {r.id: r for r in rows}
    found = texts(reports.values())
    return [
        Item(d, reports[d.subject], found.get(d.subject, {}))
        for d in duties
        if d.subject in reports
    ]


def last_decision(actor: Actor, now: datetime) -> Assessment | None:
    """The actor's newest decision, while it can still be taken back."""
    since = now - timedelta(seconds=store.policy().undo_seconds)
    rows = Assessment.objects.filter(person=actor.person, decided_at__gte=since, undone_at=None)
    return rows.order_by("-decided_at", "-id").first()


def asked_of(actor: Actor, report: Report, standing: Standing | None) -> tuple[str, str]:
    """What this actor may decide on a report now (one of WORK or ''), and if nothing, why not."""
    held = actor.permissions
    if report.agency != actor.agency:
        return "", "Another agency decides on this report."
    if report.state == "OPEN":
        if Permission.ASSESS in held:
            return "assess", ""
        return "", "A watch analyst decides on this report."
    stage = standing.stage if standing else Stage.FINAL.value
    if standing and stage == Stage.SECOND_READING:
        if standing.first_reader == actor.person:
            return (
                "",
                "You decided; a colleague reads it a second time without seeing your decision.",
            )
        if Permission.SECOND_READ not in held or actor.novice:
            return "", "It waits for a second reader with experience."
        return "second_reading", ""
    if standing and stage == Stage.SETTLING:
        if actor.person in (standing.first_reader, standing.second_reader):
            return "", "Two readers differ; somebody who is neither of them settles it."
        if Permission.SETTLE not in held:
            return "", "Two readers differ; the release authority settles it."
        return "settle", ""
    return "", "Decided."


@dataclass(frozen=True, slots=True)
class Alike:
    """Reports like one: near-copies, and those of the same thread, newest first."""

    copies: list[Report]
    thread: list[Report]
    texts: Mapping[str, Mapping[str, Any]]
    standings: Mapping[str, Standing]


def alike(actor: Actor, report: Report, limit: int = 10) -> Alike:
    """Near-copies of a report and what else its thread holds, at most `limit` of each."""
    others = visible_to(actor, Report.objects.exclude(id=report.id)).order_by("-received_at", "-id")
    copies = list(others.filter(group=report.group)[:limit]) if report.group else []
    thread = list(others.filter(thread=report.thread)[:limit]) if report.thread else []
    both = [*copies, *thread]
    standings = Standing.objects.in_bulk([r.id for r in both])
    return Alike(copies, thread, texts(both), standings)


def topics_of(actor: Actor, report: str) -> list[Situation]:
    """The topics a report is in, that the actor may see."""
    mine = Membership.objects.filter(report=report, ended_at=None).values("situation")
    return list(visible_to(actor, Situation.objects.filter(id__in=mine)).order_by("-changed_at"))


def open_topics(actor: Actor, operation: str) -> list[Situation]:
    """Topics of the actor's agency that a report of an operation may join, newest first."""
    rows = visible_to(
        actor, Situation.objects.filter(kind=SituationKind.TOPIC, operation=operation)
    )
    rows = rows.filter(state=SituationState.OPEN, agency=actor.agency)
    return list(rows.order_by("-changed_at", "id")[:SHOWN])


def titles(rows: Iterable[Situation | Dissent | Rfi]) -> dict[str, dict[str, Any]]:
    """Row id -> its content {"title", "text"}; one query. The caller has the rows by
    `visible_to`.
    """
    by_vault = {(r.title if isinstance(r, Situation) else r.content): r.id for r in rows}
    return {by_vault[vault]: body for vault, body in contents(by_vault).items()}


def situations(actor: Actor, operation: str = "", *, closed: bool = False) -> QuerySet[Situation]:
    """Situations the actor may see, the newest change first."""
    state = SituationState.CLOSED if closed else SituationState.OPEN
    rows = visible_to(actor, Situation.objects.filter(state=state))
    if operation:
        rows = rows.filter(operation=operation)
    return rows.order_by("-changed_at", "-id")


def owed_on(subjects: Iterable[str]) -> dict[str, list[Duty]]:
    """What is owed on subjects the caller may see, soonest first."""
    found: dict[str, list[Duty]] = {}
    rows = Duty.objects.filter(subject__in=list(subjects), discharged_at=None)
    for duty in rows.order_by("due_at", "id"):
        found.setdefault(duty.subject, []).append(duty)
    return found


@dataclass(frozen=True, slots=True)
class SignLine:
    """One kind of sign: on the checklist or not, seen within the window or not, and its days."""

    category: str
    listed: bool
    active: bool
    last: datetime | None
    days: list[int]

    @property
    def total(self) -> int:
        return sum(self.days)


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs of an operation as they stand: `there` of `wanted` kinds, the alarm at `k`.

    `by_day`: for each day of the window, how many kinds were active by its end.
    """

    lines: list[SignLine]
    there: int
    wanted: int
    k: int
    days: list[str]
    by_day: list[int] = field(default_factory=list)


def signs(situation: Situation, operation: Operation | None, now: datetime) -> Signs:
    """The kinds of sign seen for a situation's operation over the policy's window."""
    window = timedelta(days=store.policy().k_of_n_window_days)
    checklist = list(operation.checklist) if operation else []
    last = {c: unstamp(at) for c, at in situation.seen.items()}
    there = rules.active(last, checklist, now, window)
    span = [(now - timedelta(days=d)).date().isoformat() for d in range(2 * window.days, -1, -1)]
    shown = span[-window.days - 1 :]
    seen: dict[str, dict[str, int]] = {}
    rows = Sign.objects.filter(operation=situation.operation, day__gte=span[0])
    for row in rows if situation.operation else []:
        seen.setdefault(row.category, {})[row.day] = row.reports
    names = checklist + sorted((set(last) | set(seen)) - set(checklist))
    lines = [
        SignLine(
            name,
            not checklist or name in checklist,
            name in there,
            last.get(name),
            [seen.get(name, {}).get(day, 0) for day in shown],
        )
        for name in names
    ]
    counted = [line.category for line in lines if line.listed]
    by_day = [_kinds_by(seen, counted, span, n, window.days) for n in range(window.days, len(span))]
    k = operation.k if operation else situation.k
    return Signs(lines, len(there), len(counted), k, shown, by_day)


def _kinds_by(
    seen: Mapping[str, Mapping[str, int]], names: list[str], days: list[str], n: int, window: int
) -> int:
    recent = set(days[max(0, n - window) : n + 1])
    return sum(any(day in recent for day in seen.get(name, {})) for name in names)


@dataclass(frozen=True, slots=True)
class Situated:
    """A situation with what its page shows."""

    row: Situation
    title: str
    operation: Operation | None
    owed: list[Duty]
    signs: Signs
    alarms: list[Alarm]
    wholes: list[tuple[Whole, Mapping[str, Any]]]


def situation(actor: Actor, situation_id: str, now: datetime) -> Situated:
    """One situation. Raises: NotFound."""
    row = get_visible(actor, Situation.objects.all(), id=situation_id)
    operation = store.operation_or_none(row.operation)
    wholes = list(Whole.objects.filter(situation=row.id).order_by("-at", "-id")[:SHOWN])
    bodies = contents([w.content for w in wholes])
    return Situated(
        row,
        titles([row]).get(row.id, {}).get("title", ""),
        operation,
        owed_on([row.id]).get(row.id, []),
        signs(row, operation, now),
        list(Alarm.objects.filter(situation=row.id).order_by("-raised_at", "-id")[:SHOWN]),
        [(w, bodies.get(w.content, {})) for w in wholes],
    )


def reports_of(actor: Actor, row: Situation) -> QuerySet[Report]:
    """The reports of a situation that the actor may see, newest first."""
    rows = visible_to(actor, Report.objects.all())
    if row.kind == SituationKind.PICTURE:
        rows = rows.filter(operation=row.operation)
    else:
        members = Membership.objects.filter(situation=row.id, ended_at=None)
        rows = rows.filter(id__in=members.values("report"))
    return rows.order_by("-received_at", "-id")


def dissents(actor: Actor, *, about: str = "", state: str = "") -> QuerySet[Dissent]:
    """Concerns the actor may see, unanswered ones first, then the newest."""
    rows = visible_to(actor, Dissent.objects.all())
    if about:
        rows = rows.filter(about=about)
    if state:
        rows = rows.filter(state=state)
    return rows.order_by("-state", "-filed_at", "-id")


def rfis(actor: Actor, *, about: str = "", state: str = "") -> QuerySet[Rfi]:
    """Requests for information the actor may see, soonest due first."""
    rows = visible_to(actor, Rfi.objects.all())
    if about:
        rows = rows.filter(about=about)
    if state:
        rows = rows.filter(state=state)
    return rows.order_by("due_at", "id")
