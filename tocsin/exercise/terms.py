"""The vocabulary of an exercise: its people and sources, what happens, what is measured.

Every time is aware UTC (files give local time, the loader converts), every duration a `timedelta`.
All values are frozen. What somebody *would* do is a `Behaviour`; what did happen is an `Inject`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias, TypeVar

import msgspec

from tocsin.exercise.labels import (
    Ask,
    Better,
    Certainty,
    Judgement,
    MeasureKind,
    Reply,
    Seat,
    Skill,
    Speech,
    TimeKnown,
)


class Frozen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every value: immutable, and a key nobody knows is refused."""


class Answer(Frozen, frozen=True):
    """How a person answers one kind of request: `within` after being asked, while on duty."""

    ask: Ask
    reply: Reply
    within: timedelta
    words: str = ""


class Behaviour(Frozen, frozen=True):
    """What a scripted person does. Asked for anything not in `answers`, they stay silent.

    `basis` says why this is plausible: from the public record, or an assumption, and which.
    """

    basis: str
    answers: tuple[Answer, ...] = ()
    silent_until: datetime | None = None
    judgement: Judgement | None = None


class Person(Frozen, frozen=True):
    """A scripted person: a role, never a real name. `on_duty` is local hours, `HH:MM-HH:MM`."""

    id: str
    role: str
    agency: str
    seats: tuple[Seat, ...]
    behaviour: Behaviour
    on_duty: str = "00:00-24:00"
    skill: Skill = Skill.CURRENT


class AgencySpec(Frozen, frozen=True):
    """A public agency. `must_know` are the people (one per role) who must acknowledge a warning."""

    id: str
    name: str
    short: str
    part: str
    domain: str
    must_know: tuple[str, ...] = ()


class SourceSpec(Frozen, frozen=True):
    """Where intake comes from, why we may read it, and how far it is trusted (Admiralty A to F).

    `kind`, `authority` and `purpose` are codes of the collecting stage; `plain` is the sentence.
    `chatter_share` is this source's part of the background, relative to the other sources.
    """

    id: str
    name: str
    kind: str
    agency: str
    authority: str
    purpose: str
    plain: str
    reliability: str
    retention: timedelta
    chatter_share: int = 0


class OperationSpec(Frozen, frozen=True):
    """The protected event, and the policy that bends clocks to it.

    `alarm_categories` of indicators within `alarm_window` raise the duty to assess the whole.
    """

    id: str
    name: str
    place: str
    lead_agency: str
    lead: str
    starts: datetime
    ends: datetime
    review_limit: timedelta
    lead_time: timedelta
    alarm_categories: int
    alarm_window: timedelta


class LadderSpec(Frozen, frozen=True):
    """Who is asked, in order, `every` apart, until somebody answers."""

    ask: Ask
    agency: str
    steps: tuple[str, ...]
    every: timedelta


class RosterSpec(Frozen, frozen=True):
    """A person stands watch in a seat every day, in local hours `HH:MM-HH:MM`."""

    person: str
    seat: Seat
    hours: str


class ChatterSpec(Frozen, frozen=True):
    """How much harmless background, and from which seed."""

    seed: int
    count: int


class Target(Frozen, frozen=True):
    """What every line of a score says: what is asked, of which injects, and what counts as good.

    Exactly one target: `at_most`/`at_least` (in `unit`), or `before` (a time).
    `historical` says in words what happened without any such system.
    """

    id: str
    kind: StrEnum
    question: str
    modes: tuple[int, ...]
    rows: tuple[str, ...]
    unit: str
    better: Better
    historical: str
    subjects: tuple[str, ...] = ()
    at_most: int | None = None
    at_least: int | None = None
    before: datetime | None = None


class Measure(Target, frozen=True):
    """One line of the score of an exercise that is played from posts and drafts."""

    kind: MeasureKind


class Post(Frozen, frozen=True, tag_field="kind", tag="post"):
    """A piece of public intake, invented. `raises` are the indicator categories it should raise.

    `veiled` posts are clear only to a reader of the posts around them, and are scored apart.
    """

    id: str
    at: datetime
    source: str
    author: str
    text: str
    speech: Speech
    raises: tuple[str, ...] = ()
    veiled: bool = False
    url: str = ""


class Scripted(Frozen, frozen=True):
    """What every inject but a post carries: whose act, which rows of history, how well known."""

    id: str
    at: datetime
    actor: str
    rows: tuple[str, ...]
    historical: str
    certainty: Certainty
    time_known: TimeKnown


class Tip(Scripted, frozen=True, tag_field="kind", tag="tip"):
    """A public tip or a partner's report, handed in at `source`."""

    source: str
    text: str
    speech: Speech
    raises: tuple[str, ...] = ()


class ConcernRaised(Scripted, frozen=True, tag_field="kind", tag="analyst_raises_concern"):
    """Dissent: somebody says, against the current view, that this is worse; `to` owes an answer."""

    to: str
    text: str
    about: tuple[str, ...] = ()


