"""Posts, assignments, seats.

`Marked` owns the column `agency`: for a post it is the agency that mans it (AMBER and the operation let all who take
part see it). The id's prefix is `post` (`new_id("post")`): `pst` names a past moment already.
"""

from __future__ import annotations

from django.db import models

from tocsin.record.models import Marked, Projection


class Post(Projection, Marked):
    """A place somebody stands at for some hours. `lat`, `lon` in 1e-7 degrees, null where not on the map yet.

    `command` = one of the posts that command or decide: the room, the detail leader's post (`kind`, terms.PostKind).
    """

    id = models.TextField(primary_key=True)
    label = models.TextField()
    kind = models.TextField(default="POST")
    command = models.BooleanField(default=False)
    lat = models.IntegerField(null=True)
    lon = models.IntegerField(null=True)
    floor = models.TextField(default="")
    from_at = models.DateTimeField()
    until_at = models.DateTimeField()
    equipment = models.JSONField(default=list)
    qualification = models.TextField(default="")
    role_title = models.TextField(default="")
    state = models.TextField(default="LIVE")
    version = models.IntegerField(default=1)
    made_by = models.TextField(default="")
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "plan_post"
        indexes = [models.Index(fields=["operation", "state"], name="plan_post_of")]


class Assignment(Projection, Marked):
    """A person stands at a post from `from_at` until `until_at`, or until relieved. `vacated_at` = they left it."""

    id = models.TextField(primary_key=True)
    post = models.TextField(db_index=True)
    person = models.TextField(db_index=True)
    from_at = models.DateTimeField()
    until_at = models.DateTimeField()
    relieved_at = models.DateTimeField(null=True)
    checked_in_at = models.DateTimeField(null=True)
    vacated_at = models.DateTimeField(null=True)
    made_by = models.TextField(default="")
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "plan_assignment"
        indexes = [models.Index(fields=["operation", "until_at"], name="plan_assignment_of")]


class Seat(Projection, Marked):
    """The chair of `seat_agency` in a room; `person` '' = left. `agency` of `Marked` leads the operation."""

    id = models.TextField(primary_key=True)
    room = models.TextField(db_index=True)
    seat_agency = models.TextField()
    person = models.TextField(default="")
    taken_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "plan_seat"
