"""GeoJSON (RFC 7946): longitude first, rings closed, properties as they come."""

from __future__ import annotations

import json
from typing import Any

from tocsin.kernel.errors import Invalid
from tocsin.plan.imports.sheet import Sheet

_DRAWN = {"Point": "POINT", "LineString": "LINE", "Polygon": "RING"}
_MANY = {"MultiPoint": "Point", "MultiLineString": "LineString", "MultiPolygon": "Polygon"}


def read(content: bytes) -> Sheet:
    """Features of a FeatureCollection, a Feature or a bare geometry. Raises: Invalid when it is no GeoJSON."""
    try:
        root = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as e:
        raise Invalid("is no GeoJSON", field="file", cure="Export it again.") from e
    if not isinstance(root, dict) or not isinstance(root.get("type"), str):
        raise Invalid(
            "is no GeoJSON", field="file", cure="It needs a type, such as FeatureCollection."
        )
    items = root.get("features") if root["type"] == "FeatureCollection" else [root]
    sheet = Sheet()
    for row, item in enumerate(items if isinstance(items, list) else [], 1):
        if not isinstance(item, dict):
            sheet.refused.append((row, "is no feature"))
            continue
        geometry = item.get("geometry") if item.get("type") == "Feature" else item
        props = item.get("properties")
        _geometry(sheet, row, geometry, props if isinstance(props, dict) else {})
    return sheet


def _geometry(sheet: Sheet, row: int, geometry: Any, props: dict[str, Any]) -> None:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if kind in _MANY and isinstance(coordinates, list):
        for part in coordinates[:500]:
            _geometry(sheet, row, {"type": _MANY[kind], "coordinates": part}, props)
        return
    if kind not in _DRAWN or not isinstance(coordinates, list):
        sheet.refused.append(
            (row, f"{str(kind)[:30]!r} is not drawn here: use points, lines and polygons")
        )
        return
    if kind == "Point":
        coordinates = [coordinates]
    elif kind == "Polygon":
        coordinates = coordinates[0] if coordinates and isinstance(coordinates[0], list) else []
    pairs = [(p[1], p[0]) if isinstance(p, list) and len(p) > 1 else (p, None) for p in coordinates]
    sheet.take(row, pairs, props, drawn=_DRAWN[kind])
