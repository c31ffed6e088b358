"""The tables of an operation while it runs."""

from __future__ import annotations

from tocsin.operate.models.devices import Device, JoinCode, Photo
from tocsin.operate.models.live import (
    Absence,
    Act,
    Answer,
    Decider,
    Hold,
    Incident,
    Location,
    Message,
    Pulse,
    Question,
    Receipt,
    Sensor,
    Sighting,
    Update,
)

__all__ = [
    "Absence",
    "Act",
    "Answer",
    "Decider",
    "Device",
    "Hold",
    "Incident",
    "JoinCode",
    "Location",
    "Message",
    "Photo",
    "Pulse",
    "Question",
    "Receipt",
    "Sensor",
    "Sighting",
    "Update",
]
