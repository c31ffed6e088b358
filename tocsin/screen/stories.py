"""Same information, same story: flagged texts that belong together, found as they come, in one pass.

Two closeness levels over the same features (words, weighed by how rare they are):

- `Accounts` links a text to the earlier text that says the same thing, if one is close in words and in time;
- `Stories` links a text to the story whose middle it is nearest to.

Both hold hashed words, never a text, in bounded memory; losing them costs that groups start again. Texts under
different
`key`s never meet, so a stream can be shared between machines by key (in the product: the marking, that is agency,
label and
operation) and the result is the same. Not for sharing between threads. Method and figures: ADR 0014.
"""

from __future__ import annotations

import re
from array import array
from collections import OrderedDict
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from heapq import nlargest
from math import log, log1p, sqrt
from operator import itemgetter
from zlib import crc32

import msgspec

from tocsin.screen.lexicon import lexicon

_SKIP = re.compile(r"⟦[^⟧]*⟧|https?://\S+|@\w+:?|\b[Rr][Tt]\b")
_WORD = re.compile(r"[^\W_]+")
_ENDINGS = ("ing", "ed", "es", "s")
_BUCKETS = 1 << 18
_BELIEF = 500  # texts: until so many were seen, how rare a word is in English at large weighs more
_UNKNOWN_RATE = 1e-6
_COMMONEST = 7  # of the lexicon's ten levels of frequency: "the", "is", "you" say nothing
_LOOKED_UP = 16  # rarest features of a text by which candidates are found
_POSTINGS = 96  # newest candidates remembered under a feature
_VOTES = (
    250  # candidates looked at, found by the rarest features first: it bounds the cost of a text
)
_TRIED = 10  # candidates compared in full
Vector = dict[int, float]


class Link(msgspec.Struct, frozen=True):
    """Where a text belongs. `id` comes from the first member; `count` counts members so far, this one included;
    `closeness` (0..1000) is to what it was linked to, 0 for the first."""

    id: str
    count: int
    first: bool
    closeness: int = 0


class Weigher:
    """Words as hashed features with weights: the rarer, the more. Counts what it sees, in a table of fixed size."""

    def __init__(self) -> None:
        self._seen = array("L", bytes(_BUCKETS * array("L").itemsize))
        self.texts = 0

    def vector(self, text: str, *, power: float = 1.0, floor: float = 1e-5) -> Vector:
        """The features of a text, of length 1; counts the text. A smaller `power` and a higher `floor` make rare words
        weigh less over common ones."""
        self.texts += 1
        seen, total = self._seen, self.texts + _BELIEF
        weights: Vector = {}
        for word in _WORD.findall(_SKIP.sub(" ", text).casefold()):
            feature, rate = _feature(word)
            if rate < 0 or feature in weights:
                continue
            seen[feature] += 1
            weights[feature] = (
                max(0.05, -log((seen[feature] + _BELIEF * rate) / total + floor)) ** power
            )
        length = sqrt(sum(w * w for w in weights.values())) or 1.0
        return {feature: weight / length for feature, weight in weights.items()}


_RATES = [0.3 * 10 ** (level - 9) for level in range(10)]


@lru_cache(maxsize=50_000)
def _feature(word: str) -> tuple[int, float]:
    """The place of a word, and how often it is in English at large; below 0 for those that say nothing."""
    flags = lexicon().get(word, "")
    level = int(flags[-1]) if flags[-1:].isdigit() else -1
    rate = _UNKNOWN_RATE if level < 0 else _RATES[level] if level < _COMMONEST else -1.0
    return crc32(_stem(word).encode()) % _BUCKETS, rate


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def closeness(a: Vector, b: Vector, hours: float | None) -> float:
    """How likely two texts say the same: shared words, less what the time between them takes off. `hours` None = not
    known: counted as a day."""
    small, large = (a, b) if len(a) <= len(b) else (b, a)
    shared = sum([weight * large[feature] for feature, weight in small.items() if feature in large])
    return shared - 0.055 * log1p(24.0 if hours is None else abs(hours))


