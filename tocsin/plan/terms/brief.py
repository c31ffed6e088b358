"""What a plan says in words: what is to be reached (ICS 202), and who cares for the hurt (ICS 206)."""

from __future__ import annotations

from dataclasses import dataclass

BRIEFED = "plan.briefed"

OBJECTIVES_CAP = 20
CARE_CAP = 20
"""Rows of each kind of care."""
LINE_CAP = 160
WORDS_CAP = 2000


@dataclass(frozen=True, slots=True)
class Care:
    """Where help is: an aid post, an ambulance, a hospital. `note` = what they can do, and how far it is."""

    name: str
    place: str = ""
    phone: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Brief:
    """All of it. `emphasis` = what comes first when not everything can be had; `procedures` = in an emergency."""

    objectives: tuple[str, ...] = ()
    emphasis: str = ""
    aid: tuple[Care, ...] = ()
    ambulances: tuple[Care, ...] = ()
    hospitals: tuple[Care, ...] = ()
    procedures: str = ""
    version: int = 0


KINDS = {
    "aid": ("Aid posts", "What they can do, such as: paramedics on site"),
    "ambulances": ("Ambulances", "What they can do, such as: advanced life support"),
    "hospitals": ("Hospitals", "Minutes by road, trauma level, helipad"),
}
"""Kinds of care: their title, and what stands in the last column."""
