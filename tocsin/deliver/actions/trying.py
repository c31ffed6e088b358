"""Testing the ways to reach somebody: a message that warns of nothing, and a press that says it came.

Any line may be tested by who keeps it and by the agency it is for. The press proves that the line reaches
somebody; so it counts as checked.
"""

from __future__ import annotations

from datetime import timedelta

from django.core.signing import BadSignature, Signer
from django.db import connection

from tocsin.deliver import store, terms
from tocsin.deliver.actions.directory import keeps
from tocsin.deliver.channels import Job, Later, Roads, Undelivered
from tocsin.deliver.channels.letters import trial
from tocsin.deliver.models import Recipient, Trial
from tocsin.deliver.terms import LEASE, LINK_LIVES_ON, Card
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import Conflict, Forbidden, NotFound
from tocsin.kernel.ids import new_id
from tocsin.people.rules import permit
from tocsin.people.store import agency_names
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import marking_of
from tocsin.record.actions import writing

_SIGNER = Signer(sep=".", salt="tocsin.deliver.trial")
_NOT_SOONER = timedelta(minutes=2)
_CLAIM = """
UPDATE deliver_trial SET until = %(until)s WHERE id IN (
    SELECT id FROM deliver_trial WHERE result = '' AND until <= %(now)s
    ORDER BY at LIMIT %(limit)s FOR UPDATE SKIP LOCKED) RETURNING id
"""


def test_ways(actor: Actor, *, recipient: str) -> int:
    """Send a test by every way of a line; returns how many. Raises: Forbidden, NotFound; Conflict when one
    was sent a moment ago."""
    permit(actor, Permission.READ_CONTENT)
    row = Recipient.objects.filter(id=recipient, active=True).first()
    if row is None or not (keeps(actor, row.agency, row.seat_agency) or row.person == actor.person):
        raise Forbidden("this line is not yours to test", cure="Ask who keeps the directory.")
    now = clock.now()
    with writing(actor):
        Recipient.objects.select_for_update().get(id=recipient)
        if Trial.objects.filter(recipient=recipient, at__gt=now - _NOT_SOONER).exists():
            raise Conflict("a test was sent a moment ago", cure="Give it two minutes.")
        for place, kind in enumerate(row.kinds):
            Trial.objects.create(
                id=new_id("tst", now),
                recipient=recipient,
                place=place,
                kind=kind,
                by=actor.person,
                at=now,
                until=now,
            )
    return len(row.kinds)


def send_trials(*, limit: int = 50) -> int:
    """Send the tests that wait; returns how many left. A worker's step, any number of workers."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"now": now, "until": now + LEASE, "limit": limit})
        ids = [i for (i,) in cursor.fetchall()]
    roads, sent = Roads(settings.current()), 0
    try:
        for row in Trial.objects.filter(id__in=ids).order_by("at", "id"):
            sent += _send(roads, row)
    finally:
        roads.close()
    return sent


def _send(roads: Roads, row: Trial) -> bool:
    try:
        row.result, row.reason = roads.send(_job(row)).value, ""
    except Later as e:
        row.until = clock.now() + e.wait
    except Undelivered as e:
        row.result, row.reason = "FAILED", e.reason.name
    row.save(update_fields=["result", "reason", "until"])
    return row.result not in ("", "FAILED")


def _job(row: Trial) -> Job:
    line = Recipient.objects.get(id=row.recipient)
    card = store.cards([line.card]).get(line.card, Card(""))
    s = settings.current()
    sender = agency_names().get(line.agency, line.agency)
    return Job(
        delivery=row.id,
        channel=row.kind,
        address=card.ways[row.place].address if row.place < len(card.ways) else "",
        name=card.name,
        person=line.person,
        recipient=line.id,
        link=f"{s.base_url}/a/t/{_SIGNER.sign(row.id)}",
        letter=trial(sender, row.id),
        until=row.until,
    )


def follow(secret: str) -> Trial:
    """The test a link is of. Raises: NotFound, Conflict."""
    try:
        found = Trial.objects.filter(id=_SIGNER.unsign(secret)).first()
    except BadSignature:
        found = None
    if found is None:
        raise NotFound("this link is not complete, or not ours")
    if clock.now() > found.at + LINK_LIVES_ON:
        raise Conflict("this test is long over", cure="Ask for a new one.")
    return found


def it_came(secret: str) -> bool:
    """Somebody says that a test reached them: the line counts as checked. False = said before.

    Raises: NotFound, Conflict.
    """
    found = follow(secret)
    with writing(Actor(person=found.recipient, agency="")) as w:
        row = Trial.objects.select_for_update().get(id=found.id)
        if row.answered_at is not None:
            return False
        row.answered_at = w.at
        row.save(update_fields=["answered_at"])
        line = Recipient.objects.get(id=row.recipient)
        data = {"place": row.place, "kind": row.kind}
        w.append(terms.RECIPIENT_VERIFIED, line.id, data, marking=marking_of(line))
    return True
