"""A witness: remembers the newest checkpoint of each log it watches, and signs only what grew from it.

C2SP tlog-witness. A partner agency runs it, with its own keys and one file of state; it needs no database
and sees no entry. It cannot be talked into forgetting: what it checks and what it keeps are one
transaction, and it answers only after that is on disk.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Invalid, NotFound, TocsinError
from tocsin.record.note import (
    BadNote,
    BadSignature,
    Checkpoint,
    KeyKind,
    Note,
    NotSigned,
    SigningKey,
    VerifierKey,
    open_checkpoint,
)
from tocsin.record.proof.tlog_proof import parse_hashes
from tocsin.record.tree import EMPTY_ROOT, NotConsistent, verify_consistency

SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"
MOST_REFUSALS = 1000  # kept as evidence; the newest
_BUSY_S = 10
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS log (origin TEXT PRIMARY KEY, vkey TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL, at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refused (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, origin TEXT NOT NULL, why TEXT NOT NULL, note TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status, content type, body; `why` in plain words when it was refused."""

    status: int
    body: bytes
    content_type: str = TEXT_TYPE
    why: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest checkpoint that was cosigned for a log (none: size 0)."""

    origin: str
    size: int
    root: bytes
    at: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A signed checkpoint that was not cosigned, kept because it may prove misbehaviour."""

    at: str
    origin: str
    why: str
    note: str


class _Refused(TocsinError):
    """Ends a request: `status` and `body` are the answer, the message is why."""

    def __init__(self, status: int, why: str, body: str = "", *, evidence: bool = False) -> None:
        super().__init__(why)
        self.status = status
        self.body = body
        self.evidence = evidence


