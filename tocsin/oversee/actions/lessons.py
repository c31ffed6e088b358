"""Findings: filed, answered with evidence, checked by somebody else; and the inquiries they come out in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tocsin.duties.actions import discharge, discharge_rows, open_duty
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.oversee import lessons, terms
from tocsin.oversee.models import Finding, Inquiry
from tocsin.oversee.terms import TOPICS, FindingState, InquiryState
from tocsin.people.models import Agency
from tocsin.people.rules import permit, permit_on
from tocsin.people.store import operations_of
from tocsin.people.terms import SYSTEM, Actor, Permission, Role
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, Tlp, stamp

_TLPS = frozenset({Tlp.GREEN.value, Tlp.AMBER.value, Tlp.AMBER_STRICT.value})


def file_finding(
    actor: Actor,
    *,
    title: str,
    text: str,
    topic: str,
    owner_agency: str,
    owner_role: str,
    due_at: datetime,
    source: str = "",
    venue: str = "",
    agencies: Sequence[str] = (),
    found_at: datetime | None = None,
    tlp: str = Tlp.GREEN.value,
    inquiry: str = "",
) -> str:
    """File a finding: what is to be put right, by which role, by when. Returns its id; its owner owes an answer.

    Raises: Forbidden; Invalid naming the field.
    """
    permit(actor, Permission.OVERSEE)
    title = " ".join(title.split())
    _check_finding(title, topic, tlp, owner_agency, owner_role, agencies)
    if inquiry:
        lessons.inquiry(actor, inquiry)
    finding, marking = new_id("fnd"), Marking(actor.agency, tlp)
    with writing(actor) as w:
        if due_at <= w.at:
            raise Invalid("is past already", field="due_at", cure="Give a day to come.")
        if found_at and found_at > w.at:
            raise Invalid("has not come yet", field="found_at", cure="Give the day it was found.")
        body = {"title": title, "text": text.strip(), "source": " ".join(source.split())}
        data: dict[str, Any] = {
            "content": w.keep(finding, body),
            "topic": topic,
            "venue": _slug(venue),
            "agencies": sorted(set(agencies)),
            "owner_agency": owner_agency,
            "owner_role": owner_role,
            "inquiry": inquiry,
            "due_at": stamp(due_at),
        }
        w.append(terms.FINDING_FILED, finding, data, marking=marking, occurred_at=found_at)
        _owe_answer(w, finding, owner_agency, owner_role, due_at, marking)
    return finding


def answer_finding(
    actor: Actor, *, finding: str, version: int, evidence: str, declined: bool = False
) -> None:
    """The owner says what was done and by which evidence, or declines, with the reason. Somebody else checks it.

    Raises: Forbidden, NotFound, Conflict, Invalid.
    """
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row = _finding(actor, finding, version, {FindingState.OPEN})
        if not actor.system and (
            actor.agency != row.owner_agency or row.owner_role not in {r.value for r in actor.roles}
        ):
            raise Forbidden("only the role that owes it answers a finding")
        kept = w.keep(finding, {"text": _enough(evidence, "evidence")})
        _append(w, row, terms.FINDING_ANSWERED, {"evidence": kept, "declined": declined})
        discharge(w, finding, "answer_finding", "declined" if declined else "answered")
        open_duty(
            w,
            "check_finding",
            finding,
            "Check the refusal of a finding" if declined else "Check that a finding is put right",
            marking_of(row),
            owner_agency=row.agency,
            owner_role=Role.INSPECTOR.value,
        )


def close_finding(actor: Actor, *, finding: str, version: int, note: str) -> None:
    """An overseer of the agency that filed it has checked the evidence: it is done. Never the one who answered.

    Raises: Forbidden, NotFound, Conflict, Invalid.
    """
    permit(actor, Permission.OVERSEE)
    with writing(actor) as w:
        row = _finding(actor, finding, version, {FindingState.ANSWERED})
        _checker(actor, row)
        _append(
            w, row, terms.FINDING_CLOSED, {"note": w.keep(finding, {"text": _enough(note, "note")})}
        )
        discharge(w, finding, "check_finding", "done")


def return_finding(
    actor: Actor, *, finding: str, version: int, note: str, due_at: datetime
) -> None:
    """The evidence does not do, or the refusal does not stand: it is open again, with a new day.

    Raises: Forbidden, NotFound, Conflict, Invalid.
    """
    permit(actor, Permission.OVERSEE)
    with writing(actor) as w:
        row = _finding(actor, finding, version, {FindingState.ANSWERED, FindingState.DECLINED})
        _checker(actor, row)
        if due_at <= w.at:
            raise Invalid("is past already", field="due_at", cure="Give a day to come.")
        data = {"note": w.keep(finding, {"text": _enough(note, "note")}), "due_at": stamp(due_at)}
        _append(w, row, terms.FINDING_RETURNED, data)
        discharge(w, finding, "check_finding", "sent back")
        _owe_answer(w, finding, row.owner_agency, row.owner_role, due_at, marking_of(row))


def consider_finding(actor: Actor, *, finding: str, operation: str, text: str) -> None:
    """An operation's lead says what this operation does about a finding that bears on it; a later word replaces it.

    Raises: Forbidden, NotFound, Invalid.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    row = lessons.finding(actor, finding)
    if not operations_of(actor).filter(id=operation).exists():
        raise Forbidden("your agency takes no part in this operation")
    with writing(actor) as w:
        kept = w.keep(finding, {"text": _enough(text, "text")})
        w.append(
            terms.FINDING_CONSIDERED,
            finding,
            {"operation": operation, "text": kept},
            marking=marking_of(row),
        )
        owed = Duty.objects.select_for_update().filter(
            kind="consider_finding", subject=finding, operation=operation, discharged_at=None
        )
        discharge_rows(w, owed, "answered")


