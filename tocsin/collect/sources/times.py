"""Read the times sources write, always to aware UTC."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

NAMED_FORMATS: Final = ("iso", "unix", "unix_ms")
"""Formats known by name; every other one is a pattern such as ``%d.%m.%Y %H:%M``."""


class UnreadableTime(ValueError):
    """A time that none of the formats reads, or that lacks its zone; says what to do."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


def zone_named(name: str) -> tzinfo:
    """Find a time zone by its name, such as ``America/New_York``.

    Raises:
        ValueError: no such zone.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(f"there is no time zone called {name!r}") from error


def is_format(name: str) -> bool:
    """Whether a format is known by name or is a pattern the calendar understands."""
    if name in NAMED_FORMATS:
        return True
    try:
        moment = datetime(2021, 1, 6, 13, 0, 1, 5, tzinfo=UTC)
        return "%" in name and bool(datetime.strptime(moment.strftime(name), name))  # noqa: DTZ007
    except (ValueError, re.error):
        return False


def reader_of(formats: tuple[str, ...], zone: tzinfo | None) -> Callable[[object], datetime]:
    """Build a reader that tries the formats in order. `zone` is for times written without one.

    The reader raises `UnreadableTime`.
    """

    def read(value: object) -> datetime:
        for name in formats:
            try:
                found = _read_as(name, value)
            except (ValueError, OverflowError, OSError):
                continue
            if found is not None:
                return _in_utc(found, zone)
        raise UnreadableTime(
            f"the time {str(value)[:60]!r} is not written as any of: {', '.join(formats)}",
            "Add its format to `times.formats` of the mapping.",
        )

    return read


def _read_as(name: str, value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if name == "iso":
        return datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    if name in NAMED_FORMATS:
        return _from_epoch(value, 1000 if name == "unix_ms" else 1)
    # The pattern may lack a zone on purpose; `_in_utc` then asks the mapping for one.
    return datetime.strptime(value.strip(), name) if isinstance(value, str) else None  # noqa: DTZ007


def _from_epoch(value: object, per_second: int) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return datetime.fromtimestamp(float(value) / per_second, UTC)


def _in_utc(found: datetime, zone: tzinfo | None) -> datetime:
    if found.tzinfo is None:
        if zone is None:
            raise UnreadableTime(
                f"the time {found.isoformat(' ')} has no time zone",
                "Name it in `times.zone` of the mapping, such as UTC or America/New_York.",
            )
        found = found.replace(tzinfo=zone)
    try:
        return found.astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise UnreadableTime(f"the time {found} is out of range", "Correct the row.") from error
