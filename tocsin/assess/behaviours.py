"""The behaviours that a suspicious activity report may name, in plain words (ISE-SAR Functional Standard)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from msgspec import Struct


class Behaviour(Struct, frozen=True):
    """One ISE-SAR behaviour. `needs_facts`: not a crime by itself, so articulable additional facts
    are needed.
    """

    code: str
    title: str
    plain: str
    needs_facts: bool
    source: str
    checked: bool


_ISE: Final = "ISE-SAR Functional Standard 1.5.5, part B"
BEHAVIOURS: Final = MappingProxyType(
    {
        code: Behaviour(code, title, plain, needs, _ISE, checked)
        for code, title, plain, needs, checked in (
            (
                "breach",
                "Breach or attempted intrusion",
                "Entering, or trying to enter, a restricted place.",
                False,
                True,
            ),
            (
                "misrepresentation",
                "Misrepresentation",
                "False identity, badge or uniform to get in or hide.",
                False,
                True,
            ),
            (
                "theft",
                "Theft, loss or diversion",
                "Badges, uniforms, vehicles or plans gone from a protected place.",
                False,
                True,
            ),
            (
                "sabotage",
                "Sabotage, tampering or vandalism",
                "Damaging or disabling a protected place.",
                False,
                True,
            ),
            (
                "cyberattack",
                "Cyberattack",
                "Breaking into, or disrupting, its computers.",
                False,
                True,
            ),
            (
                "threat",
                "Expressed or implied threat",
                "Saying or hinting that people or a place will be harmed.",
                False,
                True,
            ),
            (
                "aviation",
                "Aviation activity",
                "Aircraft or drones flown so that people are endangered.",
                False,
                True,
            ),
            (
                "eliciting",
                "Eliciting information",
                "Asking about security or working beyond mere curiosity.",
                True,
                False,
            ),
            (
                "testing",
                "Testing or probing of security",
                "Trying out how guards, doors or systems respond.",
                True,
                False,
            ),
            (
                "recruiting",
                "Recruiting or financing",
                "Finding people or money for an act of violence.",
                True,
                False,
            ),
            (
                "photography",
                "Photography",
                "Pictures of security or of weak points, not of sights.",
                True,
                False,
            ),
            (
                "observation",
                "Observation or surveillance",
                "Watching a place or its guards with unusual interest.",
                True,
                False,
            ),
            (
                "materials",
                "Materials acquisition or storage",
                "Getting or keeping unusual amounts of dangerous goods.",
                True,
                False,
            ),
            (
                "expertise",
                "Acquisition of expertise",
                "Learning skills that fit only an attack.",
                True,
                False,
            ),
            (
                "weapons",
                "Weapons collection or discovery",
                "Gathering, or finding, unusual amounts of weapons.",
                True,
                False,
            ),
            (
                "sector",
                "Sector-specific incident",
                "Something odd at a kind of site that its trade knows as a sign.",
                True,
                False,
            ),
        )
    }
)
"""The sixteen behaviours: seven that are crimes in themselves, nine that need additional facts."""
