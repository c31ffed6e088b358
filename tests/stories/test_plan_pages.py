"""The plan's pages: the whole way by forms, refusals beside the form, and shut to those who take no part."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from PIL import Image

from tests.cast import Cast, make_cast
from tests.stories.fairground import Ground, lay_out
from tocsin.kernel.clock import VirtualClock
from tocsin.people.models import Operation
from tocsin.people.terms import Role
from tocsin.plan import store
from tocsin.plan.models import Area, Coverage, Going, Position, Zone

PAGES = ("map", "positions", "sweeps", "ready", "map/import", "map/ground.json", "ready/part")


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def ground(cast: Cast) -> Ground:
    return lay_out(cast)


def client(cast: Cast, name: str) -> Client:
    made = Client(raise_request_exception=False)
    made.force_login(cast.account(name))
    return made


def text(answer: object) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())  # type: ignore[attr-defined]


def test_every_page_opens_for_those_who_take_part_and_no_other(cast: Cast, ground: Ground) -> None:
    home = f"/operations/{cast.march}"
    from tocsin.people import actions as people  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415

    people.grant_role(SYSTEM, person=cast.people["otto"], role=Role.OPERATION_LEAD)
    for page in PAGES:
        assert client(cast, "lou").get(f"{home}/{page}").status_code == 200, page
        assert client(cast, "mona").get(f"{home}/{page}").status_code == (
            403 if "import" in page else 200
        ), page
        assert client(cast, "otto").get(f"{home}/{page}").status_code == 404, page
        assert client(cast, "ada").get(f"{home}/{page}").status_code in (403, 404), page
        assert Client().get(f"{home}/{page}").status_code == 302, page
    assert client(cast, "otto").get(f"{home}/areas/{ground.stage}").status_code == 404
    assert client(cast, "otto").get(f"/plan/{ground.stage}").status_code == 404
    assert (
        client(cast, "lou").get(f"/plan/{ground.stage}").headers["Location"]
        == f"{home}/map#{ground.stage}"
    )
    overview = text(client(cast, "lou").get(home))
    assert f'href="{home}/ready"' in overview


def test_a_position_from_listed_to_held_by_the_pages(cast: Cast, ground: Ground) -> None:
    lou, mona = client(cast, "lou"), client(cast, "mona")
    url = f"/operations/{cast.march}/positions"
    assert "Building 6, 130 m from Stage" in text(lou.get(url))
    sent = {"act": "list", "label": "Roof of building 6", "at": "38.8907 N, 77.0353 W"}
    sent |= {"height_m": "8", "accepting": "metro"}
    bad = lou.post(url, {**sent, "at": "the roof"})
    assert bad.status_code == 422
    assert "is no place" in text(bad)
    assert 'value="Roof of building 6"' in text(bad)
    assert lou.post(url, sent).status_code == 302
    row = Position.objects.get()
    page = text(mona.get(url))
    assert "assumed: nobody has accepted it" in page.lower()
    accept = {"act": "accept", "subject": row.id, "version": "1", "every": "30"}
    bad = mona.post(url, accept)
    assert bad.status_code == 422
    assert "Person: Is not of your agency. Name a person of your agency." in text(bad)
    done = {**accept, "person": cast.people["mona"], "mitigation": "Two officers on the roof."}
    assert mona.post(url, done).status_code == 302
    page = text(lou.get(url))
    assert "0 of 1 are red" in page
    assert "Mona Mills, checks in every 30 min" in page
    assert mona.post(url, {"act": "check_in", "subject": row.id}).status_code == 302
    assert client(cast, "paul").post(url, {"act": "check_in", "subject": row.id}).status_code == 422


def test_sweeps_by_the_pages_leave_the_bench_open(cast: Cast, ground: Ground) -> None:
    lou, mona = client(cast, "lou"), client(cast, "mona")
    url = f"/operations/{cast.march}/sweeps"
    assert "Bench by the ramp" in text(lou.get(url))
    assert lou.post(url, {"act": "cut", "area": ground.route, "every_m": "2000"}).status_code == 302
    zone = Zone.objects.get()
    given = {"act": "assign", "zones": [zone.id], "team": "metro", "method": "CANINE", "due_at": ""}
    assert lou.post(url, given).status_code == 302
    gpx = (
        '<gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>'
        '<trkpt lat="38.88900" lon="-77.0388"/><trkpt lat="38.88900" lon="-77.0353"/></trkseg></trk></gpx>'
    )
    swept = {
        "act": "end", "subject": zone.id, "version": "2", "start": "2026-03-02T03:00", "end": "2026-03-02T03:40",
        "method": "CANINE", "found": "no", "hours": "90",
    }  # fmt: skip
    bad = mona.post(url, {**swept, "start": "2026-03-02T03:00"})
    assert bad.status_code == 422
    assert "How long it holds: Is out of reach" in text(bad)
    done = {**swept, "hours": "24", "track": io.BytesIO(gpx.encode())}
    done["track"].name = "walk.gpx"  # type: ignore[attr-defined]
    assert mona.post(url, done).status_code == 302, text(mona.post(url, done))
    page = text(lou.get(url))
    assert "along a recorded track, seeing 5 m: <strong>" in page
    assert "Bench by the ramp" in page
    assert 0 < Coverage.objects.get().open_m2 < Coverage.objects.get().whole_m2


def test_going_ahead_by_the_page(cast: Cast, ground: Ground) -> None:
    lou = client(cast, "lou")
    url = f"/operations/{cast.march}/ready"
    count = len(store.reds(cast.march))
    page = text(lou.get(url))
    assert f"<strong>{count} red</strong>" in page
    assert f"Go ahead with {count} red" in page
    bad = lou.post(url, {"act": "decide", "go": "yes", "seen": str(count), "reason": ""})
    assert bad.status_code == 422
    assert "say why, in a sentence" in text(bad).lower()
    assert "Go ahead with" not in text(client(cast, "olga").get(url))
    sure = {
        "act": "decide",
        "go": "yes",
        "seen": str(count),
        "reason": "The roof is watched by a camera.",
    }
    assert lou.post(url, sure).status_code == 302
    assert Going.objects.get().person == cast.people["lou"]
    page = text(client(cast, "mona").get(url))
    assert "The roof is watched by a camera." in page
    assert "Lou Larsen, Fusion centre" in page
    assert client(cast, "mona").post(url, {"act": "approve", "note": "Seen."}).status_code == 302
    assert "Mona Mills, Metro police" in text(lou.get(url))


def test_the_map_by_keyboard_and_its_json(cast: Cast) -> None:
    lou, url = client(cast, "lou"), f"/operations/{cast.march}/map"
    begun = lou.post(url, {"act": "begin", "template": "rally"})
    assert begun.status_code == 302
    assert "what such a plan needs" in text(lou.get(url))
    sent = {"act": "place", "kind": "BUILDING", "label": "Hall <b>3</b>", "height_m": "12"}
    sent["points"] = "38.88, -77.03\n38.88, -77.02"
    bad = lou.post(url, sent)
    assert bad.status_code == 422
    assert "Points: Needs 3 or more points" in text(bad)
    assert "38.88, -77.02" in text(bad)
    assert lou.post(url, {**sent, "points": sent["points"] + "\n38.89, -77.02"}).status_code == 302
    area = Area.objects.get()
    assert "Hall &lt;b&gt;3&lt;/b&gt;" in text(lou.get(url))
    found = json.loads(client(cast, "paul").get(f"{url}/ground.json").content)
    [feature] = found["features"]
    assert feature["geometry"]["coordinates"][0][0] == [-77.03, 38.88]
    edit = {**sent, "act": "change", "subject": area.id, "version": "1", "label": "Hall 3"}
    edit["points"] = "38.88, -77.03\n38.9, -77.02\n38.89, -77.02"
    assert lou.post(f"/operations/{cast.march}/areas/{area.id}", edit).status_code == 302
    again = lou.post(f"/operations/{cast.march}/areas/{area.id}", edit)
    assert again.status_code == 422
    assert "somebody changed this" in text(again).lower()


def test_a_file_is_placed_with_a_report_row_by_row(cast: Cast) -> None:
    lou, url = client(cast, "lou"), f"/operations/{cast.march}/map/import"
    rows = b"stage,Podium,38.8895,-77.0353,\nplace,Bench,900,0,\nplace,Bin,38.89,-77.03,tall\n"
    sheet = io.BytesIO(b"kind,label,lat,lon,height_m\n" + rows)
    sheet.name = "ground.csv"
    page = text(lou.post(url, {"file": sheet}))
    assert "1 on the map" in page
    assert "Podium" in page
    assert "<strong>3</strong> place: latitude 900.0" in page
    assert "<strong>4</strong> height:" in page
    assert Area.objects.count() == 1
    bad = io.BytesIO(b"MZ")
    bad.name = "ground.exe"
    refused = lou.post(url, {"file": bad})
    assert refused.status_code == 422
    assert ".exe is not read here" in text(refused)


def test_a_picture_is_drawn_anew_and_shut_to_others(cast: Cast) -> None:
    lou, url = client(cast, "lou"), f"/operations/{cast.march}/map"
    out = io.BytesIO()
    Image.new("RGB", (3000, 60), "green").save(out, "JPEG", comment=b"<script>")
    out.seek(0)
    out.name = "plan.jpg"
    sent = {"act": "picture", "label": "Floor", "image": out}
    sent |= {"south_west": "38.88, -77.04", "north_east": "38.89, -77.03"}
    assert lou.post(url, sent).status_code == 302
    [picture] = store.pictures(cast.march)
    assert (picture.width, picture.height) == (2400, 48)
    address = f"/operations/{cast.march}/pictures/{picture.id}"
    body = client(cast, "mona").get(address)
    assert body.headers["Content-Type"] == "image/webp"
    assert b"<script>" not in body.content
    assert client(cast, "otto").get(address).status_code == 404
    no = io.BytesIO(b"<svg onload='x'/>")
    no.name = "x.svg"
    refused = lou.post(url, {**sent, "image": no})
    assert refused.status_code == 422
    assert "no picture we can read" in text(refused)


def test_a_duty_leads_to_the_line_that_answers_it(cast: Cast, ground: Ground) -> None:
    page = text(client(cast, "lou").get("/"))
    assert f"/operations/{cast.march}/sweeps#{ground.route}" in page
    march = Operation.objects.get(id=cast.march)
    assert march.ends_at - march.starts_at == timedelta(hours=8)
