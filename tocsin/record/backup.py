"""Backing up: one encrypted file with all that an installation needs to go on, or with what came since another.

Inside a whole backup: the manifest, the secrets, PostgreSQL's own dump (`pg_dump`) without the vault, then the
vault's contents, each under a key of its own that is not in the file (`record.keyring`): what was purged since
cannot be brought back by restoring.

The record only grows, so what came *since* is: entries by their place in the tree (and those that wait for one),
places, nodes, checkpoints, the contents that those entries speak of; and the tables that are neither record nor
made from it (accounts, leases), whole. Each part names the one before by its hash.

Promise: one moment of the database, while everything goes on. The file gets its name only when it was read back.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, LiteralString

import msgspec
import psycopg
from django.db import connection, transaction
from psycopg import sql

import tocsin
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import Conflict
from tocsin.record import checking, database, keyring, store, tables
from tocsin.record.holds import PURGED
from tocsin.record.models import Entry
from tocsin.record.programs import program, running
from tocsin.record.sealed import (
    FRAME_BYTES,
    BadBackup,
    Sealer,
    blocks,
    check_passphrase,
    digest,
    frames,
    private,
)
from tocsin.record.sequencer import load_frontier, load_signer
from tocsin.record.terms import stamp

SECRETS = ("secret_key", "pseudonym_key", "webhook_secret")
MANIFEST, FILE, DUMP, CONTENT, TABLE, ROWS = b"M", b"F", b"D", b"C", b"T", b"R"
_SINCE: dict[str, LiteralString] = {
    "record_entry": "SELECT e.* FROM record_entry e LEFT JOIN record_place p USING (n) "
    "WHERE p.seq >= {size} OR p.seq IS NULL ORDER BY e.n",
    "record_place": "SELECT * FROM record_place WHERE seq >= {size} ORDER BY seq",
    "record_node": "SELECT * FROM record_node WHERE (index + 1) << level > {size}",
    "record_checkpoint": "SELECT * FROM record_checkpoint WHERE size >= {size}",
}
"""The tables that only grow, and what of each came since the tree had `size` entries."""


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds: when, by which release, and how many rows each table had then.

    `size`, `root` = the tree at that moment. `since` = the hash of the backup before, of whose tree `first` is the
    size; '' for a whole one. `schema` = the hash of the migrations that were applied.
    """

    made_at: str
    release: str
    origin: str
    entries: int
    tables: dict[str, int]
    size: int = 0
    root: str = ""
    schema: str = ""
    since: str = ""
    first: int = 0


class Table(msgspec.Struct, frozen=True):
    """The rows that follow are of this table, and have these columns."""

    name: str
    columns: list[str]


@dataclass(frozen=True, slots=True)
class Written:
    """A backup that was written and read back; `keys` = where the key ring of its contents lies.

    `added` = entries since the backup before, or all.
    """

    entries: int
    added: int
    bytes: int
    keys: Path


def write(file: Path, passphrase: str, since: Path | None = None) -> Written:
    """Write everything, or what came `since` an earlier backup, to `file`, which must not exist; then read it back.

    1. One snapshot of the database for the counts, for `pg_dump` and for every table.
    2. Manifest, secrets, dump or rows, contents: encrypted on the way, so that nothing plain touches the disk.
    3. The file gets its name only when it is whole, and the key ring of its contents is written.
    Raises: Invalid, Conflict, BadBackup, BadSettings; OSError when it cannot be written.
    """
    check_passphrase(passphrase)
    if file.exists():
        raise Conflict(f"{file} exists", field="file", cure="Choose another name, or remove it.")
    load_signer()
    before = manifest_of(since, passphrase) if since else None
    url = database.owner_url()
    partial = file.with_name(f".{file.name}.partial")
    try:
        with private(partial) as out, _snapshot(url) as (c, snapshot, manifest):
            if before and since:
                _check_follows(before, manifest)
                manifest = msgspec.structs.replace(manifest, since=digest(since), first=before.size)
            sealer = Sealer(out, passphrase)
            sealer.frame(MANIFEST, msgspec.json.encode(manifest))
            for name, content in _secret_files().items():
                sealer.frame(FILE, msgspec.json.encode([name, content]))
            if before:
                _write_since(c, before.size, sealer)
            else:
                _dump(url, snapshot, sealer)
                _contents(c, sealer)
            sealer.end()
        prove(partial, passphrase)
        write_keys()
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
    added = manifest.entries - (before.entries if before else 0)
    return Written(manifest.entries, added, file.stat().st_size, keyring.path())


def write_keys() -> int:
    """Write the key ring of what the vault holds now, in place of the old one; returns how many keys.

    Raises: BadSettings when it cannot be written.
    """
    with transaction.atomic():
        connection.ensure_connection()
        known = Entry.objects.filter(
            kind=PURGED
        ).count()  # before the keys: one purge too few is mended
        return keyring.write(connection.connection, keyring.path(), known)


def manifest_of(file: Path, passphrase: str) -> Manifest:
    """What a backup says it holds; only its beginning is read. Raises: BadBackup."""
    with file.open("rb") as source:
        kind, content = next(frames(source, passphrase), (b"", b""))
    if kind != MANIFEST:
        raise BadBackup("it does not begin with its list of contents", field="file")
    return msgspec.json.decode(content, type=Manifest)


def prove(file: Path, passphrase: str) -> Manifest:
    """Read the whole file. Raises: BadBackup."""
    with file.open("rb") as source:
        for _ in frames(source, passphrase):
            pass
    return manifest_of(file, passphrase)


