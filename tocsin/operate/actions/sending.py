"""The other ways to people who did not answer here: text message, push, e-mail, voice; whatever the directory has.

What leaves says how urgent and where to look, never what was seen: nobody knows who reads a locked screen.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from django.db.models import Q

from tocsin.deliver import store as directory
from tocsin.deliver.channels import Roads, Undelivered
from tocsin.deliver.channels.job import Job, Later
from tocsin.deliver.channels.letters import Letter, Sender
from tocsin.deliver.channels.push import knock
from tocsin.deliver.models import Push, Recipient
from tocsin.deliver.terms import LEASE, Channel
from tocsin.duties.terms import Precedence
from tocsin.kernel import clock, settings
from tocsin.kernel.ids import new_id
from tocsin.operate import rules
from tocsin.operate.models import Message, Receipt, Sighting
from tocsin.operate.terms import Severity
from tocsin.people.models import Account
from tocsin.people.store import agency_names
from tocsin.record.actions import Writing

log = logging.getLogger(__name__)
PUSH = "push"
_ORDER = (Channel.SMS.value, PUSH, Channel.VOICE.value, Channel.SERVICE.value, Channel.EMAIL.value)
_TRIES = 4
_AGAIN = timedelta(seconds=5)


def queue(
    w: Writing, sighting: Sighting, rows: Sequence[rules.Receipt]
) -> list[tuple[rules.Receipt, str, int]]:
    """Queue the next way for each of these receipts; returns (receipt, way, tries) of those that have one left.

    A way counts as used where it was used for what is to be acknowledged now; what still waits to leave says the
    newest anyway. So whoever was told of a report by text message is told by text message that it got worse.
    In bulk: three questions to the directory however many receipts there are.
    """
    people = {r.person for r in rows if r.person}
    ways = _ways(sighting.id, people)
    past: dict[tuple[str, str], set[str]] = {}
    used = Message.objects.filter(sighting=sighting.id)
    used = used.filter(Q(version=sighting.must_version) | Q(done_at=None))
    for seat, person, channel in used.values_list("seat", "person", "channel"):
        past.setdefault((seat, person), set()).add(channel)
    told = Receipt.objects.filter(sighting=sighting.id)
    tries = {(s, p): n for s, p, n in told.values_list("seat", "person", "tries")}
    made, tried = [], []
    for r in rows:
        known = past.get((r.seat, r.person), set())
        way = next((o for o in ways.get(r.person, ()) if o[0] not in known), None)
        if way is None:
            continue
        made.append(
            Message(
                id=new_id("msg", w.at),
                sighting=sighting.id,
                version=sighting.must_version,
                seat=r.seat,
                person=r.person,
                recipient=way[1],
                channel=way[0],
                way=way[2],
                until=w.at,
            )
        )
        tried.append((r, way[0], tries.get((r.seat, r.person), 1) + 1))
    Message.objects.bulk_create(made)
    return tried


def _ways(sighting: str, people: set[str]) -> dict[str, list[tuple[str, str, int]]]:
    """Person -> (channel, line of the directory or '', which of its ways), in the order in which they are tried.

    Asked of all who were told, as one question: a list of thousands takes longer to send than to answer.
    """
    found: dict[str, list[tuple[str, str, int]]] = {p: [] for p in people}
    told = Receipt.objects.filter(sighting=sighting).values("person")
    listed = Recipient.objects.filter(person__in=told, active=True).order_by("rank", "id")
    rows = [r for r in listed if r.person in found]
    cards = directory.cards(r.card for r in rows)
    for row in rows:
        card = cards.get(row.card)
        for n, way in enumerate(card.ways if card else ()):
            if way.kind in _ORDER and way.address:
                found[row.person].append((way.kind, row.id, n))
    pushed = Push.objects.filter(person__in=told).values_list("person", flat=True).distinct()
    for person in found.keys() & set(pushed):
        found[person].append((PUSH, "", 0))
    mailed = Account.objects.filter(Q(is_active=True) & ~Q(email=""), person__in=told)
    for person in found.keys() & set(mailed.values_list("person", flat=True)):
        if not any(c == Channel.EMAIL for c, _, _ in found[person]):
            found[person].append((Channel.EMAIL.value, "", 0))
    return {p: sorted(ws, key=lambda o: _ORDER.index(o[0])) for p, ws in found.items()}


def send_due(limit: int = 100) -> int:
    """Send what waits; returns how many left. A worker's step, any number of workers.

    A message is leased, then sent, then kept as done: a kill in between may send one twice, never none.
    What was acknowledged in the meantime is not sent.
    """
    now = clock.now()
    waiting = Message.objects.filter(done_at=None, until__lte=now).order_by("until", "id")[:limit]
    roads, sent = Roads(settings.current()), 0
    try:
        for row in waiting:
            mine = Message.objects.filter(id=row.id, done_at=None, until=row.until)
            if mine.update(until=now + LEASE, tries=row.tries + 1):
                sent += _send(roads, row)
    finally:
        roads.close()
    return sent


def _send(roads: Roads, row: Message) -> bool:
    mine = Message.objects.filter(id=row.id)
    sighting = Sighting.objects.get(id=row.sighting)
    here = Receipt.objects.filter(
        sighting=row.sighting, person=row.person, version__gte=sighting.must_version
    )
    if here.exists():
        mine.update(done_at=clock.now(), failed="acknowledged meanwhile")
        return False
    try:
        _by(roads, row, sighting)
    except Later as e:
        mine.update(until=clock.now() + e.wait)
        return False
    except Undelivered as e:
        over = e.permanent or row.tries + 1 >= _TRIES
        now = clock.now()
        mine.update(failed=e.reason.name, done_at=now if over else None, until=now + _AGAIN)
        log.warning("a message about a sighting was not sent: %s", e.reason.value)
        return False
    mine.update(done_at=clock.now(), failed="")
    return True


def _by(roads: Roads, row: Message, sighting: Sighting) -> None:
    """Raises: Undelivered, Later."""
    s = settings.current()
    link = f"{s.base_url}/sightings/{sighting.id}"
    worse = " got worse" if sighting.must_version > 1 else ""
    line = f"Sighting {sighting.number}{worse}: {Severity(sighting.severity).words}"
    if row.channel == PUSH:
        knock(s, row.person, line, f"/sightings/{sighting.id}", sighting.id)
        return
    account = Account.objects.filter(person=row.person, is_active=True).first()
    if row.channel == Channel.EMAIL and not row.recipient:
        if account is not None:
            roads.mail().post(row.id, account.email, _mail(account.email, line, link, row.id))
        return
    listed = Recipient.objects.filter(id=row.recipient).first()
    card = directory.cards([listed.card]).get(listed.card) if listed else None
    if card is None or row.way >= len(card.ways):
        return
    address = card.ways[row.way].address
    if row.channel == Channel.EMAIL:
        roads.mail().post(row.id, address, _mail(address, line, link, row.id))
        return
    agency = agency_names().get(sighting.agency, sighting.agency)
    data = {
        "tlp": sighting.tlp,
        "precedence": Precedence.FLASH.value,
        "agency": agency,
        "content": {"title": line},
        "occasion": "release",
    }
    letter = Letter(sighting.id, line, True, (), (), data)
    roads.send(
        Job(
            delivery=row.id,
            channel=row.channel,
            address=address,
            name=card.name,
            person=row.person,
            recipient=row.recipient,
            link=link,
            letter=letter,
            until=clock.now() + LEASE,
            urgency=3,
            tries=row.tries,
        )
    )


def _mail(address: str, line: str, link: str, key: str) -> bytes:
    s = settings.current()
    message = EmailMessage()
    message["From"] = s.mail_from
    message["To"] = address
    message["Subject"] = f"FLASH: {line}. Acknowledge it now"
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{key}@{Sender.of(s.mail_from).domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Priority"] = "1"
    message.set_content(
        f"{line}.\n\nYou have not acknowledged it yet. Read it and acknowledge it here:\n{link}\n"
    )
    return message.as_bytes()
