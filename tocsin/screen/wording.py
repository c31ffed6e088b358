"""What a pattern cannot match without: the plain wordings that a text must hold for it to match.

A pattern is read into *ways*. A way is a list of pieces, each of which must be in the text; a piece is a set of
wordings of which any one will do. Wordings are over bare text, in which whatever lies
between letters, digits and underscores is one space (`prefilter` reduces texts so):

    \\bkill(?:ing|ed)? {gap}(?:senators?|him)\\b   →   [" killing ", " killed ", " kill "] and ["senator…", "him "]

What lies between pieces, their order, looks ahead and behind, and what is too long to write out is left out. So a
way says what is needed, never what is enough.
"""

from __future__ import annotations

import re
from functools import lru_cache, reduce
from itertools import accumulate

Piece = frozenset[str]
Way = tuple[Piece, ...]

MOST_WORDINGS = 48
"""In a piece that comes from writing pieces out side by side; more, and each is a piece of its own."""

MOST_WAYS = 48
MOST_BRACKETS = 60
_MOST_PIECES = 8
_REPEATS = 2  # written out up to so many times
_MOST_CHARACTERS = 12  # characters of a class that are written out
_NOTHING: tuple[Way, ...] = ((frozenset({""}),),)
_GAP: tuple[Way, ...] = ((frozenset({""}), frozenset({""})),)
_SPACE: tuple[Way, ...] = ((frozenset({" "}),),)
_WORDS: tuple[Way, ...] = ((frozenset({" "}), frozenset({" "})),)
_SET = r"\[\^?\]?(?:\\.|[^\]\\])*\]"
_TOKEN = re.compile(
    r"(?P<edge>\(\?<?!\\w\))|(?P<look>\(\?<?[=!])|(?P<open>\(\?:|\((?!\?))|(?P<close>\))|(?P<or>\|)"
    r"|(?P<other>\(\?|\\[^wWsSdDntrfv\W_])"
    rf"|(?P<repeat>[?*+]\??|\{{[0-9]+(?:,[0-9]*)?\}}\??)|(?P<class>{_SET})"
    r"|(?P<escape>\\.)|(?P<end>[\^$])|(?P<any>\.)|(?P<letters>[^\\\[\](){}|?*+.^$]+(?![?*+{])|.)",
    re.DOTALL,
)
_STEP = {"(": 1, ")": -1}
_BRACKET = re.compile(rf"\\.|{_SET}|[()]", re.DOTALL)
_KINDS: dict[str, str | None] = {
    **dict.fromkeys("wSD", None),
    **dict.fromkeys("Wsntrfv", " "),
    "d": "0123456789",
}
_NOT_BARE = re.compile(r"[^a-z0-9_]+")
Ways = tuple[Way, ...]


def ways(expression: str) -> list[Way]:
    """The ways in which an expression (as the catalogue's loader writes it) can match a text.

    A way without pieces could match in any text.

    Raises: ValueError for what cannot be read.
    """
    depth = accumulate(_STEP.get(one.group(), 0) for one in _BRACKET.finditer(expression))
    if max(depth, default=0) > MOST_BRACKETS:
        raise ValueError(f"more than {MOST_BRACKETS} brackets within brackets")
    found = _either(expression)
    told = []
    for way in found:
        pieces = dict.fromkeys(_shortest(piece) for piece in way)
        told.append(tuple(piece for piece in pieces if not piece & {"", " "}))
    return told


@lru_cache(maxsize=512)  # word lists come again in many patterns
def _either(expression: str) -> Ways:
    """The ways of an expression, or of what stands in brackets."""
    branches: list[Ways] = []
    before, last = _NOTHING, _NOTHING
    at = 0
    while at < len(expression):
        token = _TOKEN.match(expression, at)
        kind = token.lastgroup if token else None
        if token is None or kind in ("close", "other"):
            raise ValueError(f"{expression[at : at + 3]} is not known here")
        at = token.end()
        if kind == "repeat":
            last = _repeated(last, token.group(), after_space=_all_end_in_space(before))
            continue
        before, last = _then(before, last), _NOTHING
        if kind == "or":
            branches.append(before)
            before = _NOTHING
        elif kind in ("open", "look"):
            end = _closing(expression, at)
            last = _either(expression[at:end]) if kind == "open" else _NOTHING
            at = end + 1
        else:
            last = _atom(kind or "", token.group())
    return _any_of([*branches, _then(before, last)])


