"""The vocabulary of an exercise in the field: its plan, its people and their habits, what happens, what is measured.

Every time is aware UTC, every duration a `timedelta`. A place is (metres east, metres north) of the story's origin.
`certainty` and `time_known` of a happening say how well the public record knows it; every text is written for
the exercise. `by_hand` is what history did with it: whom it reached, when, and which facts were still in it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NoReturn, TypeAlias

from tocsin.exercise.labels import Seat
from tocsin.exercise.terms import AgencySpec, Frozen, Scripted, Target

Metres: TypeAlias = tuple[int, int]


class Kind(StrEnum):
    """What the score computes; the comment gives value and unit."""

    RED_NAMED = "red_named"  # the red thing stood in the decision to go, time
    REDS_AT_GO = "reds_at_go"  # red things in the last decision before the event, count
    SECONDS_TO_ALL = (
        "seconds_to_all"  # fact -> last seat that must know acknowledged or was escalated, s
    )
    SHARE_REACHED = "share_reached"  # seats that must know which had the fact in time, percent
    FACTS_KEPT = "facts_kept"  # facts undiminished over every hop, percent
    PERSON_KNEW = "person_knew"  # a person had the fact, time
    HOLD_ASKED = "hold_asked"  # somebody was asked to hold, go or move, time
    HOLD_ANSWERED = "hold_answered"  # a named person answered, or it went up, time
    QUESTION_SECONDS = (
        "question_seconds"  # the answer to "whose is that?", s (by the machine's clock)
    )
    ABSENCE_NOTICED = "absence_noticed"  # a post or sensor was found missing, time
    ABSENCE_COVERED = "absence_covered"  # something made up for it, time
    INFORMED_TOO_SOON = "informed_too_soon"  # shown informed with an acknowledgement missing, count
    GROUND_FOUND = "ground_found"  # uncovered ground that holds a place stood on record, time
    GROUND_TOLD = "ground_told"  # a person was told of that duty, time
    MET_UNSWEPT = "met_unswept"  # the protected person passed with that ground unswept and nobody named, count
    CORDON = "cordon"  # people ordered to keep away of a device, after it was found, s


class FieldMeasure(Target, frozen=True):
    """One line of the score. `fact` = an aggravator; `about` = a label, person or happening, as the kind needs it.

    `red` = the kind of red thing; `until` = the moment at which a share is taken.
    """

    kind: Kind
    red: str = ""
    fact: str = ""
    about: str = ""
    until: datetime | None = None


class Player(Frozen, frozen=True):
    """A scripted person: a role, never a real name, and their habits with the field app.

    `phone` = how long until their phone has what is sent (None = they carry none that is on); `acknowledges` = how
    long from then until they say that they have it (None = never by the app); `answers_call` = how long after they
    are asked by another way. `decides` = (HOLD, GO or MOVE; why), one for each time they are asked, said `decides_in`
    later; `covers` = what they do about an absence. `basis` says why it is plausible: from the public record, or
    assumed.
    """

    id: str
    role: str
    agency: str
    seats: tuple[Seat, ...]
    basis: str
    phone: timedelta | None = timedelta(seconds=2)
    acknowledges: timedelta | None = None
    answers_call: timedelta | None = None
    decides: tuple[tuple[str, str], ...] = ()
    decides_in: timedelta = timedelta(seconds=40)
    whose: str = ""
    whose_in: timedelta = timedelta(seconds=8)
    covers: str = ""
    covers_in: timedelta = timedelta(minutes=1)


class AreaSpec(Frozen, frozen=True):
    """A piece of ground. `shape` = points, in metres from the origin."""

    id: str
    kind: str
    label: str
    shape: tuple[Metres, ...]
    height_m: int = 0
    standoff_m: int = 0


class PositionSpec(Frozen, frozen=True):
    """A position with line of sight. `accepted_by` '' = nobody ever accepted it."""

    id: str
    label: str
    at: Metres
    height_m: int = 0
    accepting: str = ""
    accepted_by: str = ""
    mitigation: str = ""
    every: timedelta = timedelta(minutes=30)


class PostSpec(Frozen, frozen=True):
    """A post and who stands there. `kind`: POST, ROOM or DETAIL. Without `person` nobody was assigned."""

    id: str
    label: str
    agency: str
    at: Metres
    kind: str = "POST"
    floor: str = ""
    person: str = ""
    opens: datetime | None = None
    closes: datetime | None = None


class SeatSpec(Frozen, frozen=True):
    """A chair in a room."""

    room: str
    person: str


class ChannelSpec(Frozen, frozen=True):
    """A channel of the communications plan."""

    id: str
    label: str
    kind: str = "RADIO"
    function: str = ""


class CarrySpec(Frozen, frozen=True):
    """A post is to have a channel; `state` = how far that had come: planned, issued or tested."""

    post: str
    channel: str
    state: str = "tested"
    device: str = ""


class GatewaySpec(Frozen, frozen=True):
    """What joins two channels, or a person at a post who passes on; never tested unless history did."""

    label: str
    kind: str
    a: str
    b: str
    post: str = ""


class ZoneSpec(Frozen, frozen=True):
    """Ground that was to be swept."""

    id: str
    label: str
    shape: tuple[Metres, ...]
    area: str = ""
    team: str = ""
    method: str = "CANINE"
    due: datetime | None = None


class ByHand(Frozen, frozen=True):
    """History's way: whom it reached, when, with which facts still in it, in which words."""

    to: str
    at: datetime
    keeps: tuple[str, ...] = ()
    words: str = ""


