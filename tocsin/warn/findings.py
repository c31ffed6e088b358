"""What the lint looks at and what it says: the sheet of a draft, and findings with their cure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tocsin.warn.products import Product
from tocsin.warn.terms import Cited, Content, Seat


class Level(StrEnum):
    """What a finding does."""

    STOP = "stops release"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend: where, what is wrong, the cure. `code` is stable."""

    level: Level
    code: str
    field: str
    words: str
    cure: str

    @property
    def stops(self) -> bool:
        return self.level is Level.STOP


@dataclass(frozen=True, slots=True)
class OpenWork:
    """What an operation has open: undecided flagged reports, situations, warnings in force or undecided."""

    reports: int = 0
    situations: int = 0
    warnings: int = 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything a draft is judged by. `cites` = the sources pinned, by id; `outdated` = ids of those
    that have a newer version, or no longer hold; `dissents` = open dissent on what it rests on."""

    product: Product
    content: Content
    label: str = ""
    distribution: tuple[Seat, ...] = ()
    must_know: tuple[Seat, ...] = ()
    expires_at: datetime | None = None
    operation: str = ""
    event_start: datetime | None = None
    edition: int = 1
    cites: Mapping[str, Cited] = field(default_factory=dict)
    outdated: frozenset[str] = frozenset()
    open_work: OpenWork = OpenWork()
    dissents: int = 0


def texts(content: Content) -> Iterator[tuple[str, str]]:
    """(field, text) of every text of a document, in reading order."""
    yield "title", content.title
    yield "changed", content.changed
    yield "summary", content.summary
    for i, judgment in enumerate(content.judgments):
        yield f"judgments.{i}.text", judgment.text
        yield f"judgments.{i}.basis", judgment.basis
    yield "would_change", content.would_change
    yield "dissent", content.dissent
    for i, action in enumerate(content.actions):
        yield f"actions.{i}", action
    for place in content.places:
        yield "places", f"{place.name}. {place.note}".removesuffix(". ")
    for moment in content.timeline:
        yield "timeline", moment.text
    if content.below.title or content.below.text:
        yield "below_title", content.below.title
        yield "below_text", content.below.text
