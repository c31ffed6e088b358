"""Texts that a regular expression matches, made from the expression itself."""

from __future__ import annotations

import re
from functools import lru_cache
from random import Random
from re import _constants as op
from re import _parser as parser
from typing import Any

_ANY = "ak7_ ,-' ,.\n中é"
_OF = {
    op.CATEGORY_WORD: "aekz7_",
    op.CATEGORY_NOT_WORD: " ,.-'中",
    op.CATEGORY_SPACE: " \n\t",
    op.CATEGORY_NOT_SPACE: "ak,",
    op.CATEGORY_DIGIT: "0379",
    op.CATEGORY_NOT_DIGIT: "ak ",
}
_MOST = 4  # repeats of what may be repeated for ever


def matching(expression: str, dice: Random) -> str:
    """A text that the expression matches, unless what it looks at around itself forbids it."""
    return _all(_parsed(expression), dice)


@lru_cache(maxsize=8)
def _parsed(expression: str) -> Any:
    return parser.parse(expression, re.ASCII)


def _all(parts: Any, dice: Random) -> str:
    return "".join(_one(code, value, dice) for code, value in parts)


def _one(code: Any, value: Any, dice: Random) -> str:
    if code is op.LITERAL:
        return chr(value)
    if code in (op.NOT_LITERAL, op.ANY):
        return dice.choice([one for one in _ANY if one != chr(value or 10)])
    if code is op.IN:
        return _of_class(value, dice)
    if code is op.BRANCH:
        return _all(dice.choice(value[1]), dice)
    if code is op.SUBPATTERN:
        return _all(value[3], dice)
    if code in (op.MAX_REPEAT, op.MIN_REPEAT):
        low, high, what = value
        count = dice.randint(low, min(high, low + _MOST))
        return "".join(_all(what, dice) for _ in range(count))
    return ""


def _of_class(items: Any, dice: Random) -> str:
    if items[0][0] is op.NEGATE:
        allowed = [one for one in _ANY if not any(_holds(item, one) for item in items[1:])]
        return dice.choice(allowed)
    code, value = dice.choice(items)
    if code is op.RANGE:
        return chr(dice.randint(*value))
    return chr(value) if code is op.LITERAL else dice.choice(_OF[value])


def _holds(item: Any, character: str) -> bool:
    code, value = item
    if code is op.LITERAL:
        return bool(ord(character) == value)
    return bool(value[0] <= ord(character) <= value[1]) if code is op.RANGE else True
