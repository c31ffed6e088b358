"""Who acts: roles, permissions, the actor, and the entry kinds of this stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a person does at an agency; `title` is what people call it."""

    COLLECTOR = "collector"
    RELEASE_AUTHORITY = "release_authority"
    PARTNER = "partner"
    OPERATION_LEAD = "operation_lead"
    FIELD = "field"
    PRIVACY_OFFICER = "privacy_officer"
    INSPECTOR = "inspector"
    ADMINISTRATOR = "administrator"

    @property
    def title(self) -> str:  # type: ignore[override]
        return _TITLES[self]


_TITLES = {
    Role.COLLECTOR: "watch analyst",
    Role.RELEASE_AUTHORITY: "release authority",
    Role.PARTNER: "partner",
    Role.OPERATION_LEAD: "operation lead",
    Role.FIELD: "officer at a post",
    Role.PRIVACY_OFFICER: "privacy officer",
    Role.INSPECTOR: "inspector",
    Role.ADMINISTRATOR: "administrator",
}


class Permission(StrEnum):
    """One thing a role may do. Actions ask for one on their first line."""

    COLLECT = "collect reports"
    MANAGE_SOURCES = "manage sources"
    ASSESS = "assess reports"
    SECOND_READ = "read a no-report a second time"
    SETTLE = "settle a disagreement"
    DISSENT = "file dissent"
    ANSWER_DISSENT = "answer dissent"
    ASK = "ask for information"
    ANSWER = "answer a request for information"
    DRAFT = "draft a warning"
    RELEASE = "release a warning"
    ACKNOWLEDGE = "acknowledge a warning"
    MANAGE_DIRECTORY = "manage the directory"
    KEEP_CONTACTS = "keep the contacts and the rota of your own agency"
    MANAGE_OPERATION = "manage an operation"
    TAKE_PART = "take on a part of a plan for your agency"
    MANAGE_SHIFTS = "manage shifts"
    HAND_OVER = "hand over a shift"
    UNMASK = "see an original behind the mask"
    READ_CONTENT = "read reports and warnings"
    RETAIN = "decide what is kept and what is purged"
    HOLD = "place or lift a legal hold"
    READ_RECORD = "read the record"
    OVERSEE = "look back over what was known, and keep the findings"
    DISCLOSE = "prepare or approve a redacted release"
    ADMINISTER = "administer reference data"
    STEER = "say how much is read, and with which models"


_P = Permission
_READER = {_P.READ_CONTENT, _P.DISSENT, _P.ASK, _P.ANSWER, _P.READ_RECORD, _P.HAND_OVER}
GRANTS: dict[Role, frozenset[Permission]] = {
    Role.COLLECTOR: frozenset(
        _READER | {_P.COLLECT, _P.ASSESS, _P.SECOND_READ, _P.DRAFT, _P.MANAGE_SOURCES}
    ),
    Role.RELEASE_AUTHORITY: frozenset(
        _READER
        | {
            _P.COLLECT,
            _P.ASSESS,
            _P.SECOND_READ,
            _P.SETTLE,
            _P.ANSWER_DISSENT,
            _P.DRAFT,
            _P.RELEASE,
        }
        | {_P.TAKE_PART, _P.MANAGE_DIRECTORY, _P.MANAGE_SHIFTS, _P.UNMASK, _P.STEER}
    ),
    Role.PARTNER: frozenset(
        {
            _P.TAKE_PART,
            _P.READ_CONTENT,
            _P.ACKNOWLEDGE,
            _P.DISSENT,
            _P.ASK,
            _P.ANSWER,
            _P.KEEP_CONTACTS,
        }
    ),
    Role.OPERATION_LEAD: frozenset(
        _READER
        | {
            _P.ANSWER_DISSENT,
            _P.ACKNOWLEDGE,
            _P.MANAGE_OPERATION,
            _P.TAKE_PART,
            _P.MANAGE_DIRECTORY,
            _P.MANAGE_SHIFTS,
        }
        | {_P.SETTLE, _P.RELEASE, _P.DRAFT, _P.STEER}
    ),
    Role.FIELD: frozenset({_P.READ_CONTENT, _P.ACKNOWLEDGE, _P.DISSENT, _P.ASK, _P.ANSWER}),
    Role.PRIVACY_OFFICER: frozenset(
        {
            _P.READ_CONTENT,
            _P.READ_RECORD,
            _P.OVERSEE,
            _P.DISCLOSE,
            _P.UNMASK,
            _P.RETAIN,
            _P.HOLD,
            _P.DISSENT,
            _P.ANSWER,
        }
    ),
    Role.INSPECTOR: frozenset(
        {_P.READ_CONTENT, _P.READ_RECORD, _P.OVERSEE, _P.DISCLOSE, _P.HOLD, _P.DISSENT, _P.ANSWER}
    ),
    Role.ADMINISTRATOR: frozenset({_P.ADMINISTER, _P.MANAGE_SHIFTS}),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as of now: a person at an agency with roles, and the operations the agency takes part in.

    `currency` False = the person's qualification lapsed; `novice` True = under a year in the work:
    either way their no-reports get a second reader.
    """

    person: str
    agency: str
    name: str = ""
    roles: frozenset[Role] = frozenset()
    operations: frozenset[str] = frozenset()
    novice: bool = False
    currency: bool = True
    system: bool = False

    @property
    def permissions(self) -> frozenset[Permission]:
        return frozenset().union(*(GRANTS[r] for r in self.roles))


SYSTEM = Actor(person="system", agency="", name="Tocsin", system=True)
"""The system itself: the clock that fires duties, the sequencer, connectors."""


@dataclass(frozen=True, slots=True)
class OnShift:
    """A person who holds a role at an agency from `starts_at` until `ends_at`."""

    person: str
    agency: str
    role: str
    starts_at: datetime
    ends_at: datetime
    name: str = field(default="", compare=False)


AGENCY_ADDED = "agency.added"
AGENCY_REMOVED = "agency.removed"
PERSON_ADDED = "person.added"
PERSON_LEFT = "person.left"
ROLE_GRANTED = "role.granted"
ROLE_REVOKED = "role.revoked"
QUALIFICATION_GRANTED = "qualification.granted"
NOVICE_MARKED = "person.novice_marked"
OPERATION_OPENED = "operation.opened"
OPERATION_CHANGED = "operation.changed"
OPERATION_JOINED = "operation.joined"
SHIFT_PLANNED = "shift.planned"
SHIFT_HANDED_OVER = "shift.handed_over"
HANDOVER_READ = "shift.handover_read"
SHARED = "subject.shared"
UNMASKED = "vault.unmasked"
PASSWORD_SET = "person.password_set"  # noqa: S105 - an entry kind
TOKEN_ISSUED = "token.issued"  # noqa: S105 - an entry kind
TOKEN_REVOKED = "token.revoked"  # noqa: S105 - an entry kind
