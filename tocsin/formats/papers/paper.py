"""A paper: what a product says, structured once. Every renderer shows the same blocks in the same order.

Values are finished words: times are written out in the reader's zone, roles and agencies by name. A renderer
escapes and lays out; it never decides what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Layout(StrEnum):
    """PAPER flows over pages; SHEET is fitted to one page in larger type, for a wall or a visor."""

    PAPER = "paper"
    SHEET = "sheet"


@dataclass(frozen=True, slots=True)
class Fact:
    """A named value of the masthead."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Words:
    """Running text under a heading ('' = none). `boxed` sets it off: what changed, who sees it otherwise."""

    heading: str
    paragraphs: tuple[str, ...]
    boxed: bool = False


@dataclass(frozen=True, slots=True)
class Steps:
    """What the reader is asked to do, one line each."""

    heading: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A term of the likelihood scale. `step` counts from 0 (remote) to 6; bounds in percent (ICD 203)."""

    term: str
    step: int
    low: int
    high: int

    @property
    def words(self) -> str:
        return f"{self.term} ({self.low}–{self.high} %)"


SCALE = ((1, 5), (5, 20), (20, 45), (45, 55), (55, 80), (80, 95), (95, 99))
"""The seven ranges of the scale in percent (ICD 203): what the bar is drawn from."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One judgment. `cites` = numbers of the list of sources; `change` = what is new of it ('' = nothing)."""

    number: int
    text: str
    cites: tuple[int, ...] = ()
    estimate: Estimate | None = None
    confidence: str = ""
    basis: str = ""
    change: str = ""


@dataclass(frozen=True, slots=True)
class Judgments:
    """What is judged, or, in a raw product, what was seen."""

    heading: str
    items: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A place on the sketch; degrees north and east."""

    number: int
    name: str
    lat: float
    lon: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sketch:
    """Places to scale, and the same as a list."""

    heading: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a timeline, its time written out."""

    when: str
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened, oldest first."""

    heading: str
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under column names; every row has as many cells as there are columns."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A source as ICD 206 asks for it: what it is, when posted, when captured, how good, and its hash.

    `details` are finished phrases; `digest` is the commitment of the words it was cited by.
    """

    number: int
    kind: str
    words: str
    details: tuple[str, ...]
    digest: str = ""


@dataclass(frozen=True, slots=True)
class References:
    """The list of sources."""

    heading: str
    items: tuple[Reference, ...]


Block = Words | Steps | Judgments | Sketch | Timeline | Table | References


@dataclass(frozen=True, slots=True)
class Tear:
    """The version below the tearline: it stands alone, and travels farther than what is above it."""

    marking: str
    title: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Where the reader says that they have it: an address, also as a code to scan."""

    url: str
    words: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A product as it is read. `marking` is written out (`TLP:AMBER`) and stands at head and foot of each page.

    `banner` says that nothing was judged; `standing` what to know before reading (cancelled, expired);
    `copy` whose copy this is; `fallback` why it is not in its agency's own layout. `at` is its date.
    """

    number: str
    kind: str
    title: str
    marking: str
    issuer: str
    at: datetime
    precedence: str = ""
    edition: int = 1
    layout: Layout = Layout.PAPER
    banner: str = ""
    standing: str = ""
    facts: tuple[Fact, ...] = ()
    blocks: tuple[Block, ...] = field(default=())
    tear: Tear | None = None
    answer: Answer | None = None
    copy: str = ""
    fallback: str = ""
    language: str = "en"
