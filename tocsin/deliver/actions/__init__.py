"""What people and workers do to get a warning to those who must act on it. Only here are transactions opened.

Worker's steps, safe to run in any number of workers: `fan_out`, `send_due`, `send_notices`.
"""

from __future__ import annotations

from tocsin.deliver.actions.answering import (
    Link,
    acknowledge,
    acknowledge_by_link,
    acknowledge_by_voice,
    act,
    act_by_link,
    follow,
    opened_by_link,
    pass_by_link,
    pass_on,
    see,
)
from tocsin.deliver.actions.directory import (
    add_recipient,
    change_recipient,
    import_directory,
    remove_recipient,
    verify_recipient,
)
from tocsin.deliver.actions.fanning import fan_out
from tocsin.deliver.actions.notices import send_notices
from tocsin.deliver.actions.sending import close_crews, note_answers, send_due

__all__ = [
    "Link",
    "acknowledge",
    "acknowledge_by_link",
    "acknowledge_by_voice",
    "act",
    "act_by_link",
    "add_recipient",
    "change_recipient",
    "close_crews",
    "fan_out",
    "follow",
    "import_directory",
    "note_answers",
    "opened_by_link",
    "pass_by_link",
    "pass_on",
    "remove_recipient",
    "see",
    "send_due",
    "send_notices",
    "verify_recipient",
]
