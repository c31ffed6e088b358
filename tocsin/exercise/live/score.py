"""The score of an exercise in the field: each kind of measure, and the function that says what a run came to.

The same functions judge both columns, by the record as the run left it and by what reached people (`Stage.handed`). A
value of None means that it never happened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from tocsin.duties.models import Duty, Notice
from tocsin.exercise.live.setting import Stage
from tocsin.exercise.live.terms import FieldMeasure, Happening, Kind, Seen
from tocsin.exercise.results import Value, percent
from tocsin.operate import store, terms
from tocsin.operate.models import Absence, Hold, Question, Sighting, Update
from tocsin.people.store import names
from tocsin.people.store import operation as operation_of
from tocsin.plan.models import Going
from tocsin.plan.terms import COVERAGE_FOUND, ZONE_SWEPT
from tocsin.record.models import Entry as Row
from tocsin.record.store import contents, decode
from tocsin.record.terms import Entry, unstamp


def values(stage: Stage) -> dict[str, Value]:
    """Every measure's value in this run, by its id."""
    return {m.id: _OF[m.kind](stage, m) for m in stage.story.measures}


class Said(NamedTuple):
    """A seat's answer: when somebody of it first acknowledged a version, or was gone past (`went` = how)."""

    seat: str
    at: datetime
    version: int
    went: str


def red_named(stage: Stage, m: FieldMeasure) -> Value:
    """When the thing first stood, by name, in a decision whether to go."""
    for going in Going.objects.filter(operation=stage.operation).order_by("decided_at"):
        kept = contents([going.words]).get(going.words, {})
        for red in kept.get("reds", ()):
            if red["kind"] == m.red and all(word in red["words"] for word in m.about.split(" & ")):
                return Value(going.decided_at, f"{red['words']} Owner: {red['owner']}.")
    return Value(None, "nobody was shown what is red")


def reds_at_go(stage: Stage, m: FieldMeasure) -> Value:
    """Red things under which nobody's name stood when it was decided to go; without a decision, nobody looked."""
    last = Going.objects.filter(
        operation=stage.operation, decided_at__lt=stage.story.operation.starts
    )
    going = last.order_by("decided_at").last()
    if going is None:
        return Value(None, "no decision is on record")
    reds = contents([going.words]).get(going.words, {}).get("reds", [])
    bare = [r for r in reds if not r["owner"]]
    who = names([going.person]).get(going.person, "")
    return Value(len(bare), f"{len(reds)} red things, each with an owner; going ahead: {who}")


def seconds_to_all(stage: Stage, m: FieldMeasure) -> Value:
    """Until the last seat that must know had acknowledged, or somebody else was asked in its place."""
    begun, thing, version = _start(stage, m)
    if begun is None:
        return Value(None, "nobody asked for an acknowledgement")
    said = _answers(thing, version)
    wanted = _must_seats(stage, begun)
    late = {
        seat: min((s for s in said if s.seat == seat), key=lambda s: s.at, default=None)
        for seat in wanted
    }
    missing = [seat for seat, s in late.items() if s is None]
    if missing:
        return Value(None, f"{len(missing)} of {len(wanted)} never")
    done = [s for s in late.values() if s is not None]
    went = sum(s.went != "acknowledged" for s in done)
    last = max(s.at for s in done)
    note = f"{len(done) - went} acknowledged, {went} gone past: told by another way"
    return Value(round((last - begun).total_seconds()), note)


def share_reached(stage: Stage, m: FieldMeasure) -> Value:
    """Of the seats that must know, those of whom somebody had the fact by `until`."""
    inject = stage.story.inject(m.subjects[0])
    wanted = _must_seats(stage, inject.at)
    of = getattr(inject, "of", "")
    had = {
        h.to
        for h in stage.handed
        if h.of == of and m.fact in h.keeps and inject.at <= h.at <= (m.until or h.at)
    }
    holds = {
        seat: {p.id for person in people if (p := stage.player(person))}
        for seat, people in wanted.items()
    }
    reached = [seat for seat, people in holds.items() if people & had]
    others = sorted(
        stage.story.player(p).role for s, ps in holds.items() if s not in reached for p in ps
    )
    note = f"{len(reached)} of {len(wanted)} roles and posts that must know"
    return Value(
        percent(len(reached), len(wanted)), note + (f"; not: {', '.join(others)}" if others else "")
    )


def facts_kept(stage: Stage, m: FieldMeasure) -> Value:
    """Over every hop: of what it should have carried, how much arrived.

    By hand that is only what the message passed on said itself; with Tocsin all that had been reported by then.
    """
    told: dict[str, list[Seen]] = defaultdict(list)
    for i in stage.story.injects:
        if isinstance(i, Seen):
            told[i.of].append(i)
    kept = whole = 0
    for h in stage.handed:
        by = stage.story.inject(h.inject).at if h.inject else h.at
        said = [set(i.facts) for i in told[h.of] if i.at <= by]
        known = (said[-1] if h.inject else set().union(*said)) if said else set()
        whole += len(known)
        kept += len(known & set(h.keeps))
    if not whole:
        return Value(None, "nothing was passed on")
    return Value(percent(kept, whole), f"{kept} of {whole} facts, over {len(stage.handed)} hops")


