"""What people and workers do to keep, hold, forget and account. Only here are transactions opened.

Worker's steps, safe to run in any number of workers: `sweep`, `account_due`.
"""

from __future__ import annotations

from tocsin.retain.actions.disclosing import account_due, disclose, note_disclosure
from tocsin.retain.actions.holding import lift_hold, place_hold
from tocsin.retain.actions.promoting import (
    promote_to_intelligence,
    promote_to_sar,
    share_intelligence,
)
from tocsin.retain.actions.purging import (
    adopt_policy,
    on_purged,
    purge,
    refresh_keys,
    sweep,
    validate,
)
from tocsin.retain.actions.reading_samples import read_sample
from tocsin.retain.actions.unmasking import (
    ask_unmasking,
    decide_unmasking,
    look,
    look_now,
)

__all__ = [
    "account_due",
    "adopt_policy",
    "ask_unmasking",
    "decide_unmasking",
    "disclose",
    "lift_hold",
    "look",
    "look_now",
    "note_disclosure",
    "on_purged",
    "place_hold",
    "promote_to_intelligence",
    "promote_to_sar",
    "purge",
    "read_sample",
    "refresh_keys",
    "share_intelligence",
    "sweep",
    "validate",
]
