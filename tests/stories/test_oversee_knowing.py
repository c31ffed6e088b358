"""Who knew what, when: sights on the record, one timeline, gaps, the other way, and one subject at any moment."""

from __future__ import annotations

import csv
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.test import Client

from tests.cast import Cast, make_cast
from tests.stories.flagged import flag
from tests.stories.test_assess_reports import never_drawn
from tests.stories.warned import released
from tocsin.assess import actions as assess
from tocsin.assess.models import Situation, Standing
from tocsin.assess.terms import Disposition, Speech, Worksheet
from tocsin.collect.models import Report
from tocsin.deliver import actions as deliver
from tocsin.deliver.models import Destination
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Forbidden
from tocsin.oversee import knowing, meanings, moments, subjects
from tocsin.oversee.actions import note_views
from tocsin.oversee.knowing import Seat
from tocsin.oversee.models import Glance, Viewing
from tocsin.oversee.terms import Verb
from tocsin.people.terms import SYSTEM
from tocsin.record import applying
from tocsin.record.models import Entry
from tocsin.warn.models import Warning


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def client(cast: Cast, name: str) -> Client:
    made = Client()
    made.force_login(cast.account(name))
    return made


def test_opening_a_report_is_on_the_record_once_for_each_person_and_version(
    cast: Cast, virtual: VirtualClock
) -> None:
    report = flag(cast, ["weapons"])
    at = virtual.now()
    for _ in range(3):
        assert client(cast, "ana").get(f"/reports/{report.id}").status_code == 200
    assert client(cast, "rhea").get(f"/reports/{report.id}").status_code == 200
    virtual.advance(timedelta(minutes=1))
    assert note_views() == 2
    assert note_views() == 0
    seen = list(Entry.objects.filter(kind="subject.seen", subject=report.id))
    assert {e.actor for e in seen} == {cast.people["ana"], cast.people["rhea"]}
    row = Viewing.objects.get(person=cast.people["ana"])
    assert (row.viewer_agency, row.roles, row.version, row.at) == ("fusion", ["collector"], 1, at)


