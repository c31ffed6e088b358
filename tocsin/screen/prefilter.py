"""Finding, in one pass over many texts, the few patterns that may match in each.

Every pattern is reduced to wordings it cannot match without (see `wording`). The texts of a batch are reduced to bare
words, put one behind the other, and searched by Hyperscan for the rarest wordings of all patterns at once: plain
wordings in one long buffer are what it is fastest with. Where one is found, the text is asked for the pattern's other
wordings, in any order. That may report too much, never too little: the caller looks again with the whole pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import hyperscan
import numpy as np
from numpy.typing import NDArray

from tocsin.screen.indicators import BadCatalogue
from tocsin.screen.wording import Piece, Way, ways

_BETWEEN = b" \xff "  # between texts: no UTF-8 has this byte
_SPACE, _END = 32, 10
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_")
_BARE = bytes(
    code if code in _WORD_BYTES else _END if code == 0xFF else _SPACE for code in range(256)
)
_COMMONEST = (
    "the to a and of in i is for you that it on my with this be me are have so just not at but your was we out up all "
    "what no when if like from can they get do go will he one now how about more know day who by or as time love good "
    "an there her she his their them him has our why then want make new today see going us these over off got down "
    "need people only been some think back would should am here really home right still where too never way work "
    "could even than because much every live night first man say t s m re"
).split()
_RATE = {word: 1 / (place + 1) for place, word in enumerate(_COMMONEST)}
_UNLISTED, _LETTER = 1 / 40, 0.7  # of other words: the longer, the rarer
_FURTHER = 0.1

Scan = Callable[[bytes, Callable[[int, int, int, int, object], None]], None]


class Rest(NamedTuple):
    """What else a text must have where the rarest piece of an expression's way was found in it: one of each of
    `words`, and one of each of `parts` anywhere within it.
    """

    expression: int
    words: tuple[frozenset[bytes], ...]
    parts: tuple[tuple[bytes, ...], ...]


class Prefilter:
    """Reports the numbers of the expressions that may match in texts. One thread at a time."""

    def __init__(self, expressions: Sequence[str], names: Sequence[str]) -> None:
        """`names`: what to call each expression in an error.

        Raises: BadCatalogue for an expression that cannot be taken apart.
        """
        self._always: set[int] = set()
        self._led: list[list[Rest]] = []
        wordings: dict[str, int] = {}
        for number, expression in enumerate(expressions):
            for way in _ways(expression, names[number]):
                if not way:
                    self._always.add(number)
                    continue
                rarest, rest = _taken_apart(number, way)
                for wording in rarest:
                    at = wordings.setdefault(wording, len(wordings))
                    if at == len(self._led):
                        self._led.append([])
                    self._led[at].append(rest)
        self._scan = _matcher(list(wordings))
        self._met: list[int] = []
        self._ends: list[int] = []

    def seen(self, texts: Sequence[bytes]) -> dict[int, set[int]]:
        """By place of the text: the expressions that may match in these folded texts in UTF-8; only
        texts with any.
        """
        found = {at: set(self._always) for at in range(len(texts))} if self._always else {}
        buffer, bounds = _bare(texts)
        self._met.clear()
        self._ends.clear()
        self._scan(buffer, self._hit)
        count = len(self._led)
        met = np.searchsorted(bounds, self._ends) * count + np.array(self._met, np.int64)
        ends = [0, *bounds.tolist()]
        before = -1
        for each in np.unique(met).tolist():
            at, wording = divmod(each, count)
            if at != before:
                before = at
                text = buffer[ends[at] : ends[at + 1]]
                words = set(text.split())
            for expression, needed, parts in self._led[wording]:
                for choice in needed:
                    if choice.isdisjoint(words):
                        break
                else:
                    if not parts or _within(text, parts):
                        found.setdefault(at, set()).add(expression)
        return found

    def _hit(self, wording: int, _start: int, end: int, _flags: int, _context: object) -> None:
        self._met.append(wording)
        self._ends.append(end)


def _ways(expression: str, name: str) -> list[Way]:
    try:
        return ways(expression)
    except ValueError as wrong:
        message = f"the matcher cannot use this pattern ({wrong}): {expression[:200]}"
        raise BadCatalogue(message, field=name, cure="Say it with words and gaps.") from wrong


def _within(text: bytes, parts: tuple[tuple[bytes, ...], ...]) -> bool:
    return all(any(part in text for part in choice) for choice in parts)


def _taken_apart(number: int, way: Way) -> tuple[Piece, Rest]:
    """The piece of a way that is likely to be rarest, and the rest of it."""
    rarest, *others = sorted(way, key=_commonness)
    words, parts = [], []
    for piece in others:
        if whole := _words(piece):
            words.append(whole)
        else:
            parts.append(tuple(part.encode() for part in sorted(piece)))
    return rarest, Rest(number, tuple(words), tuple(parts))


def _commonness(piece: Piece) -> float:
    """In what share of texts a piece is, very roughly."""
    return sum(_rate(wording) for wording in piece)


def _rate(wording: str) -> float:
    """That of its rarest word, less for each further word; the shorter a part of a word, the more words have it."""
    if whole := wording.split(" ")[1:-1]:
        return float(min(map(_of_word, whole)) * _FURTHER ** (len(whole) - 1))
    part = max(wording.split(" "), key=len)
    return max(_of_word(part), 0.5 ** len(part))


def _of_word(word: str) -> float:
    return _RATE.get(word) or float(_UNLISTED * _LETTER ** len(word))


def _words(piece: Piece) -> frozenset[bytes]:
    """Whole words of which a text that has the piece must have one; none where a part of a word may do."""
    found = []
    for wording in piece:
        whole = wording.split(" ")[1:-1]
        if not whole:
            return frozenset()
        found.append(min(whole, key=_of_word).encode())
    return frozenset(found)


def _matcher(wordings: list[str]) -> Scan:
    if not wordings:
        return lambda _text, _heard: None
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    count = len(wordings)
    database.compile([w.encode() for w in wordings], list(range(count)), count, 0, literal=True)
    scan: Scan = database.scan
    return scan


def _bare(texts: Sequence[bytes]) -> tuple[bytes, NDArray[np.int64]]:
    """All texts reduced to bare words in one buffer, and where each ends in it."""
    joined = (_BETWEEN[2:] + _BETWEEN.join(texts) + _BETWEEN).translate(_BARE)
    codes = np.frombuffer(joined, np.uint8)
    gap = codes == _SPACE
    codes = codes[~(gap & np.append(gap[1:], False))]
    return codes.tobytes(), np.flatnonzero(codes == _END)
