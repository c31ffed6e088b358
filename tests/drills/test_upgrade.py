"""Upgrade with data: a site as the first release left it is brought up; old entries say the same under the new code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.cast import make_cast
from tests.stories.flagged import flag
from tests.stories.warned import released
from tocsin.duties.actions import fire_due
from tocsin.kernel import settings
from tocsin.record import checking, database, restoring
from tocsin.record.sequencer import Sequencer, load_signer

FIRST = ("record", "people", "duties", "collect", "assess", "warn", "deliver")
"""The apps that the first release had, each with one migration."""
Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def old(committed: None, database_url: str) -> Iterator[str]:
    """The owner's URL of a database with the first release's schema, and no rows."""
    from django.core.management import call_command  # noqa: PLC0415

    data, name = settings.current().data_dir, f"old_{os.getpid()}"
    database.app_url(data, name)
    url = database.embedded_url(data, name, "postgres")
    app = database_url.replace("//postgres:", "//tocsin_app:")
    database.configure(url)
    try:
        for label in FIRST:
            call_command("migrate", label, "0001", verbosity=0, interactive=False)
        database.configure(app)
        yield url
    finally:
        database.configure(app)
        with psycopg.connect(
            database.embedded_url(data, "postgres", "postgres"), autocommit=True
        ) as c:
            c.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def columns(c: Connection, table: str) -> list[str]:
    rows = c.execute(
        "SELECT attname FROM pg_attribute JOIN pg_class k ON k.oid = attrelid WHERE k.relname = %s "
        "AND k.relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
        [table],
    )
    return [str(name) for (name,) in rows.fetchall()]


def carry_back(new_url: str, old_url: str) -> int:
    """Put the rows of today's tables into the old ones, as far as those have tables and columns for them."""
    carried = 0
    with psycopg.connect(new_url) as new, psycopg.connect(old_url) as old:
        old.execute("SET session_replication_role = replica")
        names = [
            str(n)
            for (n,) in old.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]
        for table in sorted(
            set(names) - {"django_migrations", "django_content_type", "auth_permission"}
        ):
            both = [c for c in columns(old, table) if c in columns(new, table)]
            listed = sql.SQL(", ").join(map(sql.Identifier, both))
            out = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(
                listed, sql.Identifier(table)
            )
            into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), listed)
            with new.cursor().copy(out) as source, old.cursor().copy(into) as target:
                for data in source:
                    target.write(data)
                    carried += 1
        old.execute("SET session_replication_role = origin")
        restoring._step_counters(old)
    return carried


@pytest.mark.slow
def test_a_site_of_the_first_release_is_brought_up_with_its_data(
    database_url: str, old: str
) -> None:
    cast = make_cast()
    flag(cast, ["weapons"], text="Bring tools for the north doors")
    released(cast)
    while fire_due():
        pass
    sequencer = Sequencer()
    while sequencer.step():
        pass
    before = checking.verify(load_signer().verifier)
    assert carry_back(database_url, old) > before.entries
    with psycopg.connect(old, autocommit=True) as c:
        assert not columns(c, "record_cosignature"), "this is the old schema"
        # A column that the new code fills, and the migration only gave its default to.
        c.execute("UPDATE duties_duty SET due_reason = ''")

    environment = {
        **os.environ,
        "TOCSIN_DATABASE_URL": old.replace("//postgres:", "//tocsin_app:"),
        "TOCSIN_DATABASE_OWNER_URL": old,
        "COLUMNS": "240",
    }
    command = [sys.executable, "-m", "tocsin.cli.main"]
    done = subprocess.run(
        [*command, "migrate"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"held against {before.entries} entries" in done.stdout
    assert "duties_duty" in done.stdout
    again = subprocess.run(
        [*command, "migrate"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (again.returncode, again.stdout) == (0, ""), "nothing to do the second time"
    app = database_url.replace("//postgres:", "//tocsin_app:")
    database.configure(old.replace("//postgres:", "//tocsin_app:"))
    try:
        found = checking.verify(load_signer().verifier)
        assert (found.entries, found.root) == (before.entries, before.root)
        assert checking.verify_vault()
        assert checking.fsck(old) == []
        flag(cast, ["weapons"], text="A report under the new release")
        assert checking.fsck(old) == []
    finally:
        database.configure(app)
