"""What became of what came in: values the intake passes on. Nothing here reads or writes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tocsin.collect.sources.plain import storable, without_surrogates
from tocsin.collect.terms import Item, Refused, Ruling
from tocsin.screen.choosing import SHIPPED, Counted, Line
from tocsin.screen.terms import Verdict


@dataclass(slots=True)
class Taken:
    """What became of what came in: read = screened + outside + refused. `reports` = ids of new and edited reports."""

    read: int = 0
    screened: int = 0
    flagged: int = 0
    joined: int = 0
    revised: int = 0
    seen_again: int = 0
    refused: int = 0
    outside: int = 0
    unkept: int = 0
    sampled: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    reports: list[str] = field(default_factory=list)

    def add(self, other: Taken) -> None:
        """Add the counts of another."""
        for name in COUNTED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons.update(other.reasons)
        self.reports.extend(other.reports)


COUNTED = "read screened flagged joined revised seen_again refused outside unkept sampled".split()


@dataclass(slots=True)
class Seen:
    """An item as it came out of the engine."""

    item: Item
    verdict: Verdict | None
    identity: str
    digest: str
    counted: Counted | None = None
    line: Line = SHIPPED


@dataclass(slots=True)
class Chunk:
    """Everything decided about a chunk before the transaction opens."""

    seen: list[Seen]
    refused: list[Refused]
    barred: list[tuple[Item, Ruling]]
    taken: Taken


def reading(item: Item) -> str:
    """What is screened and shown of an item: its title, where the text does not begin with it, and its text."""
    text, title = sound(item.text), sound(item.title).strip()
    return text if not title or text.lstrip().startswith(title) else f"{title}\n\n{text}"


def sound(text: str) -> str:
    """Text that can be kept: halves of characters and NUL, which no column holds, replaced or dropped."""
    return without_surrogates(storable(text))