def bring_up() -> int:
    """Ask the lead of each coming operation about each unsolved finding that bears on it, once. The worker's loop.

    Returns how many duties were opened. Only findings the leading agency may see: need to know goes before reminding.
    """
    with writing(SYSTEM) as w:
        wanted = lessons.unasked(w.at)
        for row, operation in wanted:
            open_duty(
                w,
                "consider_finding",
                row.id,
                "Say what this operation does about an unsolved finding",
                Marking(row.agency, row.tlp, operation.id),
                owner_agency=operation.lead_agency,
                owner_role=Role.OPERATION_LEAD.value,
                event_start=operation.starts_at,
            )
    return len(wanted)


def submit_inquiry(
    actor: Actor,
    *,
    title: str,
    text: str,
    reviewer_agency: str,
    reviewer_role: str,
    due_at: datetime,
    submitted_at: datetime | None = None,
) -> str:
    """Hand a report of findings to whoever must clear it; their clock starts, and no hold stops it.

    Raises: Forbidden; Invalid naming the field.
    """
    permit(actor, Permission.OVERSEE)
    title = " ".join(title.split())
    if not title:
        raise Invalid("is empty", field="title", cure="Give the report's title.")
    _check_seat(reviewer_agency, reviewer_role, "reviewer")
    inquiry, marking = new_id("inq"), Marking(actor.agency, Tlp.GREEN.value)
    with writing(actor) as w:
        if due_at <= w.at:
            raise Invalid("is past already", field="due_at", cure="Give a day to come.")
        data = {
            "content": w.keep(inquiry, {"title": title, "text": text.strip()}),
            "reviewer_agency": reviewer_agency,
            "reviewer_role": reviewer_role,
            "due_at": stamp(due_at),
        }
        w.append(terms.INQUIRY_SUBMITTED, inquiry, data, marking=marking, occurred_at=submitted_at)
        open_duty(
            w,
            "review_inquiry",
            inquiry,
            "Review the report of findings: clear it, or hold it with a reason",
            marking,
            owner_agency=reviewer_agency,
            owner_role=reviewer_role,
            precedence=Precedence.PRIORITY,
            due_at=due_at,
        )
    return inquiry


def hold_inquiry(actor: Actor, *, inquiry: str, version: int, reason: str, until: datetime) -> None:
    """The reviewer holds it, by name, with a reason and until when. The duty goes on burning.

    Raises: Forbidden, NotFound, Conflict, Invalid.
    """
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row = _inquiry(actor, inquiry, version, {InquiryState.REVIEW})
        _reviewer(actor, row)
        if until <= w.at:
            raise Invalid("is past already", field="until", cure="Give a day to come.")
        hold = {
            "by": actor.person,
            "agency": actor.agency,
            "at": stamp(w.at),
            "until": stamp(until),
            "reason": w.keep(inquiry, {"text": _enough(reason, "reason")}),
            "lifted_at": None,
        }
        _append(w, row, terms.INQUIRY_HELD, {"holds": [*row.holds, hold]})


def lift_inquiry(actor: Actor, *, inquiry: str, version: int) -> None:
    """End the hold; the review goes on. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row = _inquiry(actor, inquiry, version, {InquiryState.HELD})
        _reviewer(actor, row)
        _append(w, row, terms.INQUIRY_HOLD_LIFTED, {"holds": _lifted(row, w.at)})


def clear_inquiry(actor: Actor, *, inquiry: str, version: int) -> None:
    """The reviewer clears it; its author owes publishing it. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row = _inquiry(actor, inquiry, version, {InquiryState.REVIEW, InquiryState.HELD})
        _reviewer(actor, row)
        _append(w, row, terms.INQUIRY_CLEARED, {"holds": _lifted(row, w.at)})
        discharge(w, inquiry, "review_inquiry", "cleared")
        open_duty(
            w,
            "publish_inquiry",
            inquiry,
            "Publish the report of findings that was cleared",
            marking_of(row),
            owner_agency=row.agency,
            owner_role=Role.INSPECTOR.value,
        )


