"""The pages of papers, as a person with a browser and no scripts meets them."""

from __future__ import annotations

import io

import pytest
from django.test import Client
from pypdf import PdfReader

from tests.cast import Cast, make_cast
from tests.stories.test_papers import BELOW, PLAIN, image, with_tearline
from tests.stories.test_warn_pages import browser, typed
from tests.stories.warned import now, released
from tocsin.deliver import actions as deliver
from tocsin.deliver.models import Destination
from tocsin.kernel.clock import VirtualClock
from tocsin.people.terms import SYSTEM
from tocsin.warn import store
from tocsin.warn.models import Copy, Template, Warning

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def test_the_outsider_finds_every_paper_absent(cast: Cast) -> None:
    row = released(cast)
    otto = browser(cast, "otto")
    for subject in (row.id, row.situation, "wrn_nothing", "rpt_nothing", "x"):
        assert otto.get(f"/papers/{subject}").status_code == 404
        assert otto.get(f"/papers/{subject}?part=below").status_code == 404
        assert otto.post(f"/papers/{subject}/copy", {"form": "pdf"}).status_code == 404
    assert otto.get(f"/warnings/{row.id}/acknowledge").status_code == 404
    assert Client().get(f"/papers/{row.id}").status_code == 302
    assert not Copy.objects.exists()


def test_a_partner_reads_it_and_takes_each_form(cast: Cast) -> None:
    row = with_tearline(cast)
    mona = browser(cast, "mona")
    assert f"/papers/{row.id}" in mona.get(f"/warnings/{row.id}").content.decode()
    page = mona.get(f"/papers/{row.id}").content.decode()
    for said in ("TLP:AMBER", "55–80 %", "North doors", BELOW.title, "Take a copy"):
        assert said in page, said
    assert " style=" not in page
    assert "<style" not in page
    for form, kind, begins in (
        ("pdf", "application/pdf", b"%PDF"),
        ("html", "text/html; charset=utf-8", b"<!doctype html>"),
        ("text", "text/plain; charset=utf-8", b"TLP:AMBER"),
    ):
        got = mona.post(
            f"/papers/{row.id}/copy", {"form": form, "to": "Desk", "purpose": "Roll call"}
        )
        assert (got.status_code, got["Content-Type"]) == (200, kind)
        assert got.content.startswith(begins)
        assert "attachment" in got["Content-Disposition"]
    assert Copy.objects.filter(person=cast.mona.person).count() == 3
    assert mona.get(f"/papers/{row.id}/copy").status_code == 405
    assert "Copies taken (3)" in browser(cast, "ana").get(f"/papers/{row.id}").content.decode()
    assert "Copies taken" not in mona.get(f"/papers/{row.id}").content.decode()
    assert mona.post(f"/papers/{row.id}/copy", {"form": "docx"}).status_code == 422


def test_who_is_cleared_only_for_the_tearline_finds_and_takes_just_that(cast: Cast) -> None:
    row = with_tearline(cast)
    otto = browser(cast, "otto")
    listed = otto.get("/warnings").content.decode()
    assert BELOW.title in listed
    assert "North doors named" not in listed
    page = otto.get(f"/papers/{row.id}?part=below").content.decode()
    assert BELOW.text in page
    for hidden in ("AMBER", "North doors", "likely", f"/warnings/{row.id}"):
        assert hidden not in page, hidden
    got = otto.post(f"/papers/{row.id}/copy", {"form": "pdf", "part": "below"})
    text = "".join(p.extract_text() for p in PdfReader(io.BytesIO(got.content)).pages)
    assert BELOW.text in " ".join(text.split())
    assert "AMBER" not in text
    assert "North doors" not in text
    assert otto.get(f"/papers/{row.id}").status_code == 404
    assert otto.post(f"/papers/{row.id}/copy", {"form": "pdf"}).status_code == 404


