"""What people do to sources, refused input and tips. The only place here that opens a transaction."""

from tocsin.collect.actions.refusals import dismiss_refused
from tocsin.collect.actions.sources import (
    add_source,
    change_source,
    note_health,
    pause_source,
    resume_source,
)
from tocsin.collect.actions.tips import ask_tipster, count_visit, read_answers, tip_of

__all__ = [
    "add_source",
    "ask_tipster",
    "change_source",
    "count_visit",
    "dismiss_refused",
    "note_health",
    "pause_source",
    "read_answers",
    "resume_source",
    "tip_of",
]
