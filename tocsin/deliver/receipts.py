"""The matrix: for each agency and role, how far the warning came, since when, and what happens next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from django.db.models import Count, Max, Q

from tocsin.deliver import rules
from tocsin.deliver.models import Delivery, Destination, Halt, Recipient
from tocsin.deliver.terms import (
    Card,
    Channel,
    Closed,
    Going,
    How,
    Informed,
    Occasion,
    Reason,
    State,
)
from tocsin.duties.models import Duty
from tocsin.kernel import clock, settings
from tocsin.people.models import Agency, Operation
from tocsin.people.store import names
from tocsin.people.terms import Actor, Role
from tocsin.record import store as record
from tocsin.warn.models import Warning
from tocsin.warn.terms import Seat

_CALM = {State.ACKNOWLEDGED, State.ACTED}
_STEPS = {
    "do:next_channel": "then another way to them is tried",
    "do:next_person": "then the next person is asked",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One role at one agency. `state` '' = not addressed. `shown` = the state for the receipt mark.

    `who` answered; `note` = who was asked last and how, or why it failed; `next` = what happens next and
    when; `meaning` = what the state says about the world; `destination` '-' = its page is not for the viewer.
    """

    role: str
    state: str = ""
    shown: str = ""
    at: datetime | None = None
    who: str = ""
    note: str = ""
    next: str = ""
    meaning: str = ""
    must: bool = False
    destination: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One agency; cells in the order of the matrix's roles."""

    agency: str
    cells: list[Cell]
    url: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One role that must know: whether it does, since when, and what is being done about it next."""

    agency: str
    cell: Cell


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a release is, counted by single messages. `going` = as its sender wants it."""

    going: Going
    going_at: datetime | None
    by: str
    left: int
    waits: int
    failed: int
    stopped: int

    @property
    def total(self) -> int:
        return self.left + self.waits + self.failed + self.stopped


