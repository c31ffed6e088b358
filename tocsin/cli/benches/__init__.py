"""`tocsin bench NAME`: one module a subject; each yields measures. Not tests: nothing here is asserted."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql


class Measure(msgspec.Struct, frozen=True):
    """One figure: dotted name, value, unit, and the conditions it was taken under."""

    name: str
    value: float
    unit: str
    conditions: str = ""


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of `values` lie. Raises: ValueError when there are none."""
    if not values:
        raise ValueError("no values to take a percentile of")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextmanager
def fresh_database(purpose: str) -> Iterator[str]:
    """An empty, migrated database of its own in the embedded server; Django is left connected to it as the
    application's role. Yields the owner's URL; drops the database at the end."""
    from django.db import connections  # noqa: PLC0415 - after Django is set up

    from tocsin.kernel import settings  # noqa: PLC0415
    from tocsin.record import database  # noqa: PLC0415

    data = settings.current().data_dir
    name = f"bench_{purpose}_{os.getpid()}"
    database.app_url(data, name)
    url = database.embedded_url(data, name, "postgres")
    database.migrate(url)
    try:
        yield url
    finally:
        connections.close_all()
        admin = database.embedded_url(data, "postgres", "postgres")
        with psycopg.connect(admin, autocommit=True) as c:
            c.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory that is gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
