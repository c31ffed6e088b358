"""Finding, in one pass over a text, the few patterns that may match it.

Hyperscan compiles patterns with many word lists and gaps into machines that take minutes to build.
So each pattern is taken apart at its gaps, the parts (mostly plain word lists, many shared between
patterns) are compiled once, and a pattern counts as possible when all of its parts were seen, in
any order. That may report too much, never too little: the caller looks again with the whole
pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import hyperscan

from tocsin.screen import compiled
from tocsin.screen.indicators import BadCatalogue

_GAP = re.compile(
    r"\(\?:\[\^[^\]]*\]\{0,\d+\}\)"  # (?:[^.!?]{0,40})
    r"|\(\?:\\w\+\\s\+\)(?:\{0,\d+\}|\?|\*)"  # (?:\w+\s+){0,3}
)
# "End of text": the line feed put behind every text stands for it.
_END = re.compile(r"(\\.|\[[^\]]*\])|\|?\$")
_AFTER = r"(?!\w)"  # as the catalogue's loader writes the end of a word
_BEFORE = r"(?<!\w)"
_WORD_ENDS = "\0"
_WORD_BEGINS = "\1"
_EVERYDAY = (
    "\n\nwe you they he she it i'm all every this that the those them him her his your their a an "
    "is are be will in to go going at on of for up out over through down good now not just have "
    "get make want need see do can and or then there today tonight tomorrow monday game office "
    "school house home people man men women kids 10 am.\n"
)
_LOOK = re.compile(r"\(\?<?[!=]")
# On bytes: far cheaper than on UTF-8.
_PART = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL
_BOTH = hyperscan.HS_FLAG_COMBINATION | hyperscan.HS_FLAG_SINGLEMATCH

Heard = Callable[[int, int, int, int, object], None]


class Prefilter:
    """Reports the numbers of the expressions that may match a text. One thread at a time."""

    def __init__(self, expressions: Sequence[str], names: Sequence[str]) -> None:
        """`names`: what to call each expression in an error.

        Raises: BadCatalogue when the matcher cannot use an expression.
        """
        first = len(expressions)
        parts: dict[str, int] = {}
        needs = [
            [
                [parts.setdefault(part, first + len(parts)) for part in needed]
                for needed in alternatives(expression)
            ]
            for expression in expressions
        ]
        conditions = [" | ".join(_all_of(ids) for ids in either) for either in needs]
        quiet = _PART | hyperscan.HS_FLAG_QUIET
        recipe = (
            [*parts, *conditions],
            [*parts.values(), *range(first)],
            [*([quiet] * len(parts)), *([_BOTH] * first)],
        )
        self.about = _about(*recipe)
        self.database = _compiled(
            *recipe,
            {
                part: names[number]
                for number, either in enumerate(needs)
                for ids in either
                for part in _named(parts, ids)
            },
        )

    def scan(self, text: bytes, heard: Heard) -> None:
        """Call `heard(number, …)` once for each expression that may match this UTF-8 text."""
        self.database.scan(text + b"\n", heard)


def _all_of(ids: list[int]) -> str:
    """A condition in the matcher's language, which wants an operator even for one part."""
    return "(" + " & ".join(map(str, ids if len(ids) > 1 else ids * 2)) + ")"


def _named(parts: dict[str, int], ids: list[int]) -> list[str]:
    listed = list(parts)
    first = parts[listed[0]]
    return [listed[number - first] for number in ids]


def alternatives(expression: str) -> list[list[str]]:
    """For each way an expression can match, the parts that must all be there.

    Cut only outside brackets: first at `|`, then at gaps. Gaps inside brackets become
    "anything"; parts that can be empty say nothing and are left out, and so are parts made of
    everyday words when others remain: they would be found in every text and cost more than they
    spare. A way with no parts left keeps its whole expression as its only part.
    """
    ways = []
    marked = expression.replace(_AFTER, _WORD_ENDS).replace(_BEFORE, _WORD_BEGINS)
    for way in _cut(_without_looks(marked), re.compile(r"\|")):
        parts = [_widened(part) for part in _cut(way, _GAP)]
        useful = [part for part in parts if not _found_in(part, "")]
        telling = [part for part in useful if not _found_in(part, _EVERYDAY)]
        ways.append(list(dict.fromkeys(telling or useful)) or [_widened(way)])
    return ways


