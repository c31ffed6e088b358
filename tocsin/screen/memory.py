"""What a process keeps in memory to screen with: the compiled engine, and the near-copies it remembers."""

from __future__ import annotations

from functools import cache

from tocsin.screen.engine import Engine
from tocsin.screen.grouping import Groups


@cache
def engine() -> Engine:
    """The engine of this process; compiled once, about a second."""
    return Engine.load()


@cache
def groups() -> Groups:
    """The near-copies this process remembers."""
    return Groups()
