"""Reading an operation while it runs."""

from __future__ import annotations

from tocsin.operate.store.board import Board, board, log, posts, seat_names
from tocsin.operate.store.knowing import as_rule, receipts, told_of
from tocsin.operate.store.places import ground_at, near
from tocsin.operate.store.seats import Seat, decider, detail_leaders, seats
from tocsin.operate.store.snapshots import said, sighting_words, snapshot, texts

__all__ = [
    "Board",
    "Seat",
    "as_rule",
    "board",
    "decider",
    "detail_leaders",
    "ground_at",
    "log",
    "near",
    "posts",
    "receipts",
    "said",
    "seat_names",
    "seats",
    "sighting_words",
    "snapshot",
    "texts",
    "told_of",
]
