"""Findings: owed, answered, checked by somebody else, shown where they bear; and the clock of their reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.cast import Cast, make_cast
from tocsin.duties.actions import fire_due
from tocsin.duties.models import Duty, Notice
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.oversee import actions, lessons
from tocsin.oversee.models import Finding, Inquiry
from tocsin.oversee.terms import Bears
from tocsin.people import actions as people
from tocsin.people.models import Operation
from tocsin.people.terms import SYSTEM
from tocsin.record.models import Entry

APRIL = datetime(2025, 4, 14, 12, 0, tzinfo=UTC)


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def client(cast: Cast, name: str) -> Client:
    made = Client(raise_request_exception=False)
    made.force_login(cast.account(name))
    return made


def filed(cast: Cast, virtual: VirtualClock, **changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "title": "Radios were not exchanged before the event",
        "text": "The sniper teams were never given the other agency's radios.",
        "source": "Review of July 2024",
        "topic": "radio",
        "owner_agency": "capitol",
        "owner_role": "operation_lead",
        "due_at": virtual.now() + timedelta(days=60),
        "found_at": APRIL,
        **changes,
    }
    return Finding.objects.get(id=actions.file_finding(cast.ines, **fields))


def opened(cast: Cast, virtual: VirtualClock, **changes: Any) -> Operation:
    """A new operation of the capitol police at the fair ground."""
    fields: dict[str, Any] = {
        "name": "The fair",
        "place": "Fair ground",
        "lead_agency": "capitol",
        "starts_at": virtual.now() + timedelta(days=9),
        "ends_at": virtual.now() + timedelta(days=9, hours=5),
        **changes,
    }
    return Operation.objects.get(id=people.open_operation(SYSTEM, **fields))


def test_an_open_finding_shows_on_a_new_operation_it_bears_on(
    cast: Cast, virtual: VirtualClock
) -> None:
    finding = filed(cast, virtual)
    row = opened(cast, virtual)
    page = client(cast, "olga").get(f"/operations/{row.id}").content.decode()
    assert "Radio interoperability not verified: open since" in page
    assert "14 Apr 2025" in page
    assert [b.why for b in lessons.bearing(cast.olga, row)] == [Bears.OWNER]
    actions.consider_finding(
        cast.olga, finding=finding.id, operation=row.id, text="Radios are handed out at 09:00."
    )
    page = client(cast, "olga").get(f"/operations/{row.id}").content.decode()
    assert "Radios are handed out at 09:00." in page


def test_a_finding_of_another_place_does_not_bear_on_it(cast: Cast, virtual: VirtualClock) -> None:
    filed(cast, virtual, topic="sweeps", venue="Old mill")
    assert lessons.bearing(cast.olga, opened(cast, virtual)) == []
    row = opened(cast, virtual, place="the old Mill, north gate")
    assert [b.why for b in lessons.bearing(cast.olga, row)] == [Bears.VENUE]


def test_what_is_our_agencys_only_shows_on_no_other_agencys_page(
    cast: Cast, virtual: VirtualClock
) -> None:
    finding = filed(cast, virtual, tlp="AMBER+STRICT")
    row = opened(cast, virtual)
    assert lessons.bearing(cast.olga, row) == []
    assert client(cast, "otto").get(f"/findings/{finding.id}").status_code == 404
    assert finding.id not in client(cast, "otto").get("/findings").content.decode()
    assert client(cast, "otto").get("/findings/new").status_code == 403


def test_a_finding_is_owed_answered_checked_and_gone(cast: Cast, virtual: VirtualClock) -> None:
    finding = filed(cast, virtual)
    duty = Duty.objects.get(kind="answer_finding", subject=finding.id)
    assert duty.due_at == finding.due_at
    assert duty.owner_agency == "capitol"
    words: dict[str, Any] = {
        "finding": finding.id,
        "evidence": "Radio test of 1 March, log attached.",
    }
    with pytest.raises(Forbidden):
        actions.answer_finding(cast.ana, version=1, **words)
    with pytest.raises(Invalid):
        actions.answer_finding(cast.olga, version=1, finding=finding.id, evidence="done")
    actions.answer_finding(cast.olga, version=1, **words)
    with pytest.raises(Conflict):
        actions.answer_finding(cast.olga, version=1, **words)
    check = Duty.objects.get(kind="check_finding", subject=finding.id)
    assert (check.owner_agency, check.owner_role) == ("fusion", "inspector")
    with pytest.raises(Forbidden):
        actions.close_finding(cast.olga, finding=finding.id, version=2, note="I say it is done.")
    assert len(lessons.bearing(cast.olga, opened(cast, virtual))) == 1  # answered is not done
    actions.close_finding(cast.ines, finding=finding.id, version=2, note="The log shows the test.")
    assert not Duty.objects.filter(subject=finding.id, discharged_at=None).exists()
    assert lessons.bearing(cast.olga, opened(cast, virtual)) == []


def test_a_refusal_goes_on_showing_and_can_be_sent_back(cast: Cast, virtual: VirtualClock) -> None:
    finding = filed(cast, virtual)
    actions.answer_finding(
        cast.olga,
        finding=finding.id,
        version=1,
        evidence="We do not concur with it.",
        declined=True,
    )
    assert len(lessons.bearing(cast.olga, opened(cast, virtual))) == 1
    with pytest.raises(Conflict):
        actions.close_finding(cast.ines, finding=finding.id, version=2, note="Nothing was done.")
    due = virtual.now() + timedelta(days=10)
    actions.return_finding(
        cast.ines, finding=finding.id, version=2, note="The refusal does not stand.", due_at=due
    )
    assert (
        Duty.objects.get(kind="answer_finding", subject=finding.id, discharged_at=None).due_at
        == due
    )


def held(cast: Cast, virtual: VirtualClock) -> Inquiry:
    made = actions.submit_inquiry(
        cast.ines, title="Sweeps of 6 January", text="Six recommendations.", reviewer_agency="capitol",
        reviewer_role="operation_lead", due_at=virtual.now() + timedelta(days=30),
    )  # fmt: skip
    virtual.advance(timedelta(days=10))
    actions.hold_inquiry(
        cast.olga,
        inquiry=made,
        version=1,
        reason="Counsel reads the third chapter.",
        until=virtual.now() + timedelta(days=60),
    )
    return Inquiry.objects.get(id=made)


def test_a_hold_has_a_name_and_a_reason_and_never_stops_the_clock(
    cast: Cast, virtual: VirtualClock
) -> None:
    row = held(cast, virtual)
    duty = Duty.objects.get(kind="review_inquiry", subject=row.id)
    virtual.move_to(duty.due_at + timedelta(days=8))
    for _ in range(6):
        fire_due()
    told = set(Notice.objects.filter(duty=duty.id).values_list("person", flat=True))
    assert cast.people["olga"] in told
    page = client(cast, "ines").get(f"/inquiries/{row.id}").content.decode()
    assert "Counsel reads the third chapter." in page
    assert "Olga Ortiz" in page
    assert "28 days" in page
    assert "Olga Ortiz: 28 days" in client(cast, "ines").get("/findings").content.decode()
    actions.clear_inquiry(cast.olga, inquiry=row.id, version=2)
    assert Duty.objects.filter(kind="publish_inquiry", subject=row.id, discharged_at=None).exists()
    actions.publish_inquiry(cast.ines, inquiry=row.id, version=3)
    assert not Duty.objects.filter(subject=row.id, discharged_at=None).exists()


def test_only_the_reviewer_holds_and_only_the_author_publishes(
    cast: Cast, virtual: VirtualClock
) -> None:
    row = held(cast, virtual)
    with pytest.raises(Forbidden):
        actions.lift_inquiry(cast.mona, inquiry=row.id, version=2)
    with pytest.raises(Forbidden):
        actions.clear_inquiry(cast.ines, inquiry=row.id, version=2)
    assert client(cast, "otto").post("/inquiries/new", {}).status_code == 403


def test_free_words_are_never_in_the_entries(cast: Cast, virtual: VirtualClock) -> None:
    finding = filed(cast, virtual)
    actions.answer_finding(
        cast.olga, finding=finding.id, version=1, evidence="Radio test of the first of March."
    )
    for e in Entry.objects.filter(subject=finding.id):
        assert b"sniper" not in bytes(e.body)
        assert b"Radio test" not in bytes(e.body)


def test_the_whole_way_by_the_pages(cast: Cast, virtual: VirtualClock) -> None:
    ines, olga = client(cast, "ines"), client(cast, "olga")
    form = {
        "title": "Radios", "text": "x", "topic": "radio", "owner_agency": "capitol", "owner_role": "operation_lead",
        "due_at": "", "agencies": ["metro"], "tlp": "GREEN",
    }  # fmt: skip
    refused = ines.post("/findings/new", form)
    assert refused.status_code == 422
    assert 'value="Radios"' in refused.content.decode()
    address = ines.post("/findings/new", {**form, "due_at": "2026-06-01"}).headers["Location"]
    assert olga.get(address).status_code == 200
    bad = olga.post(f"{address}/act", {"do": "answer", "version": 1, "evidence": "ok"})
    assert bad.status_code == 422
    assert (
        olga.post(
            f"{address}/act", {"do": "answer", "version": 1, "evidence": "Tested on 1 March."}
        ).status_code
        == 302
    )
    assert (
        ines.post(
            f"{address}/act", {"do": "close", "version": 2, "note": "Seen the log of it."}
        ).status_code
        == 302
    )
    assert "done and checked" in ines.get(address).content.decode()
    row = opened(cast, virtual)
    said = {"do": "consider", "operation": row.id, "text": "Handed out at nine."}
    other = filed(cast, virtual)
    assert (
        olga.post(f"/findings/{other.id}/act", said).headers["Location"] == f"/operations/{row.id}"
    )


def test_the_lead_of_a_new_operation_is_asked_once_about_each_finding(
    cast: Cast, virtual: VirtualClock
) -> None:
    finding = filed(cast, virtual)
    hidden = filed(cast, virtual, title="Ours alone", tlp="AMBER+STRICT")
    row = opened(cast, virtual)
    actions.bring_up()
    assert actions.bring_up() == 0
    asked = Duty.objects.filter(kind="consider_finding", operation=row.id)
    assert [d.subject for d in asked] == [finding.id]  # not what the leading agency may not see
    assert asked[0].owner_agency == "capitol"
    assert asked[0].due_at < row.starts_at
    march = Duty.objects.filter(kind="consider_finding", operation=cast.march)
    assert {d.subject for d in march} == {finding.id, hidden.id}
    said = "Radios are handed out at 09:00."
    actions.consider_finding(cast.olga, finding=finding.id, operation=row.id, text=said)
    assert not asked.filter(discharged_at=None).exists()
    assert march.filter(discharged_at=None).count() == 2  # each operation answers for itself
