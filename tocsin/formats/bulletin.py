"""A released warning as every sharing format sees it: one neutral value, so that all of them say the same."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Statement(msgspec.Struct, frozen=True):
    """One judgment. `likelihood` is a term of ICD 203 with its range in per cent; '' = none given."""

    text: str
    likelihood: str = ""
    low: int = 0
    high: int = 0
    confidence: str = ""
    basis: str = ""


class Cited(msgspec.Struct, frozen=True):
    """A source by its id, never its content. Admiralty code: `reliability` A-F, `credibility` 1-6 or ''."""

    id: str
    kind: str
    reliability: str = ""
    credibility: str = ""
    posted_at: datetime | None = None
    received_at: datetime | None = None
    last_seen: datetime | None = None
    seen: int = 1


class Earlier(msgspec.Struct, frozen=True):
    """A message this one follows: an edition it replaces, or the one it cancels."""

    id: str
    sent: datetime


class Original(msgspec.Struct, frozen=True):
    """Another agency's message that this one passes on: its bytes as they came, and who is to be credited."""

    format: str
    identifier: str
    sender: str
    raw: bytes
    name: str = ""

    @property
    def credit(self) -> str:
        """Whose it is, in words: the name they give themselves, else their address, not written as one."""
        return self.name or self.sender.replace("@", " at ")


class Bulletin(msgspec.Struct, frozen=True):
    """One edition of a warning, or (`cancelled`) the message that takes it back.

    `site` = host name of this installation; `sender` = agency id; `first_at` = release of the first edition,
    `sent` = of this message. `text` = the whole document in plain words. `exercise` = a drill.
    """

    id: str
    series: str
    edition: int
    product: str
    product_name: str
    sender: str
    agency: str
    site: str
    url: str
    tlp: str
    precedence: str
    title: str
    text: str
    first_at: datetime
    sent: datetime
    summary: str = ""
    statements: tuple[Statement, ...] = ()
    would_change: str = ""
    dissent: str = ""
    caveat: str = ""
    actions: tuple[str, ...] = ()
    changed: str = ""
    expires: datetime | None = None
    event: str = ""
    place: str = ""
    earlier: tuple[Earlier, ...] = ()
    recipients: tuple[str, ...] = ()
    sources: tuple[Cited, ...] = ()
    originals: tuple[Original, ...] = ()
    review_by: datetime | None = None
    raw: bool = False
    exercise: bool = False
    cancelled: bool = False
    cancel_reason: str = ""

    @property
    def message(self) -> str:
        """The identifier of this very message: an issued one is never edited, so taking it back is another."""
        return f"{self.id}.cancel" if self.cancelled else self.id
