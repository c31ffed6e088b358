"""The same information shares a group, the same story a story; other things do not; memory is bounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.screen.stories import Accounts, Stories

START = datetime(2021, 1, 4, 12, tzinfo=UTC)
SAME = [
    "Militia from Ohio will meet rifle in hand at the north gate of the Capitol on Wednesday",
    "RT @jo: militia from Ohio meets at north gate of Capitol Wednesday, bring rifle https://t.example/1",
    "Ohio militia to gather, rifles in hand, Wednesday at the Capitol's north gate!!",
]
STORY = [
    "Bridge collapse in Duluth: ferry traffic stopped, divers search the river",
    "Divers found two cars below the collapsed Duluth bridge",
    "Why did the Duluth bridge collapse? Inspectors had warned of rust for years",
]
OTHER = [
    "Bakery on Elm street wins a prize for its rye bread",
    "Council postpones the budget vote again",
]


@pytest.mark.parametrize("again", SAME[1:])
def test_the_same_information_in_other_words_shares_a_group(again: str) -> None:
    accounts = Accounts()
    first = accounts.assign(SAME[0], START)
    for other in OTHER:
        assert accounts.assign(other, START).id != first.id
    second = accounts.assign(again, START + timedelta(minutes=20))
    assert (second.id, second.count, second.first) == (first.id, 2, False)
    assert second.closeness >= 300


def test_the_same_words_weeks_later_need_more_in_common() -> None:
    words = "Shots heard near the mall, police on the way"
    near, far = "Shots near mall, say neighbours", START + timedelta(days=60)
    soon, late = Accounts(), Accounts()
    assert soon.assign(words, START).id == soon.assign(near, START).id
    assert late.assign(words, START).id != late.assign(near, far).id


def test_a_story_goes_on_with_new_facts() -> None:
    stories = Stories()
    ids = {stories.assign(text).id for text in STORY}
    assert len(ids) == 1
    assert not ids & {stories.assign(text).id for text in OTHER}


@pytest.mark.parametrize("kind", [Accounts, Stories])
def test_the_same_stream_gives_the_same_ids_and_keys_never_meet(
    kind: type[Accounts | Stories],
) -> None:
    stream = SAME + STORY + OTHER
    one, other = kind(), kind()
    assert [one.assign(t) for t in stream] == [other.assign(t) for t in stream]
    keyed = kind()
    assert keyed.assign(SAME[0], key="a").id != keyed.assign(SAME[0], key="b").id


@pytest.mark.parametrize("kind", [Accounts, Stories])
def test_a_stream_shared_by_key_gives_what_one_machine_gives(
    kind: type[Accounts | Stories],
) -> None:
    stream = [(text, key) for text in SAME + STORY + OTHER for key in ("a", "b")]
    together = kind()
    whole = {(key, together.assign(text, key=key).id) for text, key in stream}
    apart = set()
    for mine in ("a", "b"):
        machine = kind()
        apart |= {(key, machine.assign(text, key=key).id) for text, key in stream if key == mine}
    assert {i for _, i in whole} == {i for _, i in apart}


@pytest.mark.parametrize("kind", [Accounts, Stories])
def test_memory_is_bounded(kind: type[Accounts | Stories]) -> None:
    grouper = kind(capacity=20)
    for n in range(400):
        grouper.assign(f"walrus{n} quartz{n * 7} beacon{n * 13} lantern{n * 17} harbour{n}")
    assert len(grouper) == 20
    features = {feature for _, feature in grouper._index}
    assert len(features) <= 20 * 10
    assert sum(len(posted) for posted in grouper._index.values()) <= 20 * 10


@pytest.mark.parametrize("kind", [Accounts, Stories])
@pytest.mark.parametrize(
    "text", ["", "the of and", "\ud800", "x" * 200_000, "😀" * 50, "word " * 50_000]
)
def test_any_text_has_a_place(kind: type[Accounts | Stories], text: str) -> None:
    grouper = kind()
    assert grouper.assign(text).id == kind().assign(text).id


def test_bad_limits_are_refused() -> None:
    for kind in (Accounts, Stories):
        with pytest.raises(ValueError, match="capacity"):
            kind(capacity=0)
        with pytest.raises(ValueError, match="alike"):
            kind(alike=1001)
