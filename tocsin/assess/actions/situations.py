"""Situations: what belongs together, the assessment of the whole, and the draft that comes of
it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tocsin.assess import rules, store, terms
from tocsin.assess.models import Membership, Situation
from tocsin.assess.terms import Judgment, SituationKind, SituationState, WholeDecision
from tocsin.duties import actions as duties
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission, Role
from tocsin.people.visibility import get_visible, marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, Tlp

_OWED = ("assess_whole", "draft_warning")


def open_situation(
    actor: Actor,
    *,
    title: str,
    operation: str = "",
    reports: Iterable[str] = (),
    with_copies: bool = True,
    tlp: Tlp = Tlp.AMBER,
) -> str:
    """Open a topic for an operation, with reports (and their near-copies); returns its id.

    Raises: Forbidden; NotFound for a report or operation that is hidden; Invalid without a title.
    """
    permit(actor, Permission.ASSESS)
    if not title.strip():
        raise Invalid(
            "give it a title", field="title", cure="Name the place, the event or the threat."
        )
    event = store.operation_of(actor, operation) if operation else None
    with writing(actor) as w:
        found = store.reports_and_copies(actor, reports, with_copies=with_copies)
        marking = Marking(actor.agency, tlp.value, event.id if event else "")
        return open_topic(w, title, marking, found, event.k if event else 0)


def open_topic(w: Writing, title: str, marking: Marking, reports: Iterable[Any], k: int) -> str:
    """Open a topic in the caller's transaction and authority; returns its id."""
    situation = new_id("sit", w.at)
    rows = list(reports)
    data = {
        "kind": SituationKind.TOPIC.value,
        "title": w.keep(situation, {"title": title.strip()[:200], "text": ""}),
        "categories": sorted({c for r in rows for c in r.categories}),
        "reports": [r.id for r in rows],
        "k": k,
    }
    w.append(terms.SITUATION_OPENED, situation, data, marking=marking)
    return situation


def add_reports(
    actor: Actor, *, situation: str, version: int, reports: Iterable[str], with_copies: bool = True
) -> int:
    """Put reports (and their near-copies) into a topic; returns how many were new to it.

    Raises: Forbidden; NotFound; Conflict when it changed since; Invalid for the whole picture.
    """
    permit(actor, Permission.ASSESS)
    with writing(actor) as w:
        row = _mine(actor, situation, version)
        if row.kind == SituationKind.PICTURE:
            raise Invalid(
                "every report of the operation is in it already",
                field="reports",
                cure="Open a topic of its own.",
            )
        found = store.reports_and_copies(actor, reports, with_copies=with_copies)
        return join(w, row, found)


def join(w: Writing, row: Situation, reports: Iterable[Any]) -> int:
    """Put reports into a topic in the caller's transaction; returns how many were new to it."""
    there = set(
        Membership.objects.filter(situation=row.id, ended_at=None).values_list("report", flat=True)
    )
    new = [r for r in reports if r.id not in there]
    if new:
        categories = sorted({*row.categories, *(c for r in new for c in r.categories)})
        values = {"categories": categories, "reports": len(there) + len(new)}
        _change(w, row, values, added=[r.id for r in new])
    return len(new)


def remove_report(actor: Actor, *, situation: str, version: int, report: str, reason: str) -> None:
    """Take a report out of a topic, with a reason. Raises: Forbidden; NotFound; Conflict;
    Invalid.
    """
    permit(actor, Permission.ASSESS)
    reason = rules.words(reason, "reason", "say why it does not belong")
    with writing(actor) as w:
        row = _mine(actor, situation, version)
        leave(w, row, [report], reason)


def leave(w: Writing, row: Situation, reports: Iterable[str], reason: str) -> None:
    """Take reports out of a topic in the caller's transaction. Raises: Conflict when one is not in
    it.
    """
    rest = Membership.objects.filter(situation=row.id, ended_at=None)
    gone = sorted(set(reports))
    if rest.filter(report__in=gone).count() != len(gone):
        raise Conflict("a report is not in this situation any more", cure="Reload.")
    left = list(rest.exclude(report__in=gone).values_list("report", flat=True))
    values = {"categories": store.categories_of(left), "reports": len(left)}
    _change(w, row, values, removed=gone, reason=reason)


