"""What oversight decides: waits, what the gate calls readable, what bears on an operation, how long somebody held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.oversee import rules
from tocsin.oversee.redaction import paper
from tocsin.oversee.rules import Event, leaks
from tocsin.oversee.terms import Bears, Verb

NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NOW.replace(hour=17) + timedelta(minutes=minute)


def test_delivered_at_17_17_and_opened_at_17_40_is_a_wait_of_23_minutes() -> None:
    found = rules.waits([Event("a", Verb.DELIVERED, at(17)), Event("a", Verb.OPENED, at(40))], NOW)
    assert [(w.begin, w.end, w.lasted(NOW)) for w in found] == [
        (Verb.DELIVERED, Verb.OPENED, timedelta(minutes=23)),
        (Verb.OPENED, Verb.ACKNOWLEDGED, timedelta(minutes=20)),
    ]
    assert [w.until for w in found] == [at(40), None]


def test_what_was_never_opened_waits_until_now_and_is_told_once() -> None:
    found = rules.waits([Event("a", Verb.SENT, at(10)), Event("a", Verb.DELIVERED, at(11))], NOW)
    assert [(w.begin, w.end, w.until, w.lasted(NOW)) for w in found] == [
        (Verb.DELIVERED, Verb.OPENED, None, timedelta(minutes=49))
    ]


def test_a_short_wait_is_not_marked_and_lines_are_kept_apart() -> None:
    quick = [
        Event("a", Verb.DELIVERED, at(1)),
        Event("a", Verb.OPENED, at(2)),
        Event("a", Verb.ACKNOWLEDGED, at(3)),
    ]
    assert rules.waits(quick, NOW) == []
    assert len(rules.waits([*quick, Event("b", Verb.DELIVERED, at(1))], NOW)) == 1


@pytest.mark.parametrize(
    "found",
    [
        "the caller JOHN  withheldson said",
        "john with-\nheldson",
        "John\nWithheldson",
        "ｊｏｈｎ withheldson",
        "xxJohnWithheldsonxx",
    ],
)
def test_the_gate_reads_over_lines_hyphens_case_and_compatibility_forms(found: str) -> None:
    assert leaks("John Withheldson", found)


def test_a_short_word_leaks_as_a_word_only() -> None:
    assert leaks("Al", "and Al, too")
    assert not leaks("Al", "also calm")
    assert not leaks("  ", "anything")


def test_occurrences_are_whole_words_over_any_space() -> None:
    text = "north  doors, North\ndoors and the northdoors"
    assert [text[a:b] for a, b in rules.occurrences(text, "north doors")] == [
        "north  doors",
        "North\ndoors",
    ]
    assert rules.occurrences("marching march", "march") == [(9, 14)]


@given(
    st.text(min_size=1, max_size=200),
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 40)), max_size=6),
)
def test_pieces_hold_exactly_what_no_mark_covers(
    text: str, given_spans: list[tuple[int, int]]
) -> None:
    spans = [(a, min(len(text), a + n), "(b)(6)") for a, n in given_spans if a < len(text)]
    covered = {i for a, b, _ in spans for i in range(a, b)}
    kept = "".join(c for i, c in enumerate(text) if i not in covered)
    assert "".join(p.words for p in paper.pieces(text, spans)) == kept


def test_a_release_tells_nothing_by_width() -> None:
    def made(secret: str) -> tuple[bytes, str]:
        text = f"The caller {secret} said the radios were not collected."
        items = [paper.Item(1, "report", (paper.Text("Text", text),))]
        marks = [
            paper.Withheld(0, 0, 11, 11 + len(secret), "(b)(6)", "", "It would name a caller.")
        ]
        frame = paper.Frame("Records", "F-1", "Fusion centre", NOW)
        return paper.as_pdf(frame, items, marks), paper.as_html(frame, items, marks)

    assert made("Al") == made("Wilhelmina Featherstonehaugh-Withheldson")


@pytest.mark.parametrize(
    ("ground", "statute", "harm", "field"),
    [
        ("(b)(99)", "", "it would harm them", "exemption"),
        ("(b)(3)", "", "it would harm them", "statute"),
        ("(b)(6)", "", "no", "harm"),
    ],
)
def test_a_ground_needs_its_statute_and_its_harm(
    ground: str, statute: str, harm: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        rules.check_ground(ground, statute, harm)
    assert refused.value.field == field


def test_only_a_second_person_approves_what_they_read() -> None:
    rules.check_approver("PROPOSED", "b", ["a"], 3, 3)
    with pytest.raises(Forbidden):
        rules.check_approver("PROPOSED", "a", ["a"], 3, 3)
    with pytest.raises(Conflict):
        rules.check_approver("PROPOSED", "b", ["a"], 4, 3)
    with pytest.raises(Conflict):
        rules.check_approver("DRAFT", "b", ["a"], 3, 3)


@pytest.mark.parametrize(
    ("topic", "venue", "agencies", "place", "members", "why"),
    [
        ("radio", "", [], "The Mall", {"fusion", "ess"}, Bears.OWNER),
        ("radio", "", ["metro"], "The Mall", {"metro"}, Bears.AGENCY),
        ("radio", "", [], "The Mall", {"metro"}, Bears.GENERAL),
        ("sweeps", "farm-show", [], "The Farm Show grounds", {"metro"}, Bears.VENUE),
        ("sweeps", "farm-show", [], "The Mall", {"ess"}, None),
        ("records", "", [], "The Mall", {"metro"}, None),
    ],
)
def test_what_bears_on_an_operation(
    topic: str, venue: str, agencies: list[str], place: str, members: set[str], why: Bears | None
) -> None:
    found = rules.bears_on(
        topic=topic, venue=venue, owner="ess", agencies=agencies, place=place, members=members
    )
    assert found is why


def test_days_held_are_counted_by_holder() -> None:
    holds: list[dict[str, str | None]] = [
        {
            "by": "per_a",
            "at": (NOW - timedelta(days=100)).isoformat(),
            "lifted_at": (NOW - timedelta(days=40)).isoformat(),
        },
        {"by": "per_b", "at": (NOW - timedelta(days=30)).isoformat(), "lifted_at": None},
        {"by": "per_a", "at": (NOW - timedelta(days=5)).isoformat(), "lifted_at": NOW.isoformat()},
    ]
    assert rules.days_held(holds, NOW) == {"per_a": 65, "per_b": 30}
