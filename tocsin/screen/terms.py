"""The vocabulary of screening: what deserves a person's eye, how soon, and why.

All offsets are counted in Unicode code points (Python `str` indexes), half open: `text[start:end]`.
All scores are whole numbers from 0 to 1000, because verdicts go into the record and the record has
no floats.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Priority(StrEnum):
    """How soon a person should look (message precedence words every watch floor knows)."""

    ROUTINE = "ROUTINE"
    PRIORITY = "PRIORITY"
    IMMEDIATE = "IMMEDIATE"
    FLASH = "FLASH"

    @property
    def rank(self) -> int:
        """0 for ROUTINE up to 3 for FLASH: for sorting."""
        return list(Priority).index(self)


class Stage(StrEnum):
    """How far down the cascade a text was read: each stage sees more in a text and costs more."""

    WORDS = "words"  # indicators and the fast classifier: every text
    SENTENCES = "sentences"  # the multilingual model
    TRANSFORMER = "transformer"  # the fine-tuned transformer

    @property
    def depth(self) -> int:
        """1 for WORDS up to 3 for TRANSFORMER."""
        return list(Stage).index(self) + 1


class MaskKind(StrEnum):
    """What a masking token stands for."""

    HANDLE = "handle"
    EMAIL = "e-mail"
    PHONE = "phone"
    LINK = "link"
    NUMBER = "number"  # identity, account and card numbers
    PLATE = "plate"
    ADDRESS = "address"
    NAME = "name"


class Span(msgspec.Struct, frozen=True):
    """A place in a text that an indicator matched: highlight `text[start:end]`.

    `indicator` is `name@version`, `category` the catalogue category it counts under.
    """

    start: int
    end: int
    indicator: str
    category: str


class Mask(msgspec.Struct, frozen=True):
    """One token in the masked text and the place in the original it covers.

    The original is `original[original_start:original_end]`; only who may unmask can see it.
    """

    start: int
    end: int
    kind: MaskKind
    original_start: int
    original_end: int


class Masked(msgspec.Struct, frozen=True):
    """A text with people's identifiers replaced by typed tokens; the same value gets the same
    token.

    `spans` are the verdict's spans moved to where they lie in the masked text, so highlights
    still work.
    """

    text: str
    masks: tuple[Mask, ...]
    spans: tuple[Span, ...]


class Verdict(msgspec.Struct, frozen=True):
    """Why a text was flagged.

    - `score`: 0..1000.  `priority`: from the score.
    - `spans`: in the *original* text, in reading order.
    - `indicators`: `name@version` of each that counted, strongest first; `categories`: theirs,
      likewise.
    - `why`: one plain sentence per indicator, same order as `indicators`.
    - `lowered_by`: `name@version` of context rules (joke, game, news …) that lowered the score.
    - `masked`: the text to show and to store.
    - `catalogue`: hash of the catalogue that decided (16 hex digits), so any verdict can be
      repeated; `models` likewise of the models, '' where none was asked.
    - `chance`: 0..1000, how likely a careful analyst would want to see it, as the models reckon.
    - `stage`: how far down the text was read.  `words`: what spoke most for the models' reading.
    - `lang`: its language (ISO 639-1), '' where nobody looked.  `unknown_language`: one the models
      have not learned, so that a low chance means nothing.
    - `sample`: picked by lot from just below the line, to measure what is missed.
    """

    score: int
    priority: Priority
    spans: tuple[Span, ...]
    indicators: tuple[str, ...]
    categories: tuple[str, ...]
    why: tuple[str, ...]
    lowered_by: tuple[str, ...]
    masked: Masked
    catalogue: str
    models: str = ""
    chance: int = 0
    stage: Stage = Stage.WORDS
    words: tuple[str, ...] = ()
    lang: str = ""
    unknown_language: bool = False
    sample: bool = False


class Group(msgspec.Struct, frozen=True):
    """The near-duplicates a flagged text belongs to.

    `id` is derived from the first member's masked text, so the same stream always gives the
    same ids. `count` counts members so far, this one included; `first` is true for the one that
    opened the group.
    """

    id: str
    count: int
    first: bool


class Refusal(StrEnum):
    """Why the filter could not screen a line."""

    TOO_LONG = "too-long"
    NOT_UTF8 = "not-utf8"
    NOT_JSON = "not-json"
    NOT_AN_OBJECT = "not-an-object"
    NO_TEXT = "no-text"
    TEXT_NOT_A_STRING = "text-not-a-string"
    TEXT_TOO_LONG = "text-too-long"


class Tally(msgspec.Struct, frozen=True):
    """What the filter did with a stream: lines = blank + screened + refused; flagged is part of
    screened.

    `refusals` counts refused lines by reason, `priorities` flagged lines by priority, `stages`
    screened lines by how far down they were read; `unlearned` are those in a language the models
    have not learned.
    """

    lines: int
    blank: int
    screened: int
    flagged: int
    refused: int
    groups: int
    refusals: dict[Refusal, int]
    priorities: dict[Priority, int]
    stages: dict[Stage, int] = msgspec.field(default_factory=dict)
    unlearned: int = 0
