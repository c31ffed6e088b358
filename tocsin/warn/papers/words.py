"""Words that every paper uses: times, markings, the likelihood scale. Pure."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

from tocsin.assess.terms import LIKELIHOODS
from tocsin.formats.papers.paper import Estimate
from tocsin.warn.estimates import STEP_OF

_BLANK_LINE = re.compile(r"\n\s*\n")
NOT_SET = "TLP: not set"


def local_time(at: datetime, zone: tzinfo) -> str:
    """`5 Mar 2026 14:02 EST`."""
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y %H:%M} {local.tzname()}"


def marking(label: str) -> str:
    """The marking as it stands at the head and foot of a page."""
    return f"TLP:{label}" if label else NOT_SET


def estimate(term: str) -> Estimate | None:
    """A term of the scale with its range and its step; None for a word that is none."""
    step = STEP_OF.get(term)
    if step is None:
        return None
    row = LIKELIHOODS[step]
    return Estimate(term, list(LIKELIHOODS).index(step), row.low, row.high)


def paragraphs(text: str) -> tuple[str, ...]:
    """A text cut at its blank lines."""
    return tuple(part.strip() for part in _BLANK_LINE.split(text) if part.strip())
