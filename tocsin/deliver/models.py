"""The directory, destinations and deliveries; and, off the record, the leases of those being sent."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from tocsin.record.models import Marked, Projection


class Recipient(Projection, Marked):
    """One line of the directory. `agency` (of `Marked`) keeps the line; the seat is what it is for.

    `card` = vault id of the name and the ways to reach it; `kinds` = the kinds of those ways, in order;
    `bounced_at` = when something sent there last came back, null once it was changed or found right.
    `person` = the account behind it, or ''.
    """

    id = models.TextField(primary_key=True)
    seat_agency = models.TextField()
    seat_role = models.TextField()
    rank = models.IntegerField(default=1)
    person = models.TextField(default="", db_index=True)
    card = models.TextField()
    kinds = models.JSONField(default=list)
    version = models.IntegerField(default=1)
    active = models.BooleanField(default=True)
    added_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["seat_agency", "seat_role", "rank"],
                name="deliver_recipient_seat",
                condition=Q(active=True),
            )
        ]


class FanOut(Projection):
    """A warning edition that was addressed to everyone, for one occasion: it is not addressed again."""

    pk = models.CompositePrimaryKey("warning", "occasion")
    warning = models.TextField()
    occasion = models.TextField()
    destinations = models.IntegerField()
    done_at = models.DateTimeField()


class Destination(Projection, Marked):
    """One warning edition for one role at one agency. It is what is acknowledged.

    `state` = the best rung any of its deliveries reached, or NOBODY, FAILED (everything was tried), STOPPED.
    A time is null until its rung was first reached. `current` = the recipient asked last.
    `acknowledged_by` = a person's id or the recipient's; `acted` = vault id of what they did.
    """

    id = models.TextField(primary_key=True)
    warning = models.TextField()
    series = models.TextField(db_index=True)
    edition = models.IntegerField()
    occasion = models.TextField(default="release")
    sender = models.TextField()
    seat_agency = models.TextField()
    seat_role = models.TextField()
    must_know = models.BooleanField(default=False)
    precedence = models.TextField()
    state = models.TextField()
    current = models.TextField(default="")
    opened_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.TextField(default="")
    acknowledged_how = models.TextField(default="")
    acted_at = models.DateTimeField(null=True)
    acted = models.TextField(default="")
    exhausted_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    close_reason = models.TextField(default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["warning", "occasion", "seat_agency", "seat_role"],
                name="deliver_destination_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["seat_agency", "seat_role", "opened_at"],
                name="deliver_destination_waits",
                condition=Q(acknowledged_at=None, closed_at=None),
            ),
            models.Index(
                fields=["seat_agency", "seat_role", "-acknowledged_at"],
                name="deliver_destination_done",
                condition=Q(acknowledged_at__isnull=False),
            ),
            models.Index(
                fields=["opened_at"],
                name="deliver_destination_nobody",
                condition=Q(state="NOBODY", closed_at=None),
            ),
        ]


class Delivery(Projection, Marked):
    """One try to reach one recipient by one of their ways (`card` and `place` name the address).

    `next_try_at` null = nothing to send: it left, failed, or is no longer needed. `urgency` = 3 (FLASH) to 0.
    `detail` = vault id of what their server said when it failed for good.
    """

    id = models.TextField(primary_key=True)
    destination = models.TextField()
    warning = models.TextField(db_index=True)
    recipient = models.TextField()
    card = models.TextField()
    place = models.IntegerField(default=0)
    channel = models.TextField()
    why = models.TextField(default="")
    urgency = models.SmallIntegerField(default=0)
    state = models.TextField()
    attempts = models.IntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    failure = models.TextField(default="")
    reason = models.TextField(default="")
    detail = models.TextField(default="")
    queued_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acted_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["destination", "recipient", "card", "place"], name="deliver_delivery_once"
            )
        ]
        indexes = [
            models.Index(fields=["destination", "id"], name="deliver_delivery_tries"),
            models.Index(
                fields=["-urgency", "next_try_at"],
                name="deliver_delivery_due",
                condition=Q(next_try_at__isnull=False),
            ),
            models.Index(
                fields=["channel", "-urgency", "next_try_at"],
                name="deliver_delivery_lane",
                condition=Q(next_try_at__isnull=False),
            ),
            models.Index(fields=["recipient", "-queued_at"], name="deliver_delivery_asked"),
        ]


class Lease(models.Model):
    """A delivery in a worker's hands, then what came of it. Not on the record: it is gone once noted there.

    A row without `result` past `until` belongs to a worker that died: another takes it over.
    A row with `result` is a finished send that waits to be put on the record; nobody sends it again.
    """

    delivery = models.TextField(primary_key=True)
    holder = models.TextField()
    until = models.DateTimeField()
    result = models.TextField(default="")
    reason = models.TextField(default="")
    detail = models.TextField(default="")
    at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["at"], name="deliver_lease_done", condition=~Q(result=""))]


class Mailed(models.Model):
    """A notice of a duty that went, or is going, to its person's mailbox. Not on the record: the notice is."""

    pk = models.CompositePrimaryKey("duty", "rung", "person")
    duty = models.TextField()
    rung = models.IntegerField()
    person = models.TextField()
    until = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    reason = models.TextField(default="")


