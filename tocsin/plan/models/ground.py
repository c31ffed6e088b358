"""The ground: areas, positions with line of sight, zones to sweep, pictures of the site; approvals and going ahead.

Coordinates are whole numbers of 1e-7 degrees; a shape is [[lat, lon], …], a ring without its last point repeated.
`agency` (of `Marked`) owns the row: the agency that leads the operation. Whoever does the work stands in a column
of its own (`accepting`, `team`).
"""

from __future__ import annotations

from django.db import models

from tocsin.record.models import Marked, Projection


class Area(Projection, Marked):
    """A piece of ground with a name. `standoff_m` = how far around it nothing may lie unswept (routes, stages)."""

    id = models.TextField(primary_key=True)
    kind = models.TextField()
    label = models.TextField()
    shape = models.JSONField(default=list)
    height_dm = models.IntegerField(default=0)
    standoff_m = models.IntegerField(default=0)
    source = models.TextField(default="")
    state = models.TextField(default="LIVE")
    version = models.IntegerField(default=1)
    made_by = models.TextField(default="")
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "plan_area"
        indexes = [models.Index(fields=["operation", "kind"], name="plan_area_of")]


class Position(Projection, Marked):
    """A place from which the protected person can be seen. Green only when accepted; see `rules.ground`.

    `area` = what it looks upon ('' = the nearest stage or route); `metres` to it when last reckoned (-1 = unknown).
    """

    id = models.TextField(primary_key=True)
    label = models.TextField()
    area = models.TextField(default="")
    lat = models.IntegerField()
    lon = models.IntegerField()
    height_dm = models.IntegerField(default=0)
    metres = models.IntegerField(default=-1)
    state = models.TextField(default="LISTED")
    mitigation = models.TextField(default="")
    accepting = models.TextField(default="")
    asked_by = models.TextField(default="")
    accepted_by = models.TextField(default="")
    accepted_at = models.DateTimeField(null=True)
    reason = models.TextField(default="")
    person = models.TextField(default="")
    check_in_every_s = models.IntegerField(default=0)
    check_in_due = models.DateTimeField(null=True)
    checked_in_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=1)
    made_by = models.TextField(default="")
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "plan_position"
        indexes = [models.Index(fields=["operation", "state"], name="plan_position_of")]


class Zone(Projection, Marked):
    """Ground to be swept: by whom, how, when; what was found; and until when that holds.

    `track` = where the team went, when it is known: then only ground within `reach_m` of it counts as covered.
    """

    id = models.TextField(primary_key=True)
    label = models.TextField()
    area = models.TextField(default="")
    shape = models.JSONField(default=list)
    method = models.TextField(default="")
    team = models.TextField(default="")
    due_at = models.DateTimeField(null=True)
    start = models.DateTimeField(null=True)
    end = models.DateTimeField(null=True)
    track = models.JSONField(default=list)
    reach_m = models.IntegerField(default=0)
    result = models.TextField(default="")
    note = models.TextField(default="")
    expires_at = models.DateTimeField(null=True)
    reason_not_swept = models.TextField(default="")
    state = models.TextField(default="PLANNED")
    version = models.IntegerField(default=1)
    made_by = models.TextField(default="")
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "plan_zone"
        indexes = [
            models.Index(fields=["operation", "state"], name="plan_zone_of"),
            models.Index(
                fields=["expires_at"], name="plan_zone_lapses", condition=models.Q(state="SWEPT")
            ),
        ]


class Coverage(Projection, Marked):
    """What lies unswept within standoff of one route or stage, when last reckoned: [{shape, area_m2, near, metres}]."""

    area = models.TextField(primary_key=True)
    gaps = models.JSONField(default=list)
    whole_m2 = models.IntegerField(default=0)
    open_m2 = models.IntegerField(default=0)
    reckoned_at = models.DateTimeField()

    class Meta:
        db_table = "plan_coverage"


class Picture(Projection, Marked):
    """A picture of the site or a floor plan, laid under the map. `image` = the vault's id of its bytes."""

    id = models.TextField(primary_key=True)
    label = models.TextField()
    image = models.TextField()
    sha256 = models.TextField()
    width = models.IntegerField()
    height = models.IntegerField()
    bounds = models.JSONField(default=list)  # [south, west, north, east]
    state = models.TextField(default="LIVE")
    made_by = models.TextField(default="")
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "plan_picture"


class Basis(Projection, Marked):
    """What a plan was begun from: a template, a past operation, or both. `operation` of `Marked` is the key's twin."""

    id = models.TextField(primary_key=True)
    template = models.TextField(default="")
    copied_from = models.TextField(default="")
    by = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "plan_basis"


class Approval(Projection, Marked):
    """A person approved the plan as it stood at that moment."""

    id = models.TextField(primary_key=True)
    person = models.TextField()
    by_agency = models.TextField()
    note = models.TextField(default="")
    approved_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "plan_approval"


class Going(Projection, Marked):
    """The decision to go ahead, or not: by name, with what was red at that moment: [[kind, subject]]."""

    id = models.TextField(primary_key=True)
    go = models.BooleanField()
    reds = models.JSONField(default=list)
    words = models.TextField()  # vault: the reason, and what each red said
    person = models.TextField()
    by_agency = models.TextField()
    decided_at = models.DateTimeField()

    class Meta:
        db_table = "plan_going"