@lru_cache(maxsize=4096)
def _found_in(part: str, text: str) -> bool:
    return re.search(part, text, re.ASCII | re.DOTALL) is not None


def _widened(part: str) -> str:
    anything = _END.sub(r"\1", _GAP.sub(".*", part))
    ends = anything.endswith(_WORD_ENDS)
    begins = anything.startswith(_WORD_BEGINS)
    words = anything.replace(_WORD_ENDS, "").replace(_WORD_BEGINS, "")
    return (r"(?:^|\W)" if begins else "") + words + (r"\W" if ends else "")


def _without_looks(expression: str) -> str:
    """The expression without look-ahead and look-behind, which the matcher has not; it then matches
    more, not less.
    """
    kept = ""
    depth = index = 0
    inside = 0  # bracket depth of the look being left out
    while index < len(expression):
        token = _TOKEN.match(expression, index)
        piece = token.group() if token else expression[index]
        if piece == "(":
            depth += 1
            if not inside and _LOOK.match(expression, index):
                inside = depth
        if not inside:
            kept += piece
        if piece == ")":
            inside = 0 if inside == depth else inside
            depth -= 1
        index += len(piece)
    return kept


def _cut(expression: str, at: re.Pattern[str]) -> list[str]:
    """The pieces between matches of `at` that lie outside all brackets."""
    pieces = [""]
    depth = index = 0
    while index < len(expression):
        found = at.match(expression, index) if depth == 0 else None
        if found:
            pieces.append("")
            index = found.end()
            continue
        token = _TOKEN.match(expression, index)
        piece = token.group() if token else expression[index]
        depth += (piece == "(") - (piece == ")")
        pieces[-1] += piece
        index += len(piece)
    return pieces


_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]")


def _compiled(
    expressions: Sequence[str], ids: Sequence[int], flags: Sequence[int], owners: dict[str, str]
) -> hyperscan.Database:
    try:
        return _database(expressions, ids, flags)
    except hyperscan.HyperscanError as wrong:
        for part, name in owners.items():
            try:
                _database([part], [0], [_PART])
            except hyperscan.HyperscanError as why:
                message = f"the matcher cannot use this pattern ({why}): {part}"
                raise BadCatalogue(
                    message, field=name, cure="Simplify it or shorten its gaps."
                ) from why
        raise BadCatalogue(
            f"the matcher cannot compile the catalogue: {wrong}.", field="catalogue"
        ) from wrong


def _database(
    expressions: Sequence[str], ids: Sequence[int], flags: Sequence[int]
) -> hyperscan.Database:
    """The compiled matcher: from the cache of this machine or as it ships where it is one of those."""
    encoded = [expression.encode() for expression in expressions]
    about = _about(expressions, ids, flags)
    kept = compiled.place(about)
    for raw in (compiled.read(kept), compiled.shipped(about)):
        found = None if raw is None else loaded(raw)
        if found is not None:
            return found
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=encoded, ids=list(ids), elements=len(encoded), flags=list(flags))
    compiled.write(kept, hyperscan.dumpb(database))
    return database


def _about(expressions: Sequence[str], ids: Sequence[int], flags: Sequence[int]) -> bytes:
    """All that a matcher is compiled from: two of the same are the same."""
    return repr((list(expressions), list(ids), list(flags))).encode()


def loaded(raw: bytes) -> hyperscan.Database | None:
    """None for what this version or this processor cannot use."""
    try:
        found: hyperscan.Database = hyperscan.loadb(raw, hyperscan.HS_MODE_BLOCK)
        # a database without its scratch space cannot scan, and loading does not give it any
        found.scratch = hyperscan.Scratch(found)
    except (hyperscan.HyperscanError, ValueError, TypeError):
        return None
    return found
