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
from tocsin.deliver.actions.checking import check_directory
from tocsin.deliver.actions.directory import (
    add_recipient,
    change_recipient,
    import_directory,
    remove_recipient,
    verify_recipient,
)
from tocsin.deliver.actions.entering import ask_for_link, send_links
from tocsin.deliver.actions.fanning import fan_out
from tocsin.deliver.actions.going import go_on, pause
from tocsin.deliver.actions.going import take_back as take_back_rest
from tocsin.deliver.actions.notices import send_notices
from tocsin.deliver.actions.relaying import pass_to, send_relays
from tocsin.deliver.actions.replies import read_mailbox, take_back
from tocsin.deliver.actions.sending import close_crews, note_answers, send_due
from tocsin.deliver.actions.trying import send_trials, test_ways

__all__ = [
    "Link",
    "acknowledge",
    "acknowledge_by_link",
    "acknowledge_by_voice",
    "act",
    "act_by_link",
    "add_recipient",
    "ask_for_link",
    "change_recipient",
    "check_directory",
    "close_crews",
    "fan_out",
    "follow",
    "go_on",
    "import_directory",
    "note_answers",
    "opened_by_link",
    "pass_by_link",
    "pass_on",
    "pass_to",
    "pause",
    "read_mailbox",
    "remove_recipient",
    "see",
    "send_due",
    "send_links",
    "send_notices",
    "send_relays",
    "send_trials",
    "take_back",
    "take_back_rest",
    "test_ways",
    "verify_recipient",
]
