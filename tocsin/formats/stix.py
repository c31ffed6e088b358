"""Reading STIX 2.1 objects from strangers: what each is, how it is marked, and the words in it.

An object's own bytes are kept as they came. Nothing is resolved or fetched; a pattern is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from tocsin.formats.stix_terms import STRICTEST, TLP_OF
from tocsin.kernel.errors import Invalid

SIZE_CAP: Final = 8 * 1024 * 1024
OBJECTS_CAP: Final = 10_000
OBJECT_CAP: Final = 256 * 1024
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
ID: Final = re.compile(rf"[a-z][a-z0-9-]{{1,248}}[a-z0-9]--{_UUID}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,12})?Z", re.ASCII)
# An identity is who somebody is: it is kept as context of what was shared, and never read as a report.
_UNREAD = frozenset(
    "identity marking-definition extension-definition relationship language-content location".split()
)


class Object(msgspec.Struct, frozen=True):
    """One object: `raw` = its JSON as it came, `version` = `modified`, else `created`, else None.

    `tlp` = the strictest label it carries, or ''; `title` and `text` = what a person would read, or ''.
    """

    id: str
    type: str
    spec_version: str
    raw: str
    version: datetime | None = None
    created: datetime | None = None
    created_by: str = ""
    tlp: str = ""
    title: str = ""
    text: str = ""
    revoked: bool = False


class Failed(msgspec.Struct, frozen=True):
    """An object that cannot be taken: its id where it has one, and why."""

    id: str
    message: str


class _Wire(msgspec.Struct):
    type: str
    id: str
    spec_version: str = ""
    created: str = ""
    modified: str = ""
    created_by_ref: str = ""
    object_marking_refs: list[str] = []
    name: str | None = None
    description: str | None = None
    abstract: str | None = None
    content: str | None = None
    explanation: str | None = None
    opinion: str | None = None
    revoked: bool = False


class _Envelope(msgspec.Struct):
    objects: list[msgspec.Raw] = []


class _Name(msgspec.Struct):
    id: str = ""


_envelope = msgspec.json.Decoder(_Envelope)
_wire = msgspec.json.Decoder(_Wire)
_name = msgspec.json.Decoder(_Name)


def read(raw: bytes) -> list[Object | Failed]:
    """The objects of a bundle or a TAXII envelope, in order; one that is wrong never stops the rest.

    Raises: Invalid when the whole is no JSON object with `objects`, or too large.
    """
    if len(raw) > SIZE_CAP:
        raise Invalid(f"is larger than {SIZE_CAP} bytes", field="objects", cure="Send it in parts.")
    try:
        listed = _envelope.decode(raw).objects
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        said = str(error)[:200]
        raise Invalid(
            f"is no envelope of objects: {said}", field="objects", cure='Send {"objects": […]}.'
        ) from error
    if len(listed) > OBJECTS_CAP:
        raise Invalid(f"holds more than {OBJECTS_CAP}", field="objects", cure="Send it in parts.")
    return [one(bytes(r)) for r in listed]


def one(raw: bytes) -> Object | Failed:
    """One object of its bytes. Never raises for what they hold."""
    if len(raw) > OBJECT_CAP:
        return Failed(_id_of(raw), f"is larger than {OBJECT_CAP} bytes")
    try:
        text = raw.decode()
        wire = _wire.decode(raw)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        return Failed(_id_of(raw), " ".join(str(error).split())[:200])
    if "\x00" in text or "\\u0000" in text:
        return Failed(wire.id[:300], "holds a NUL character")
    if not ID.fullmatch(wire.id):
        return Failed(wire.id[:300], "its id is not type--uuid in small letters")
    if wire.id.partition("--")[0] != wire.type:
        return Failed(wire.id, f"its id does not begin with its type {wire.type[:60]!r}")
    if wire.spec_version not in ("2.1", ""):
        return Failed(
            wire.id, f"spec_version {wire.spec_version[:20]!r} is not taken; send STIX 2.1"
        )
    times = [(n, getattr(wire, n)) for n in ("created", "modified") if getattr(wire, n)]
    read_times = {n: time(t) for n, t in times}
    if wrong := [n for n, at in read_times.items() if at is None]:
        return Failed(wire.id, f"{wrong[0]} is no time like 2026-03-02T09:00:00.000Z")
    title, body = _words(wire)
    return Object(
        id=wire.id,
        type=wire.type,
        spec_version="2.1",
        raw=text,
        version=read_times.get("modified") or read_times.get("created"),
        created=read_times.get("created"),
        created_by=wire.created_by_ref if ID.fullmatch(wire.created_by_ref) else "",
        tlp=strictest(wire.object_marking_refs),
        title=title,
        text=body,
        revoked=wire.revoked,
    )


def time(text: str) -> datetime | None:
    """A STIX or TAXII time, to the microsecond; None when it is not one."""
    if not _TIME.fullmatch(text):
        return None
    whole, _, part = text[:-1].partition(".")
    try:
        return datetime.fromisoformat(f"{whole}.{part[:6].ljust(6, '0')}+00:00")
    except ValueError:
        return None


def strictest(markings: Iterable[str]) -> str:
    """The strictest TLP label among marking definitions; '' where none is one."""
    found = {TLP_OF[m] for m in markings if m in TLP_OF}
    return next((label for label in STRICTEST if label in found), "")


def _words(wire: _Wire) -> tuple[str, str]:
    if wire.type in _UNREAD:
        return "", ""
    title = wire.name or wire.abstract or ""
    parts = [wire.description, wire.content, wire.explanation]
    text = "\n\n".join(p for p in parts if p)
    return title, text or title


def _id_of(raw: bytes) -> str:
    try:
        return _name.decode(raw[:OBJECT_CAP]).id[:300]
    except (msgspec.DecodeError, RecursionError, ValueError):
        return ""
