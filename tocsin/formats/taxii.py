"""TAXII 2.1 on the wire: media type, times, what a client may ask for, and the resources in its answers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from tocsin.formats import stix
from tocsin.kernel.errors import Invalid

MEDIA_TYPE: Final = "application/taxii+json;version=2.1"
PAGE: Final = 100
MOST: Final = 1000
_FIRST, _LAST, _ALL = "first", "last", "all"
_MATCHES: Final = ("id", "type", "version", "spec_version")
_VALUES_CAP: Final = 100


class Query(msgspec.Struct, frozen=True):
    """What of a collection is asked for. `after` = the place to go on behind; `versions` = times asked for by name."""

    after: datetime | None = None
    limit: int = PAGE
    ids: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    spec_versions: tuple[str, ...] = ()
    versions: tuple[datetime, ...] = ()
    first: bool = False
    last: bool = True
    all: bool = False


def query(given: Mapping[str, str], *, versions: bool = True) -> Query:
    """The query of an address's parameters. Raises: Invalid naming the parameter (TAXII answers 400)."""
    after = _after(given)
    limit = given.get("limit", "")
    if limit and not (limit.isascii() and limit.isdigit() and len(limit) <= 9 and int(limit) > 0):
        raise Invalid(f"{limit[:20]!r} is no number above 0", field="limit", cure="Send one.")
    asked = {n: _values(given.get(f"match[{n}]", "")) for n in _MATCHES}
    named = [v for v in asked["version"] if v not in (_FIRST, _LAST, _ALL)]
    times = [stix.time(v) for v in named]
    if None in times:
        said = f"{named[times.index(None)][:40]!r} is no version"
        raise Invalid(said, field="match[version]", cure="Send first, last, all, or a time.")
    words = set(asked["version"]) - set(named)
    if unknown := [n for n in given if n.startswith("match[") and n[6:-1] not in _MATCHES]:
        raise Invalid(
            "cannot be matched", field=unknown[0][:40], cure=f"Use {', '.join(_MATCHES)}."
        )
    return Query(
        after=after,
        limit=min(int(limit), MOST) if limit else PAGE,
        ids=asked["id"],
        types=asked["type"],
        spec_versions=asked["spec_version"],
        versions=tuple(t for t in times if t is not None),
        first=_FIRST in words,
        last=_LAST in words or (not asked["version"] and versions),
        all=_ALL in words or (not asked["version"] and not versions),
    )


def stamp(at: datetime) -> str:
    """A time as TAXII writes it: RFC 3339 in UTC to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def token(stamped: str) -> str:
    """Where the next page goes on, opaque to the client; `stamped` = the place of the last object."""
    return base64.urlsafe_b64encode(stamped.encode()).decode().rstrip("=")


def _after(given: Mapping[str, str]) -> datetime | None:
    """The later of `added_after` and `next`: a page goes on where the one before ended."""
    found = []
    if added := given.get("added_after", ""):
        at = stix.time(added)
        if at is None:
            said = f"{added[:40]!r} is no time like 2026-03-02T09:00:00.000Z"
            raise Invalid(said, field="added_after", cure="Send the X-TAXII-Date-Added-Last.")
        found.append(at)
    if further := given.get("next", ""):
        try:
            text = base64.urlsafe_b64decode(further[:80] + "=" * (-len(further[:80]) % 4)).decode()
        except (binascii.Error, ValueError):
            text = ""
        at = stix.time(text)
        if at is None:
            raise Invalid("is no token of ours", field="next", cure="Send it as it was given.")
        found.append(at)
    return max(found, default=None)


def _values(text: str) -> tuple[str, ...]:
    values = tuple(v for v in text.split(",") if v)
    if len(values) > _VALUES_CAP or any(len(v) > 300 for v in values):
        raise Invalid("is too long", field="match", cure=f"Ask for {_VALUES_CAP} at a time.")
    return values


def envelope(objects: Sequence[str], *, more: bool, next_: str) -> bytes:
    """A page of objects, each as its own JSON text, untouched."""
    head = f'{{"more":true,"next":"{next_}","objects":[' if more else '{"more":false,"objects":['
    return (head + ",".join(objects) + "]}").encode() if objects else b"{}"


def manifest(rows: Sequence[tuple[str, str, str]], *, more: bool, next_: str) -> dict[str, Any]:
    """A page of (object id, added, version), times as stamped."""
    listed = [{"id": i, "date_added": a, "version": v, "media_type": _STIX} for i, a, v in rows]
    if not listed:
        return {}
    return {"more": more, **({"next": next_} if more else {}), "objects": listed}


def status(
    status_id: str,
    at: datetime,
    *,
    taken: Sequence[tuple[str, datetime]],
    failed: Sequence[stix.Failed],
) -> dict[str, Any]:
    """The status of a POST that was worked off before it was answered: it is complete, and says the truth."""
    return {
        "id": status_id,
        "status": "complete",
        "request_timestamp": stamp(at),
        "total_count": len(taken) + len(failed),
        "success_count": len(taken),
        "successes": [{"id": i, "version": stamp(v)} for i, v in taken],
        "failure_count": len(failed),
        "failures": [
            {"id": f.id or "(no id)", "version": stamp(at), "message": f.message} for f in failed
        ],
        "pending_count": 0,
        "pendings": [],
    }


def error(http_status: int, title: str, description: str = "") -> dict[str, Any]:
    """TAXII's error message."""
    return {"title": title, "description": description, "http_status": str(http_status)}


def acceptable(accept: str) -> bool:
    """Whether a client's Accept header allows what we send."""
    for part in accept.lower().split(","):
        kind, *rest = [p.strip() for p in part.split(";")]
        parameters = dict(p.split("=", 1) for p in rest if "=" in p)
        if parameters.get("q", "1").strip() in ("0", "0.0", "0.00", "0.000"):
            continue
        if kind in ("*/*", "application/*"):
            return True
        if kind == "application/taxii+json" and parameters.get("version", "2.1") == "2.1":
            return True
    return not accept.strip()


def is_ours(content_type: str) -> bool:
    """Whether a body is TAXII 2.1 by its Content-Type."""
    kind, *rest = [p.strip().lower() for p in content_type.split(";")]
    return kind == "application/taxii+json" and all(
        p.replace(" ", "") == "version=2.1" for p in rest if p.startswith("version")
    )


_STIX: Final = "application/stix+json;version=2.1"
