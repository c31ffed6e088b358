"""What the entries of this stage do to its tables."""

from __future__ import annotations

from tocsin.plan.apply import brief, comms, ground, staffing

__all__ = ["brief", "comms", "ground", "staffing"]
