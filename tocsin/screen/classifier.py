"""The fast classifier: a linear model over hashed words and runs of letters, for every text there is.

Two heads: *threat* (threats, plans and calls to harm people, English and German) and *incident*
(first-hand or urgent word of an attack or disaster). One table holds, for each place a feature may
hash to, both weights and how much the feature counts; a text costs a few microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tocsin.screen import features
from tocsin.screen.features import Kind

# A place of the table: three fields of 21 bits, wide enough for the sum over 8,000 features of a
# text. Weights are whole numbers -127..127, stored with 128 added.
_WIDTH = np.uint64(21)
_MASK = np.uint64((1 << 21) - 1)
_ZERO = 128
_COUNT = _WIDTH + _WIDTH
HEADS = 2

Floats = NDArray[np.float32]


class Table(NamedTuple):
    """A fitted table as it is stored: only places that say something are named.

    `weights`: places x heads, int8. `counts`: uint8, the square of how much a feature counts (its
    rarity), in steps of `step`. `scale`: what a weight of 1 is worth, per head. `base`: per head,
    what a text without features has.
    """

    places: NDArray[np.uint32]
    weights: NDArray[np.int8]
    counts: NDArray[np.uint8]
    step: float
    scale: Floats
    base: Floats


class Classifier:
    """Scores folded texts; keeps nothing. Safe to share between threads."""

    def __init__(self, table: Table) -> None:
        packed = table.weights.astype(np.int16) + _ZERO
        first, second = (packed[:, head].astype(np.uint64) for head in range(HEADS))
        nothing = np.uint64(_ZERO) | (np.uint64(_ZERO) << _WIDTH)
        self._table = np.full(features.BUCKETS, nothing, np.uint64)
        counts = table.counts.astype(np.uint64)
        self._table[table.places] = first | (second << _WIDTH) | (counts << _COUNT)
        self._step = np.float32(table.step)
        self._scale = table.scale
        self._base = table.base

    def scores(self, texts: Sequence[bytes]) -> Floats:
        """Log-odds, texts x heads, of folded texts in UTF-8."""
        return self.look(texts)[0]

    def look(self, texts: Sequence[bytes]) -> tuple[Floats, Floats]:
        """Log-odds, texts x heads, and the share of each text's words that the model has learned
        anything about (0..1).
        """
        if not texts:
            return np.zeros((0, HEADS), np.float32), np.zeros(0, np.float32)
        read = features.read(texts)
        words = self._table[read.words.places]
        pairs = self._table[read.pairs.places]
        runs = [(kind, self._table[kind.places]) for kind in read.runs]
        scores = self._part([(read.words, words), (read.pairs, pairs)]) + self._part(runs)
        met = _sums(words >> _COUNT > 0, read.words).astype(np.float32)
        known = met / np.maximum(read.words.ends - read.words.starts, 1)
        return self._base + self._scale * scores, known.astype(np.float32)

    def strongest(self, text: str, head: int, most: int = 4) -> tuple[str, ...]:
        """The words of a folded text that speak most for a head's score, strongest first."""
        return self.strongest_of([text], [head], most)[0]

    def strongest_of(
        self, texts: Sequence[str], heads: Sequence[int], most: int = 4
    ) -> list[tuple[str, ...]]:
        """`strongest` of several texts in one reading, which costs little more than of one."""
        lists = [list(dict.fromkeys(w for w in t.split() if len(w) > 1))[:200] for t in texts]
        met = list(dict.fromkeys(word for words in lists for word in words))
        alone = self.scores([word.encode("utf-8", "replace") for word in met]) - self._base
        told = dict(zip(met, alone.tolist(), strict=True))
        found = []
        for words, head in zip(lists, heads, strict=True):
            telling = [word for word in words if told[word][head] > 0]
            telling.sort(key=lambda word: -told[word][head])
            found.append(tuple(telling[:most]))
        return found

    def _part(self, kinds: Sequence[tuple[Kind, NDArray[np.uint64]]]) -> Floats:
        """The weights of some kinds of features, divided by the length of what they count."""
        sums = np.zeros((len(kinds[0][0].starts), HEADS), np.float32)
        squares = np.zeros(len(sums), np.float32)
        for kind, met in kinds:
            packed = _sums(met, kind)
            zero = (kind.ends - kind.starts) * np.int64(_ZERO)
            sums[:, 0] += (packed & _MASK).astype(np.int64) - zero
            sums[:, 1] += ((packed >> _WIDTH) & _MASK).astype(np.int64) - zero
            squares += (packed >> _COUNT).astype(np.float32)
        out: Floats = sums / np.sqrt(np.maximum(squares * self._step, 1))[:, None]
        return out


def _sums(values: NDArray[np.generic], kind: Kind) -> NDArray[np.uint64]:
    """The sum over each text's features; whole numbers, so nothing is lost on the way."""
    totals = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values, out=totals[1:])
    return totals[kind.ends] - totals[kind.starts]
