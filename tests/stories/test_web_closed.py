"""What the pages and the API keep closed: how a warning came about, notes of the watch, unread decisions,
and requests that no database can hold."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError
from django.test import Client, RequestFactory

from tests.cast import Cast, make_cast
from tests.stories.flagged import flag
from tests.stories.warned import in_review, now
from tocsin.api.site import api
from tocsin.assess import actions as assess
from tocsin.assess.terms import Disposition, Speech, Worksheet
from tocsin.collect.actions import add_source
from tocsin.collect.terms import SourceKind
from tocsin.kernel import clock
from tocsin.kernel.clock import VirtualClock
from tocsin.people import actions as people
from tocsin.people import tokens
from tocsin.people.models import Account
from tocsin.people.terms import SYSTEM, Role
from tocsin.record.sequencer import Sequencer
from tocsin.warn import actions
from tocsin.warn.models import Warning
from tocsin.warn.terms import DRAFTING, INSIDE, Act
from tocsin.web.pages.welcome import Seat

REASON = "The lawyers look at the second line."
TALK = Worksheet(speech=Speech.HYPERBOLE, disposition=Disposition.NO_REPORT, reason="a song lyric")


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def client(cast: Cast, name: str) -> Client:
    made = Client()
    made.force_login(cast.account(name))
    return made


def page(cast: Cast, name: str, address: str, status: int = 200) -> str:
    answer = client(cast, name).get(address)
    assert answer.status_code == status, answer.content.decode()[:500]
    return answer.content.decode()


def call(cast: Cast, name: str, path: str, **query: Any) -> Any:
    key = tokens.issue(SYSTEM, person=cast.people[name], name="test")
    return Client().get(f"/api/v1{path}", query, headers={"Authorization": f"Bearer {key}"})


def place() -> None:
    while Sequencer().step():
        pass


def held(cast: Cast, **changes: Any) -> Warning:
    row = in_review(cast, **changes)
    until = clock.now() + timedelta(hours=1)
    actions.hold(cast.rhea, warning=row.id, version=row.version, reason=REASON, until=until)
    return now(row.id)


def released_after_a_hold(cast: Cast) -> Warning:
    row = held(cast)
    actions.release(cast.rhea, warning=row.id, version=row.version)
    Warning.objects.filter(id=row.id).update(revision=2)
    return now(row.id)


# ---------- how a warning came about ----------


def test_recipients_read_the_warning_and_not_how_it_was_drafted(cast: Cast) -> None:
    row = released_after_a_hold(cast)
    address = f"/warnings/{row.id}"
    own = page(cast, "ana", address)
    assert REASON in own
    assert f"{address}/revisions" in own
    assert "Begun" in own
    page(cast, "ana", f"{address}/revisions")
    for name in ("olga", "paul", "mona"):
        theirs = page(cast, name, address)
        assert "North doors named" in theirs
        assert "Released" in theirs
        for inside in (REASON, f"{address}/revisions", "Begun", "Sent to review"):
            assert inside not in theirs, (name, inside)
        page(cast, name, f"{address}/revisions", status=404)


def test_the_record_of_a_shared_warning_begins_for_others_at_its_release(cast: Cast) -> None:
    row = released_after_a_hold(cast)
    place()
    assert REASON in page(cast, "ana", f"/record/{row.id}")
    assert REASON not in page(cast, "olga", f"/record/{row.id}")
    own = {e["kind"] for e in call(cast, "ana", f"/record/{row.id}").json()}
    assert {"warning.drafted", "warning.held", "warning.released"} <= own
    for path in (f"/record/{row.id}", "/feed"):
        found = call(cast, "olga", path).json()
        entries = found["entries"] if isinstance(found, dict) else found
        theirs = {e["kind"] for e in entries if e["subject"] == row.id}
        assert "warning.released" in theirs, path
        assert not theirs & DRAFTING, path


def test_the_lead_agency_reads_the_hold_while_it_reviews_and_the_list_keeps_a_refusal_inside(
    db: None, virtual: VirtualClock
) -> None:
    cast = make_cast(lead_agency="capitol", agencies=["fusion", "metro"])
    row = held(cast)
    assert REASON in page(cast, "olga", f"/warnings/{row.id}")
    why = "Nothing in it is new to anybody."
    actions.refuse(cast.rhea, warning=row.id, version=row.version, reason=why)
    theirs = page(cast, "olga", f"/warnings/{row.id}")
    assert REASON not in theirs
    assert why not in theirs
    assert why in page(cast, "ana", "/warnings?show=ended")
    assert why not in page(cast, "olga", "/warnings?show=ended")


def test_acts_inside_are_those_that_drafting_records() -> None:
    assert {f"warning.{act.value.lower()}" for act in INSIDE} == DRAFTING - {
        "warning.drafted",
        "warning.revised",
    }
    assert Act.RELEASED not in INSIDE


# ---------- notes of the watch, unread decisions ----------


def test_hand_over_notes_are_not_for_who_only_plans_shifts(cast: Cast) -> None:
    people.add_person(
        SYSTEM,
        username="abe",
        name="Abe Abel",
        agency="fusion",
        roles=[Role.ADMINISTRATOR],
        email="abe@fusion.example",
    )
    people.hand_over(cast.ana, role=Role.COLLECTOR, text="Watch the north doors.")
    assert "Watch the north doors." in page(cast, "ned", "/shifts")
    abe = Client()
    abe.force_login(Account.objects.get(username="abe"))
    answer = abe.get("/shifts")
    assert answer.status_code == 200
    assert b"Watch the north doors." not in answer.content
    assert b"read by those who stand the watch" in answer.content


def test_the_api_keeps_a_first_decision_from_the_second_reader(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    assess.decide(cast.ned, report=report.id, version=1, sheet=TALK)
    place()

    def kinds(name: str, path: str) -> set[str]:
        found = call(cast, name, path).json()
        entries = found["entries"] if isinstance(found, dict) else found
        return {e["kind"] for e in entries if e["subject"] == report.id}

    telling = {"report.assessed", "duty.discharged"}
    for path in (f"/record/{report.id}", "/feed"):
        assert telling <= kinds("ned", path), path
        assert not kinds("ana", path) & telling, path
        assert kinds("ana", path), path
    assess.second_read(cast.ana, report=report.id, version=1, sheet=TALK)
    place()
    assert telling <= kinds("ana", f"/record/{report.id}")


def test_the_feed_is_for_those_who_read_the_record(cast: Cast) -> None:
    assert call(cast, "paul", "/feed").status_code == 403
    assert call(cast, "ines", "/feed").status_code == 200


# ---------- what no database can hold ----------


@pytest.mark.parametrize(
    "address",
    ["/reports/rpt_%00", "/record/%00", "/situations?operation=%00", "/warnings?q=a%00b", "/%00"],
)
def test_a_nul_in_an_address_is_a_request_that_cannot_be_read(cast: Cast, address: str) -> None:
    assert "cannot be read" in page(cast, "ana", address, status=400)


@pytest.mark.parametrize("path", ["/reports/rpt_%00", "/record/%00", "/queue?after=%00"])
def test_a_nul_in_a_call_is_a_problem(cast: Cast, path: str) -> None:
    answer = call(cast, "ana", path)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_a_nul_in_a_form_and_in_a_body_is_refused(committed: None) -> None:
    cast = make_cast()
    ana = client(cast, "ana")
    answer = ana.post("/shifts", {"act": "read", "handover": "hnd_\x00"})
    assert answer.status_code == 400
    assert "cannot be read" in answer.content.decode()
    source = add_source(
        cast.ana,
        kind=SourceKind.API,
        name="County system",
        authority="open-source-threat",
        purpose="protect-event",
        operation=cast.march,
    )
    key = tokens.issue(SYSTEM, person=cast.people["ana"], name="test")
    threat = "We will storm the capitol building on saturday, bring your rifle"
    for item in ({"text": f"{threat}\x00", "key": "k"}, {"text": threat, "key": "k\x00"}):
        answer = Client().post(
            "/api/v1/reports",
            json.dumps({"source": source, "items": [item]}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}"},
        )
        assert answer.json()["flagged"] == 1, "intake takes the NUL out: no report is lost for it"


def test_what_no_column_holds_is_a_problem_of_the_call(rf: RequestFactory) -> None:
    answer = api.on_exception(rf.post("/api/v1/reports"), DataError("integer out of range"))
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert b"out of range" not in answer.content


ODD = ("²", "9" * 5000, "-3")


@pytest.mark.parametrize("odd", ODD, ids=["superscript", "long", "negative"])
def test_odd_numbers_break_no_page(cast: Cast, odd: str) -> None:
    row = released_after_a_hold(cast)
    ana, lou, ada = (client(cast, name) for name in ("ana", "lou", "ada"))
    for address in (
        f"/?from={odd}",
        f"/owed/overdue?from={odd}",
        f"/queue?first={odd}",
        f"/situations?first={odd}",
        f"/record?before={odd}",
        f"/warnings/{row.id}/revisions?from={odd}&to={odd}",
        f"/warnings?show=ended&page={odd}",
    ):
        assert ana.get(address).status_code < 500, address
    sent: list[tuple[Client, str, dict[str, str]]] = [
        (ana, f"/warnings/{row.id}/do/cancel", {"version": odd}),
        (ana, f"/warnings/{row.id}/edit", {"version": odd, "judgments": odd}),
        (ana, "/warnings/new", {"judgments": odd, "row": f"remove-{odd}"}),
        (ana, "/notices/see", {"duty": "dty_x", "rung": odd}),
        (lou, f"/operations/{cast.march}/edit", {"act": "join", "version": odd}),
        (lou, f"/operations/{cast.march}/cite", {"warning": row.id, "edition": odd}),
        (ada, f"/admin/people/{cast.people['ned']}", {"act": "end-key", "key": odd}),
    ]
    for who, address, form in sent:
        assert who.post(address, form).status_code < 500, address


def test_years_at_the_end_of_the_calendar_break_no_page(cast: Cast) -> None:
    ana, lou = client(cast, "ana"), client(cast, "lou")
    for field in ("since", "until"):
        answer = ana.get("/search", {"q": "doors", field: "9999-12-31"})
        assert answer.status_code == 422
        assert field in answer.content.decode()
    late = "9999-12-31T23:59"
    plan = {"act": "plan", "person": cast.people["ana"], "plan_role": "collector"}
    answer = lou.post("/shifts", {**plan, "starts_at": late, "ends_at": late})
    assert answer.status_code == 422
    assert "Give a year from 1970 to 2200" in answer.content.decode()
    question = {
        "to_agency": "capitol", "to_role": "partner",
        "title": "Roof", "text": "Who holds it?", "due_at": late,
    }  # fmt: skip
    assert ana.post("/rfis/new", question).status_code == 422
    move = {"act": "move", "version": "1", "starts_at": late, "ends_at": late}
    assert lou.post(f"/operations/{cast.march}/edit", move).status_code == 422


def test_the_first_page_names_a_role_in_words() -> None:
    assert Seat("rhea", role="release_authority").title == Role.RELEASE_AUTHORITY.title
    assert Seat("ann", role="Watch officer").title == "Watch officer"
