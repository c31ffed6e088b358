"""What a run came to: one function a kind of measure, over the record and tables as the run left them.

The same functions judge both columns. A value of None means that it never happened, or that nothing on
record says it did; `note` says which, and by whom. Nothing here knows which column it looks at.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import cast

from tocsin.assess import rules as assessing
from tocsin.assess import store as pictures
from tocsin.assess.models import Assessment, Dissent, Rfi, Standing
from tocsin.assess.terms import Asked, Disposition, Reading, SecondReading
from tocsin.collect.models import Report
from tocsin.deliver.models import Delivery, Destination, Recipient
from tocsin.duties.models import Duty, Notice
from tocsin.duties.terms import DUTY_FIRED
from tocsin.exercise.judging import THREATS
from tocsin.exercise.labels import MeasureKind, Speech
from tocsin.exercise.results import Value
from tocsin.exercise.terms import Measure, Post, Relay, Shift, Tip
from tocsin.exercise.world import World
from tocsin.kernel import clock, settings
from tocsin.people.models import Member, Operation, Qualification
from tocsin.people.store import names, on_duty
from tocsin.people.terms import Role
from tocsin.record.models import Entry
from tocsin.record.store import decode
from tocsin.record.terms import unstamp
from tocsin.warn.models import Note, Warning
from tocsin.warn.store import content
from tocsin.warn.terms import PLAN_CITED, WAS_RELEASED, Act

AT_ONCE = timedelta(minutes=1)
"""How late a step of a ladder may fire and still count as fired when due."""


def value(world: World, measure: Measure) -> Value:
    """What `measure` came to in this run."""
    return _OF[measure.kind](world, measure)


def values(world: World) -> dict[str, Value]:
    """Every measure's value in this run, by its id."""
    return {m.id: value(world, m) for m in world.scenario.measures}


def _alarm(world: World, measure: Measure) -> Value:
    first = Duty.objects.filter(kind="assess_whole").order_by("opened_at").first()
    if first is None:
        return Value(None, "nobody was made to")
    told = Notice.objects.filter(duty=first.id).order_by("told_at").first()
    who = _name(told.person) if told else "nobody yet"
    return Value(first.opened_at, f"asked: {who}")


def _quiet(world: World, measure: Measure) -> Value:
    """The alarm's own rule, over the flagged background posts alone."""
    if not world.chatter:
        return Value(None, "no background posts were shown to anybody")
    operation = Operation.objects.get(id=world.operation)
    window = timedelta(days=pictures.policy().k_of_n_window_days)
    seen: dict[str, datetime] = {}
    alarmed: tuple[str, ...] = ()
    count = 0
    for row in Report.objects.filter(id__in=_background(world)).order_by("received_at", "id"):
        before = assessing.active(seen, operation.checklist, row.received_at, window)
        seen.update(dict.fromkeys(row.categories, row.received_at))
        after = assessing.active(seen, operation.checklist, row.received_at, window)
        alarm = assessing.crossing(before, after, alarmed, operation.k)
        if alarm:
            count, alarmed = count + 1, alarm.categories
    most = len(seen)
    return Value(count, f"{most} kinds of sign in all of it; {operation.k} raise the alarm")


def _background(world: World) -> list[str]:
    return [report for report, label in world.labels.items() if not label.item]


def _undecided(world: World, measure: Measure) -> Value:
    """Duties on reports that passed their due time unanswered, with nobody asked at that time."""
    now = clock.now()
    kinds = ("assess", "second_reading", "settle")
    late = [
        d
        for d in Duty.objects.filter(kind__in=kinds, due_at__lt=now)
        if d.discharged_at is None or d.discharged_at > d.due_at
    ]
    asked: dict[str, datetime] = {}
    for duty, at in Notice.objects.filter(duty__in=[d.id for d in late]).values_list("duty", "told_at"):
        asked[duty] = min(at, asked.get(duty, at))
    left = [d for d in late if d.id not in asked or asked[d.id] > d.due_at + AT_ONCE]
    open_now = sum(d.discharged_at is None for d in late)
    flagged = Report.objects.count()
    return Value(
        len({d.subject for d in left}),
        f"{flagged} flagged; {len(late)} answers were late, each passed on; {open_now} still open"
        if not left
        else f"{flagged} flagged, {open_now} never decided on",
    )


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


def _draft_decided(world: World, measure: Measure) -> Value:
    found = _decision(world.warnings.get(measure.subjects[0], ""))
    if found is None:
        return Value(None, "never decided")
    return Value(found[0], f"{found[1]}: {_name(found[2])}")


