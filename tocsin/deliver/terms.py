"""The vocabulary of delivery: the ladder of receipts, channels, failures, entry kinds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import msgspec

RECIPIENT_ADDED = "recipient.added"
RECIPIENT_CHANGED = "recipient.changed"
RECIPIENT_REMOVED = "recipient.removed"
RECIPIENT_VERIFIED = "recipient.verified"
FANNED_OUT = "warning.fanned_out"
DESTINATION_OPENED = "destination.opened"
DESTINATION_STAFFED = "destination.staffed"
DESTINATION_EXHAUSTED = "destination.exhausted"
DESTINATION_ACKNOWLEDGED = "destination.acknowledged"
DESTINATION_ACTED = "destination.acted"
DESTINATION_CLOSED = "destination.closed"
DESTINATION_TAKEN = "destination.taken"
DESTINATION_NOT_TAKEN = "destination.not_taken"
DELIVERY_QUEUED = "delivery.queued"
DELIVERY_SENT = "delivery.sent"
DELIVERY_FAILED = "delivery.failed"
DELIVERY_OPENED = "delivery.opened"
DELIVERY_PASSED = "delivery.passed"
DELIVERY_STOPPED = "delivery.stopped"
DELIVERY_BOUNCED = "delivery.bounced"
DELIVERY_SAID = "delivery.said"
SENDING_CHANGED = "delivery.steered"
RELAY_MADE = "relay.made"
RELAY_READER = "relay.reader_added"
RELAY_MAILED = "relay.mailed"
RELAY_READ = "relay.read"

FLASH_ANSWER = timedelta(minutes=10)
"""How long an answer to a FLASH may take, where the ladder's own limit is longer."""
CHECKED_EVERY = timedelta(days=90)
"""How old the last proof that a line of the directory reaches somebody may be."""
SILENT_AFTER = 3
"""So many messages in a row that nobody opened or answered make a line silent."""
LINK_LIVES_ON = timedelta(days=30)
"""How long an acknowledgement link works after the warning is over."""
LEASE = timedelta(seconds=60)
"""How long a worker may hold a delivery before another takes it over. Longer than any one send may take."""
URGENT = 2
"""The urgency (3 = FLASH to 0 = ROUTINE) from which a delivery goes past whatever waits."""
GIVE_UP_AFTER = 12
"""Temporary failures of one delivery after which it counts as failed for good: about two hours of tries."""


class State(StrEnum):
    """Where a delivery, or a role's whole destination, stands. `meaning` is what that says about the world.

    The first six are the ladder, each rung implying nothing about the one above it. A machine can bring a
    delivery to DELIVERED; from OPENED on it takes a person.
    """

    QUEUED = "QUEUED"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    OPENED = "OPENED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    ACTED = "ACTED"
    RETRYING = "RETRYING"
    FAILED = "FAILED"
    PASSED = "PASSED"
    STOPPED = "STOPPED"
    NOBODY = "NOBODY"

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]

    @property
    def rung(self) -> int:
        """Height on the ladder, from 1; 0 for what is not on it."""
        return _LADDER.index(self) + 1 if self in _LADDER else 0


_LADDER = (State.QUEUED, State.SENT, State.DELIVERED, State.OPENED, State.ACKNOWLEDGED, State.ACTED)
_MEANINGS = {
    State.QUEUED: "it waits here for a channel; it has not left this system",
    State.SENT: "the next system on the way (their mail server) said it has taken it over",
    State.DELIVERED: "it lies where the recipient can see it (their own system took it, or their page shows it)",
    State.OPENED: "somebody had it visibly on a screen; nobody has answered",
    State.ACKNOWLEDGED: "a person said: I have it",
    State.ACTED: "a person said what they have done about it",
    State.RETRYING: "the last try failed for a reason that may pass; it will be tried again",
    State.FAILED: "it did not arrive and will not be tried again on this channel",
    State.PASSED: "the recipient said it is not for them; the next person is asked",
    State.STOPPED: "no longer needed: the role answered, or a newer edition or the cancellation went out",
    State.NOBODY: "the directory names nobody for this role: someone must reach them by hand",
}


