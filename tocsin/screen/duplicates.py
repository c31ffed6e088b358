"""Near-duplicates: copies and small changes of one flagged text are one thing to look at, with a
count.

Works on masked text, so it keeps no identifiers, and two copies that only name different people
still meet. Method: MinHash over runs of five characters, looked up by bands (locality-sensitive
hashing), then compared.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from operator import eq

from rensa import RMinHash

from tocsin.screen.normalise import fold
from tocsin.screen.terms import Group

_PERMUTATIONS = 64
# Bands of 4 rows: two texts half alike meet in some band with probability 0.64, 0.7 alike: 0.99.
_BANDS = 16
_ROWS = _PERMUTATIONS // _BANDS
_SHINGLE = 5
_SEED = 20210106
_NOISE = re.compile(r"⟦[^⟧]*⟧|\brt\b|https?://\S+|[^\w]+")


class _Known:
    """One group as the grouper remembers it: the first member's sketch, not its text."""

    __slots__ = ("bands", "count", "digest", "exact", "id")

    def __init__(self, key: str, exact: str, digest: list[int]) -> None:
        self.id = key
        self.exact = exact
        self.digest = digest
        self.bands = [(band, *digest[band * _ROWS : (band + 1) * _ROWS]) for band in range(_BANDS)]
        self.count = 0


class Grouper:
    """Puts texts into groups of near-duplicates as they come.

    Memory is bounded: it remembers at most `capacity` groups (about 3 kB each) and forgets the
    one that has been quiet longest; a later copy then opens the group again, under the same id
    if it is the same text. Not for sharing between threads. Holds no text, and losing it costs
    only that counts start again.
    """

    def __init__(self, *, capacity: int = 50_000, alike: int = 550) -> None:
        """`alike`: least similarity to join a group, in thousandths of shared five-character runs.

        Raises: ValueError if capacity is below 1 or alike outside 1..1000.
        """
        if capacity < 1 or not 1 <= alike <= 1000:
            raise ValueError("capacity must be at least 1 and alike within 1..1000 (thousandths).")
        self._capacity = capacity
        self._alike = alike * _PERMUTATIONS // 1000
        self._groups: OrderedDict[str, _Known] = OrderedDict()
        self._by_text: dict[str, _Known] = {}
        self._by_band: dict[tuple[int, ...], list[_Known]] = {}
        self.opened = 0

    def assign(self, text: str) -> Group:
        """The group of a masked text, which becomes a member. Same stream, same ids."""
        folded = _NOISE.sub(" ", fold(text)).strip()
        exact = hashlib.sha256(folded.encode()).hexdigest()[:16]
        known = self._by_text.get(exact)
        if known is None:
            digest = _sketch(folded)
            known = self._nearest(digest) or self._open(exact, digest)
        known.count += 1
        self._groups.move_to_end(known.id)
        return Group(known.id, known.count, known.count == 1)

    def __len__(self) -> int:
        return len(self._groups)

    def _nearest(self, digest: list[int]) -> _Known | None:
        """The most similar group that is alike enough; of equals the one opened first."""
        candidates: dict[str, _Known] = {}
        for band in range(_BANDS):
            key = (band, *digest[band * _ROWS : (band + 1) * _ROWS])
            candidates.update((known.id, known) for known in self._by_band.get(key, ()))
        best: _Known | None = None
        most = self._alike - 1
        for known in candidates.values():
            shared = sum(map(eq, digest, known.digest))
            if shared > most:
                best, most = known, shared
        return best

    def _open(self, exact: str, digest: list[int]) -> _Known:
        known = _Known(f"g-{exact}", exact, digest)
        if len(self._groups) >= self._capacity:
            self._forget(next(iter(self._groups.values())))
        self._groups[known.id] = self._by_text[exact] = known
        for band in known.bands:
            self._by_band.setdefault(band, []).append(known)
        self.opened += 1
        return known

    def _forget(self, known: _Known) -> None:
        del self._groups[known.id], self._by_text[known.exact]
        for band in known.bands:
            self._by_band[band].remove(known)
            if not self._by_band[band]:
                del self._by_band[band]


def _sketch(folded: str) -> list[int]:
    sketch = RMinHash(num_perm=_PERMUTATIONS, seed=_SEED)
    sketch.update([folded[at : at + _SHINGLE] for at in range(max(1, len(folded) - _SHINGLE + 1))])
    digest: list[int] = sketch.digest()
    return digest
