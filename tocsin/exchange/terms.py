"""The vocabulary of exchange: collections, what is in them, entry kinds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

COLLECTION_ADDED: Final = "exchange.collection_added"
OBJECTS_ADDED: Final = "exchange.objects_added"
OBJECTS_REMOVED: Final = "exchange.objects_removed"
RELAYED: Final = "exchange.relayed"

STATUS_KEPT: Final = timedelta(days=7)
"""How long the status of a POST can be asked for."""


class CollectionKind(StrEnum):
    """What a collection is for."""

    WARNINGS = "warnings"
    """Warnings that one agency may see, put in as they are released: read only."""
    INBOX = "inbox"
    """What partners send: each object is kept for the collection's readers, and read as a report of its source."""


class Format(StrEnum):
    """How a warning can leave."""

    CAP = "cap"
    EDXL = "edxl"
    STIX = "stix"
    MISP = "misp"

    @property
    def media_type(self) -> str:
        return _MEDIA[self]

    @property
    def suffix(self) -> str:
        return "xml" if self in (Format.CAP, Format.EDXL) else "json"

    @property
    def words(self) -> str:
        return _WORDS[self]


_MEDIA = {
    Format.CAP: "application/cap+xml",
    Format.EDXL: "application/xml",
    Format.STIX: "application/stix+json;version=2.1",
    Format.MISP: "application/json",
}
_WORDS = {
    Format.CAP: "CAP 1.2, for alerting systems",
    Format.EDXL: "EDXL-DE, the alert in its envelope with what it passes on",
    Format.STIX: "STIX 2.1, for threat-sharing systems",
    Format.MISP: "MISP event",
}


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a message sent in: how many destinations it moved, or what was flagged and counted."""

    kind: str
    receipts: int = 0
    flagged: int = 0
    counted: int = 0
