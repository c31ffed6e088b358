"""Objectives and medical care of a plan: one row an operation; the words are in the vault."""

from __future__ import annotations

from django.db import models

from tocsin.record.models import Marked, Projection


class Brief(Projection, Marked):
    """The newest version. `words` = vault: all that was written, as `terms.brief.Brief`."""

    id = models.TextField(primary_key=True)  # the operation
    words = models.TextField()
    version = models.IntegerField(default=1)
    by = models.TextField()
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "plan_brief"
