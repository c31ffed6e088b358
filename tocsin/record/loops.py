"""Every loop that workers run, in words: so that the worker, `tocsin check` and the health page have one list."""

from __future__ import annotations

from typing import Final

LOOPS: Final = {
    "sequencer": "Gives entries their place in the record",
    "duties": "Tells people in time",
    "feeds": "Reads the feeds",
    "streams": "Follows the streams",
    "lines": "Fits the screening lines to what a shift can read",
    "watches": "Asks for a trained collector where a watch has none",
    "surges": "Looks for surges of signs",
    "expiry": "Ends warnings and holds in time",
    "sweeps": "Notices sweeps that no longer hold",
    "fan-out": "Sends released warnings on their way",
    "send": "Sends messages",
    "sightings": "Takes sightings to everyone who must know",
    "live operations": "Watches posts, questions and tracks of live operations",
    "notices": "Sends notices",
    "exchange": "Puts warnings into partners' collections",
    "sign-in links": "Mails links to sign in by",
    "passed on": "Mails what partners pass to their people",
    "tests of ways": "Sends tests of the ways in the directory",
    "mailbox": "Reads bounces and replies",
    "directory": "Asks for lines nobody has proved",
    "copies": "Asks who took copies of what no longer holds to replace them",
    "sights": "Puts on the record who read what",
    "past": "Builds the past that was asked for",
    "findings": "Asks new operations about unsolved findings",
    "disclosures": "Keeps the account of who was given what",
    "retention": "Purges what is over, and seals what is held",
    "auditor": "Watches that everything due was done",
    "witnesses": "Asks outside witnesses to sign the record",
    "time-stamp": "Has the record time-stamped once a day",
}
"""Name of a loop -> what it does, in the order in which `worker.loops.all_loops` has them."""
