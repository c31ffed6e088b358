"""Taking in what sources say. The only place of this stage that opens a transaction."""

from tocsin.screen.actions.budgeting import adapt_lines, set_budget
from tocsin.screen.actions.intake import take_chunk, take_in
from tocsin.screen.actions.polling import poll_due, poll_now
from tocsin.screen.actions.promoting import Learned, learn, promote
from tocsin.screen.actions.reading import read_file
from tocsin.screen.actions.retrying import retry_refused
from tocsin.screen.actions.storing import on_flagged
from tocsin.screen.actions.streaming import Following, follow
from tocsin.screen.actions.tips import answer_question, give_tip

__all__ = [
    "Following",
    "Learned",
    "adapt_lines",
    "answer_question",
    "follow",
    "give_tip",
    "learn",
    "on_flagged",
    "poll_due",
    "poll_now",
    "promote",
    "read_file",
    "retry_refused",
    "set_budget",
    "take_chunk",
    "take_in",
]
