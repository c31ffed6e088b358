"""What scripted people do when asked: each reply is the real action of its stage, done as that person.

Only what a person would see decides here (is it still open, is a warning out already). A refusal by
the system is no answer: it stops the run, because then script and product disagree.
"""

from __future__ import annotations

from collections.abc import Callable

from tocsin.assess import actions as assess
from tocsin.assess.models import Dissent, Rfi, Situation, Standing
from tocsin.assess.terms import Disposition
from tocsin.assess.terms import Speech as Kind
from tocsin.collect.actions import pause_source
from tocsin.collect.models import Report, Source
from tocsin.deliver import actions as deliver
from tocsin.deliver import store as receipts
from tocsin.deliver.models import Delivery, Destination
from tocsin.duties.models import Duty
from tocsin.exercise import judging
from tocsin.exercise.behaviour import Planned
from tocsin.exercise.labels import Ask, Judgement, Reply, Speech
from tocsin.exercise.terms import Person
from tocsin.exercise.world import Label, World
from tocsin.kernel import clock
from tocsin.people.terms import Actor
from tocsin.warn import actions as warn
from tocsin.warn.models import Citation, Warning
from tocsin.warn.terms import UNDER_REVIEW, WRITABLE, State

ASKS = {
    "assess": Ask.ASSESS_REPORT,
    "second_reading": Ask.SECOND_READ,
    "settle": Ask.SETTLE_DISAGREEMENT,
    "assess_whole": Ask.ASSESS_WHOLE,
    "draft_warning": Ask.ASSESS_WHOLE,
    "finish_draft": Ask.CLOSE_DRAFT,
    "review": Ask.REVIEW_DRAFT,
    "answer_dissent": Ask.ANSWER_DISSENT,
    "answer_rfi": Ask.ANSWER_RFI,
    "mend_feed": Ask.RESTORE_SOURCE,
    "update_plan": Ask.UPDATE_PLAN,
}
"""Which request each kind of duty puts to a person."""

QUEUES = ("assess", "second_reading", "settle")
"""Duties that are worked off from a list by whoever is on watch, without being told of each."""

_UNKNOWN = Label("", Speech.PROTECTED)


def answer(world: World, person: Person, duty: Duty, planned: Planned) -> None:
    """Do what `person` planned about a duty that is still open."""
    _DO[duty.kind](world, person, duty, planned)


def _judge(world: World, person: Person, duty: Duty, planned: Planned) -> None:
    row = Report.objects.get(id=duty.subject)
    actor = world.actor(person.id)
    if actor.agency != row.agency or row.state != "OPEN":
        return
    decide(world, person, row, planned.words)


def decide(
    world: World, person: Person, row: Report, reason: str = "", judged: Judgement | None = None
) -> None:
    """Judge an open report by the person's way of judging; what is reported joins the agency's topic."""
    actor = world.actor(person.id)
    way = judged or person.behaviour.judgement or Judgement.AS_LABELLED
    sheet = judging.sheet(way, world.labels.get(row.id, _UNKNOWN), reason)
    topic = _topic(world, actor) if sheet.disposition is Disposition.REPORT else ""
    assess.decide(actor, report=row.id, version=row.version, sheet=sheet, situation=topic)


def _topic(world: World, actor: Actor) -> str:
    """The agency's topic on the event, opened with the first report."""
    if actor.agency not in world.topics:
        title = f"{world.scenario.operation.name}: threats and plans"
        world.topics[actor.agency] = assess.open_situation(
            actor, title=title, operation=world.operation
        )
    return world.topics[actor.agency]


def _read_again(world: World, person: Person, duty: Duty, planned: Planned) -> None:
    row = Report.objects.get(id=duty.subject)
    standing = Standing.objects.get(report=row.id)
    actor = world.actor(person.id)
    if actor.agency != row.agency or standing.first_reader == actor.person or actor.novice:
        return
    way = person.behaviour.judgement or Judgement.AS_LABELLED
    sheet = judging.sheet(way, world.labels.get(row.id, _UNKNOWN))
    assess.second_read(actor, report=row.id, version=row.version, sheet=sheet)


def _settle(world: World, person: Person, duty: Duty, planned: Planned) -> None:
    row = Report.objects.get(id=duty.subject)
    standing = Standing.objects.get(report=row.id)
    actor = world.actor(person.id)
    if actor.agency != row.agency or actor.person in (
        standing.first_reader,
        standing.second_reader,
    ):
        return
    label = world.labels.get(row.id, _UNKNOWN)
    sheet = judging.sheet(person.behaviour.judgement or Judgement.AS_LABELLED, label)
    assess.settle(
        actor,
        report=row.id,
        version=row.version,
        disposition=sheet.disposition,
        speech=Kind(sheet.speech),
        reason="Read both: " + sheet.reason,
        situation=_topic(world, actor) if sheet.disposition is Disposition.REPORT else "",
    )


def _assess_whole(world: World, person: Person, duty: Duty, planned: Planned) -> None:
    """Assess the whole, then draft the warning (or its next edition) and send it to review."""
    actor = world.actor(person.id)
    row = Situation.objects.get(id=duty.subject)
    last = (
        Warning.objects.filter(situation=row.id, type=judging.WHOLE).order_by("-drafted_at").first()
    )
    why = _why_not(world, row, last)
    if duty.kind == "assess_whole":
        judgment = judging.taken_together(planned.words, draft=not why, reason=why)
        assess.assess_whole(actor, situation=row.id, version=row.version, judgment=judgment)
    elif why:
        assess.keep_watching(actor, situation=row.id, version=row.version, reason=why)
    if not why:
        _warn(world, actor, row, last, planned.words)


