"""Taking in what sources say. The only place of this stage that opens a transaction."""

from tocsin.screen.actions.intake import take_chunk, take_in
from tocsin.screen.actions.polling import poll_due, poll_now
from tocsin.screen.actions.reading import read_file
from tocsin.screen.actions.retrying import retry_refused
from tocsin.screen.actions.storing import on_flagged
from tocsin.screen.actions.streaming import Following, follow
from tocsin.screen.actions.tips import answer_question, give_tip

__all__ = [
    "Following",
    "answer_question",
    "follow",
    "give_tip",
    "on_flagged",
    "poll_due",
    "poll_now",
    "read_file",
    "retry_refused",
    "take_chunk",
    "take_in",
]
