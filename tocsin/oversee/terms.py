"""The vocabulary of oversight: what an entry means to somebody who asks who knew, exemptions, states, entry kinds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SEEN = "subject.seen"
STOOD = "past.visited"
RELEASE_BEGUN = "release.begun"
RELEASE_MARKED = "release.marked"
RELEASE_UNMARKED = "release.unmarked"
RELEASE_PROPOSED = "release.proposed"
RELEASE_RETURNED = "release.returned"
RELEASE_APPROVED = "release.approved"
RELEASE_WITHDRAWN = "release.withdrawn"
FINDING_FILED = "finding.filed"
FINDING_ANSWERED = "finding.answered"
FINDING_CLOSED = "finding.closed"
FINDING_RETURNED = "finding.returned"
FINDING_CONSIDERED = "finding.considered"
INQUIRY_SUBMITTED = "inquiry.submitted"
INQUIRY_HELD = "inquiry.held"
INQUIRY_HOLD_LIFTED = "inquiry.hold_lifted"
INQUIRY_CLEARED = "inquiry.cleared"
INQUIRY_PUBLISHED = "inquiry.published"


class Verb(StrEnum):
    """What an entry says about knowing. The value stands on screen beside a name."""

    CREATED = "created"
    SENT = "sent"
    DELIVERED = "delivered"
    TOLD = "told"
    SAW = "saw"
    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"
    ACTED = "acted"
    SUBMITTED = "submitted"
    HELD = "held"
    DECIDED = "decided"
    ASKED = "asked"
    ANSWERED = "answered"
    CHANGED = "changed"
    FAILED = "failed"
    FORGOT = "forgot"


KNOWING = (
    Verb.SENT,
    Verb.DELIVERED,
    Verb.TOLD,
    Verb.SAW,
    Verb.OPENED,
    Verb.ACKNOWLEDGED,
    Verb.ACTED,
)
"""From weak to strong: what each says that somebody could have known, did know, or said so."""


class ReleaseState(StrEnum):
    """Where a redacted release stands. Only APPROVED may leave the house; it never changes from then on."""

    DRAFT = "DRAFT"
    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    WITHDRAWN = "WITHDRAWN"

    @property
    def words(self) -> str:
        return {
            "DRAFT": "being prepared",
            "PROPOSED": "waits for a second person",
            "APPROVED": "approved for release",
            "WITHDRAWN": "withdrawn",
        }[self.value]


class FindingState(StrEnum):
    """OPEN owes an answer; ANSWERED owes a check; CLOSED was checked; DECLINED is refused, with a reason."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    CLOSED = "CLOSED"
    DECLINED = "DECLINED"

    @property
    def words(self) -> str:
        return {
            "OPEN": "open",
            "ANSWERED": "answered, to be checked",
            "CLOSED": "done and checked",
            "DECLINED": "declined by its owner",
        }[self.value]


UNRESOLVED = (FindingState.OPEN.value, FindingState.ANSWERED.value, FindingState.DECLINED.value)
"""What still bears on a new operation: a declined finding is as unsolved as an open one."""


class InquiryState(StrEnum):
    """A report of findings: under review, held there by somebody, cleared, out."""

    REVIEW = "REVIEW"
    HELD = "HELD"
    CLEARED = "CLEARED"
    PUBLISHED = "PUBLISHED"

    @property
    def words(self) -> str:
        return {
            "REVIEW": "under review",
            "HELD": "held in review",
            "CLEARED": "cleared, not out yet",
            "PUBLISHED": "published",
        }[self.value]


@dataclass(frozen=True, slots=True)
class Topic:
    """What a finding is about, and the words by which an operation that it bears on is recognised."""

    title: str
    warns: str


TOPICS: dict[str, Topic] = {
    "radio": Topic("Radio interoperability", "radio interoperability not verified"),
    "command": Topic("Command posts", "command posts without a direct link"),
    "terrain": Topic("Unowned terrain", "a line of sight that nobody accepted to cover"),
    "sweeps": Topic("Sweeps", "sweep coverage not proven"),
    "sensors": Topic("Sensors and drones", "a sensor outage without a compensating measure"),
    "posts": Topic("Posts", "posts left without anybody noticing"),
    "warning": Topic("Warnings", "warnings that reached nobody in time"),
    "review": Topic("Review of drafts", "drafts held past their use"),
    "threshold": Topic("Reporting threshold", "concerns that were not reported"),
    "staffing": Topic("Training and staffing", "qualifications not current"),
    "records": Topic("Records", "records not kept"),
    "other": Topic("Other", "a finding"),
}
EVERY_OPERATION = frozenset({"radio", "command", "terrain", "posts", "warning", "review"})
"""Topics that any protected event meets, so that only the agencies need to match."""


class Bears(StrEnum):
    """Why a finding is shown on an operation; the words are shown."""

    VENUE = "it was found at the same place"
    OWNER = "the agency that owes it takes part"
    AGENCY = "an agency it names takes part"
    GENERAL = "it names no agency or place: it concerns every event"


@dataclass(frozen=True, slots=True)
class Exemption:
    """A ground to withhold. `needs_statute`: 5 U.S.C. 552(b)(3) only works by naming another statute."""

    code: str
    title: str
    law: str = "5 U.S.C. 552"
    needs_statute: bool = False


EXEMPTIONS: dict[str, Exemption] = {
    e.code: e
    for e in (
        Exemption("(b)(1)", "classified in the interest of defence or foreign policy"),
        Exemption("(b)(2)", "internal personnel rules and practices"),
        Exemption("(b)(3)", "another statute forbids it", needs_statute=True),
        Exemption("(b)(4)", "trade secrets and confidential commercial information"),
        Exemption("(b)(5)", "privileged communications within or between agencies"),
        Exemption("(b)(6)", "a person's privacy"),
        Exemption("(b)(7)(A)", "it would interfere with enforcement proceedings"),
        Exemption("(b)(7)(B)", "it would deprive a person of a fair trial"),
        Exemption("(b)(7)(C)", "a person's privacy, in law enforcement records"),
        Exemption("(b)(7)(D)", "it would disclose a confidential source"),
        Exemption("(b)(7)(E)", "it would disclose law enforcement techniques"),
        Exemption("(b)(7)(F)", "it would endanger somebody's life or safety"),
        Exemption("(b)(8)", "supervision of financial institutions"),
        Exemption("(b)(9)", "geological information on wells"),
        Exemption("(j)", "criminal law enforcement system, general exemption", "5 U.S.C. 552a"),
        Exemption("(k)", "specific exemption of the system of records", "5 U.S.C. 552a"),
    )
}
"""The Freedom of Information Act's grounds, and the Privacy Act's (j) and (k)."""
