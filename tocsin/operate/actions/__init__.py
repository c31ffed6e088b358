"""What people, their devices and workers do while an operation runs. Only here are transactions opened.

Every act of a device takes `key`, an id it made itself: the same act again is answered as the first time.
Worker's steps, safe to run in any number of workers: `mind`, `send_due`.
"""

from __future__ import annotations

from tocsin.operate.actions.absences import (
    check_in,
    cover_absence,
    end_absence,
    report_absence,
    vacate,
)
from tocsin.operate.actions.feed import tell
from tocsin.operate.actions.holds import decide_hold, name_decider
from tocsin.operate.actions.incidents import end_incident, note_incident
from tocsin.operate.actions.minding import mind
from tocsin.operate.actions.places import note_battery, note_location
from tocsin.operate.actions.questions import answer_question, ask
from tocsin.operate.actions.receipts import Said, acknowledge, record_receipts
from tocsin.operate.actions.sending import send_due
from tocsin.operate.actions.sensors import register_sensor, remove_sensor, sensor_heard
from tocsin.operate.actions.sightings import (
    lower_sighting,
    report_sighting,
    resolve,
    track_lost,
    update_sighting,
)

__all__ = [
    "Said",
    "acknowledge",
    "answer_question",
    "ask",
    "check_in",
    "cover_absence",
    "decide_hold",
    "end_absence",
    "end_incident",
    "lower_sighting",
    "mind",
    "name_decider",
    "note_battery",
    "note_incident",
    "note_location",
    "record_receipts",
    "register_sensor",
    "remove_sensor",
    "report_absence",
    "report_sighting",
    "resolve",
    "send_due",
    "sensor_heard",
    "tell",
    "track_lost",
    "update_sighting",
    "vacate",
]
