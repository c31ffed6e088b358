"""What a run came to for warnings that went out: who was asked, who answered, and what they were told."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import cast

from tocsin.assess import store as pictures
from tocsin.deliver.models import Delivery, Destination, Recipient
from tocsin.exercise.results import Value, percent
from tocsin.exercise.terms import Measure, Relay
from tocsin.exercise.world import World, name_of
from tocsin.kernel import settings
from tocsin.warn.models import Warning
from tocsin.warn.store import content


def escalated(world: World, measure: Measure) -> Value:
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
    return Value(after.queued_at, f"asked next: {name_of(who)}")


def must_know_informed(world: World, measure: Measure) -> Value:
    """When the last role that must know acknowledged a warning."""
    return _informed_of([world.warnings.get(measure.subjects[0], "")])


def whole_informed(world: World, measure: Measure) -> Value:
    """Of the first edition of the warning drafted from the whole picture that all had."""
    picture = pictures.picture_id(world.operation)
    return _informed_of(
        Warning.objects.filter(situation=picture)
        .order_by("drafted_at")
        .values_list("id", flat=True)
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


def informed_too_soon(world: World, measure: Measure) -> Value:
    """How often "informed" stood there with an acknowledgement missing."""
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


def median_minutes(world: World, measure: Measure) -> Value:
    """Minutes until acknowledged, in the middle case."""
    done, missing = _minutes()
    if not done:
        return Value(None, "no acknowledgement was asked for")
    return Value(round(median(done), 1), f"{len(done)} acknowledged, {missing} not")


def p95_minutes(world: World, measure: Measure) -> Value:
    """The time within which 95 of 100 answered; those who did not answer count as slower than all."""
    done, missing = _minutes()
    if not done:
        return Value(None, "no acknowledgement was asked for")
    place = -(-95 * (len(done) + missing) // 100) - 1
    if place >= len(done):
        return Value(None, f"{missing} of {len(done) + missing} never answered")
    return Value(round(done[place], 1), f"slowest: {round(done[-1])} min")


def facts_kept(world: World, measure: Measure) -> Value:
    """Each fact of the released warning, looked for in the very mail each recipient was sent."""
    kept = found = 0
    for passed in world.passed:
        if passed.inject not in measure.subjects:
            continue
        row = Warning.objects.get(id=world.warnings[passed.draft])
        words = content(row)
        facts = [
            words.title,
            words.summary,
            row.label,
            row.precedence,
            *(j.text for j in words.judgments),
        ]
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
    return Value(percent(found, kept), f"{found} of {kept} facts, in the mails as sent")


def _mail(delivery: str) -> str:
    path = settings.current().data_dir / "mail" / f"{delivery}.eml"
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    body = message.get_body(("plain",))
    return " ".join(f"{message['Subject']} {body.get_content() if body else ''}".split())
