"""Which texts of a batch show a trick of spelling: deliberately loose, their further views decide (see `normalise`)."""

from __future__ import annotations

from collections.abc import Sequence

import hyperscan
import numpy as np

_TRICKS = (
    r"\W[a-z0-9@$!][ ._*\-/|][a-z0-9@$!][ ._*\-/|][a-z0-9@$!]\W",  # k i l l, k.i.l.l
    r"\s[\"'(#]?[a-z]+[0-9$@!|]+[a-z]",  # k1ll; links do not start like that
    r"\s[4$][a-z]{4}",  # not @, which is how handles start
    "|".join(letter * 3 for letter in "abcdefghijklmnopqrstuvxyz"),  # kiiill; not www
)


class Tricks:
    """Finds such texts. One thread at a time."""

    def __init__(self) -> None:
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        count = len(_TRICKS)
        database.compile([trick.encode() for trick in _TRICKS], list(range(count)), count, 0)
        self._scan = database.scan
        self._ends: list[int] = []

    def shown(self, texts: Sequence[bytes]) -> set[int]:
        """The places of the folded texts in UTF-8 that show a trick."""
        self._ends.clear()
        self._scan(b"\n" + b"\n".join(texts) + b"\n", self._hit)
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        return set(np.searchsorted(np.cumsum(lengths + 1) + 1, self._ends).tolist())

    def _hit(self, _trick: int, _start: int, end: int, _flags: int, _context: object) -> None:
        self._ends.append(end)
