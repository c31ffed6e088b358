"""What happens by itself in an exercise: each inject is the real action of its stage, by its actor.

Where history's act is one that the system refuses (a hold without a reason, an all-clear while reports
wait, a plan resting on a replaced assessment), it is tried, and the refusal is a line of the log; were it
accepted, the run would stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from tocsin.assess import actions as assess
from tocsin.assess.models import Membership, Situation
from tocsin.collect.actions import note_health, resume_source
from tocsin.collect.models import Report, Source
from tocsin.collect.pseudonyms import pseudonym
from tocsin.collect.rules import identity
from tocsin.collect.terms import FailReason, FeedHealth, Health, Item, Permanence
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.exercise import judging
from tocsin.exercise.answers import decide
from tocsin.exercise.cast import COURSE, ROLES
from tocsin.exercise.chatter import BackgroundPost
from tocsin.exercise.labels import Judgement, Skill
from tocsin.exercise.terms import (
    ChatConcern,
    ConcernRaised,
    DraftAbandoned,
    DraftReleased,
    DraftWritten,
    Inject,
    NoReport,
    NullReport,
    PlanCites,
    Post,
    Qualification,
    Relay,
    ReviewerDoesNothing,
    ReviewerHolds,
    RfiOpened,
    Scripted,
    Shift,
    SourceOutage,
    Tip,
)
from tocsin.exercise.world import Label, Line, Passed, World
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Invalid
from tocsin.people import actions as people
from tocsin.people.models import Operation
from tocsin.people.terms import GRANTS, SYSTEM, Permission
from tocsin.record.actions import writing
from tocsin.screen.actions import take_in
from tocsin.warn import actions as warn
from tocsin.warn.models import Warning
from tocsin.warn.terms import UNDER_REVIEW, Content, State

_URGENT_WITHIN = timedelta(hours=48)
"""This close to the event, what is written goes out as IMMEDIATE; before, as PRIORITY."""


def perform(world: World, inject: Inject) -> None:
    """Let `inject` happen, as of now."""
    _DO[type(inject)](world, inject)


def note(world: World, who: str, what: str, *, refused: bool = False) -> None:
    """Write a line into the run's log."""
    world.log.append(Line(clock.now(), who, what, refused))


def post(world: World, inject: Post) -> None:
    """A public post comes in by its source, unless that source is paused."""
    item = Item(inject.id, inject.text, url=inject.url, author=inject.author, at=inject.at)
    label = Label(inject.id, inject.speech, inject.raises, inject.veiled)
    _take(world, inject.source, [(item, label)])


def tip(world: World, inject: Tip) -> None:
    """A tip or a partner's report: always for a person's eye."""
    item = Item(inject.id, inject.text, at=inject.at)
    label = Label(inject.id, inject.speech, inject.raises)
    _take(world, inject.source, [(item, label)], forced=True)


def background(world: World, source: str, posts: Iterable[BackgroundPost]) -> int:
    """An hour of harmless posts of one source; returns how many were flagged."""
    pairs = [
        (Item(p.id, p.text, url=p.url, author=p.author, at=p.at), Label("", p.speech))
        for p in posts
    ]
    world.chatter += len(pairs)
    return _take(world, source, pairs)


def _take(
    world: World, source: str, pairs: list[tuple[Item, Label]], *, forced: bool = False
) -> int:
    row = Source.objects.get(id=world.sources[source])
    if row.state == "PAUSED":
        note(world, source, f"{len(pairs)} items not read: the source is paused")
        return 0
    taken = take_in(row, [item for item, _ in pairs], forced=forced)
    if not taken.reports:
        return 0
    by_identity = {pseudonym("identity", row.id, identity(item)): label for item, label in pairs}
    found = Report.objects.filter(id__in=taken.reports).values_list("id", "identity")
    for report, key in found:
        label = by_identity[key]
        world.labels[report] = label
        if label.item:
            world.reports[label.item] = report
    return taken.flagged


def qualification(world: World, inject: Qualification) -> None:
    """A person's standing is put on the record by their chief."""
    chief, person = world.actor(inject.actor), world.people[inject.person]
    people.mark_novice(chief, person=person, novice=inject.skill is Skill.NOVICE)
    if inject.skill is Skill.CURRENT:
        until = clock.now() + timedelta(days=365)
        people.qualify(chief, person=person, name=COURSE, expires_at=until)
    world.forget_actors()


