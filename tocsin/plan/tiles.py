"""Map tiles from one PMTiles file that the installation keeps, `map.pmtiles` in its data directory. No network."""

from __future__ import annotations

import logging
import zlib
from functools import cache
from pathlib import Path
from typing import Any

from tocsin.kernel import settings
from tocsin.kernel.errors import BadSettings

log = logging.getLogger("tocsin.plan")
FILE = "map.pmtiles"
_DEEPEST = 24
_KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "AVIF": "image/avif"}


def path() -> Path:
    """Where the file is looked for."""
    return settings.current().data_dir / FILE


def kind() -> str:
    """`raster` where there is a file of pictures; empty where there is none, or it cannot be read (which is logged)."""
    file = path()
    if not file.exists():
        return ""
    try:
        _open(file, file.stat().st_mtime_ns)
    except BadSettings as e:
        log.warning("the map is shown without tiles: %s", e)
        return ""
    return "raster"


def tile(z: int, x: int, y: int) -> tuple[bytes, dict[str, str]] | None:
    """One tile and its headers; None where the file has none, or where there is no file."""
    if not kind() or not (0 <= z <= _DEEPEST and 0 <= x < 1 << z and 0 <= y < 1 << z):
        return None
    reader, header, content_type = _open(path(), path().stat().st_mtime_ns)
    try:
        body = reader.get(z, x, y)
    except (OSError, ValueError, EOFError, IndexError, zlib.error) as e:
        log.warning("%s: a part of it cannot be read: %s", FILE, e)
        body = None
    if body is None:
        return None
    headers = {"Content-Type": content_type}
    if header["tile_compression"].name == "GZIP":
        headers["Content-Encoding"] = "gzip"
    return body, headers


@cache
def _open(file: Path, changed_ns: int) -> tuple[Any, dict[str, Any], str]:
    from pmtiles.reader import MmapSource, Reader  # noqa: PLC0415 - only where there is a map
    from pmtiles.tile import MagicNumberNotFound, SpecVersionUnsupported  # noqa: PLC0415

    try:
        # The file stays open with its map: it is read for as long as the process lives.
        reader: Any = Reader(MmapSource(file.open("rb")))  # type: ignore[no-untyped-call]
        header = reader.header()
    except (OSError, ValueError, KeyError, MagicNumberNotFound, SpecVersionUnsupported) as e:
        raise BadSettings(
            "is no PMTiles file", field=FILE, cure="Make it anew, or take it away."
        ) from e
    named = _KINDS.get(header["tile_type"].name)
    if named is None:
        raise BadSettings(
            f"holds {header['tile_type'].name} tiles",
            field=FILE,
            cure="Keep a file of PNG, JPEG or WebP tiles.",
        )
    return reader, header, named
