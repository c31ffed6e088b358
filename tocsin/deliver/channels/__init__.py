"""Ways out: mail, signed webhooks, text and voice, other services, the page here.

Each sends one job and says how far it came.

A channel promises: it returns only after the other side has answered, within 50 seconds; it never sends
one job twice by itself; it keeps no state that a kill could lose. It raises `Undelivered` otherwise, or
`Later` when its own limit leaves no room yet.
"""

from __future__ import annotations

from tocsin.deliver.channels.job import Job, Later, PermanentFailure, TemporaryFailure, Undelivered
from tocsin.deliver.channels.roads import Roads

__all__ = ["Job", "Later", "PermanentFailure", "Roads", "TemporaryFailure", "Undelivered"]
