"""KML 2.2 and GPX 1.0/1.1, behind the one door through which XML comes in: no types, no entities, no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.kernel.errors import Invalid
from tocsin.plan.imports.sheet import SIZE_CAP, Sheet

if TYPE_CHECKING:
    from lxml.etree import _Element

_DRAWN = {"Point": "POINT", "LineString": "LINE", "Polygon": "RING", "LinearRing": "RING"}


def read_kml(content: bytes) -> Sheet:
    """Placemarks with points, lines and polygons; styles, overlays and links are left alone. Raises: Invalid."""
    root = _root(content, "kml")
    sheet = Sheet()
    for row, mark in enumerate(_all(root, "Placemark"), 1):
        props: dict[str, Any] = {"name": _text(mark, "name")}
        for data in _all(mark, "Data"):
            props[str(data.get("name"))] = _text(data, "value")
        for data in _all(mark, "SimpleData"):
            props[str(data.get("name"))] = data.text or ""
        shapes = [s for s in mark.iter() if _tag(s) in ("Point", "LineString", "Polygon")]
        if not shapes:
            sheet.refused.append((row, "has no point, line or polygon"))
        for shape in shapes[:500]:
            # A polygon's first ring is its outline; those after it are holes.
            ring = next(iter(_all(shape, "coordinates")), None)
            sheet.take(row, _coordinates(ring), props, drawn=_DRAWN[_tag(shape)])
    return sheet


def read_gpx(content: bytes) -> Sheet:
    """Waypoints as places; routes and tracks as routes. Raises: Invalid."""
    root = _root(content, "gpx")
    sheet = Sheet()
    kinds = (("wpt", "POINT", ""), ("rte", "LINE", "rtept"), ("trk", "LINE", "trkpt"))
    row = 0
    for tag, drawn, point in kinds:
        for item in _all(root, tag):
            row += 1
            points = _all(item, point) if point else [item]
            pairs = [(p.get("lat"), p.get("lon")) for p in points]
            if drawn == "LINE":
                step = max(1, -(-len(pairs) // 2000))
                pairs = pairs[::step]
            sheet.take(row, pairs, {"name": _text(item, "name")}, drawn=drawn)
    return sheet


def _root(content: bytes, tag: str) -> _Element:
    from tocsin.formats import xml  # noqa: PLC0415 - lxml is heavy; only imports pay

    root = xml.read(content, cap=SIZE_CAP, what="file")
    if _tag(root) != tag:
        raise Invalid(f"is no {tag.upper()}", field="file", cure="Export it again.")
    return root


def _tag(element: Any) -> str:
    """A tag without its namespace: exporters disagree on those."""
    return str(element.tag).rpartition("}")[2]


def _all(element: Any, tag: str) -> list[Any]:
    return [e for e in element.iter() if _tag(e) == tag]


def _text(element: Any, tag: str) -> str:
    found = next((e for e in element if _tag(e) == tag), None)
    return " ".join((found.text or "").split()) if found is not None else ""


def _coordinates(element: Any) -> list[tuple[Any, Any]]:
    pairs: list[tuple[Any, Any]] = []
    for part in (element.text or "").split() if element is not None else ():
        lon, _, rest = part.partition(",")
        pairs.append((rest.partition(",")[0], lon))
    return pairs