class Witness:
    """The keys and the state of one witness, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._state = folder / "state.sqlite"
        self._keys = [SigningKey.parse(p.read_text().strip()) for p in _key_files(folder)]
        if not self._keys:
            raise NotFound(
                f"no keys in {folder}", field="folder", cure="Run `tocsin witness init` first."
            )
        with self._open() as db:
            db.executescript(_SCHEMA)

    @property
    def verifiers(self) -> list[VerifierKey]:
        """The public keys, to be put into the policies of those who rely on this witness."""
        return [key.verifier for key in self._keys]

    def trust(self, key: VerifierKey) -> None:
        """Watch a log from now on. Raises: Invalid for a key that no log signs with; Conflict for a second key."""
        if key.kind is KeyKind.COSIGNATURE:
            raise Invalid("not a log's key", field="key", cure="Use the record.vkey of the log.")
        with self._writing() as db:
            known = db.execute("SELECT vkey FROM log WHERE origin = ?", [key.name]).fetchone()
            if known and known[0] != key.text():
                raise Conflict(
                    f"{key.name} is watched with another key",
                    field="key",
                    cure="A changed key is what a witness is there to notice: ask the log's owner.",
                )
            db.execute("INSERT OR IGNORE INTO log VALUES (?, ?)", [key.name, key.text()])

    def seen(self) -> list[Seen]:
        """The newest checkpoint of each log that is watched."""
        query = (
            "SELECT log.origin, coalesce(size, 0), coalesce(root, x''), coalesce(at, '') "
            "FROM log LEFT JOIN seen USING (origin) ORDER BY 1"
        )
        with self._open() as db:
            return [Seen(*row) for row in db.execute(query)]

    def refusals(self) -> list[Refusal]:
        """What was refused and may be evidence, newest first."""
        with self._open() as db:
            rows = db.execute("SELECT at, origin, why, note FROM refused ORDER BY id DESC")
            return [Refusal(*row) for row in rows]

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer an `add-checkpoint` request.

        1. Take it apart: 400 when it is not one.
        2. The log must be watched (404) and have signed (403); the old size is at most the new (400).
        3. The old size must be that of the newest checkpoint cosigned (409, telling it), and the new tree
           must be the old one grown (422), or at the same size the very same (409).
        4. Keep it on disk; then sign.
        """
        note = ""
        try:
            old, proof, note = _request(body)
            checkpoint = self._signed_by_log(note)
            self._check_and_keep(old, proof, checkpoint, note)
        except _Refused as refusal:
            self._keep_refusal(refusal, note)
            kind = SIZE_TYPE if refusal.status == 409 else TEXT_TYPE
            words = refusal.body or f"{refusal.message}\n"
            return Answer(refusal.status, words.encode(), kind, refusal.message)
        text = Note.parse(note.encode()).text
        at = clock.now()
        return Answer(200, "".join(key.sign(text, at).line() for key in self._keys).encode())

    def _signed_by_log(self, note: str) -> Checkpoint:
        try:
            origin = Note.parse(note.encode()).text.split("\n", 1)[0]
            with self._open() as db:
                row = db.execute("SELECT vkey FROM log WHERE origin = ?", [origin]).fetchone()
            if row is None:
                raise _Refused(404, f"{origin} is not watched here")
            return open_checkpoint(note.encode(), VerifierKey.parse(row[0])).checkpoint
        except (BadSignature, NotSigned) as error:
            raise _Refused(403, error.message) from error
        except BadNote as error:
            raise _Refused(400, str(error)) from error

    def _check_and_keep(
        self, old: int, proof: tuple[bytes, ...], new: Checkpoint, note: str
    ) -> None:
        """Compare with what was seen and keep the new one, as one transaction on disk."""
        if old > new.size:
            raise _Refused(400, f"the old size {old} is larger than the new one, {new.size}")
        with self._writing() as db:
            row = db.execute(
                "SELECT size, root FROM seen WHERE origin = ?", [new.origin]
            ).fetchone()
            size, root = row or (0, EMPTY_ROOT)
            if old != size:
                _refuse_old(new, size)
            if size == new.size and root != new.root:
                words = (
                    f"two different records of {size:,} entries were both signed by {new.origin}"
                )
                raise _Refused(409, words, f"{size}\n", evidence=True)
            try:
                verify_consistency(size, new.size, root, new.root, proof)
            except NotConsistent as error:
                words = (
                    f"{new.origin} signed a record of {new.size:,} entries that was not shown to begin "
                    f"with the {size:,} seen before: {error.message}"
                )
                raise _Refused(422, words, evidence=True) from error
            values = (new.origin, new.size, new.root, note, clock.now().isoformat())
            db.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)", values)

    def _keep_refusal(self, refusal: _Refused, note: str) -> None:
        if not refusal.evidence:
            return
        origin = note.split("\n", 1)[0]
        with self._writing() as db:
            last = db.execute("SELECT why, note FROM refused ORDER BY id DESC LIMIT 1").fetchone()
            if last == (refusal.message, note):
                return  # asked again, and refused again
            db.execute(
                "INSERT INTO refused (at, origin, why, note) VALUES (?, ?, ?, ?)",
                [clock.now().isoformat(), origin, refusal.message, note],
            )
            db.execute(
                "DELETE FROM refused WHERE id <= (SELECT max(id) FROM refused) - ?", [MOST_REFUSALS]
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(
            sqlite3.connect(self._state, timeout=_BUSY_S, isolation_level=None)
        ) as connection:
            connection.execute("PRAGMA synchronous = FULL")  # on disk before we answer
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; nobody else reads in order to write meanwhile."""
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")


def make_keys(folder: Path, name: str) -> list[VerifierKey]:
    """The keys of a new witness: ML-DSA-44, and Ed25519 for those who know no other.

    Raises: Conflict when the folder has keys already; BadKey for a name that cannot be one.
    """
    if _key_files(folder):
        raise Conflict(f"{folder} has keys already", field="folder", cure="Choose another folder.")
    kinds = {"ed25519": KeyKind.COSIGNATURE, "mldsa44": KeyKind.MLDSA44}
    keys = {file: SigningKey.generate(name, kind) for file, kind in kinds.items()}
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file, key in keys.items():
        path = folder / f"{file}.skey"
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(key.text() + "\n")
    return [key.verifier for key in keys.values()]


def _key_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.skey"))


def _request(body: bytes) -> tuple[int, tuple[bytes, ...], str]:
    """Old size, proof and note of a request."""
    head, found, note = body.partition(b"\n\n")
    try:
        old, *lines = head.decode("ascii").split("\n")
        number = _OLD.fullmatch(old)
        if not found or number is None:
            raise _Refused(400, "the request does not start with its old size")
        return int(number[1]), parse_hashes(lines), note.decode()
    except (BadNote, UnicodeDecodeError) as error:
        raise _Refused(400, f"the request is malformed: {error}") from error


def _refuse_old(new: Checkpoint, size: int) -> None:
    """The old size is not ours. A checkpoint behind ours is remembered: an older copy may have been restored."""
    behind = new.size < size
    words = f"the newest checkpoint seen here is of {size:,} entries"
    if behind:
        words = (
            f"{new.origin} asks with a record of {new.size:,} entries after one of {size:,}: "
            "an older copy was put in its place, or the request came late"
        )
    raise _Refused(409, words, f"{size}\n", evidence=behind)
