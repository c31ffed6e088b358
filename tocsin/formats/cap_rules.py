"""What CAP 1.2 asks beyond its schema: rules a message can break and still be valid XML.

Each comes from the standard's text (sections 3.2.1 to 3.2.4 and 3.3); a schema cannot say them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from urllib.parse import urlsplit

from tocsin.formats.cap_terms import Alert, Area, Info, Problem, Reason, Reference, Resource

_NAME = re.compile(r"[^\s,<&]+")
_NUMBER = re.compile(r"[-+]?\d{1,9}(\.\d{1,12})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d", re.ASCII)
_MUST_REFER = frozenset({"Update", "Cancel", "Ack", "Error"})
POINTS_CAP = 10_000
_LEAST_POINTS = 4


def problems(alert: Alert) -> list[Problem]:
    """What is wrong with a message that its schema allows, in reading order."""
    return [
        *_envelope(alert),
        *(p for i, info in enumerate(alert.infos, 1) for p in _info(alert, info, i)),
    ]


def references(text: str) -> tuple[tuple[Reference, ...], list[Problem]]:
    """The earlier messages named in `references`: `sender,identifier,sent`, separated by blanks."""
    found, wrong = [], []
    for n, token in enumerate(text.split(), 1):
        parts = token.split(",")
        at = _date(parts[2]) if len(parts) == 3 else None
        if at is None or not all(parts):
            said = f"{token[:60]!r} is not sender,identifier,sent"
            wrong.append(Problem(Reason.REFERENCES_MALFORMED, f"references[{n}]", said))
        else:
            found.append(Reference(parts[0], parts[1], at))
        if len(wrong) > 20:
            break
    return tuple(found), wrong


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _envelope(alert: Alert) -> Iterator[Problem]:
    for field in ("identifier", "sender"):
        if not _NAME.fullmatch(getattr(alert, field)):
            said = f"{field} is empty, or holds a blank, a comma, < or &"
            yield Problem(Reason.BAD_NAME, field, said)
    if alert.kind in _MUST_REFER and not alert.references:
        said = f"a message of type {alert.kind} names the messages it is about"
        yield Problem(Reason.REFERENCES_MISSING, "references", said)
    if alert.scope == "Restricted" and not alert.restriction:
        said = "a restricted message says to whom it is restricted"
        yield Problem(Reason.RESTRICTION_MISSING, "restriction", said)
    if alert.scope == "Private" and not alert.addresses:
        said = "a private message names whom it is addressed to"
        yield Problem(Reason.ADDRESSES_MISSING, "addresses", said)
    languages = [i.language.lower() for i in alert.infos]
    for n, language in enumerate(languages, 1):
        if language in languages[: n - 1]:
            said = f"there are two info blocks in {language}"
            yield Problem(Reason.LANGUAGE_REPEATED, f"info[{n}].language", said)


def _info(alert: Alert, info: Info, n: int) -> Iterator[Problem]:
    here = f"info[{n}]"
    if not info.event:
        yield Problem(Reason.MISSING, f"{here}.event", "event is empty")
    if info.expires is not None:
        if info.expires <= alert.sent:
            yield Problem(
                Reason.EXPIRES_BEFORE_SENT, f"{here}.expires", "it expired before it was sent"
            )
        elif info.effective and info.expires <= info.effective:
            said = "it expires before it takes effect"
            yield Problem(Reason.EXPIRES_BEFORE_EFFECTIVE, f"{here}.expires", said)
    for m, resource in enumerate(info.resources, 1):
        yield from _resource(resource, f"{here}.resource[{m}]")
    for m, area in enumerate(info.areas, 1):
        yield from _area(area, f"{here}.area[{m}]")


def _resource(resource: Resource, here: str) -> Iterator[Problem]:
    if resource.uri and not _absolute(resource.uri) and not resource.deref_uri:
        said = "a relative uri needs the bytes themselves in derefUri"
        yield Problem(Reason.RELATIVE_URI, f"{here}.uri", said)
    if resource.deref_uri and resource.digest:
        try:
            data = base64.b64decode(resource.deref_uri)
        except (binascii.Error, ValueError):
            yield Problem(Reason.BAD_VALUE, f"{here}.derefUri", "derefUri is not base64")
            return
        if hashlib.sha1(data, usedforsecurity=False).hexdigest() != resource.digest.lower():
            said = "the digest is not that of the bytes that came with it"
            yield Problem(Reason.DIGEST_WRONG, f"{here}.digest", said)


def _absolute(uri: str) -> bool:
    try:
        return bool(urlsplit(uri).scheme)
    except ValueError:
        return False


def _area(area: Area, here: str) -> Iterator[Problem]:
    if not area.description:
        yield Problem(Reason.MISSING, f"{here}.areaDesc", "areaDesc is empty")
    for m, polygon in enumerate(area.polygons, 1):
        yield from _polygon(polygon, f"{here}.polygon[{m}]")
    for m, circle in enumerate(area.circles, 1):
        centre, _, radius = circle.strip().partition(" ")
        far = radius.strip()
        if _point(centre) is None or not _NUMBER.fullmatch(far) or float(far) < 0:
            said = "a circle is written lat,lon radius"
            yield Problem(Reason.CIRCLE_MALFORMED, f"{here}.circle[{m}]", said)
    if area.ceiling and not area.altitude:
        said = "a ceiling needs an altitude below it"
        yield Problem(Reason.CEILING_ALONE, f"{here}.ceiling", said)


def _polygon(polygon: str, here: str) -> Iterator[Problem]:
    points = [_point(p) for p in polygon.split()[: POINTS_CAP + 1]]
    if not points:  # schema-valid and harmless: an empty element
        return
    if any(p is None for p in points) or not _LEAST_POINTS <= len(points) <= POINTS_CAP:
        said = f"a polygon is {_LEAST_POINTS} or more points, each lat,lon within ±90,±180"
        yield Problem(Reason.POLYGON_MALFORMED, here, said)
    elif points[0] != points[-1]:
        said = "a polygon ends at the point where it starts"
        yield Problem(Reason.POLYGON_NOT_CLOSED, here, said)
    elif all(a == b for a, b in pairwise(points)):
        said = "all points of the polygon are one"
        yield Problem(Reason.POLYGON_MALFORMED, here, said)


def _point(text: str) -> tuple[float, float] | None:
    lat, comma, lon = text.partition(",")
    if not comma or not _NUMBER.fullmatch(lat) or not _NUMBER.fullmatch(lon):
        return None
    point = float(lat), float(lon)
    return point if abs(point[0]) <= 90 and abs(point[1]) <= 180 else None