def publish_inquiry(actor: Actor, *, inquiry: str, version: int) -> None:
    """It is out. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.OVERSEE)
    with writing(actor) as w:
        row = _inquiry(actor, inquiry, version, {InquiryState.CLEARED})
        if actor.agency != row.agency and not actor.system:
            raise Forbidden("only the agency that wrote it publishes it")
        _append(w, row, terms.INQUIRY_PUBLISHED, {})
        discharge(w, inquiry, "publish_inquiry", "published")


def _owe_answer(
    w: Writing, finding: str, agency: str, role: str, due_at: datetime, marking: Marking
) -> None:
    open_duty(
        w,
        "answer_finding",
        finding,
        "Put right what was found, and show the evidence",
        marking,
        owner_agency=agency,
        owner_role=role,
        due_at=due_at,
    )


def _check_finding(
    title: str, topic: str, tlp: str, owner_agency: str, owner_role: str, agencies: Sequence[str]
) -> None:
    if not title:
        raise Invalid("is empty", field="title", cure="Say in a line what is to be put right.")
    if topic not in TOPICS:
        raise Invalid(f"there is no topic {topic!r}", field="topic", cure="Choose one of the list.")
    if tlp not in _TLPS:
        raise Invalid(
            f"{tlp!r} is not offered", field="tlp", cure="Use GREEN, AMBER or AMBER+STRICT."
        )
    _check_seat(owner_agency, owner_role, "owner")
    known = set(Agency.objects.values_list("id", flat=True))
    if unknown := set(agencies) - known:
        raise Invalid(
            f"there is no agency {min(unknown)!r}", field="agencies", cure="Choose from the list."
        )


def _check_seat(agency: str, role: str, field: str) -> None:
    if not Agency.objects.filter(id=agency).exists():
        raise Invalid(
            f"there is no agency {agency!r}", field=f"{field}_agency", cure="Choose from the list."
        )
    if role not in {r.value for r in Role} - {Role.ADMINISTRATOR.value}:
        raise Invalid(
            f"there is no role {role!r}", field=f"{field}_role", cure="Choose from the list."
        )


def _finding(actor: Actor, finding: str, version: int, states: set[FindingState]) -> Finding:
    lessons.finding(actor, finding)
    row = Finding.objects.select_for_update().get(id=finding)
    if row.version != version or row.state not in {s.value for s in states}:
        raise Conflict("somebody changed this finding since you opened it", cure="Reload the page.")
    return row


def _inquiry(actor: Actor, inquiry: str, version: int, states: set[InquiryState]) -> Inquiry:
    lessons.inquiry(actor, inquiry)
    row = Inquiry.objects.select_for_update().get(id=inquiry)
    if row.version != version or row.state not in {s.value for s in states}:
        raise Conflict("somebody changed this report since you opened it", cure="Reload the page.")
    return row


def _checker(actor: Actor, row: Finding) -> None:
    permit_on(actor, Permission.OVERSEE, marking_of(row))
    if actor.agency != row.agency and not actor.system:
        raise Forbidden("the agency that filed a finding checks it")
    if actor.person == row.answered_by:
        raise Forbidden("somebody else checks what you answered")


def _reviewer(actor: Actor, row: Inquiry) -> None:
    held = {r.value for r in actor.roles}
    if not actor.system and (actor.agency != row.reviewer_agency or row.reviewer_role not in held):
        raise Forbidden("only the role that reviews it holds or clears it")


def _lifted(row: Inquiry, at: datetime) -> list[dict[str, Any]]:
    return [{**h, "lifted_at": h["lifted_at"] or stamp(at)} for h in row.holds]


def _append(w: Writing, row: Finding | Inquiry, kind: str, data: dict[str, Any]) -> None:
    w.append(kind, row.id, {**data, "version": row.version + 1}, marking=marking_of(row))


def _enough(text: str, field: str) -> str:
    if len(text.strip()) < 10:
        raise Invalid("says too little", field=field, cure="A sentence is enough.")
    return text.strip()


def _slug(text: str) -> str:
    """A place as it stands in entries: lower case, words joined by a dash, no more than 80 characters."""
    words = "".join(c if c.isalnum() else " " for c in text.casefold()).split()
    return "-".join(words)[:80]