class Import(models.Model):
    """What an import of the directory did, row by row; refused rows stay here to be mended. Off the record:
    the lines it made are on it, and a report holds addresses as they were sent in."""

    id = models.TextField(primary_key=True)
    agency = models.TextField()
    person = models.TextField()
    at = models.DateTimeField()
    filename = models.TextField()
    added = models.JSONField(default=list)
    changed = models.JSONField(default=list)
    same = models.JSONField(default=list)
    refused = models.JSONField(default=list)

    class Meta:
        indexes = [models.Index(fields=["agency", "-at"], name="deliver_import_agency")]


class Halt(Projection):
    """A release that somebody held up while it went out. `state` = PAUSED, GOING or TAKEN_BACK (for good).

    What had left by then has left; `by` = the person who said so.
    """

    warning = models.TextField(primary_key=True)
    state = models.TextField()
    by = models.TextField()
    at = models.DateTimeField()


class Relay(Projection, Marked):
    """A warning that somebody who got it passed on to their own people, with a note (`note` = vault id or '').

    `sheet` = it was printed: whoever scans the code on it says so by name. `mailed` = how many by mail.
    """

    id = models.TextField(primary_key=True)
    destination = models.TextField(db_index=True)
    warning = models.TextField()
    person = models.TextField()
    note = models.TextField(default="")
    sheet = models.BooleanField(default=False)
    mailed = models.IntegerField(default=0)
    made_at = models.DateTimeField()


class Reader(Projection, Marked):
    """One of the people a warning was passed on to: `state` = QUEUED, SENT, FAILED, or READ (they said so).

    `card` = vault id of the name and, where it went by mail, the address.
    """

    id = models.TextField(primary_key=True)
    relay = models.TextField(db_index=True)
    card = models.TextField()
    state = models.TextField()
    reason = models.TextField(default="")
    made_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["made_at"], name="deliver_reader_queued", condition=Q(state="QUEUED")
            )
        ]


class Trial(models.Model):
    """A test of one way to reach a line of the directory. Off the record: that it worked is on it.

    `result` = '' (waits), SENT, DELIVERED, FAILED; `until` = whose worker holds it, to that moment.
    """

    id = models.TextField(primary_key=True)
    recipient = models.TextField(db_index=True)
    place = models.IntegerField()
    kind = models.TextField()
    by = models.TextField()
    at = models.DateTimeField()
    until = models.DateTimeField()
    result = models.TextField(default="")
    reason = models.TextField(default="")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["at"], name="deliver_trial_waits", condition=Q(result=""))]


class Push(models.Model):
    """A browser that shows its person when something waits. A credential of that browser, so off the record."""

    endpoint = models.TextField(primary_key=True)
    person = models.TextField(db_index=True)
    p256dh = models.TextField()
    auth = models.TextField()
    at = models.DateTimeField()


class Quota(models.Model):
    """How much a gateway was given in a minute, so that all workers together keep its limit."""

    pk = models.CompositePrimaryKey("channel", "minute")
    channel = models.TextField()
    minute = models.DateTimeField()
    given = models.IntegerField(default=0)


class Mailbox(models.Model):
    """How far the mailbox of bounces and replies was read: its numbers hold while `validity` does."""

    name = models.TextField(primary_key=True)
    validity = models.BigIntegerField()
    uid = models.BigIntegerField()
