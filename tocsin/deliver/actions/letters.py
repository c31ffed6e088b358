"""From claimed deliveries to jobs: address from the card, text from the warning, a link of their own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

import msgspec
from django.db import connection

from tocsin.deliver import store
from tocsin.deliver.channels import Job
from tocsin.deliver.channels.letters import Letter, Paper, write
from tocsin.deliver.terms import Card, Channel, Occasion
from tocsin.formats.typeset import CannotTypeset
from tocsin.kernel import settings
from tocsin.warn.models import Warning
from tocsin.warn.store import document
from tocsin.warn.terms import Form

log = logging.getLogger(__name__)

_READ = """
SELECT d.id, d.channel, d.place, d.recipient, r.person, v.body::text, t.seat_agency, d.warning, w.version,
    t.occasion, d.urgency, d.attempts
FROM deliver_delivery d
JOIN deliver_destination t ON t.id = d.destination
JOIN deliver_recipient r ON r.id = d.recipient
JOIN warn_warning w ON w.id = d.warning
LEFT JOIN record_vault v ON v.id = d.card
WHERE d.id = ANY(%s) ORDER BY d.urgency DESC, d.next_try_at, d.id
"""
_card = msgspec.json.Decoder(Card).decode


def jobs(ids: Sequence[str], until: datetime) -> list[Job]:
    """Everything needed to send these deliveries, urgent first: one query, and the letters not yet written.

    An address that was forgotten is '': the channel refuses it for good.
    """
    base = settings.current().base_url
    with connection.cursor() as cursor:
        cursor.execute(_READ, [list(ids)])
        rows = cursor.fetchall()
    out = []
    for delivery, channel, place, recipient, person, body, agency, *about, urgency, tries in rows:
        card = _card(body) if body else Card("")
        letter = _letter(*about)
        paper = card.paper and channel == Channel.EMAIL and letter.shown
        out.append(
            Job(
                delivery=delivery,
                channel=channel,
                address=card.ways[place].address if place < len(card.ways) else "",
                name=card.name,
                person=person,
                recipient=recipient,
                link=f"{base}/a/{store.token(delivery)}",
                letter=letter,
                until=until,
                urgency=urgency,
                tries=tries,
                paper=partial(_paper, *about[:2], agency) if paper else None,
            )
        )
    return out


@lru_cache(maxsize=64)
def _letter(warning: str, _version: int, occasion: str) -> Letter:
    """The letter of a warning as of a version: a released text never changes, its standing may."""
    zone = ZoneInfo(settings.current().timezone)
    return write(document(Warning.objects.get(id=warning)), Occasion(occasion), zone)


@lru_cache(maxsize=256)
def _paper(warning: str, _version: int, agency: str) -> Paper | None:
    """The warning as a PDF, as a reader at that agency sees it; None where none can be made: no mail waits for it.

    Made in the thread that sends, once for each agency.
    """
    from tocsin.warn.papers import gather, printing  # noqa: PLC0415 - heavy: only who wants papers pays for them

    row = Warning.objects.get(id=warning)
    zone = ZoneInfo(settings.current().timezone)
    known = store.agencies().get(agency, agency)
    found = gather.warning(store.reader_at(agency), row, zone, copy=f"Sent by e-mail to {known}")
    try:
        made = printing.printed(found.paper, Form.PDF, found.house)
    except CannotTypeset as e:
        log.error("%s goes to %s without its PDF: %s", warning, agency, e)
        return None
    return Paper(f"{found.name}.pdf", made.data)
