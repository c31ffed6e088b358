"""What stands between a draft and its release: every finding on it, and the refusal. Pure.

A finding that `stops` makes release refuse; advice is for the writer and the reviewer to weigh.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tocsin.kernel.errors import Invalid
from tocsin.warn.checks import CHECKS
from tocsin.warn.findings import Finding, Level, OpenWork, Sheet, texts

__all__ = ["Finding", "Level", "OpenWork", "Sheet", "lint", "refuse_on_stops", "stops", "texts"]


def lint(sheet: Sheet, now: datetime) -> list[Finding]:
    """Every finding on a draft as of `now`, those that stop release first."""
    found = [finding for check in CHECKS for finding in check(sheet, now)]
    return sorted(found, key=lambda f: not f.stops)


def stops(findings: Iterable[Finding]) -> list[Finding]:
    """Those that stop release."""
    return [f for f in findings if f.stops]


def refuse_on_stops(findings: Iterable[Finding]) -> None:
    """Raises: Invalid naming the first finding that stops release, and how many more there are."""
    found = stops(findings)
    if found:
        more = f" ({len(found) - 1} more like this)" if len(found) > 1 else ""
        raise Invalid(f"{found[0].words}{more}", field=found[0].field, cure=found[0].cure)
