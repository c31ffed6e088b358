"""Sightings and who knows of them; questions; hold questions; absences; what else is going on.

`agency` of `Marked` leads the operation. Coordinates are whole numbers of 1e-7 degrees. `*_at` of what people
report is their own time (the device's); the entry beside it says when it was recorded.
"""

from __future__ import annotations

from django.db import models

from tocsin.operate.terms import BATTERY_LOW
from tocsin.record.models import Marked, Projection


class Sighting(Projection, Marked):
    """One thing seen, however many reported it. `version` grows with every change; `must_version` = the newest
    that everybody who must know has to acknowledge (a report, or a raise); `informed_version` = the newest all did.
    """

    id = models.TextField(primary_key=True)
    number = models.IntegerField()
    kind = models.TextField()
    what = models.TextField()  # vault: the latest words
    severity = models.IntegerField()
    aggravators = models.JSONField(default=list)
    lat = models.IntegerField(null=True)
    lon = models.IntegerField(null=True)
    bearing = models.IntegerField(null=True)
    place = models.TextField(default="")
    area = models.TextField(default="")
    position = models.TextField(default="")
    photos = models.JSONField(default=list)
    state = models.TextField(default="OPEN")
    direction = models.TextField(default="")
    first_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    lost_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    reporter = models.TextField()
    by_agency = models.TextField()
    post = models.TextField(default="")
    device = models.TextField(default="")
    version = models.IntegerField(default=1)
    must_version = models.IntegerField(default=1)
    raised_at = models.DateTimeField()
    informed_version = models.IntegerField(default=0)
    informed_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "operate_sighting"
        indexes = [models.Index(fields=["operation", "state"], name="operate_sighting_of")]


class Update(Projection, Marked):
    """One version of a sighting: what was added, by whom. `what` = vault, '' where no words were added."""

    pk = models.CompositePrimaryKey("sighting", "version")
    sighting = models.TextField()
    version = models.IntegerField()
    what = models.TextField(default="")
    severity = models.IntegerField()
    before = models.IntegerField()
    added = models.JSONField(default=list)
    removed = models.JSONField(default=list)
    change = models.TextField()  # the entry's kind
    place = models.TextField(default="")
    by = models.TextField()
    by_agency = models.TextField()
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "operate_update"


class Receipt(Projection):
    """What one person who was told of a sighting, for one seat, has said. `seat` = "role:<agency>:<role>",
    "post:<id>" or "detail"; `person` '' = nobody holds the seat. `version` = the newest acknowledged (0 = none)."""

    pk = models.CompositePrimaryKey("sighting", "seat", "person")
    sighting = models.TextField()
    seat = models.TextField()
    person = models.TextField()
    must = models.BooleanField()
    sent_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=0)
    via = models.TextField(default="")
    tries = models.IntegerField(default=1)
    retried_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "operate_receipt"
        indexes = [
            models.Index(fields=["person", "sighting"], name="operate_receipt_person"),
            # Few of thousands must know, and every board asks after those.
            models.Index(
                fields=["sighting"], name="operate_receipt_must", condition=models.Q(must=True)
            ),
        ]


class Question(Projection, Marked):
    """A question about a place. `register` = what the register answered at that moment, as lines of words;
    `asked` = the people around who were asked; `plan` = vault: what the plan says to do."""

    id = models.TextField(primary_key=True)
    number = models.IntegerField()
    words = models.TextField()  # vault
    lat = models.IntegerField(null=True)
    lon = models.IntegerField(null=True)
    place = models.TextField(default="")
    area = models.TextField(default="")
    position = models.TextField(default="")
    register = models.JSONField(default=list)
    verdict = models.TextField(default="")
    plan = models.TextField(default="")  # vault of a position's measure; '' = the plan says nothing
    asked = models.JSONField(default=list)
    state = models.TextField(default="OPEN")
    by = models.TextField()
    by_agency = models.TextField()
    post = models.TextField(default="")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "operate_question"
        indexes = [models.Index(fields=["operation", "state"], name="operate_question_of")]


class Answer(Projection, Marked):
    """What one person answered."""

    pk = models.CompositePrimaryKey("question", "person")
    question = models.TextField()
    person = models.TextField()
    whose = models.TextField()
    words = models.TextField(default="")  # vault
    at = models.DateTimeField()

    class Meta:
        db_table = "operate_answer"


