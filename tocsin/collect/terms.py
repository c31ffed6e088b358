"""The vocabulary of collecting: sources and their charters, items, refusals, outcomes.

Everything here is a frozen value. Times are aware UTC datetimes, durations are ``timedelta``.
Tables of authorities and purposes are configuration with the rule they rest on beside them, so
that a correction is a change of data; nothing in them is legal advice.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct, field

RAW_CAP: Final = 64 * 1024
"""Most bytes of refused input kept on the dead-letter list."""

TEXT_CAP: Final = 1024 * 1024
"""Longest text of one report, in characters; longer input is refused, never cut in silence."""


class SourceKind(StrEnum):
    """How reports from a source reach us."""

    FILE = "file"
    FEED = "feed"
    MAILBOX = "mailbox"
    TIP = "tip"
    API = "api"
    CAP = "cap"
    TAXII = "taxii"
    MISP = "misp"
    JETSTREAM = "jetstream"
    MASTODON = "mastodon"
    NATS = "nats"


class Reliability(StrEnum):
    """How far a source has earned trust: first axis of the Admiralty code, never averaged."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"

    @property
    def plain(self) -> str:
        """The meaning of the letter in words."""
        return _RELIABILITY[self.value]


_RELIABILITY: Final = MappingProxyType(
    {
        "A": "completely reliable",
        "B": "usually reliable",
        "C": "fairly reliable",
        "D": "not usually reliable",
        "E": "unreliable",
        "F": "reliability cannot be judged",
    }
)


class Purpose(Struct, frozen=True):
    """Why a report is collected: a short code and the sentence shown on screen."""

    code: str
    plain: str


class Authority(Struct, frozen=True):
    """What allows a source to collect: allowed purposes, longest retention, the rule behind it.

    ``checked`` says whether the rule was read in its text; when false, counsel must confirm it.
    """

    code: str
    plain: str
    purposes: frozenset[str]
    longest_retention: timedelta
    rule: str
    checked: bool = False


PURPOSES: Final = MappingProxyType(
    {
        p.code: p
        for p in (
            Purpose("protect-event", "Protect a named event or gathering from violence"),
            Purpose("threat-to-life", "Find and pass on threats to someone's life or safety"),
            Purpose("threat-to-place", "Protect a building, site or service from attack"),
            Purpose("answer-question", "Answer a question another agency has asked"),
            Purpose("exercise", "Practise with made-up or historical reports"),
        )
    }
)

_SAFETY: Final = frozenset({"protect-event", "threat-to-life", "threat-to-place"})

AUTHORITIES: Final = MappingProxyType(
    {
        a.code: a
        for a in (
            Authority(
                "public-tip",
                "A member of the public told us of their own accord",
                _SAFETY,
                timedelta(days=180),
                "Tip or lead; never mixed with activity reports or criminal intelligence",
            ),
            Authority(
                "partner-report",
                "A partner agency sent it to us",
                _SAFETY | {"answer-question"},
                timedelta(days=180),
                "Sharing agreement with the partner; the partner's own markings stay on it",
            ),
            Authority(
                "open-source-event",
                "Public posts, read to protect one named event",
                frozenset({"protect-event", "threat-to-life"}),
                timedelta(days=180),
                "I&A oversight guidelines (IA-1000): decide on keeping in 180 days",
            ),
            Authority(
                "open-source-threat",
                "Public posts, read for threats to people and places",
                _SAFETY,
                timedelta(days=180),
                "I&A oversight guidelines (IA-1000): decide on keeping in 180 days",
            ),
            Authority(
                "criminal-intelligence",
                "Criminal intelligence with reasonable suspicion on file",
                _SAFETY | {"answer-question"},
                timedelta(days=5 * 365),
                "28 CFR 23.20: validate or purge within five years",
                checked=True,
            ),
            Authority(
                "exercise",
                "Practice material, marked as such",
                frozenset({"exercise"}),
                timedelta(days=5 * 365),
                "Own rule: practice material never mixes with real reports",
                checked=True,
            ),
        )
    }
)


