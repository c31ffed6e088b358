"""What overseers do, and what the worker notes and builds for them. Only here are transactions opened."""

from __future__ import annotations

from tocsin.oversee.actions.lessons import (
    answer_finding,
    bring_up,
    clear_inquiry,
    close_finding,
    consider_finding,
    file_finding,
    hold_inquiry,
    lift_inquiry,
    publish_inquiry,
    return_finding,
    submit_inquiry,
)
from tocsin.oversee.actions.releases import (
    approve_release,
    begin_release,
    propose_release,
    return_release,
    show_again,
    withdraw_release,
    withhold,
)
from tocsin.oversee.actions.views import glance, note_views
from tocsin.oversee.actions.worlds import (
    ask_past,
    build_due,
    build_past,
    enter_past,
    forget_past,
)

__all__ = [
    "answer_finding",
    "approve_release",
    "ask_past",
    "begin_release",
    "bring_up",
    "build_due",
    "build_past",
    "clear_inquiry",
    "close_finding",
    "consider_finding",
    "enter_past",
    "file_finding",
    "forget_past",
    "glance",
    "hold_inquiry",
    "lift_inquiry",
    "note_views",
    "propose_release",
    "publish_inquiry",
    "return_finding",
    "return_release",
    "show_again",
    "submit_inquiry",
    "withdraw_release",
    "withhold",
]
