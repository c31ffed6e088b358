"""Forgetting in backups: content leaves the database encrypted, each piece under a key of its own, and those
keys lie in one small file that no backup contains.

The key of a piece of content is made from the salt that lies beside it in the vault (16 random bytes, deleted
with it). A backup holds the content encrypted and never the salt; the key ring holds, for what the vault holds
now, id and salt. The ring is written anew at each backup and after each purge, whole, in place of the old one:
what was purged has no key any more, and no older backup can bring it back.

Trusted for confidentiality together with a backup; alone it says only which random ids exist. Losing it loses
the words in every backup: keep a copy on other storage than the backups, and replace that copy, never add to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tocsin.kernel import settings
from tocsin.kernel.errors import BadSettings, Corrupt
from tocsin.record.holds import HELD

MAGIC = "tocsin-content-keys/1"
_NONCE_BYTES = 12


def path() -> Path:
    """Where the ring of this installation lies (`content_keys_file`, else in the data directory)."""
    s = settings.current()
    return s.content_keys_file or s.data_dir / "content.keys"


def write(c: psycopg.Connection[Any], file: Path, epoch: int) -> int:
    """Write the ring of all content that `c` sees, in place of the old one; returns how many keys.

    `epoch` = how many purges this ring knows of: `written_epoch` tells whether one came after it.
    Raises: BadSettings when the file cannot be written.
    """
    fresh, count = file.with_name(f".{file.name}.{os.getpid()}"), 0
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(f"{MAGIC} {epoch}\n")
            with psycopg.ServerCursor(c, "keyring") as cursor:
                cursor.itersize = 20_000
                for vault, salt in cursor.execute("SELECT id, salt FROM record_vault ORDER BY id"):
                    out.write(f"{vault} {bytes(salt).hex()}\n")
                    count += 1
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    except OSError as e:
        raise BadSettings(
            f"cannot write {file}: {e.strerror}", field="content_keys_file", cure="Mend the path."
        ) from e
    finally:
        fresh.unlink(missing_ok=True)
    return count


def written_epoch(file: Path) -> int | None:
    """How many purges the ring knows of; None where there is none. Raises: Corrupt."""
    if not file.exists():
        return None
    with file.open() as lines:
        return _epoch(lines.readline(), file)


def read(file: Path) -> dict[str, bytes]:
    """Content id -> salt. Raises: Corrupt when it is no ring; OSError when it cannot be read."""
    with file.open() as lines:
        _epoch(lines.readline(), file)
        try:
            pairs = (line.split() for line in lines)
            return {vault: bytes.fromhex(salt) for vault, salt in pairs}
        except ValueError as e:
            raise Corrupt(
                "a line is damaged", field=str(file), cure="Use another copy of the keys."
            ) from e


def _epoch(line: str, file: Path) -> int:
    magic, _, epoch = line.strip().partition(" ")
    if magic != MAGIC or not epoch.isdigit():
        raise Corrupt(
            "this is no file of content keys",
            field=str(file),
            cure="Give content.keys of the site.",
        )
    return int(epoch)


def seal(vault: str, salt: bytes, plain: bytes) -> bytes:
    """`plain` under the key of its content, with a nonce of its own before it."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _aead(salt).encrypt(nonce, plain, vault.encode())


def open_(vault: str, salt: bytes, sealed: bytes) -> bytes:
    """What was sealed. Raises: Corrupt when the key is another's, or it was changed."""
    nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return _aead(salt).decrypt(nonce, rest, vault.encode())
    except (InvalidTag, ValueError) as e:
        raise Corrupt(f"content {vault} does not open under its key", field="vault") from e


def _aead(salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"tocsin content in a backup").derive(salt))


def sealed_rows(c: psycopg.Connection[Any], ids: list[str] | None = None) -> Iterator[bytes]:
    """Every content that `c` sees (of `ids`) as one line: id, subject, sealed, kept_at, then the encrypted body."""
    query = "SELECT id, subject, sealed::int, kept_at::text, body::text, salt FROM record_vault "
    with psycopg.ServerCursor(c, "contents") as cursor:
        cursor.itersize = 2_000
        if ids is None:
            cursor.execute(query + "ORDER BY id")
        else:
            cursor.execute(
                query + "WHERE id = ANY(%s) ORDER BY id", [ids + [HELD + i for i in ids]]
            )
        for vault, subject, sealed, kept_at, body, salt in cursor:
            cipher = seal(vault, bytes(salt), body.encode()).hex()
            yield "\t".join((vault, subject, str(sealed), kept_at, cipher)).encode() + b"\n"


def open_row(line: bytes, keys: Mapping[str, bytes]) -> tuple[Any, ...] | None:
    """A line of `sealed_rows` as a row of the vault; None when its key is gone. Raises: Corrupt.

    What was put under a hold since, or let out of it, gets the name that it has now.
    """
    vault, subject, sealed, kept_at, cipher = line.decode().rstrip("\n").split("\t")
    bare = vault.removeprefix(HELD)
    name = next((n for n in (vault, bare, HELD + bare) if n in keys), None)
    if name is None:
        return None
    salt = keys[name]
    body = open_(vault, salt, bytes.fromhex(cipher)).decode()
    return name, subject, body, salt, sealed == "1", kept_at
