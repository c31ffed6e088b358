"""The vocabulary of the ground: areas, positions with line of sight, zones to sweep, and going ahead."""

from __future__ import annotations

from enum import StrEnum

AREA_PLACED = "plan.area_placed"
AREA_CHANGED = "plan.area_changed"
POSITION_LISTED = "plan.position_listed"
POSITION_CHANGED = "plan.position_changed"
POSITION_ACCEPTED = "plan.position_accepted"
POSITION_DECLINED = "plan.position_declined"
POSITION_CHECKED_IN = "plan.position_checked_in"
ZONE_PLANNED = "plan.zone_planned"
ZONE_CHANGED = "plan.zone_changed"
ZONE_BEGUN = "plan.zone_begun"
ZONE_SWEPT = "plan.zone_swept"
ZONE_NOT_SWEPT = "plan.zone_not_swept"
ZONE_BREACHED = "plan.zone_breached"
ZONE_LAPSED = "plan.zone_lapsed"
COVERAGE_FOUND = "plan.coverage_found"
PICTURE_PLACED = "plan.picture_placed"
PICTURE_REMOVED = "plan.picture_removed"
PLAN_BEGUN = "plan.begun"
PLAN_APPROVED = "plan.approved"
APPROVAL_WITHDRAWN = "plan.approval_withdrawn"
GOING_DECIDED = "plan.going_decided"

LABEL_CAP = 80
"""Letters of a label: it stands in entries, so it names a place, never a person or a number to call."""
POINTS_CAP = 2000
"""Points of one shape."""
SIGHT_RANGE_M = 400
"""A building nearer than this to what is protected is asked about: the longest shot in the field's own studies
of attacks on protectees was far shorter, and a scoped rifle reaches well past it."""


class AreaKind(StrEnum):
    """What an area is; `words` is what people call it."""

    SITE = "SITE"
    AREA = "AREA"
    BUILDING = "BUILDING"
    ROUTE = "ROUTE"
    ZONE = "ZONE"
    PERIMETER = "PERIMETER"
    STAGE = "STAGE"
    PLACE = "PLACE"

    @property
    def words(self) -> str:
        return _KINDS[self]


_KINDS = {
    AreaKind.SITE: "site",
    AreaKind.AREA: "area",
    AreaKind.BUILDING: "building",
    AreaKind.ROUTE: "route",
    AreaKind.ZONE: "closed zone",
    AreaKind.PERIMETER: "perimeter",
    AreaKind.STAGE: "where the protected person stands",
    AreaKind.PLACE: "place with a name (a bench, a bin, a door)",
}
PROTECTED = (AreaKind.STAGE.value, AreaKind.ROUTE.value)
"""Where the protected person is: distances and lines of sight are taken to these."""


class PositionState(StrEnum):
    """Where a position with line of sight stands. Only ACCEPTED can be green."""

    LISTED = "LISTED"
    ASSUMED = "ASSUMED"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    REMOVED = "REMOVED"

    @property
    def words(self) -> str:
        return _POSITIONS[self]


_POSITIONS = {
    PositionState.LISTED: "nobody was asked",
    PositionState.ASSUMED: "assumed: asked, and nobody accepted",
    PositionState.ACCEPTED: "accepted",
    PositionState.DECLINED: "declined",
    PositionState.REMOVED: "taken off the plan",
}


class ZoneState(StrEnum):
    """Where a zone stands. SWEPT with nothing found is cover until it lapses or is breached."""

    PLANNED = "PLANNED"
    BEGUN = "BEGUN"
    SWEPT = "SWEPT"
    FOUND = "FOUND"
    BREACHED = "BREACHED"
    LAPSED = "LAPSED"
    NOT_SWEPT = "NOT_SWEPT"
    REMOVED = "REMOVED"

    @property
    def words(self) -> str:
        return _ZONES[self]


_ZONES = {
    ZoneState.PLANNED: "not swept yet",
    ZoneState.BEGUN: "being swept",
    ZoneState.SWEPT: "swept, nothing found",
    ZoneState.FOUND: "swept, something found",
    ZoneState.BREACHED: "somebody got in since",
    ZoneState.LAPSED: "swept too long ago",
    ZoneState.NOT_SWEPT: "will not be swept",
    ZoneState.REMOVED: "taken off the plan",
}


class Method(StrEnum):
    """How a zone is swept, and how far from its track a team sees (metres)."""

    CANINE = "CANINE"
    VISUAL = "VISUAL"
    TECHNICIAN = "TECHNICIAN"
    INSTRUMENT = "INSTRUMENT"

    @property
    def words(self) -> str:
        return _METHODS[self][0]

    @property
    def reach_m(self) -> int:
        return _METHODS[self][1]


_METHODS = {
    Method.CANINE: ("dog and handler", 5),
    Method.VISUAL: ("on foot, by eye", 8),
    Method.TECHNICIAN: ("bomb technician", 3),
    Method.INSTRUMENT: ("detector or camera", 10),
}
