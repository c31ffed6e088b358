"""Reading an operation while it runs."""

from __future__ import annotations

from tocsin.operate.store.board import Board, board, seat_names
from tocsin.operate.store.knowing import (
    as_rule,
    musts,
    posts_wait,
    receipts,
    told_of,
    unanswered,
)
from tocsin.operate.store.log import log
from tocsin.operate.store.places import ground_at, near
from tocsin.operate.store.posts import posts
from tocsin.operate.store.seats import Seat, decider, detail_leaders, seats
from tocsin.operate.store.snapshots import (
    THINGS,
    not_over,
    said,
    sighting_words,
    snapshot,
    snapshots,
    texts,
)

__all__ = [
    "THINGS",
    "Board",
    "Seat",
    "as_rule",
    "board",
    "decider",
    "detail_leaders",
    "ground_at",
    "log",
    "musts",
    "near",
    "not_over",
    "posts",
    "posts_wait",
    "receipts",
    "said",
    "seat_names",
    "seats",
    "sighting_words",
    "snapshot",
    "snapshots",
    "texts",
    "told_of",
    "unanswered",
]
