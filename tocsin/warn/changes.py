"""What changed from one saving of a draft to the next, word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from tocsin.warn.document import paragraphs
from tocsin.warn.terms import Content

_WORD = re.compile(r"^\s+|\S+\s*")


class Kind(StrEnum):
    """What became of a run of words."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Run:
    """A run of words that stayed, came or went."""

    kind: Kind
    text: str


def compare(before: Content, after: Content) -> list[list[Run]]:
    """The paragraphs of both, side by side in reading order; each is its runs of words."""
    old = [before.title, *paragraphs(before)]
    new = [after.title, *paragraphs(after)]
    return [list(words(a, b)) for a, b in _pairs(old, new)]


def words(before: str, after: str) -> Iterator[Run]:
    """The runs of words by which one text becomes the other; joined, SAME and ADDED give `after`."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    for op, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if op == "equal":
            yield Run(Kind.SAME, "".join(old[i:j]))
            continue
        if i < j:
            yield Run(Kind.REMOVED, "".join(old[i:j]))
        if k < m:
            yield Run(Kind.ADDED, "".join(new[k:m]))


def _pairs(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Paragraphs that belong together: equal ones anchor, what lies between is paired in order."""
    for op, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if op == "equal":
            yield from zip(old[i:j], new[k:m], strict=True)
            continue
        for n in range(max(j - i, m - k)):
            yield old[i + n] if i + n < j else "", new[k + n] if k + n < m else ""


def fields(before: Any, after: Any) -> list[tuple[str, str, str]]:
    """(name, before, after) of what changed beside the words, between two saved revisions."""
    pairs = [
        ("kind", before.type, after.type),
        ("TLP", before.label or "not set", after.label or "not set"),
        ("precedence", before.precedence, after.precedence),
        ("goes to", _seats(before.distribution), _seats(after.distribution)),
        ("expires", _time(before.expires_at), _time(after.expires_at)),
        ("sources", _sources(before.cites), _sources(after.cites)),
    ]
    return [(name, old, new) for name, old, new in pairs if old != new]


def _seats(rows: Iterable[dict[str, str]]) -> str:
    return ", ".join(f"{r['agency']} {r['role'].replace('_', ' ')}" for r in rows) or "nobody"


def _time(at: datetime | None) -> str:
    return f"{at:%d %b %Y %H:%M} UTC" if at else "not stated"


def _sources(rows: Iterable[dict[str, Any]]) -> str:
    return ", ".join(f"{r['id']} version {r['version']}" for r in rows) or "none"
