"""What an operation decides by itself, purely: severity, who is informed, when to ask to hold, whose is that."""

from __future__ import annotations

from tocsin.operate.rules.hold import Again, HoldWhy, Settled, asks_again, asks_hold
from tocsin.operate.rules.sightings import (
    Receipt,
    informed_version,
    merged_receipt,
    raised_to,
    unanswered,
)
from tocsin.operate.rules.whose import Friendly, Ground, Told, whose

__all__ = [
    "Again",
    "Friendly",
    "Ground",
    "HoldWhy",
    "Receipt",
    "Settled",
    "Told",
    "asks_again",
    "asks_hold",
    "informed_version",
    "merged_receipt",
    "raised_to",
    "unanswered",
    "whose",
]
