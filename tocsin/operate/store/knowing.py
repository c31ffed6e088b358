"""Who was told of a sighting, and what they said."""

from __future__ import annotations

from django.db.models import QuerySet

from tocsin.operate import rules
from tocsin.operate.models import Receipt


def receipts(sighting: str) -> list[rules.Receipt]:
    """Every receipt of a sighting, as the decisions see it."""
    return [as_rule(r) for r in told_of(sighting)]


def told_of(sighting: str) -> QuerySet[Receipt]:
    """Every receipt of a sighting, those that must know first."""
    return Receipt.objects.filter(sighting=sighting).order_by("-must", "seat", "sent_at", "person")


def as_rule(r: Receipt) -> rules.Receipt:
    return rules.Receipt(
        r.seat, r.person, r.must, r.version, r.delivered_at, r.opened_at, r.acknowledged_at
    )