def test_the_code_on_a_sheet_leads_to_ones_own_answer(cast: Cast) -> None:
    row = released(cast, type="ROLL_CALL")
    assert (
        browser(cast, "ana").get(f"/warnings/{row.id}/acknowledge")["Location"]
        == f"/warnings/{row.id}"
    )
    deliver.fan_out()
    mine = Destination.objects.get(warning=row.id, seat_agency="metro")
    assert (
        browser(cast, "mona").get(f"/warnings/{row.id}/acknowledge")["Location"]
        == f"/answers/{mine.id}"
    )
    assert SYSTEM.system


def test_places_times_and_the_tearline_are_written_in_the_editor(cast: Cast) -> None:
    row = with_tearline(cast)
    ana = browser(cast, "ana")
    cite = row.cites[0]["id"]
    fields = typed(
        type="NOTE",
        operation=cast.march,
        places="North doors; 38.8926, -77.0089; eleven posts\nFountain; 38.8956, -77.008",
        timeline="2026-03-01 09:05 First post.\n2026-02-28T22:40 Before that.",
        below_label="GREEN",
        below_title=BELOW.title,
        below_text=BELOW.text,
        **{"j0-cites": cite},
    )
    made = ana.post("/warnings/new", fields)["Location"].rpartition("/")[2]
    content = store.content(Warning.objects.get(id=made))
    assert [(p.name, p.lat, p.lon, p.note) for p in content.places] == [
        ("North doors", 38892600, -77008900, "eleven posts"),
        ("Fountain", 38895600, -77008000, ""),
    ]
    assert [e.text for e in content.timeline] == ["Before that.", "First post."]
    again = ana.get(f"/warnings/{made}/edit").content.decode()
    assert "North doors; 38.89260, -77.00890; eleven posts" in again
    assert "2026-03-01 09:05" in again
    for bad in (
        {"places": "North doors"},
        {"places": "Pole; 91, 0"},
        {"timeline": "yesterday it rained"},
        {"timeline": "2026-03-01 09:05"},
    ):
        answer = ana.post("/warnings/new", {**fields, **bad})
        assert answer.status_code == 422, bad
        assert "Write each as" in answer.content.decode(), bad
    assert now(row.id).id


def test_a_seal_and_a_layout_by_the_page(cast: Cast) -> None:
    rhea = browser(cast, "rhea")
    assert rhea.get("/layouts/seal.png").status_code == 404
    sent = io.BytesIO(image())
    sent.name = "seal.jpg"
    assert rhea.post("/layouts/seal", {"image": sent}).status_code == 302
    assert rhea.get("/layouts/seal.png").content.startswith(b"\x89PNG")
    assert rhea.post("/layouts/seal", {"image": io.BytesIO(b"no")}).status_code == 422
    refused = rhea.post("/layouts", {"name": "Bad", "source": "#let x ="})
    assert refused.status_code == 422
    assert "cannot be used" in refused.content.decode()
    assert "#let x =" in refused.content.decode()  # what was typed is kept
    assert (
        rhea.post("/layouts", {"name": "House", "product": "", "source": PLAIN}).status_code == 302
    )
    row = Template.objects.get()
    early = rhea.post(f"/layouts/{row.id}/use", {"version": row.version})
    assert early.status_code == 409
    assert rhea.post(f"/layouts/{row.id}/preview").content.startswith(b"%PDF")
    row.refresh_from_db()
    assert rhea.post(f"/layouts/{row.id}/use", {"version": row.version}).status_code == 302
    assert "in use" in rhea.get("/layouts").content.decode()
    for name in ("ana", "mona", "ada", "otto"):
        for path in ("/layouts", f"/layouts/{row.id}"):
            assert browser(cast, name).get(path).status_code in (403, 404)
    olga = browser(cast, "olga")  # may release, at another agency
    assert olga.get(f"/layouts/{row.id}").status_code == 404
    for act in ("preview", "use", "retire", "burn"):
        assert olga.post(f"/layouts/{row.id}/{act}", {"version": "1"}).status_code == 404
