"""Sightings, questions, the question whether to hold, absences, incidents: words, kinds of entries, limits."""

from __future__ import annotations

from datetime import timedelta
from enum import IntEnum, StrEnum

SIGHTING_REPORTED = "sighting.reported"
SIGHTING_UPDATED = "sighting.updated"
SIGHTING_LOWERED = "sighting.lowered"
SIGHTING_LOST = "sighting.track_lost"
SIGHTING_RESOLVED = "sighting.resolved"
SIGHTING_RECEIPTS = "sighting.receipts"
SIGHTING_RETRIED = "sighting.retried"
SIGHTING_INFORMED = "sighting.informed"
QUESTION_ASKED = "question.asked"
QUESTION_ANSWERED = "question.answered"
QUESTION_UNANSWERED = "question.unanswered"
HOLD_ASKED = "hold_question.asked"
HOLD_DECIDED = "hold_question.decided"
HOLD_UNANSWERED = "hold_question.unanswered"
HOLD_OVER = "hold_question.over"
DECIDER_NAMED = "hold_question.decider_named"
ABSENCE_FOUND = "absence.found"
ABSENCE_COVERED = "absence.covered"
ABSENCE_ENDED = "absence.ended"
SENSOR_REGISTERED = "sensor.registered"
SENSOR_REMOVED = "sensor.removed"
INCIDENT_NOTED = "incident.noted"
INCIDENT_ENDED = "incident.ended"
ACT_DONE = "operate.act_done"

LABEL_CAP = 80
TEXT_CAP = 2000
PHOTOS_CAP = 10
KEY_CAP = 64
ASKED_CAP = 5
"""People around a place who are asked one question."""
AROUND_M = 150
"""How far around a place somebody is asked about it."""
ON_IT_M = 15
"""A person or post this near a place counts as being on it: a phone's own place is no more exact."""
ANSWER_IN = timedelta(seconds=10)
DECIDE_IN = timedelta(seconds=60)
SEEN_HOLDS = timedelta(minutes=2)
"""A sighting that nobody has seen for longer is unlocated, whether or not anybody said so."""
FRESH = timedelta(minutes=5)
"""A live position older than this places nobody."""
CHECK_IN_EVERY = timedelta(minutes=30)
"""A post from which nothing was heard for longer has missed its check-in."""
BATTERY_LOW = 15
"""Percent below which a phone is about to be one that nobody hears from."""
BATTERY_BACK = 20
"""Percent from which it is no longer: more than the least, so that it is not said again and again."""
CHECK_IN_GRACE = timedelta(minutes=2)
"""How long after its time a position's check-in is missed: its named person is asked first."""
SENSORS_CAP = 200
SENSOR_EVERY_S = (30, 3600)
"""How often a sensor that speaks for itself may be expected to be heard, in seconds."""
SATURATED = 3
"""Open things in one agency's hands from which the board calls it saturated."""


class Severity(IntEnum):
    """How grave a sighting is. It only rises by what is added; lowering is a person's recorded decision."""

    INFO = 1
    ATTENTION = 2
    SERIOUS = 3
    GRAVE = 4
    ARMED = 5

    @property
    def words(self) -> str:
        return _SEVERITIES[self]


_SEVERITIES = {
    Severity.INFO: "for information",
    Severity.ATTENTION: "attention",
    Severity.SERIOUS: "serious",
    Severity.GRAVE: "grave",
    Severity.ARMED: "armed or attacking",
}


class Aggravator(StrEnum):
    """What makes a sighting worse; each raises the severity to at least `floor`."""

    BAG = "bag"
    BINOCULARS = "binoculars"
    PHOTOGRAPHING = "photographing"
    DRONE = "drone"
    FLED = "fled"
    RANGEFINDER = "rangefinder"
    BREACHED = "breached"
    CLIMBING = "climbing"
    ON_ROOF = "on_roof"
    DEVICE = "device"
    ARMED = "armed"
    SHOTS = "shots"

    @property
    def words(self) -> str:
        return _AGGRAVATORS[self][0]

    @property
    def floor(self) -> Severity:
        return _AGGRAVATORS[self][1]