class Scope(Struct, frozen=True):
    """The bounds of what a source may bring in; an empty bound does not limit.

    ``not_before`` and ``not_after`` bound when an item was *posted*. ``places`` and ``keywords``
    are words or phrases: where given, the text or title must contain at least one of each list.
    """

    operations: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    not_before: datetime | None = None
    not_after: datetime | None = None
    places: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()


class Charter(Struct, frozen=True):
    """What a source may be used for: authority, purposes, retention, trust, bounds, validity."""

    authority: str
    purposes: frozenset[str]
    retention: timedelta = timedelta(days=180)
    reliability: Reliability = Reliability.F
    scope: Scope = Scope()
    valid_from: datetime | None = None
    valid_until: datetime | None = None


class PurposeReason(StrEnum):
    """Why an item was let in or kept out by its source's charter, or a charter is unsound."""

    WITHIN = "within"
    AUTHORITY_UNKNOWN = "authority_unknown"
    AUTHORITY_NOT_YET = "authority_not_yet_valid"
    AUTHORITY_EXPIRED = "authority_expired"
    PURPOSE_UNKNOWN = "purpose_unknown"
    PURPOSE_NOT_IN_CHARTER = "purpose_not_in_charter"
    PURPOSE_NOT_ALLOWED = "purpose_not_allowed_by_authority"
    OPERATION_MISSING = "operation_missing"
    OPERATION_OUTSIDE = "operation_outside"
    LANGUAGE_OUTSIDE = "language_outside"
    POSTED_TOO_EARLY = "posted_too_early"
    POSTED_TOO_LATE = "posted_too_late"
    PLACE_OUTSIDE = "place_outside"
    KEYWORD_OUTSIDE = "keyword_outside"
    NO_PURPOSE = "no_purpose"
    RETENTION_MISSING = "retention_missing"
    RETENTION_TOO_LONG = "retention_too_long"
    DATES_REVERSED = "dates_reversed"


class Ruling(Struct, frozen=True):
    """The answer of a purpose check: a named reason, the field it turned on, words and cure."""

    reason: PurposeReason
    field: str = ""
    plain: str = ""
    cure: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the item may be collected."""
        return self.reason is PurposeReason.WITHIN


class Item(Struct, frozen=True):
    """One thing a source said, before screening.

    ``key`` is the source's own stable id or ''. ``at`` is when it was posted, as told. ``text``
    and ``title`` are plain text (no markup, no NUL). ``extra`` holds what the mapping named.
    """

    key: str
    text: str
    title: str = ""
    url: str = ""
    author: str = ""
    at: datetime | None = None
    thread: str = ""
    lang: str = ""
    extra: dict[str, str] = field(default_factory=dict)


class Refused(Struct, frozen=True):
    """Input that could not become an item: where it stood, which field, why, and the cure.

    ``raw`` is the input itself, at most ``RAW_CAP`` bytes, so that it can be retried.
    """

    where: str
    field: str
    reason: str
    cure: str
    raw: bytes = b""


class FeedState(StrEnum):
    """What one attempt to fetch a source came to."""

    OK = "ok"
    """Reached, read, and it held at least one item or refused one."""
    EMPTY = "empty"
    """Reached and read; there was nothing new in it."""
    NOT_MODIFIED = "not_modified"
    """The source says nothing changed; it proves nothing about its content."""
    FAILED = "failed"
    """Not reached, or not readable; ``reason`` and ``permanence`` say more."""


class FailReason(StrEnum):
    """Why a fetch failed."""

    NONE = ""
    ADDRESS_REFUSED = "address_refused"
    NAME_UNKNOWN = "name_unknown"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    TOO_LARGE = "too_large"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    HTTP_CLIENT_ERROR = "http_client_error"
    HTTP_SERVER_ERROR = "http_server_error"
    GONE = "gone"
    NOT_A_FEED = "not_a_feed"
    LOGIN_REFUSED = "login_refused"
    FOLDER_MISSING = "folder_missing"
    FILE_MISSING = "file_missing"
    FILE_UNREADABLE = "file_unreadable"
    PROTOCOL = "protocol"
    NOT_AUTHORISED = "not_authorised"
    """Not asked at all: the source's authority or purpose does not cover it."""


