"""Devices that joined an operation, the codes by which they join, and photos.

`agency` of `Marked` is that of the person who carries the device; for a photo, the one that leads the operation.
"""

from __future__ import annotations

from django.db import models

from tocsin.record.models import Marked, Projection


class Device(Projection, Marked):
    """A phone bound to one operation and one person. `key` = its public key (P-256, raw point, base64url); the
    private one was made on the phone and cannot leave it."""

    id = models.TextField(primary_key=True)
    person = models.TextField(db_index=True)
    state = models.TextField(default="ISSUED")
    key = models.TextField(default="")
    issued_by = models.TextField()
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    joined_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.TextField(default="")

    class Meta:
        db_table = "operate_device"
        indexes = [models.Index(fields=["operation", "state"], name="operate_device_of")]


class JoinCode(models.Model):
    """A code that lets one phone join, once. Only its digest is kept; a credential, so off the record."""

    device = models.TextField(primary_key=True)
    digest = models.TextField(unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "operate_join_code"


class Photo(Projection, Marked):
    """A photo of something seen, as drawn anew here. `image` and `thumb` = vault; `sha256` is of the image's bytes."""

    id = models.TextField(primary_key=True)
    sha256 = models.TextField(db_index=True)
    sighting = models.TextField(db_index=True)
    image = models.TextField()
    thumb = models.TextField()
    width = models.IntegerField()
    height = models.IntegerField()
    by = models.TextField()
    device = models.TextField(default="")
    taken_at = models.DateTimeField()

    class Meta:
        db_table = "operate_photo"
