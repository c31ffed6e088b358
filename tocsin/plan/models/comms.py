"""Channels, who carries what, gateways, and radio checks that run.

`agency` of `Marked` leads the operation, except for a carry: there it is the agency that holds the set.
"""

from __future__ import annotations

from django.db import models

from tocsin.record.models import Marked, Projection


class Channel(Projection, Marked):
    """One line of the communications plan (ICS-205). Frequencies and tones are text, as the owner of the channel
    wrote them; `source` says from where they come."""

    id = models.TextField(primary_key=True)
    label = models.TextField()
    kind = models.TextField(default="RADIO")
    zone = models.TextField(default="")
    number = models.TextField(default="")
    function = models.TextField(default="")
    assignment = models.TextField(default="")
    rx = models.TextField(default="")
    rx_width = models.TextField(default="")
    rx_tone = models.TextField(default="")
    tx = models.TextField(default="")
    tx_width = models.TextField(default="")
    tx_tone = models.TextField(default="")
    mode = models.TextField(default="")
    remarks = models.TextField(default="")
    source = models.TextField(default="")
    state = models.TextField(default="LIVE")
    version = models.IntegerField(default=1)
    made_by = models.TextField(default="")
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "plan_channel"
        indexes = [models.Index(fields=["operation", "state"], name="plan_channel_of")]


class Carry(Projection, Marked):
    """A post (or, with `post` '', an agency's own desk) has a way onto a channel. `device` names the one set that
    several channels share; `with_whom` = the carry with which it was last tested."""

    id = models.TextField(primary_key=True)
    post = models.TextField(default="", db_index=True)
    channel = models.TextField(db_index=True)
    device = models.TextField(default="")
    state = models.TextField(default="PLANNED")
    issued_at = models.DateTimeField(null=True)
    issued_by = models.TextField(default="")
    tested_at = models.DateTimeField(null=True)
    with_whom = models.TextField(default="")
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "plan_carry"
        indexes = [models.Index(fields=["operation", "state"], name="plan_carry_of")]


class Gateway(Projection, Marked):
    """What carries a message between two channels. A person who relays stands at `post`."""

    id = models.TextField(primary_key=True)
    label = models.TextField()
    kind = models.TextField(default="PATCH")
    a = models.TextField()
    b = models.TextField()
    post = models.TextField(default="")
    state = models.TextField(default="PLANNED")
    tested_at = models.DateTimeField(null=True)
    reason = models.TextField(default="")
    made_by = models.TextField(default="")
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "plan_gateway"
        indexes = [models.Index(fields=["operation", "state"], name="plan_gateway_of")]


class RadioCheck(models.Model):
    """A radio check that runs: `word` is shown to `asker` alone. Operational: what came of it is on the record."""

    id = models.TextField(primary_key=True)
    operation = models.TextField(db_index=True)
    carry = models.TextField()
    gateway = models.TextField(default="")
    asker = models.TextField()
    word = models.TextField()
    tries = models.IntegerField(default=0)
    begun_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "plan_radio_check"
