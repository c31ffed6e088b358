"""The vocabulary of keeping and forgetting."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.record.holds import PURGED

POLICY_ADOPTED = "retention.policy_adopted"
CONTENT_PURGED = PURGED
CONTENT_SEALED = "content.sealed"
CONTENT_UNSEALED = "content.unsealed"
VALIDATED = "content.validated"
RECIPIENTS_TOLD = "content.recipients_told"
HOLD_PLACED = "hold.placed"
HOLD_LIFTED = "hold.lifted"
HOLD_TESTED = "hold.tested"
PROMOTED_SAR = "sar.promoted"
PROMOTED_CRIMINAL = "intelligence.promoted"
DISCLOSED = "disclosure.accounted"
UNMASKING_ASKED = "unmasking.asked"
UNMASKING_DECIDED = "unmasking.decided"
UNMASKING_LOOKED = "unmasking.looked"
UNMASKING_TAKEN = "unmasking.taken"

VALIDATE = "validate_or_purge"
TELL = "tell_recipients"
DECIDE_UNMASKING = "decide_unmasking"
REVIEW_LOOK = "review_look"
LETTER_MOST = 5_000_000
"""Most bytes of a hold's letter."""
REASON_AT_LEAST = 10
LOOK_FOR = timedelta(hours=1)
"""How long a granted look behind the mask lasts."""


class Then(StrEnum):
    """What happens when the time of a kind is over."""

    PURGE = "purge"  # the machine does it
    VALIDATE = "validate"  # a person decides: keep for another term, with a reason, or purge
    KEEP = "keep"  # no limit of its own: it lasts as long as what it belongs to


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long one kind of thing is kept, from collection, and what happens then."""

    kind: str
    term: timedelta
    then: Then
    ahead: timedelta = timedelta(0)
    why: str = ""


@dataclass(frozen=True, slots=True)
class RoutineUse:
    """What allows a disclosure (Privacy Act, 5 U.S.C. 552a(b)(3)): the id of the notice, and what it says."""

    id: str
    plain: str


@dataclass(frozen=True, slots=True)
class Policy:
    """The schedules in force, by kind; shorter terms of single sources; routine uses by id."""

    version: str
    schedules: dict[str, Schedule]
    sources: dict[str, dict[str, timedelta]]
    routine_uses: dict[str, RoutineUse]
    delivery_use: str
    release_use: str


ORIGINAL = "original"
"""The sealed original of a report: a kind of its own, with a shorter term than the masked text."""
HOUSE = "house"
"""What bears no prefix of its own: what agencies and models say of themselves."""
KINDS = {
    "rpt": "report",
    "sit": "situation",
    "wrn": "warning",
    "rfi": "rfi",
    "dis": "dissent",
    "dst": "answer",
    "rly": "relay",
    "rdr": "relay",
    "hnd": "handover",
    "sgt": "operate",
    "qst": "operate",
    "hlq": "operate",
    "abs": "operate",
    "inc": "operate",
    "pho": "photo",
    "op": "plan",
    "pos": "plan",
    "zon": "plan",
    "gtw": "plan",
    "pic": "plan",
    "fnd": "finding",
    "inq": "finding",
    "rel": "release",
    "sar": "sar",
    "cri": "intelligence",
    "dsc": "disclosure",
    "hld": "hold",
    "tmb": "tombstone",
    "unm": "unmasking",
    "rcp": "recipient",
    "src": "source",
    "tpl": HOUSE,
}
"""Prefix of an id -> the kind its schedule goes by. Whoever keeps content under a new prefix adds a line."""


KIND_WORDS = {
    "report": "tips and leads: reports, as shown",
    ORIGINAL: "the original behind the mask",
    "refused": "input that could not be read",
    "object": "what partners' systems sent, as it came",
    "sar": "suspicious activity reports",
    "intelligence": "criminal intelligence",
    "warning": "warnings, released or not",
    "situation": "situations",
    "answer": "what recipients answered",
    "relay": "whom a warning was passed on to",
    "rfi": "requests for information",
    "dissent": "concerns",
    "handover": "hand-over notes",
    "operate": "sightings, questions and answers of an operation",
    "photo": "photos of what was seen",
    "plan": "words and pictures of plans",
    "finding": "findings, and reports of them",
    "release": "redacted releases",
    "disclosure": "disclosures entered by hand",
    "unmasking": "requests to look behind a mask",
    "hold": "letters of legal holds",
    "tombstone": "reasons of purges",
    "recipient": "cards of the directory in use",
    "former": "cards of the directory out of use",
    "source": "changes of sources",
    HOUSE: "seals, layouts, and why models are in use",
}
"""What people call the things of a kind."""


def kind_of(subject: str) -> str:
    """The kind that a subject's schedule goes by."""
    return KINDS.get(subject.partition("_")[0], HOUSE)


def prefixes(kind: str) -> list[str]:
    """The prefixes of the ids of a kind."""
    return [prefix for prefix, named in KINDS.items() if named == kind]


class Store(StrEnum):
    """The three stores. What is promoted becomes a new thing of the next store; the old one keeps its own clock."""

    TIP = "tip"
    SAR = "sar"
    CRIMINAL = "intelligence"

    @property
    def plain(self) -> str:
        return {
            Store.TIP: "tips and leads",
            Store.SAR: "suspicious activity reports",
            Store.CRIMINAL: "criminal intelligence",
        }[self]


class Sensitivity(StrEnum):
    """Who may be given criminal intelligence (28 CFR 23.20(g))."""

    SENSITIVE = "sensitive"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class Confidence(StrEnum):
    """How far the content is borne out."""

    HIGH = "high"
    MODERATE = "moderate"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Hold:
    """An order to keep. It covers what meets every bound that is given; an empty bound does not limit."""

    id: str
    subjects: frozenset[str] = frozenset()
    operation: str = ""
    agency: str = ""
    role: str = ""
    people: frozenset[str] = frozenset()
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Thing:
    """Something kept, as holds and schedules see it.

    `belongs` = its own id and what it is part of; `people` = whoever acted on it; `made_at` = collection.
    """

    subject: str
    made_at: datetime
    belongs: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    agencies: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()


class Fate(StrEnum):
    """What is to be done with a thing now, and why."""

    KEEP = "its time is not over"
    ASK = "its time is nearly over: a person validates or purges it"
    PURGE = "its time is over"
    SEAL = "its time is over, but a legal hold covers it: it is sealed"


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a promotion to criminal intelligence must say (28 CFR 23.20): texts of the one who decides."""

    suspicion: str = ""
    crime: str = ""
    sensitivity: str = ""
    confidence: str = ""
    control: str = ""
    tie: str = ""
    protected: bool = False


@dataclass(frozen=True, slots=True)
class Vetting:
    """What a promotion to a suspicious activity report must say (ISE-SAR functional standard 1.5.5)."""

    behaviours: tuple[str, ...] = ()
    facts: str = ""
    nexus: str = ""
    meets: bool = False
    errors: dict[str, str] = field(default_factory=dict)
