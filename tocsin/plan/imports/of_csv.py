"""CSV: one thing a row. Columns: kind, label, lat, lon, height_m, standoff_m; or points: `lat lon; lat lon; …`."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from tocsin.kernel.errors import Invalid
from tocsin.plan.imports.sheet import Sheet

COLUMNS = ("kind", "label", "lat", "lon", "height_m", "standoff_m", "points")
_LINES = {"route", "motorcade"}


def read(content: bytes) -> Sheet:
    """Rows of a table with a header. Raises: Invalid for a table without places."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    first = text.partition("\n")[0]
    between = ";" if first.count(";") > first.count(",") else ","
    lines = io.StringIO(text.replace("\x00", ""), newline=None)
    try:
        return _rows(csv.DictReader(lines, delimiter=between))
    except csv.Error as e:
        raise Invalid(f"is no table: {e}", field="file", cure="Save it as CSV again.") from e


def _rows(reader: csv.DictReader[str]) -> Sheet:
    names = {(n or "").strip().lower(): n for n in reader.fieldnames or ()}
    if not ({"lat", "lon"} <= names.keys() or "points" in names):
        raise Invalid(
            "has no lat and lon", field="file", cure=f"Use the columns {', '.join(COLUMNS)}."
        )
    sheet = Sheet()
    for row, cells in enumerate(reader, 2):
        props = {k: str(cells.get(n) or "").strip() for k, n in names.items()}
        if not any(props.values()):
            continue
        pairs: list[Sequence[str | None]] = [(props.get("lat"), props.get("lon"))]
        drawn = "POINT"
        if props.get("points"):
            pairs = [
                p.replace(",", " ").split()[:2] for p in props["points"].split(";") if p.strip()
            ]
            line = props.get("kind", "").lower() in _LINES
            drawn = "POINT" if len(pairs) == 1 else "LINE" if line else "RING"
        sheet.take(row, pairs, props, drawn=drawn)
    return sheet