def person_knew(stage: Stage, m: FieldMeasure) -> Value:
    """When the fact was in a person's hands, and by which way."""
    inject = stage.story.inject(m.subjects[0])
    of = getattr(inject, "of", "")
    mine = [h for h in stage.handed if h.of == of and h.to == m.about and m.fact in h.keeps]
    first = min(mine, key=lambda h: h.at, default=None)
    if first is None:
        return Value(None, "never told")
    return Value(first.at, "in the field app" if not first.inject else "passed on by hand")


def hold_asked(stage: Stage, m: FieldMeasure) -> Value:
    """When the question was put."""
    hold = _hold(stage, m)
    if hold is None:
        return Value(None, "nobody was asked")
    return Value(hold.asked_at, f"asked: {_decider(hold)}; because: {hold.why}")


def hold_answered(stage: Stage, m: FieldMeasure) -> Value:
    """When it was decided by name, or went up unanswered."""
    hold = _hold(stage, m)
    if hold is None:
        return Value(None, "nobody was asked")
    times = [at for at in (hold.decided_at, hold.unanswered_at) if at]
    if not times:
        return Value(None, "not answered")
    if hold.decided_at == min(times):
        who = names([hold.decided_by]).get(hold.decided_by, "")
        return Value(hold.decided_at, f"{terms.Decision(hold.decision).words}, by {who}")
    return Value(hold.unanswered_at, "no answer: gone up, and to the detail leader")


def question_seconds(stage: Stage, m: FieldMeasure) -> Value:
    """How long the register took, and what it said."""
    taken = stage.answered_in.get(m.subjects[0])
    if taken is None:
        return Value(None, "there is no register to ask")
    row = Question.objects.get(id=stage.questions[m.subjects[0]])
    return Value(round(taken, 3), "; ".join(row.register[:3]))


def absence_noticed(stage: Stage, m: FieldMeasure) -> Value:
    """When it was on record that somebody or something is not there, and who was told."""
    inject = stage.story.inject(m.subjects[0])
    about = stage.posts.get(getattr(inject, "post", ""), getattr(inject, "about", ""))
    rows = Absence.objects.filter(operation=stage.operation, about=about, found_at__gte=inject.at)
    row = rows.order_by("found_at").first()
    if row is None:
        return Value(None, "nobody noticed")
    covered = (
        f", made up for {_seconds(row.covered_at - row.found_at)} later" if row.covered_at else ""
    )
    return Value(row.found_at, f"{row.label}: {terms.AbsenceKind(row.kind).words}{covered}")


def absence_covered(stage: Stage, m: FieldMeasure) -> Value:
    """When somebody said what makes up for it."""
    about = getattr(stage.story.inject(m.subjects[0]), "about", "")
    row = (
        Absence.objects.filter(operation=stage.operation, about=about).order_by("found_at").first()
    )
    if row is None or row.covered_at is None:
        return Value(None, "nothing made up for it")
    return Value(row.covered_at, f"by {names([row.covered_by]).get(row.covered_by, '')}")


def informed_too_soon(stage: Stage, m: FieldMeasure) -> Value:
    """Each time "informed" was said, the receipts up to then are counted again."""
    wrong = said = 0
    for thing in Sighting.objects.filter(operation=stage.operation):
        newest: dict[str, int] = {}
        for e in _entries(thing.id):
            _grow(newest, e)
            if e.kind == terms.SIGHTING_INFORMED:
                said += 1
                wrong += any(v < e.data["version"] for v in newest.values())
    hand = [h for h in stage.handed if h.inject]
    if hand:
        return Value(len(hand), "passed on by hand, and taken for received")
    return Value(wrong, f"said {said} times, each checked against the receipts")


def ground_found(stage: Stage, m: FieldMeasure) -> Value:
    """When the record first said that the named place lies on ground nobody has swept, after the last sweep of it."""
    last: Value = Value(None, "nobody reckoned what was covered")
    for at, held in _uncovered(stage):
        if m.about in held:
            return Value(at, f"uncovered, within standoff: {', '.join(held)}")
        last = Value(None, "found covered")
    return last


def ground_told(stage: Stage, m: FieldMeasure) -> Value:
    """When a person was told, after the sweep, that ground is still uncovered."""
    swept = Row.objects.filter(kind=ZONE_SWEPT).order_by("n").values_list("body", flat=True).last()
    since = unstamp(decode(swept).recorded_at) if swept else stage.story.starts
    duties = list(Duty.objects.filter(kind="cover_ground").values_list("id", flat=True))
    told = Notice.objects.filter(duty__in=duties, told_at__gte=since).order_by("told_at").first()
    if told is None:
        return Value(None, "nobody was told")
    return Value(told.told_at, f"told: {names([told.person]).get(told.person, '')}")


