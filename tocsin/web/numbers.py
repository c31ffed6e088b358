"""Numbers as an address or a form carries them."""

from __future__ import annotations

from typing import overload


@overload
def number(text: str | None, default: int = 0, *, digits: int = 9) -> int: ...
@overload
def number(text: str | None, default: None, *, digits: int = 9) -> int | None: ...
def number(text: str | None, default: int | None = 0, *, digits: int = 9) -> int | None:
    """The whole number that `text` is, or `default`: plain digits only, at most `digits` of them.

    Nine fit every column of the database; "²" counts as a digit in Python but is no number.
    """
    plain = text and text.isascii() and text.isdigit() and len(text) <= digits
    return int(text) if text and plain else default
