"""After an upgrade: the tables that are made from the record, made again by the new release's `apply`.

A migration gives old rows a new column's default, and a new table no rows at all; what the new `apply` would have
made of the old entries may be more. So they are made anew beside the live ones, and what differs is put in place.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from tocsin.record import checking, tables

_SHADOW = "tocsin_upgrade"


def bring_up(url: str, progress: checking.Progress = lambda _: None) -> list[str]:
    """Make the tables of the record what this release makes of it; returns the names of those that differed.

    Writers wait meanwhile. One transaction puts everything in place: a kill leaves the old tables, and the next
    `tocsin migrate --remake` begins again. Django must be connected as the owner.
    """
    with psycopg.connect(url) as c:
        c.execute("LOCK TABLE public.record_entry IN SHARE MODE")
        if c.execute("SELECT 1 FROM public.record_entry LIMIT 1").fetchone() is None:
            return []
        checking.place_pending()
        checking.rebuild(url, _SHADOW, progress)
        remade = [name for name in sorted(tables.projections()) if _differs(c, name)]
        for name in remade:
            _put_in_place(c, name)
        c.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(_SHADOW)))
    return remade


def _differs(c: psycopg.Connection[tuple[object, ...]], name: str) -> bool:
    live, made = sql.Identifier("public", name), sql.Identifier(_SHADOW, name)
    query = sql.SQL(
        "SELECT EXISTS (SELECT to_jsonb(t) FROM {0} t EXCEPT SELECT to_jsonb(t) FROM {1} t) "
        "OR EXISTS (SELECT to_jsonb(t) FROM {1} t EXCEPT SELECT to_jsonb(t) FROM {0} t)"
    ).format(live, made)
    return c.execute(query).fetchone() == (True,)


def _put_in_place(c: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, tables.projections()[name]))
    live, made = sql.Identifier("public", name), sql.Identifier(_SHADOW, name)
    c.execute(sql.SQL("TRUNCATE {}").format(live))
    c.execute(sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(live, columns, columns, made))