def met_unswept(stage: Stage, m: FieldMeasure) -> Value:
    """How often the protected person passed the place with it unswept and no name under that."""
    inject = stage.story.inject(m.subjects[0])
    open_ = [held for at, held in _uncovered(stage) if at <= inject.at]
    if not open_:
        return Value(1, "nothing said what was covered")
    if m.about not in open_[-1]:
        return Value(0, "swept by then")
    named = (
        Going.objects.filter(operation=stage.operation, decided_at__lte=inject.at)
        .order_by("decided_at")
        .last()
    )
    if named is not None and any(kind == "coverage" for kind, _ in named.reds):
        verdict = "held back" if not named.go else "driven all the same"
        return Value(
            0, f"{verdict}, by {names([named.person]).get(named.person, '')}, with a reason"
        )
    return Value(1, "unswept, and nobody's decision")


def cordon(stage: Stage, m: FieldMeasure) -> Value:
    """From the device's report until every manned post that must know had it."""
    return seconds_to_all(stage, m)


def _uncovered(stage: Stage) -> Iterator[tuple[datetime, list[str]]]:
    """(when, named places on uncovered ground) of each reckoning since the first sweep was done."""
    rows = (
        Row.objects.filter(kind__in=[COVERAGE_FOUND, ZONE_SWEPT])
        .order_by("n")
        .values_list("body", flat=True)
    )
    begun = False
    for e in map(decode, rows):
        begun |= e.kind == ZONE_SWEPT
        if begun and e.kind == COVERAGE_FOUND:
            yield (
                unstamp(e.recorded_at),
                sorted({label for g in e.data["gaps"] for label in g["holds"]}),
            )


def _hold(stage: Stage, m: FieldMeasure) -> Hold | None:
    """The first hold question asked of the thing once the fact was on it."""
    inject = stage.story.inject(m.subjects[0])
    thing = stage.sightings.get(getattr(inject, "of", ""), "")
    return Hold.objects.filter(sighting=thing, asked_at__gte=inject.at).order_by("asked_at").first()


def _decider(hold: Hold) -> str:
    return (
        names([hold.decider_person]).get(hold.decider_person, "")
        or hold.decider_role
        or hold.decider_agency
    )


def _start(stage: Stage, m: FieldMeasure) -> tuple[datetime | None, str, int]:
    """When the fact was first on record, of which sighting, in which version."""
    inject: Happening = stage.story.inject(m.subjects[0])
    thing = stage.sightings.get(getattr(inject, "of", ""), "")
    for u in Update.objects.filter(sighting=thing).order_by("version"):
        if m.fact in u.added:
            return u.recorded_at, thing, u.version
    return None, thing, 0


def _must_seats(stage: Stage, at: datetime) -> dict[str, tuple[str, ...]]:
    """Seat -> its people, of those that must know; the same in both columns, for the plan is."""
    found = store.seats(operation_of(stage.operation), at)
    return {s.id: s.people for s in found if s.must}


def _answers(thing: str, version: int) -> list[Said]:
    """Everything by which a seat answered `version` of a sighting, or was gone past."""
    found: list[Said] = []
    for e in _entries(thing):
        if e.kind == terms.SIGHTING_RECEIPTS:
            for seat, _, value in e.data["said"]:
                if value["version"] >= version:
                    found.append(
                        Said(seat, unstamp(e.recorded_at), value["version"], "acknowledged")
                    )
        elif e.kind == terms.SIGHTING_RETRIED:
            for seat, _, via, _, _ in e.data["tried"]:
                found.append(Said(seat, unstamp(e.recorded_at), version, via))
    return found


def _entries(thing: str) -> Iterable[Entry]:
    rows = Row.objects.filter(subject=thing).order_by("n").values_list("body", flat=True)
    return map(decode, rows)


def _grow(newest: dict[str, int], e: Entry) -> None:
    """Seats that must know -> the newest version acknowledged, entry by entry."""
    if e.kind in (terms.SIGHTING_REPORTED, terms.SIGHTING_UPDATED):
        for seat, _, must in e.data["told"]:
            if must:
                newest.setdefault(seat, 0)
    elif e.kind == terms.SIGHTING_RECEIPTS:
        for seat, _, value in e.data["said"]:
            if seat in newest:
                newest[seat] = max(newest[seat], value["version"])


def _seconds(span: timedelta) -> str:
    return f"{round(span.total_seconds())} s"


_OF: dict[Kind, Callable[[Stage, FieldMeasure], Value]] = {
    Kind.RED_NAMED: red_named,
    Kind.REDS_AT_GO: reds_at_go,
    Kind.SECONDS_TO_ALL: seconds_to_all,
    Kind.SHARE_REACHED: share_reached,
    Kind.FACTS_KEPT: facts_kept,
    Kind.PERSON_KNEW: person_knew,
    Kind.HOLD_ASKED: hold_asked,
    Kind.HOLD_ANSWERED: hold_answered,
    Kind.QUESTION_SECONDS: question_seconds,
    Kind.ABSENCE_NOTICED: absence_noticed,
    Kind.ABSENCE_COVERED: absence_covered,
    Kind.INFORMED_TOO_SOON: informed_too_soon,
    Kind.GROUND_FOUND: ground_found,
    Kind.GROUND_TOLD: ground_told,
    Kind.MET_UNSWEPT: met_unswept,
    Kind.CORDON: cordon,
}
