"""Somebody or something is not there: a post left, a check-in missed, a sensor down, a battery nearly empty.

Each is a duty for something that makes up for it (incidents B, 15:51 and 18:06: nobody owed it).
"""

from __future__ import annotations

from datetime import datetime

from tocsin.duties.actions import discharge, open_duty
from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.kernel.ids import new_id
from tocsin.operate import terms
from tocsin.operate.actions import shared
from tocsin.operate.actions.feed import tell
from tocsin.operate.models import Absence, Sensor
from tocsin.operate.store.field import beside
from tocsin.operate.terms import AbsenceKind
from tocsin.people.models import Operation
from tocsin.people.rules import permit
from tocsin.people.terms import SYSTEM, Actor, Permission
from tocsin.people.visibility import get_visible, marking_of
from tocsin.plan.actions.positions import check_in_position, held_still
from tocsin.plan.actions.shared import role_asked
from tocsin.plan.actions.staffing import checked_in, may_staff, vacated
from tocsin.plan.models import Assignment, Position, Post
from tocsin.plan.store.staffing import standing
from tocsin.plan.terms import PositionState
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import stamp

COVER = "cover_absence"
ENDED = "ENDED"


def check_in(
    actor: Actor, *, operation: str, post: str, at: datetime | None = None, key: str = ""
) -> None:
    """Say that one is at one's post, or at a position one is named for; what was owed because nobody was ends.

    Raises: Forbidden when somebody else stands there, NotFound, Conflict when nobody is assigned now.
    """
    permit(actor, Permission.READ_CONTENT)
    if post.startswith("pos_"):
        _at_position(actor, operation, post, at, key)
        return

    def do() -> str:
        with writing(actor) as w:
            row, plan, assignment = _stands(actor, operation, post, w)
            checked_in(w, assignment, shared.when(w, at))
            _holds_too(w, plan, row, assignment.person, shared.when(w, at))
            back = (AbsenceKind.VACATED.value, AbsenceKind.MISSED.value)
            for absence in (
                Absence.objects.select_for_update()
                .filter(about=post, kind__in=back)
                .exclude(state=ENDED)
            ):
                _end(w, absence, "somebody is there")
            _done(w, actor, plan, row.id, key)
            tell(plan.id, "post", post)
        return post

    shared.once(actor, key, do)


def _at_position(
    actor: Actor, operation: str, position: str, at: datetime | None, key: str
) -> None:
    def do() -> str:
        plan = shared.operation_for(actor, operation)
        found = get_visible(actor, Position.objects.filter(operation=plan.id), id=position)
        with writing(actor) as w:
            check_in_position(actor, position=found.id, at=shared.when(w, at))
            _done(w, actor, plan, found.id, key)
        return position

    shared.once(actor, key, do)


def vacate(
    actor: Actor,
    *,
    operation: str,
    post: str,
    reason: str = "",
    at: datetime | None = None,
    key: str = "",
) -> str:
    """Say that one leaves one's post; returns the absence's id. Somebody owes what makes up for it, at once.

    Raises: Forbidden when somebody else stands there, NotFound, Conflict when nobody is assigned now.
    """
    permit(actor, Permission.READ_CONTENT)

    def do() -> str:
        with writing(actor) as w:
            row, plan, assignment = _stands(actor, operation, post, w)
            if assignment.vacated_at is not None:
                raise Conflict("the post was left already", cure="Check in when you are back.")
            at_ = shared.when(w, at)
            vacated(w, assignment, at_)
            return found_absent(
                w, plan, AbsenceKind.VACATED, row.id, row.label, row.agency,
                person=assignment.person, reason=reason, at=at_, key=key,
            )  # fmt: skip

    return shared.once(actor, key, do)


def report_absence(
    actor: Actor,
    *,
    operation: str,
    kind: str,
    subject: str,
    label: str,
    agency: str = "",
    reason: str = "",
    at: datetime | None = None,
    key: str = "",
) -> str:
    """Report that a gateway, sensor or device is down, or its battery nearly empty; returns the absence's id.

    `agency` = whose it is (the leading one by default). The same thing reported twice is one absence.
    Raises: Forbidden, NotFound, Invalid.
    """
    permit(actor, Permission.READ_CONTENT)

    def do() -> str:
        with writing(actor) as w:
            plan = shared.operation_for(actor, operation)
            shared.lock(plan)
            what = shared.chosen(AbsenceKind, kind, "kind")
            named = shared.label(label, "label")
            if not named or not subject:
                raise Invalid("is missing", field="label", cure="Say what is not there.")
            rows = Absence.objects.filter(operation=plan.id, about=subject, kind=what.value)
            if (before := rows.exclude(state=ENDED).first()) is not None:
                return before.id
            whose = agency or plan.lead_agency
            return found_absent(
                w, plan, what, subject, named, whose, reason=reason, at=shared.when(w, at), key=key
            )

    return shared.once(actor, key, do)


