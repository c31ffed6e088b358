"""What an after-action report holds, as values: times are aware UTC, latencies whole seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Hop:
    """From one version of a sighting to one seat that had to know. `sent`, `delivered` and `acknowledged` = seconds
    after it was recorded; None = never. `tries` = ways tried."""

    sighting: int
    version: int
    added: str
    seat: str
    must: bool
    sent: int | None
    delivered: int | None
    acknowledged: int | None
    tries: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline. `late_s` = recorded so many seconds after it happened."""

    at: datetime
    who: str
    words: str
    late_s: int = 0


@dataclass(frozen=True, slots=True)
class RedThing:
    """Something red when it was decided to go."""

    kind: str
    words: str
    owner: str


@dataclass(frozen=True, slots=True)
class Went:
    """The decision to go, or not."""

    at: datetime
    go: bool
    who: str
    reason: str
    reds: tuple[RedThing, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A hold question: seconds until it was decided (None = never), and how it ended."""

    sighting: int
    asked_at: datetime
    why: str
    answer_s: int | None
    decision: str
    who: str
    unanswered: bool


@dataclass(frozen=True, slots=True)
class Missing:
    """Somebody or something that was not there. `covered_s` = until something made up for it; None = nothing did."""

    label: str
    what: str
    kind: str
    agency: str
    at: datetime
    covered_s: int | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a place. `answer_s` = until a person answered; None = nobody did."""

    at: datetime
    place: str
    register: str
    answer_s: int | None


@dataclass(frozen=True, slots=True)
class After:
    """All that the report says. `never` = (sighting, what, seat): who had to know, and never said that they did."""

    operation: str
    name: str
    place: str
    lead: str
    starts_at: datetime
    ends_at: datetime
    made_at: datetime
    went: tuple[Went, ...]
    timeline: tuple[Line, ...]
    cut_short: bool
    hops: tuple[Hop, ...]
    never: tuple[tuple[int, str, str], ...]
    holds: tuple[Held, ...]
    absences: tuple[Missing, ...]
    questions: tuple[Question, ...]
    uncovered: tuple[str, ...]

    @property
    def over(self) -> bool:
        """Whether it had ended when the report was made."""
        return self.made_at >= self.ends_at
