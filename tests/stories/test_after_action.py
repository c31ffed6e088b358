"""The after-action report: made from the record alone, its findings filed by hand, shut to those who take no part."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from tests.cast import Cast, make_cast
from tests.stories.fairground import lay_out
from tests.stories.test_plan_pages import client, text
from tocsin.duties.models import Duty
from tocsin.kernel import clock
from tocsin.kernel.clock import VirtualClock
from tocsin.operate import actions as operate
from tocsin.oversee import after
from tocsin.oversee.models import Finding
from tocsin.people.models import Operation
from tocsin.people.terms import Role
from tocsin.plan import actions as plan
from tocsin.plan.actions import staffing
from tocsin.plan.terms import PostDraft


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def day(cast: Cast, virtual: VirtualClock) -> str:
    """A short day: gone ahead with red, a man with a rangefinder, one acknowledgement after 90 seconds. -> sighting"""
    lay_out(cast)
    draft = PostDraft(label="Security room", agency="capitol", kind="ROOM")
    room = staffing.place_post(cast.lou, operation=cast.march, draft=draft)
    staffing.assign(cast.lou, post=room, person=cast.people["paul"])
    plan.decide(
        cast.lou, operation=cast.march, go=True, reason="Opening; I carry what is open until noon."
    )
    virtual.move_to(Operation.objects.get(id=cast.march).starts_at + timedelta(hours=1))
    seen = operate.report_sighting(
        cast.mona,
        operation=cast.march,
        text="Man with a rangefinder by the long building.",
        severity=3,
        aggravators=["rangefinder"],
        place="Long building",
    )
    virtual.advance(timedelta(seconds=90))
    operate.acknowledge(cast.paul, sighting=seen)
    return seen


def report(cast: Cast) -> after.After:
    return after.gather(cast.lou, Operation.objects.get(id=cast.march), clock.now())


def test_it_says_how_long_each_hop_took_and_who_never_knew(
    cast: Cast, virtual: VirtualClock
) -> None:
    day(cast, virtual)
    found = report(cast)
    assert [(h.seat, h.acknowledged) for h in found.hops if h.acknowledged is not None] == [
        ("Security room", 90)
    ]
    # Nobody holds the detail leader's post here: the report says so, and not that all is well.
    assert "detail leader" in [seat for _, _, seat in found.never]
    assert found.went[0].go
    assert found.went[0].reds
    assert "reported" in " ".join(line.words for line in found.timeline)


def test_what_it_proposes_rests_on_what_happened(cast: Cast, virtual: VirtualClock) -> None:
    day(cast, virtual)
    proposed = {p.key: p for p in after.proposals(report(cast))}
    assert "detail leader" in proposed["never"].text
    assert "90 s" in proposed["slow"].text
    assert any(key.startswith("red-") for key in proposed)
    now = clock.now()
    empty = after.After(
        "op", "Nothing", "", "", now, now, now, (), (), False, (), (), (), (), (), ()
    )
    assert [p.key for p in after.proposals(empty)] == ["went"]


def test_a_proposal_is_filed_once_by_whoever_oversees(cast: Cast, virtual: VirtualClock) -> None:
    day(cast, virtual)
    url = f"/operations/{cast.march}/after"
    sent = {"act": "file", "subject": "never"}
    assert client(cast, "lou").post(url, sent).status_code in (403, 422)
    assert not Finding.objects.exists()
    done = client(cast, "ines").post(url, sent, follow=True)
    assert "in the register" in text(done)
    row = Finding.objects.get()
    assert (row.topic, row.owner_agency, row.owner_role) == (
        "warning",
        "fusion",
        Role.OPERATION_LEAD.value,
    )
    assert Duty.objects.filter(subject=row.id, discharged_at=None).exists()
    assert client(cast, "ines").post(url, sent).status_code == 404
    assert Finding.objects.count() == 1
    assert client(cast, "ines").post(url, {"act": "file", "subject": "nothing"}).status_code == 404


def test_the_report_reads_as_a_page_and_as_a_pdf(cast: Cast, virtual: VirtualClock) -> None:
    day(cast, virtual)
    page = text(client(cast, "lou").get(f"/operations/{cast.march}/after"))
    headings = (
        "From sighting to those who must know",
        "Who had to know and never said so",
        "Timeline",
    )
    for words in (*headings, "Proposed findings"):
        assert words in page
    pdf = client(cast, "lou").get(f"/operations/{cast.march}/after.pdf")
    assert pdf.status_code == 200
    assert pdf.content.startswith(b"%PDF")


def test_nobody_outside_the_operation_reads_it(cast: Cast, virtual: VirtualClock) -> None:
    for page in ("after", "after.pdf"):
        assert client(cast, "otto").get(f"/operations/{cast.march}/{page}").status_code == 404
        assert client(cast, "ada").get(f"/operations/{cast.march}/{page}").status_code in (403, 404)
        assert Client().get(f"/operations/{cast.march}/{page}").status_code == 302