class Seen(Scripted, frozen=True, tag_field="kind", tag="seen"):
    """Somebody reports what they see. `of` = which thing; the first report of it makes the sighting."""

    of: str
    text: str
    what: str = "PERSON"
    facts: tuple[str, ...] = ()
    severity: int = 1
    where: Metres | None = None
    place: str = ""
    by_hand: tuple[ByHand, ...] = ()


class Lost(Scripted, frozen=True, tag_field="kind", tag="lost"):
    """Nobody sees it any more."""

    of: str
    direction: str = ""


class Over(Scripted, frozen=True, tag_field="kind", tag="over"):
    """It is over, and why."""

    of: str
    text: str


class Passed(Scripted, frozen=True, tag_field="kind", tag="passed"):
    """It is passed on by mouth, radio, phone or text. With Tocsin the record was there already."""

    of: str
    channel: str
    text: str
    by_hand: tuple[ByHand, ...] = ()


class Asked(Scripted, frozen=True, tag_field="kind", tag="asked"):
    """Whose is that? Asked of a place."""

    text: str
    where: Metres
    place: str = ""


class Left(Scripted, frozen=True, tag_field="kind", tag="left"):
    """Somebody leaves the post they hold; `said` = whether they say so by the one tap. Their phone goes with them."""

    post: str
    to: Metres
    said: bool = False


class Down(Scripted, frozen=True, tag_field="kind", tag="down"):
    """Something that should work does not; `until` = when it came back."""

    about: str
    label: str
    until: datetime | None = None
    measure: str = ""


class Busy(Scripted, frozen=True, tag_field="kind", tag="busy"):
    """What else keeps people busy; `what` is a kind of incident."""

    what: str
    text: str
    place: str = ""
    until: datetime | None = None


class Goes(Scripted, frozen=True, tag_field="kind", tag="goes"):
    """Whoever leads decides to go ahead, on the page that shows all that is red."""

    text: str
    go: bool = True


class Swept(Scripted, frozen=True, tag_field="kind", tag="swept"):
    """A team says what it swept; with a `track` only what lies within reach of it counts."""

    zone: str
    began: datetime
    holds: timedelta
    found: bool = False
    track: tuple[Metres, ...] = ()
    text: str = ""


class Breached(Scripted, frozen=True, tag_field="kind", tag="breached"):
    """Somebody got in after the sweep."""

    zone: str
    text: str = ""


class Mark(Scripted, frozen=True, tag_field="kind", tag="mark"):
    """A moment of history that is nobody's message: shown in the timeline, and the clock runs past it."""


Happening: TypeAlias = (
    Seen | Lost | Over | Passed | Asked | Left | Down | Busy | Goes | Swept | Breached | Mark
)


class FieldPlan(Frozen, frozen=True):
    """What the plan was, as far as the public record says, put where it belongs."""

    areas: tuple[AreaSpec, ...] = ()
    positions: tuple[PositionSpec, ...] = ()
    posts: tuple[PostSpec, ...] = ()
    seats: tuple[SeatSpec, ...] = ()
    channels: tuple[ChannelSpec, ...] = ()
    carries: tuple[CarrySpec, ...] = ()
    gateways: tuple[GatewaySpec, ...] = ()
    zones: tuple[ZoneSpec, ...] = ()


class FieldOperation(Frozen, frozen=True):
    """The event. `decider` says hold, go or move; `origin` = latitude, longitude in degrees."""

    name: str
    place: str
    lead_agency: str
    lead: str
    starts: datetime
    ends: datetime
    origin: tuple[float, float]
    decider: str = ""


class FieldStory(Frozen, frozen=True):
    """A whole exercise in the field. `injects` are in time order; `training_at` = where a team takes over."""

    id: str
    title: str
    summary: str
    zone: str
    starts: datetime
    ends: datetime
    training_at: datetime
    local_offset: timedelta
    operation: FieldOperation
    agencies: tuple[AgencySpec, ...]
    people: tuple[Player, ...]
    plan: FieldPlan
    injects: tuple[Happening, ...]
    measures: tuple[FieldMeasure, ...]

    def player(self, id: str) -> Player:
        """Raises: KeyError."""
        return next((p for p in self.people if p.id == id), None) or _missing(id)

    def inject(self, id: str) -> Happening:
        """Raises: KeyError."""
        return next((i for i in self.injects if i.id == id), None) or _missing(id)


def _missing(id: str) -> NoReturn:
    raise KeyError(id)
