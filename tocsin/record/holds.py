"""The door that every removal goes through: is this to be kept because somebody ordered it?

What a hold covers is decided high up (`retain`), where operations, roles and reports are known; what must ask
lies low (accounts, devices, agencies). So the stage that knows registers its gate here, and those below ask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tocsin.kernel.errors import Conflict
from tocsin.record.terms import Author

HELD = "held:"
"""Stands before the id of vault content that is sealed under a hold: nothing that asks for it by its id finds
it, and it is in no search. Nobody needs to remember to leave it out."""

PURGED = "content.purged"
"""The kind of entry that says that content was purged: a key ring older than the last one is written anew."""


class UnderHold(Conflict):
    """It must be kept: a legal hold covers it. The attempt is on the record."""

    code = "under_hold"


@dataclass(frozen=True, slots=True)
class Removal:
    """What somebody is about to remove: a person's account, a device, an agency."""

    what: str  # "person" | "device" | "agency"
    id: str
    person: str = ""
    agency: str = ""


Gate = Callable[[Author, Removal], None]
_gates: list[Gate] = []


def gate(function: Gate) -> Gate:
    """Register who decides. The gate records a refused attempt in a transaction of its own, then raises."""
    _gates.append(function)
    return function


def may_remove(author: Author, removal: Removal) -> None:
    """Ask before removing; outside any transaction, so that a refusal stays on the record.

    Raises: UnderHold.
    """
    for ask in _gates:
        ask(author, removal)
