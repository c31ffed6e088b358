"""What is owed, and who was told of it."""

from __future__ import annotations

from django.db import models

from tocsin.record.models import Marked, Projection


class Duty(Projection, Marked):
    """One thing owed. It ends only by an entry that discharges it.

    `steps` is the ladder as it stood when the duty opened: [{"tell", "at"}]; `rung` counts those fired;
    `next_at` is when the next one fires (null = none left, or discharged).
    """

    id = models.TextField(primary_key=True)
    kind = models.TextField()
    subject = models.TextField(db_index=True)
    title = models.TextField()
    precedence = models.TextField(default="ROUTINE")
    owner_agency = models.TextField()
    owner_role = models.TextField(default="")
    owner_person = models.TextField(default="")
    ladder = models.TextField()
    ladder_version = models.TextField()
    steps = models.JSONField(default=list)
    repeat_s = models.IntegerField(default=0)
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    due_reason = models.TextField(default="")
    rung = models.IntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    discharged_at = models.DateTimeField(null=True)
    discharged_by = models.TextField(default="")
    outcome = models.TextField(default="")

    class Meta:
        indexes = [
            models.Index(
                fields=["next_at"],
                name="duties_duty_next",
                condition=models.Q(discharged_at=None, next_at__isnull=False),
            ),
            models.Index(
                fields=["due_at"], name="duties_duty_owed", condition=models.Q(discharged_at=None)
            ),
            models.Index(
                fields=["owner_agency", "owner_role", "due_at"],
                name="duties_duty_owner",
                condition=models.Q(discharged_at=None),
            ),
        ]


class Notice(Projection):
    """A person told of a duty at a rung of its ladder: once per person and rung, never twice."""

    pk = models.CompositePrimaryKey("duty", "rung", "person")
    duty = models.TextField()
    rung = models.IntegerField()
    person = models.TextField()
    told_at = models.DateTimeField()
    planned_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["person", "told_at"],
                name="duties_notice_unseen",
                condition=models.Q(seen_at=None),
            )
        ]


class Policy(Projection):
    """The policy in force, by version; every change of it is on the record."""

    version = models.TextField(primary_key=True)
    text = models.TextField()
    since = models.DateTimeField()
