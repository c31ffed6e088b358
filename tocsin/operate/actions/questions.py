"""Whose is that? The register answers at once; those around are asked too, and silence is said aloud."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tocsin.duties.actions import act, discharge, open_duty
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Invalid
from tocsin.kernel.ids import new_id
from tocsin.operate import rules, store, terms
from tocsin.operate.actions import shared
from tocsin.operate.actions.feed import tell
from tocsin.operate.models import Question
from tocsin.operate.terms import ANSWER_IN, AROUND_M, ASKED_CAP, QuestionState, Whose
from tocsin.people.models import Member, Operation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission, Role
from tocsin.people.visibility import marking_of
from tocsin.plan.geometry import Point
from tocsin.plan.models import Area, Position
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import stamp

ANSWER = "answer_question"


def ask(
    actor: Actor,
    *,
    operation: str,
    text: str,
    at_point: Point | None = None,
    place: str = "",
    area: str = "",
    position: str = "",
    post: str = "",
    at: datetime | None = None,
    key: str = "",
) -> Question:
    """Ask about a place: "who is on the roof of building 6?". The row returned holds the register's answer already
    (`register`, `verdict`); the people around are asked, and owe an answer within ten seconds.

    Raises: Forbidden, NotFound; Invalid when no place is given.
    """
    permit(actor, Permission.READ_CONTENT)

    def do() -> str:
        question = new_id("qst")
        with writing(actor) as w:
            plan = shared.operation_for(actor, operation)
            where, named = _where(plan, at_point, area, position, place)
            ground = store.ground_at(plan.id, where, position=position)
            near = store.near(plan.id, where, w.at) if where else []
            told = rules.whose([f for _, f in near], [g for _, g in ground], w.at)
            asked = [p for p, f in near if f.metres <= AROUND_M and p != actor.person][:ASKED_CAP]
            shared.lock(plan)
            data: dict[str, Any] = {
                "number": shared.number(Question, plan.id),
                "words": shared.words(w, question, text),
                **shared.point(where),
                "place": shared.label(named),
                "area": area,
                "position": position,
                "register": list(told.lines),
                "verdict": told.verdict.value,
                "plan": next((p.mitigation for p, _ in ground if p.mitigation), ""),
                "asked": asked,
                "post": post,
                "due_at": stamp(w.at + ANSWER_IN),
                "key": key,
            }
            at_ = shared.when(w, at)
            mark = shared.marking(plan)
            w.append(terms.QUESTION_ASKED, question, data, marking=mark, occurred_at=at_)
            _owe(w, plan, question, data, asked)
            tell(plan.id, "question", question)
        return question

    return Question.objects.get(id=shared.once(actor, key, do))


def answer_question(
    actor: Actor, *, question: str, whose: str, text: str = "", key: str = ""
) -> None:
    """Answer: ours, not ours, or cannot tell from here. The last settles nothing; the others end what is owed.

    Raises: Forbidden, NotFound, Invalid.
    """
    permit(actor, Permission.READ_CONTENT)

    def do() -> str:
        with writing(actor) as w:
            row, plan = shared.opened(actor, Question, question)
            said = shared.chosen(Whose, whose, "whose")
            data = {
                "whose": said.value,
                "words": shared.words(w, question, text) if text.strip() else None,
                "settles": said is not Whose.UNKNOWN,
                "key": key,
            }
            w.append(terms.QUESTION_ANSWERED, question, data, marking=marking_of(row))
            if data["settles"]:
                discharge(w, question, ANSWER, f"answered: {said.words}")
            else:
                _excuse(w, actor, question)
            tell(plan.id, "question", question)
        return question

    shared.once(actor, key, do)


@act("question_unanswered")
def unanswered(w: Writing, duties: list[Duty]) -> None:
    """Ten seconds went by: said aloud to everybody, with what the plan says to do."""
    for row in Question.objects.select_for_update().filter(
        id__in={d.subject for d in duties}, state=QuestionState.OPEN
    ):
        data = {"asked": len(row.asked)}
        w.append(terms.QUESTION_UNANSWERED, row.id, data, marking=marking_of(row))
        tell(row.operation, "question", row.id)


def _where(
    plan: Operation, at_point: Point | None, area: str, position: str, place: str
) -> tuple[Point | None, str]:
    """The point asked about and what it is called. Raises: Invalid."""
    if position:
        row = Position.objects.filter(id=position, operation=plan.id).first()
        if row is None:
            raise Invalid(
                "is no position of this plan", field="position", cure="Choose one of the list."
            )
        return at_point or Point(row.lat, row.lon), place or row.label
    if area:
        found = Area.objects.filter(id=area, operation=plan.id).first()
        if found is None or not found.shape:
            raise Invalid("is no area of this plan", field="area", cure="Choose one of the list.")
        return at_point or _middle(found.shape), place or found.label
    if at_point is None and not place.strip():
        raise Invalid(
            "is missing", field="place", cure="Give a place: tap the map, or choose from the plan."
        )
    if at_point is None:
        row = Position.objects.filter(operation=plan.id, label__iexact=place.strip()).first()
        if row is not None:
            return Point(row.lat, row.lon), row.label
        found = Area.objects.filter(
            operation=plan.id, label__iexact=place.strip(), state="LIVE"
        ).first()
        if found is not None and found.shape:
            return _middle(found.shape), found.label
    return at_point, place


def _middle(shape: Sequence[Sequence[int]]) -> Point:
    return Point(sum(p[0] for p in shape) // len(shape), sum(p[1] for p in shape) // len(shape))


def _owe(
    w: Writing, plan: Operation, question: str, data: dict[str, Any], asked: list[str]
) -> None:
    """Ten seconds for each of those around; where nobody is, for whoever leads."""
    agencies = dict(Member.objects.filter(person__in=asked).values_list("person", "agency"))
    owners: list[tuple[str, str]] = [(agencies[p], p) for p in asked if p in agencies]
    for agency, person in owners or [(plan.lead_agency, "")]:
        open_duty(
            w,
            ANSWER,
            question,
            f"Answer question {data['number']}: whose is that{' at ' + data['place'] if data['place'] else ''}?",
            shared.marking(plan),
            owner_agency=agency,
            owner_role=Role.OPERATION_LEAD.value,
            owner_person=person,
            precedence=Precedence.FLASH,
        )


def _excuse(w: Writing, actor: Actor, question: str) -> None:
    """Whoever cannot tell owes no more, so long as somebody else still does."""
    from tocsin.duties.actions import discharge_rows  # noqa: PLC0415

    w.flush()
    rows = Duty.objects.select_for_update().filter(
        subject=question, kind=ANSWER, discharged_at=None
    )
    mine = [r for r in rows.order_by("id") if r.owner_person == actor.person]
    if len(mine) < rows.count():
        discharge_rows(w, mine, "cannot tell from there")
