"""Reading MISP events from strangers: the words of a report, its marking, its own bytes. No names of people."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from tocsin.kernel.errors import Invalid

SIZE_CAP: Final = 16 * 1024 * 1024
EVENTS_CAP: Final = 5_000
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TLP = re.compile(r"tlp:(red|amber\+strict|amber|green|clear|white)", re.IGNORECASE)
_LABELS: Final = ("RED", "AMBER+STRICT", "AMBER", "GREEN", "CLEAR")
_READ: Final = frozenset(
    "narrative conclusion evaluation comment follow-up-action source-summary post text summary "
    "description title content handling-instructions".split()
)
"""Relations of objects, and types of attributes, that hold words written for readers."""
_LONGEST: Final = 200_000


class Event(msgspec.Struct, frozen=True):
    """One event. `raw` = its JSON as it came; `text` = its readable words; `tlp` = the strictest tag, or ''."""

    uuid: str
    info: str
    text: str
    tlp: str
    organisation: str
    at: datetime | None
    tags: tuple[str, ...]
    raw: str


class Listed(msgspec.Struct, frozen=True):
    """A line of a feed's manifest."""

    uuid: str
    timestamp: int


def read(raw: bytes) -> Event:
    """An event from its JSON, `{"Event": …}` or bare. Raises: Invalid naming what is wrong."""
    body = _json(raw)
    inner = body.get("Event", body)
    if not isinstance(inner, dict):
        raise Invalid("is no object", field="Event", cure="Send one event as MISP exports it.")
    uuid, info = inner.get("uuid"), inner.get("info")
    if not isinstance(uuid, str) or not _UUID.fullmatch(uuid):
        raise Invalid("is missing or malformed", field="Event.uuid", cure="Send the event's own.")
    if not isinstance(info, str) or not info.strip():
        raise Invalid("is missing", field="Event.info", cure="An event has a title.")
    org = inner.get("Orgc")
    names = _tags(inner)
    return Event(
        uuid=uuid.lower(),
        info=info.strip()[:2000],
        text="\n\n".join([info.strip(), *_words(inner)])[:_LONGEST],
        tlp=_strictest(names),
        organisation=str(org.get("name", ""))[:200] if isinstance(org, dict) else "",
        at=_when(inner),
        tags=tuple(names[:200]),
        raw=raw.decode(errors="replace"),
    )


def manifest(raw: bytes) -> list[Listed]:
    """The events of a feed's manifest.json, oldest first. Raises: Invalid when it is none."""
    body = _json(raw)
    out = []
    for uuid, line in body.items():
        if _UUID.fullmatch(uuid) and isinstance(line, dict):
            out.append(Listed(uuid.lower(), _whole(line.get("timestamp"))))
    if body and not out:
        raise Invalid("names no events", field="manifest", cure="Give a MISP feed's address.")
    return sorted(out, key=lambda e: (e.timestamp, e.uuid))[-EVENTS_CAP:]


def _json(raw: bytes) -> dict[str, Any]:
    if len(raw) > SIZE_CAP:
        raise Invalid(f"is larger than {SIZE_CAP} bytes", field="event", cure="Send it in parts.")
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise Invalid(f"is not JSON: {said}", field="event", cure="Send it as exported.") from error
    if not isinstance(body, dict):
        raise Invalid("is not a JSON object", field="event", cure="Send one event.")
    return body


def _words(event: dict[str, Any]) -> list[str]:
    """The readable values, in order, each once; indicators, addresses and names are left where they are."""
    out: dict[str, None] = {}
    for made in [event, *_dicts(event, "Object")]:
        for attribute in _dicts(made, "Attribute"):
            value, relation = attribute.get("value"), attribute.get("object_relation")
            readable = relation in _READ or (not relation and attribute.get("type") in _READ)
            if isinstance(value, str) and isinstance(relation, str | None) and readable:
                out[value.strip()] = None
    for report in _dicts(event, "EventReport"):
        for name in ("name", "content"):
            if isinstance(report.get(name), str):
                out[report[name].strip()] = None
    return [w for w in out if w]


def _tags(made: dict[str, Any]) -> list[str]:
    return [t["name"] for t in _dicts(made, "Tag") if isinstance(t.get("name"), str)]


def _strictest(names: list[str]) -> str:
    found = {m[1].upper() for n in names if (m := _TLP.fullmatch(n.strip()))}
    if "WHITE" in found:
        found.add("CLEAR")
    return next((label for label in _LABELS if label in found), "")


def _dicts(made: dict[str, Any], name: str) -> list[dict[str, Any]]:
    listed = made.get(name)
    return [e for e in listed[:50_000] if isinstance(e, dict)] if isinstance(listed, list) else []


def _when(event: dict[str, Any]) -> datetime | None:
    seconds = _whole(event.get("timestamp"))
    if seconds:
        return datetime.fromtimestamp(seconds, UTC)
    try:
        day = date.fromisoformat(str(event.get("date", "")))
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _whole(given: object) -> int:
    text = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