def shift(world: World, inject: Shift) -> None:
    """A watch is handed over with a note."""
    actor = world.actor(inject.actor)
    role = ROLES[world.scenario.person(inject.actor).seats[0]]
    people.hand_over(actor, role=role, text=inject.note)


def written(world: World, inject: DraftWritten) -> None:
    """A draft is written from what it cites; with a reviewer named, it goes to review at once.

    A draft that replaces an earlier assessment is that assessment's next edition.
    """
    actor = world.actor(inject.actor)
    operation = world.scenario.operation
    cites = tuple(world.reports[c] for c in inject.cites if c in world.reports)
    if not inject.cites:
        title = f"{operation.name}: what is known so far"
        cites = (assess.open_situation(actor, title=title, operation=world.operation),)
    near = operation.starts - clock.now() <= _URGENT_WITHIN
    before = _replaces(world, inject)
    if before is not None:
        changed = "The whole assessment is new: what was not known then is known now."
        id = warn.update(actor, warning=before.id, version=before.version, changed=changed)
        content = judging.document(inject, cites, changed=changed)
        warn.revise(actor, warning=id, version=1, content=content)
    else:
        kind = judging.TYPES[inject.product]
        assessment = kind == "EVENT_ASSESSMENT"
        id = warn.draft(
            actor,
            type=kind,
            content=judging.document(inject, cites),
            situation=_topic_of(cites, actor.agency),
            operation=world.operation,
            label="AMBER",
            precedence=(Precedence.IMMEDIATE if near else Precedence.PRIORITY).value,
            expires_at=operation.ends if assessment else None,
        )
    world.warnings[inject.id] = id
    if inject.reviewer:
        warn.submit(actor, warning=id, version=Warning.objects.get(id=id).version)


def _replaces(world: World, inject: DraftWritten) -> Warning | None:
    """The assessment in force that the scenario says this one replaced."""
    for other in world.scenario.injects:
        if isinstance(other, PlanCites) and other.superseded_by == inject.id:
            row = Warning.objects.get(id=world.warnings[other.cited])
            return row if row.state == State.RELEASED else None
    return None


def _topic_of(cites: Iterable[str], agency: str) -> str:
    """The agency's own topic that what is cited belongs to."""
    there = Membership.objects.filter(report__in=list(cites), ended_at=None).values("situation")
    found = Situation.objects.filter(id__in=there, agency=agency, state="OPEN").order_by("id")
    return next(iter(found.values_list("id", flat=True)), "")


def held(world: World, inject: ReviewerHolds) -> None:
    """History's hold: without a reason it is refused, and the review clock runs on."""
    row = Warning.objects.get(id=world.warnings[inject.draft])
    if State(row.state) not in UNDER_REVIEW:
        return
    until = world.scenario.operation.starts - timedelta(hours=1)
    _refused(
        world,
        inject,
        "hold without a reason",
        lambda: warn.hold(
            world.actor(inject.actor),
            warning=row.id,
            version=row.version,
            reason=inject.reason,
            until=until,
        ),
        needed=not inject.reason,
    )


def released(world: World, inject: DraftReleased) -> None:
    """History's release; where the system got it decided before, there is nothing left to release."""
    row = Warning.objects.get(id=world.warnings[inject.draft])
    if State(row.state) in UNDER_REVIEW:
        warn.release(world.actor(inject.actor), warning=row.id, version=row.version)


def concern(world: World, inject: ConcernRaised | ChatConcern) -> None:
    """A concern is filed as dissent: about the first thing it names, else about the event."""
    known = {**world.reports, **world.warnings}
    about = next((known[a] for a in inject.about if a in known), world.operation)
    world.concerns[inject.id] = assess.file_dissent(
        world.actor(inject.actor), about=about, text=inject.text
    )


def asked(world: World, inject: RfiOpened) -> None:
    """A request for information is put to the role of whoever was asked, with a due date."""
    to = world.scenario.person(inject.to)
    role = next(ROLES[s] for s in to.seats if Permission.ANSWER in GRANTS[ROLES[s]])
    event = world.scenario.operation
    near = clock.now() >= event.starts
    world.requests[inject.id] = assess.ask(
        world.actor(inject.actor),
        to_agency=world.agency_of(inject.to),
        to_role=role,
        title="Question on the joint session",
        text=inject.text,
        due_at=inject.due,
        operation=world.operation,
        precedence=Precedence.IMMEDIATE if near else Precedence.PRIORITY,
    )


