"""`POST /field/receipts`: what devices say of the sightings they were told of. Plain ASGI, beside Django.

A thousand answers to one sighting come within a second; those of a moment are one entry.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any

from django.db import DatabaseError

from tocsin.kernel.errors import TocsinError
from tocsin.operate.actions import Said, record_receipts
from tocsin.web.field_feed import feed
from tocsin.web.field_who import Who, in_thread, who
from tocsin.web.gathering import Gathering
from tocsin.web.streams import Receive, Scope, Send, answer, header

log = logging.getLogger("tocsin.live")
RECEIPTS_CAP = 200
BODY_CAP = 64 * 1024
GATHER_S = 0.02  # how long receipts wait for others, so that many make one entry


async def _record(given: list[list[Said]]) -> list[None]:
    await in_thread("record", record_receipts, [said for one in given for said in one])
    return [None] * len(given)


_receipts: Gathering[list[Said], None] = Gathering(_record, wait_s=GATHER_S, most=2000)


async def field_receipts(scope: Scope, receive: Receive, send: Send) -> None:
    """`{"receipts": [{"sighting", "version", "said", "at", "key"}]}`: 200 once durable."""
    kind = header(scope, b"content-type").partition(";")[0].strip().lower()
    if scope["method"] != "POST" or kind != "application/json":
        await answer(send, 405 if scope["method"] != "POST" else 415)
        return
    await feed.listening()  # so that what is known of a device is forgotten when it is shut out
    found = await who(scope)
    if isinstance(found, int):
        await answer(send, found)
        return
    try:
        said = read(found, await _body(receive))
    except ValueError as e:
        await answer(send, 422, {"error": str(e)})
        return
    try:
        await _receipts.take(said)
    except (TocsinError, DatabaseError, OSError):
        log.exception("receipts were not recorded")
        await answer(send, 503)
        return
    await answer(send, 200, {"taken": len(said)})


def read(who: Who, body: bytes) -> list[Said]:
    """What a request says. Raises: ValueError naming what is wrong."""
    try:
        given = json.loads(body)["receipts"]
    except (ValueError, KeyError, TypeError):
        raise ValueError('send {"receipts": [...]}') from None
    if not isinstance(given, list) or len(given) > RECEIPTS_CAP:
        raise ValueError(f"receipts: a list of at most {RECEIPTS_CAP}")
    return [_one(who, r) for r in given]


def _one(who: Who, r: Any) -> Said:
    if not isinstance(r, dict) or not all(isinstance(r.get(k), str) for k in ("sighting", "said")):
        raise ValueError("receipts: each needs sighting and said")
    version, at, key = r.get("version", 0), r.get("at"), r.get("key", "")
    if not isinstance(version, int) or not 0 <= version < 1 << 31:
        raise ValueError("receipts: version is a whole number")
    if not isinstance(key, str) or len(key) > 64:
        raise ValueError("receipts: key is a short text")
    when = datetime.fromisoformat(at) if isinstance(at, str) else None
    return Said(
        who.actor.person, r["sighting"], r["said"], version, when, "app", key, who.operation
    )


async def _body(receive: Receive) -> bytes:
    """Raises: ValueError when it is too long."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ValueError("cut off")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_CAP:
            raise ValueError("too long")
        if not message.get("more_body"):
            return b"".join(parts)
