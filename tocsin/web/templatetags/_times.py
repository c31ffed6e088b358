"""Times as people read them: `14:02 ET`, `3 min ago`, `42 min left`. Pure; `now` is passed in.

The browser keeps the same words up to date (static/tocsin/time.js): change both together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

LAST_PART = 0.25
"""Share of the whole time at which a fuse changes its tone."""

_US_ZONES = {
    f"{letter}{middle}T": f"{letter}T" for letter in "ECMP" for middle in "SD"
}  # EST and EDT are both read as ET on a watch floor


@dataclass(frozen=True, slots=True)
class Fuse:
    """What a fuse shows at one moment: share of time left (0 to 1), tone, words."""

    left: float
    tone: str
    words: str

    @property
    def percent(self) -> str:
        """Width of what is left, as an SVG length."""
        return f"{self.left * 100:.2f}%"


def zone_name(at: datetime) -> str:
    """Short name of the zone of a local time: ET for EST and EDT, else as the zone calls itself."""
    name = at.tzname() or ""
    if name[:1] in {"+", "-"}:
        return f"UTC{name}"
    return _US_ZONES.get(name, name)


def span(length: timedelta) -> str:
    """A length of time in at most two units: `40 s`, `42 min`, `3 h 10 min`, `12 days`."""
    seconds = int(abs(length).total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, hours = divmod(hours, 24)
    unit = "day" if days == 1 else "days"
    return f"{days} {unit} {hours} h" if hours and days < 3 else f"{days} {unit}"


def ago(at: datetime, now: datetime) -> str:
    """How long ago, or how far ahead: `now`, `3 min ago`, `in 2 h`."""
    passed = now - at
    if abs(passed) < timedelta(seconds=10):
        return "now"
    return f"{span(passed)} ago" if passed > timedelta() else f"in {span(passed)}"


def day_and_time(at: datetime, now: datetime, zone: tzinfo, *, named: bool = True) -> str:
    """`14:02 ET` today, `5 Jan 14:02 ET` on another day, with the year when that differs."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    words = f"{local:%H:%M}"
    if local.date() != today.date():
        year = f" {local.year}" if local.year != today.year else ""
        words = f"{local.day} {local:%b}{year} {words}"
    return f"{words} {zone_name(local)}" if named else words


def fuse(opened: datetime, due: datetime, now: datetime) -> Fuse:
    """The fuse of a duty at `now`. Tone: `calm`, `last` in the last quarter, `out` once due."""
    if now >= due:
        late = now - due
        return Fuse(0.0, "out", "due now" if late.total_seconds() < 1 else f"due {span(late)} ago")
    whole = (due - opened).total_seconds()
    left = (due - now).total_seconds()
    share = min(1.0, left / whole) if whole > 0 else 1.0
    return Fuse(share, "last" if share <= LAST_PART else "calm", f"{span(due - now)} left")


def ended(opened: datetime, due: datetime, at: datetime) -> Fuse:
    """The fuse of a duty that was answered at `at`: it stands still and says how long it took."""
    whole = (due - opened).total_seconds()
    share = max(0.0, min(1.0, (due - at).total_seconds() / whole)) if whole > 0 else 0.0
    late = f", {span(at - due)} late" if at > due else ""
    return Fuse(share, "late" if late else "done", f"answered in {span(at - opened)}{late}")
