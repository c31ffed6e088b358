"""Background posts: the same for the same seed, varied, in time order, along the day, and cheap."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from tocsin.exercise.chatter import BackgroundPost, background, for_scenario
from tocsin.exercise.labels import (
    Speech,
)
from tocsin.exercise.scenario import load

START = datetime(2020, 12, 20, 5, 0, tzinfo=UTC)
END = datetime(2020, 12, 30, 5, 0, tzinfo=UTC)
EASTERN = timedelta(hours=-5)
FIRST = (
    "2020-12-21T05:47:36+00:00",
    "gatepost",
    "ga-2968",
    "Totally bombed my review on thursday, my sister laughed",
)


def some(count: int, seed: int = 1) -> list[BackgroundPost]:
    return list(
        background(
            seed=seed,
            count=count,
            start=START,
            end=END,
            sources=[("plaza", 3), ("gatepost", 1), ("quiet", 0)],
            local_offset=EASTERN,
        )
    )


def test_same_seed_same_posts() -> None:
    assert some(2000) == some(2000)
    assert some(200, seed=1) != some(200, seed=2)


def test_these_very_posts_in_every_version_of_python() -> None:
    first = some(5, seed=6)[0]
    assert (first.at.isoformat(), first.source, first.author) == FIRST[:3]
    assert first.text == FIRST[3]


@pytest.mark.parametrize("count", [0, 1, 7, 5000])
def test_exactly_as_many_as_asked(count: int) -> None:
    posts = some(count)
    assert len(posts) == count
    assert len({post.id for post in posts}) == count


def test_in_time_order_within_the_time() -> None:
    times = [post.at for post in some(5000)]
    assert times == sorted(times)
    assert times[0] >= START
    assert times[-1] < END


def test_evenings_are_busy_and_nights_quiet() -> None:
    hours = Counter((post.at + EASTERN).hour for post in some(20_000))
    assert hours[20] > 8 * hours[4]


def test_sources_by_their_share_and_none_without_one() -> None:
    sources = Counter(post.source for post in some(20_000))
    assert set(sources) == {"plaza", "gatepost"}
    assert 2.7 < sources["plaza"] / sources["gatepost"] < 3.3


def test_few_are_the_same_and_some_are_passed_on() -> None:
    texts = [post.text for post in some(20_000)]
    assert len(set(texts)) > 0.97 * len(texts)
    known = set(texts)
    copies = sum(text.startswith("RT: ") and text[4:] in known for text in texts)
    assert 0.002 < copies / len(texts) < 0.02


def test_every_pattern_was_filled() -> None:
    for post in some(20_000):
        assert not set("{}%") & set(post.text), post.text
        assert 8 < len(post.text) < 280


def test_topics_hold_their_shares() -> None:
    posts = some(20_000)
    topics = Counter(post.topic for post in posts)
    assert 0.10 < topics["politics"] / len(posts) < 0.13
    assert 0.04 < topics["idiom"] / len(posts) < 0.07
    assert {post.speech for post in posts} == {Speech.PROTECTED, Speech.HYPERBOLE}


def test_the_scenario_s_background_lies_within_it() -> None:
    january = load("january-6")
    posts = list(for_scenario(january, 3000))
    assert len(posts) == 3000
    assert all(january.starts <= post.at < january.ends for post in posts)
    assert {post.source for post in posts} <= {source.id for source in january.sources}
    assert sum(1 for _ in islice(for_scenario(january), 10)) == 10


def test_refuses_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="aware"):
        background(seed=1, count=1, start=END, end=START, sources=[("plaza", 1)])
    with pytest.raises(ValueError, match="share"):
        background(seed=1, count=1, start=START, end=END, sources=[("plaza", 0)])