def _silent_drafts(world: World, measure: Measure) -> Value:
    start = world.scenario.operation.starts
    silent = [s for s in measure.subjects if not _decided_by(world.warnings.get(s, ""), start)]
    return Value(len(silent), ", ".join(silent))


def _decided_by(warning: str, at: datetime) -> bool:
    found = _decision(warning)
    return found is not None and found[0] <= at


def _drafts_closed(world: World, measure: Measure) -> Value:
    found = [_decision(world.warnings.get(s, "")) for s in measure.subjects]
    words = [f"{found[1]}: {_name(found[2])}" for found in found if found]
    return Value(_percent(len(words), len(found)), "; ".join(dict.fromkeys(words)))


def _escalated(world: World, measure: Measure) -> Value:
    """When a second person of the same role was asked, because the first had not answered."""
    relay = cast(Relay, world.scenario.inject(measure.subjects[0]))
    warning = world.warnings.get(relay.warning, "")
    lines = Recipient.objects.filter(person=world.people[relay.to[0]]).values("id")
    tried = Delivery.objects.filter(warning=warning, recipient__in=lines)
    asked = set(tried.values_list("destination", flat=True))
    after = (
        Delivery.objects.filter(destination__in=asked, why__in=["NEXT_PERSON", "FAILED_PERSON"])
        .order_by("queued_at")
        .first()
    )
    if after is None:
        return Value(None, "it stopped with the first")
    who = Recipient.objects.values_list("person", flat=True).get(id=after.recipient)
    return Value(after.queued_at, f"asked next: {_name(who)}")


def _informed(world: World, measure: Measure) -> Value:
    return _informed_of([world.warnings.get(measure.subjects[0], "")])


def _whole_informed(world: World, measure: Measure) -> Value:
    """Of the first edition of the warning drafted from the whole picture that all had."""
    picture = pictures.picture_id(world.operation)
    return _informed_of(
        Warning.objects.filter(situation=picture).order_by("drafted_at").values_list("id", flat=True)
    )


def _informed_of(warnings: Iterable[str]) -> Value:
    times: list[datetime] = []
    note = "nobody was asked to acknowledge"
    for warning in warnings:
        rows = list(Destination.objects.filter(warning=warning, occasion="release", must_know=True))
        answered = [r.acknowledged_at for r in rows if r.acknowledged_at]
        if rows and len(answered) == len(rows):
            times.append(max(answered))
        if rows:
            note = f"{len(answered)} of {len(rows)} roles that must know"
    return Value(min(times), "every role that must know") if times else Value(None, note)


def _too_soon(world: World, measure: Measure) -> Value:
    taken = [p for p in world.passed if not p.acknowledged]
    if Destination.objects.exists():
        return Value(world.shown_too_soon, "looked at after each acknowledgement")
    return Value(len(taken), "passed on by hand, and taken for received")


def _minutes() -> tuple[list[float], int]:
    """Minutes to each acknowledgement, and how many that still count have none."""
    rows = Destination.objects.filter(occasion="release")
    done = [
        (r.acknowledged_at - r.opened_at) / timedelta(minutes=1) for r in rows if r.acknowledged_at
    ]
    return sorted(done), rows.filter(acknowledged_at=None, closed_at=None).count()


def _median(world: World, measure: Measure) -> Value:
    done, missing = _minutes()
    if not done:
        return Value(None, "no acknowledgement was asked for")
    return Value(round(median(done), 1), f"{len(done)} acknowledged, {missing} not")


