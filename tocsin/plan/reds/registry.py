"""Everything red in a plan, from whoever knows of it: each stage registers what it can say about an operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from tocsin.people.models import Operation


@dataclass(frozen=True, slots=True)
class Red:
    """One thing that is wrong with a plan.

    `words` = a plain sentence; `owner` = who mends it, in words ("Metro police, operation lead"); `due` = by when
    (None = no time of its own: before it starts); `page` = the name of the URL that mends it, which takes the
    operation's id; the page anchors `#<subject>`.
    """

    kind: str
    subject: str
    words: str
    owner: str
    due: datetime | None
    page: str


Source = Callable[[Operation, datetime], Iterable[Red]]
_sources: list[Source] = []


def source(function: Source) -> Source:
    """Register what says red things of an operation at a moment. It reads, and never raises for a plan half made."""
    _sources.append(function)
    return function


def of(operation: Operation, now: datetime) -> list[Red]:
    """Every red thing of an operation, soonest due first; those without a time of their own are due at its start."""
    found = [red for one in _sources for red in one(operation, now)]
    return sorted(found, key=lambda r: (r.due or operation.starts_at, r.kind, r.subject))
