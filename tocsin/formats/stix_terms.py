"""STIX 2.1 as we use it: marking definitions, our one extension, ids that come out the same every time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

MEDIA_TYPE: Final = "application/stix+json;version=2.1"
SPACE: Final = UUID("6f0b5c1e-7d5b-5d0c-9f0e-3b8f0c5a7e21")
"""Namespace of our ids: the same warning, exported twice, anywhere, is the same object."""
EPOCH: Final = "2026-01-01T00:00:00.000Z"

TLP_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP: Final = {
    "CLEAR": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "GREEN": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "AMBER": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "AMBER+STRICT": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "RED": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""TLP 2.0 marking definitions (OASIS)."""
_TLP_1: Final = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "CLEAR",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "GREEN",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "AMBER",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "RED",
}
TLP_OF: Final = {**{v: k for k, v in TLP.items()}, **_TLP_1}
"""Marking definition -> label, TLP 1.0 included."""
STRICTEST: Final = ("RED", "AMBER+STRICT", "AMBER", "GREEN", "CLEAR")


def object_id(kind: str, *parts: str) -> str:
    """A deterministic id (UUIDv5) of an object of ours."""
    return f"{kind}--{uuid5(SPACE, '/'.join((kind, *parts)))}"


EXTENSION: Final = object_id("extension-definition", "tocsin")
MAKER: Final = object_id("identity", "tocsin")
_SCHEMA: Final = (
    "Properties, all optional: likelihood (a term of ICD 203), likelihood_low and likelihood_high (per cent); "
    "admiralty_source (A-F), admiralty_information (1-6); us_person (presumed, known, unknown); review_by (time); "
    "precedence (ROUTINE, PRIORITY, IMMEDIATE, FLASH); product, edition, series (the warning it is); exercise (true). "
    "STIX confidence is not likelihood: it says how sure the writer is, likelihood how likely the event."
)


def tlp(label: str) -> dict[str, Any]:
    """The TLP 2.0 marking definition of a label, as OASIS publishes it."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP[label],
        "created": "2022-10-01T00:00:00.000Z",
        "name": f"TLP:{label}",
        "extensions": {
            TLP_EXTENSION: {
                "extension_type": "property-extension",
                "tlp_2_0": label.lower(),
            }
        },
    }


def maker() -> list[dict[str, Any]]:
    """Who defines our extension, and the extension."""
    return [
        {
            "type": "identity",
            "spec_version": "2.1",
            "id": MAKER,
            "created": EPOCH,
            "modified": EPOCH,
            "name": "Tocsin",
            "identity_class": "system",
        },
        {
            "type": "extension-definition",
            "spec_version": "2.1",
            "id": EXTENSION,
            "created": EPOCH,
            "modified": EPOCH,
            "created_by_ref": MAKER,
            "name": "Tocsin warning",
            "description": "How likely, how trusted, how urgent, until when.",
            "schema": _SCHEMA,
            "version": "1.0.0",
            "extension_types": ["property-extension"],
        },
    ]


def stamp(at: datetime) -> str:
    """A time as STIX writes it, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"
