"""The pages of staffing and communications: by forms, as spreadsheets, on paper, and shut to the outsider."""

from __future__ import annotations

import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from tests.cast import Cast, make_cast
from tocsin.kernel.clock import VirtualClock
from tocsin.plan import store
from tocsin.plan.models import Carry, RadioCheck

pytestmark = pytest.mark.usefixtures("db", "virtual")


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def client(cast: Cast, name: str) -> Client:
    made = Client(raise_request_exception=False)
    made.force_login(cast.account(name))
    return made


def text(answer: object) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())  # type: ignore[attr-defined]


def post(cast: Cast, who: str, page: str, **fields: object):  # type: ignore[no-untyped-def]
    made = client(cast, who)
    answer = made.post(f"/operations/{cast.march}/{page}", fields)
    if answer.status_code == 302:
        return made.get(answer.headers["Location"].partition("#")[0])
    return answer


def test_the_whole_way_by_forms(cast: Cast) -> None:
    for label, agency, kind in (
        ("Sniper", "metro", "POST"),
        ("Room", "fusion", "ROOM"),
        ("Detail", "capitol", "DETAIL"),
    ):
        said = post(
            cast, "lou", "posts", act="place", subject="", label=label, agency=agency, kind=kind
        )
        assert "is on the plan" in text(said)
    posts = {p.label: p for p in store.posts(cast.march)}
    assert posts["Detail"].command
    assert not posts["Sniper"].command
    refused = post(
        cast, "mona", "posts", act="place", subject="", label="East gate", agency="capitol"
    )
    assert refused.status_code == 422
    assert "another agency" in text(refused)
    assert "East gate" in text(refused)
    assert "Assigned" in text(
        post(
            cast,
            "mona",
            "posts",
            act="assign",
            subject=posts["Sniper"].id,
            person=cast.people["mona"],
        )
    )
    assert "Seated" in text(
        post(
            cast,
            "paul",
            "posts",
            act="seat",
            room=posts["Room"].id,
            agency="capitol",
            person=cast.people["paul"],
        )
    )
    page = text(client(cast, "mona").get(f"/operations/{cast.march}/posts"))
    assert "Mona Mills" in page
    assert "Metro police has nobody in Room" not in page.split("Sniper")[1]
    for name in ("POLICE", "SERVICE"):
        assert "on the plan" in text(
            post(cast, "lou", "comms/channels", act="add", subject="", label=name, kind="RADIO")
        )
    assert "VCALL10 is on the plan" in text(
        post(cast, "lou", "comms/channels", act="copy", subject="", name="VCALL10")
    )
    assert store.channels(cast.march).get(label="VCALL10").rx == "155.7525"
    ids = {c.label: c.id for c in store.channels(cast.march)}
    post(
        cast,
        "lou",
        "comms/channels",
        act="join",
        subject="",
        label="Patch 1",
        kind="PATCH",
        a=ids["POLICE"],
        b=ids["SERVICE"],
    )
    for who, label, channel in (("mona", "Sniper", "POLICE"), ("olga", "Detail", "SERVICE")):
        said = post(
            cast,
            who,
            "comms/channels",
            act="carry",
            subject="",
            post=posts[label].id,
            channel=ids[channel],
        )
        assert "Planned" in text(said)
    matrix = text(client(cast, "lou").get(f"/operations/{cast.march}/comms"))
    assert "planned, never tested" in matrix
    assert "Collect and test all that is planned" in matrix
    for c in Carry.objects.all():
        who = "mona" if c.agency == "metro" else "olga"
        assert "Collected" in text(
            post(cast, who, "comms/channels", act="collect", subject=c.id, of=c.agency)
        )
    ours, theirs = Carry.objects.get(agency="metro"), Carry.objects.get(agency="capitol")
    gateway = store.gateways(cast.march).get().id
    begun = text(
        post(cast, "mona", "comms", act="begin", subject="", carry=ours.id, gateway=gateway)
    )
    check = RadioCheck.objects.get()
    assert check.word in begun
    assert (
        check.word not in text(client(cast, "olga").get(f"/operations/{cast.march}/comms")).lower()
    )
    said = post(
        cast, "olga", "comms", act="answer", subject=check.id, carry=theirs.id, word=check.word
    )
    assert "both sets are tested" in text(said)
    page = text(
        client(cast, "lou").get(
            f"/operations/{cast.march}/comms?p={posts['Sniper'].id}&q={posts['Detail'].id}"
        )
    )
    assert "one loss breaks it" in page
    assert "Patch 1" in page
    assert "Every two agencies" in page


