"""Decisions about a plan, purely."""

from __future__ import annotations

from tocsin.plan.rules.ground import (
    Colour,
    Held,
    Reason,
    Sweep,
    Verdict,
    next_check_in,
    standing,
    sweep_standing,
)
from tocsin.plan.rules.sight import Block, Sight, nearest, seen

__all__ = [
    "Block",
    "Colour",
    "Held",
    "Reason",
    "Sight",
    "Sweep",
    "Verdict",
    "nearest",
    "next_check_in",
    "seen",
    "standing",
    "sweep_standing",
]