class _Text:
    __slots__ = ("at", "group", "key", "vector")

    def __init__(self, vector: Vector, at: float | None, group: str, key: str) -> None:
        self.vector = vector
        self.at = at
        self.group = group
        self.key = key


class Accounts:
    """Links each text to the earlier one that says the same thing.

    Remembers the last `capacity` texts that added something (about 2 kB each).
    """

    def __init__(self, *, capacity: int = 20_000, alike: int = 300) -> None:
        """`alike`: least closeness to be linked, in thousandths. Raises: ValueError for bad limits."""
        _check(capacity, alike)
        self._capacity = capacity
        self._alike = alike / 1000
        self._weigher = Weigher()
        self._texts: OrderedDict[int, _Text] = OrderedDict()
        self._index: dict[tuple[str, int], OrderedDict[int, None]] = {}
        self._counts: dict[str, int] = {}
        self._members: dict[str, int] = {}
        self._next = 0

    def assign(self, text: str, at: datetime | None = None, *, key: str = "") -> Link:
        """The group of a text, which becomes a member. `at` = when it was posted."""
        hour = at.timestamp() / 3600 if at else None
        vector = self._weigher.vector(text)
        best, most = self._nearest(vector, hour, key)
        if best is None or most < self._alike:
            group, close = f"i-{_digest(key, text, hour)}", 0.0
        else:
            group, close = best.group, most
        count = self._counts[group] = self._counts.get(group, 0) + 1
        if close < 0.9 or count == 1:
            self._remember(_Text(vector, hour, group, key))
        return Link(group, count, count == 1, round(close * 1000))

    def __len__(self) -> int:
        return len(self._texts)

    def _nearest(self, vector: Vector, hour: float | None, key: str) -> tuple[_Text | None, float]:
        votes: dict[int, float] = {}
        room = _VOTES
        for feature, weight in _rarest(vector):
            posted = self._index.get((key, feature), ())
            for number in posted:
                votes[number] = votes.get(number, 0.0) + weight
            room -= len(posted)
            if room < 0:
                break
        best: _Text | None = None
        most = -1.0
        for number in nlargest(_TRIED, votes, key=votes.__getitem__):
            known = self._texts[number]
            hours = hour - known.at if hour is not None and known.at is not None else None
            close = closeness(vector, known.vector, hours)
            if close > most:
                best, most = known, close
        return best, most

    def _remember(self, text: _Text) -> None:
        number = self._next
        self._next += 1
        self._texts[number] = text
        self._members[text.group] = self._members.get(text.group, 0) + 1
        for feature, _ in _rarest(text.vector):
            posted = self._index.setdefault((text.key, feature), OrderedDict())
            posted[number] = None
            if len(posted) > _POSTINGS:
                posted.popitem(last=False)
        if len(self._texts) > self._capacity:
            self._forget()

    def _forget(self) -> None:
        number, text = self._texts.popitem(last=False)
        for feature, _ in _rarest(text.vector):
            _unpost(self._index, (text.key, feature), number)
        self._members[text.group] -= 1
        if not self._members[text.group]:
            del self._members[text.group], self._counts[text.group]


class _Story:
    __slots__ = ("count", "id", "key", "length", "middle", "posted")

    def __init__(self, story: str, key: str) -> None:
        self.id = story
        self.key = key
        self.count = 0
        self.middle: Vector = {}
        self.length = 1.0
        self.posted: set[int] = set()


