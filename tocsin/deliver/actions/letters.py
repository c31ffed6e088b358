"""From claimed deliveries to jobs: address from the card, text from the warning, a link of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec
from django.db import connection

from tocsin.deliver import store
from tocsin.deliver.channels import Job
from tocsin.deliver.channels.letters import Letter, write
from tocsin.deliver.terms import Card, Occasion
from tocsin.kernel import settings
from tocsin.warn.models import Warning
from tocsin.warn.store import document

_READ = """
SELECT d.id, d.channel, d.place, d.recipient, r.person, v.body::text, d.warning, w.version, t.occasion,
    d.urgency, d.attempts
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
    for delivery, channel, place, recipient, person, body, *about, urgency, tries in rows:
        card = _card(body) if body else Card("")
        out.append(
            Job(
                delivery=delivery,
                channel=channel,
                address=card.ways[place].address if place < len(card.ways) else "",
                name=card.name,
                person=person,
                recipient=recipient,
                link=f"{base}/a/{store.token(delivery)}",
                letter=_letter(*about),
                until=until,
                urgency=urgency,
                tries=tries,
            )
        )
    return out


@lru_cache(maxsize=64)
def _letter(warning: str, _version: int, occasion: str) -> Letter:
    """The letter of a warning as of a version: a released text never changes, its standing may."""
    zone = ZoneInfo(settings.current().timezone)
    return write(document(Warning.objects.get(id=warning)), Occasion(occasion), zone)
