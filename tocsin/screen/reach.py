"""How deep the cascade may read, by how much waits: the more texts wait, the fewer go down.

Nothing here measures or sleeps: the queue's length and the stages' costs come in, shares go out, so
that the same queue always gets the same depth.
"""

from __future__ import annotations

from dataclasses import dataclass

DEEP_UPTO = 12_000
"""Texts waiting up to which there is time for every stage: a minute's work."""

FAST_FROM = 100_000
"""Texts waiting from which only speed counts."""

SLOWEST = 200
"""Texts a second that must get through when few wait."""

FASTEST = 50_000
"""Texts a second that must get through when many wait."""

WORDS_COST = 25e-6
"""Seconds of one core for what every text gets: parsing, folding, indicators, fast classifier."""

SENTENCES_COST = 1.2e-3
TRANSFORMER_COST = 11e-3
_TENTH = 10


@dataclass(frozen=True, slots=True)
class Reach:
    """Of a thousand texts, how many the dear stages may read."""

    sentences: int
    transformer: int


EVERYTHING = Reach(1000, 1000)
WORDS_ONLY = Reach(0, 0)


BATCH_DEEP = 50
"""Texts in a batch up to which the transaction that stores it can wait for every stage: a quarter of a second."""

BATCH_BULK = 500
"""Texts in a batch from which it is one of many, of a file or a busy stream: the dear stages read a few."""

BULK = 15_000
"""Texts a second that must get through where batches are that large."""


def for_batch(count: int) -> Reach:
    """How deep to read a batch that is to be stored at once: the larger it is, the more wait behind it."""
    part = (min(max(count, BATCH_DEEP), BATCH_BULK) - BATCH_DEEP) / (BATCH_BULK - BATCH_DEEP)
    return reach(SLOWEST * (BULK / SLOWEST) ** part)


def pace(waiting: int) -> float:
    """Texts a second that must get through while `waiting` are in the queue: from `SLOWEST` up to
    `FASTEST`, growing by equal factors in between, so that a growing queue is always outrun.
    """
    if waiting <= DEEP_UPTO:
        return SLOWEST
    if waiting >= FAST_FROM:
        return FASTEST
    part = (waiting - DEEP_UPTO) / (FAST_FROM - DEEP_UPTO)
    return float(SLOWEST * (FASTEST / SLOWEST) ** part)


def reach(per_second: float, cores: int = 1) -> Reach:
    """How deep to read when so many texts a second must get through on so many cores.

    A third of the time that words leave goes to the multilingual model, until it reads every text;
    the transformer gets the rest.
    """
    spare = cores / per_second - WORDS_COST
    if spare <= 0:
        return WORDS_ONLY
    sentences = min(1000, int(spare / 3 / SENTENCES_COST * 1000))
    if per_second >= FASTEST:
        return Reach(min(sentences, _TENTH), 0)
    rest = spare - sentences / 1000 * SENTENCES_COST
    return Reach(sentences, min(sentences, int(rest / TRANSFORMER_COST * 1000)))