def cover_absence(actor: Actor, *, absence: str, measure: str) -> None:
    """Say what makes up for it: two officers walk over from post 5. The duty ends; the absence stays on the board.

    Raises: Forbidden, NotFound, Conflict, Invalid.
    """
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        row, plan = shared.opened(actor, Absence, absence)
        if row.state == ENDED:
            raise Conflict("it is over", cure="Reload and look again.")
        data = {"measure": shared.words(w, absence, measure, "measure", least=3)}
        w.append(terms.ABSENCE_COVERED, absence, data, marking=marking_of(row))
        discharge(w, absence, COVER, "something makes up for it")
        tell(plan.id, "absence", absence)


def end_absence(actor: Actor, *, absence: str) -> None:
    """Say that it works again; what says so by itself ends by itself. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row, _ = shared.opened(actor, Absence, absence)
        if row.state == ENDED:
            raise Conflict("it is over", cure="Reload and look again.")
        if cure := ends_by(row):
            raise Conflict("saying so is not enough", cure=cure)
        _end(w, row, "it works again")


def ends_by(row: Absence) -> str:
    """What alone ends an absence, as a cure; '' where a person's word does."""
    if row.kind in (AbsenceKind.VACATED, AbsenceKind.MISSED):
        return "Somebody checks in there."
    if row.about.startswith("gtw_"):
        return "Test it: a radio check over it brings it back."
    silent = not row.reason  # found by itself; what a person said, a person takes back
    if silent and Sensor.objects.filter(id=row.about, state="LIVE", every_s__gt=0).exists():
        return "It ends once the sensor is heard again."
    return ""


def end_found(absence: str) -> int:
    """End what was found to be back; returns 1, or 0 where it had ended."""
    with writing(SYSTEM) as w:
        row = Absence.objects.select_for_update().filter(id=absence).exclude(state=ENDED).first()
        if row is None:
            return 0
        _end(w, row, "it is back, or no longer needed")
    return 1


def found_absent(
    w: Writing,
    plan: Operation,
    kind: AbsenceKind,
    about: str,
    label: str,
    agency: str,
    *,
    person: str = "",
    reason: str = "",
    at: datetime | None = None,
    key: str = "",
) -> str:
    """Put an absence on the record, within the caller's transaction, and owe what makes up for it."""
    absence = new_id("abs", w.at)
    data = {
        "kind": kind.value,
        "about": about,
        "label": label,
        "by_agency": agency,
        "person": person,
        "reason": shared.words(w, absence, reason, "reason") if reason.strip() else None,
        "key": key,
    }
    w.append(
        terms.ABSENCE_FOUND, absence, data, marking=shared.marking(plan), occurred_at=at or w.at
    )
    open_duty(
        w,
        COVER,
        absence,
        f"Make up for it: {label}, {kind.words}",
        shared.marking(plan),
        owner_agency=agency,
        owner_role=role_asked(agency),
        precedence=Precedence.FLASH,
    )
    tell(plan.id, "absence", absence)
    return absence


def _end(w: Writing, row: Absence, outcome: str) -> None:
    w.append(
        terms.ABSENCE_ENDED, row.id, {"found_at": stamp(row.found_at)}, marking=marking_of(row)
    )
    discharge(w, row.id, COVER, outcome)
    tell(row.operation, "absence", row.id)


def _holds_too(w: Writing, plan: Operation, post: Post, person: str, at: datetime) -> None:
    """One press says both: who is at the post also holds the positions beside it that they are named for."""
    rows = Position.objects.select_for_update().filter(operation=plan.id, person=person)
    for row in rows.filter(state=PositionState.ACCEPTED.value).order_by("id"):
        if beside(post, row):
            held_still(w, plan, row, at)


def _done(w: Writing, actor: Actor, plan: Operation, answer: str, key: str) -> None:
    if key:
        data = {"key": key, "answer": answer}
        w.append(terms.ACT_DONE, answer, data, marking=shared.marking(plan))


def _stands(
    actor: Actor, operation: str, post: str, w: Writing
) -> tuple[Post, Operation, Assignment]:
    """The post and who is assigned to it now. Raises: Forbidden, NotFound, Conflict."""
    plan = shared.operation_for(actor, operation)
    row = get_visible(actor, Post.objects.all(), id=post)
    if row.operation != plan.id:
        raise NotFound("there is no such post in this operation", field="post")
    here = list(standing(plan.id, w.at).filter(post=post).select_for_update())
    mine = [a for a in here if a.person == actor.person]
    if mine:
        return row, plan, mine[-1]
    if not here:
        raise Conflict(
            "nobody is assigned to this post now", cure="Have whoever leads assign somebody."
        )
    if not may_staff(actor, plan, row.agency):
        raise Forbidden("somebody else stands at this post", cure="They say so themselves.")
    return row, plan, here[-1]


__all__ = [
    "check_in",
    "cover_absence",
    "end_absence",
    "end_found",
    "ends_by",
    "found_absent",
    "report_absence",
    "vacate",
]
