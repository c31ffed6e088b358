"""Files of ground: read thing by thing; what is hostile or broken is told, never run."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.kernel.errors import Invalid
from tocsin.plan.geometry import Point
from tocsin.plan.imports import read, read_track
from tocsin.plan.notation import read_point, read_points, write_points

KML = b"""<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>Site</name>
<Style id="s"><IconStyle><Icon><href>http://evil.example/x.png</href></Icon></IconStyle></Style>
<Folder><Placemark><name>Building 6</name><ExtendedData><Data name="kind"><value>building</value></Data>
<Data name="height_m"><value>8</value></Data></ExtendedData><Polygon><outerBoundaryIs><LinearRing><coordinates>
-79.97,40.85,0 -79.96,40.85,0 -79.96,40.86,0 -79.97,40.85,0</coordinates></LinearRing></outerBoundaryIs>
<innerBoundaryIs><LinearRing><coordinates>0,0 0,1 1,1 0,0</coordinates></LinearRing></innerBoundaryIs></Polygon>
</Placemark>
<Placemark><name>Way in</name><LineString><coordinates>-79.97,40.85 -79.96,40.86</coordinates></LineString></Placemark>
<Placemark><name>Nowhere</name></Placemark></Folder></Document></kml>"""
GPX = b"""<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><wpt lat="40.85" lon="-79.97"><name>Gate</name>
</wpt><trk><name>Dog 2</name><trkseg><trkpt lat="40.85" lon="-79.97"/><trkpt lat="40.86" lon="-79.97"/></trkseg>
<trkseg><trkpt lat="40.86" lon="-79.96"/></trkseg></trk></gpx>"""
GEO = b"""{"type":"FeatureCollection","features":[
{"type":"Feature","geometry":{"type":"Point","coordinates":[-79.97,40.85,3]},"properties":{"name":"Podium","kind":"stage"}},
{"type":"Feature","geometry":{"type":"MultiPolygon","coordinates":[[[[0,0],[0,1],[1,1],[0,0]]],[[[2,2],[2,3],[3,3],[2,2]]]]},"properties":null},
{"type":"Feature","geometry":{"type":"GeometryCollection"},"properties":{}},
{"type":"Feature","geometry":{"type":"Point","coordinates":["a",null]},"properties":{}},
{"type":"Feature","geometry":{"type":"LineString","coordinates":[[1,2]]},"properties":{}}, 7]}"""


def test_kml() -> None:
    sheet = read("site.KML", KML)
    building, way = sheet.features
    assert (building.kind, building.label, building.height_m, len(building.points)) == (
        "BUILDING",
        "Building 6",
        8,
        3,
    )
    assert building.points[0] == Point.degrees(40.85, -79.97)
    assert (way.kind, len(way.points)) == ("ROUTE", 2)
    assert sheet.refused == [(3, "has no point, line or polygon")]


def test_gpx_and_its_track() -> None:
    sheet = read("walk.gpx", GPX)
    assert [(f.kind, f.label, len(f.points)) for f in sheet.features] == [
        ("PLACE", "Gate", 1),
        ("ROUTE", "Dog 2", 3),
    ]
    assert len(read_track("walk.gpx", GPX)) == 3
    with pytest.raises(Invalid, match="no path"):
        read_track("x.csv", b"label,lat,lon\nBench,1,1\n")


def test_geojson() -> None:
    sheet = read("site.geojson", GEO)
    assert [(f.kind, len(f.points)) for f in sheet.features] == [
        ("STAGE", 1),
        ("AREA", 3),
        ("AREA", 3),
    ]
    assert [row for row, _ in sheet.refused] == [3, 4, 5, 6]


def test_csv_with_semicolons_and_shapes() -> None:
    text = "kind;label;points;standoff_m\nroute;Way in;40.85 -79.97\nroute;Way in;40.85 -79.97, 40.86 -79.96;20\n"
    sheet = read("x.csv", text.encode())
    assert sheet.features == []
    assert len(sheet.refused) == 2
    text = 'kind,label,points,standoff_m\nroute,Way in,"40.85 -79.97; 40.86 -79.96",20\nzone,Yard,"0 0; 0 1; 1 1",\n'
    sheet = read("x.csv", ("\ufeff" + text).encode())
    assert [(f.kind, f.standoff_m, len(f.points)) for f in sheet.features] == [
        ("ROUTE", 20, 2),
        ("ZONE", 0, 3),
    ]


HOSTILE = [
    ("x.kml", b'<!DOCTYPE kml [<!ENTITY a SYSTEM "file:///etc/passwd">]><kml>&a;</kml>'),
    ("x.gpx", b'<!DOCTYPE gpx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><gpx>&b;</gpx>'),
    ("x.kml", b"<kml>" * 5000),
    ("x.kml", GPX),
    ("x.json", b"[" * 100_000),
    ("x.json", b'{"features": []}'),
    ("x.json", b"\xff\xfe"),
    ("x.csv", b"name,colour\nBench,red\n"),
    ("x.zip", b"PK"),
    ("x", b""),
    ("x.csv", b"a" * (8 * 1024 * 1024 + 1)),
]


@pytest.mark.parametrize(("name", "content"), HOSTILE)
def test_hostile_and_broken_files_are_refused_in_words(name: str, content: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        read(name, content)
    assert refused.value.field == "file"
    assert refused.value.cure


def test_nan_and_the_end_of_the_world_are_told_by_row() -> None:
    text = b"label,lat,lon\nA,NaN,0\nB,1e400,0\nC,91,0\nD,0,181\nE,inf,0\nF,1,1\n"
    sheet = read("x.csv", text)
    assert [f.label for f in sheet.features] == ["F"]
    assert [row for row, _ in sheet.refused] == [2, 3, 4, 5, 6]


@given(st.sampled_from(["x.kml", "x.gpx", "x.json", "x.csv"]), st.binary(max_size=400))
@settings(max_examples=150)
def test_no_bytes_break_a_reader(name: str, content: bytes) -> None:
    with suppress(Invalid):
        read(name, content)


@given(
    st.sampled_from([("x.kml", KML), ("x.gpx", GPX), ("x.json", GEO)]),
    st.integers(0, 1200),
    st.integers(0, 255),
)
@settings(max_examples=150)
def test_no_changed_byte_breaks_a_reader(sent: tuple[str, bytes], place: int, byte: int) -> None:
    name, content = sent
    changed = bytearray(content)
    changed[place % len(changed)] = byte
    with suppress(Invalid):
        read(name, bytes(changed))


POINTS = st.builds(
    Point, st.integers(-900_000_000, 900_000_000), st.integers(-1_800_000_000, 1_800_000_000)
)


@given(st.lists(POINTS, min_size=1, max_size=20))
def test_what_is_written_is_read_as_it_was(points: list[Point]) -> None:
    assert read_points(write_points(points)) == tuple(points)


def test_points_as_people_write_them() -> None:
    assert (
        read_point("38.8895 N, 77.0353 W")
        == read_point("38.8895,-77.0353")
        == Point(388_895_000, -770_353_000)
    )
    for bad in ("", "the roof", "91, 0", "1", "1, 2, 3", "38.8895N 77.0353W 9"):
        with pytest.raises(Invalid):
            read_point(bad)
    with pytest.raises(Invalid, match="line 2"):
        read_points("1, 1\nx")
