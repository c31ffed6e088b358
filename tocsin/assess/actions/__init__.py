"""What people do in this stage. The only place here that opens a transaction."""

from tocsin.assess.actions.dissent import answer_dissent, file_dissent
from tocsin.assess.actions.questions import answer_rfi, ask, extend_rfi, withdraw_rfi
from tocsin.assess.actions.reports import decide, second_read, settle
from tocsin.assess.actions.signs import count_flagged
from tocsin.assess.actions.situations import (
    add_reports,
    assess_whole,
    close_situation,
    draft_begun,
    keep_watching,
    open_situation,
    remove_report,
)
from tocsin.assess.actions.surges import mind_surges
from tocsin.assess.actions.undoing import undo
from tocsin.assess.actions.watches import mind_watches

__all__ = [
    "add_reports",
    "answer_dissent",
    "answer_rfi",
    "ask",
    "assess_whole",
    "close_situation",
    "count_flagged",
    "decide",
    "draft_begun",
    "extend_rfi",
    "file_dissent",
    "keep_watching",
    "mind_surges",
    "mind_watches",
    "open_situation",
    "remove_report",
    "second_read",
    "settle",
    "undo",
    "withdraw_rfi",
]