def _p95(world: World, measure: Measure) -> Value:
    """The time within which 95 of 100 answered; those who did not answer count as slower than all."""
    done, missing = _minutes()
    if not done:
        return Value(None, "no acknowledgement was asked for")
    place = -(-95 * (len(done) + missing) // 100) - 1
    if place >= len(done):
        return Value(None, f"{missing} of {len(done) + missing} never answered")
    return Value(round(done[place], 1), f"slowest: {round(done[-1])} min")


def _rfi(world: World, measure: Measure) -> Value:
    """When an unanswered request was raised to the next person; an answer before that counts as well."""
    rfi = world.requests.get(measure.subjects[0])
    if rfi is None:
        return Value(None, "no request with a due date was on record")
    row = Rfi.objects.get(id=rfi)
    raised = [e for e in _fired(rfi) if not e[1].startswith("owner") and e[2]]
    answered = row.answered_at if row.state == Asked.ANSWERED else None
    if answered and (not raised or answered <= raised[0][0]):
        return Value(answered, f"answered: {_name(row.answered_by)}")
    if not raised:
        return Value(None, "neither answered nor raised")
    late = int((raised[0][0] - row.due_at).total_seconds())
    after = f"; answered {_local(world, answered)}" if answered else "; not answered"
    who = ", ".join(_name(p) for p in raised[0][2])
    return Value(raised[0][0], f"{late} s after its due time, to: {who}{after}")


def _fired(subject: str) -> list[tuple[datetime, str, Sequence[str]]]:
    """(when, whom the step means, who was told) of each step that fired on a subject's duties."""
    rows = Entry.objects.filter(subject=subject, kind=DUTY_FIRED).order_by("n")
    found = [decode(body) for body in rows.values_list("body", flat=True)]
    return [(unstamp(e.recorded_at), e.data["tell"], e.data["told"]) for e in found]


def _dissent(world: World, measure: Measure) -> Value:
    ids = [world.concerns.get(s, "") for s in measure.subjects]
    answered = Dissent.objects.filter(id__in=ids, state=Asked.ANSWERED.value)
    who = {_name(p) for p in answered.values_list("answered_by", flat=True)}
    return Value(_percent(answered.count(), len(ids)), "by: " + ", ".join(sorted(who)) if who else "none was on record")


def _second_read(world: World, measure: Measure) -> Value:
    owing = (SecondReading.NOVICE.value, SecondReading.LAPSED.value)
    rows = Assessment.objects.filter(reading=Reading.FIRST.value, second__in=owing, undone_at=None)
    reports = list(rows.values_list("report", flat=True))
    read = Standing.objects.filter(report__in=reports).exclude(second="").count()
    if not reports:
        return Value(None, "no no-report was recorded")
    turned = Standing.objects.filter(report__in=reports, disposition=Disposition.REPORT.value)
    return Value(
        _percent(read, len(reports)), f"{read} of {len(reports)}; {turned.count()} were turned into reports"
    )


def _null(world: World, measure: Measure) -> Value:
    ended = world.ended_by_null.get(measure.subjects[0])
    if ended is None:
        return Value(None, "it passed as an all-clear")
    return Value(ended, "the statement was refused: too much was open")


def _stale(world: World, measure: Measure) -> Value:
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


def _outage(world: World, measure: Measure) -> Value:
    inject = world.scenario.inject(measure.subjects[0])
    source = world.sources[getattr(inject, "source", "")]
    duty = Duty.objects.filter(subject=source, kind="mend_feed").order_by("opened_at").first()
    if duty is None or duty.discharged_at is None:
        return Value(None, "nothing was named")
    return Value(duty.discharged_at, f"{_name(duty.discharged_by)}: {duty.outcome}")


def _facts(world: World, measure: Measure) -> Value:
    """Each fact of the released warning, looked for in the very mail each recipient was sent."""
    kept = found = 0
    for passed in world.passed:
        if passed.inject not in measure.subjects:
            continue
        row = Warning.objects.get(id=world.warnings[passed.draft])
        words = content(row)
        facts = [words.title, words.summary, row.label, row.precedence, *(j.text for j in words.judgments)]
        lines = Recipient.objects.filter(person=world.people[passed.to]).values("id")
        mails = Delivery.objects.filter(
            warning=row.id, recipient__in=lines, channel="email", sent_at__isnull=False
        )
        for delivery in mails.values_list("id", flat=True):
            text = _mail(delivery)
            kept += len(facts)
            found += sum(" ".join(fact.split()) in text for fact in facts)
    if not kept:
        return Value(None, "no copy is on record")
    return Value(_percent(found, kept), f"{found} of {kept} facts, in the mails as sent")


def _mail(delivery: str) -> str:
    path = settings.current().data_dir / "mail" / f"{delivery}.eml"
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    body = message.get_body(("plain",))
    return " ".join(f"{message['Subject']} {body.get_content() if body else ''}".split())


def _reported(world: World) -> set[str]:
    """Reports that went further: decided so, or cited by a warning released before the event."""
    decided = Standing.objects.filter(disposition=Disposition.REPORT.value)
    out = set(decided.values_list("report", flat=True))
    released = Warning.objects.filter(
        state__in=[s.value for s in WAS_RELEASED], released_at__lt=world.scenario.operation.starts
    )
    for cites in released.values_list("cites", flat=True):
        out |= {c["id"] for c in cites if c["kind"] == "report"}
    return out


def missed(world: World, *, veiled: bool) -> Value:
    """Share of threats, incitement and planning that ended without a report, plain or veiled ones."""
    reported = _reported(world)
    items = [
        i
        for i in world.scenario.injects
        if isinstance(i, Post | Tip) and i.speech in THREATS and getattr(i, "veiled", False) == veiled
    ]
    unseen = sum(i.id not in world.reports for i in items)
    gone = sum(world.reports.get(i.id, "") not in reported for i in items)
    return Value(_percent(gone, len(items)), f"{gone} of {len(items)}; {unseen} not flagged")


def _missed(world: World, measure: Measure) -> Value:
    plain, veiled = missed(world, veiled=False), missed(world, veiled=True)
    return Value(plain.value, f"{plain.note} (veiled posts, apart: {veiled.note})")


def _false(world: World, measure: Measure) -> Value:
    reported = [world.labels[r] for r in _reported(world) if r in world.labels]
    if not reported:
        return Value(None, "nothing was reported")
    wrong = sum(label.speech not in THREATS for label in reported)
    return Value(_percent(wrong, len(reported)), f"{wrong} of {len(reported)}")


def _protected(world: World, measure: Measure) -> Value:
    reported = [world.labels[r] for r in _reported(world) if r in world.labels]
    return Value(sum(label.speech is Speech.PROTECTED for label in reported), f"of {len(reported)} reported")


def _purges(world: World, measure: Measure) -> Value:
    return Value(Report.objects.filter(retention_until__lt=clock.now()).count())


def _chatter(world: World, measure: Measure) -> Value:
    if not world.chatter:
        return Value(None, "no background posts were shown to anybody")
    flagged = len(_background(world))
    return Value(round(1000 * flagged / world.chatter, 1), f"{flagged} of {world.chatter:,}")


def _alone(world: World, measure: Measure) -> Value:
    """Watches in which at some hour nobody of the collectors on watch was trained and current.

    Nobody is told of that by the system: a watch that stands so counts, whoever reads its work afterwards.
    """
    found = []
    for subject in measure.subjects:
        inject = cast(Shift, world.scenario.inject(subject))
        agency = world.agency_of(inject.people[0])
        hours = int((inject.until - inject.at) / timedelta(hours=1))
        for hour in range(hours):
            at = inject.at + timedelta(hours=hour)
            on_watch = {s.person for s in on_duty(agency, Role.COLLECTOR.value, at)}
            if not _trained(on_watch, at):
                found.append(subject)
                break
    return Value(len(found), ", ".join(found) and f"{', '.join(found)}; nobody was told")


def _trained(people: set[str], at: datetime) -> bool:
    current = Qualification.objects.filter(person__in=people, expires_at__gt=at).values("person")
    return Member.objects.filter(person__in=current, novice=False).exists()


def _percent(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0


def _name(person: str) -> str:
    return names([person]).get(person, person)


def _local(world: World, at: datetime) -> str:
    return f"{at + world.scenario.local_offset:%d %b %H:%M} {world.scenario.zone}"


_K = MeasureKind
_OF: dict[MeasureKind, Callable[[World, Measure], Value]] = {
    _K.ALARM_RAISED_AT: _alarm,
    _K.QUIET_ALARMS: _quiet,
    _K.UNDECIDED_FLAGGED: _undecided,
    _K.DRAFT_DECIDED: _draft_decided,
    _K.SILENT_DRAFTS_AT_EVENT: _silent_drafts,
    _K.UNACKNOWLEDGED_ESCALATED: _escalated,
    _K.MUST_KNOW_INFORMED: _informed,
    _K.WHOLE_WARNING_INFORMED: _whole_informed,
    _K.INFORMED_TOO_SOON: _too_soon,
    _K.ACKNOWLEDGE_MEDIAN: _median,
    _K.ACKNOWLEDGE_P95: _p95,
    _K.RFI_RAISED: _rfi,
    _K.DISSENT_ANSWERED: _dissent,
    _K.SECOND_READ: _second_read,
    _K.DRAFTS_CLOSED: _drafts_closed,
    _K.DUTIES_ENDED_BY_NULL: _null,
    _K.STALE_CITATIONS: _stale,
    _K.OUTAGE_COVERED: _outage,
    _K.FACTS_KEPT: _facts,
    _K.PROTECTED_REPORTED: _protected,
    _K.FALSE_ALARMS: _false,
    _K.MISSED_THREATS: _missed,
    _K.OVERDUE_PURGES: _purges,
    _K.CHATTER_FLAGGED: _chatter,
    _K.UNQUALIFIED_ALONE: _alone,
}
