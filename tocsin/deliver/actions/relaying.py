"""Passing a warning to one's own people: who got it names them, or prints a sheet; each says "I have read it".

It stays the sender's warning: its own words and marking travel, never retyped. The people named answer to
the one who passed it on; the role's own acknowledgement is untouched by theirs. A sheet carries one code for
all: whoever scans it types a name, so it proves less, and is shown as what it is.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from zoneinfo import ZoneInfo

import msgspec
from django.core.signing import BadSignature, Signer
from django.db import connection
from django.template.loader import render_to_string

from tocsin.deliver import rules, store, terms
from tocsin.deliver.channels import Roads, Undelivered
from tocsin.deliver.channels.letters import Sender
from tocsin.deliver.models import Destination, Mailed, Reader, Relay
from tocsin.deliver.terms import LEASE, Card, Reason
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.kernel.ids import new_id
from tocsin.people.rules import permit
from tocsin.people.store import agency_names
from tocsin.people.terms import SYSTEM, Actor, Permission
from tocsin.people.visibility import get_visible, marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking
from tocsin.warn.document import Document
from tocsin.warn.models import Warning
from tocsin.warn.store import document

log = logging.getLogger(__name__)
MOST_PEOPLE = 500
_LONGEST = 2000
_LONGEST_NAME = 200
_SIGNER = Signer(sep=".", salt="tocsin.deliver.relay")
_CLAIM = """
WITH due AS (
    SELECT r.id FROM deliver_reader r WHERE r.state = 'QUEUED' AND NOT EXISTS (
        SELECT 1 FROM deliver_mailed m WHERE m.duty = r.id
        AND (m.done_at IS NOT NULL OR m.until > %(now)s))
    ORDER BY r.made_at, r.id LIMIT %(limit)s)