def test_a_spreadsheet_comes_back_as_it_went_out_and_bad_rows_are_named(cast: Cast) -> None:
    rows = "post,agency,kind,place,from,until,equipment\n"
    rows += 'Gate,metro,,"38.9, -77.0",2026-03-05 09:00,2026-03-05 12:00,radio; vest\n'
    rows += "Roof,nowhere,,,,,\nHut,metro,CASTLE,,,,\nLate,metro,,,tomorrow,,\n,metro,,,,,\n"
    sent = SimpleUploadedFile("posts.csv", rows.encode())
    said = text(post(cast, "mona", "posts", act="import", subject="", file=sent))
    assert "1 post came in. 4 did not" in said
    for number in (3, 4, 5, 6):
        assert f"row {number}:" in said
    out = client(cast, "mona").get(f"/operations/{cast.march}/posts.xlsx")
    sheet = load_workbook(io.BytesIO(out.content)).active
    assert sheet is not None
    assert [c.value for c in sheet[2]][:2] == ["Gate", "metro"]
    again = SimpleUploadedFile("posts.xlsx", out.content)
    refused = post(cast, "mona", "posts", act="import", subject="", file=again)
    assert refused.status_code == 422
    assert "is on the plan already" in text(refused)
    row = store.posts(cast.march).get()
    staff = {"act": "remove", "subject": row.id, "version": row.version}
    post(cast, "mona", "posts", **staff)
    post(
        cast,
        "mona",
        "posts",
        act="import",
        subject="",
        file=SimpleUploadedFile("posts.xlsx", out.content),
    )
    new = store.posts(cast.march).get()
    for name in ("label", "agency", "lat", "lon", "from_at", "until_at", "equipment"):
        assert getattr(new, name) == getattr(row, name)


PAGES = ("posts", "comms", "comms/channels", "posts.xlsx", "comms/channels.xlsx", "forms")


@pytest.mark.parametrize("page", PAGES)
def test_every_door_is_shut_to_those_who_take_no_part(cast: Cast, page: str) -> None:
    home = f"/operations/{cast.march}/{page}"
    for who in ("lou", "mona", "olga"):
        assert client(cast, who).get(home).status_code == 200, who
    assert client(cast, "otto").get(home).status_code == 404
    assert client(cast, "ada").get(home).status_code in (403, 404)
    assert Client().get(home).status_code == 302
    if "." not in page and page != "forms":
        assert client(cast, "otto").post(home, {"act": "add"}).status_code == 404


def test_a_thing_of_the_plan_leads_to_its_page_and_shuts_others_out(cast: Cast) -> None:
    post(cast, "lou", "posts", act="place", subject="", label="Gate", agency="metro")
    post(cast, "lou", "comms/channels", act="add", subject="", label="OPS 1", kind="RADIO")
    things = {
        "posts": store.posts(cast.march).get().id,
        "comms/channels": store.channels(cast.march).get().id,
    }
    for page, thing in things.items():
        found = client(cast, "mona").get(f"/plan/{thing}").headers["Location"]
        assert found == f"/operations/{cast.march}/{page}#{thing}"
        assert client(cast, "otto").get(f"/plan/{thing}").status_code == 404


CODES = ("201", "202", "203", "204", "205", "205A", "206", "209", "214", "215A")


def test_every_form_prints_and_shows_what_the_plan_holds(cast: Cast, tmp_path: object) -> None:
    from pypdf import PdfReader  # noqa: PLC0415

    post(
        cast,
        "lou",
        "posts",
        act="place",
        subject="",
        label="Sniper #1 *x*",
        agency="metro",
        role_title="medic",
    )
    row = store.posts(cast.march).get()
    post(cast, "mona", "posts", act="assign", subject=row.id, person=cast.people["mona"])
    post(cast, "lou", "comms/channels", act="copy", subject="", name="UCALL40")
    channel = store.channels(cast.march).get().id
    post(cast, "mona", "comms/channels", act="carry", subject="", post=row.id, channel=channel)
    wanted = {
        "204": "Sniper #1 *x*",
        "205": "453.2125",
        "205A": "Mona Mills",
        "206": "Sniper",
        "214": "Post placed",
    }
    for code in CODES:
        home = f"/operations/{cast.march}/forms/{code}"
        made = client(cast, "lou").get(f"{home}.pdf")
        assert made.status_code == 200, (code, made.content[:300])
        said = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(made.content)).pages)
        assert f"ICS {code}" in said
        assert "The march" in said
        assert wanted.get(code, "") in said, (code, said)
        book = load_workbook(io.BytesIO(client(cast, "lou").get(f"{home}.xlsx").content))
        cells = " ".join(str(c.value) for s in book for r in s.iter_rows() for c in r)
        assert wanted.get(code, "") in cells
        assert client(cast, "otto").get(f"{home}.pdf").status_code == 404
    assert client(cast, "lou").get(f"/operations/{cast.march}/forms/999.pdf").status_code == 404
    assert client(cast, "lou").get(f"/operations/{cast.march}/forms/205.doc").status_code == 404
