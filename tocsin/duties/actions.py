"""Opening, firing, moving and discharging what is owed.

`open_duty` and `discharge` work inside the transaction of the action that causes them, so a duty is
never missing where its cause is on the record, and never left where its answer is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from tocsin.duties import store, terms
from tocsin.duties.models import Duty, Notice
from tocsin.duties.rules import due as due_rule
from tocsin.duties.rules import fire_times
from tocsin.duties.terms import Precedence
from tocsin.kernel import clock
from tocsin.kernel.errors import Forbidden
from tocsin.kernel.ids import new_id
from tocsin.people.actions import change_operation
from tocsin.people.rules import permit
from tocsin.people.terms import SYSTEM, Actor, Permission
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, stamp

Act = Callable[[Writing, list[Duty]], None]
_acts: dict[str, Act] = {}


def act(name: str) -> Callable[[Act], Act]:
    """Register what `tell = "do:<name>"` does. It runs in the firing transaction, on a batch of duties."""

    def register(function: Act) -> Act:
        _acts[name] = function
        return function

    return register


def open_duty(
    w: Writing,
    kind: str,
    subject: str,
    title: str,
    marking: Marking,
    *,
    owner_agency: str,
    owner_role: str = "",
    owner_person: str = "",
    precedence: Precedence = Precedence.ROUTINE,
    event_start: datetime | None = None,
    due_at: datetime | None = None,
) -> str:
    """Open a duty in the caller's transaction; returns its id.

    The deadline bends to `event_start`; `due_at` overrides it where a person named the time.
    Raises: BadSettings when the policy has no ladder of that kind.
    """
    ladder = store.ladder(kind)
    due = due_rule(ladder, w.at, event_start)
    when, why = (due_at, "the time that was asked for") if due_at else (due.at, due.reason)
    duty = new_id("dut", w.at)
    times = fire_times(ladder, w.at, when)
    data = {
        "id": duty,
        "kind": kind,
        "title": title,
        "precedence": precedence.value,
        "owner_agency": owner_agency,
        "owner_role": str(owner_role),  # an enum itself would take the slow way to canonical bytes
        "owner_person": owner_person,
        "ladder": ladder.name,
        "ladder_version": ladder.version,
        "steps": [
            {"tell": s.tell, "at": stamp(t)} for s, t in zip(ladder.steps, times, strict=True)
        ],
        "repeat_s": int(ladder.repeat.total_seconds()) if ladder.repeat else 0,
        "due_at": stamp(when),
        "due_reason": why,
    }
    w.append(terms.DUTY_OPENED, subject, data, marking=marking)
    return duty


def discharge(w: Writing, subject: str, kind: str | Iterable[str], outcome: str) -> int:
    """End the open duties of `kind` on `subject`, because the act in this transaction answers them.

    Returns how many ended. Zero is no error: the duty may never have been opened.
    """
    kinds = [kind] if isinstance(kind, str) else list(kind)
    w.flush()
    rows = Duty.objects.select_for_update().filter(
        subject=subject, kind__in=kinds, discharged_at=None
    )
    return discharge_rows(w, rows.order_by("id"), outcome)


def discharge_rows(w: Writing, rows: Iterable[Duty], outcome: str) -> int:
    """End these duties, which the caller has locked."""
    count = 0
    for row in rows:
        data = {"id": row.id, "outcome": outcome}
        w.append(terms.DUTY_DISCHARGED, row.subject, data, marking=marking_of(row))
        count += 1
    return count


def fire_due(limit: int = 1000) -> int:
    """Fire the steps that are due now, at most `limit`; returns how many fired. The worker's loop.

    1. Claim due rows with SKIP LOCKED: any number of workers, each row to one of them.
    2. Resolve whom each step tells; a step that finds nobody goes to the last resort.
    3. Append one entry a step; apply moves the rung and writes the notices; one commit.
    A kill before the commit leaves the row due; after it, moved. So nothing is missed, nothing fires twice.
    """
    now = clock.now()
    with writing(SYSTEM) as w:
        rows = list(
            Duty.objects.select_for_update(skip_locked=True)
            .filter(discharged_at=None, next_at__lte=now)
            .order_by("next_at")[:limit]
        )
        known: dict[tuple[str, str, str, str, str], list[str]] = {}
        acts: dict[str, list[Duty]] = defaultdict(list)
        here = store.still_here(d.owner_person for d in rows)
        for duty in rows:
            _fire(w, duty, now, here, known, acts)
        for name, duties in acts.items():
            _acts[name](w, duties)
    return len(rows)


def _fire(
    w: Writing,
    duty: Duty,
    now: datetime,
    here: set[str],
    known: dict[tuple[str, str, str, str, str], list[str]],
    acts: dict[str, list[Duty]],
) -> None:
    step = duty.steps[min(duty.rung, len(duty.steps) - 1)]
    tell = step["tell"]
    owner = duty.owner_person if tell.startswith("owner") else ""
    key = (tell, duty.owner_agency, duty.owner_role, owner, duty.operation)
    if key not in known:
        known[key] = store.resolve(duty, tell, now, here)
        if not known[key] and not tell.startswith("do:"):
            known[key] = store.last_resort(duty, now)
    if tell.startswith("do:") and tell[3:] in _acts:
        acts[tell[3:]].append(duty)
    data = {
        "id": duty.id,
        "rung": duty.rung,
        "tell": tell,
        "told": list(dict.fromkeys(known[key])),
        "planned_at": stamp(duty.next_at or now),
        "next_at": _next(duty, now),
    }
    w.append(terms.DUTY_FIRED, duty.subject, data, marking=marking_of(duty))


def _next(duty: Duty, now: datetime) -> str | None:
    """When the rung after this one fires: its own time, or `repeat` from now after the last."""
    if duty.rung + 1 < len(duty.steps):
        at: str = duty.steps[duty.rung + 1]["at"]
        return at
    return stamp(now + timedelta(seconds=duty.repeat_s)) if duty.repeat_s else None


def take(actor: Actor, *, duty: str) -> None:
    """Take a duty of your own role upon yourself by name. Raises: Forbidden; Conflict when it is gone."""
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row = Duty.objects.select_for_update().filter(id=duty, discharged_at=None).first()
        if row is None or not store.owed_by(actor, w.at).filter(id=duty).exists():
            raise Forbidden("this duty is not yours to take, or is already answered")
        data = {"id": duty, "owner_person": actor.person, "why": "taken"}
        w.append(terms.DUTY_MOVED, row.subject, data, marking=marking_of(row))


def move_event(
    actor: Actor, *, operation: str, version: int, starts_at: datetime, ends_at: datetime
) -> int:
    """Move an operation in time; every open duty of it bends to the new start. Returns how many moved.

    Raises: Forbidden, Conflict, Invalid.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        change_operation(
            actor, operation=operation, version=version, starts_at=starts_at, ends_at=ends_at
        )
        rows = Duty.objects.select_for_update().filter(operation=operation, discharged_at=None)
        rows = rows.exclude(due_reason="the time that was asked for")
        for row in rows.order_by("id"):
            ladder = store.ladder(row.ladder)
            due = due_rule(ladder, row.opened_at, starts_at)
            times = [stamp(t) for t in fire_times(ladder, row.opened_at, due.at)]
            steps = [{**s, "at": t} for s, t in zip(row.steps, times, strict=False)]
            data = {
                "id": row.id,
                "due_at": stamp(due.at),
                "due_reason": due.reason,
                "steps": steps,
                "next_at": steps[row.rung]["at"] if row.rung < len(steps) else _next(row, w.at),
                "why": "the operation moved",
            }
            w.append(terms.DUTY_MOVED, row.subject, data, marking=marking_of(row))
    return len(rows)


def see_notice(actor: Actor, *, duty: str, rung: int) -> None:
    """Note that the person saw what they were told; a second look changes nothing. Raises: Forbidden."""
    with writing(actor) as w:
        row = (
            Notice.objects.select_for_update()
            .filter(duty=duty, rung=rung, person=actor.person)
            .first()
        )
        if row is None:
            raise Forbidden("this notice is not yours")
        if row.seen_at is None:
            about = Duty.objects.get(id=duty)
            w.append(
                terms.NOTICE_SEEN,
                about.subject,
                {"id": duty, "rung": rung},
                marking=marking_of(about),
            )


def adopt_policy(actor: Actor) -> str:
    """Put the policy in force on the record, when its version is new; returns the version."""
    permit(actor, Permission.ADMINISTER)
    version = next(iter(store.ladders().values())).version
    with writing(actor) as w:
        data = {"version": version, "text": store.policy_text()}
        w.append(terms.POLICY_CHANGED, "policy", data, marking=None)
    return version
