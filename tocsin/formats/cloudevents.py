"""CloudEvents 1.0 in their JSON form: the envelope of what we post to partners' systems and take from them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

import msgspec

from tocsin.kernel.errors import Invalid

MEDIA_TYPE: Final = "application/cloudevents+json"
SIZE_CAP: Final = 1024 * 1024
_NAME = re.compile(r"[a-z0-9]{1,20}")
_OWN = frozenset(
    "specversion id source type subject time datacontenttype dataschema data data_base64".split()
)


class Event(msgspec.Struct, frozen=True):
    """One event. `source` and `id` together name it once; `extensions` are what the standard does not know."""

    id: str
    source: str
    type: str
    data: Any = None
    subject: str = ""
    time: datetime | None = None
    content_type: str = "application/json"
    extensions: dict[str, str | int | bool] = msgspec.field(default_factory=dict)


def write(event: Event) -> bytes:
    """The event as JSON. Raises: Invalid naming the attribute that is not right."""
    _check(event)
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
    }
    if event.subject:
        body["subject"] = event.subject
    if event.time is not None:
        body["time"] = event.time.isoformat()
    body["datacontenttype"] = event.content_type
    return msgspec.json.encode({**body, **event.extensions, "data": event.data})


def read(raw: bytes) -> Event:
    """The event of JSON bytes. Raises: Invalid naming the attribute that is not right."""
    if len(raw) > SIZE_CAP:
        raise Invalid(
            f"is larger than {SIZE_CAP} bytes", field="event", cure="Send less at a time."
        )
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise Invalid("is not JSON", field="event", cure="Send one JSON object.") from error
    if not isinstance(body, dict):
        raise Invalid("is not a JSON object", field="event", cure="Send one JSON object.")
    if body.get("specversion") != "1.0":
        raise Invalid("is not 1.0", field="specversion", cure="Send CloudEvents 1.0.")
    texts = {n: body.get(n, "") for n in ("id", "source", "type", "subject", "datacontenttype")}
    if wrong := [n for n, v in texts.items() if not isinstance(v, str)]:
        raise Invalid("is not a text", field=wrong[0], cure="Send it as a text.")
    others = {n: v for n, v in body.items() if n not in _OWN}
    event = Event(
        id=texts["id"],
        source=texts["source"],
        type=texts["type"],
        subject=texts["subject"],
        time=_time(body.get("time")),
        content_type=texts["datacontenttype"] or "application/json",
        data=body.get("data", body.get("data_base64")),
        extensions=others,
    )
    _check(event)
    return event


def _time(given: object) -> datetime | None:
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Invalid(
            "is no RFC 3339 time", field="time", cure="Write it like 2026-03-02T09:00:00Z."
        )
    return at


def _check(event: Event) -> None:
    for name in ("id", "source", "type"):
        if not getattr(event, name).strip():
            raise Invalid("is empty", field=name, cure="Every event needs it.")
    for name, value in event.extensions.items():
        if name in _OWN or not _NAME.fullmatch(name):
            raise Invalid("is no attribute's name", field=name[:40], cure="Use a-z and 0-9.")
        if not isinstance(value, str | int | bool):
            raise Invalid("is no simple value", field=name, cure="Put it into data.")
