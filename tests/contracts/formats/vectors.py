"""Where the shared vectors of other people's formats are; tests that need them are skipped with a word without."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tocsin.formats.bulletin import Bulletin, Cited, Original, Statement

CAP = Path(__file__).parents[4] / "shared" / "vectors" / "cap"
needs_vectors = pytest.mark.skipif(not CAP.is_dir(), reason="../shared/vectors is not here")
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def bulletin(**changes: Any) -> Bulletin:
    """A warning with everything a format can carry."""
    fields: dict[str, Any] = {
        "id": "wrn_1",
        "series": "wrn_1",
        "edition": 1,
        "product": "BULLETIN",
        "product_name": "Bulletin",
        "sender": "fusion",
        "agency": "Fusion centre",
        "site": "tocsin.example",
        "url": "https://tocsin.example/warnings/wrn_1",
        "tlp": "AMBER",
        "precedence": "FLASH",
        "title": "North doors named for the march",
        "text": "TLP:AMBER\n\nSeveral posts name the north doors. <Bring tools> & more.",
        "first_at": AT,
        "sent": AT,
        "statements": (
            Statement("A group will try the doors.", "likely", 55, 80, "moderate", "Authors."),
            Statement("They will come armed.", "very unlikely", 5, 20, "low", "One post."),
        ),
        "would_change": "The doors are closed.",
        "dissent": "One analyst holds it is talk.",
        "caveat": "Released before review.",
        "actions": ("Man the north doors from noon.",),
        "expires": AT + timedelta(days=4),
        "event": "The march",
        "place": "The Mall",
        "recipients": ("capitol", "metro"),
        "sources": (
            Cited("rpt_1", "report", "B", "2", AT, AT, AT + timedelta(hours=2), 3),
            Cited("sit_1", "situation"),
        ),
    }
    return Bulletin(**{**fields, **changes})


def relayed(raw: bytes) -> Original:
    """An original to pass on."""
    return Original("cap", "2.49.0.1.124.6bddbc91.2012", "cap@ec.gc.ca", raw)
