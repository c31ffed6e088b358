"""The frame and its own pages: owed, record, search, shifts, notices, refusals."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.stories.flagged import flag
from tests.web.stage import Stage, make_stage
from tocsin.assess import actions as assess
from tocsin.collect.models import Report
from tocsin.duties import actions as duties
from tocsin.kernel.clock import VirtualClock
from tocsin.people import actions as people
from tocsin.people.models import Handover, SavedSearch
from tocsin.people.terms import SYSTEM, Role
from tocsin.record.applying import kinds
from tocsin.record.models import Site, Vault
from tocsin.web import owing, searching, site_clock, told


@pytest.fixture
def stage(db: None, virtual: VirtualClock) -> Stage:
    return make_stage()


def as_(stage: Stage, name: str) -> Client:
    client = Client()
    client.force_login(stage.cast.account(name))
    return client


def text(client: Client, address: str, status: int = 200, **headers: Any) -> str:
    answer = client.get(address, **headers)
    assert answer.status_code == status, answer.content.decode()[:500]
    return answer.content.decode()


# ---------- owed ----------


def test_a_duty_says_whose_it_is_and_who_is_next(stage: Stage) -> None:
    (group,) = owing.front(stage.cast.ana, "mine", _now())
    first = next(r for r in group.rows if r.precedence == "IMMEDIATE")
    assert first.what == "Assess a flagged report"
    assert first.whose == "you, Ned Novak (watch analyst)"
    assert first.next == "Rhea Ross, Ruth Rivera"
    assert first.about == "The march"


def test_who_is_next_is_who_is_on_shift(stage: Stage, virtual: VirtualClock) -> None:
    now = virtual.now()
    ends = now + timedelta(hours=8)
    ruth = stage.cast.people["ruth"]
    people.plan_shift(SYSTEM, person=ruth, role=Role.RELEASE_AUTHORITY, starts_at=now, ends_at=ends)
    rows = [r for g in owing.front(stage.cast.ana, "mine", now) for r in g.rows]
    assert {r.next for r in rows} == {"Ruth Rivera"}


def test_time_moves_a_duty_up_the_page(stage: Stage, virtual: VirtualClock) -> None:
    seen = []
    for wait in (
        timedelta(),
        timedelta(hours=3, minutes=10),
        timedelta(minutes=40),
        timedelta(minutes=20),
    ):
        virtual.advance(wait)
        seen.append([g.key for g in owing.front(stage.cast.ana, "mine", virtual.now())])
    assert seen == [["later"], ["hour"], ["soon"], ["overdue"]]


def test_queue_work_is_one_row_that_leads_to_the_queue(stage: Stage) -> None:
    for _ in range(5):
        flag(stage.cast, ["weapons"])
    (group,) = owing.front(stage.cast.ana, "mine", _now())
    assert group.count == 8
    assert [r.what for r in group.rows] == ["Assess 8 flagged reports"]


def test_the_page_costs_the_same_queries_however_much_is_owed(stage: Stage) -> None:
    client = as_(stage, "rhea")
    client.get("/?show=all")
    with CaptureQueriesContext(connection) as few:
        client.get("/?show=all")
    for _ in range(12):
        flag(stage.cast, ["weapons"])
    with CaptureQueriesContext(connection) as many:
        client.get("/?show=all")
    assert len(many) <= len(few) + 1
    assert len(many) < 40


def test_empty_pages_say_what_would_come(stage: Stage) -> None:
    assert "Nothing is owed by you" in text(as_(stage, "otto"), "/")


def test_the_menu_holds_what_one_may_use(stage: Stage) -> None:
    def menu(name: str) -> set[str]:
        page = as_(stage, name).get("/")
        return {item["label"] for item in page.context["nav"]}

    assert {"Owed", "Queue", "Record", "Search", "Shifts"} <= menu("ana")
    assert "Admin" not in menu("ana")
    assert not {"Queue", "Record", "Directory"} & menu("paul")
    assert not {"Queue", "Search", "Record", "Warnings"} & menu("ada")


def test_the_rail_says_when_nobody_works(stage: Stage, virtual: VirtualClock) -> None:
    page = text(as_(stage, "ana"), "/owed/rail")
    assert "not running" in page
    virtual.advance(timedelta(hours=4, seconds=5))
    assert "late, by" in text(as_(stage, "ana"), "/owed/rail")
    while duties.fire_due():
        pass
    assert "all on time" in text(as_(stage, "ana"), "/owed/rail")


def test_all_of_a_group_by_pages(stage: Stage) -> None:
    for _ in range(55):
        flag(stage.cast, ["weapons"])
    page = text(as_(stage, "rhea"), "/owed/later?show=all")
    assert page.count("owed-row") == 50
    rest = text(as_(stage, "rhea"), "/owed/later?show=all&from=50")
    assert 8 <= rest.count("owed-row") < 50


# ---------- exercise ----------


def test_an_exercise_is_announced_and_moves_the_clock(stage: Stage, virtual: VirtualClock) -> None:
    from tocsin.kernel import clock  # noqa: PLC0415

    site_clock.forget()
    client = as_(stage, "ana")
    assert "EXERCISE" not in text(client, "/me")
    Site.objects.create(id=1, exercise="january-6", clock_offset_us=-3600 * 10**6)
    site_clock.forget()
    try:
        with clock.use(virtual):
            assert "EXERCISE" in text(client, "/me")
    finally:
        site_clock.forget()


# ---------- the record ----------


def test_every_kind_of_entry_has_words() -> None:
    assert set(kinds()) - told.known() == set()


def test_a_subject_is_told_in_order_with_places_and_content(stage: Stage) -> None:
    page = text(as_(stage, "ines"), f"/record/{stage.warning}")
    assert (
        page.index("Began the draft")
        < page.index("Handed in for review")
        < page.index("Released the warning")
    )
    assert "North doors named for the march" in page


def test_sealed_content_is_named_but_not_shown(stage: Stage) -> None:
    secret = Vault.objects.filter(subject=stage.report, sealed=True)
    secret.update(body={"text": "the words as they came in"})
    page = text(as_(stage, "ines"), f"/record/{stage.report}")
    assert "sealed" in page
    assert "as they came in" not in page


def test_hidden_and_absent_are_the_same(stage: Stage) -> None:
    otto = as_(stage, "otto")
    hidden = text(otto, f"/record/{stage.warning}", 404)
    absent = text(otto, "/record/wrn_00000000000000000000", 404)
    assert _words(hidden) == _words(absent)


def test_a_person_is_no_subject(stage: Stage) -> None:
    text(as_(stage, "ines"), f"/record/{stage.cast.people['ana']}", 404)


def test_partners_read_no_record(stage: Stage) -> None:
    text(as_(stage, "paul"), f"/record/{stage.warning}", 403)


def test_a_first_decision_is_kept_from_the_second_reader(stage: Stage) -> None:
    from tocsin.assess.terms import Disposition, Speech, Worksheet  # noqa: PLC0415

    report = flag(stage.cast, ["weapons"])
    why = "Nothing in it but anger at a vote."
    sheet = Worksheet(speech=Speech.PROTECTED, disposition=Disposition.NO_REPORT, reason=why)
    assess.decide(stage.cast.ned, report=report.id, version=report.version, sheet=sheet)
    mine, theirs = (text(as_(stage, n), f"/record/{report.id}") for n in ("ned", "ana"))
    assert "Nothing in it but anger" in mine
    assert "Nothing in it but anger" not in theirs
    assert "when the second reader has decided" in theirs
    assert "no report" not in theirs.lower()
    assert "Nothing in it but anger" not in text(as_(stage, "ana"), "/search?q=anger")


def test_the_download_is_a_table_that_no_spreadsheet_runs(stage: Stage) -> None:
    answer = as_(stage, "ines").get(f"/record/{stage.warning}/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert rows[0]["what"] == "Began the draft"
    assert [int(r["number"]) for r in rows] == sorted(int(r["number"]) for r in rows)
    from tocsin.web.pages.record import _cell  # noqa: PLC0415

    assert _cell("=HYPERLINK(1)").startswith("'")


# ---------- search ----------


def test_search_finds_what_one_may_see_and_marks_the_words(stage: Stage) -> None:
    page = text(as_(stage, "ana"), "/search?q=north+doors")
    assert stage.warning in page
    assert "<mark>north</mark>" in page
    assert searching.search(stage.cast.otto, searching.Asked(words="north")) == []


def test_search_never_looks_into_what_is_sealed(stage: Stage) -> None:
    def found() -> set[str]:
        hits = searching.search(stage.cast.ines, searching.Asked(words="north", kind="reports"))
        return {h.id for group in hits for h in group.hits}

    assert stage.report in found()
    Vault.objects.filter(id=Report.objects.get(id=stage.report).content).update(sealed=True)
    assert stage.report not in found()


def test_search_filters(stage: Stage, virtual: VirtualClock) -> None:
    def found(**asked: Any) -> set[str]:
        hits = searching.search(stage.cast.ana, searching.Asked(**asked))
        return {h.id for group in hits for h in group.hits}

    assert found(words="north", kind="rfis") == {stage.rfi}
    assert found(words="tunnels", operation=stage.cast.march) == {stage.dissent}
    assert stage.report in found(precedence="IMMEDIATE", kind="reports")
    assert found(words="north", since=virtual.now() + timedelta(days=1)) == set()
    assert stage.draft in found(words="north", kind="warnings", state="open")
    assert found(words="north", kind="warnings", state="closed") == set()


def test_markup_in_what_was_found_stays_text(stage: Stage) -> None:
    flag(stage.cast, ["weapons"], text="zebra <script>alert(1)</script> 5 < 6 & zebra")
    page = text(as_(stage, "ana"), "/search?q=zebra")
    assert "<script>alert" not in page
    assert "5 &lt; 6 &amp; <mark>zebra</mark>" in page


def test_searches_are_kept_and_forgotten_by_their_owner(stage: Stage) -> None:
    ana, rhea = as_(stage, "ana"), as_(stage, "rhea")
    ana.post("/search/save", {"name": "doors", "q": "north", "kind": "reports"})
    kept = SavedSearch.objects.get()
    assert "doors" in text(ana, "/search")
    assert "doors" not in text(rhea, "/search")
    rhea.post(f"/search/{kept.id}/forget")
    assert SavedSearch.objects.count() == 1
    ana.post(f"/search/{kept.id}/forget")
    assert SavedSearch.objects.count() == 0


# ---------- people ----------


def test_a_note_goes_from_one_shift_to_the_next(stage: Stage) -> None:
    assert "watch the north doors" in text(as_(stage, "ned"), "/shifts")
    note = Handover.objects.get()
    as_(stage, "ned").post("/shifts", {"act": "read", "handover": note.id})
    assert Handover.objects.get().read_by == stage.cast.people["ned"]
    assert "read by Ned Novak" in text(as_(stage, "ana"), "/shifts")
    assert "north doors" not in text(as_(stage, "otto"), "/shifts")


def test_what_was_typed_is_kept_beside_what_is_wrong(stage: Stage) -> None:
    answer = as_(stage, "lou").post(
        "/shifts",
        {
            "act": "plan",
            "person": stage.cast.people["ana"],
            "plan_role": "collector",
            "starts_at": "2026-03-05T18:00",
            "ends_at": "2026-03-05T06:00",
        },
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "ends before it starts" in page
    assert 'value="2026-03-05T18:00"' in page


def test_notices_come_and_are_marked_as_seen(stage: Stage, virtual: VirtualClock) -> None:
    virtual.advance(timedelta(hours=4, seconds=1))
    duties.fire_due()
    ana = as_(stage, "ana")
    page = text(ana, "/notices")
    assert "Assess a flagged report" in page
    assert "Seen<span" in page
    shown = [f"{f['notice'].duty} {f['notice'].rung}" for f in ana.get("/notices").context["found"]]
    ana.post("/notices/see", {"shown": shown})
    assert "Nothing new" in text(ana, "/notices")
    assert "Assess a flagged report" in text(ana, "/notices?show=all")


# ---------- refusals ----------


def test_a_refusal_is_a_page_for_people_and_a_problem_for_programs(stage: Stage) -> None:
    ana = as_(stage, "ana")
    assert "There is nothing here for you" in text(ana, "/record/wrn_none", 404)
    assert "There is nothing here for you" in text(ana, "/nowhere/at/all", 404)
    answer = ana.get("/record/wrn_none", headers={"Accept": "application/json"})
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"
    part = ana.get("/record/wrn_none", headers={"HX-Request": "true"})
    assert (part.status_code, part.content) == (404, b"")
    assert "no%20such%20thing" in part["Tocsin-Message"]


@pytest.mark.usefixtures("db")
def test_a_part_never_becomes_the_page_to_sign_in_on() -> None:
    answer = Client().get("/owed/part", headers={"HX-Request": "true"})
    assert answer.status_code == 401


def test_what_was_shown_is_not_kept_by_a_shared_computer(stage: Stage) -> None:
    answer = as_(stage, "ana").get("/")
    assert "no-store" in answer["Cache-Control"]
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert answer["Permissions-Policy"]


def _now() -> Any:
    from tocsin.kernel import clock  # noqa: PLC0415

    return clock.now()


def _words(page: str) -> str:
    start = page.index("<main")
    return page[start : page.index("Number for your administrator")]