def _check_follows(before: Manifest, now: Manifest) -> None:
    """Whether what came since `before` can be told. Raises: Conflict."""
    whole = "Make a whole backup: leave out --since."
    if not before.schema:
        raise Conflict("the earlier backup was made by an older release", field="since", cure=whole)
    if (
        before.origin != now.origin
        or before.size > now.size
        or _root_at(before.size) != before.root
    ):
        raise Conflict("the earlier backup is not of this record", field="since", cure=whole)
    if before.schema != now.schema:
        raise Conflict(
            "the tables were changed by an upgrade after the earlier backup",
            field="since",
            cure=whole,
        )


def _root_at(size: int) -> str:
    return load_frontier(size).root().hex() if size else ""


@contextmanager
def _snapshot(url: str) -> Iterator[tuple[psycopg.Connection[Any], str, Manifest]]:
    """A connection that stands at one moment, the snapshot to share with `pg_dump`, and the counts in it."""
    with psycopg.connect(url) as c:
        c.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        snapshot = one(c, "SELECT pg_export_snapshot()")
        counts = count_rows(c)
        if "record_entry" not in counts:
            raise Conflict(
                "there is nothing to back up: the database has no tables",
                cure="Run `tocsin migrate`.",
            )
        size = int(one(c, "SELECT coalesce(max(seq) + 1, 0) FROM record_place"))
        manifest = Manifest(
            stamp(clock.now()), tocsin.__version__, settings.current().origin, counts["record_entry"], counts,
            size, _root_at(size), _schema(c),
        )  # fmt: skip
        yield c, snapshot, manifest
        c.rollback()


def _schema(c: psycopg.Connection[Any]) -> str:
    rows = c.execute("SELECT app, name FROM django_migrations ORDER BY 1, 2").fetchall()
    return sha256(msgspec.json.encode(rows)).hexdigest()


def count_rows(c: psycopg.Connection[Any]) -> dict[str, int]:
    """How many rows each table has."""
    found = c.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {
        name: int(one(c, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", name))))
        for name in sorted(str(n) for (n,) in found)
    }


def one(c: psycopg.Connection[Any], query: LiteralString | sql.Composed) -> str:
    """The one value a query gives, as text."""
    return str((c.execute(query).fetchone() or ("",))[0])


def ordinary(names: Iterator[str] | dict[str, int]) -> list[str]:
    """The tables that are neither the record nor made from it: each part of a chain has them whole."""
    not_these = {*_SINCE, *tables.projections(), "record_vault", "django_migrations"}
    return [n for n in names if n not in not_these]


def _dump(url: str, snapshot: str, sealer: Sealer) -> None:
    command = [
        program("pg_dump"), "--format=custom", "--schema=public", "--no-owner", "--no-privileges",
        "--exclude-table-data=public.record_vault", f"--snapshot={snapshot}", f"--dbname={url}",
    ]  # fmt: skip
    with running(command, reads=True) as out:
        while block := out.read(FRAME_BYTES):
            sealer.frame(DUMP, block)


def _contents(c: psycopg.Connection[Any], sealer: Sealer, ids: list[str] | None = None) -> None:
    """The vault (of `ids`), each content under its own key: lines, cut into frames anywhere."""
    for block in blocks(keyring.sealed_rows(c, ids)):
        sealer.frame(CONTENT, block)


def _write_since(c: psycopg.Connection[Any], size: int, sealer: Sealer) -> None:
    """What came after the tree had `size` entries."""
    for name, query in _SINCE.items():
        _rows(c, name, sql.SQL(query).format(size=sql.Literal(size)), sealer)
    for name in ordinary(count_rows(c)):
        everything = sql.SQL("SELECT * FROM {}").format(sql.Identifier("public", name))
        _rows(c, name, everything, sealer)
    spoken_of: dict[str, str] = {}
    bodies = sql.SQL("SELECT body FROM ({}) AS since").format(
        sql.SQL(_SINCE["record_entry"]).format(size=sql.Literal(size))
    )
    with psycopg.ServerCursor(c, "since") as cursor:
        for (body,) in cursor.execute(bodies):
            checking.collect_commitments(store.decode(bytes(body)).data, spoken_of)
    _contents(c, sealer, list(spoken_of))


def _rows(c: psycopg.Connection[Any], name: str, query: sql.Composed, sealer: Sealer) -> None:
    """Rows as PostgreSQL copies them out, compressed. Generated columns are left out: they come of themselves."""
    columns = [
        str(column)
        for (column,) in c.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
            "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
            [f"public.{name}"],
        ).fetchall()
    ]
    sealer.frame(TABLE, msgspec.json.encode(Table(name, columns)))
    chosen = sql.SQL("COPY (SELECT {} FROM ({}) AS rows) TO STDOUT").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), query
    )
    packer = zlib.compressobj(1)
    with c.cursor().copy(chosen) as copy:
        for block in blocks(_packed(packer, copy)):
            sealer.frame(ROWS, block)


def _packed(packer: Any, copy: psycopg.Copy) -> Iterator[bytes]:
    for data in copy:
        yield packer.compress(bytes(data))
    yield packer.flush()


def _secret_files() -> dict[str, str]:
    """Name in the data directory -> content: what an installation must keep to go on as the same one."""
    s = settings.current()
    files = {f"secrets/{name}": settings.secret(s, name) for name in SECRETS}
    for name in ("secrets/record.skey", "record.vkey"):
        files[name] = (s.data_dir / name).read_text()
    return files
