"""Who was told of a sighting, and what they said. It may be thousands: so the database answers what is asked of it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from django.db.models import QuerySet

from tocsin.operate import rules
from tocsin.operate.models import Receipt

# One pass over a sighting's receipts in the order of their key: no plan is a bad one, however old the statistics.
_UNANSWERED = """
SELECT seat, person, must, version FROM (
    SELECT r.*, max(version) FILTER (WHERE person <> '') OVER (PARTITION BY seat) AS heard
    FROM operate_receipt r WHERE sighting = %(sighting)s
) told WHERE coalesce(heard, 0) < %(version)s
"""


def receipts(sighting: str) -> list[rules.Receipt]:
    """Every receipt of a sighting, as the decisions see it."""
    return [as_rule(r) for r in told_of(sighting)]


def told_of(sighting: str) -> QuerySet[Receipt]:
    """Every receipt of a sighting, those that must know first."""
    return Receipt.objects.filter(sighting=sighting).order_by("-must", "seat", "sent_at", "person")


def musts(sightings: Iterable[str]) -> dict[str, list[rules.Receipt]]:
    """Sighting -> the receipts of the seats that must know, without times: what "informed" depends on."""
    rows = Receipt.objects.filter(sighting__in=list(sightings), must=True)
    found: dict[str, list[rules.Receipt]] = {}
    for sighting, seat, person, version in rows.order_by("sighting", "seat", "person").values_list(
        "sighting", "seat", "person", "version"
    ):
        found.setdefault(sighting, []).append(rules.Receipt(seat, person, True, version))
    return found


def unanswered(sighting: str, version: int) -> list[rules.Receipt]:
    """The receipts of every seat that nobody has acknowledged at `version`, those that must know first; without times.

    As `rules.unanswered`, by the database.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _UNANSWERED + " ORDER BY must DESC, seat, sent_at, person",
            {"sighting": sighting, "version": version},
        )
        return [rules.Receipt(*row) for row in cursor.fetchall()]


def posts_wait(sighting: str, version: int) -> bool:
    """Whether any post that is told without having to know has not acknowledged `version` yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            _UNANSWERED + " AND NOT must LIMIT 1", {"sighting": sighting, "version": version}
        )
        return cursor.fetchone() is not None


def as_rule(r: Receipt) -> rules.Receipt:
    return rules.Receipt(
        r.seat, r.person, r.must, r.version, r.delivered_at, r.opened_at, r.acknowledged_at
    )
