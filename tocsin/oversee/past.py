"""The time machine: the world as it stood at a moment, in a schema of its own, built by the same `apply`.

A schema holds every rebuildable table as of that moment, and views that cut the record itself off there; so the
pages that run over it find nothing later. Content is not copied: what was purged since is gone there too, and
is shown as purged. Safety rests on three things, each enough by itself: the role has no right to write in the
schema, each request's transaction is read only, and its search path ends with that transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.apps import apps
from django.db import connection, transaction
from psycopg import sql

from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Invalid
from tocsin.oversee.models import World
from tocsin.record import checking, database, tables
from tocsin.record.models import Projection

KEPT = 4
"""Worlds that stand ready at most; the one used longest ago makes room."""
_LIVE = {"record_site", "people_account", "oversee_world"}
"""Operational tables a page of the past still reads as they are: names, the site, the worlds themselves."""
_PURGED = (
    "Purged since: this content is no longer kept. That it was here is proven by its commitment."
)

_BUILDERS = 7_201_512_001
"""The advisory lock of whoever builds a world."""

Progress = Callable[[int], None]


def schema_of(world: str) -> str:
    """The schema of a world's id."""
    return f"past_{world.removeprefix('pst_')}"


def place_at(at: datetime) -> int:
    """How many places the record had at `at`: all before the first entry that was recorded later.

    By place, not by time alone, so that the tables are those of one true state of the record.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT min(p.seq) FROM record_entry e JOIN record_place p USING (n) "
            "WHERE e.recorded_at > %s), (SELECT max(seq) + 1 FROM record_place), 0)",
            [at],
        )
        return int(cursor.fetchone()[0])


def build(url: str, world: str, at: datetime, progress: Progress) -> int:
    """Build the world at `at` in its schema; returns how many entries it was built from. `url` = the owner's.

    1. Every rebuildable table from the record, up to the place of that moment (`record.checking.rebuild`).
    2. The indexes pages need, made after the rows because that is quicker.
    3. Views that cut the record, the vault and the operational tables off at that moment.
    4. The role may read and nothing else; a marker says that the build was finished.
    """
    schema, upto = schema_of(world), place_at(at)
    checking.rebuild(url, schema, progress, upto)
    with psycopg.connect(url) as c:  # one transaction: all of it or nothing
        _index(c, schema)
        _forgotten(c, schema)
        _cut(c, schema, at, upto)
        name, role = sql.Identifier(schema), sql.Identifier(database.APP_ROLE)
        c.execute(sql.SQL("CREATE UNLOGGED TABLE {}.built (n bigint)").format(name))
        c.execute(sql.SQL("INSERT INTO {}.built VALUES ({})").format(name, upto))
        c.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM {}").format(name, role))
        c.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(name, role))
        every = [sql.Identifier(schema, table) for table in tables.projections()]
        c.execute(sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(every)))
    return upto


def drop(url: str, world: str) -> None:
    """Forget a world: its schema goes, nothing else does."""
    with psycopg.connect(url, autocommit=True) as c:
        name = sql.Identifier(schema_of(world))
        c.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))


def _index(c: psycopg.Connection[Any], schema: str) -> None:
    rows = c.execute(
        "SELECT indexdef FROM pg_indexes i WHERE schemaname = 'public' AND tablename = ANY(%s) "
        "AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conname = i.indexname AND k.contype = 'p')",
        [list(tables.projections())],
    ).fetchall()
    for (definition,) in rows:
        c.execute(definition.replace(" ON public.", f' ON "{schema}".', 1))


def _forgotten(c: psycopg.Connection[Any], schema: str) -> None:
    """Which contents the tables of that moment speak of and the vault no longer has."""
    c.execute(
        sql.SQL("CREATE UNLOGGED TABLE {}.forgotten (id text PRIMARY KEY)").format(
            sql.Identifier(schema)
        )
    )
    for table, columns in tables.projections().items():
        texts = [n for n, kind in columns.items() if kind == "text" and n not in _NO_CONTENT]
        if not texts or table in _SAYS_SO_ITSELF:
            continue
        c.execute(
            sql.SQL(
                "INSERT INTO {schema}.forgotten SELECT DISTINCT v FROM ("
                "SELECT unnest(ARRAY[{columns}]) AS v FROM {table}) AS found "
                "WHERE v LIKE 'vlt\\_%' AND NOT EXISTS (SELECT 1 FROM public.record_vault k WHERE k.id = v) "
                "ON CONFLICT DO NOTHING"
            ).format(
                schema=sql.Identifier(schema),
                table=sql.Identifier(schema, table),
                columns=sql.SQL(", ").join(map(sql.Identifier, texts)),
            )
        )


_SAYS_SO_ITSELF = frozenset({"collect_report", "collect_version"})
"""Their pages say it in their own words; marks of signs would point into ours."""
_NO_CONTENT = frozenset(
    {"id", "agency", "tlp", "operation", "state", "kind", "role", "source", "person", "subject", "precedence",
     "identity", "content_hash", "group", "lang", "thread", "ladder", "ladder_version", "due_reason", "steps"}
)  # fmt: skip


def _cut(c: psycopg.Connection[Any], schema: str, at: datetime, upto: int) -> None:
    """Views in place of the tables that are not rebuilt, so that they end at the moment too."""
    name, moment, places = sql.Identifier(schema), sql.Literal(at), sql.Literal(upto)

    def view(table: str, query: str) -> None:
        c.execute(
            sql.SQL("CREATE VIEW {} AS " + query).format(
                sql.Identifier(schema, table), at=moment, upto=places, schema=name
            )
        )

    view("record_place", "SELECT * FROM public.record_place WHERE seq < {upto}")
    view(
        "record_entry",
        "SELECT e.* FROM public.record_entry e WHERE EXISTS "
        "(SELECT 1 FROM public.record_place p WHERE p.n = e.n AND p.seq < {upto})",
    )
    view("record_checkpoint", "SELECT * FROM public.record_checkpoint WHERE size <= {upto}")
    view("record_vault", _vault(c))
    made = {"record_place", "record_entry", "record_checkpoint", "record_vault", *_LIVE}
    for model in apps.get_models():
        table = model._meta.db_table
        ours = model.__module__.startswith("tocsin.")
        if ours and not issubclass(model, Projection) and table not in made:
            view(table, f'SELECT * FROM public."{table}" WHERE false')  # noqa: S608 - a model's name


def _vault(c: psycopg.Connection[Any]) -> str:
    """The vault as it stood, and for what was forgotten since a row that says so."""
    columns = c.execute(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name = 'record_vault' ORDER BY ordinal_position"
    ).fetchall()
    known = {
        "id": "f.id",
        "subject": "''::text",
        "sealed": "false",
        "salt": "''::bytea",
        "kept_at": "{at}",
    }
    known["body"] = f"jsonb_build_object('title', '(purged since)', 'text', '{_PURGED}')"
    query = "SELECT * FROM public.record_vault WHERE kept_at <= {at}"
    if dict(columns).get("body") != "jsonb":
        return query  # the words cannot be put in: pages show that nothing is kept
    made = ", ".join(known.get(name, f"NULL::{kind}") for name, kind in columns)
    return f"{query} UNION ALL SELECT {made} FROM {{schema}}.forgotten f"  # noqa: S608 - columns of our own


@contextmanager
def building(*, wait: bool) -> Iterator[bool]:
    """Be the one who builds; yields whether one is. The lock is this connection's, so it dies with the process."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_{'' if wait else 'try_'}advisory_lock({_BUILDERS})")
        mine = wait or bool(cursor.fetchone()[0])
        try:
            yield mine
        finally:
            if mine:
                cursor.execute(f"SELECT pg_advisory_unlock({_BUILDERS})")


