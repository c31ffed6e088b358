"""The pages of triage, situations, concerns and questions, as people use them: plain forms, no script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.cast import Cast, make_cast
from tests.stories.flagged import flag
from tocsin.assess import actions, rules, store
from tocsin.assess.models import Assessment, Dissent, Rfi, Situation, Standing
from tocsin.assess.terms import Disposition, Speech, Worksheet
from tocsin.collect.models import Report
from tocsin.duties.terms import Precedence
from tocsin.kernel.clock import VirtualClock
from tocsin.people.terms import Role

Page = Callable[..., Any]
SHEET = {
    "kind": "assess",
    "version": "1",
    "back": "queue",
    "speech": "hyperbole",
    "reliability": "C",
    "credibility": "6",
    "disposition": "no_report",
    "reason": "plain talk",
}
TALK = Worksheet(speech=Speech.HYPERBOLE, disposition=Disposition.NO_REPORT, reason="plain talk")


@pytest.fixture
def cast(db: None, virtual: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Cast:
    monkeypatch.setattr(rules, "draw", lambda key, report: 99)
    return make_cast()


def signed_in(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.account(name))
    return client


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_the_queue_shows_the_most_urgent_first_with_why_and_the_next_after_deciding(
    cast: Cast,
) -> None:
    flag(cast, ["weapons"], text="the second one")
    first = flag(cast, ["weapons"], text="the first one", precedence=Precedence.IMMEDIATE)
    ana = signed_in(cast, "ana")
    page = text(ana.get("/queue"))
    assert page.index("the first one") < page.index("the second one")
    assert "It shows weapons." in page
    assert "Race, ethnicity, faith, nationality and politics are never grounds" in page
    answer = ana.post(f"/reports/{first.id}/decide", {**SHEET, "following": "rpt_next"})
    assert (answer.status_code, answer["Location"]) == (302, "/queue?report=rpt_next")
    assert Standing.objects.get(report=first.id).disposition == "no_report"
    assert "the first one" not in text(ana.get("/queue"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"speech": ""}, "speech"),
        ({"disposition": "report"}, "say how likely"),
        ({"behaviours": ["photography"]}, "what makes it suspicious here"),
        ({"speech": "true_threat", "specifics": ["place"]}, "The rules say “Report it”"),
        ({"reason": ""}, "Say why"),
        ({"version": "2"}, "changed since you opened it"),
    ],
)
def test_a_worksheet_with_a_gap_comes_back_as_typed(
    cast: Cast, change: dict[str, Any], words: str
) -> None:
    report = flag(cast, ["weapons"])
    for back in ("queue", "report"):
        sheet = {**SHEET, "reason": "my long reason", "back": back, **change}
        answer = signed_in(cast, "ana").post(f"/reports/{report.id}/decide", sheet)
        assert answer.status_code in (409, 422)
        assert words.lower() in text(answer).lower()
        if "reason" not in change:
            assert "my long reason" in text(answer)
    assert Report.objects.get(id=report.id).state == "OPEN"


def test_the_rules_advise_while_the_form_is_filled_in(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    ana = signed_in(cast, "ana")
    found = ana.post(
        f"/reports/{report.id}/recommend", {"speech": "true_threat", "specifics": ["place"]}
    )
    assert "recommend <b>report it</b>" in text(found)
    assert 'value="report" data-key="r" required checked' in text(found)
    departing = {"speech": "true_threat", "specifics": ["place"], "disposition": "no_report"}
    assert "Why not what the rules recommend?" in text(
        ana.post(f"/reports/{report.id}/recommend", departing)
    )


def test_undo_by_its_button_within_the_minute(cast: Cast, virtual: VirtualClock) -> None:
    report = flag(cast, ["weapons"])
    ana = signed_in(cast, "ana")
    ana.post(f"/reports/{report.id}/decide", SHEET)
    decision = Assessment.objects.get().id
    assert f"/assessments/{decision}/undo" in text(ana.get("/queue"))
    assert ana.post(f"/assessments/{decision}/undo").status_code == 302
    assert Report.objects.get(id=report.id).state == "OPEN"
    ana.post(f"/reports/{report.id}/decide", SHEET)
    virtual.advance(timedelta(minutes=2))
    assert "/undo" not in text(ana.get("/queue"))


def test_a_second_reader_sees_neither_decision_nor_own_work(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    signed_in(cast, "ned").post(
        f"/reports/{report.id}/decide", {**SHEET, "reason": "only a song lyric"}
    )
    assert report.id not in text(signed_in(cast, "ned").get("/queue?tab=second_reading"))
    ana = signed_in(cast, "ana")
    assert report.id in text(ana.get("/queue?tab=second_reading"))
    page = text(ana.get(f"/reports/{report.id}"))
    assert "only a song lyric" not in page
    assert "stays hidden until you have decided" in page
    second = {**SHEET, "kind": "second_reading", "back": "report", "reason": "same to me"}
    assert ana.post(f"/reports/{report.id}/decide", second).status_code == 302
    assert "only a song lyric" in text(ana.get(f"/reports/{report.id}"))


def test_nobody_is_offered_their_own_decision_or_a_difference_they_are_party_to(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "draw", lambda key, report: 0)
    report = flag(cast, ["weapons"])
    actions.decide(cast.ana, report=report.id, version=1, sheet=TALK)
    second = "/queue?tab=second_reading"
    assert report.id not in text(signed_in(cast, "ana").get(second))
    assert report.id in text(signed_in(cast, "rhea").get(second))
    more = Worksheet(speech=Speech.PLANNING, disposition=Disposition.NEEDS_MORE, reason="which?")
    actions.second_read(cast.rhea, report=report.id, version=1, sheet=more)
    assert report.id not in text(signed_in(cast, "rhea").get("/queue?tab=settle"))
    assert report.id in text(signed_in(cast, "ruth").get("/queue?tab=settle"))


def test_settling_on_the_page(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    actions.decide(cast.ned, report=report.id, version=1, sheet=TALK)
    more = Worksheet(speech=Speech.PLANNING, disposition=Disposition.NEEDS_MORE, reason="which?")
    actions.second_read(cast.ana, report=report.id, version=1, sheet=more)
    rhea = signed_in(cast, "rhea")
    page = text(rhea.get("/queue?tab=settle"))
    assert "Two readers differ" in page
    assert "plain talk" in page
    sheet = {**SHEET, "kind": "settle", "reason": "the second reader is wrong here"}
    assert rhea.post(f"/reports/{report.id}/decide", sheet).status_code == 302
    assert Standing.objects.get(report=report.id).stage == "DECIDED"


def test_behind_the_mask_for_a_reason_only(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    assert "Behind the mask" not in text(signed_in(cast, "ana").get(f"/reports/{report.id}"))
    rhea = signed_in(cast, "rhea")
    address = f"/reports/{report.id}/original"
    assert rhea.post(address, {"reason": ""}).status_code == 422
    shown = rhea.post(address, {"reason": "needed to warn the person named"})
    assert "Shown once" in text(shown)
    assert shown["Cache-Control"] == "no-store"


def test_a_situation_from_alarm_to_draft(cast: Cast) -> None:
    flag(cast, ["weapons", "call-to-arms", "travel-and-muster"])
    there = store.picture_id(cast.march)
    ana = signed_in(cast, "ana")
    page = text(ana.get(f"/situations/{there}"))
    assert "3 kinds of sign together" in page
    assert "3 of 6 on the checklist" in page
    assert f"/warnings/new?situation={there}" in page
    version = str(Situation.objects.get(id=there).version)
    whole = {
        "version": version,
        "text": "Arms, a call and a day, by several hands.",
        "likelihood": "even",
        "likelihood_percent": "50",
        "confidence": "low",
        "basis": "three posts, none confirmed",
        "decision": "keep_watching",
        "reason": "",
    }
    refused = ana.post(f"/situations/{there}/assess", whole)
    assert refused.status_code == 422
    assert "Arms, a call and a day" in text(refused)
    draft = ana.post(f"/situations/{there}/assess", {**whole, "decision": "draft"})
    assert draft["Location"] == f"/warnings/new?situation={there}"
    version = str(Situation.objects.get(id=there).version)
    watch = {"what": "watch", "version": version, "reason": "the organisers called it off"}
    assert ana.post(f"/situations/{there}/change", watch).status_code == 302
    assert "Arms, a call and a day" in text(ana.get(f"/situations/{there}"))


def test_a_topic_from_a_report(cast: Cast) -> None:
    report, other = flag(cast, ["weapons"]), flag(cast, ["weapons"])
    ana = signed_in(cast, "ana")
    assert ana.post(f"/reports/{report.id}/topic", {"title": " "}).status_code == 422
    made = ana.post(f"/reports/{report.id}/topic", {"title": "The north gate"})["Location"]
    topic = made.rsplit("/", 1)[1]
    assert ana.post(f"/reports/{other.id}/topic", {"situation": topic}).status_code == 302
    assert "The north gate" in text(ana.get("/situations"))
    out = {"what": "remove", "version": "2", "report": other.id, "reason": "another city"}
    assert ana.post(f"/situations/{topic}/change", out).status_code == 302
    close = {"what": "close", "version": "3", "reason": ""}
    assert ana.post(f"/situations/{topic}/change", close).status_code == 422
    close["reason"] = "moved to another topic"
    assert ana.post(f"/situations/{topic}/change", close).status_code == 302
    assert "The north gate" in text(ana.get("/situations?show=closed"))


def test_a_concern_and_its_answer(cast: Cast) -> None:
    paul, rhea = signed_in(cast, "paul"), signed_in(cast, "rhea")
    form = {"about": cast.march, "text": "Nobody looks at the sum of the posts."}
    assert paul.post("/dissents/new", {**form, "text": ""}).status_code == 422
    made = paul.post("/dissents/new", form)["Location"]
    assert "Nobody looks at the sum" in text(rhea.get("/dissents"))
    assert "Your answer" not in text(paul.get(made))
    assert "Your answer" in text(rhea.get(made))
    answer = {"version": "1", "text": "It is being assessed tonight."}
    assert rhea.post(f"{made}/answer", answer).status_code == 302
    assert "being assessed tonight" in text(paul.get(made))
    assert rhea.post(f"{made}/answer", answer).status_code == 409
    assert Dissent.objects.get().state == "ANSWERED"


def test_a_question_asked_extended_and_answered(cast: Cast, virtual: VirtualClock) -> None:
    ana, olga = signed_in(cast, "ana"), signed_in(cast, "olga")
    form = {
        "title": "Who holds the roof?",
        "text": "Which agency accepts the roof?",
        "to_agency": "capitol",
        "to_role": Role.OPERATION_LEAD.value,
        "operation": cast.march,
        "due_at": "",
    }
    assert ana.post("/rfis/new", form).status_code == 422
    form["due_at"] = "2026-03-03T09:00"
    made = ana.post("/rfis/new", form)["Location"]
    assert "Who holds the roof?" in text(olga.get("/rfis"))
    more = {"what": "extend", "version": "1", "due_at": "2026-03-03T20:00", "text": "no"}
    assert olga.post(f"{made}/change", more).status_code == 422
    more["text"] = "the owner answers tomorrow"
    assert olga.post(f"{made}/change", more).status_code == 302
    answer = {"what": "answer", "version": "2", "text": "We hold the roof."}
    assert olga.post(f"{made}/change", answer).status_code == 302
    assert "We hold the roof." in text(ana.get(made))
    assert "Who holds the roof?" in text(ana.get("/rfis?show=ended"))
    assert Rfi.objects.get().state == "ANSWERED"


def test_the_outsider_finds_every_door_shut(cast: Cast) -> None:
    report = flag(cast, ["weapons", "call-to-arms", "travel-and-muster"])
    there = store.picture_id(cast.march)
    dissent = actions.file_dissent(cast.ana, about=there, text="Nobody looks at the sum.")
    decision = actions.decide(cast.ana, report=report.id, version=1, sheet=TALK)
    gets = [
        f"/reports/{report.id}",
        f"/queue?report={report.id}",
        f"/situations/{there}",
        f"/operations/{cast.march}/picture",
        f"/dissents/{dissent}",
    ]
    posts = [
        (f"/reports/{report.id}/decide", SHEET),
        (f"/reports/{report.id}/recommend", SHEET),
        (f"/reports/{report.id}/original", {"reason": "curious about all this"}),
        (f"/reports/{report.id}/topic", {"title": "mine"}),
        (f"/assessments/{decision}/undo", {}),
        (
            f"/situations/{there}/change",
            {"what": "close", "version": "1", "reason": "over now, all"},
        ),
        (f"/dissents/{dissent}/answer", {"version": "1", "text": "nothing to answer"}),
        ("/dissents/new", {"about": report.id, "text": "let me see what it is"}),
    ]
    for who in ("otto", "ada"):
        client = signed_in(cast, who)
        for address in gets:
            assert client.get(address).status_code in (403, 404), address
        for address, data in posts:
            assert client.post(address, data).status_code in (403, 404), address
        for address in ("/queue", "/situations", "/dissents", "/rfis"):
            page = text(client.get(address))
            assert report.id not in page
            assert there not in page
    stranger = Client()
    for address in [*gets, "/queue", "/queue/list", "/situations", "/dissents", "/rfis"]:
        assert stranger.get(address).status_code == 302, address


def test_pages_ask_the_database_a_fixed_number_of_times(cast: Cast) -> None:
    ana = signed_in(cast, "ana")
    counts: dict[str, list[int]] = {}
    for rounds in range(2):
        for _ in range(3 + 9 * rounds):
            report = flag(cast, ["weapons"], text="one of many")
            actions.open_situation(
                cast.ana, title="a topic", operation=cast.march, reports=[report.id]
            )
        for address in ("/queue", "/situations", f"/situations/{store.picture_id(cast.march)}"):
            with CaptureQueriesContext(
                connection,
            ) as found:
                assert ana.get(address).status_code == 200
            asked = [q for q in found.captured_queries if "record_site" not in q["sql"]]
            counts.setdefault(address, []).append(len(asked))
    assert all(few == many for few, many in counts.values()), counts
