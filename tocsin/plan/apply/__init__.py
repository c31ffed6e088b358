"""What the entries of this stage do to its tables."""

from __future__ import annotations

from tocsin.plan.apply import comms, ground, staffing

__all__ = ["comms", "ground", "staffing"]