@dataclass(frozen=True, slots=True)
class Matrix:
    """Who has the warning. `roles` are titles, those that must know first; `own` = names are shown too."""

    roles: list[str]
    rows: list[Row]
    informed: Informed
    caption: str = ""
    own: bool = False
    must_know: list[Asked] = field(default_factory=list)
    progress: Progress | None = None
    cancelled: list[Row] = field(default_factory=list)
    cancel_roles: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(1 for row in self.rows for cell in row.cells if cell.destination)

    @property
    def answered(self) -> int:
        return sum(1 for row in self.rows for cell in row.cells if cell.state in _CALM)

    @property
    def cancel_total(self) -> int:
        return sum(1 for row in self.cancelled for cell in row.cells if cell.destination)

    @property
    def cancel_answered(self) -> int:
        return sum(1 for row in self.cancelled for cell in row.cells if cell.state in _CALM)

    @property
    def unreached(self) -> int:
        """Roles that nobody in the directory leads to, or where everything was tried."""
        bad = {State.NOBODY, State.FAILED}
        return sum(1 for row in self.rows for cell in row.cells if cell.state in bad)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the cells are made from, read once for the whole matrix."""

    last: Mapping[str, Delivery]
    duty: Mapping[str, Duty]
    name: Mapping[str, str]
    zone: ZoneInfo


def build(actor: Actor, warning: Warning, now: datetime | None = None) -> Matrix:
    """See `store.matrix`. The caller has checked sight of the warning. A fixed number of queries, whatever the size."""
    own = actor.system or actor.agency == warning.agency
    destinations = list(Destination.objects.filter(warning=warning.id))
    operation = (
        Operation.objects.filter(id=warning.operation).first() if warning.operation else None
    )
    must = {Seat(s["agency"], s["role"]) for s in operation.must_know} if operation else set()
    released = [d for d in destinations if d.occasion == "release"]
    cancels = [d for d in destinations if d.occasion == "cancel"]
    must |= {Seat(d.seat_agency, d.seat_role) for d in released if d.must_know}
    done = {Seat(d.seat_agency, d.seat_role) for d in released if d.acknowledged_at}
    facts = _facts(destinations)
    titles = dict(Agency.objects.values_list("id", "name"))
    roles, rows = _rows(actor, own, released, must, facts, titles)
    cancel_roles, cancelled = _rows(actor, own, cancels, set(), facts, titles)
    return Matrix(
        roles=roles,
        rows=rows,
        informed=rules.informed(must, done),
        own=own,
        must_know=[Asked(r.agency, c) for r in rows for c in r.cells if c.must],
        progress=progress(warning.id) if own else None,
        cancelled=cancelled,
        cancel_roles=cancel_roles,
    )


def progress(warning: str) -> Progress:
    """How far a release is: what left, what waits, what failed, what was taken back. Two queries."""
    release = Destination.objects.filter(warning=warning, occasion=Occasion.RELEASE.value)
    rows = Delivery.objects.filter(warning=warning, destination__in=release.values("id")).order_by()
    left = Q(sent_at__isnull=False) | Q(delivered_at__isnull=False)
    pending = [State.QUEUED.value, State.RETRYING.value]
    counted = rows.aggregate(
        left=Count("id", filter=left & ~Q(state=State.FAILED.value)),
        waits=Count("id", filter=~left & Q(state__in=pending)),
        failed=Count("id", filter=Q(state=State.FAILED.value)),
        stopped=Count("id", filter=~left & Q(state__in=[State.STOPPED.value, State.PASSED.value])),
    )
    halt = Halt.objects.filter(warning=warning).first()
    return Progress(
        going=Going(halt.state) if halt else Going.GOING,
        going_at=halt.at if halt else None,
        by=names([halt.by]).get(halt.by, halt.by) if halt else "",
        **counted,
    )


def _facts(destinations: Sequence[Destination]) -> _Facts:
    ids = [d.id for d in destinations]
    tries = Delivery.objects.filter(destination__in=ids).order_by().values("destination")
    newest = tries.annotate(newest=Max("id")).values("newest")  # ids sort by time
    last = Delivery.objects.filter(id__in=newest)
    open_duties = Duty.objects.filter(subject__in=ids, kind="acknowledge", discharged_at=None)
    asked = {d.current for d in destinations} | {d.acknowledged_by for d in destinations}
    cards = dict(Recipient.objects.filter(id__in=asked).values_list("id", "card"))
    kept = record.contents(cards.values())
    known = {
        i: msgspec.convert(kept[vault], Card).name for i, vault in cards.items() if vault in kept
    }
    people = names({d.acknowledged_by for d in destinations if d.acknowledged_by} - set(known))
    return _Facts(
        last={d.destination: d for d in last},
        duty={d.subject: d for d in open_duties},
        name={**people, **known},
        zone=ZoneInfo(settings.current().timezone),
    )


def _rows(
    actor: Actor,
    own: bool,
    destinations: Sequence[Destination],
    must: set[Seat],
    facts: _Facts,
    titles: Mapping[str, str],
) -> tuple[list[str], list[Row]]:
    by_seat = {Seat(d.seat_agency, d.seat_role): d for d in destinations}
    seats = set(by_seat) | must
    order = sorted({s.role for s in seats}, key=lambda r: (not any(m.role == r for m in must), r))
    rows = []
    for agency in sorted({s.agency for s in seats}, key=lambda a: titles.get(a, a)):
        full = own or agency == actor.agency
        cells = []
        for role in order:
            seat = Seat(agency, role)
            found = by_seat.get(seat)
            title = _title(role)
            if found is None:
                cells.append(Cell(title, must=seat in must))
            else:
                cells.append(_cell(found, title, seat in must, facts, full))
        rows.append(Row(titles.get(agency, agency), cells))
    return [_title(r) for r in order], rows


def _title(role: str) -> str:
    return Role(role).title if role in set(Role) else role.replace("_", " ")


def _cell(row: Destination, title: str, must: bool, facts: _Facts, full: bool) -> Cell:
    state = State(row.state)
    last = facts.last.get(row.id)
    if state is State.QUEUED and last is not None and last.state == State.RETRYING:
        state = State.RETRYING
    shown = {State.RETRYING: "failed_temporary", State.FAILED: "failed_permanent"}
    return Cell(
        role=title,
        state=state.value,
        shown=shown.get(state, state.value.lower() if state.rung else ""),
        at=_since(row, state, last),
        who=facts.name.get(row.acknowledged_by, row.acknowledged_by) if full else "",
        note=_note(row, state, last, facts, full),
        next=_next(row, facts),
        meaning=state.meaning,
        must=must and row.closed_at is None,
        destination=row.id if full else "-",
    )


def _since(row: Destination, state: State, last: Delivery | None) -> datetime | None:
    times = {
        State.SENT: row.sent_at,
        State.DELIVERED: row.delivered_at,
        State.OPENED: row.read_at,
        State.ACKNOWLEDGED: row.acknowledged_at,
        State.ACTED: row.acted_at,
        State.FAILED: row.exhausted_at,
        State.STOPPED: row.closed_at,
        State.RETRYING: last.failed_at if last else None,
    }
    return times.get(state, row.opened_at)


def _note(row: Destination, state: State, last: Delivery | None, facts: _Facts, full: bool) -> str:
    """Why it stands where it stands, in a few words."""
    if row.acknowledged_at:
        return How(row.acknowledged_how).words if full else ""
    if row.closed_at:
        return Closed[row.close_reason].value
    if state is State.NOBODY:
        return "nobody in the directory"
    failed = last is not None and last.reason and state in (State.RETRYING, State.FAILED)
    said = Reason[last.reason].value if last is not None and failed else ""
    if row.exhausted_at:
        return f"{said}; every way was tried: call them".removeprefix("; ")
    if last is None or not full:
        return said
    asked = (
        f"{facts.name.get(last.recipient, 'somebody')} was asked by {Channel(last.channel).words}"
    )
    return f"{asked}: {said}" if said else asked


def _next(row: Destination, facts: _Facts) -> str:
    """What the ladder does next and at what time; '' when nothing is owed any more."""
    duty = facts.duty.get(row.id)
    if duty is None or duty.next_at is None:
        return ""
    tell = duty.steps[min(duty.rung, len(duty.steps) - 1)]["tell"]
    if row.state == State.NOBODY or (row.exhausted_at and tell.startswith("do:")):
        later = [s for s in duty.steps[duty.rung :] if not s["tell"].startswith("do:")]
        if not later:
            return ""
        at, tell = datetime.fromisoformat(later[0]["at"]), later[0]["tell"]
    else:
        at = duty.next_at
    said = _STEPS.get(tell) or f"then the {_title(tell.partition(':')[2])} is told"
    if any(s["tell"] == tell and tell.startswith("lead:") for s in duty.steps[: duty.rung]):
        said += " again"
    late = " (overdue)" if at < clock.now() else ""
    return f"{at.astimezone(facts.zone):%H:%M}: {said}{late}"
