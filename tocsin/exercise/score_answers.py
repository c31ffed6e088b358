"""What a run came to for drafts, questions, concerns, plans and sources: whether each got an answer, when, by whom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tocsin.assess.models import Dissent, Rfi
from tocsin.assess.terms import Asked
from tocsin.duties.models import Duty
from tocsin.duties.terms import DUTY_FIRED
from tocsin.exercise.results import Value, local, percent
from tocsin.exercise.terms import Measure
from tocsin.exercise.world import World, name_of
from tocsin.record.models import Entry
from tocsin.record.store import decode
from tocsin.record.terms import unstamp
from tocsin.warn.models import Note, Warning
from tocsin.warn.terms import PLAN_CITED, Act


def _decision(warning: str) -> tuple[datetime, str, str] | None:
    """When a draft was released, refused or abandoned by a decision: (time, act, person)."""
    acts = (Act.RELEASED, Act.RELEASED_FIRST, Act.REFUSED, Act.ABANDONED)
    row = Warning.objects.filter(id=warning).first()
    if row is None:
        return None
    notes = Note.objects.filter(warning=warning, act__in=[a.value for a in acts]).order_by("at")
    found = [(n.at, Act(n.act).words, n.person) for n in notes]
    if row.released_at:
        found.append((row.released_at, Act.RELEASED.words, row.releaser))
    return min(found) if found else None


def draft_decided(world: World, measure: Measure) -> Value:
    """When a draft was released, or ended by a decision, and by whom."""
    found = _decision(world.warnings.get(measure.subjects[0], ""))
    if found is None:
        return Value(None, "never decided")
    return Value(found[0], f"{found[1]}: {name_of(found[2])}")


def silent_drafts(world: World, measure: Measure) -> Value:
    """Drafts that crossed the start of the event undecided."""
    start = world.scenario.operation.starts
    silent = [s for s in measure.subjects if not _decided_by(world.warnings.get(s, ""), start)]
    return Value(len(silent), ", ".join(silent))


def _decided_by(warning: str, at: datetime) -> bool:
    found = _decision(warning)
    return found is not None and found[0] <= at


def drafts_closed(world: World, measure: Measure) -> Value:
    """Share of drafts that ended by a recorded decision."""
    found = [_decision(world.warnings.get(s, "")) for s in measure.subjects]
    words = [f"{found[1]}: {name_of(found[2])}" for found in found if found]
    return Value(percent(len(words), len(found)), "; ".join(dict.fromkeys(words)))


def request_raised(world: World, measure: Measure) -> Value:
    """When an unanswered request was raised to the next person; an answer before that counts as well."""
    rfi = world.requests.get(measure.subjects[0])
    if rfi is None:
        return Value(None, "no request with a due date was on record")
    row = Rfi.objects.get(id=rfi)
    raised = [e for e in _fired(rfi) if not e[1].startswith("owner") and e[2]]
    answered = row.answered_at if row.state == Asked.ANSWERED else None
    if answered and (not raised or answered <= raised[0][0]):
        return Value(answered, f"answered: {name_of(row.answered_by)}")
    if not raised:
        return Value(None, "neither answered nor raised")
    late = int((raised[0][0] - row.due_at).total_seconds())
    after = f"; answered {local(world.scenario, answered)}" if answered else "; not answered"
    who = ", ".join(name_of(p) for p in raised[0][2])
    return Value(raised[0][0], f"{late} s after its due time, to: {who}{after}")


def _fired(subject: str) -> list[tuple[datetime, str, Sequence[str]]]:
    """(when, whom the step means, who was told) of each step that fired on a subject's duties."""
    rows = Entry.objects.filter(subject=subject, kind=DUTY_FIRED).order_by("n")
    found = [decode(body) for body in rows.values_list("body", flat=True)]
    return [(unstamp(e.recorded_at), e.data["tell"], e.data["told"]) for e in found]


def dissent_answered(world: World, measure: Measure) -> Value:
    """Share of concerns answered in writing."""
    ids = [world.concerns.get(s, "") for s in measure.subjects]
    answered = Dissent.objects.filter(id__in=ids, state=Asked.ANSWERED.value)
    who = {name_of(p) for p in answered.values_list("answered_by", flat=True)}
    return Value(
        percent(answered.count(), len(ids)),
        "by: " + ", ".join(sorted(who)) if who else "none was on record",
    )


def ended_by_null(world: World, measure: Measure) -> Value:
    """Duties that a null report ended."""
    ended = world.ended_by_null.get(measure.subjects[0])
    if ended is None:
        return Value(None, "it passed as an all-clear")
    return Value(ended, "the statement was refused: too much was open")


def stale_citations(world: World, measure: Measure) -> Value:
    """Plans that rested on a replaced edition when the event began."""
    start = world.scenario.operation.starts
    rests: dict[tuple[str, str], str] = {}
    cited = Entry.objects.filter(kind=PLAN_CITED, recorded_at__lte=start).order_by("n")
    for body in cited.values_list("body", flat=True):
        entry = decode(body)
        rests[entry.data["operation"], entry.data["series"]] = entry.subject
    rows = Warning.objects.filter(id__in=rests.values())
    stale = [r for r in rows if r.ended_at is not None and r.ended_at <= start]
    editions = ", ".join(f"edition {r.edition}" for r in rows)
    return Value(len(stale), f"the plan rests on {editions}" if rests else "")


def outage_covered(world: World, measure: Measure) -> Value:
    """When another way was named to cover a source that failed."""
    inject = world.scenario.inject(measure.subjects[0])
    source = world.sources[getattr(inject, "source", "")]
    duty = Duty.objects.filter(subject=source, kind="mend_feed").order_by("opened_at").first()
    if duty is None or duty.discharged_at is None:
        return Value(None, "nothing was named")
    return Value(duty.discharged_at, f"{name_of(duty.discharged_by)}: {duty.outcome}")