def assess_whole(actor: Actor, *, situation: str, version: int, judgment: Judgment) -> str:
    """Assess a situation as a whole; this answers the alarm. Returns the assessment's id.

    To draft a warning opens the duty to do so; to keep watching needs a reason.
    Raises: Forbidden; NotFound; Conflict when it changed (another kind of sign, another's act);
    Invalid.
    """
    permit(actor, Permission.DRAFT)
    rules.check_judgment(judgment)
    with writing(actor) as w:
        row = _mine(actor, situation, version)
        whole = new_id("whl", w.at)
        texts = {"text": judgment.text, "basis": judgment.basis, "reason": judgment.reason}
        data = {
            "id": whole,
            "decision": judgment.decision.value,
            "likelihood": judgment.likelihood.value,
            "likelihood_percent": judgment.likelihood_percent,
            "confidence": judgment.confidence.value,
            "categories": row.categories,
            "content": w.keep(situation, texts),
            "version": version + 1,
        }
        w.append(terms.WHOLE_ASSESSED, situation, data, marking=marking_of(row))
        draft = judgment.decision is WholeDecision.DRAFT
        answered = ["assess_whole"] if draft else list(_OWED)
        duties.discharge(w, situation, answered, judgment.decision.plain.lower())
        if draft:
            owe_draft(w, row.id, marking_of(row))
    return whole


def keep_watching(actor: Actor, *, situation: str, version: int, reason: str) -> None:
    """Decide that no warning is drafted from a situation now, with a reason.

    Answers the duty to draft, not an alarm: that wants an assessment. Raises: Forbidden; NotFound;
    Conflict; Invalid.
    """
    permit(actor, Permission.DRAFT)
    reason = rules.words(reason, "reason", "say why no warning is drafted now")
    with writing(actor) as w:
        row = _mine(actor, situation, version)
        _change(w, row, {}, reason=reason)
        if duties.discharge(w, situation, "draft_warning", "keep watching") == 0:
            raise Conflict(
                "nothing is owed here that this would answer", cure="Reload and look again."
            )


def close_situation(actor: Actor, *, situation: str, version: int, reason: str) -> None:
    """Close a topic, with a reason. What is owed on it must be answered first.

    Raises: Forbidden; NotFound; Conflict while something is owed; Invalid for the whole picture.
    """
    permit(actor, Permission.ASSESS)
    reason = rules.words(reason, "reason", "say why it is closed")
    with writing(actor) as w:
        row = _mine(actor, situation, version)
        if row.kind == SituationKind.PICTURE:
            raise Invalid(
                "the whole picture stays open", field="situation", cure="Close topics instead."
            )
        if Duty.objects.filter(subject=situation, kind__in=_OWED, discharged_at=None).exists():
            raise Conflict(
                "something is still owed on it",
                cure="Draft the warning, or say why you keep watching.",
            )
        _change(w, row, {"state": SituationState.CLOSED.value}, reason=reason)


def draft_begun(w: Writing, *, situation: str, warning: str) -> None:
    """A draft was begun from a situation: answers the duty to draft. Called in the drafting
    action's transaction.
    """
    w.flush()
    row = Situation.objects.select_for_update().filter(id=situation).first()
    if row is not None:
        w.append(terms.DRAFT_BEGUN, situation, {"warning": warning}, marking=marking_of(row))
        duties.discharge(w, situation, "draft_warning", "a draft was begun")


def owe_draft(w: Writing, situation: str, marking: Marking) -> str:
    """Open the duty to draft a warning, where none is open yet; returns the new duty's id or ''."""
    w.flush()
    if Duty.objects.filter(subject=situation, kind="draft_warning", discharged_at=None).exists():
        return ""
    event = store.operation_or_none(marking.operation)
    return duties.open_duty(
        w,
        "draft_warning",
        situation,
        f"Draft a warning for {event.name}, or say why not"
        if event
        else "Draft a warning, or say why not",
        marking,
        owner_agency=marking.agency,
        owner_role=Role.COLLECTOR,
        precedence=Precedence.PRIORITY,
        event_start=event.starts_at if event else None,
    )


def _mine(actor: Actor, situation: str, version: int) -> Situation:
    """The row, locked, when the actor's agency works on it and nobody changed it since."""
    row = get_visible(actor, Situation.objects.select_for_update(), id=situation)
    if not actor.system and actor.agency != row.agency and not store.owes(actor, situation):
        raise Forbidden(
            "another agency works on this situation", cure="File a concern, or ask them."
        )
    if row.version != version:
        raise Conflict(
            "it changed since you opened it", cure="Look at what is new, then send again."
        )
    if row.state != SituationState.OPEN:
        raise Conflict("it is closed", cure="Open a new one.")
    return row


def _change(
    w: Writing,
    row: Situation,
    values: dict[str, Any],
    *,
    added: Iterable[str] = (),
    removed: Iterable[str] = (),
    reason: str = "",
) -> None:
    data = {
        "set": values,
        "added": list(added),
        "removed": list(removed),
        "reason": w.keep(row.id, {"text": reason}) if reason else None,
        "version": row.version + 1,
    }
    w.append(terms.SITUATION_CHANGED, row.id, data, marking=marking_of(row))
