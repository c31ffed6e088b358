"""The vocabulary of warnings: states, acts, the content of a document, entry kinds."""

from __future__ import annotations

from enum import StrEnum

import msgspec

WARNING_DRAFTED = "warning.drafted"
WARNING_REVISED = "warning.revised"
WARNING_HANDED_OVER = "warning.handed_over"
WARNING_SUBMITTED = "warning.submitted"
WARNING_HELD = "warning.held"
WARNING_HOLD_LIFTED = "warning.hold_lifted"
WARNING_RETURNED = "warning.returned"
WARNING_REFUSED = "warning.refused"
WARNING_ABANDONED = "warning.abandoned"
WARNING_RELEASED = "warning.released"
WARNING_CONFIRMED = "warning.confirmed"
WARNING_SUPERSEDED = "warning.superseded"
WARNING_CANCELLED = "warning.cancelled"
WARNING_EXPIRED = "warning.expired"
PLAN_CITED = "plan.cited"
PLAN_CITATION_DROPPED = "plan.citation_dropped"
PAPER_TAKEN = "paper.taken"
SEAL_SET = "seal.set"
SEAL_REMOVED = "seal.removed"
TEMPLATE_PROPOSED = "template.proposed"
TEMPLATE_PREVIEWED = "template.previewed"
TEMPLATE_USED = "template.used"
TEMPLATE_RETIRED = "template.retired"

DRAFTING = frozenset(
    {
        WARNING_DRAFTED,
        WARNING_REVISED,
        WARNING_HANDED_OVER,
        WARNING_SUBMITTED,
        WARNING_HELD,
        WARNING_HOLD_LIFTED,
        WARNING_RETURNED,
        WARNING_REFUSED,
        WARNING_ABANDONED,
    }
)
"""How a warning came about: the writing agency's own business, also after it was released to others."""


class State(StrEnum):
    """Where a warning stands. Only RELEASED is in force; its text never changes from then on."""

    DRAFT = "DRAFT"
    IN_REVIEW = "IN_REVIEW"
    HELD = "HELD"
    RETURNED = "RETURNED"
    RELEASED = "RELEASED"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    SUPERSEDED = "SUPERSEDED"
    ABANDONED = "ABANDONED"

    @property
    def words(self) -> str:
        return _STATE_WORDS[self]


_STATE_WORDS = {
    State.DRAFT: "being written",
    State.IN_REVIEW: "waiting for review",
    State.HELD: "held",
    State.RETURNED: "returned to be mended",
    State.RELEASED: "in force",
    State.REFUSED: "refused",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "expired",
    State.SUPERSEDED: "replaced by a newer edition",
    State.ABANDONED: "abandoned",
}
WRITABLE = frozenset({State.DRAFT, State.RETURNED})
UNDER_REVIEW = frozenset({State.IN_REVIEW, State.HELD})
UNDECIDED = WRITABLE | UNDER_REVIEW
"""States that still owe a signed decision: none of these may last past the event."""
WAS_RELEASED = frozenset({State.RELEASED, State.CANCELLED, State.EXPIRED, State.SUPERSEDED})


class TemplateState(StrEnum):
    """Where an agency's own layout stands: only one that somebody has looked at goes into use."""

    PROPOSED = "PROPOSED"
    PREVIEWED = "PREVIEWED"
    IN_USE = "IN_USE"
    RETIRED = "RETIRED"


class Form(StrEnum):
    """In which form a copy is taken."""

    PDF = "pdf"
    HTML = "html"
    TEXT = "text"


class Part(StrEnum):
    """Which part of a product a copy holds: all of it, or only what stands below the tearline."""

    WHOLE = "whole"
    BELOW = "below"


class Act(StrEnum):
    """One step in a warning's life, as its history shows it."""

    SUBMITTED = "SUBMITTED"
    HELD = "HELD"
    HOLD_LIFTED = "HOLD_LIFTED"
    RETURNED = "RETURNED"
    REFUSED = "REFUSED"
    ABANDONED = "ABANDONED"
    HANDED_OVER = "HANDED_OVER"
    RELEASED = "RELEASED"
    RELEASED_FIRST = "RELEASED_FIRST"
    CONFIRMED = "CONFIRMED"
    SUPERSEDED = "SUPERSEDED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"

    @property
    def words(self) -> str:
        return _ACT_WORDS[self]


INSIDE = frozenset(
    {
        Act.SUBMITTED,
        Act.HELD,
        Act.HOLD_LIFTED,
        Act.RETURNED,
        Act.REFUSED,
        Act.ABANDONED,
        Act.HANDED_OVER,
    }
)
"""The acts that entries of `DRAFTING` record: what a history leaves out for other agencies."""
_ACT_WORDS = {
    Act.SUBMITTED: "sent to review",
    Act.HELD: "held",
    Act.HOLD_LIFTED: "no longer held",
    Act.RETURNED: "returned to be mended",
    Act.REFUSED: "refused",
    Act.ABANDONED: "abandoned",
    Act.HANDED_OVER: "handed over",
    Act.RELEASED: "released",
    Act.RELEASED_FIRST: "released now, to be reviewed after",
    Act.CONFIRMED: "confirmed after release",
    Act.SUPERSEDED: "replaced by a newer edition",
    Act.CANCELLED: "cancelled",
    Act.EXPIRED: "expired",
}


class Judgment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing the document says is so, how likely, how sure we are and why, and from what we know it.

    `likelihood` is a term of ICD 203 or ''; `confidence` low, moderate, high or ''; `cites` are ids.
    """

    text: str = ""
    likelihood: str = ""
    confidence: str = ""
    basis: str = ""
    cites: tuple[str, ...] = ()


class Spot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place the document is about. `lat`, `lon` in millionths of a degree, north and east (content holds
    no fractions)."""

    name: str = ""
    lat: int = 0
    lon: int = 0
    note: str = ""


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of what happened; `at` is a `record.terms.stamp`."""

    at: str = ""
    text: str = ""


class Below(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands below the tearline: a version by itself, marked to travel farther than the rest."""

    label: str = ""
    title: str = ""
    text: str = ""


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words of a warning. They lie in the vault, one content a revision.

    `would_change` = what would change these judgments; `actions` = what the reader is asked to do;
    `changed` = what is new against the edition before (empty in the first).
    """

    title: str = ""
    summary: str = ""
    judgments: tuple[Judgment, ...] = ()
    would_change: str = ""
    dissent: str = ""
    actions: tuple[str, ...] = ()
    changed: str = ""
    places: tuple[Spot, ...] = ()
    timeline: tuple[Event, ...] = ()
    below: Below = Below()


class Seat(msgspec.Struct, frozen=True, order=True):
    """A role at an agency: to whom a warning goes, and who acknowledges it."""

    agency: str
    role: str


class Cited(msgspec.Struct, frozen=True):
    """A source as it stood when it was cited: id, kind, version, commitment of its content, its TLP."""

    id: str
    kind: str
    version: int
    commitment: str
    tlp: str
    label: str = ""
