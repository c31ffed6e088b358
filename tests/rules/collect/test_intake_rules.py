"""What an edit changes, which event a text names, and when a source may be read at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.collect.rules import in_order, named_operation, revision, within_purpose
from tocsin.collect.terms import Charter, Item, PurposeReason, RevisionReason, Scope

NOW = datetime(2021, 1, 5, 12, tzinfo=UTC)
R = RevisionReason


@pytest.mark.parametrize(
    ("before", "was", "after", "categories", "expected"),
    [
        (1, True, 1, ["weapons"], R.SAME_FLAG),
        (1, True, 0, ["weapons"], R.SAME_FLAG),
        (1, True, 1, [], R.SAME_FLAG),
        (1, True, 2, ["weapons"], R.MORE_URGENT),
        (1, True, 1, ["weapons", "materials"], R.NEW_SIGN),
        (3, True, 0, ["materials"], R.NEW_SIGN),
        (1, False, 0, ["weapons"], R.FLAGGED_AGAIN),
        (1, True, None, [], R.NO_LONGER),
        (1, False, None, [], R.NO_LONGER),
    ],
)
def test_a_decision_stands_as_long_as_the_flag_does(
    before: int, was: bool, after: int | None, categories: list[str], expected: RevisionReason
) -> None:
    found = revision(
        before, ["weapons"], was_flagged=was, after_rank=after, after_categories=categories
    )
    assert found is expected
    assert found.reopens == (expected in (R.NEW_SIGN, R.MORE_URGENT, R.FLAGGED_AGAIN))


@given(
    st.integers(0, 3),
    st.sets(st.sampled_from("abc")),
    st.booleans(),
    st.integers(0, 3),
    st.sets(st.sampled_from("abc")),
)
def test_an_edit_that_adds_a_reason_to_look_always_reopens(
    before: int, had: set[str], was: bool, after: int, has: set[str]
) -> None:
    found = revision(before, had, was_flagged=was, after_rank=after, after_categories=has)
    assert found.reopens == (not was or after > before or bool(has - had))


def test_an_event_is_found_by_whole_words_in_the_order_given() -> None:
    words = {"op_none": [], "op_march": ["march", "The Mall"], "op_fair": ["fair"]}
    assert named_operation("See you at THE  mall, after the fair", words) == "op_march"
    assert named_operation("an unfair marching song", words) == ""
    assert named_operation("", words) == ""
    assert named_operation("the fair", {}) == ""


@pytest.mark.parametrize(
    ("charter", "purpose", "operation", "reason"),
    [
        (
            Charter("open-source-threat", frozenset({"threat-to-life"})),
            "threat-to-life",
            "",
            PurposeReason.WITHIN,
        ),
        (Charter("nobody", frozenset()), "threat-to-life", "", PurposeReason.AUTHORITY_UNKNOWN),
        (
            Charter("open-source-threat", frozenset({"threat-to-life"}), valid_until=NOW),
            "threat-to-life",
            "",
            PurposeReason.AUTHORITY_EXPIRED,
        ),
        (
            Charter(
                "open-source-threat", frozenset({"threat-to-life"}), valid_from=NOW + timedelta(1)
            ),
            "threat-to-life",
            "",
            PurposeReason.AUTHORITY_NOT_YET,
        ),
        (
            Charter("open-source-event", frozenset({"protect-event"})),
            "protect-event",
            "",
            PurposeReason.OPERATION_MISSING,
        ),
        (
            Charter(
                "open-source-event", frozenset({"protect-event"}), scope=Scope(frozenset({"op_a"}))
            ),
            "protect-event",
            "op_b",
            PurposeReason.OPERATION_OUTSIDE,
        ),
    ],
)
def test_a_source_whose_papers_are_not_in_order_is_not_read(
    charter: Charter, purpose: str, operation: str, reason: PurposeReason
) -> None:
    found = in_order(charter, purpose=purpose, operation=operation, now=NOW)
    assert found.reason is reason
    assert found.allowed or (found.plain and found.cure)
    item = within_purpose(Item("", "text"), charter, purpose=purpose, operation=operation, now=NOW)
    assert item.reason is reason, "an item is never let in where the source may not be read"
