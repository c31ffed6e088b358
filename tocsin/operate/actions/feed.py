"""The short way to the devices: a notice in the acting transaction, which PostgreSQL hands over at its commit.

The place in the tree comes a moment later, and is told as such: it is the proof and what a device resumes from.
"""

from __future__ import annotations

import json

from django.db import connection

CHANNEL = "tocsin_field"


def tell(operation: str, kind: str, row_id: str) -> None:
    """Push the newest version of a thing to whoever follows this operation, once the transaction commits.

    `kind` = sighting, question, hold, absence; or revoked, with a device's id: its streams end at once.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, json.dumps([operation, kind, row_id])])
