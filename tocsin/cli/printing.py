"""How commands print: tables for people, JSON lines for programs, a progress bar for what takes long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tocsin.kernel import settings

console = Console(highlight=False, markup=False)


def as_json(rows: Iterable[Any]) -> None:
    """One JSON object a line."""
    for row in rows:
        typer.echo(msgspec.json.encode(row).decode())


def table(*columns: str) -> Table:
    """An empty table in the one style that commands use."""
    return Table(*columns, box=None, pad_edge=False, header_style="bold")


def when(at: datetime | None) -> str:
    """`2026-03-05 18:30 EST`, in the zone of the installation; "" for none."""
    if at is None:
        return ""
    return at.astimezone(ZoneInfo(settings.current().timezone)).strftime("%Y-%m-%d %H:%M %Z")


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar that is told how many more are done; silent where nobody watches."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    shown = Console(stderr=True)
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)