class Stories:
    """Links each text to the story whose middle is nearest. Remembers `capacity` stories (at most 15 kB each), and
    forgets the one that has been quiet longest."""

    _WIDEST = 160  # features of a middle; then only the strongest half stays

    def __init__(self, *, capacity: int = 20_000, alike: int = 120) -> None:
        """`alike`: least closeness to join a story, in thousandths. Raises: ValueError for bad limits."""
        _check(capacity, alike)
        self._capacity = capacity
        self._alike = alike / 1000
        self._weigher = Weigher()
        self._stories: OrderedDict[int, _Story] = OrderedDict()
        self._index: dict[tuple[str, int], OrderedDict[int, None]] = {}
        self._next = 0

    def assign(self, text: str, at: datetime | None = None, *, key: str = "") -> Link:
        """The story of a text, which becomes part of it."""
        vector = self._weigher.vector(text, power=0.5, floor=1e-4)
        number, close = self._nearest(vector, key)
        if number is None or close < self._alike:
            number, close = (
                self._open(f"s-{_digest(key, text, at.timestamp() if at else None)}", key),
                0.0,
            )
        story = self._stories[number]
        self._stories.move_to_end(number)
        self._join(number, story, vector)
        return Link(story.id, story.count, story.count == 1, round(close * 1000))

    def __len__(self) -> int:
        return len(self._stories)

    def _nearest(self, vector: Vector, key: str) -> tuple[int | None, float]:
        votes: dict[int, float] = {}
        room = _VOTES
        for feature, weight in _rarest(vector):
            posted = self._index.get((key, feature), ())
            for number in posted:
                story = self._stories[number]
                votes[number] = (
                    votes.get(number, 0.0) + weight * story.middle[feature] / story.length
                )
            room -= len(posted)
            if room < 0:
                break
        best, most = None, 0.0
        for number in nlargest(_TRIED, votes, key=votes.__getitem__):
            story = self._stories[number]
            middle = story.middle
            close = sum([w * middle[f] for f, w in vector.items() if f in middle]) / story.length
            if close > most:
                best, most = number, close
        return best, most

    def _open(self, story: str, key: str) -> int:
        number = self._next
        self._next += 1
        self._stories[number] = _Story(story, key)
        if len(self._stories) > self._capacity:
            quiet, gone = self._stories.popitem(last=False)
            for feature in gone.posted:
                _unpost(self._index, (gone.key, feature), quiet)
        return number

    def _join(self, number: int, story: _Story, vector: Vector) -> None:
        story.count += 1
        middle = story.middle
        grown = 0.0
        for feature, weight in vector.items():
            before = middle.get(feature, 0.0)
            after = middle[feature] = before + weight
            grown += after * after - before * before
            if feature not in story.posted:
                self._post(number, story, feature)
        story.length = sqrt(max(1e-9, (story.length**2 if story.count > 1 else 0.0) + grown))
        if len(middle) > self._WIDEST:
            self._narrow(number, story)

    def _post(self, number: int, story: _Story, feature: int) -> None:
        posted = self._index.setdefault((story.key, feature), OrderedDict())
        posted[number] = None
        story.posted.add(feature)
        if len(posted) > _POSTINGS:
            old, _ = posted.popitem(last=False)
            self._stories[old].posted.discard(feature)

    def _narrow(self, number: int, story: _Story) -> None:
        kept = nlargest(self._WIDEST // 2, story.middle, key=story.middle.__getitem__)
        story.middle = {feature: story.middle[feature] for feature in kept}
        for feature in story.posted - story.middle.keys():
            _unpost(self._index, (story.key, feature), number)
        story.posted &= story.middle.keys()
        story.length = sqrt(sum(w * w for w in story.middle.values()))


def _check(capacity: int, alike: int) -> None:
    if capacity < 1 or not 1 <= alike <= 1000:
        raise ValueError("capacity must be at least 1 and alike within 1..1000 (thousandths).")


def _rarest(vector: Vector) -> list[tuple[int, float]]:
    return sorted(vector.items(), key=itemgetter(1), reverse=True)[:_LOOKED_UP]


def _unpost(
    index: dict[tuple[str, int], OrderedDict[int, None]], place: tuple[str, int], number: int
) -> None:
    posted = index.get(place)
    if posted is not None:
        posted.pop(number, None)
        if not posted:
            del index[place]


def _digest(key: str, text: str, at: float | None) -> str:
    """An id that the same text in the same stream always gets."""
    told = f"{key}\0{text}\0{at}".encode(errors="surrogatepass")
    return blake2b(told, digest_size=8).hexdigest()
