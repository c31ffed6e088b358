"""Deciding on flagged reports: first reading, second reading, settling."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec

from tocsin.assess import rules, store, terms
from tocsin.assess.actions.signs import take_out
from tocsin.assess.actions.situations import join, open_topic, owe_draft
from tocsin.assess.models import Assessment, Membership, Situation, Standing
from tocsin.assess.terms import (
    Disposition,
    Reading,
    Recommendation,
    SecondReading,
    SituationState,
    Speech,
    Stage,
    Worksheet,
)
from tocsin.collect.models import Report
from tocsin.duties import actions as duties
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.kernel import settings
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.people.models import Operation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission, Role
from tocsin.people.visibility import get_visible, marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import stamp

_OWED = ("assess", "second_reading", "settle")
# How many near-copies one decision covers; any more keep their own place in the queue.
_COPIES = 20_000
_STANDING = (
    "stage",
    "disposition",
    "speech",
    "first",
    "first_reader",
    "second",
    "second_reader",
    "settled",
    "needs_more",
)


@dataclass(slots=True)
class _Decision:
    """One decision being made: what it covers, and what it sets off."""

    w: Writing
    row: Report
    copies: list[Report]
    event: Operation | None
    id: str
    standing: dict[str, Any] = field(default_factory=dict)
    effects: dict[str, Any] = field(default_factory=dict)
    retention: dict[str, str] = field(default_factory=dict)

    @property
    def all(self) -> list[Report]:
        return [self.row, *self.copies]


def decide(
    actor: Actor, *, report: str, version: int, sheet: Worksheet, situation: str = ""
) -> str:
    """Decide on a flagged report by its worksheet; returns the assessment's id.

    1. The worksheet is checked; a departure from what the rules recommend needs a reason.
    2. The decision covers the open near-copies of the report, and answers the duty to assess.
    3. A no-report may get a second reader (`rules.second_reading`): nothing is final until then.
    4. A report joins `situation` (a new topic where none is named) and owes a draft. Protected
       speech starts the short retention clock. Needs-more keeps the report open, with a fresh
       clock.

    Raises: Forbidden; NotFound; Conflict when it was decided or changed since you opened it;
    Invalid.
    """
    permit(actor, Permission.ASSESS)
    recommended = rules.check(sheet)
    with writing(actor) as w:
        row = _report(actor, report, version)
        if row.state != "OPEN":
            raise Conflict("somebody decided on it since you opened it", cure="Go on to the next.")
        before = Standing.objects.filter(report=report).first()
        made = _begin(w, row, before, copies=sheet.disposition is not Disposition.NEEDS_MORE)
        second = rules.second_reading(
            sheet,
            recommended,
            novice=actor.novice,
            current=actor.currency,
            drawn=rules.draw(settings.secret(settings.current(), "secret_key"), report),
            percent=store.policy().second_reading_percent,
        )
        made.standing = {"first": made.id, "first_reader": actor.person}
        needs_more = before.needs_more if before else 0
        if sheet.disposition is Disposition.NEEDS_MORE:
            _ask_for_more(made, needs_more)
        elif second is not SecondReading.NONE:
            made.standing |= {"stage": Stage.SECOND_READING.value, "needs_more": needs_more}
            role = store.second_reader_role(row.agency, actor.person)
            _open(made, "second_reading", "Read a no-report a second time", role)
        else:
            made.standing |= {"needs_more": needs_more}
            _finish(actor, made, sheet.disposition, sheet.speech, situation)
        _append(made, Reading.FIRST, sheet, recommended, second, "DECIDED")
    return made.id


def second_read(actor: Actor, *, report: str, version: int, sheet: Worksheet) -> str:
    """Read a no-report a second time, without having seen the first reader's decision; returns the
    assessment's id.

    The same disposition makes it final. Another one goes to the release authority to settle.
    Raises: Forbidden for the first reader and for novices; NotFound; Conflict; Invalid.
    """
    permit(actor, Permission.SECOND_READ)
    recommended = rules.check(sheet)
    if actor.novice:
        raise Forbidden(
            "a second reading wants an experienced eye", cure="Leave it to a colleague."
        )
    with writing(actor) as w:
        row = _report(actor, report, version)
        standing = _standing(report, Stage.SECOND_READING)
        if row.state == "OPEN":
            raise Conflict("the post was edited: it is assessed anew", cure="Go on to the next.")
        if standing.first_reader == actor.person:
            raise Forbidden(
                "nobody reads their own decision a second time", cure="Leave it to a colleague."
            )
        first = Assessment.objects.get(id=standing.first)
        made = _begin(w, row, standing, covers=first.covers)
        made.standing = {"second": made.id, "second_reader": actor.person}
        if sheet.disposition == first.disposition:
            speech = sheet.speech if sheet.speech == first.speech else Speech.HYPERBOLE
            _finish(actor, made, sheet.disposition, speech, "")
        else:
            made.standing |= {"stage": Stage.SETTLING.value}
            _open(made, "settle", "Settle what two readers see differently", Role.RELEASE_AUTHORITY)
        _append(made, Reading.SECOND, sheet, recommended, SecondReading.NONE, "")
    return made.id


def settle(
    actor: Actor,
    *,
    report: str,
    version: int,
    disposition: Disposition,
    speech: Speech,
    reason: str,
    situation: str = "",
) -> str:
    """Settle what two readers see differently; final. Neither of the two may settle it.

    Raises: Forbidden; NotFound; Conflict; Invalid without a reason, or for needs-more.
    """
    permit(actor, Permission.SETTLE)
    reason = rules.words(reason, "reason", "say what decided it")
    if disposition is Disposition.NEEDS_MORE:
        raise Invalid(
            "a settlement ends it",
            field="disposition",
            cure="Report it, or not; ask for information beside it.",
        )
    with writing(actor) as w:
        row = _report(actor, report, version)
        standing = _standing(report, Stage.SETTLING)
        if row.state == "OPEN":
            raise Conflict("the post was edited: it is assessed anew", cure="Go on to the next.")
        if actor.person in (standing.first_reader, standing.second_reader):
            raise Forbidden(
                "neither of the two readers settles it",
                cure="Leave it to another release authority.",
            )
        readings = {
            a.id: a for a in Assessment.objects.filter(id__in=[standing.first, standing.second])
        }
        first, second = readings[standing.first], readings[standing.second]
        base = first if first.disposition == disposition else second
        made = _begin(w, row, standing, covers=first.covers)
        made.standing = {"settled": made.id}
        sheet = msgspec.structs.replace(
            _sheet_of(base), disposition=disposition, speech=speech, reason=reason, departure=""
        )
        _finish(actor, made, disposition, speech, situation)
        recommended = Recommendation(Disposition(base.recommended), terms.Threshold(base.threshold))
        _append(made, Reading.SETTLING, sheet, recommended, SecondReading.NONE, "")
    return made.id


def _report(actor: Actor, report: str, version: int) -> Report:
    """The report, locked. Raises: NotFound; Forbidden for another agency's; Conflict when its text
    changed.
    """
    row = get_visible(actor, Report.objects.select_for_update(), id=report)
    if not actor.system and row.agency != actor.agency:
        raise Forbidden(
            "another agency decides on this report", cure="File a concern, or ask them."
        )
    if row.version != version:
        raise Conflict(
            "the report changed since you opened it", cure="Read the new version, then decide."
        )
    return row


def _standing(report: str, stage: Stage) -> Standing:
    found = Standing.objects.select_for_update().filter(report=report).first()
    if found is None or found.stage != stage:
        raise Conflict("this is not, or no longer, asked for", cure="Go on to the next.")
    return found


def _begin(
    w: Writing,
    row: Report,
    before: Standing | None,
    *,
    copies: bool = False,
    covers: list[str] | None = None,
) -> _Decision:
    """Lock what the decision covers, and answer what was owed on it."""
    found: list[Report] = []
    same = Report.objects.select_for_update().exclude(id=row.id).order_by("id")
    if covers:
        # A copy that was edited meanwhile is assessed anew: this reading does not answer for it.
        found = list(same.filter(id__in=covers).exclude(state="OPEN"))
    elif copies and row.group:
        same = same.filter(
            group=row.group, state="OPEN", agency=row.agency, tlp=row.tlp, operation=row.operation
        ).filter(precedence__in=_not_above(row.precedence))
        found = list(same[:_COPIES])
    w.flush()
    subjects = [row.id, *(c.id for c in found)]
    owed = Duty.objects.select_for_update().filter(
        subject__in=subjects, kind__in=_OWED, discharged_at=None
    )
    closing = list(owed.order_by("id"))
    duties.discharge_rows(w, closing, "decided")
    blank = {"stage": Stage.OPEN.value, **dict.fromkeys(_STANDING[1:-1], ""), "needs_more": 0}
    was = {name: getattr(before, name) for name in _STANDING} if before else blank
    effects: dict[str, Any] = {
        "closed": [d.id for d in closing],
        "opened": [],
        "situation": "",
        "made_situation": False,
        "joined": [],
        "retention": {},
        "standing": was,
    }
    event = store.operation_or_none(row.operation)
    return _Decision(w, row, found, event, new_id("asm", w.at), effects=effects)


def _not_above(precedence: str) -> list[str]:
    """A copy that stands out more than what was read keeps its own place in the queue."""
    words = [p.value for p in Precedence]
    return words[: words.index(precedence) + 1]


def _ask_for_more(made: _Decision, times: int) -> None:
    limit = store.policy().needs_more_times
    if times >= limit:
        raise Invalid(
            f"“needs more” was chosen {times} times already",
            field="disposition",
            cure="Decide now; a question to another agency can stay open beside it.",
        )
    made.standing |= {"stage": Stage.NEEDS_MORE.value, "needs_more": times + 1}
    _open(made, "assess", "Assess a report again: more was needed", Role.COLLECTOR)


def _open(made: _Decision, kind: str, title: str, role: Role) -> None:
    duty = duties.open_duty(
        made.w,
        kind,
        made.row.id,
        title,
        marking_of(made.row),
        owner_agency=made.row.agency,
        owner_role=role.value,
        precedence=Precedence(made.row.precedence),
        event_start=made.event.starts_at if made.event else None,
    )
    made.effects["opened"].append(duty)


def _finish(
    actor: Actor, made: _Decision, disposition: Disposition, speech: Speech, situation: str
) -> None:
    """What a final decision sets off."""
    made.standing |= {
        "stage": Stage.FINAL.value,
        "disposition": disposition.value,
        "speech": speech.value,
    }
    if disposition is Disposition.REPORT:
        _take_further(actor, made, situation)
    elif speech is Speech.PROTECTED:
        until = made.w.at + timedelta(days=store.policy().protected_retention_days)
        for report in made.all:
            if report.retention_until > until:
                made.retention[report.id] = stamp(until)
                made.effects["retention"][report.id] = stamp(report.retention_until)


def _take_further(actor: Actor, made: _Decision, situation: str) -> None:
    """The report joins a topic (the one named, one it is in, or a new one), which owes a draft."""
    w, row, effects = made.w, made.row, made.effects
    w.flush()
    if not situation:
        mine = Membership.objects.filter(report=row.id, ended_at=None).values("situation")
        there = Situation.objects.filter(id__in=mine, agency=row.agency, state=SituationState.OPEN)
        situation = next(iter(there.order_by("-changed_at").values_list("id", flat=True)[:1]), "")
    if situation:
        topic = get_visible(actor, Situation.objects.select_for_update(), id=situation)
        usable = topic.state == SituationState.OPEN and topic.agency == row.agency
        if not usable or topic.kind == terms.SituationKind.PICTURE:
            raise Invalid(
                "is closed, or no topic of your agency",
                field="situation",
                cure="Choose another, or leave it empty.",
            )
        there_before = set(
            Membership.objects.filter(situation=situation, ended_at=None).values_list(
                "report", flat=True
            )
        )
        effects["joined"] = [r.id for r in made.all if r.id not in there_before]
        join(w, topic, made.all)
    else:
        title = store.headline(row)
        situation = open_topic(
            w, title, marking_of(row), made.all, made.event.k if made.event else 0
        )
        effects |= {"made_situation": True, "joined": [r.id for r in made.all]}
    effects["situation"] = situation
    if duty := owe_draft(w, situation, marking_of(row)):
        effects["opened"].append(duty)


def _append(
    made: _Decision,
    reading: Reading,
    sheet: Worksheet,
    recommended: Recommendation,
    second: SecondReading,
    state: str,
) -> None:
    texts = {"title": "", "text": sheet.reason, "facts": sheet.facts, "basis": sheet.basis}
    more = sheet.disposition is Disposition.NEEDS_MORE
    data = {
        "id": made.id,
        "report_version": made.row.version,
        "reading": reading.value,
        "speech": sheet.speech.value,
        "specifics": sorted(sheet.specifics),
        "behaviours": sorted(set(sheet.behaviours)),
        "reliability": sheet.reliability,
        "credibility": sheet.credibility,
        "likelihood": sheet.likelihood.value if sheet.likelihood else "",
        "likelihood_percent": sheet.likelihood_percent,
        "confidence": sheet.confidence.value if sheet.confidence else "",
        "disposition": sheet.disposition.value,
        "recommended": recommended.disposition.value,
        "threshold": recommended.threshold.value,
        "departed": sheet.disposition is not recommended.disposition,
        "second": second.value,
        "content": made.w.keep(made.row.id, {**texts, "departure": sheet.departure}),
        "covers": [c.id for c in made.copies],
        "effects": made.effects,
        "standing": made.standing,
        "report_state": "" if more else state,
        "retention": made.retention,
    }
    made.w.append(terms.REPORT_ASSESSED, made.row.id, data, marking=marking_of(made.row))
    if made.retention:
        take_out(made.w, made.row.operation, {c for r in made.all for c in r.categories})


def _sheet_of(row: Assessment) -> Worksheet:
    """The worksheet of a decision that was made (its texts stay where they are)."""
    return rules.convert(
        {
            "speech": row.speech,
            "disposition": row.disposition,
            "reason": "",
            "specifics": row.specifics,
            "behaviours": row.behaviours,
            "reliability": row.reliability,
            "credibility": row.credibility,
            "likelihood": row.likelihood or None,
            "likelihood_percent": row.likelihood_percent,
            "confidence": row.confidence or None,
        }
    )
