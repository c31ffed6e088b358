"""`record verify` and `record fsck`: does the record still say what it said, and do the tables follow it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from django.db import connection, transaction
from psycopg import sql

from tocsin.kernel.errors import BadSettings, Corrupt
from tocsin.record import database, store, tables
from tocsin.record.canonical import canonical, check_commitment
from tocsin.record.holds import HELD
from tocsin.record.long import standing
from tocsin.record.models import Checkpoint, Pending, Vault
from tocsin.record.note import VerifierKey, open_checkpoint
from tocsin.record.sequencer import Sequencer
from tocsin.record.tree import Frontier, leaf_hashes

Progress = Callable[[int], None]
SHADOW = "tocsin_fsck"


def _quiet(_: int) -> None:
    return None


def place_pending() -> None:
    """Give every accepted entry its place first: where no worker runs, nobody else has."""
    sequencer = Sequencer()
    while sequencer.step():
        pass


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked, all of it good."""

    entries: int
    checkpoints: int
    pending: int
    root: bytes


def verify(verifier: VerifierKey, progress: Progress = _quiet, batch: int = 2_500) -> Verified:
    """Check the whole record against its hashes and signatures.

    1. Places are dense from 0, and every entry is placed or pending.
    2. Each entry's bytes give the leaf that was placed.
    3. At each checkpoint the tree has the root that was signed, by this record's key.
    Raises: Corrupt naming the first bad place.
    """
    with _quick_turns(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        signed = list(Checkpoint.objects.order_by("size"))
        total = store.size()
        _check_all_placed(total)
        frontier, at = Frontier(), 0
        for leaves in _checked_leaves(total, batch):
            done = 0
            while at < len(signed) and signed[at].size <= frontier.size + len(leaves) - done:
                upto = signed[at].size - frontier.size
                frontier.extend(leaves[done : done + upto])
                done += upto
                _check_signed(signed[at], frontier, verifier)
                at += 1
            frontier.extend(leaves[done:])
            progress(len(leaves))
        if at < len(signed):
            raise Corrupt(
                f"a checkpoint was signed at {signed[at].size}, but only {total} entries are there"
            )
        return Verified(total, len(signed), Pending.objects.count(), frontier.root())


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Let threads take turns often: the one that reads ahead waits on a socket, and at the usual 5 ms a turn it
    waited for the one that hashes as well, run after run (a third of the time)."""
    was = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(was)


def _checked_leaves(total: int, batch: int) -> Iterator[list[bytes]]:
    """The leaves of all places, computed from the entries' bytes and found equal to what was placed."""
    for first, run in store.runs(total, batch):
        leaves, upto = leaf_hashes(run.bodies()), min(first + batch, total)
        if b"".join(leaves) != run.leaves or len(leaves) != upto - first:
            leaves = _one_by_one(first, upto)
        yield leaves


def _one_by_one(first: int, upto: int) -> list[bytes]:
    """The leaves of a run in which something is wrong, or an entry stands by its envelope: row by row.

    Raises: Corrupt naming the place.
    """
    leaves: list[bytes] = []
    for seq, leaf, body in store.bodies(first, upto):
        if seq != first + len(leaves):
            break
        if leaf_hashes([standing(body, leaf)]) != [leaf]:
            raise Corrupt(f"the entry at place {seq} is not what was recorded", field="body")
        leaves.append(leaf)
    if first + len(leaves) < upto:
        raise Corrupt(f"place {first + len(leaves)} is missing", field="place")
    return leaves


def _check_signed(checkpoint: Checkpoint, frontier: Frontier, verifier: VerifierKey) -> None:
    signed = open_checkpoint(checkpoint.note.encode(), verifier).checkpoint
    if signed.size != frontier.size or signed.root != frontier.root():
        raise Corrupt(
            f"the entries before place {frontier.size} are not those that were signed", field="root"
        )


def _check_all_placed(total: int) -> None:
    """Counted first: only where the numbers do not add up is the first entry without a place looked for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM record_entry), (SELECT count(*) FROM record_place), "
            "(SELECT count(*) FROM record_pending q WHERE NOT EXISTS "
            "(SELECT 1 FROM record_place p WHERE p.n = q.n))"
        )
        entries, places, pending = cursor.fetchone()
        if entries != places + pending:
            cursor.execute(
                "SELECT min(e.n), count(*) FROM record_entry e "
                "LEFT JOIN record_place p USING (n) LEFT JOIN record_pending q USING (n) "
                "WHERE p.n IS NULL AND q.n IS NULL"
            )
            n, count = cursor.fetchone()
            if count:
                raise Corrupt(
                    f"{count} entries have no place in the tree, the first is number {n}",
                    field="place",
                )
        if places != total:
            raise Corrupt("places are missing from the tree", field="place")


def verify_vault(progress: Progress = _quiet) -> int:
    """Check that what the vault holds is what entries committed to; returns how many were checked.

    Raises: Corrupt naming the first content that was changed.
    """
    place_pending()
    committed: dict[str, str] = {}
    for _, entry in store.entries():
        collect_commitments(entry.data, committed)
    checked = 0
    for kept in Vault.objects.iterator(chunk_size=5000):
        promise = committed.get(kept.id.removeprefix(HELD))
        if promise is None:
            raise Corrupt(f"the vault holds {kept.id}, which no entry speaks of", field="vault")
        check_commitment(bytes.fromhex(promise), bytes(kept.salt), canonical(kept.body))
        checked += 1
        if checked % 1000 == 0:
            progress(1000)
    return checked


def collect_commitments(value: object, out: dict[str, str]) -> None:
    """Add the vault ids that an entry's data speaks of, each with its commitment."""
    if isinstance(value, dict):
        if isinstance(value.get("vault"), str) and isinstance(value.get("commitment"), str):
            out[value["vault"]] = value["commitment"]
        for part in value.values():
            collect_commitments(part, out)
    elif isinstance(value, list):
        for part in value:
            collect_commitments(part, out)


@dataclass(frozen=True, slots=True)
class Difference:
    """A table that differs from what the record says."""

    table: str
    missing: int
    extra: int
    example: str


def rebuild(
    url: str, schema: str, progress: Progress = _quiet, upto: int | None = None, batch: int = 5_000
) -> int:
    """Rebuild every projected table from the record into `schema` (made afresh), by the same `apply`.

    The owner at `url` makes the schema; the current Django connection fills it. Returns how many entries were
    applied.
    """
    _make_schema(url, schema)
    applied = 0
    with connection.cursor() as cursor:
        path = sql.SQL("SET search_path TO {}, public").format(sql.Identifier(schema))
        cursor.execute(path.as_string())
        cursor.execute("SELECT current_schema()")
        # PostgreSQL passes over a schema one may not use, without a word.
        if cursor.fetchone() != (schema,):
            raise BadSettings(
                f"cannot write to schema {schema}",
                field="database_url",
                cure="Grant its role USAGE.",
            )
        try:
            total = store.size() if upto is None else upto
            with _uncollected():
                while applied < total:
                    end = min(total, applied + batch)
                    entries = [e for _, e in store.entries(applied, end, batch=batch)]
                    with transaction.atomic():
                        tables.apply(entries)
                    applied += len(entries)
                    progress(len(entries))
        finally:
            cursor.execute("SET search_path TO public")
    return applied


def _make_schema(url: str, schema: str) -> None:
    """Empty tables like the live ones, which the application's role may fill."""
    with psycopg.connect(url, autocommit=True) as c:
        name = sql.Identifier(schema)
        c.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))
        c.execute(sql.SQL("CREATE SCHEMA {}").format(name))
        for table, columns in tables.primary_keys().items():
            # Keys only: other indexes serve pages, and would double the time it takes.
            c.execute(
                sql.SQL(
                    "CREATE UNLOGGED TABLE {} (LIKE public.{} INCLUDING DEFAULTS, PRIMARY KEY ({}))"
                ).format(
                    sql.Identifier(schema, table),
                    sql.Identifier(table),
                    sql.SQL(", ").join(map(sql.Identifier, columns)),
                )
            )
        role = sql.Identifier(database.APP_ROLE)
        c.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(name, role))
        c.execute(sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA {} TO {}").format(name, role))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cyclic garbage collector: entries and rows form no cycles, and looking for them in
    hundreds of thousands of live values took a fifth of a rebuild."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def fsck(url: str, progress: Progress = _quiet) -> list[Difference]:
    """Rebuild the tables beside the live ones and compare. [] = the tables are what the record says.

    Runs on a quiet system, or tells of entries that came in meanwhile.
    """
    place_pending()
    rebuild(url, SHADOW, progress)
    found: list[Difference] = []
    with psycopg.connect(url, autocommit=True) as c:
        for table in sorted(tables.projections()):
            live, shadow = sql.Identifier("public", table), sql.Identifier(SHADOW, table)
            missing, example = _except(c, shadow, live)
            extra, other = _except(c, live, shadow)
            if missing or extra:
                found.append(Difference(table, missing, extra, example or other))
        c.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(SHADOW)))
    return found


def _except(
    c: psycopg.Connection[tuple[object, ...]], a: sql.Identifier, b: sql.Identifier
) -> tuple[int, str]:
    query = """
        SELECT count(*), min(x::text)
        FROM (SELECT to_jsonb(t) AS x FROM {} t EXCEPT SELECT to_jsonb(t) FROM {} t) AS difference
    """
    [(count, example)] = c.execute(sql.SQL(query).format(a, b)).fetchall()
    return int(str(count)), str(example or "")
