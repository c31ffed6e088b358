"""What a process keeps in memory to screen with: the compiled engine, and the near-copies it remembers."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

from tocsin.kernel import settings
from tocsin.screen import promoted
from tocsin.screen.cascade import Cascade
from tocsin.screen.engine import Engine
from tocsin.screen.grouping import Groups
from tocsin.screen.models import Models


def engine() -> Cascade:
    """The engine of this process: compiled once; new models are taken up when a person promotes them."""
    return _with_models(promoted.folder(settings.current().data_dir))


@cache
def _compiled() -> Engine:
    return Engine.load()


@lru_cache(maxsize=1)
def _with_models(folder: Path | None) -> Cascade:
    return Cascade(_compiled(), Models.load(folder))


@cache
def groups() -> Groups:
    """The near-copies this process remembers."""
    return Groups()
