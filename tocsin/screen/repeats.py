"""What a pattern may repeat, so that no text can keep a search busy for ever.

A search that fails tries every way to divide what was repeated; `(?:a+)+` doubles its work with every letter. So in
brackets only whole words are repeated, each with the white space behind it, and at most a few times:

    (?:\\w+\\s+){0,3}     (?:all\\s+|going\\s+to\\s+)*
"""

from __future__ import annotations

import re

MOST = 6
"""Times that words are repeated at most where the pattern says "as often as you like"."""

_MOST_OF_ANY = 8  # times of any word
_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<open>\((?:\?:|\?<?[=!])?)"
    r"|(?P<close>\))(?P<repeat>[*+]|\{[0-9]+(?:,[0-9]*)?\})?",
    re.DOTALL,
)
_ANY_WORD = r"\w+\s+"
_WORDS = re.compile(r"(?:(?:[a-z0-9_&'-]\??)+\\s\+)+")


class Unbounded(ValueError):
    """Something is repeated that may be divided in too many ways."""


def bounded(expression: str) -> str:
    """The expression with bounds put on what it repeats in brackets.

    Raises: Unbounded for what cannot be bounded; ValueError for brackets that do not match.
    """
    opened: list[int] = []
    said = ""
    at = 0
    for token in _TOKEN.finditer(expression):
        if token["open"]:
            opened.append(token.end())
        elif token["close"]:
            if not opened:
                raise ValueError("a bracket too many")
            body = expression[opened.pop() : token.start()]
            if token["repeat"]:
                said += expression[at : token.start("repeat")] + _limit(body, token["repeat"])
                at = token.end()
    return said + expression[at:]


def _limit(body: str, repeat: str) -> str:
    told = {"*": f"{{0,{MOST}}}", "+": f"{{1,{MOST}}}"}.get(repeat, repeat)
    most = int(told[1:-1].split(",")[-1] or 1000)
    if most <= 1:
        return told
    words = all(_WORDS.fullmatch(branch) for branch in body.split("|"))
    if (words and most <= MOST) or (body == _ANY_WORD and most <= _MOST_OF_ANY):
        return told
    raise Unbounded(f"({body}){repeat} may be divided in too many ways")
