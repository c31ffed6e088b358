"""Collections and the objects in them. An object's words lie in the vault; its row has a keyed pseudonym of its id.

A STIX id can be made from what it names (an address, an account), so the id itself is content: it lies in the vault
too, and no row confirms a guess once that is forgotten.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from tocsin.record.models import Marked, Projection


class Collection(Projection, Marked):
    """A TAXII collection. `id` = its UUID; `agency` (of `Marked`) keeps it; the marking says who may read it.

    `writers` = agencies that may send to it; `source` = the source that reads what they send.
    `last_added` = when the newest object came: the next one comes later, however many send at once.
    """

    id = models.TextField(primary_key=True)
    kind = models.TextField()
    title = models.TextField()
    source = models.TextField(default="")
    writers = models.JSONField(default=list)
    made_at = models.DateTimeField()
    last_added = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["agency", "kind"], name="exchange_collection_agency")]


class SharedObject(Projection):
    """One version of one object in one collection. `digest` = keyed pseudonym of its STIX id; `vault` = {"stix", "id"}.

    `added_at` is unique within its collection and grows in the order of commits: it is the cursor clients page by.
    `latest`, `first` = no version of it there is newer, older: a page need not look for one.
    `warning` = what it was made from, where it is ours, `occasion` = its release or its cancellation;
    `poster` = the agency that sent it, where it is theirs.
    """

    id = models.TextField(primary_key=True)
    collection = models.TextField()
    digest = models.TextField()
    type = models.TextField()
    version = models.DateTimeField()
    vault = models.TextField()
    added_at = models.DateTimeField()
    warning = models.TextField(default="", db_index=True)
    occasion = models.TextField(default="")
    poster = models.TextField(default="")
    latest = models.BooleanField(default=True)
    first = models.BooleanField(default=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "added_at"], name="exchange_sharedobject_place"
            ),
            models.UniqueConstraint(
                # The collection stands second, so that a page is only ever read by its place.
                fields=["digest", "collection", "version"],
                name="exchange_sharedobject_once",
                condition=Q(removed_at=None),
            ),
        ]


class Published(Projection):
    """A warning that was put into a collection, for one occasion (release, cancel)."""

    pk = models.CompositePrimaryKey("collection", "warning", "occasion")
    collection = models.TextField()
    warning = models.TextField()
    occasion = models.TextField()
    at = models.DateTimeField()


class Relay(Projection):
    """A warning of ours that passes on another agency's message: the report it came as, original and all."""

    series = models.TextField(primary_key=True)
    report = models.TextField()
    at = models.DateTimeField()


class PostStatus(models.Model):
    """What a POST was answered, for who sent it. Operational, not on the record: ids and counts, kept a week."""

    id = models.TextField(primary_key=True)
    agency = models.TextField()
    at = models.DateTimeField(db_index=True)
    body = models.JSONField()