def relayed(world: World, inject: Relay) -> None:
    """Passing a warning on: the recipients have the record itself already, by delivery; no copy is made."""
    for person in inject.to:
        world.passed.append(Passed(inject.id, inject.warning, person, clock.now()))


def not_reported(world: World, inject: NoReport) -> None:
    """A collector decides that items are no report; those decided already stay as they are."""
    person = world.scenario.person(inject.actor)
    agency = world.agency_of(inject.actor)
    ids = [world.reports[i] for i in inject.items if i in world.reports]
    for row in Report.objects.filter(id__in=ids, agency=agency, state="OPEN").order_by("id"):
        row.refresh_from_db()  # an earlier decision may have covered this copy
        if row.state == "OPEN":
            decide(world, person, row, inject.reason, Judgement.CALLS_HYPERBOLE)


def nothing_to_report(world: World, inject: NullReport) -> None:
    """A statement that nothing is known: refused while anything is open, and it ends no duty."""
    actor = world.actor(inject.actor)
    before = set(Duty.objects.filter(discharged_at=None).values_list("id", flat=True))
    draft = warn.draft(
        actor,
        type="NO_THREAT",
        content=Content(title="No credible threats known", summary=inject.text),
        operation=world.operation,
        label="AMBER",
        expires_at=clock.now() + timedelta(hours=12),
    )
    world.warnings[inject.id] = draft
    _refused(
        world, inject, "an all-clear while reports and warnings are open",
        lambda: warn.submit(actor, warning=draft, version=1),
    )  # fmt: skip
    warn.abandon(
        actor, warning=draft, version=1, reason="Not sent: too much is still open to say this."
    )
    after = Duty.objects.filter(id__in=before).exclude(discharged_at=None).count()
    world.ended_by_null[inject.id] = after


def plan_cites(world: World, inject: PlanCites) -> None:
    """The plan is made to rest on an assessment; one that was replaced is refused."""
    row = Warning.objects.get(id=world.warnings[inject.cited])

    def cite() -> None:
        warn.cite(
            world.actor(inject.actor),
            operation=world.operation,
            warning=row.id,
            edition=row.edition,
        )

    if row.state == State.RELEASED:
        cite()
    else:
        _refused(world, inject, "a plan resting on a replaced assessment", cite)


def fails(world: World, inject: SourceOutage) -> None:
    """A source can no longer be read: that goes on the record, and somebody owes to mend it."""
    row = Source.objects.get(id=world.sources[inject.source])
    health = FeedHealth(
        Health.FAILING,
        clock.now(),
        inject.text,
        FailReason.LOGIN_REFUSED,
        Permanence.PERMANENT,
        1,
    )
    with writing(SYSTEM) as w:
        note_health(w, row, health)


def works_again(world: World, inject: SourceOutage) -> None:
    """The new tool works: the source is read again."""
    row = Source.objects.get(id=world.sources[inject.source])
    with writing(SYSTEM) as w:
        note_health(w, row, FeedHealth(Health.HEALTHY, clock.now()))
    if row.state == "PAUSED":
        actor = world.actor(inject.actor)
        row.refresh_from_db()
        resume_source(actor, source=row.id, version=row.version)


def leaves_it(world: World, inject: ReviewerDoesNothing | DraftAbandoned) -> None:
    """Nobody does anything: it is the clock's turn."""


def _refused(
    world: World, inject: Scripted, what: str, act: Callable[[], object], *, needed: bool = True
) -> None:
    """Try what history did. Raises: Conflict when the system let it pass although it must not."""
    try:
        act()
    except (Invalid, Conflict) as e:
        note(world, inject.actor, f"{what}: {e.message}", refused=True)
        return
    if needed:
        raise Conflict(f"{inject.id}: {what} was accepted", field=inject.id)


def operation(world: World) -> Operation:
    """The protected event's row."""
    return Operation.objects.get(id=world.operation)


_DO: dict[type, Callable[[World, Any], None]] = {
    Post: post,
    Tip: tip,
    ConcernRaised: concern,
    ChatConcern: concern,
    RfiOpened: asked,
    DraftWritten: written,
    ReviewerHolds: held,
    ReviewerDoesNothing: leaves_it,
    DraftReleased: released,
    DraftAbandoned: leaves_it,
    Relay: relayed,
    NoReport: not_reported,
    NullReport: nothing_to_report,
    PlanCites: plan_cites,
    Qualification: qualification,
    Shift: shift,
    SourceOutage: fails,
}