class Permanence(StrEnum):
    """Whether trying again, unchanged, can help."""

    NONE = ""
    TEMPORARY = "temporary"
    PERMANENT = "permanent"


class Fetched(Struct, frozen=True):
    """The outcome of one attempt to fetch a source, for the record and for feed health.

    ``note`` is a sentence for the screen. ``items`` and ``refused`` are counts.
    """

    state: FeedState
    reason: FailReason = FailReason.NONE
    permanence: Permanence = Permanence.NONE
    note: str = ""
    items: int = 0
    refused: int = 0


class Attempt(Struct, frozen=True):
    """One past attempt to fetch a source: when it ended and what it came to."""

    at: datetime
    outcome: Fetched


class Health(StrEnum):
    """How a source is doing."""

    NEVER_FETCHED = "never_fetched"
    HEALTHY = "healthy"
    EMPTY = "empty"
    FAILING = "failing"
    STALE = "stale"


class FeedHealth(Struct, frozen=True):
    """A source's health: named state, since when, and a sentence for the screen.

    ``failures`` counts failed attempts since the last one that was read.
    """

    health: Health
    since: datetime | None = None
    plain: str = ""
    reason: FailReason = FailReason.NONE
    permanence: Permanence = Permanence.NONE
    failures: int = 0


class SourceState(StrEnum):
    """Whether a source is read."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


class RefusalState(StrEnum):
    """What became of refused input."""

    OPEN = "OPEN"
    RETRIED = "RETRIED"
    DISMISSED = "DISMISSED"


class RevisionReason(StrEnum):
    """What an edit of a known post changed, and so whether a decision on it still stands."""

    SAME_FLAG = "the edit left the reasons for flagging as they were"
    NEW_SIGN = "the edit shows a kind of sign that was not there before"
    MORE_URGENT = "the edit is more urgent than what was decided on"
    FLAGGED_AGAIN = "an edit had made it harmless, and this one does not"
    NO_LONGER = "the edit took out everything it was flagged for"

    @property
    def reopens(self) -> bool:
        """Whether a decision taken before the edit has to be taken again."""
        return self in (
            RevisionReason.NEW_SIGN,
            RevisionReason.MORE_URGENT,
            RevisionReason.FLAGGED_AGAIN,
        )


SAMPLE: Final = "SAMPLE"
"""The state of a report that is a near miss drawn by lot, until somebody reads it."""

SOURCE_ADDED: Final = "source.added"
SOURCE_CHANGED: Final = "source.changed"
SOURCE_HEALTH: Final = "source.health_changed"
SOURCE_GAPPED: Final = "source.gapped"
REPORT_FLAGGED: Final = "report.flagged"
REPORT_REVISED: Final = "report.revised"
REPORTS_SEEN_AGAIN: Final = "source.seen_again"
BUDGET_SET: Final = "screen.budget_set"
LINE_MOVED: Final = "screen.line_moved"
NEAR_MISS_SAMPLED: Final = "report.sampled"
SAMPLE_KEPT: Final = "report.sample_kept"
SAMPLE_READ: Final = "report.sample_read"
MODELS_LEARNED: Final = "screen.models_learned"
MODELS_PROMOTED: Final = "screen.models_promoted"
ITEMS_COUNTED: Final = "source.counted"
INPUT_REFUSED: Final = "refused.kept"
REFUSAL_CLOSED: Final = "refused.closed"
TIP_GIVEN: Final = "report.tip_given"
TIP_ASKED: Final = "report.tip_asked"
TIP_ANSWERED: Final = "report.tip_answered"
TIP_READ: Final = "report.tip_read"