class ChatConcern(Scripted, frozen=True, tag_field="kind", tag="chat"):
    """A concern voiced in chat only; Tocsin files it as dissent, and `to` owes an answer."""

    to: str
    channel: str
    text: str
    about: tuple[str, ...] = ()


class RfiOpened(Scripted, frozen=True, tag_field="kind", tag="rfi_opened"):
    """A request for information, `due` as Tocsin requires; `had_due`: whether history's had one."""

    to: str
    text: str
    due: datetime
    had_due: bool
    about: tuple[str, ...] = ()


class DraftWritten(Scripted, frozen=True, tag_field="kind", tag="draft_written"):
    """A product is drafted and, given a `reviewer`, submitted. `cites` are posts and tips."""

    product: str
    title: str
    body: str
    cites: tuple[str, ...]
    reviewer: str = ""


class ReviewerHolds(Scripted, frozen=True, tag_field="kind", tag="reviewer_holds"):
    """A reviewer holds a draft; `reason` is empty where none was recorded."""

    draft: str
    reason: str = ""


class ReviewerDoesNothing(Scripted, frozen=True, tag_field="kind", tag="reviewer_does_nothing"):
    """A reviewer lets a draft lie."""

    draft: str


class DraftReleased(Scripted, frozen=True, tag_field="kind", tag="draft_released"):
    """A draft is released to the named people only, as it was then."""

    draft: str
    to: tuple[str, ...]


class DraftAbandoned(Scripted, frozen=True, tag_field="kind", tag="draft_abandoned"):
    """A draft is dropped without a decision on record."""

    draft: str


class Relay(Scripted, frozen=True, tag_field="kind", tag="relay"):
    """A warning is passed on; `acknowledged` and `urgent` say how it was then."""

    warning: str
    to: tuple[str, ...]
    channel: str
    acknowledged: bool
    urgent: bool
    text: str = ""


class NoReport(Scripted, frozen=True, tag_field="kind", tag="no_report"):
    """A collector decides that flagged items are no report, giving `reason`."""

    items: tuple[str, ...]
    speech: Speech
    reason: str


class NullReport(Scripted, frozen=True, tag_field="kind", tag="null_report"):
    """'Nothing to report', as of a time. It ends no duty and clears no situation."""

    text: str
    as_of: datetime


class PlanCites(Scripted, frozen=True, tag_field="kind", tag="plan_cites"):
    """An operations plan rests on a product; `superseded_by` is the draft that replaced it."""

    plan: str
    cited: str
    text: str
    superseded_by: str = ""


class Qualification(Scripted, frozen=True, tag_field="kind", tag="qualification"):
    """A person's standing is what it is, for a reason."""

    person: str
    skill: Skill
    text: str


class Shift(Scripted, frozen=True, tag_field="kind", tag="shift"):
    """Who stands a watch, from `at` until `until`, and what was handed over."""

    people: tuple[str, ...]
    until: datetime
    note: str = ""


class SourceOutage(Scripted, frozen=True, tag_field="kind", tag="source_outage"):
    """A source or search tool stops working for an agency; owes a compensating measure."""

    source: str
    text: str
    until: datetime


Inject: TypeAlias = (
    Post
    | Tip
    | ConcernRaised
    | ChatConcern
    | RfiOpened
    | DraftWritten
    | ReviewerHolds
    | ReviewerDoesNothing
    | DraftReleased
    | DraftAbandoned
    | Relay
    | NoReport
    | NullReport
    | PlanCites
    | Qualification
    | Shift
    | SourceOutage
)


_Named = TypeVar("_Named", bound=Person | AgencySpec | SourceSpec | Inject)


class Scenario(Frozen, frozen=True):
    """A whole exercise. `injects` are in time order, posts among them."""

    id: str
    title: str
    summary: str
    starts: datetime
    ends: datetime
    demo_stops_at: datetime
    local_offset: timedelta
    zone: str
    operation: OperationSpec
    chatter: ChatterSpec
    agencies: tuple[AgencySpec, ...]
    people: tuple[Person, ...]
    sources: tuple[SourceSpec, ...]
    rosters: tuple[RosterSpec, ...]
    ladders: tuple[LadderSpec, ...]
    measures: tuple[Measure, ...]
    injects: tuple[Inject, ...]

    def person(self, id: str) -> Person:
        """The person of that id. Raises: KeyError."""
        return _by_id(self.people, id)

    def agency(self, id: str) -> AgencySpec:
        """The agency of that id. Raises: KeyError."""
        return _by_id(self.agencies, id)

    def source(self, id: str) -> SourceSpec:
        """The source of that id. Raises: KeyError."""
        return _by_id(self.sources, id)

    def inject(self, id: str) -> Inject:
        """The inject of that id. Raises: KeyError."""
        return _by_id(self.injects, id)


def _by_id(values: tuple[_Named, ...], id: str) -> _Named:
    for value in values:
        if value.id == id:
            return value
    raise KeyError(id)