def test_a_refused_page_is_no_sight(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    assert client(cast, "otto").get(f"/reports/{report.id}").status_code == 404
    assert client(cast, "ada").get(f"/reports/{report.id}").status_code in (403, 404)
    assert not Glance.objects.exists()


def test_the_queue_notes_what_was_chosen_and_not_what_it_offered(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    client(cast, "ana").get("/queue")
    assert not Glance.objects.exists()
    client(cast, "ana").get(f"/queue?report={report.id}")
    assert Glance.objects.get().subject == report.id


def _sent(cast: Cast, virtual: VirtualClock) -> Warning:
    """A released warning: sent to the must-know roles, read 23 minutes after it was delivered."""
    for name in ("olga", "mona"):
        deliver.add_recipient(
            cast.rhea,
            agency=cast.actor(name).agency,
            role=next(iter(cast.actor(name).roles)).value,
            name=name,
            person=cast.people[name],
            ways=[("inapp", "")],
        )
    row = released(cast)
    deliver.fan_out()
    deliver.send_due(threads=0)
    virtual.advance(timedelta(minutes=23))
    deliver.see(cast.mona, warning=row.id)
    return row


def test_the_gap_between_delivered_and_opened_is_told(cast: Cast, virtual: VirtualClock) -> None:
    row = _sent(cast, virtual)
    found = knowing.of(cast.ines, subjects.linked(cast.ines, row.id), virtual.now())
    verbs = {p.verb for p in found.points}
    assert {Verb.CREATED, Verb.SUBMITTED, Verb.DECIDED, Verb.DELIVERED, Verb.OPENED} <= verbs
    metro = Destination.objects.get(warning=row.id, seat_agency="metro")
    wait = next(w for w in found.waits if w.line == metro.id and w.end is Verb.OPENED)
    assert wait.begin is Verb.DELIVERED
    assert wait.lasted(virtual.now()) == timedelta(minutes=23)
    capitol = Destination.objects.get(warning=row.id, seat_agency="capitol")
    open_ = next(w for w in found.waits if w.line == capitol.id)
    assert open_.until is None
    assert open_.lasted(virtual.now()) == timedelta(minutes=23)


def test_the_page_the_chart_and_the_table_say_the_same(cast: Cast, virtual: VirtualClock) -> None:
    row = _sent(cast, virtual)
    page = client(cast, "ines").get(f"/timeline/{row.id}").content.decode()
    assert "23 min" in page
    assert "partner, Metro police" in page
    assert "<svg" in page
    table = client(cast, "ines").get(f"/timeline/{row.id}/csv").content.decode()
    rows = list(csv.DictReader(StringIO(table)))
    assert {"opened", "delivered", "created"} <= {r["verb"] for r in rows}
    assert next(r for r in rows if r["verb"] == "opened")["waited_s"] == str(23 * 60)


def test_a_partner_finds_the_release_and_not_how_it_came_about(
    cast: Cast, virtual: VirtualClock
) -> None:
    row = _sent(cast, virtual)
    mine = knowing.of(cast.ines, [row.id], virtual.now())
    theirs = knowing.of(cast.olga, [row.id], virtual.now())
    drafting = {"warning.drafted", "warning.submitted"}
    assert drafting <= {p.entry.kind for p in mine.points}
    assert not drafting & {p.entry.kind for p in theirs.points}
    assert "warning.released" in {p.entry.kind for p in theirs.points}


def test_who_read_it_stays_with_the_owner(cast: Cast) -> None:
    report = flag(cast, ["weapons"], tlp="AMBER")
    client(cast, "ana").get(f"/reports/{report.id}")
    note_views()
    kinds = {p.entry.kind for p in knowing.of(cast.olga, [report.id], report.received_at).points}
    assert "subject.seen" not in kinds
    assert "report.flagged" in kinds


def test_every_page_is_shut_to_the_outsider(cast: Cast, virtual: VirtualClock) -> None:
    row = _sent(cast, virtual)
    otto = client(cast, "otto")
    for address in (f"/timeline/{row.id}", f"/timeline/{row.id}/at", f"/timeline/{row.id}/csv"):
        assert otto.get(address).status_code == 404
    assert otto.get("/timeline/role").status_code == 403
    assert otto.get(f"/timeline/{cast.people['ana']}").status_code == 404
    assert row.id not in otto.get("/timeline?q=north").content.decode()


def test_the_other_way_what_a_role_had_by_then(cast: Cast, virtual: VirtualClock) -> None:
    row = _sent(cast, virtual)
    sent_at = Destination.objects.get(warning=row.id, seat_agency="metro").delivered_at
    assert sent_at is not None
    before = knowing.by(cast.ines, Seat("metro", "partner"), sent_at, sent_at - timedelta(days=1))
    assert [(k.subject, k.verb) for k in before] == [(row.id, Verb.DELIVERED)]
    now = virtual.now()
    after = knowing.by(cast.ines, Seat("metro", "partner"), now, now - timedelta(days=1))
    assert [(k.subject, k.verb) for k in after] == [(row.id, Verb.OPENED)]
    assert (
        knowing.by(
            cast.ines,
            Seat("metro", "partner"),
            sent_at - timedelta(seconds=1),
            sent_at - timedelta(days=1),
        )
        == []
    )
    with pytest.raises(Forbidden):
        knowing.by(cast.ana, Seat("metro", "partner"), now, now - timedelta(days=1))
    page = client(cast, "ines").get("/timeline/role?agency=metro&role=partner").content.decode()
    assert "North doors named" in page
    assert "opened" in page


def test_another_agencys_overseer_is_not_told_what_ours_read(
    cast: Cast, virtual: VirtualClock
) -> None:
    report = flag(cast, ["weapons"], tlp="GREEN")
    client(cast, "ana").get(f"/reports/{report.id}")
    note_views()
    now = virtual.now()
    seat = Seat("fusion", "collector")
    assert [k.subject for k in knowing.by(cast.ines, seat, now, now - timedelta(days=1))] == [
        report.id
    ]
    from tocsin.people import actions as people  # noqa: PLC0415
    from tocsin.people.terms import Role  # noqa: PLC0415

    people.grant_role(SYSTEM, person=cast.people["otto"], role=Role.INSPECTOR)
    assert knowing.by(cast.otto, seat, now, now - timedelta(days=1)) == []


def test_a_subject_at_its_last_moment_is_the_row_itself(
    cast: Cast, virtual: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_drawn(monkeypatch)  # a decision drawn for a second reading is shown to nobody before it
    row = _sent(cast, virtual)
    report = flag(cast, ["targets-officials"])
    sheet = Worksheet(
        speech=Speech.HYPERBOLE, disposition=Disposition.NO_REPORT, reason="a song lyric"
    )
    assess.decide(cast.ana, report=report.id, version=1, sheet=sheet)
    for model, subject in (
        (Warning, row.id),
        (Report, report.id),
        (Situation, row.situation),
        (Standing, report.id),
    ):
        found = moments.at(subject, moments.history(SYSTEM, subject), 10_000)
        assert found is not None
        rows: Any = model._default_manager
        live: dict[str, Any] = rows.filter(pk=subject).values().get()
        folded = found.rows[model._meta.db_table]
        same = {k: v for k, v in live.items() if not hasattr(v, "tzinfo")}
        assert {k: folded[k] for k in same if k in folded} == {
            k: v for k, v in same.items() if k in folded
        }
        assert len(folded) > 3


def test_the_slider_shows_the_draft_before_its_release(cast: Cast, virtual: VirtualClock) -> None:
    row = _sent(cast, virtual)
    first = client(cast, "rhea").get(f"/timeline/{row.id}/at?step=1").content.decode()
    assert "Draft" in first
    assert "Released by" not in first
    last = client(cast, "rhea").get(f"/timeline/{row.id}/at").content.decode()
    assert "Released by" in last


def test_every_kind_of_entry_has_a_place_on_a_timeline_or_none() -> None:
    for kind in applying.kinds():
        meanings.of_kind(kind)  # never raises
    assert meanings.of_kind("sighting.reported") is Verb.CREATED
    assert meanings.of_kind("duty.opened") is None