class Hold(Projection, Marked):
    """The question whether the protected person holds, goes on or is moved."""

    id = models.TextField(primary_key=True)
    sighting = models.TextField(db_index=True)
    sighting_version = models.IntegerField()
    why = models.TextField()
    decider_agency = models.TextField()
    decider_role = models.TextField(default="")
    decider_person = models.TextField(default="")
    state = models.TextField(default="ASKED")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    unanswered_at = models.DateTimeField(null=True)
    decision = models.TextField(default="")
    reason = models.TextField(default="")  # vault
    decided_by = models.TextField(default="")
    decided_at = models.DateTimeField(null=True)
    decided_version = models.IntegerField(null=True)  # of the sighting, when it was decided

    class Meta:
        db_table = "operate_hold"
        indexes = [models.Index(fields=["operation", "state"], name="operate_hold_of")]


class Decider(Projection):
    """Who decides whether to hold, by operation; without a row it is the operation lead of the leading agency."""

    operation = models.TextField(primary_key=True)
    agency = models.TextField()
    role = models.TextField(default="")
    person = models.TextField(default="")
    named_by = models.TextField()
    named_at = models.DateTimeField()

    class Meta:
        db_table = "operate_decider"


class Absence(Projection, Marked):
    """Somebody or something that should be there and is not. `measure` = vault: what makes up for it."""

    id = models.TextField(primary_key=True)
    kind = models.TextField()
    about = models.TextField()  # id of a post, position, gateway, sensor, device
    label = models.TextField()
    by_agency = models.TextField(default="")
    person = models.TextField(default="")
    reason = models.TextField(default="")  # vault
    state = models.TextField(default="OPEN")
    found_at = models.DateTimeField()
    measure = models.TextField(default="")
    covered_by = models.TextField(default="")
    covered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "operate_absence"
        indexes = [models.Index(fields=["operation", "state"], name="operate_absence_of")]


class Sensor(Projection, Marked):
    """What watches by itself: a counter-drone system, a camera, a barrier. `every_s` = how often it says that it
    works (0 = it cannot; people say when it does not). `by_agency` = whose it is."""

    id = models.TextField(primary_key=True)
    label = models.TextField()
    by_agency = models.TextField()
    place = models.TextField(default="")
    every_s = models.IntegerField(default=0)
    state = models.TextField(default="LIVE")
    made_by = models.TextField(default="")
    made_at = models.DateTimeField()

    class Meta:
        db_table = "operate_sensor"
        indexes = [models.Index(fields=["operation", "state"], name="operate_sensor_of")]


class Pulse(models.Model):
    """When a sensor was last heard, and the digest of the key it speaks with: a credential, so off the record."""

    sensor = models.TextField(primary_key=True)
    digest = models.TextField(unique=True)
    heard_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "operate_pulse"


class Incident(Projection, Marked):
    """What else keeps people busy: a heat casualty, a lost child. `by_agency` = whose hands are full."""

    id = models.TextField(primary_key=True)
    kind = models.TextField()
    words = models.TextField()  # vault
    place = models.TextField(default="")
    by_agency = models.TextField()
    post = models.TextField(default="")
    state = models.TextField(default="OPEN")
    noted_by = models.TextField()
    noted_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "operate_incident"
        indexes = [models.Index(fields=["operation", "state"], name="operate_incident_of")]


class Act(Projection):
    """An act that a device may send twice, and what it was answered the first time."""

    id = models.TextField(primary_key=True)  # "<person>:<the client's own id>"
    kind = models.TextField()
    answer = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "operate_act"


class Location(models.Model):
    """Where a device was last, and what its battery holds. Operational, not on the record: a track of a person is
    nobody's business. `lat`, `lon` null = it never said where it is."""

    pk = models.CompositePrimaryKey("operation", "device")
    operation = models.TextField()
    device = models.TextField()
    person = models.TextField()
    post = models.TextField(default="")
    lat = models.IntegerField(null=True)
    lon = models.IntegerField(null=True)
    accuracy_m = models.IntegerField(default=0)
    battery = models.IntegerField(null=True)  # percent, at `battery_at`
    battery_at = models.DateTimeField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "operate_location"
        indexes = [
            models.Index(fields=["operation", "lat"], name="operate_location_at"),
            models.Index(
                fields=["battery_at"],
                name="operate_location_low",
                condition=models.Q(battery__lt=BATTERY_LOW),
            ),
        ]


class Message(models.Model):
    """A line about a sighting on its way by another channel. Operational: that it was tried is on the record.
    `version` = what had to be acknowledged then: a way that was used for a report may be used again for a raise."""

    id = models.TextField(primary_key=True)
    sighting = models.TextField(db_index=True)
    version = models.IntegerField(default=0, db_default=0)
    seat = models.TextField()
    person = models.TextField(default="")
    recipient = models.TextField(default="")
    channel = models.TextField()
    way = models.IntegerField(default=0)
    until = models.DateTimeField(db_index=True)
    tries = models.IntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    failed = models.TextField(default="")

    class Meta:
        db_table = "operate_message"