INSERT INTO deliver_mailed AS m (duty, rung, person, until, attempts, done_at, reason)
SELECT id, 0, '', %(until)s, 0, NULL, '' FROM due
ON CONFLICT (duty, rung, person) DO UPDATE SET until = excluded.until
WHERE m.done_at IS NULL AND m.until <= %(now)s
RETURNING m.duty, m.attempts
"""


def pass_to(
    actor: Actor,
    *,
    destination: str,
    people: Sequence[tuple[str, str]] = (),
    sheet: bool = False,
    note: str = "",
) -> str:
    """Pass a warning that came to one's role on to one's people: [(name, e-mail address)], or as a printed sheet.

    Returns the relay's id. Raises: Forbidden, NotFound; Conflict for a warning that no longer holds; Invalid
    naming the field.
    """
    permit(actor, Permission.ACKNOWLEDGE)
    row = get_visible(actor, Destination.objects.all(), id=destination)
    if not store.is_for(actor, row):
        raise Forbidden("this was sent to another role or agency")
    warning = Warning.objects.get(id=row.warning)
    cards = _checked(people, sheet=sheet)
    if not rules.relay_allowed(warning.label):
        raise Forbidden(
            "TLP:RED is for those named only", cure="Ask the agency that sent it to name them."
        )
    if row.closed_at is not None:
        raise Conflict("this warning no longer holds", cure="Pass on the newest edition.")
    with writing(actor) as w:
        relay = new_id("rly", w.at)
        # Theirs, not the sender's: who their people are is no business of the agency that warned them.
        marking = Marking(actor.agency, row.tlp, row.operation)
        text = note.strip()[:_LONGEST]
        data = {
            "destination": destination,
            "warning": row.warning,
            "sheet": sheet,
            "mailed": len(cards),
            "note": w.keep(relay, {"text": text}) if text else None,
        }
        w.append(terms.RELAY_MADE, relay, data, marking=marking)
        for card in cards:
            _add(w, relay, marking, card, "QUEUED")
    return relay


def _checked(people: Sequence[tuple[str, str]], *, sheet: bool) -> list[Card]:
    if len(people) > MOST_PEOPLE:
        raise Invalid(f"more than {MOST_PEOPLE} people", field="people", cure="Pass it in parts.")
    cards = []
    for name, address in people:
        ways = (rules.way("email", address),)
        cards.append(Card(" ".join(name.split())[:_LONGEST_NAME] or address, ways))
    if not cards and not sheet:
        raise Invalid(
            "names nobody", field="people", cure="Give an e-mail address a line, or print a sheet."
        )
    return list({c.ways: c for c in cards}.values())


def _add(w: Writing, relay: str, marking: Marking, card: Card, state: str) -> str:
    reader = new_id("rdr", w.at)
    kept = w.keep(reader, msgspec.to_builtins(card), sealed=True)
    data = {"relay": relay, "card": kept, "state": state}
    w.append(terms.RELAY_READER, reader, data, marking=marking)
    return reader


@dataclass(frozen=True, slots=True)
class Passed:
    """What a link to a warning that was passed on stands for. `reader` None = the code of a sheet."""

    relay: Relay
    reader: Reader | None
    warning: Warning


def token(subject: str) -> str:
    """The secret part of the link of a reader, or of a sheet (the relay's id)."""
    return _SIGNER.sign(subject)


def follow(secret: str) -> Passed:
    """What a link leads to. Raises: NotFound for one that is forged; Conflict for one that no longer works."""
    try:
        subject = _SIGNER.unsign(secret)
    except BadSignature:
        subject = ""
    reader = Reader.objects.filter(id=subject).first()
    relay = Relay.objects.filter(id=reader.relay if reader else subject).first()
    if relay is None or (reader is None and not relay.sheet):
        raise NotFound(
            "this link is not complete, or not ours",
            cure="Open it from the message again, or ask who passed it to you.",
        )
    warning = Warning.objects.get(id=relay.warning)
    if not rules.link_works(clock.now(), warning.expires_at, warning.ended_at):
        raise Conflict("this link no longer works: the warning was over more than 30 days ago")
    return Passed(relay, reader, warning)


def read_it(secret: str, *, name: str = "") -> bool:
    """Somebody says: I have read it. By the code of a sheet they give their name. False = said before.

    Raises: NotFound, Conflict; Invalid when a name is needed.
    """
    passed = follow(secret)
    who = " ".join(name.split())[:_LONGEST_NAME]
    if passed.reader is None and not who:
        raise Invalid("say who you are", field="name", cure="Your name, as your unit knows it.")
    with writing(
        Actor(
            person=passed.reader.id if passed.reader else passed.relay.id,
            agency=passed.relay.agency,
        )
    ) as w:
        if passed.reader is None:
            return _signed(w, passed.relay, who)
        row = Reader.objects.select_for_update().get(id=passed.reader.id)
        if row.read_at is not None:
            return False
        w.append(terms.RELAY_READ, row.id, {}, marking=marking_of(row))
        return True


def _signed(w: Writing, relay: Relay, who: str) -> bool:
    """A name on a sheet, once."""
    Relay.objects.select_for_update().get(id=relay.id)
    rows = Reader.objects.filter(relay=relay.id)
    if rows.count() >= 2 * MOST_PEOPLE:
        raise Conflict("this sheet is full", cure="Ask for a new one.")
    known = {c.name.casefold() for c in store.cards(r.card for r in rows).values()}
    if who.casefold() in known:
        return False
    _add(w, relay.id, marking_of(relay), Card(who), "READ")
    return True


def send_relays(*, limit: int = 100) -> int:
    """Mail what was passed on; returns how many left. A worker's step, any number of workers."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"now": now, "limit": limit, "until": now + LEASE})
        claimed = cursor.fetchall()
    if not claimed:
        return 0
    roads, sent = Roads(settings.current()), 0
    readers = Reader.objects.in_bulk([c[0] for c in claimed])
    relays = Relay.objects.in_bulk([r.relay for r in readers.values()])
    cards = store.cards(r.card for r in readers.values())
    try:
        for reader, attempts in claimed:
            row = readers[reader]
            relay, card = relays[row.relay], cards.get(row.card, Card(""))
            sent += _mail(roads, relay, row, card, attempts, now)
    finally:
        roads.close()
    return sent


def _mail(
    roads: Roads, relay: Relay, row: Reader, card: Card, attempts: int, now: datetime
) -> bool:
    failed: Reason | None = None
    wait = None
    if not card.ways:
        failed = Reason.FORGOTTEN
    else:
        try:
            message = _message(relay, row, card, now)
            roads.mail().post(row.id, card.ways[0].address, message.as_bytes())
        except Undelivered as e:
            failed = e.reason
            wait = None if e.permanent else rules.wait(row.id, attempts + 1)
    mine = Mailed.objects.filter(duty=row.id, rung=0, person="")
    if wait is not None:
        mine.update(attempts=attempts + 1, until=clock.now() + wait)
        return False
    with writing(SYSTEM) as w:
        fresh = Reader.objects.select_for_update().get(id=row.id)
        state = "" if fresh.state == "READ" else "FAILED" if failed else "SENT"
        data = {"state": state, "reason": failed.name if failed else ""}
        w.append(terms.RELAY_MAILED, row.id, data, marking=marking_of(row))
        mine.update(attempts=attempts + 1, done_at=w.at)
    return failed is None


def _message(relay: Relay, row: Reader, card: Card, now: datetime) -> EmailMessage:
    s = settings.current()
    paper: Document = document(Warning.objects.get(id=relay.warning))
    context = {
        "document": paper,
        "by": agency_names().get(relay.agency, relay.agency),
        "note": store.words_of(relay.note),
        "link": f"{s.base_url}/a/p/{token(row.id)}",
        "zone": ZoneInfo(s.timezone),
    }
    message = EmailMessage()
    message["From"] = s.mail_from
    message["To"] = formataddr((card.name, card.ways[0].address))
    subject = rules.subject_line(paper.label, paper.precedence, paper.agency, paper.title)
    message["Subject"] = " ".join(subject.split())
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{row.id}@{Sender.of(s.mail_from).domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(render_to_string("mail/passed.txt", context).strip() + "\n")
    return message


__all__ = ["Passed", "follow", "pass_to", "read_it", "send_relays", "token"]
