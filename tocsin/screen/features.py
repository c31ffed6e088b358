"""What the fast classifier sees of a text: its words, pairs of words and runs of letters, as numbers.

A whole batch is read at once as one array of bytes: nothing here loops over texts or words. Every
word, pair of words and run of three to five letters within a word is hashed to one of `BUCKETS`
places in a table of weights. All handles count as one word and all links as another, because which
they are says nothing about what is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BITS = 22
BUCKETS = 1 << BITS
LONGEST = 2_000  # bytes of a text that are read: what a post says is said by then
_BETWEEN = b"\0"  # between texts
_GAP = 32
_HANDLE = re.compile(rb"@\w+")
_LINK = re.compile(rb"https?://[^\s\0]+")
# Polynomial hash of a word, by prefix sums: the base is odd, so it has an inverse modulo 2**64.
_BASE = 0x100000001B3
_INVERSE = pow(_BASE, -1, 1 << 64)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_PAIR = np.uint64(0xC2B2AE3D27D4EB4F)
_DOWN = np.uint64(64 - BITS)
_RUNS = (3, 4, 5)
_BYTE = np.uint64(8)
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789'@") | frozenset(range(128, 256))
_FOLDED = bytes(code if code in _WORD_BYTES else _GAP for code in range(256))


class Kind(NamedTuple):
    """The features of one kind of a whole batch: text `i` has `places[starts[i]:ends[i]]`."""

    places: NDArray[np.uint64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


class Features(NamedTuple):
    """Words, pairs of words and runs of letters of a batch. A text's weights of words and pairs are
    divided by the root of its number of words, those of runs by the root of their number.
    """

    words: Kind
    pairs: Kind
    runs: tuple[Kind, ...]

    @property
    def per_word(self) -> NDArray[np.float32]:
        """What a word or pair counts in each text."""
        return _root(self.words.ends - self.words.starts)

    @property
    def per_run(self) -> NDArray[np.float32]:
        """What a run of letters counts in each text."""
        count = np.zeros(len(self.words.starts), np.int64)
        for kind in self.runs:
            count += kind.ends - kind.starts
        return _root(count)


def read(texts: Sequence[bytes]) -> Features:
    """The features of folded texts in UTF-8 (see `normalise.plain`)."""
    codes, begins = _buffer(texts)
    gap = codes == _GAP
    change = np.flatnonzero(gap[:-1] != gap[1:]) + 1  # the buffer begins and ends with a gap
    firsts, lasts = change[::2], change[1::2]
    words = _words(codes, firsts, lasts)
    bounds = np.searchsorted(firsts, begins)
    starts, ends = bounds[:-1], bounds[1:]
    pairs = words[:-1] * _PAIR + words[1:]
    return Features(
        Kind(_places(words), starts, ends),
        Kind(
            _places(pairs),
            np.minimum(starts, len(pairs)),
            np.maximum(starts, ends - 1).clip(max=len(pairs)),
        ),
        tuple(_runs(codes, gap, begins)),
    )


def _buffer(texts: Sequence[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All texts in one array, gaps around each, and where each begins, with the end behind."""
    joined = _BETWEEN.join([text[:LONGEST] for text in texts])
    if joined.count(_BETWEEN) != len(texts) - 1:
        joined = _BETWEEN.join([text[:LONGEST].replace(_BETWEEN, b" ") for text in texts])
    joined = _LINK.sub(b" http ", joined) if b"://" in joined else joined
    joined = _HANDLE.sub(b" @ ", joined) if b"@" in joined else joined
    joined = b" " + joined + b"     "
    cuts = np.flatnonzero(np.frombuffer(joined, np.uint8) == 0)
    begins = np.concatenate(([0], cuts, [len(joined)]))
    return np.frombuffer(joined.translate(_FOLDED), np.uint8), begins.astype(np.int64)


def _words(
    codes: NDArray[np.uint8], firsts: NDArray[np.int64], lasts: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """A hash of each word, from prefix sums of its bytes times powers of the base."""
    up, down = _powers(len(codes))
    sums = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(codes * up[: len(codes)], out=sums[1:])
    return (sums[lasts] - sums[firsts]) * down[firsts]


def _runs(
    codes: NDArray[np.uint8], gap: NDArray[np.bool_], begins: NDArray[np.int64]
) -> Iterator[Kind]:
    """Runs of bytes that lie within a word, the gap before or behind it included; of each length."""
    packed = codes.astype(np.uint64)
    broken = np.zeros(len(codes) - 1, bool)
    for length in range(2, _RUNS[-1] + 1):
        packed = (packed[:-1] << _BYTE) | codes[length - 1 :]
        if length > 2:
            broken = broken[:-1] | gap[length - 2 : -1]
        if length in _RUNS:
            at = np.flatnonzero(~broken)
            bounds = np.searchsorted(at, begins)
            named = packed[at] | np.uint64(length << (8 * length))
            yield Kind(_places(named), bounds[:-1], bounds[1:])


def _places(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = (hashes ^ (hashes >> np.uint64(29))) * _MIX
    return mixed >> _DOWN


_UP = _AGAIN = np.ones(1, np.uint64)


def _powers(size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Powers of the base and of its inverse, kept for the longest batch so far."""
    global _UP, _AGAIN
    if len(_UP) < size:
        _UP, _AGAIN = _powers_of(_BASE, size), _powers_of(_INVERSE, size)
    return _UP, _AGAIN


def _powers_of(base: int, size: int) -> NDArray[np.uint64]:
    powers = np.full(size, base, np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)


def _root(count: NDArray[np.int64]) -> NDArray[np.float32]:
    return (1 / np.sqrt(np.maximum(count, 1))).astype(np.float32)