_AGGRAVATORS = {
    Aggravator.BAG: ("carries a bag", Severity.ATTENTION),
    Aggravator.BINOCULARS: ("looks through binoculars", Severity.ATTENTION),
    Aggravator.PHOTOGRAPHING: ("photographs the security", Severity.ATTENTION),
    Aggravator.DRONE: ("drone", Severity.SERIOUS),
    Aggravator.FLED: ("ran when approached", Severity.SERIOUS),
    Aggravator.RANGEFINDER: ("rangefinder", Severity.SERIOUS),
    Aggravator.BREACHED: ("inside the perimeter", Severity.GRAVE),
    Aggravator.CLIMBING: ("climbing", Severity.GRAVE),
    Aggravator.ON_ROOF: ("on a roof", Severity.GRAVE),
    Aggravator.DEVICE: ("may be a bomb", Severity.ARMED),
    Aggravator.ARMED: ("armed", Severity.ARMED),
    Aggravator.SHOTS: ("shots fired", Severity.ARMED),
}
ASKS_HOLD = frozenset(
    {
        Aggravator.RANGEFINDER,
        Aggravator.CLIMBING,
        Aggravator.ON_ROOF,
        Aggravator.DEVICE,
        Aggravator.ARMED,
        Aggravator.SHOTS,
    }
)
"""With one of these, somebody must say whether the protected person stays (incidents B, 17:59-18:05)."""


class SightingKind(StrEnum):
    """What was seen."""

    PERSON = "PERSON"
    VEHICLE = "VEHICLE"
    OBJECT = "OBJECT"
    DRONE = "DRONE"

    @property
    def words(self) -> str:
        return {"PERSON": "person", "VEHICLE": "vehicle", "OBJECT": "object", "DRONE": "drone"}[
            self.value
        ]


class SightingState(StrEnum):
    """Where a sighting stands."""

    OPEN = "OPEN"
    TRACK_LOST = "TRACK_LOST"
    RESOLVED = "RESOLVED"

    @property
    def words(self) -> str:
        return {"OPEN": "open", "TRACK_LOST": "track lost", "RESOLVED": "over"}[self.value]


class Said(StrEnum):
    """What a receipt says, in the order in which it grows."""

    DELIVERED = "delivered"
    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"


class QuestionState(StrEnum):
    """Where a question stands. UNANSWERED is said loudly, and may still be answered."""

    OPEN = "OPEN"
    UNANSWERED = "UNANSWERED"
    ANSWERED = "ANSWERED"


class Whose(StrEnum):
    """The answer a person gives to "whose is that?"."""

    OURS = "OURS"
    NOT_OURS = "NOT_OURS"
    UNKNOWN = "UNKNOWN"

    @property
    def words(self) -> str:
        return {"OURS": "ours", "NOT_OURS": "not ours", "UNKNOWN": "cannot tell from here"}[
            self.value
        ]


class Decision(StrEnum):
    """What the decider says. OVER is nobody's decision: what the question was about ended first."""

    HOLD = "HOLD"
    GO = "GO"
    MOVE = "MOVE"
    OVER = "OVER"

    @property
    def words(self) -> str:
        return _DECISIONS[self]


_DECISIONS = {
    Decision.HOLD: "hold",
    Decision.GO: "go on",
    Decision.MOVE: "move the protected person",
    Decision.OVER: "over before anybody decided",
}
CHOICES = (Decision.HOLD, Decision.GO, Decision.MOVE)
"""What a person may decide, in the order in which it is offered."""


class HoldState(StrEnum):
    """Where a hold question stands. UNANSWERED = its clock ran out; it is asked until decided."""

    ASKED = "ASKED"
    UNANSWERED = "UNANSWERED"
    DECIDED = "DECIDED"


class AbsenceKind(StrEnum):
    """What is missing."""

    VACATED = "VACATED"
    MISSED = "MISSED"
    DOWN = "DOWN"
    BATTERY = "BATTERY"

    @property
    def words(self) -> str:
        return _ABSENCES[self]


_ABSENCES = {
    AbsenceKind.VACATED: "post left",
    AbsenceKind.MISSED: "check-in missed",
    AbsenceKind.DOWN: "out of order",
    AbsenceKind.BATTERY: "battery nearly empty",
}


class IncidentKind(StrEnum):
    """What else keeps people busy."""

    MEDICAL = "MEDICAL"
    HEAT = "HEAT"
    LOST_CHILD = "LOST_CHILD"
    DISTURBANCE = "DISTURBANCE"
    TRAFFIC = "TRAFFIC"
    OTHER = "OTHER"

    @property
    def words(self) -> str:
        return _INCIDENTS[self]


_INCIDENTS = {
    IncidentKind.MEDICAL: "medical",
    IncidentKind.HEAT: "heat casualty",
    IncidentKind.LOST_CHILD: "lost child",
    IncidentKind.DISTURBANCE: "disturbance",
    IncidentKind.TRAFFIC: "traffic",
    IncidentKind.OTHER: "other",
}
