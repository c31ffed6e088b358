"""Warnings, their revisions and history, and the plans that cite them."""

from __future__ import annotations

from django.db import models

from tocsin.record.models import Marked, Projection


class Warning(Projection, Marked):
    """One edition of a warning. An update is a new row of the same `series` with the next `edition`.

    `tlp` (of `Marked`) decides who sees the row: while it is a draft it stays within its agency,
    from release on it is `label`, the TLP the document carries. `authors` = everyone who wrote a
    revision: none of them may release it. `holder` = who has the draft in hand.
    `distribution` = [{"agency", "role"}]; `cites` = [{"id", "kind", "version", "commitment", "tlp"}].
    `content` and `commitment` are those of the newest revision, and never change after release.
    """

    id = models.TextField(primary_key=True)
    type = models.TextField()
    state = models.TextField()
    version = models.IntegerField(default=1)
    series = models.TextField(db_index=True)
    edition = models.IntegerField(default=1)
    supersedes = models.TextField(default="")
    superseded_by = models.TextField(default="")
    situation = models.TextField(default="", db_index=True)
    label = models.TextField(default="")
    precedence = models.TextField(default="ROUTINE")
    distribution = models.JSONField(default=list)
    cites = models.JSONField(default=list)
    expires_at = models.DateTimeField(null=True)
    author = models.TextField()
    authors = models.JSONField(default=list)
    holder = models.TextField()
    revision = models.IntegerField(default=1)
    content = models.TextField()
    commitment = models.TextField()
    drafted_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True)
    hold_reason = models.TextField(default="")
    held_by = models.TextField(default="")
    releaser = models.TextField(default="")
    released_at = models.DateTimeField(null=True)
    review_after = models.BooleanField(default=False)
    confirmed_by = models.TextField(default="")
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.TextField(default="")
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["state", "changed_at", "id"], name="warn_warning_state"),
            models.Index(fields=["operation", "state"], name="warn_warning_operation"),
            models.Index(
                fields=["expires_at"],
                name="warn_warning_expiry",
                condition=models.Q(state="RELEASED"),
            ),
            models.Index(
                fields=["held_until"], name="warn_warning_held", condition=models.Q(state="HELD")
            ),
            models.Index(fields=["released_at"], name="warn_warning_released"),
        ]


class Revision(Projection):
    """What a draft said at one saving: the words in the vault, the rest here. Kept for good."""

    pk = models.CompositePrimaryKey("warning", "number")
    warning = models.TextField()
    number = models.IntegerField()
    author = models.TextField()
    written_at = models.DateTimeField()
    content = models.TextField()
    commitment = models.TextField()
    type = models.TextField()
    label = models.TextField(default="")
    precedence = models.TextField()
    distribution = models.JSONField(default=list)
    cites = models.JSONField(default=list)
    expires_at = models.DateTimeField(null=True)


class Note(Projection):
    """One step in a warning's life: who, when, why (`text` = vault id), until when (a hold).

    `about` = what else it concerns: to whom it was handed over, which edition replaced it.
    """

    id = models.TextField(primary_key=True)
    warning = models.TextField()
    act = models.TextField()
    person = models.TextField()
    at = models.DateTimeField()
    text = models.TextField(default="")
    until = models.DateTimeField(null=True)
    about = models.TextField(default="")

    class Meta:
        indexes = [models.Index(fields=["warning", "at"], name="warn_note_warning")]


class Citation(Projection):
    """An operation's plan rests on one edition of a warning. `stale_since` = it no longer holds."""

    pk = models.CompositePrimaryKey("operation", "series")
    operation = models.TextField()
    series = models.TextField(db_index=True)
    warning = models.TextField()
    edition = models.IntegerField()
    cited_by = models.TextField()
    cited_at = models.DateTimeField()
    stale_since = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True)


class BelowTearline(Projection, Marked):
    """The part of a released warning below its tearline, with the marking that part has: who is cleared for no
    more sees this row, and never the warning. `id` is the warning's; `content` = vault id of {title, text}."""

    id = models.TextField(primary_key=True)
    series = models.TextField()
    edition = models.IntegerField()
    type = models.TextField()
    content = models.TextField()
    commitment = models.TextField()
    released_at = models.DateTimeField(db_index=True)


class Copy(Projection, Marked):
    """A copy that left the system: of what, by whom, in which form, for what. `digest` = SHA-256 of its bytes,
    so that a copy found elsewhere can be told; `note` = vault id of {to, purpose}."""

    id = models.TextField(primary_key=True)
    subject = models.TextField()
    person = models.TextField()
    at = models.DateTimeField()
    form = models.TextField()
    part = models.TextField()
    digest = models.TextField()
    size = models.IntegerField()
    note = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["subject", "at"], name="warn_copy_subject")]


class Seal(Projection):
    """An agency's seal as printed; `content` = vault id of the checked image. '' = it has none now."""

    agency = models.TextField(primary_key=True)
    content = models.TextField(default="")
    digest = models.TextField(default="")
    person = models.TextField()
    changed_at = models.DateTimeField()


class Template(Projection):
    """An agency's own layout for a kind of product (`product` '' = for all). `content` = vault id of
    {title, text}: its name and its source. One is IN_USE for an agency and product."""

    id = models.TextField(primary_key=True)
    agency = models.TextField()
    product = models.TextField()
    state = models.TextField()
    version = models.IntegerField(default=1)
    content = models.TextField()
    digest = models.TextField()
    proposed_by = models.TextField()
    proposed_at = models.DateTimeField()
    changed_by = models.TextField()
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["agency", "state", "product"], name="warn_template_agency")]
