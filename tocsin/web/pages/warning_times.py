"""Times as people type them: in the installation's zone, without saying so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from tocsin.kernel import settings
from tocsin.kernel.errors import Invalid

YEARS = range(1970, 2201)
"""A year outside these is a slip of the hand, and near the ends of the calendar no zone can be reckoned."""
FORM = "%Y-%m-%dT%H:%M"


def zone() -> ZoneInfo:
    """The zone in which this installation shows and reads times."""
    return ZoneInfo(settings.current().timezone)


def read_local(text: str, field: str) -> datetime | None:
    """`2026-03-05T18:30` in the installation's zone, as UTC; None for an empty text. Raises: Invalid."""
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Invalid(
            f"{text!r} is no time", field=field, cure="Write it as 2026-03-05T18:30."
        ) from None
    if at.year not in YEARS:
        raise Invalid(
            f"the year {at.year} is out of reach",
            field=field,
            cure=f"Give a year from {YEARS[0]} to {YEARS[-1]}.",
        )
    return (at if at.tzinfo else at.replace(tzinfo=zone())).astimezone(UTC)


class LocalTimeField(forms.Field):
    """A date and time in the installation's zone; its value is aware, in UTC."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=FORM)

    def to_python(self, value: Any) -> datetime | None:
        try:
            return read_local(str(value or ""), str(self.label or "time"))
        except Invalid as e:
            raise forms.ValidationError(f"{e.message}. {e.cure}") from e

    def prepare_value(self, value: Any) -> Any:
        return value.astimezone(zone()).strftime(FORM) if isinstance(value, datetime) else value
