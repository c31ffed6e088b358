"""Tips: given without a name, always read by a person, answered by a code that nobody else has."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tests.cast import Cast, make_cast
from tocsin.collect import actions as collect
from tocsin.collect import store
from tocsin.collect.actions.tips import PER_DEVICE, TooOften
from tocsin.collect.models import Report, Tip, TipQuestion, Visit
from tocsin.collect.terms import Item, SourceKind
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people.actions import unmask
from tocsin.people.visibility import marking_of
from tocsin.record.models import Entry, Vault
from tocsin.record.store import content
from tocsin.screen.actions import answer_question, give_tip, take_in

pytestmark = pytest.mark.usefixtures("db")
SEEN = "Somebody let a stranger into the boiler room of the north hall, twice."


@pytest.fixture
def cast(virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def line(cast: Cast) -> str:
    return collect.add_source(
        cast.ana,
        kind=SourceKind.TIP,
        name="Tip line",
        authority="public-tip",
        purpose="threat-to-place",
    )


def give(line: str, **fields: Any) -> tuple[str, Report]:
    code = give_tip(source=line, **{"what": SEEN, **fields})
    return code, Report.objects.latest("id")


def test_a_tip_is_always_for_a_persons_eye_whatever_its_score(cast: Cast, line: str) -> None:
    code, report = give(line, where="Parking house", when="Tuesday")
    assert re.fullmatch(r"(\w{4}-){3}\w{4}", code)
    assert (report.score, report.precedence, report.kind, report.author) == (
        0,
        "ROUTINE",
        "tip",
        "",
    )
    shown = store.texts([report])[report.id]["text"]
    assert SEEN in shown
    assert "Where: Parking house" in shown
    assert "When: Tuesday" in shown
    assert Duty.objects.get(kind="assess").subject == report.id
    _, urgent = give(line, what="He said he will shoot the governor at the Capitol tomorrow")
    assert urgent.score > 0
    assert urgent.precedence != "ROUTINE"


def test_the_code_is_kept_nowhere_and_a_wrong_one_finds_nothing(cast: Cast, line: str) -> None:
    code, report = give(line)
    plain = code.replace("-", "")
    everything = [bytes(e.body).decode() for e in Entry.objects.all()] + [
        str(v.body) for v in Vault.objects.all()
    ]
    everything += [str(vars(t)) for t in Tip.objects.all()]
    assert not any(code in text or plain in text for text in everything)
    assert collect.tip_of(code.upper().replace("-", " ")).report == report.id
    for wrong in ("", "0000-0000-0000-0000", code[:-1]):
        with pytest.raises(NotFound):
            collect.tip_of(wrong)


def test_a_contact_is_sealed_and_opened_only_for_a_reason(cast: Cast, line: str) -> None:
    _, report = give(line, contact="Jo, 202-555-0147")
    tip = Tip.objects.get(report=report.id)
    assert Vault.objects.get(id=tip.contact).sealed
    assert "0147" not in str(store.texts([report]))
    with pytest.raises(Forbidden):
        unmask(
            cast.ana, vault=tip.contact, marking=marking_of(tip), reason="curious about this one"
        )
    opened = unmask(
        cast.rhea, vault=tip.contact, marking=marking_of(tip), reason="to ask which roof it was"
    )
    assert opened == {"contact": "Jo, 202-555-0147"}
    _, unnamed = give(line)
    assert Tip.objects.get(report=unnamed.id).contact == ""


def test_a_question_waits_under_the_code_and_its_answer_owes_a_look(
    cast: Cast, line: str, virtual: VirtualClock
) -> None:
    code, report = give(line)
    question = collect.ask_tipster(cast.ana, report=report.id, text="Which side of the roof?")
    virtual.advance(timedelta(hours=20))
    answer_question(code=code, question=question, text="East. My number is 202-555-0147.")
    (exchange,) = store.tip_exchange(report.id)
    assert exchange["question"] == "Which side of the roof?"
    assert "East" in exchange["answer"]
    assert "0147" not in exchange["answer"]
    duty = Duty.objects.get(kind="answer_tip")
    assert (duty.subject, duty.discharged_at) == (report.id, None)
    assert list(store.unread_tips(cast.ana)) == [report]
    assert not store.unread_tips(cast.otto).exists()
    with pytest.raises(Conflict):
        answer_question(code=code, question=question, text="twice")
    answer_question(code=code, text="He will shoot the governor at the Capitol tomorrow")
    assert Duty.objects.filter(kind="answer_tip", discharged_at=None).count() == 1
    assert collect.read_answers(cast.ana, report=report.id) == 2
    assert not Duty.objects.filter(kind="answer_tip", discharged_at=None).exists()
    with pytest.raises(Conflict):
        collect.read_answers(cast.ana, report=report.id)


def test_an_answer_that_is_a_threat_is_owed_as_urgently_as_its_words_demand(
    cast: Cast, line: str
) -> None:
    code, _ = give(line)
    answer_question(code=code, text="He will shoot the governor at the Capitol tomorrow")
    assert Duty.objects.get(kind="answer_tip").precedence in ("IMMEDIATE", "FLASH")


def test_one_code_never_reaches_anothers_question(cast: Cast, line: str) -> None:
    code, _ = give(line)
    _, other = give(line, what="Somebody left a suitcase beside the north door.")
    question = collect.ask_tipster(cast.ana, report=other.id, text="What colour is it?")
    with pytest.raises(NotFound):
        answer_question(code=code, question=question, text="blue")
    assert not TipQuestion.objects.exclude(answer="").exists()


def test_strangers_and_other_agencies_cannot_ask_or_read(cast: Cast, line: str) -> None:
    _, report = give(line)
    plain = take_in(
        collect.add_source(
            cast.ana,
            kind=SourceKind.API,
            name="x",
            authority="open-source-threat",
            purpose="threat-to-life",
        ),
        [Item("1", "We are going to shoot the senators at the Capitol")],
    ).reports[0]
    with pytest.raises(NotFound):
        collect.ask_tipster(cast.otto, report=report.id, text="Who are you?")
    with pytest.raises(Forbidden):
        collect.ask_tipster(cast.paul, report=report.id, text="Who are you?")
    with pytest.raises(NotFound, match="no tip"):
        collect.ask_tipster(cast.ana, report=plain, text="Who are you?")
    with pytest.raises(Invalid):
        collect.ask_tipster(cast.ana, report=report.id, text="?")


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("what", {"what": "   "}),
        ("what", {"what": "x" * 8001}),
        ("contact", {"contact": "x" * 301}),
    ],
)
def test_a_tip_without_words_or_beyond_bounds_is_refused(
    cast: Cast, line: str, field: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as refused:
        give(line, **fields)
    assert refused.value.field == field
    assert not Report.objects.exists()
    assert not Tip.objects.exists()


def test_a_closed_tip_line_takes_none(cast: Cast, line: str) -> None:
    collect.pause_source(cast.ana, source=line, version=1, reason="moved elsewhere")
    with pytest.raises(Conflict):
        give(line)
    with pytest.raises(NotFound):
        give_tip(source="src_none", what=SEEN)


def test_a_visitor_is_counted_without_being_kept(cast: Cast, virtual: VirtualClock) -> None:
    for _ in range(PER_DEVICE):
        collect.count_visit("203.0.113.9", "Browser/1")
    with pytest.raises(TooOften):
        collect.count_visit("203.0.113.9", "Browser/1")
    collect.count_visit("203.0.113.9", "Browser/2")
    collect.count_visit("198.51.100.7", "Browser/1")
    assert "203" not in "".join(v.visitor for v in Visit.objects.all())
    virtual.advance(timedelta(hours=1))
    collect.count_visit("203.0.113.9", "Browser/1")
    virtual.advance(timedelta(days=2))
    collect.count_visit("203.0.113.9", "Browser/1")
    assert Visit.objects.count() == 2, "yesterday's marks are gone"


def test_the_public_page_from_tip_to_answer(cast: Cast, line: str, client: Client) -> None:
    page = client.get("/tip").content.decode()
    assert "911" in page
    assert "You need not say who you are" in page
    given = client.post("/tip", {"line": line, "what": SEEN, "where": "here"})
    assert given.status_code == 200
    assert "sessionid" not in given.cookies
    code = re.search(r'class="tip-code">([^<]+)<', given.content.decode())[1]  # type: ignore[index]
    report = Report.objects.get()
    analyst = Client()
    analyst.force_login(cast.account("ana"))
    assert SEEN in analyst.get(f"/reports/{report.id}/tip").content.decode()
    analyst.post(f"/reports/{report.id}/tip/act", {"act": "ask", "text": "Which roof?"})
    shown = client.post("/tip/status", {"code": code}).content.decode()
    assert "Which roof?" in shown
    assert SEEN not in shown, "the code shows questions, not the tip"
    question = TipQuestion.objects.get().id
    answered = client.post(
        "/tip/status",
        {"code": code, "act": "answer", "question": question, "answer": "The east one"},
    )
    assert "Thank you" in answered.content.decode()
    assert "The east one" in analyst.get(f"/reports/{report.id}/tip").content.decode()
    assert client.post("/tip/status", {"code": "0000"}).status_code == 404
    stranger = Client()
    assert stranger.get(f"/reports/{report.id}/tip").status_code == 302
    stranger.force_login(cast.account("otto"))
    assert stranger.get(f"/reports/{report.id}/tip").status_code == 404
    assert stranger.post(f"/reports/{report.id}/tip/act", {"act": "read"}).status_code == 404


def test_the_public_page_keeps_what_was_typed_and_nothing_of_programs(
    cast: Cast, line: str, client: Client
) -> None:
    wrong = client.post("/tip", {"line": line, "what": "short", "where": "by the fountain"})
    assert wrong.status_code == 422
    assert "by the fountain" in wrong.content.decode()
    robot = client.post("/tip", {"line": line, "what": SEEN, "website": "http://spam.example"})
    assert robot.status_code == 200
    assert not Report.objects.exists()
    codes = [
        client.post("/tip", {"line": line, "what": SEEN + str(n)}).status_code
        for n in range(PER_DEVICE)
    ]
    assert codes[-1] == 429
    assert content(Report.objects.earliest("id").original)["text"].startswith(SEEN)