def _closing(expression: str, at: int) -> int:
    """Where the bracket closes that was opened before `at`."""
    depth = 1
    for token in _BRACKET.finditer(expression, at):
        depth += _STEP.get(token.group(), 0)
        if not depth:
            return token.start()
    raise ValueError("a bracket is not closed")


def _atom(kind: str, token: str) -> Ways:
    if kind in ("edge", "end"):
        return _SPACE
    if kind == "any":
        return _GAP
    if kind == "class":
        return _characters(token)
    if kind == "escape":
        return _of(_KINDS.get(token[1], token[1]))
    return ((frozenset({_squeezed(token)}),),)


def _characters(token: str) -> Ways:
    if token.startswith("[^"):
        return _GAP
    found = ""
    for one in re.finditer(r"\\.|(.)-(?!\])(.)|.", token[1:-1], re.DOTALL):
        if one[1]:
            found += "".join(map(chr, range(ord(one[1]), ord(one[2]) + 1)))
            continue
        said = one.group()
        kind = _KINDS.get(said[1], said[1]) if len(said) > 1 else said
        if kind is None:
            return _GAP
        found += kind
    return _of(found)


def _of(characters: str | None) -> Ways:
    """Any one of some characters; None = of more than can be written out."""
    wordings = frozenset(map(_squeezed, characters or ()))
    return ((wordings,),) if 0 < len(wordings) <= _MOST_CHARACTERS else _GAP


def _then(first: Ways, second: Ways) -> Ways:
    """One after the other."""
    if first == _NOTHING or second == _NOTHING:
        return second if first == _NOTHING else first
    return _any_of([(_joined(a, b),) for a in first for b in second])


def _joined(first: Way, second: Way) -> Way:
    way = _side_by_side(first, second)
    return way if len(way) <= _MOST_PIECES else (*way[: _MOST_PIECES - 1], way[-1])


def _side_by_side(first: Way, second: Way) -> Way:
    a, b = first[-1], second[0]
    if (
        len(a) * len(b) > MOST_WORDINGS and min(len(a), len(b)) > 1
    ):  # apart, but whole words stay so
        if all(word.endswith(" ") for word in a):
            b = frozenset(_squeezed(" " + word) for word in b)
        elif all(word.startswith(" ") for word in b):
            a = frozenset(_squeezed(word + " ") for word in a)
        return (*first[:-1], a, b, *second[1:])
    return (*first[:-1], frozenset(_squeezed(x + y) for x in a for y in b), *second[1:])


def _any_of(branches: list[Ways]) -> Ways:
    """Any of several: the plain ones as one piece."""
    every = [way for branch in branches for way in branch]
    plain = frozenset[str]().union(*(way[0] for way in every if len(way) == 1))
    other = dict.fromkeys(way for way in every if len(way) > 1)
    found = (*other, (plain,)) if plain else tuple(other)
    return found if len(found) <= MOST_WAYS else _GAP


def _repeated(what: Ways, token: str, *, after_space: bool) -> Ways:
    told = token.rstrip("?") or "?"
    if what == _SPACE:
        return _SPACE if told[0] == "+" or told[:2] == "{1" else _any_of([_NOTHING, _SPACE])
    low, high = {"?": (0, 1), "*": (0, 99), "+": (1, 99)}.get(told[0], (0, 0))
    if told[0] == "{":
        bounds = told[1:-1].split(",")
        low, high = int(bounds[0]), int(bounds[-1] or 99)
    gaps = any(len(way) > 1 for way in what)
    if high <= _REPEATS and not (gaps and low == 0):
        return _any_of([reduce(_then, [what] * count, _NOTHING) for count in range(low, high + 1)])
    if low:
        return _then(what, _GAP)
    return _WORDS if after_space and _all_end_in_space(what) else _GAP


def _all_end_in_space(what: Ways) -> bool:
    return all(word.endswith(" ") for way in what for word in way[-1])


def _squeezed(text: str) -> str:
    return _NOT_BARE.sub(" ", text)


def _shortest(piece: Piece) -> Piece:
    """A piece without the wordings that begin with another of them."""
    return frozenset(
        word for word in piece if not any(word[:end] in piece for end in range(1, len(word)))
    )
