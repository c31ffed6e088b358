"""Who saw what, redacted releases, findings, inquiries under review; and the worlds of the past that stand ready."""

from __future__ import annotations

from django.db import models

from tocsin.record.models import Marked, Projection


class Viewing(Projection, Marked):
    """A person's first sight of one version of a subject. `agency` (of `Marked`) owns it, `viewer_agency` saw it.

    `roles` are those the person held when they saw it: what is asked is what a role had seen, not a person.
    """

    pk = models.CompositePrimaryKey("subject", "person", "version")
    subject = models.TextField()
    person = models.TextField()
    version = models.IntegerField()
    viewer_agency = models.TextField()
    roles = models.JSONField(default=list)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["viewer_agency", "at"], name="oversee_viewing_agency")]


class Glance(models.Model):
    """A page of content that was shown, to be put on the record by the worker within a second. Operational.

    The row stays after it was noted, so that the same sight is written once; it can be lost without harm.
    """

    pk = models.CompositePrimaryKey("subject", "person", "version")
    subject = models.TextField()
    person = models.TextField()
    version = models.IntegerField()
    at = models.DateTimeField()
    noted = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(
                fields=["at"], name="oversee_glance_waits", condition=models.Q(noted=False)
            )
        ]


class Release(Projection, Marked):
    """A redacted release. `items` = [{"subject", "kind", "version", "texts": [[label key, vault, field]…]}].

    `content` = vault id (sealed) of its title and reference; `document` = vault id of the approved PDF and HTML.
    """

    id = models.TextField(primary_key=True)
    state = models.TextField(default="DRAFT")
    version = models.IntegerField(default=1)
    content = models.TextField()
    items = models.JSONField(default=list)
    begun_by = models.TextField()
    writers = models.JSONField(default=list)
    begun_at = models.DateTimeField()
    proposed_by = models.TextField(default="")
    proposed_at = models.DateTimeField(null=True)
    reason = models.TextField(default="")
    approved_by = models.TextField(default="")
    approved_at = models.DateTimeField(null=True)
    document = models.TextField(default="")
    sha256 = models.TextField(default="")
    withheld = models.IntegerField(default=0)
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["agency", "-changed_at"], name="oversee_release_agency")]


class Mark(Projection):
    """One withheld stretch: item and field of its release, [start, end) in that text, on which ground.

    `note` = vault id (sealed) of the harm that is foreseen and the statute.
    """

    id = models.TextField(primary_key=True)
    release = models.TextField(db_index=True)
    item = models.IntegerField()
    field = models.IntegerField()
    start = models.IntegerField()
    end = models.IntegerField()
    exemption = models.TextField()
    note = models.TextField()
    person = models.TextField()
    at = models.DateTimeField()
    dropped_at = models.DateTimeField(null=True)


class Finding(Projection, Marked):
    """Something to be put right. `content` = vault id of title, text and the report it comes from.

    `tlp` GREEN lets every agency see it on its own operations. `evidence` = vault id of the newest answer.
    """

    id = models.TextField(primary_key=True)
    state = models.TextField(default="OPEN")
    version = models.IntegerField(default=1)
    topic = models.TextField()
    venue = models.TextField(default="")
    agencies = models.JSONField(default=list)
    owner_agency = models.TextField()
    owner_role = models.TextField()
    inquiry = models.TextField(default="", db_index=True)
    content = models.TextField()
    found_at = models.DateTimeField()
    filed_by = models.TextField()
    filed_at = models.DateTimeField()
    due_at = models.DateTimeField()
    evidence = models.TextField(default="")
    answered_by = models.TextField(default="")
    answered_at = models.DateTimeField(null=True)
    closed_by = models.TextField(default="")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "due_at"], name="oversee_finding_state"),
            models.Index(fields=["owner_agency", "state"], name="oversee_finding_owner"),
        ]


class Considered(Projection):
    """What an operation does about a finding that bears on it; `text` = vault id."""

    pk = models.CompositePrimaryKey("finding", "operation")
    finding = models.TextField()
    operation = models.TextField(db_index=True)
    person = models.TextField()
    at = models.DateTimeField()
    text = models.TextField()


class Inquiry(Projection, Marked):
    """A report of findings on its way out. `reviewer_*` = who must clear it, by `due_at`.

    `holds` = [{"by", "agency", "at", "until", "reason" (vault), "lifted_at"}]: a hold never stops the clock.
    """

    id = models.TextField(primary_key=True)
    state = models.TextField(default="REVIEW")
    version = models.IntegerField(default=1)
    content = models.TextField()
    reviewer_agency = models.TextField()
    reviewer_role = models.TextField()
    submitted_by = models.TextField()
    submitted_at = models.DateTimeField()
    due_at = models.DateTimeField()
    holds = models.JSONField(default=list)
    cleared_by = models.TextField(default="")
    cleared_at = models.DateTimeField(null=True)
    published_by = models.TextField(default="")
    published_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["state", "due_at"], name="oversee_inquiry_state")]


class World(models.Model):
    """The tables as they stood at a moment, in a schema of their own. Operational: it can be built again any time."""

    id = models.TextField(primary_key=True)
    at = models.DateTimeField()
    asked_by = models.TextField()
    asked_at = models.DateTimeField()
    state = models.TextField(default="WAITS")
    entries = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    built_at = models.DateTimeField(null=True)
    took_ms = models.IntegerField(default=0)
    failure = models.TextField(default="")
    used_at = models.DateTimeField(null=True)
