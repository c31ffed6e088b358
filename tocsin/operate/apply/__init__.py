"""What the entries of this stage do to its tables."""

from __future__ import annotations

from tocsin.operate.apply import around, sightings

__all__ = ["around", "sightings"]
