"""Severity never falls by what is added, whatever the order; "informed" never shows early; receipts only grow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.operate import rules
from tocsin.operate.rules import Friendly, Ground, HoldWhy, Receipt
from tocsin.operate.rules.hold import ASKED, Again, Settled, asks_again
from tocsin.operate.terms import ASKS_HOLD, Aggravator, Severity

NOW = datetime(2026, 7, 13, 18, 0, tzinfo=UTC)
aggravators = st.lists(st.sampled_from([a.value for a in Aggravator]), max_size=4)
said = st.lists(st.tuples(st.integers(0, 5), aggravators), max_size=6)


@given(start=st.integers(1, 5), relays=said)
def test_no_relay_lowers_or_drops(start: int, relays: list[tuple[int, list[str]]]) -> None:
    severity, known = start, list[str]()
    for stated, added in relays:
        before, had = severity, list(known)
        severity, known = rules.raised_to(severity, known, stated, added)
        assert severity >= before
        assert known[: len(had)] == had
        assert all(a in known for a in added)
        assert all(severity >= Aggravator(a).floor for a in added)


@given(relays=st.lists(st.tuples(st.integers(0, 5), aggravators), min_size=1, max_size=4))
def test_the_order_of_relays_does_not_matter(relays: list[tuple[int, list[str]]]) -> None:
    ends = set()
    for order in permutations(relays):
        severity, known = 1, list[str]()
        for stated, added in order:
            severity, known = rules.raised_to(severity, known, stated, added)
        ends.add((severity, frozenset(known)))
    assert len(ends) == 1


receipts = st.lists(
    st.builds(
        Receipt,
        seat=st.sampled_from(["role:a:lead", "post:1", "detail", "post:2"]),
        person=st.sampled_from(["", "p", "q", "r"]),
        must=st.booleans(),
        version=st.integers(0, 4),
    ),
    max_size=8,
)


@given(receipts, st.integers(1, 4))
def test_informed_means_somebody_answered_for_every_seat_that_must_know(
    rows: list[Receipt], version: int
) -> None:
    musts = {r.seat for r in rows if r.must}
    answered = {r.seat for r in rows if r.must and r.person and r.version >= version}
    assert rules.informed_version(rows, version) == (bool(musts) and musts == answered)


@given(receipts, st.integers(1, 4))
def test_nobody_unanswered_and_informed_agree(rows: list[Receipt], version: int) -> None:
    musts = [r for r in rows if r.must]
    if musts:
        assert rules.informed_version(musts, version) == (not rules.unanswered(musts, version))


@given(
    st.lists(
        st.tuples(st.sampled_from(["delivered", "opened", "acknowledged"]), st.integers(1, 5)),
        max_size=8,
    )
)
def test_receipts_only_grow(words: list[tuple[str, int]]) -> None:
    r = Receipt("s", "p", True)
    for word, version in words:
        after = rules.merged_receipt(r, word, version, NOW)
        assert after.version >= r.version
        assert after.delivered_at is not None
        if r.acknowledged_at or word == "acknowledged":
            assert after.acknowledged_at is not None
            assert after.opened_at is not None
        r = after


def why(*bad: str, state: str = "OPEN", placed: bool = True, age_s: int = 0) -> HoldWhy:
    seen = NOW - timedelta(seconds=age_s)
    return rules.asks_hold(state=state, aggravators=bad, placed=placed, last_seen_at=seen, now=NOW)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (why("rangefinder", age_s=119), HoldWhy.NO_DANGER),
        (why("rangefinder", age_s=120), HoldWhy.SEEN_TOO_LONG_AGO),
        (why("rangefinder", state="TRACK_LOST"), HoldWhy.LOST),
        (why("rangefinder", placed=False), HoldWhy.NOT_PLACED),
        (why("on_roof"), HoldWhy.IN_SIGHT),
        (why("bag", state="TRACK_LOST"), HoldWhy.NO_DANGER),
        (why("armed", state="RESOLVED"), HoldWhy.OVER),
        (why("drone"), HoldWhy.NO_DANGER),
        (why("drone", "device"), HoldWhy.IN_SIGHT),
    ],
)
def test_when_somebody_must_say_hold_or_go(found: HoldWhy, wanted: HoldWhy) -> None:
    assert found is wanted
    assert (found in ASKED) == (wanted in ASKED)


def again(decision: str, **now: int) -> Again:
    """Decided a minute ago on version 2, at severity 3, of what was seen a second before."""
    at = NOW - timedelta(minutes=1)
    found = {"severity": 3, "must_version": 1, "lost_version": 0, "seen_s": 61, **now}
    seen = NOW - timedelta(seconds=found.pop("seen_s"))
    return asks_again(Settled(decision, at, 2, 3), last_seen_at=seen, now=NOW, **found)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (again("GO"), Again.STANDS),
        (again("GO", lost_version=1), Again.STANDS),  # it was lost when it was decided
        (again("GO", lost_version=3), Again.OUT_OF_SIGHT),
        (again("GO", seen_s=121), Again.OUT_OF_SIGHT),
        (again("GO", seen_s=181), Again.STANDS),  # unseen for two minutes when it was decided
        (again("GO", must_version=3), Again.WORSE),  # a raise, though no graver
        (again("HOLD", must_version=3), Again.STANDS),
        (again("HOLD", must_version=3, severity=5), Again.WORSE),
        (again("HOLD", lost_version=3), Again.STANDS),
        (again("MOVE", must_version=3, severity=5, lost_version=4), Again.STANDS),
    ],
)
def test_when_a_decision_no_longer_holds(found: Again, wanted: Again) -> None:
    assert found is wanted


def test_why_is_said_of_a_thing_as_of_a_person() -> None:
    for reason in [*HoldWhy, *Again]:
        assert not {"person", "man", "he", "she", "whom"} & set(reason.value.split())


def test_ours_only_where_somebody_is() -> None:
    near = [Friendly("Post 4", "metro", 15), Friendly("Post 5", "metro", 16)]
    assert rules.whose(near, [], NOW).verdict == "OURS"
    held = Ground("the roof", "metro", accepted=True)
    assert rules.whose(near[1:], [held], NOW).verdict == "ASSIGNED"
    told = rules.whose([], [Ground("the roof", "metro", accepted=False)], NOW)
    assert told.verdict == "NONE_OF_OURS"
    assert told.lines == (
        "NONE OF OURS",
        "metro was asked and never accepted (the roof)",
        "assigned to nobody",
        "nobody of ours is known to be near",
    )


def test_every_aggravator_that_asks_to_hold_is_serious_at_least() -> None:
    assert all(a.floor >= Severity.SERIOUS for a in ASKS_HOLD)
