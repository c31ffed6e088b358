"""What changed from one saving of a draft to the next, word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from tocsin.warn.document import paragraphs
from tocsin.warn.papers.words import local_time
from tocsin.warn.terms import Content

SAME = 0.5
"""From this share of common words on, two sentences are one judgment, reworded."""
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


def judgments(before: Content, after: Content) -> tuple[dict[int, str], list[str]]:
    """(what is new of each judgment, by its place; texts of those that are no longer made).

    A judgment is the same when most of its words are; then a change of likelihood or confidence is named.
    """
    left = list(before.judgments)
    said: dict[int, str] = {}
    for i, now in enumerate(after.judgments):
        then = max(left, key=lambda j: alike(j.text, now.text), default=None)
        if then is None or alike(then.text, now.text) < SAME:
            said[i] = "new"
            continue
        left.remove(then)
        was = []
        if then.likelihood != now.likelihood:
            was.append(then.likelihood or "no likelihood stated")
        if then.confidence != now.confidence:
            was.append(
                f"{then.confidence} confidence" if then.confidence else "no confidence stated"
            )
        if was:
            said[i] = f"before: {', '.join(was)}"
        elif then.text != now.text:
            said[i] = "reworded"
    return said, [j.text for j in left]


def alike(one: str, other: str) -> float:
    """The share of words two sentences have in common, 0 to 1."""
    a, b = one.lower().split(), other.lower().split()
    return SequenceMatcher(None, a, b, autojunk=False).ratio() if a or b else 1.0


def fields(before: Any, after: Any, zone: tzinfo = UTC) -> list[tuple[str, str, str]]:
    """(name, before, after) of what changed beside the words, between two saved revisions or editions."""
    pairs = [
        ("kind", before.type, after.type),
        ("TLP", before.label or "not set", after.label or "not set"),
        ("precedence", before.precedence, after.precedence),
        ("goes to", _seats(before.distribution), _seats(after.distribution)),
        ("expires", _time(before.expires_at, zone), _time(after.expires_at, zone)),
        ("sources", _sources(before.cites), _sources(after.cites)),
    ]
    return [(name, old, new) for name, old, new in pairs if old != new]


def _seats(rows: Iterable[dict[str, str]]) -> str:
    return ", ".join(f"{r['agency']} {r['role'].replace('_', ' ')}" for r in rows) or "nobody"


def _time(at: datetime | None, zone: tzinfo) -> str:
    return local_time(at, zone) if at else "not stated"


def _sources(rows: Iterable[dict[str, Any]]) -> str:
    return ", ".join(f"{r['id']} version {r['version']}" for r in rows) or "none"
