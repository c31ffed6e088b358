"""Restoring: a whole backup, the parts that followed it, and where asked only up to a moment of the past.

The parts are joined by their hashes; the record's rows are added up, the other tables are those of the last part,
and the tables made from the record are made again by the same `apply`. For a moment of the past the record is cut
at the last checkpoint signed by then, so that what is left is what was signed.

Promise: nothing is touched before every file proved sound; afterwards the record verifies and the tables agree.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from django.db import transaction
from psycopg import sql

from tocsin.kernel import settings
from tocsin.kernel.errors import BadSettings, Conflict, Corrupt, Invalid
from tocsin.record import backup, checking, database, keyring, store, tables
from tocsin.record.backup import CONTENT, DUMP, FILE, ROWS, SECRETS, TABLE, Manifest, Table
from tocsin.record.holds import HELD
from tocsin.record.programs import program, running
from tocsin.record.sealed import OLDEST, BadBackup, digest, frames
from tocsin.record.sequencer import load_signer
from tocsin.record.terms import stamp

_GROWING = ("record_entry", "record_place", "record_node", "record_checkpoint")
_NOT_THEN = (
    "collect_progress",
    "deliver_lease",
    "django_session",
    "record_heartbeat",
    "record_witnessstate",
)
"""Emptied where the record is cut: how far feeds were read, who holds what, who is signed in, what witnesses saw."""
_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was recorded after the moment asked for: how many entries, from when to when, the commonest kinds."""

    entries: int
    first: datetime
    last: datetime
    kinds: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored site that proved sound; `differing` = settings given here that are not the backup's.

    `forgotten` = contents whose key is gone, because they were purged after the backup was made. `cut_at` = the
    signing of the checkpoint at which the record was cut; None = it was not.
    """

    entries: int
    contents: int
    forgotten: int
    made_at: str
    differing: tuple[str, ...]
    cut_at: datetime | None = None
    left_out: LeftOut | None = None


def read(
    files: Path | Sequence[Path],
    passphrase: str,
    progress: checking.Progress = lambda _: None,
    keys: Path | None = None,
    at: datetime | int | None = None,
) -> Restored:
    """Restore a backup and what followed it into this site, which must be empty, and prove the result.

    `keys` = the site's key ring. `at` = the moment, or the place in the record, up to which.
    1. Read every file to its end: right passphrase, nothing changed, nothing missing, each follows the one before.
    2. Refuse unless the site holds no entries and no accounts.
    3. Restore the dump, add what followed, then the contents whose key is still there, then the secrets.
    4. Cut the record where asked; migrate; make the tables from the record; set the application's rights.
    5. Verify the record and the vault, rebuild the tables from the record and compare, count the rows.
    Raises: BadBackup, Conflict, BadSettings, Invalid; Corrupt naming what does not agree.
    """
    chain = _chain([files] if isinstance(files, Path) else list(files), passphrase)
    base, last = chain[0][0], chain[-1][1]
    ring = _ring(base, keys)
    url = database.owner_url()
    app = settings.current().database_url
    _refuse_unless_empty(url)
    secrets = _restore_base(url, base, passphrase)
    for file, _ in chain[1:]:
        secrets |= _add(url, file, passphrase)
    gone: set[str] = set()
    for file, _ in chain:
        gone |= _restore_contents(url, file, passphrase, ring)
    forgotten = len(gone)
    for name, content in secrets.items():
        _put_back(name, content)
    with psycopg.connect(url) as c:
        _step_counters(c)
        cut = None if at is None else _cut(c, at)
        if cut is None:
            _check_counts(c, last, forgotten if len(chain) == 1 else None)
    database.migrate(url, app)
    if cut or len(chain) > 1:
        _make_tables(url, progress)
    if cut:
        _drop_contents(url)
    contents = _check_all(url, progress)
    database.configure(app or _as_app(url))
    backup.write_keys()
    entries = cut[0] if cut else last.entries
    made = (entries, contents, forgotten, last.made_at, _differing(secrets))
    return Restored(*made, *(cut[1:] if cut else ()))


def _chain(files: list[Path], passphrase: str) -> list[tuple[Path, Manifest]]:
    """The files in the order in which they follow each other, each read to its end.

    Raises: BadBackup; Conflict when one is missing.
    """
    manifests = {file: backup.prove(file, passphrase) for file in files}
    following = {m.since: file for file, m in manifests.items()}
    chain: list[tuple[Path, Manifest]] = []
    name = ""
    while (file := following.pop(name, None)) is not None:
        chain.append((file, manifests[file]))
        name = digest(file)
    if not chain:
        raise Conflict(
            "none of these is a whole backup",
            field="file",
            cure="Give the one that the others followed, too.",
        )
    if len(chain) < len(manifests):
        stray = next(f for f in manifests if f not in dict(chain))
        raise Conflict(
            f"{stray} does not follow any of the others", field="file",
            cure="Give the whole backup, and each that followed it up to this one.",
        )  # fmt: skip
    return chain


def _ring(file: Path, keys: Path | None) -> dict[str, bytes]:
    """The key ring to restore with. Raises: BadSettings when the file needs one and there is none."""
    with file.open("rb") as source:
        if source.readline() == OLDEST:
            return {}
    ring = keys or keyring.path()
    if not ring.exists():
        raise BadSettings(
            f"there are no content keys at {ring}", field="keys",
            cure="Give the newest content.keys of the site with --keys; without it no words can be restored.",
        )  # fmt: skip
    return keyring.read(ring)


def _refuse_unless_empty(url: str) -> None:
    with psycopg.connect(url) as c:
        counts = backup.count_rows(c)
    held = [name for name in ("record_entry", "people_account") if counts.get(name)]
    if held:
        raise Conflict(
            "this site is not empty", field="database",
            cure="Restore into a new TOCSIN_DATA_DIR or TOCSIN_DATABASE_NAME; nothing was touched.",
        )  # fmt: skip


def _restore_base(url: str, file: Path, passphrase: str) -> dict[str, str]:
    """Feed the dump to `pg_restore`, in one transaction; returns the files that came with it."""
    secrets: dict[str, str] = {}
    with psycopg.connect(url, autocommit=True) as c:
        c.execute("DROP SCHEMA public CASCADE")
        c.execute("CREATE SCHEMA public")
    command = [
        program("pg_restore"), "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges",
        "--schema=public", f"--dbname={url}",
    ]  # fmt: skip
    with file.open("rb") as source, running(command, reads=False) as dump:
        for kind, content in frames(source, passphrase):
            if kind == FILE:
                name, text = msgspec.json.decode(content, type=tuple[str, str])
                secrets[name] = text
            elif kind == DUMP:
                with suppress(BrokenPipeError):  # it ended early; its own words say why
                    dump.write(content)
        with suppress(BrokenPipeError):
            dump.close()
    return secrets


def _add(url: str, file: Path, passphrase: str) -> dict[str, str]:
    """Add the rows of a part, in one transaction; returns the files that came with it."""
    secrets: dict[str, str] = {}
    with psycopg.connect(url) as c, file.open("rb") as source:
        _empty(c, backup.ordinary(backup.count_rows(c)))
        for table, rows in _tables(frames(source, passphrase), secrets):
            if table.name not in _GROWING:
                _copy(c, sql.Identifier("public", table.name), table.columns, rows)
                continue
            c.execute(
                sql.SQL("CREATE TEMP TABLE arriving (LIKE {}) ON COMMIT DROP").format(
                    sql.Identifier("public", table.name)
                )
            )
            _copy(c, sql.Identifier("arriving"), table.columns, rows)
            c.execute(
                sql.SQL("INSERT INTO {} SELECT * FROM arriving ON CONFLICT DO NOTHING").format(
                    sql.Identifier("public", table.name)
                )
            )
            c.execute("DROP TABLE arriving")
    return secrets


def _tables(
    parts: Iterator[tuple[bytes, bytes]], secrets: dict[str, str]
) -> Iterator[tuple[Table, Iterator[bytes]]]:
    """Each table of a part with its rows, which must be read before the next; files go to `secrets`."""
    waiting: list[Table] = []

    def rows() -> Iterator[bytes]:
        unpacker = zlib.decompressobj()
        for kind, content in parts:
            if kind != ROWS:
                if kind == TABLE:
                    waiting.append(msgspec.json.decode(content, type=Table))
                return
            yield unpacker.decompress(content)

    for kind, content in parts:
        if kind == FILE:
            name, text = msgspec.json.decode(content, type=tuple[str, str])
            secrets[name] = text
        elif kind == TABLE:
            waiting.append(msgspec.json.decode(content, type=Table))
        while waiting:
            yield waiting.pop(0), rows()


def _copy(
    c: psycopg.Connection[Any], table: sql.Identifier, columns: list[str], rows: Iterator[bytes]
) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    with c.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN").format(table, names)) as copy:
        for data in rows:
            copy.write(data)


def _empty(c: psycopg.Connection[Any], names: Sequence[str]) -> None:
    if names:
        listed = sql.SQL(", ").join(sql.Identifier("public", n) for n in names)
        c.execute(sql.SQL("TRUNCATE {} CASCADE").format(listed))


def _restore_contents(url: str, file: Path, passphrase: str, ring: dict[str, bytes]) -> set[str]:
    """Put back the contents whose key is still there; returns the ids of those that were forgotten since."""
    forgotten, rest = set(), b""
    with psycopg.connect(url) as c, file.open("rb") as source:
        c.execute(
            "CREATE TEMP TABLE arriving (id text, subject text, body jsonb, salt bytea, sealed boolean, "
            "kept_at timestamptz) ON COMMIT DROP"
        )
        with c.cursor().copy("COPY arriving FROM STDIN") as copy:
            for kind, content in frames(source, passphrase):
                if kind != CONTENT:
                    continue
                *lines, rest = (rest + content).split(b"\n")
                for line in lines:
                    row = keyring.open_row(line, ring)
                    if row is None:
                        forgotten.add(line.split(b"\t", 1)[0].decode().removeprefix(HELD))
                    else:
                        copy.write_row(row)
        c.execute(
            "INSERT INTO record_vault (id, subject, body, salt, sealed, kept_at) SELECT * FROM arriving "
            "ON CONFLICT DO NOTHING"
        )
    return forgotten


def _step_counters(c: psycopg.Connection[Any]) -> None:
    """Let every counter go on after the last row that has its number."""
    rows = c.execute(
        "SELECT c.relname, a.attname, pg_get_serial_sequence(format('public.%I', c.relname), a.attname) "
        "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attidentity <> ''"
    ).fetchall()
    for table, column, sequence in rows:
        c.execute(
            sql.SQL(
                "SELECT setval({}, greatest((SELECT max({}) FROM {}), (SELECT last_value FROM {})))"
            ).format(
                sql.Literal(sequence),
                sql.Identifier(column),
                sql.Identifier("public", table),
                sql.SQL(sequence),
            )
        )


# A moment of the past


def _cut(c: psycopg.Connection[Any], at: datetime | int) -> tuple[int, datetime, LeftOut | None]:
    """Take out of the record what came after the last checkpoint by then; returns how many entries are left, when
    that checkpoint was signed, and what was taken out. Raises: Invalid when nothing is so old.
    """
    by_then = (
        "SELECT size, signed_at FROM record_checkpoint WHERE {} <= %s ORDER BY size DESC LIMIT 1"
    )
    column = sql.Identifier("size" if isinstance(at, int) else "signed_at")
    found = c.execute(sql.SQL(by_then).format(column), [at]).fetchone()
    if found is None:
        raise Invalid(
            "the record had no checkpoint by then",
            field="at",
            cure="Give a later moment, or none for all of it.",
        )
    size, signed_at = found
    after = "FROM record_entry WHERE n NOT IN (SELECT n FROM record_place WHERE seq < %s)"
    left_out = _left_out(c.execute(f"SELECT kind, recorded_at {after}", [size]).fetchall())
    for name in _GROWING:
        c.execute(
            sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier("public", name))
        )
    c.execute(f"DELETE {after}", [size])
    c.execute("DELETE FROM record_place WHERE seq >= %s", [size])
    c.execute("DELETE FROM record_node WHERE (index + 1) << level > %s", [size])
    for name in ("record_checkpoint", "record_cosignature", "record_daystamp"):
        c.execute(
            sql.SQL("DELETE FROM {} WHERE size > %s").format(sql.Identifier("public", name)), [size]
        )
    for name in _GROWING:
        c.execute(
            sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(sql.Identifier("public", name))
        )
    there = backup.count_rows(c)
    _empty(c, [n for n in ("record_pending", *_NOT_THEN) if n in there])
    return int(size), signed_at, left_out


def _left_out(rows: list[tuple[Any, ...]]) -> LeftOut | None:
    if not rows:
        return None
    times = [at for _, at in rows]
    return LeftOut(
        len(rows), min(times), max(times), tuple(Counter(k for k, _ in rows).most_common(5))
    )


def _make_tables(url: str, progress: checking.Progress) -> None:
    """Make the tables of the record anew from the entries that are there."""
    with psycopg.connect(url) as c:
        _empty(c, list(tables.projections()))
    database.configure(url)
    checking.place_pending()
    total = store.size()
    for first in range(0, total, _BATCH):
        entries = [e for _, e in store.entries(first, min(total, first + _BATCH), batch=_BATCH)]
        with transaction.atomic():
            tables.apply(entries)
        progress(len(entries))


def _drop_contents(url: str) -> None:
    """Take out the contents that no entry speaks of any more."""
    database.configure(url)
    spoken_of: dict[str, str] = {}
    for _, entry in store.entries():
        checking.collect_commitments(entry.data, spoken_of)
    with psycopg.connect(url) as c:
        c.execute(
            "DELETE FROM record_vault WHERE NOT (regexp_replace(id, %s, '') = ANY(%s))",
            [f"^{HELD}", list(spoken_of)],
        )


# The proof


def _check_counts(c: psycopg.Connection[Any], manifest: Manifest, forgotten: int | None) -> None:
    """Each table has as many rows as when the last part was made; those made from the record come later."""
    counts = backup.count_rows(c)
    if forgotten is None:
        counts = {
            n: k for n, k in counts.items() if n not in tables.projections() and n != "record_vault"
        }
    else:
        counts["record_vault"] += forgotten
    for name, count in counts.items():
        if count != manifest.tables.get(name, count):
            raise Corrupt(
                f"{name} has {count} rows, the backup had {manifest.tables[name]}", field="database"
            )
    missing = [n for n in manifest.tables if n not in backup.count_rows(c)]
    if missing:
        raise Corrupt(f"{missing[0]} is not there, the backup had it", field="database")


def _check_all(url: str, progress: checking.Progress) -> int:
    database.configure(url)
    checking.verify(load_signer().verifier, progress)
    contents = checking.verify_vault(progress)
    for difference in checking.fsck(url, progress):
        raise Corrupt(
            f"the table {difference.table} is not what the record says", field=difference.table
        )
    return contents


# The secrets


def _put_back(name: str, content: str) -> None:
    """Write one of the known files; a name from elsewhere is refused."""
    if name not in {f"secrets/{n}" for n in SECRETS} | {"secrets/record.skey", "record.vkey"}:
        raise BadBackup(f"holds a file that does not belong there: {name!r}", field="file")
    path = settings.current().data_dir / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.restored")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(content)
    fresh.replace(path)


def _differing(files: dict[str, str]) -> tuple[str, ...]:
    """Secrets that are given by settings here and are not those of the backup."""
    s = settings.current()
    return tuple(n for n in SECRETS if getattr(s, n) and getattr(s, n) != files.get(f"secrets/{n}"))


def _as_app(url: str) -> str:
    return url.replace("postgresql://postgres:", f"postgresql://{database.APP_ROLE}:")


def moment(text: str) -> datetime | int:
    """What `--at` says: a place in the record, or a time with its zone. Raises: Invalid."""
    if text.isdigit():
        return int(text)
    try:
        at = datetime.fromisoformat(text)
        stamp(at)
    except ValueError as e:
        raise Invalid(
            f"{text!r} is neither a place nor a time with its zone", field="at",
            cure="Write it as 2026-11-21T14:05:00Z, or give a place as a number.",
        ) from e  # fmt: skip
    return at
