"""Net changes to SQL: one statement for each group, the same for live running and for rebuilding."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec
import psycopg
from django.apps import apps
from django.db import connection
from psycopg import sql

from tocsin.kernel.errors import Conflict, Invalid
from tocsin.record import applying
from tocsin.record.models import Projection
from tocsin.record.terms import Entry, Put, Set

COPY_FROM = 200  # rows of a group; below it the prepared statement is quicker


@cache
def projections() -> dict[str, dict[str, str]]:
    """Every rebuildable table: name -> {column: PostgreSQL type}."""
    return {
        model._meta.db_table: {
            str(f.column): str(f.db_type(connection))
            for f in model._meta.local_concrete_fields
            if f.column
        }
        for model in apps.get_models()
        if issubclass(model, Projection)
    }


@cache
def primary_keys() -> dict[str, tuple[str, ...]]:
    """Every rebuildable table's primary key: name -> columns."""
    return {
        model._meta.db_table: tuple(str(f.column) for f in model._meta.pk_fields)
        for model in apps.get_models()
        if issubclass(model, Projection)
    }


def apply(entries: Iterable[Entry]) -> None:
    """Bring the tables up to date with `entries`, inside the caller's transaction.

    Raises: Conflict when a row that is to change is not there.
    """
    for (table, op, keys, columns), rows in applying.groups(applying.fold(entries)).items():
        types = tuple(projections()[table][c] for c in keys + columns)
        if op is Put and len(rows) >= COPY_FROM:
            copy(table, keys + columns, types, rows)
            continue
        statement = _statement(table, op.__name__, keys, columns, types)
        changed = execute(statement, [{**dict(row.key), **row.values} for row in rows])
        if op is Set and changed != len(rows):
            missing = len(rows) - changed
            raise Conflict(f"{missing} of {len(rows)} rows of {table} are not there")


def execute(statement: str, rows: list[dict[str, Any]]) -> int:
    """Run a statement that takes its rows as one JSON text; returns how many rows it touched.

    Past Django's cursor, which binds on the client: here the server keeps the plan, and planning these
    statements costs more than running them.
    Raises: Django's database errors; Invalid for a NUL character.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, [given(rows)], prepare=True)
        return cursor.rowcount


def copy(
    table: str, columns: tuple[str, ...], types: tuple[str, ...], rows: list[applying.Net]
) -> None:
    """New rows by COPY: for a rebuild and large imports three times as fast as one JSON text.

    Raises: Django's database errors; Invalid for a NUL character.
    """
    json = [t == "jsonb" for t in types]
    parts = [
        [
            v if not j and isinstance(v, str) else _field(v)
            for v, j in zip((*(v for _, v in r.key), *r.values.values()), json, strict=True)
        ]
        for r in rows
    ]
    text = _lines(parts)
    # Seldom is there anything to escape, and one look at the whole is quicker than one at each value.
    if (
        "\\" in text
        or "\r" in text
        or text.count("\t") + text.count("\n") != len(rows) * len(types)
    ):
        text = _lines([[v.translate(_ESCAPES) for v in row] for row in parts])
        if r"\\u0000" in text:
            given([{**dict(row.key), **row.values} for row in rows])  # tells a NUL from its like
    if "\x00" in text:
        raise Invalid("the text holds a NUL character", cure="Remove it and send again.")
    statement = sql.SQL("COPY {} ({}) FROM STDIN WITH (NULL {})").format(
        sql.Identifier(table), _join(", ", [sql.Identifier(c) for c in columns]), sql.Literal(_NULL)
    )
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as cursor,
        cursor.copy(statement) as out,
    ):
        out.write(text)


# Not the usual backslash, so that a backslash always means something to escape; and no text anyone can send.
_NULL = secrets.token_hex(8)
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def _field(value: Any) -> str:
    """A value that is no plain text as COPY's text format has it, before escaping."""
    return _NULL if value is None else _encode(value).decode()


def _lines(rows: list[list[str]]) -> str:
    return "\n".join(["\t".join(row) for row in rows]) + "\n"


@cache
def _statement(
    table: str, op: str, keys: tuple[str, ...], columns: tuple[str, ...], types: tuple[str, ...]
) -> str:
    """The SQL of one group. Its rows travel as one JSON text, and PostgreSQL reads each value as the
    type of its column: one spelling for every type, one round trip for any number of rows."""
    used = keys + columns
    target = sql.Identifier(table)
    names = _join(", ", [sql.Identifier(c) for c in used])
    given = sql.SQL("json_to_recordset(%s::json) AS given({})").format(
        _join(
            ", ",
            [
                sql.SQL("{} {}").format(sql.Identifier(c), sql.SQL(t))
                for c, t in zip(used, types, strict=True)
            ],
        )
    )
    value = {c: sql.Identifier("given", c) for c in used}
    if op == "Set":
        match = _join(
            " AND ", [sql.SQL("{} = {}").format(sql.Identifier("t", k), value[k]) for k in keys]
        )
        sets = _join(
            ", ", [sql.SQL("{} = {}").format(sql.Identifier(c), value[c]) for c in columns]
        )
        made = sql.SQL("UPDATE {} AS t SET {} FROM {} WHERE {}").format(target, sets, given, match)
        return made.as_string()
    made = sql.SQL("INSERT INTO {} AS t ({}) SELECT {} FROM {}").format(
        target, names, _join(", ", [value[c] for c in used]), given
    )
    if op == "Put":
        return made.as_string()
    clash = _join(", ", [sql.Identifier(k) for k in keys])
    how = sql.SQL("{0} = t.{0} + excluded.{0}" if op == "Add" else "{0} = excluded.{0}")
    does = (
        sql.SQL("UPDATE SET {}").format(
            _join(", ", [how.format(sql.Identifier(c)) for c in columns])
        )
        if columns
        else sql.SQL("NOTHING")
    )
    return sql.SQL("{} ON CONFLICT ({}) DO {}").format(made, clash, does).as_string()


def _join(by: str, parts: list[Any]) -> sql.Composed:
    return sql.Composed(sql.SQL(by).join(parts))


_encode = msgspec.json.Encoder().encode
# An escaped NUL, and not an escaped backslash before "u0000".
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def given(rows: list[dict[str, Any]]) -> str:
    """Rows as JSON text. Raises: Invalid for a NUL character, which PostgreSQL cannot hold."""
    text = _encode(rows)
    if b"\\u0000" in text and _NUL.search(text):
        raise Invalid("the text holds a NUL character", cure="Remove it and send again.")
    return text.decode()
