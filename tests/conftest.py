"""One embedded PostgreSQL for the run; every test connects as the application's role.

`db` rolls back. `committed` really commits (workers, threads, kills) and empties the tables after.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import hypothesis
import psycopg
import pytest
from psycopg import sql

from tocsin.kernel import clock, settings
from tocsin.kernel.clock import VirtualClock

# The machine may be busy: a property is judged by what it says, not by how long an example took.
hypothesis.settings.register_profile("tocsin", deadline=None)
hypothesis.settings.load_profile("tocsin")

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """The owner's URL of this run's own database, which is dropped at the end."""
    from tocsin.record import database  # noqa: PLC0415

    data = settings.current().data_dir
    name = f"test_{os.getpid()}"
    database.app_url(data, name)
    url = database.embedded_url(data, name, "postgres")
    with psycopg.connect(url, autocommit=True) as c:
        # The tests kill processes, never the machine: waiting for its disk would prove nothing here.
        c.execute("ALTER SYSTEM SET fsync = off")
        c.execute("SELECT pg_reload_conf()")
    yield url
    from django.db import connections  # noqa: PLC0415

    connections.close_all()
    with psycopg.connect(database.embedded_url(data, "postgres", "postgres"), autocommit=True) as c:
        c.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def django_db_setup(database_url: str, django_db_blocker: pytest.FixtureRequest) -> None:
    """Overrides pytest-django's: our own database, our own roles."""
    from tocsin.record import database  # noqa: PLC0415

    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        database.migrate(database_url)


@pytest.fixture
def committed(
    django_db_setup: None, django_db_blocker: pytest.FixtureRequest, database_url: str
) -> Iterator[None]:
    """Real commits; the tables are emptied afterwards, as the owner."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        _empty(database_url)
        yield
        _empty(database_url)


_TRIES = 4  # a server that a browser test leaves may still be answering its last request


def _empty(database_url: str) -> None:
    from django.db import connections  # noqa: PLC0415

    connections.close_all()
    for _ in range(_TRIES):
        with suppress(psycopg.errors.DeadlockDetected):
            return _truncate(database_url)
    return _truncate(database_url)


def _truncate(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as c:
        names = c.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
            "AND tablename NOT IN ('django_migrations', 'django_content_type', 'auth_permission')"
        ).fetchall()
        c.execute(
            sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(
                sql.SQL(", ").join(sql.Identifier(n) for (n,) in names)
            )
        )


@pytest.fixture
def virtual() -> Iterator[VirtualClock]:
    """A clock that moves only when the test says so, starting on a Monday morning."""
    with clock.use(VirtualClock(START)) as c:
        assert isinstance(c, VirtualClock)
        yield c
