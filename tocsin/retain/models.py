"""Holds, tombstones, other dates than the schedule's, the upper two stores, disclosures, unmasking requests."""

from __future__ import annotations

from django.db import models

from tocsin.record.models import Marked, Projection


class Keeping(Projection, Marked):
    """Where a thing's end differs from its schedule: validated until another date, or sealed under a hold.

    `reason` = vault id of why it was validated; `sealed` = ids of the content that was sealed.
    """

    subject = models.TextField(primary_key=True)
    keep_until = models.DateTimeField(null=True)
    validated_at = models.DateTimeField(null=True)
    validated_by = models.TextField(default="")
    reason = models.TextField(default="")
    sealed_at = models.DateTimeField(null=True)
    sealed = models.JSONField(default=list)

    class Meta:
        indexes = [models.Index(fields=["keep_until"], name="retain_keeping_until")]


class Tombstone(Projection, Marked):
    """What was purged: which part, when, by whom or by which schedule, how much. Never what it said.

    `reason` = vault id of a person's reason, under the id of this row.
    """

    id = models.TextField(primary_key=True)
    subject = models.TextField(db_index=True)
    part = models.TextField(default="all")
    why = models.TextField()
    contents = models.IntegerField()
    collected_at = models.DateTimeField()
    purged_at = models.DateTimeField(db_index=True)
    purged_by = models.TextField()
    reason = models.TextField(default="")


class LegalHold(Projection):
    """An order to keep. `content` = vault id of {"title", "text"}; `letter` = vault id of the letter, or ''."""

    id = models.TextField(primary_key=True)
    agency = models.TextField()
    content = models.TextField()
    letter = models.TextField(default="")
    subjects = models.JSONField(default=list)
    operation = models.TextField(default="")
    of_agency = models.TextField(default="")
    of_role = models.TextField(default="")
    people = models.JSONField(default=list)
    first = models.DateTimeField(null=True)
    last = models.DateTimeField(null=True)
    placed_at = models.DateTimeField()
    placed_by = models.TextField()
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.TextField(default="")
    lift_reason = models.TextField(default="")
    refused = models.IntegerField(default=0)


class Sar(Projection, Marked):
    """A suspicious activity report, promoted from a tip or lead: a thing of its own store, with its own clock.

    `content` = vault id of {"title", "text", "facts", "nexus"}. `report` = what it was promoted from.
    """

    id = models.TextField(primary_key=True)
    report = models.TextField(unique=True)
    content = models.TextField()
    behaviours = models.JSONField(default=list)
    collected_at = models.DateTimeField()
    promoted_at = models.DateTimeField()
    promoted_by = models.TextField()


class Intelligence(Projection, Marked):
    """An entry of criminal intelligence, promoted from a suspicious activity report (28 CFR 23).

    `content` = vault id of {"title", "text", "suspicion", "crime", "tie", "control"}.
    """

    id = models.TextField(primary_key=True)
    sar = models.TextField(unique=True)
    content = models.TextField()
    sensitivity = models.TextField()
    confidence = models.TextField()
    collected_at = models.DateTimeField()
    promoted_at = models.DateTimeField()
    promoted_by = models.TextField()


class Disclosure(Projection, Marked):
    """Who got what, when, why, by which routine use. `source` = the delivery or export it was filled from, or ''.

    `content` = vault id of {"to", "text"} where it was entered by hand.
    """

    id = models.TextField(primary_key=True)
    subject = models.TextField(db_index=True)
    to_agency = models.TextField(default="")
    to_role = models.TextField(default="")
    how = models.TextField()
    routine_use = models.TextField()
    source = models.TextField(default="", db_index=True)
    content = models.TextField(default="")
    disclosed_at = models.DateTimeField(db_index=True)
    by = models.TextField(default="")


class Unmasking(Projection, Marked):
    """A request to look behind a mask: why, who decided, until when the look lasts, how often it was taken."""

    id = models.TextField(primary_key=True)
    report = models.TextField(db_index=True)
    asked_by = models.TextField(db_index=True)
    asked_at = models.DateTimeField()
    reason = models.TextField()
    state = models.TextField(default="ASKED")
    decided_by = models.TextField(default="")
    decided_at = models.DateTimeField(null=True)
    decision = models.TextField(default="")
    until = models.DateTimeField(null=True)
    looks = models.IntegerField(default=0)


class Schedules(Projection):
    """The retention policy in force, by version; every change of it is on the record."""

    version = models.TextField(primary_key=True)
    text = models.TextField()
    since = models.DateTimeField()