def _why_not(world: World, row: Situation, last: Warning | None) -> str:
    """Why no further warning is drafted from a situation; '' where one is."""
    if clock.now() >= world.scenario.operation.ends:
        return "The event is over: nobody is left to warn of it."
    if last is not None and State(last.state) in UNDER_REVIEW | WRITABLE:
        return "A warning on this is in review."
    live = Warning.objects.filter(operation=world.operation, state=State.RELEASED.value)
    for warning in live.values_list("id", flat=True):
        if set(row.categories) <= world.signs.get(warning, set()):
            return "A warning in force names all these signs."
    return ""


def _warn(world: World, actor: Actor, row: Situation, last: Warning | None, words: str) -> None:
    operation = world.scenario.operation
    if last is not None and last.state == State.RELEASED and last.agency == actor.agency:
        changed = "More kinds of sign were seen since the last edition."
        content = judging.whole(words, row.categories, row.id, changed=changed)
        warning = warn.update(actor, warning=last.id, version=last.version, changed=changed)
        warn.revise(actor, warning=warning, version=1, content=content)
        fresh = Situation.objects.get(id=row.id)
        why = "Answered by the next edition of the warning in force."
        assess.keep_watching(actor, situation=row.id, version=fresh.version, reason=why)
    else:
        warning = warn.draft(
            actor,
            type=judging.WHOLE,
            content=judging.whole(words, row.categories, row.id),
            situation=row.id,
            label=row.tlp,
            precedence="IMMEDIATE",
            expires_at=operation.ends,
        )
    world.signs[warning] = set(row.categories)
    warn.submit(actor, warning=warning, version=Warning.objects.get(id=warning).version)


def _close_draft(world: World, person: Person, duty: Duty, planned: Planned) -> None:
    """The author asks for a yes or no by sending it to review; a release authority ends it with a reason."""
    actor = world.actor(person.id)
    row = Warning.objects.get(id=duty.subject)
    if actor.agency != row.agency or State(row.state) not in WRITABLE:
        return
    if planned.reply is Reply.REPLY and row.holder == actor.person:
        warn.submit(actor, warning=row.id, version=row.version)
    elif planned.reply is Reply.REFUSE:
        warn.abandon(actor, warning=row.id, version=row.version, reason=planned.words)


def _review(world: World, person: Person, duty: Duty, planned: Planned) -> None:
    actor = world.actor(person.id)
    row = Warning.objects.get(id=duty.subject)
    if State(row.state) not in UNDER_REVIEW or actor.person in row.authors:
        return
    if planned.reply is Reply.RELEASE:
        warn.release(actor, warning=row.id, version=row.version)
    elif planned.reply is Reply.REFUSE:
        warn.refuse(actor, warning=row.id, version=row.version, reason=planned.words)
    elif planned.reply is Reply.RETURN:
        warn.return_(actor, warning=row.id, version=row.version, reason=planned.words)


def _dissent(world: World, person: Person, duty: Duty, planned: Planned) -> None:
    row = Dissent.objects.get(id=duty.subject)
    actor = world.actor(person.id)
    if row.person != actor.person:
        assess.answer_dissent(actor, dissent=row.id, version=row.version, text=planned.words)


def _rfi(world: World, person: Person, duty: Duty, planned: Planned) -> None:
    row = Rfi.objects.get(id=duty.subject)
    assess.answer_rfi(world.actor(person.id), rfi=row.id, version=row.version, text=planned.words)


def _substitute(world: World, person: Person, duty: Duty, planned: Planned) -> None:
    """Another way is named: the dead source is paused, with what replaces it as the reason on record."""
    row = Source.objects.get(id=duty.subject)
    pause_source(world.actor(person.id), source=row.id, version=row.version, reason=planned.words)


def _plan(world: World, person: Person, duty: Duty, planned: Planned) -> None:
    """The plan rests on the edition in force from now on."""
    row = Warning.objects.get(id=duty.subject)
    live = Warning.objects.filter(series=row.series, state=State.RELEASED.value).first()
    actor = world.actor(person.id)
    if live is None:
        warn.drop_citation(actor, operation=row.operation, warning=row.id)
    elif Citation.objects.filter(operation=row.operation, series=row.series).exists():
        warn.recite(actor, operation=row.operation, warning=live.id, edition=live.edition)


_DO: dict[str, Callable[[World, Person, Duty, Planned], None]] = {
    "assess": _judge,
    "second_reading": _read_again,
    "settle": _settle,
    "assess_whole": _assess_whole,
    "draft_warning": _assess_whole,
    "finish_draft": _close_draft,
    "review": _review,
    "answer_dissent": _dissent,
    "answer_rfi": _rfi,
    "mend_feed": _substitute,
    "update_plan": _plan,
}


def acknowledge(world: World, delivery: Delivery, planned: Planned) -> None:
    """Answer a warning by the link it came with, unless somebody of the role already did.

    Then look at what the sender's page says: "informed" must not stand there with an answer missing.
    """
    row = Destination.objects.get(id=delivery.destination)
    if row.acknowledged_at is not None or row.closed_at is not None:
        return
    token = receipts.token(delivery.id)
    if planned.reply is Reply.ACT:
        deliver.act_by_link(token, planned.words)
    else:
        deliver.acknowledge_by_link(token)
    warning = Warning.objects.get(id=delivery.warning)
    missing = Destination.objects.filter(
        warning=warning.id, occasion="release", must_know=True, acknowledged_at=None
    )
    world.shown_too_soon += bool(receipts.informed(warning).yes and missing.exists())
