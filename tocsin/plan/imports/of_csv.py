"""CSV: one thing a row. Columns: kind, label, lat, lon, height_m, standoff_m; or points: `lat lon; lat lon; …`."""

from __future__ import annotations

import csv
import io

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
    first = text[: text.find("\n")] if "\n" in text else text
    reader = csv.DictReader(io.StringIO(text.replace("\x00", "")), delimiter=";" if first.count(";") > first.count(",") else ",")
    names = {(n or "").strip().lower(): n for n in reader.fieldnames or ()}
    if not ({"lat", "lon"} <= names.keys() or "points" in names):
        raise Invalid("has no lat and lon", field="file", cure=f"Use the columns {', '.join(COLUMNS)}.")
    sheet = Sheet()
    try:
        for row, cells in enumerate(reader, 2):
            props = {k: (cells.get(n) or "").strip() for k, n in names.items()}
            if not any(props.values()):
                continue
            if props.get("points"):
                pairs = [tuple(p.replace(",", " ").split()[:2]) for p in props["points"].split(";") if p.strip()]
                line = props.get("kind", "").lower() in _LINES
                drawn = "POINT" if len(pairs) == 1 else "LINE" if line else "RING"
            else:
                pairs, drawn = [(props.get("lat"), props.get("lon"))], "POINT"
            sheet.take(row, pairs, props, drawn=drawn)
    except csv.Error as e:
        raise Invalid(f"is no table: {e}", field="file", cure="Save it as CSV again.") from e
    return sheet
