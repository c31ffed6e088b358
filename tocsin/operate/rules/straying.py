"""Whether somebody is no longer at their post, by where their phone is."""

from __future__ import annotations

AWAY = 60
"""Metres from a post at which its holder is not there: past any error of a phone in the open."""


def strayed(metres: float, accuracy_m: int) -> bool:
    """`accuracy_m` = how far off the phone says it may be; it is given the benefit of all of it."""
    return metres - accuracy_m > AWAY
