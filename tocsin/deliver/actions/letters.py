"""From claimed deliveries to jobs: the address from the card, the text from the warning, a link of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from tocsin.deliver import store
from tocsin.deliver.channels import Job
from tocsin.deliver.channels.letters import Letter, write
from tocsin.deliver.models import Delivery, Destination, Recipient
from tocsin.deliver.terms import Card, Occasion, Way
from tocsin.kernel import settings
from tocsin.warn.models import Warning
from tocsin.warn.store import document

_FORGOTTEN = Card("")


def jobs(ids: Sequence[str], until: datetime) -> list[Job]:
    """Everything needed to send these deliveries, in four queries and one per warning not written before."""
    rows = {d.id: d for d in Delivery.objects.filter(id__in=ids)}
    of = [rows[i] for i in ids]
    of.sort(key=lambda d: (-d.urgency, d.next_try_at or d.queued_at, d.id))
    occasions = dict(
        Destination.objects.filter(id__in={d.destination for d in of}).values_list("id", "occasion")
    )
    cards = store.cards(d.card for d in of)
    people = dict(
        Recipient.objects.filter(id__in={d.recipient for d in of}).values_list("id", "person")
    )
    changed = dict(
        Warning.objects.filter(id__in={d.warning for d in of}).values_list("id", "version")
    )
    base = settings.current().base_url
    out = []
    for d in of:
        card = cards.get(d.card, _FORGOTTEN)
        way = card.ways[d.place] if d.place < len(card.ways) else Way(d.channel)
        letter = _letter(d.warning, changed[d.warning], occasions[d.destination])
        out.append(
            Job(
                delivery=d.id,
                channel=d.channel,
                address=way.address,
                name=card.name,
                person=people.get(d.recipient, ""),
                recipient=d.recipient,
                link=f"{base}/a/{store.token(d.id)}",
                letter=letter,
                until=until,
            )
        )
    return out


@lru_cache(maxsize=64)
def _letter(warning: str, _version: int, occasion: str) -> Letter:
    """The letter of a warning as of a version: a released text never changes, its standing may."""
    zone = ZoneInfo(settings.current().timezone)
    return write(document(Warning.objects.get(id=warning)), Occasion(occasion), zone)
