"""Copies and small changes share a group; different texts do not; memory is bounded."""

from __future__ import annotations

import pytest

from tocsin.screen.duplicates import Grouper

ONE = "They say they will storm the state house on Monday and bring rifles to the north gate"


def test_the_same_text_is_one_group_with_a_count() -> None:
    grouper = Grouper()
    first, second = grouper.assign(ONE), grouper.assign(ONE)
    assert (first.count, first.first) == (1, True)
    assert (second.id, second.count, second.first) == (first.id, 2, False)


@pytest.mark.parametrize(
    "copy",
    [
        f"RT ⟦handle⟧: {ONE}",
        f"{ONE} ⟦link news.example⟧",
        ONE.upper() + "!!!",
        ONE.replace("rifles", "guns"),
        ONE + " pass it on",
    ],
)
def test_small_changes_stay_in_the_group(copy: str) -> None:
    grouper = Grouper()
    assert grouper.assign(copy).id == grouper.assign(ONE).id


def test_other_texts_open_other_groups() -> None:
    grouper = Grouper()
    others = [
        "Somebody should hang the judge from the nearest tree",
        "The guards at the north gate change at six on Monday",
        "They say rifles are cheap this week",
        "",
        "!",
    ]
    ids = [grouper.assign(text).id for text in [ONE, *others]]
    assert len(set(ids)) == len(ids) - 1  # the last two are both empty once folded


def test_ids_do_not_depend_on_what_else_was_seen() -> None:
    fresh, busy = Grouper(), Grouper()
    for number in range(50):
        busy.assign(f"Text number {number} about something else entirely, {number * 7919}")
    assert fresh.assign(ONE).id == busy.assign(ONE).id


def test_memory_is_bounded_and_the_quiet_are_forgotten_first() -> None:
    grouper = Grouper(capacity=3)
    texts = ["the anvil fell", "warm bread for all", "a cloud over Monday", "delta queen sails"]
    kept = grouper.assign(texts[0])
    grouper.assign(texts[1])
    grouper.assign(texts[2])
    assert grouper.assign(texts[0]).count == 2
    grouper.assign(texts[3])
    assert len(grouper) == 3
    assert len(grouper._by_band) <= 3 * 16
    assert grouper.assign(texts[0]).id == kept.id
    assert grouper.assign(texts[1]).count == 1


def test_bad_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="capacity"):
        Grouper(capacity=0)
    with pytest.raises(ValueError, match="alike"):
        Grouper(alike=1001)
