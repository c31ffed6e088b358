"""Agencies, accounts, roles, operations, shifts. Accounts hold credentials and are not on the record;
all else is rebuilt from it."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from tocsin.record.models import Projection


class Agency(Projection):
    """An agency: the unit that owns things and takes part in operations. `removed_at`: nobody joins it any more."""

    id = models.TextField(primary_key=True)
    name = models.TextField()
    short = models.TextField()
    kind = models.TextField(default="")
    removed_at = models.DateTimeField(null=True)


class AccountManager(BaseUserManager["Account"]):
    def get_by_natural_key(self, username: str | None) -> Account:
        return self.get(username__iexact=username)


class Account(AbstractBaseUser):
    """How a person signs in, and the person's name. Removing it forgets the name, not the acts."""

    username = models.CharField(max_length=150, unique=True)
    email = models.EmailField(blank=True)
    name = models.TextField()
    person = models.TextField(unique=True)
    is_active = models.BooleanField(default=True)

    objects = AccountManager()
    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email", "name"]

    def __str__(self) -> str:
        return self.name or self.username

    def get_full_name(self) -> str:
        return self.name


class Member(Projection):
    """A person's home agency and standing."""

    person = models.TextField(primary_key=True)
    agency = models.TextField(db_index=True)
    novice = models.BooleanField(default=False)
    left_at = models.DateTimeField(null=True)


class Grant(Projection):
    """A role a person holds."""

    pk = models.CompositePrimaryKey("person", "role")
    person = models.TextField()
    role = models.TextField()
    agency = models.TextField()
    granted_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["agency", "role"], name="people_grant_role")]


class Qualification(Projection):
    """A qualification with its expiry; a renewal is a new row."""

    id = models.TextField(primary_key=True)
    person = models.TextField(db_index=True)
    name = models.TextField()
    granted_at = models.DateTimeField()
    expires_at = models.DateTimeField()


class Operation(Projection):
    """A protected event. It is the compartment of need-to-know and what deadlines bend to."""

    id = models.TextField(primary_key=True)
    name = models.TextField()
    place = models.TextField(default="")
    lead_agency = models.TextField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    k = models.IntegerField(default=3)
    checklist = models.JSONField(default=list)
    must_know = models.JSONField(default=list)
    keywords = models.JSONField(default=list)
    version = models.IntegerField(default=1)


class Participation(Projection):
    """An agency that takes part in an operation."""

    pk = models.CompositePrimaryKey("operation", "agency")
    operation = models.TextField()
    agency = models.TextField(db_index=True)
    joined_at = models.DateTimeField()


class Shift(Projection):
    """A person holds a role at an agency for a while. A duty goes to who is on shift."""

    id = models.TextField(primary_key=True)
    person = models.TextField(db_index=True)
    agency = models.TextField()
    role = models.TextField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["agency", "role", "ends_at"], name="people_shift_on")]


class Handover(Projection):
    """A note from one shift to the next; the text lies in the vault."""

    id = models.TextField(primary_key=True)
    agency = models.TextField(db_index=True)
    role = models.TextField()
    from_person = models.TextField()
    note = models.TextField()
    written_at = models.DateTimeField()
    read_by = models.TextField(default="")
    read_at = models.DateTimeField(null=True)


class Share(Projection):
    """A subject shared with an agency by name: how a released warning reaches a partner's eyes."""

    pk = models.CompositePrimaryKey("subject", "agency")
    subject = models.TextField()
    agency = models.TextField(db_index=True)
    shared_at = models.DateTimeField()


class SavedSearch(models.Model):
    """A search one person saved. Convenience, not on the record."""

    id = models.BigAutoField(primary_key=True)
    person = models.TextField(db_index=True)
    name = models.TextField()
    query = models.JSONField(default=dict)


class ApiToken(models.Model):
    """A key with which another system acts as a person. Only its hash is kept; a credential, so off the record."""

    id = models.BigAutoField(primary_key=True)
    person = models.TextField(db_index=True)
    name = models.TextField()
    digest = models.TextField(unique=True)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)


class ApiReceipt(models.Model):
    """What an API call with an Idempotency-Key was answered, so that the same call again is answered the same.

    Ids and counts only, kept for a day. Operational, not on the record.
    """

    id = models.BigAutoField(primary_key=True)
    person = models.TextField()
    key = models.TextField()
    digest = models.TextField()
    answer = models.JSONField(null=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "key"], name="people_apireceipt_once")
        ]
