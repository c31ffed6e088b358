"""Files of ground from strangers: GeoJSON, KML, GPX and CSV, read thing by thing.

A file may be huge, half broken or hostile. Nothing in it is run or fetched, and one bad thing never costs the others:
what cannot be placed is told with its row and why.
"""

from __future__ import annotations

from tocsin.kernel.errors import Invalid
from tocsin.plan.geometry import Point
from tocsin.plan.imports import of_csv, of_geojson, of_kml_gpx
from tocsin.plan.imports.sheet import SIZE_CAP, Sheet
from tocsin.plan.terms import POINTS_CAP

_READERS = {
    ".geojson": of_geojson.read,
    ".json": of_geojson.read,
    ".kml": of_kml_gpx.read_kml,
    ".gpx": of_kml_gpx.read_gpx,
    ".csv": of_csv.read,
    ".txt": of_csv.read,
}


def read(filename: str, content: bytes) -> Sheet:
    """What a file would put on the map, and what of it cannot be. Raises: Invalid when it is no such file."""
    if len(content) > SIZE_CAP:
        raise Invalid("is larger than 8 MB", field="file", cure="Send it in parts.")
    ending = filename[filename.rfind(".") :].lower() if "." in filename else ""
    reader = _READERS.get(ending)
    if reader is None:
        raise Invalid(
            f"{ending or 'a file without an ending'} is not read here",
            field="file",
            cure="Send GeoJSON, KML, GPX or CSV.",
        )
    return reader(content)


def read_track(filename: str, content: bytes) -> tuple[Point, ...]:
    """The path in a file (GPX, KML or GeoJSON), all its lines one after the other, thinned to what a shape holds.

    Raises: Invalid when there is none.
    """
    lines = [f.points for f in read(filename, content).features if len(f.points) > 1]
    points = [p for line in lines for p in line]
    if not points:
        raise Invalid(
            "holds no path", field="track", cure="Send the recording of the walk, as GPX."
        )
    step = -(-len(points) // POINTS_CAP)
    return tuple(points[::step])


__all__ = ["Sheet", "read", "read_track"]
