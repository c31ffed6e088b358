"""The record's own tables, and the two bases every other table of the product derives from."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models


class Projection(models.Model):
    """A table that is written by `apply` only: it can be dropped and rebuilt from the record."""

    class Meta:
        abstract = True


class Marked(models.Model):
    """The columns that decide who may see a row (`people.visibility.visible_to`)."""

    agency = models.TextField(default="")
    tlp = models.TextField(default="AMBER+STRICT")
    operation = models.TextField(default="", db_index=True)

    class Meta:
        abstract = True


class Entry(models.Model):
    """One entry, in the order accepted. Append only: the application's role cannot change or delete it.

    `body` holds the canonical bytes that are hashed; the other columns repeat parts of it for queries
    (`record fsck` compares them).
    """

    n = models.BigAutoField(primary_key=True)
    kind = models.TextField()
    subject = models.TextField()
    actor = models.TextField()
    agency = models.TextField(db_default="")
    tlp = models.TextField(db_default="")
    operation = models.TextField(db_default="")
    recorded_at = models.DateTimeField()
    body = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["subject", "n"], name="record_entry_subject")]


class Pending(models.Model):
    """Entries that are durable but have no place in the tree yet; written with the entry, in one commit."""

    n = models.BigIntegerField(primary_key=True)
    leaf = models.BinaryField()


class Place(models.Model):
    """The place of an entry in the tree: dense from 0, given by the one sequencer. The feed reads this."""

    seq = models.BigIntegerField(primary_key=True)
    n = models.BigIntegerField(unique=True)
    leaf = models.BinaryField()


class Node(models.Model):
    """Complete nodes of every eighth level of the tree, (level, index) -> hash. Derived: they can be recomputed."""

    pk = models.CompositePrimaryKey("level", "index")
    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField()


class Checkpoint(models.Model):
    """A signed statement of size and root (C2SP tlog-checkpoint). Trusted by its signature only."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    note = models.TextField()
    signed_at = models.DateTimeField()


class Vault(models.Model):
    """Content that may have to be forgotten. The entry holds only its salted commitment.

    `sealed` content (originals behind a mask, content under hold) is never searched or listed.
    """

    id = models.TextField(primary_key=True)
    subject = models.TextField(db_index=True)
    body = models.JSONField()
    salt = models.BinaryField()
    sealed = models.BooleanField(default=False)
    kept_at = models.DateTimeField()
    words = models.GeneratedField(
        expression=models.Func(
            models.F("body"),
            template=(
                "to_tsvector('english', coalesce(%(expressions)s->>'title', '') || ' ' "
                "|| coalesce(%(expressions)s->>'text', ''))"
            ),
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        indexes = [
            GinIndex(fields=["words"], name="record_vault_words", condition=models.Q(sealed=False))
        ]


class Heartbeat(models.Model):
    """When each worker loop was last alive. Operational, not on the record."""

    name = models.TextField(primary_key=True)
    at = models.DateTimeField()
    process = models.IntegerField()


class Site(models.Model):
    """One row of operational state of this installation: the exercise it runs, and that exercise's clock."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    exercise = models.TextField(default="")
    clock_offset_us = models.BigIntegerField(default=0)
    clock_pace = models.SmallIntegerField(
        default=1, db_default=1
    )  # from `clock_since` on, so many times as fast
    clock_since = models.DateTimeField(null=True)


class Cosignature(models.Model):
    """A witness's signature line under one of our checkpoints. Trusted by its signature only."""

    size = models.BigIntegerField()
    name = models.TextField()  # of the witness, as our policy calls it
    key_id = models.TextField()
    line = models.TextField()
    said_at = models.DateTimeField()  # by the witness's clock
    kept_at = models.DateTimeField()  # by ours

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["size", "name", "key_id"], name="record_cosignature_once"
            )
        ]


class WitnessState(models.Model):
    """How we stand with each witness. Operational: `wrong` says in plain words what it holds against us."""

    url = models.TextField(primary_key=True)
    size = models.BigIntegerField(default=0)  # the largest that it cosigned, as far as we know
    cosigned_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    code = models.TextField(default="")
    wrong = models.TextField(default="")


class DayStamp(models.Model):
    """A time-stamping authority's token (RFC 3161) over one checkpoint a day."""

    day = models.DateField(primary_key=True)
    size = models.BigIntegerField()
    note = models.TextField()  # the bytes that were stamped
    token = models.BinaryField()
    said_at = models.DateTimeField()
