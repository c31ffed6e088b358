"""Taking in what sources say. The only place of this stage that opens a transaction."""

from tocsin.screen.actions.intake import take_chunk, take_in
from tocsin.screen.actions.storing import on_flagged

__all__ = ["on_flagged", "take_chunk", "take_in"]