@contextmanager
def standing(world: World) -> Iterator[None]:
    """Run a block in that world: its tables, its time, and no way to write.

    Raises: Conflict when the world is not there (any more).
    """
    schema = schema_of(world.id)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute("SELECT set_config('search_path', %s, true)", [f'"{schema}", public'])
        try:
            cursor.execute("SELECT current_schema(), to_regclass(%s)", [f'"{schema}".built'])
            if cursor.fetchone() != (schema, "built"):
                raise Conflict(_GONE, cure="Go to “Stand in the past” and step into it.")
            cursor.execute("SELECT count(*) FROM built")
            if not cursor.fetchone()[
                0
            ]:  # a crash of the database empties tables that can be built again
                raise Conflict(_GONE, cure="Go to “Stand in the past” and step into it.")
            with clock.held(world.at):
                yield
        finally:
            if not connection.needs_rollback and not connection.closed_in_transaction:
                cursor.execute("SELECT set_config('search_path', 'public', true)")


_GONE = (
    "the world of that moment is not there any more; it is built again when somebody steps into it"
)


def check_moment(at: datetime, now: datetime) -> None:
    """Raises: Invalid for a moment that is not past."""
    if at > now:
        raise Invalid("that moment has not come yet", field="at", cure="Give a time in the past.")


def timed(work: Callable[[], int]) -> tuple[int, timedelta]:
    """What `work` returns, and how long it took."""
    begin = time.perf_counter()
    done = work()
    return done, timedelta(seconds=time.perf_counter() - begin)
