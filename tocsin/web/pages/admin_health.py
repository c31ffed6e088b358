"""Whether each loop of the worker is alive; the rest of the system's health is the front page's."""

from __future__ import annotations

from datetime import datetime

from tocsin.record.models import Heartbeat
from tocsin.web.templatetags._times import span
from tocsin.web.wellness import SILENT_AFTER, Health

_LOOPS = {
    "sequencer": "Gives entries their place in the record",
    "duties": "Tells people in time",
    "feeds": "Reads the feeds",
    "expiry": "Ends warnings and holds in time",
    "fan-out": "Sends released warnings on their way",
    "send": "Sends messages",
    "notices": "Sends notices",
    "sign-in links": "Mails links to sign in by",
    "passed on": "Mails what partners pass to their people",
    "tests of ways": "Sends tests of the ways in the directory",
    "mailbox": "Reads bounces and replies",
    "directory": "Asks for lines nobody has proved",
    "sights": "Puts on the record who read what",
    "past": "Builds the past that was asked for",
    "findings": "Asks new operations about unsolved findings",
    "disclosures": "Keeps the account of who was given what",
    "retention": "Purges what is over, and seals what is held",
    "auditor": "Watches that everything due was done",
}


def loops(now: datetime) -> list[Health]:
    """A line of `parts/health.html` for each loop."""
    beats = dict(Heartbeat.objects.values_list("name", "at"))
    return [_loop(label, beats.get(name), now) for name, label in _LOOPS.items()]


def _loop(label: str, at: datetime | None, now: datetime) -> Health:
    if at is None:
        return Health("down", label, "never ran")
    if now - at > SILENT_AFTER:
        return Health("down", label, f"silent for {span(now - at)}")
    return Health("well", label, "alive")
