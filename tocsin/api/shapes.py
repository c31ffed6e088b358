"""What goes over the wire: strict in what is taken, plain in what is given."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

Words = Annotated[str, StringConstraints(max_length=100_000)]
Short = Annotated[str, StringConstraints(max_length=2_000)]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,4}_[0-9a-z]{20}$")]


class Taken(Schema):
    """Base of what is sent in: a field nobody knows is refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class ReportIn(Taken):
    """One report. `key` is your own stable id for it: the same key again is the same report."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=100_000)]
    key: Short = ""
    title: Short = ""
    url: Short = ""
    author: Short = ""
    at: AwareDatetime | None = None
    thread: Short = ""
    lang: Annotated[str, StringConstraints(max_length=20)] = ""


class ReportsIn(Taken):
    """Up to 1,000 reports for one source of kind `api` of your agency."""

    source: Id
    items: Annotated[list[ReportIn], Field(min_length=1, max_length=1000)]


class ItemOut(Schema):
    """What became of one item. `counted` = nothing in it stood out, so nothing of it was kept."""

    index: int
    result: Literal["flagged", "counted", "refused"]
    reason: str = ""
    field: str = ""
    cure: str = ""


class ReportsOut(Schema):
    flagged: int
    counted: int
    refused: int
    items: list[ItemOut]


class ReportOut(Schema):
    """A flagged report, masked."""

    id: str
    version: int
    source: str
    agency: str
    tlp: str
    operation: str
    precedence: str
    score: int
    state: str
    categories: list[str]
    indicators: list[str]
    title: str
    text: str
    posted_at: datetime | None
    received_at: datetime


class SituationOut(Schema):
    id: str
    title: str
    state: str
    agency: str
    tlp: str
    operation: str
    categories: list[str]
    k: int
    alarms: int
    alarm_at: datetime | None
    changed_at: datetime


class WarningOut(Schema):
    id: str
    type: str
    title: str
    state: str
    edition: int
    precedence: str
    tlp: str
    agency: str
    operation: str
    released_at: datetime | None
    expires_at: datetime | None


class WarningText(WarningOut):
    """A warning with its words, as its reader gets them."""

    text: str


class SeatOut(Schema):
    """Where a warning has got to for one role at one agency."""

    destination: str
    agency: str
    role: str
    must_know: bool
    state: str
    opened_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    acknowledged_at: datetime | None
    acted_at: datetime | None


class Acknowledge(Taken):
    """Which destination you answer for (see its receipts); with `acted`, what you have done."""

    destination: Id
    acted: Words = ""


class AcknowledgeOut(Schema):
    acknowledged: bool
    first: bool


class DutyOut(Schema):
    id: str
    kind: str
    subject: str
    title: str
    precedence: str
    operation: str
    owner_agency: str
    owner_role: str
    opened_at: datetime
    due_at: datetime
    rung: int


class EntryOut(Schema):
    """An entry of the record, without content: `data` holds ids, times and commitments."""

    place: int | None
    id: str
    kind: str
    actor: str
    agency: str
    subject: str
    occurred_at: str
    recorded_at: str
    data: dict[str, Any]


class FeedOut(Schema):
    """Entries after a place, in order; ask again with `next`. `more` = there is more right now."""

    entries: list[EntryOut]
    next: int
    more: bool


class Page(Schema):
    """A cursor to go on from; '' at the end."""

    next: str = ""


class Queue(Page):
    items: list[ReportOut]


class Situations(Page):
    items: list[SituationOut]


class Warnings(Page):
    items: list[WarningOut]


class Duties(Page):
    items: list[DutyOut]


class Health(Schema):
    """Is the server itself well. No content, no key needed."""

    well: bool
    duties_on_time: bool
    entries_waiting: int
    version: str
