"""Tips from the public: given without a name, answered by a code that only the giver has."""

from __future__ import annotations

from typing import Any

from tocsin.collect import terms
from tocsin.collect.actions.tips import code_digest, tip_of
from tocsin.collect.models import Report, Source, Tip, TipQuestion
from tocsin.collect.terms import Item, SourceKind, SourceState
from tocsin.duties import actions as duties
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Conflict, Invalid, NotFound
from tocsin.kernel.ids import new_id, secret_code
from tocsin.people.terms import SYSTEM, Role
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, stamp
from tocsin.screen import store
from tocsin.screen.actions.intake import take_in
from tocsin.screen.masking import masked
from tocsin.screen.memory import engine
from tocsin.screen.taken import Taken

WHAT_CAP, WHERE_CAP, WHEN_CAP, CONTACT_CAP = 8000, 500, 200, 300
MOST_ADDED = 20
"""Unasked additions to one tip: a person has more to say, a program never stops."""


def give_tip(
    *, source: str, what: str, where: str = "", when: str = "", contact: str = "", lang: str = ""
) -> str:
    """Take in a tip from the public; returns the receipt code, which is kept nowhere.

    Nobody is signed in: the system acts. A tip is always for a person's eye, whatever its score. `contact` is
    sealed: it is read only by who may see behind the mask, for a reason. How often one visitor may do this is
    settled before, by `collect.actions.count_visit`.
    Raises: Invalid naming the field; NotFound or Conflict when no tips are taken there.
    """
    row = _tip_source(source)
    text = _bounded(what, "what", WHAT_CAP)
    if len(text) < 10:
        raise Invalid("say what you saw or heard", field="what", cure="A sentence is enough.")
    place, time = _bounded(where, "where", WHERE_CAP), _bounded(when, "when", WHEN_CAP)
    reach = _bounded(contact, "contact", CONTACT_CAP)
    told = [text, f"Where: {place}" if place else "", f"When: {time}" if time else ""]
    code = secret_code()
    item = Item(key=new_id("tip"), text="\n\n".join(filter(None, told)), lang=lang)

    def receipt(w: Writing, taken: Taken) -> None:
        report = taken.reports[0]
        w.flush()
        marking = marking_of(Report.objects.get(id=report))
        _give(w, row, report, marking, code, reach)

    taken = take_in(row, [item], forced=True, saving=receipt)
    if not taken.reports:
        raise Conflict(
            "the tip line is not open at the moment",
            cure="Call 911, or your local police, instead.",
        )
    return code


def _give(w: Writing, row: Source, report: str, marking: Marking, code: str, contact: str) -> None:
    kept = Report.objects.values_list("retention_until", flat=True).get(id=report)
    data: dict[str, Any] = {
        "code": code_digest(code),
        "contact": w.keep(report, {"contact": contact}, sealed=True) if contact else None,
        "retention_until": stamp(kept),
    }
    w.append(terms.TIP_GIVEN, report, data, marking=marking)


def answer_question(*, code: str, text: str, question: str = "") -> None:
    """Answer a follow-up question by the receipt code, or (`question` '') add something unasked.

    The answer is masked like the tip, and somebody owes a look at it, as urgently as its words demand.
    Raises: NotFound for a wrong code; Invalid; Conflict when it was answered already.
    """
    text = _bounded(text, "answer", WHAT_CAP)
    if not text:
        raise Invalid("write your answer first", field="answer", cure="A word is enough.")
    verdict = engine().screen([text])[0]
    shown = verdict.masked if verdict else masked(text, ())
    with writing(SYSTEM) as w:
        tip = tip_of(code, lock=True)
        row = _question(tip, question)
        report = Report.objects.get(id=tip.report)
        data = {
            "id": row.id if row else new_id("tqa", w.at),
            "unasked": row is None,
            "answer": w.keep(tip.report, {"text": shown.text}),
            "original": w.keep(tip.report, {"text": text}, sealed=True),
        }
        w.append(terms.TIP_ANSWERED, tip.report, data, marking=marking_of(tip))
        precedence = Precedence(verdict.priority.value) if verdict else Precedence.ROUTINE
        _owe(w, report, precedence)


def _question(tip: Tip, question: str) -> TipQuestion | None:
    if not question:
        unasked = TipQuestion.objects.filter(report=tip.report, asked_at=None).count()
        if unasked >= MOST_ADDED:
            raise Conflict("there is no room for more on this tip", cure="Send a new tip instead.")
        return None
    row = TipQuestion.objects.filter(id=question, report=tip.report).first()
    if row is None:
        raise NotFound("there is no such question", field="question")
    if row.answered_at:
        raise Conflict("this question is answered", cure="Add what you have to say below.")
    return row


def _owe(w: Writing, report: Report, precedence: Precedence) -> None:
    open_now = Duty.objects.filter(subject=report.id, kind="answer_tip", discharged_at=None)
    if open_now.exists():
        return
    duties.open_duty(
        w,
        "answer_tip",
        report.id,
        "Read what the giver of a tip added",
        marking_of(report),
        owner_agency=report.agency,
        owner_role=Role.COLLECTOR.value,
        precedence=precedence,
        event_start=store.starts([report.operation]).get(report.operation),
    )


def _tip_source(source: str) -> Source:
    row = Source.objects.filter(id=source, kind=SourceKind.TIP).first()
    if row is None:
        raise NotFound(
            "there is no such tip line", field="source", cure="Choose one from the list."
        )
    if row.state != SourceState.ACTIVE:
        raise Conflict("this tip line is closed", field="source", cure="Choose another one.")
    return row


def _bounded(text: str, field: str, cap: int) -> str:
    text = text.replace("\r\n", "\n").strip()
    if len(text) > cap:
        raise Invalid(f"is longer than {cap:,} characters", field=field, cure="Shorten it.")
    return text
