"""Harmless background posts, any number of them, the same ones for the same seed.

Everyday life, sport, weather, news, opinion and idiom ("this traffic is killing me"), along the
rhythm of a day, with a few copies passed round and slightly changed. Only `random.Random.random` is
used: of the generator's methods it alone is promised to give the same numbers in every Python
version (documentation of `random`, notes on reproducibility).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec

from tocsin.exercise.labels import (
    Speech,
)
from tocsin.exercise.terms import (
    Scenario,
)

VOCABULARY = Path(__file__).parent / "vocabulary.toml"
HOURLY = (4, 3, 2, 1, 1, 2, 4, 7, 9, 9, 9, 9, 10, 10, 9, 9, 10, 11, 12, 13, 14, 13, 10, 7)
"""How much is posted in each local hour, relative to the others: few at 4 a.m., most at 8 p.m."""

RECENT = 256
COPIED, OPENED, TAILED, ADDRESSED, LOWERED, SHOUTED = 0.03, 0.30, 0.45, 0.06, 0.10, 0.02
"""Shares of posts that are passed-on copies, and that carry each kind of trimming."""

_SLOT = re.compile(r"\{(\w+)\}")


class BackgroundPost(msgspec.Struct, frozen=True):
    """A harmless post. `at` is aware, in the zone of the start given."""

    id: str
    at: datetime
    source: str
    author: str
    text: str
    topic: str
    speech: Speech
    url: str = ""


class _Pattern(NamedTuple):
    form: str
    slots: tuple[tuple[str, ...], ...]
    topic: str
    speech: Speech


class _Vocabulary(NamedTuple):
    patterns: tuple[_Pattern, ...]
    openers: tuple[str, ...]
    tails: tuple[str, ...]
    handles: tuple[str, ...]


def for_scenario(
    scenario: Scenario, count: int | None = None, seed: int | None = None
) -> Iterator[BackgroundPost]:
    """The background of `scenario`, over its whole time; `count` and `seed` override its own."""
    return background(
        seed=scenario.chatter.seed if seed is None else seed,
        count=scenario.chatter.count if count is None else count,
        start=scenario.starts,
        end=scenario.ends,
        sources=[(source.id, source.chatter_share) for source in scenario.sources],
        local_offset=scenario.local_offset,
    )


def background(
    *,
    seed: int,
    count: int,
    start: datetime,
    end: datetime,
    sources: Sequence[tuple[str, int]],
    local_offset: timedelta = timedelta(0),
) -> Iterator[BackgroundPost]:
    """Yield `count` posts from `start` (aware) until before `end`, in time order, hour by hour.

    `sources` are (id, share); `local_offset` is what the day's rhythm follows.

    Raises: ValueError when `end` is not after `start`, or no source has a share.
    """
    if start.tzinfo is None or end.tzinfo is None or end <= start:
        raise ValueError("start and end must be aware, and end after start")
    wheel = [id for id, share in sources for _ in range(share)]
    if not wheel:
        raise ValueError("no source has a share of the background")
    return _posts(Random(seed), count, start, end, wheel, local_offset)  # noqa: S311 - not for secrets


def _posts(
    rng: Random,
    count: int,
    start: datetime,
    end: datetime,
    wheel: Sequence[str],
    local_offset: timedelta,
) -> Iterator[BackgroundPost]:
    roll = rng.random
    vocabulary = _vocabulary()
    recent: list[tuple[str, _Pattern]] = []
    number = 0
    for begin, seconds, share in _hours(count, start, end, local_offset):
        for offset in sorted([roll() for _ in range(share)]):
            number += 1
            if recent and roll() < COPIED:
                text, pattern = recent[int(roll() * len(recent))]
                text = _passed_on(roll, text, vocabulary)
            else:
                pattern = vocabulary.patterns[int(roll() * len(vocabulary.patterns))]
                text = _trimmed(roll, _filled(roll, pattern), vocabulary)
                _remember(recent, number, (text, pattern))
            source = wheel[int(roll() * len(wheel))]
            yield BackgroundPost(
                f"c{number:06}",
                begin + timedelta(seconds=int(offset * seconds)),
                source,
                # The product of two rolls makes a few authors write much and many write little.
                f"{source[:2]}-{int(roll() * roll() * 9000) + 1000}",
                text,
                pattern.topic,
                pattern.speech,
            )


def _hours(
    count: int, start: datetime, end: datetime, local_offset: timedelta
) -> Iterator[tuple[datetime, float, int]]:
    """Each hour, its length in seconds and its number of posts; the numbers add up to `count`."""
    parts: list[tuple[datetime, float, float]] = []
    begin = start
    while begin < end:
        seconds = min(timedelta(hours=1), end - begin).total_seconds()
        parts.append((begin, seconds, HOURLY[(begin + local_offset).hour] * seconds))
        begin += timedelta(hours=1)
    total, reached, given = sum(weight for _, _, weight in parts), 0.0, 0
    for begin, seconds, weight in parts:
        reached += weight
        due = round(count * reached / total)
        yield begin, seconds, due - given
        given = due


def _filled(roll: Callable[[], float], pattern: _Pattern) -> str:
    return pattern.form % tuple([words[int(roll() * len(words))] for words in pattern.slots])


def _trimmed(roll: Callable[[], float], text: str, vocabulary: _Vocabulary) -> str:
    if roll() < OPENED:
        text = f"{vocabulary.openers[int(roll() * len(vocabulary.openers))]} {text}"
    if roll() < TAILED:
        text = f"{text} {vocabulary.tails[int(roll() * len(vocabulary.tails))]}"
    if roll() < ADDRESSED:
        text = f"{vocabulary.handles[int(roll() * len(vocabulary.handles))]} {text}"
    case = roll()
    if case < SHOUTED:
        return text.upper()
    return text if case < SHOUTED + LOWERED else text[0].upper() + text[1:]


def _passed_on(roll: Callable[[], float], text: str, vocabulary: _Vocabulary) -> str:
    """A copy as people pass it on: marked, cut short, lengthened, or word for word."""
    how = int(roll() * 5)
    if how == 0:
        return f"RT: {text}"
    if how == 1:
        return f"{text} {vocabulary.tails[int(roll() * len(vocabulary.tails))]}"
    if how == 2:
        return f"{text[: max(24, len(text) - 12)]}…"
    if how == 3:
        return f"This. {text}!!"
    return text


def _remember(recent: list[tuple[str, _Pattern]], number: int, post: tuple[str, _Pattern]) -> None:
    if len(recent) < RECENT:
        recent.append(post)
    else:
        recent[number % RECENT] = post


@cache
def _vocabulary() -> _Vocabulary:
    """The word lists, and a wheel of about a thousand patterns ready to fill.

    A topic's part of the wheel is its part of all weights, shared evenly by its patterns.
    """
    table: dict[str, Any] = tomllib.loads(VOCABULARY.read_text(encoding="utf-8"))
    words = {name: tuple(entries) for name, entries in table["words"].items()}
    patterns: list[_Pattern] = []
    whole = sum(topic["weight"] for topic in table["topics"])
    for topic in table["topics"]:
        places = round(1000 * topic["weight"] / whole)
        forms = topic["templates"]
        for place in range(places):
            form = forms[place % len(forms)]
            patterns.append(
                _Pattern(
                    _SLOT.sub("%s", form.replace("%", "%%")),
                    tuple(words[slot] for slot in _SLOT.findall(form)),
                    topic["name"],
                    Speech(topic["speech"]),
                )
            )
    return _Vocabulary(tuple(patterns), words["opener"], words["tail"], words["handle"])
