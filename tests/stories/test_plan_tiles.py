"""Map tiles from the installation's own file: served to those signed in, nothing else, and no file is no map."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from tests.cast import Cast, make_cast
from tocsin.kernel.clock import VirtualClock
from tocsin.plan import tiles

PIXEL = b"\x89PNG\r\n\x1a\n tile"


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(tiles, "path", lambda: tmp_path / "map.pmtiles")
    yield tmp_path / "map.pmtiles"
    tiles._open.cache_clear()


def write(file: Path) -> None:
    with file.open("wb") as out:
        writer: Any = Writer(out)  # type: ignore[no-untyped-call]
        writer.write_tile(zxy_to_tileid(2, 1, 1), PIXEL)
        writer.finalize(
            {
                "tile_type": TileType.PNG, "tile_compression": Compression.NONE, "min_zoom": 2, "max_zoom": 2,
                "min_lon_e7": 0, "min_lat_e7": 0, "max_lon_e7": 1, "max_lat_e7": 1,
                "center_zoom": 2, "center_lon_e7": 0, "center_lat_e7": 0,
            },
            {},
        )  # fmt: skip


def test_a_tile_is_served_and_a_missing_one_is_empty(cast: Cast, file: Path) -> None:
    lou = Client()
    lou.force_login(cast.account("lou"))
    assert lou.get("/tiles/2/1/1").status_code == 204
    write(file)
    answer = lou.get("/tiles/2/1/1")
    assert (answer.status_code, answer.headers["Content-Type"], answer.content) == (
        200,
        "image/png",
        PIXEL,
    )
    for odd in ("2/3/3", "2/99/0", "30/0/0"):
        assert lou.get(f"/tiles/{odd}").status_code == 204
    assert Client().get("/tiles/2/1/1").status_code == 302
    assert 'data-tiles="raster"' in lou.get(f"/operations/{cast.march}/map").content.decode()


def test_what_is_no_map_leaves_the_page_usable(cast: Cast, file: Path) -> None:
    file.write_bytes(b"not a map at all" * 20)
    lou = Client(raise_request_exception=False)
    lou.force_login(cast.account("lou"))
    assert lou.get(f"/operations/{cast.march}/map").status_code == 200
    assert lou.get("/tiles/2/1/1").status_code == 204
