"""What a run came to for flagged reports: the alarm, decisions, what was missed and what was over-reported."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from django.db.models import Q

from tocsin.assess import rules as assessing
from tocsin.assess import store as pictures
from tocsin.assess.actions.watches import STAFF
from tocsin.assess.models import Assessment, Standing
from tocsin.assess.terms import Disposition, Reading, SecondReading
from tocsin.collect.models import Report
from tocsin.duties.models import Duty, Notice
from tocsin.exercise.judging import THREATS
from tocsin.exercise.labels import Speech
from tocsin.exercise.results import Value, percent
from tocsin.exercise.terms import Measure, Post, Shift, Tip
from tocsin.exercise.world import World, name_of
from tocsin.kernel import clock
from tocsin.people.models import Member, Operation, Qualification
from tocsin.people.store import on_duty
from tocsin.people.terms import Role
from tocsin.warn.models import Warning
from tocsin.warn.terms import WAS_RELEASED

AT_ONCE = timedelta(minutes=1)
"""How late a step of a ladder may fire and still count as fired when due."""


def alarm(world: World, measure: Measure) -> Value:
    """When somebody was first made to look at the whole."""
    first = Duty.objects.filter(kind="assess_whole").order_by("opened_at").first()
    if first is None:
        return Value(None, "nobody was made to")
    told = Notice.objects.filter(duty=first.id).order_by("told_at").first()
    who = name_of(told.person) if told else "nobody yet"
    return Value(first.opened_at, f"asked: {who}")


def quiet_alarms(world: World, measure: Measure) -> Value:
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


def undecided(world: World, measure: Measure) -> Value:
    """Duties on reports that passed their due time unanswered, with nobody asked at that time."""
    now = clock.now()
    kinds = ("assess", "second_reading", "settle")
    late = [
        d
        for d in Duty.objects.filter(kind__in=kinds, due_at__lt=now)
        if d.discharged_at is None or d.discharged_at > d.due_at
    ]
    asked: dict[str, datetime] = {}
    for duty, at in Notice.objects.filter(duty__in=[d.id for d in late]).values_list(
        "duty", "told_at"
    ):
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


def second_read(world: World, measure: Measure) -> Value:
    """Share of no-reports by new or lapsed readers that a second one read."""
    owing = (SecondReading.NOVICE.value, SecondReading.LAPSED.value)
    rows = Assessment.objects.filter(reading=Reading.FIRST.value, second__in=owing, undone_at=None)
    reports = list(rows.values_list("report", flat=True))
    read = Standing.objects.filter(report__in=reports).exclude(second="").count()
    if not reports:
        return Value(None, "no no-report was recorded")
    turned = Standing.objects.filter(report__in=reports, disposition=Disposition.REPORT.value)
    return Value(
        percent(read, len(reports)),
        f"{read} of {len(reports)}; {turned.count()} were turned into reports",
    )


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
        if isinstance(i, Post | Tip)
        and i.speech in THREATS
        and getattr(i, "veiled", False) == veiled
    ]
    unseen = sum(i.id not in world.reports for i in items)
    gone = sum(world.reports.get(i.id, "") not in reported for i in items)
    return Value(percent(gone, len(items)), f"{gone} of {len(items)}; {unseen} not flagged")


def missed_threats(world: World, measure: Measure) -> Value:
    """Share of plain threats, incitement and planning that ended without a report; veiled ones apart."""
    plain, veiled = missed(world, veiled=False), missed(world, veiled=True)
    return Value(plain.value, f"{plain.note} (veiled posts, apart: {veiled.note})")


def false_alarms(world: World, measure: Measure) -> Value:
    """Share of what was reported that was protected speech or hyperbole."""
    reported = [world.labels[r] for r in _reported(world) if r in world.labels]
    if not reported:
        return Value(None, "nothing was reported")
    wrong = sum(label.speech not in THREATS for label in reported)
    return Value(percent(wrong, len(reported)), f"{wrong} of {len(reported)}")


def protected_reported(world: World, measure: Measure) -> Value:
    """Protected posts that were sent on as reports."""
    reported = [world.labels[r] for r in _reported(world) if r in world.labels]
    return Value(
        sum(label.speech is Speech.PROTECTED for label in reported), f"of {len(reported)} reported"
    )


def overdue_purges(world: World, measure: Measure) -> Value:
    """Items kept past their retention."""
    return Value(Report.objects.filter(retention_until__lt=clock.now()).count())


def chatter_flagged(world: World, measure: Measure) -> Value:
    """Background posts put before a person, per thousand."""
    if not world.chatter:
        return Value(None, "no background posts were shown to anybody")
    flagged = len(_background(world))
    return Value(round(1000 * flagged / world.chatter, 1), f"{flagged} of {world.chatter:,}")


def watches_alone(world: World, measure: Measure) -> Value:
    """Watches in which at some hour nobody of the collectors on watch was trained and current.

    A watch counts unless its agency was told of one like it before the hour, by a duty that was open then.
    """
    found = []
    for subject in measure.subjects:
        inject = cast(Shift, world.scenario.inject(subject))
        agency = world.agency_of(inject.people[0])
        hours = int((inject.until - inject.at) / timedelta(hours=1))
        for hour in range(hours):
            at = inject.at + timedelta(hours=hour)
            on_watch = {s.person for s in on_duty(agency, Role.COLLECTOR.value, at)}
            if not _trained(on_watch, at) and not _told(agency, at):
                found.append(subject)
                break
    return Value(len(found), ", ".join(found) and f"{', '.join(found)}; nobody was told")


def _told(agency: str, at: datetime) -> bool:
    duties = Duty.objects.filter(kind=STAFF, owner_agency=agency, opened_at__lte=at)
    still = duties.filter(Q(discharged_at=None) | Q(discharged_at__gt=at)).values("id")
    return Notice.objects.filter(duty__in=still, told_at__lte=at).exists()


def _trained(people: set[str], at: datetime) -> bool:
    current = Qualification.objects.filter(person__in=people, expires_at__gt=at).values("person")
    return Member.objects.filter(person__in=current, novice=False).exists()
