"""What the entries of this stage do to its tables."""

from __future__ import annotations

from tocsin.operate.apply import around, devices, sightings

__all__ = ["around", "devices", "sightings"]
