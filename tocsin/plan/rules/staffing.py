"""Who stands where, decided purely: hours nobody covers, and whether a person is qualified for a post."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

Span = tuple[datetime, datetime]


def uncovered(hours: Span, spans: Iterable[Span]) -> list[Span]:
    """The parts of `hours` that no span covers, in order. A span is half open: it ends as the next begins."""
    start, end = hours
    found: list[Span] = []
    for a, b in sorted(spans):
        if b <= start or b <= a:
            continue
        if a >= end:
            break
        if a > start:
            found.append((start, a))
        start = max(start, b)
    if start < end:
        found.append((start, end))
    return found


@dataclass(frozen=True, slots=True)
class Currency:
    """Whether a person is qualified for a post until the end of the assignment, and in words why not."""

    ok: bool
    words: str
    lapses: datetime | None = None


def currency(needed: str, held: Sequence[tuple[str, datetime]], until: datetime) -> Currency:
    """`held` = (name, expires) of all the person ever held; the newest of a name counts."""
    if not needed:
        return Currency(ok=True, words="no qualification is asked for")
    wanted = needed.strip().casefold()
    ends = [at for name, at in held if name.strip().casefold() == wanted]
    if not ends:
        return Currency(ok=False, words=f"does not hold “{needed}”")
    last = max(ends)
    if last < until:
        return Currency(ok=False, words=f"“{needed}” lapses before the end", lapses=last)
    return Currency(ok=True, words=f"“{needed}” holds", lapses=last)
