"""Taking one's own decision back within the minute, on the record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from tocsin.assess import store, terms
from tocsin.assess.actions.signs import take_out
from tocsin.assess.actions.situations import leave, owe_draft
from tocsin.assess.models import Assessment, Membership, Situation, Standing
from tocsin.assess.terms import Reading, SituationState
from tocsin.collect.models import Report
from tocsin.duties import actions as duties
from tocsin.duties.models import Duty
from tocsin.duties.terms import DUTY_MOVED
from tocsin.kernel.errors import Conflict, Forbidden
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible, marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import stamp


def undo(actor: Actor, *, assessment: str) -> str:
    """Take back one's own decision within the minute, on the record; returns the report's id.

    What it opened is closed again, what it answered is owed again under its old clock.
    Raises: Forbidden; NotFound; Conflict when the minute is over, or somebody acted on it.
    """
    permit(actor, Permission.ASSESS)
    with writing(actor) as w:
        row = get_visible(actor, Assessment.objects.select_for_update(), id=assessment)
        if row.person != actor.person:
            raise Forbidden("only who decided may take it back", cure="File a concern instead.")
        allowed = timedelta(seconds=store.policy().undo_seconds)
        if row.undone_at or w.at > row.decided_at + allowed:
            raise Conflict(
                "the minute to take it back is over",
                cure="File a concern, or ask the release authority.",
            )
        standing = Standing.objects.select_for_update().get(report=row.report)
        if assessment != (standing.settled or standing.second or standing.first):
            raise Conflict("somebody acted on it already", cure="File a concern instead.")
        effects = row.effects
        _close_opened(w, effects["opened"])
        _leave_situation(w, effects)
        data = {
            "id": row.id,
            "covers": row.covers,
            "standing": effects["standing"],
            "retention": effects["retention"],
            "report_state": "OPEN" if row.reading == Reading.FIRST else "",
        }
        w.append(terms.ASSESSMENT_UNDONE, row.report, data, marking=marking_of(row))
        _reopen(w, effects["closed"])
        if effects["retention"]:
            take_out(w, row.operation, Report.objects.get(id=row.report).categories)
    return row.report


def _close_opened(w: Writing, opened: Iterable[str]) -> None:
    wanted = list(opened)
    rows = list(
        Duty.objects.select_for_update().filter(id__in=wanted, discharged_at=None).order_by("id")
    )
    if len(rows) != len(wanted):
        raise Conflict("somebody acted on it already", cure="File a concern instead.")
    duties.discharge_rows(w, rows, "taken back")


def _leave_situation(w: Writing, effects: dict[str, Any]) -> None:
    if not effects["situation"]:
        return
    w.flush()
    topic = Situation.objects.select_for_update().get(id=effects["situation"])
    if effects["made_situation"] and topic.version == 1:
        data = {
            "set": {"state": SituationState.CLOSED.value, "reports": 0},
            "added": [],
            "removed": effects["joined"],
            "reason": None,
            "version": topic.version + 1,
        }
        w.append(terms.SITUATION_CHANGED, topic.id, data, marking=marking_of(topic))
    elif effects["joined"]:
        leave(w, topic, effects["joined"], "The decision was taken back.")
    w.flush()
    if Membership.objects.filter(situation=topic.id, ended_at=None).exists():
        owe_draft(
            w, topic.id, marking_of(topic)
        )  # others' reports are in it still: it owes its draft


def _reopen(w: Writing, closed: Iterable[str]) -> None:
    """Owed again, under the clock it had: taking a decision back must not buy time."""
    for duty in Duty.objects.select_for_update().filter(id__in=list(closed)).order_by("id"):
        steps = duty.steps
        again = steps[duty.rung]["at"] if duty.rung < len(steps) else None
        if again is None and duty.repeat_s:
            again = stamp(w.at + timedelta(seconds=duty.repeat_s))
        data = {
            "id": duty.id,
            "discharged_at": None,
            "discharged_by": "",
            "outcome": "",
            "next_at": again,
            "why": "the decision was taken back",
        }
        w.append(DUTY_MOVED, duty.subject, data, marking=marking_of(duty))
