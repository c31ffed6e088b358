"""The file of a backup: a magic line, one line of JSON (salt and cost of the key), then frames of AES-256-GCM.

Each frame has its number as nonce and the two lines as associated data, so that none can be changed, moved, left
out or taken from another file; the last one says that it is the last. The key is made from a passphrase by scrypt.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tocsin.kernel.errors import Corrupt, Invalid

MAGIC = b"tocsin-backup/3\n"
OLDEST = b"tocsin-backup/1\n"  # had the vault in the dump
_MAGICS = {MAGIC, b"tocsin-backup/2\n", OLDEST}
FRAME_BYTES = 1 << 20
PASSPHRASE_AT_LEAST = 12
_SCRYPT = {"n": 1 << 17, "r": 8, "p": 1}  # 128 MiB and about half a second a guess
_SCRYPT_MOST = {"n": 1 << 20, "r": 16, "p": 4}  # a file may not ask for more memory than this
_HEADER_MOST = 1000
_END = b"E"


class BadBackup(Corrupt):
    """The file is no backup, is damaged, or the passphrase is not the one it was made with."""

    code = "bad_backup"


def check_passphrase(passphrase: str) -> None:
    """Raises: Invalid for one that is too short."""
    if len(passphrase) < PASSPHRASE_AT_LEAST:
        raise Invalid(
            f"has fewer than {PASSPHRASE_AT_LEAST} characters",
            field="passphrase",
            cure="Use several words; without it nobody can restore the backup.",
        )


class Sealer:
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

    def end(self) -> None:
        """Say that nothing follows."""
        self.frame(_END, b"")


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


def blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks that fit a frame."""
    block = bytearray()
    for line in lines:
        block += line
        while len(block) >= FRAME_BYTES:
            yield bytes(block[:FRAME_BYTES])
            del block[:FRAME_BYTES]
    if block:
        yield bytes(block)


def digest(file: Path) -> str:
    """SHA-256 of a whole file, in hexadecimal: how a later part of a chain names the one before."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


@contextmanager
def private(path: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner can read, on the disk when the block ends."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        yield out
        out.flush()
        os.fsync(out.fileno())
