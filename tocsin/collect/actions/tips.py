"""Asking back on a tip, and reading what came; and how often one visitor may write."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection

from tocsin.collect import terms
from tocsin.collect.models import Report, Tip, TipQuestion
from tocsin.collect.pseudonyms import pseudonym
from tocsin.duties import actions as duties
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound, TocsinError
from tocsin.kernel.ids import new_id
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible, marking_of
from tocsin.record.actions import writing

QUESTION_CAP = 1000
PER_DEVICE, PER_ADDRESS = 12, 60
"""Uses an hour: of one browser, and of one address (a campus may share one)."""


class TooOften(TocsinError):
    """One visitor used the tip page too often within an hour."""

    code = "too_often"
    status = 429


def ask_tipster(actor: Actor, *, report: str, text: str) -> str:
    """Ask whoever gave a tip something; they see it when they come back with their code.

    Raises: Forbidden; NotFound when it is no tip, or not yours to see; Invalid.
    """
    permit(actor, Permission.ASSESS)
    text = text.strip()
    if not 5 <= len(text) <= QUESTION_CAP:
        raise Invalid(
            f"write between 5 and {QUESTION_CAP} characters",
            field="text",
            cure="One question at a time.",
        )
    tip = _own(actor, report)
    question = new_id("tqa")
    with writing(actor) as w:
        data = {"id": question, "question": w.keep(report, {"text": text})}
        w.append(terms.TIP_ASKED, report, data, marking=marking_of(tip))
    return question


def read_answers(actor: Actor, *, report: str) -> int:
    """Note that what the giver added was read; returns how many answers that were.

    Raises: Forbidden; NotFound; Conflict when there is nothing unread.
    """
    permit(actor, Permission.ASSESS)
    tip = _own(actor, report)
    with writing(actor) as w:
        rows = TipQuestion.objects.select_for_update().filter(report=report, read_at=None)
        unread = list(rows.exclude(answered_at=None).order_by("id"))
        if not unread:
            raise Conflict("there is nothing unread")
        data = {"questions": [row.id for row in unread]}
        w.append(terms.TIP_READ, report, data, marking=marking_of(tip))
        duties.discharge(w, report, "answer_tip", "read")
    return len(unread)


def count_visit(address: str, device: str) -> None:
    """Count a use of the tip page. Neither address nor device is kept: only keyed marks of today, for a day.

    Raises: TooOften.
    """
    now = clock.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    marks = {
        pseudonym("address", hour.date().isoformat(), address): PER_ADDRESS,
        pseudonym("device", hour.date().isoformat(), address, device): PER_DEVICE,
    }
    over = False
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM collect_visit WHERE hour < %s", [now - timedelta(days=1)])
        for mark, most in sorted(marks.items()):
            cursor.execute(_COUNT, [mark, hour])
            over |= cursor.fetchone()[0] > most
    if over:
        raise TooOften(
            "this page was used very often from here within the hour",
            cure="Wait an hour. If somebody is in danger, call 911 now.",
        )


_COUNT = """
INSERT INTO collect_visit (visitor, hour, count) VALUES (%s, %s, 1)
ON CONFLICT (visitor, hour) DO UPDATE SET count = collect_visit.count + 1 RETURNING count
"""


def code_digest(code: str) -> str:
    """How a receipt code is stored: spacing and case do not matter, and nobody can guess back."""
    plain = "".join(c for c in code.lower() if c.isalnum())
    return pseudonym("receipt", plain.translate(_ALIKE))


_ALIKE = str.maketrans("ilo", "110")  # what people write for what they read


def tip_of(code: str, *, lock: bool = False) -> Tip:
    """The tip of a receipt code. Raises: NotFound, the same for wrong and forgotten."""
    rows = Tip.objects.select_for_update() if lock else Tip.objects.all()
    found = rows.filter(code=code_digest(code)).first()
    if found is None:
        raise NotFound(
            "no tip has this code",
            field="code",
            cure="Check it: four groups of four letters and digits.",
        )
    return found


def _own(actor: Actor, report: str) -> Tip:
    get_visible(actor, Report.objects.all(), id=report)
    tip = Tip.objects.filter(report=report).first()
    if tip is None:
        raise NotFound("this report is no tip", field="report")
    if tip.agency != actor.agency and not actor.system:
        raise Forbidden("only the agency that got the tip speaks with who gave it")
    return tip