class Channel(StrEnum):
    """A way to reach a recipient."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    INAPP = "inapp"
    SMS = "sms"
    VOICE = "voice"
    SERVICE = "service"

    @property
    def words(self) -> str:
        """What people call it."""
        return _WAYS[self][0]

    @property
    def over(self) -> str:
        """What it goes over: two ways over the same thing fail together, so they count as one."""
        return _WAYS[self][1]


_WAYS = {
    Channel.EMAIL: ("e-mail", "mail"),
    Channel.WEBHOOK: ("their own system", "their system"),
    Channel.INAPP: ("their page here", "here"),
    Channel.SMS: ("text message", "phone"),
    Channel.VOICE: ("voice call", "phone"),
    Channel.SERVICE: ("a messaging service", "service"),
}


class Occasion(StrEnum):
    """Why a warning goes out."""

    RELEASE = "release"
    CANCEL = "cancel"
    PURGE = "purge"
    """It was purged here: whoever was given it is asked to remove their copies. Acknowledging says they did."""


class How(StrEnum):
    """How an answer reached us."""

    LINK = "link"
    REPLY = "reply"
    SIGNED_IN = "signed_in"
    BY_VOICE = "by_voice"

    @property
    def words(self) -> str:
        return {
            "link": "by the link sent",
            "reply": "by replying to the mail",
            "signed_in": "signed in",
            "by_voice": "by voice, as noted",
        }[self.value]


class Reason(StrEnum):
    """Why a delivery failed; the words are shown as they are."""

    REFUSED = "their mail server refused it"
    BUSY = "their mail server asked us to try later"
    UNREACHABLE = "their system could not be reached"
    TIMED_OUT = "their system did not answer in time"
    NO_SUCH_ADDRESS = "their mail server knows no such address"
    ADDRESS_REFUSED = "the address leads into a private network"
    NOT_SECURE = "no secure connection could be made"
    SIGN_IN_REFUSED = "the mail server refused our user name or password"
    BAD_ANSWER = "their system answered with an error"
    GONE = "their system said that this address is gone for good"
    NO_ACCOUNT = "the person no longer has an account here"
    NOT_SEEN = "the account may not see this warning"
    FORGOTTEN = "the address was removed from the directory"
    BOUNCED = "their mail system sent it back"
    NOT_SET_UP = "this way is not set up on this site"
    NOT_ALLOWED = "this kind of service is not allowed on this site"
    TOO_LONG = "it was tried for too long"


class Way(msgspec.Struct, frozen=True):
    """One channel of a recipient. `address`: an e-mail address, an https URL, or '' (in-app)."""

    kind: str
    address: str = ""


class Card(msgspec.Struct, frozen=True):
    """A recipient's card as the vault keeps it: a name or a post, and the ways to reach it, in order.

    `paper` = with each e-mail the warning also goes as a PDF, where its TLP lets the text travel by mail.
    """

    name: str
    ways: tuple[Way, ...] = ()
    paper: bool = False


@dataclass(frozen=True, slots=True)
class Entrant:
    """A recipient as the rules see one: id, place in the order of its seat, how many ways lead to it."""

    id: str
    rank: int
    ways: int


@dataclass(frozen=True, slots=True)
class Hop:
    """Whom to try next and by which of their ways (0 = first), and why."""

    recipient: str
    place: int
    reason: str


class Going(StrEnum):
    """Whether a release goes out: as its sender wants it."""

    GOING = "GOING"
    PAUSED = "PAUSED"
    TAKEN_BACK = "TAKEN_BACK"


class Why(StrEnum):
    """Why a delivery was queued; the words are shown beside it."""

    FIRST = "first in the order of the role"
    EVERYONE = "FLASH: everybody of the role is told at once"
    NEXT_WAY = "no answer: the next way to the same person"
    NEXT_PERSON = "no answer: the next person of the role"
    FAILED_WAY = "it could not be delivered: the next way to the same person"
    FAILED_PERSON = "it could not be delivered: the next person of the role"
    PASSED_ON = "the person before said it is not for them"
    NEWLY_LISTED = "the role had nobody in the directory until now"
    GOT_THE_LAST = "they got what this replaces, the same way"
    LEFT_OVER = "everybody was tried once: the ways not used yet"


class Closed(StrEnum):
    """Why a destination ended without an acknowledgement, or no longer needs one."""

    REPLACED = "a newer edition went out; that one is to be acknowledged"
    CANCELLED = "the warning was cancelled; the cancellation is to be acknowledged"
    EXPIRED = "the warning expired before anybody answered"
    TAKEN_BACK = "the sender took it back before it left"


@dataclass(frozen=True, slots=True)
class Informed:
    """Whether everybody who must know has said so: `yes`, how many of how many, and why."""

    yes: bool
    acknowledged: int
    required: int
    reason: str


PAGES = {
    "rpt": "reports",
    "sit": "situations",
    "wrn": "warnings",
    "rfi": "rfis",
    "dis": "dissents",
    "op": "operations",
    "src": "sources",
    "dst": "answers",
    "rel": "releases",
    "fnd": "findings",
    "inq": "inquiries",
    "sar": "stores/sar",
    "cri": "stores/intelligence",
    "unm": "unmasking",
    "dir": "directory/checks",
    "sgt": "sightings",
    "qst": "live",
    "hlq": "live",
    "abs": "live",
}
"""Where the page of a subject is, by its id's prefix: links in mail are made without the web stage."""
