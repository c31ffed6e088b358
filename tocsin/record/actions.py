"""Writing the record. Only here are entries made; a stage's action opens `writing` and appends.

Promise: when the block ends without an error, entries, table changes and vault content are durable
together; when it raises, none of them happened. Order: entries of one block keep their order.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import transaction

from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid
from tocsin.kernel.ids import new_id
from tocsin.record import tables
from tocsin.record.canonical import canonical, commitment
from tocsin.record.long import MOST, envelope
from tocsin.record.terms import Author, Entry, Marking, stamp
from tocsin.record.tree import leaf_hash

_INSERT = """
WITH given AS (
    SELECT * FROM ROWS FROM (json_to_recordset(%s::json) AS (
        kind text, subject text, actor text, agency text, tlp text, operation text,
        recorded_at timestamptz, body text, leaf text
    )) WITH ORDINALITY AS row(kind, subject, actor, agency, tlp, operation, recorded_at, body, leaf, place)
), accepted AS (
    INSERT INTO record_entry (kind, subject, actor, agency, tlp, operation, recorded_at, body)
    SELECT kind, subject, actor, agency, tlp, operation, recorded_at, convert_to(body, 'UTF8')
    FROM given ORDER BY place
    RETURNING n, body
)
INSERT INTO record_pending (n, leaf) SELECT n, CASE
    WHEN octet_length(body) <= 65535 THEN sha256('\\x00'::bytea || body)
    ELSE (SELECT decode(leaf, 'hex') FROM given WHERE convert_to(given.body, 'UTF8') = accepted.body LIMIT 1)
END FROM accepted
"""

_KEEP = """
INSERT INTO record_vault (id, subject, body, salt, sealed, kept_at)
SELECT id, subject, body, decode(salt, 'hex'), sealed, kept_at FROM json_to_recordset(%s::json) AS given(
    id text, subject text, body jsonb, salt text, sealed boolean, kept_at timestamptz
)
"""


class Writing:
    """One open transaction on the record. `append` entries, `keep` content; `flush` to read them back."""

    def __init__(self, author: Author, at: datetime) -> None:
        self.author = author
        self.at = at
        self.recorded_at = stamp(at)
        self._entries: list[Entry] = []
        self._bodies: list[bytes] = []
        self._vault: list[dict[str, Any]] = []

    def append(
        self,
        kind: str,
        subject: str,
        data: dict[str, Any],
        *,
        marking: Marking | None,
        occurred_at: datetime | None = None,
        version: int = 1,
    ) -> Entry:
        """Add an entry; it is written at the latest when the block ends.

        Raises: Invalid when the data cannot be written canonically (floats, lone surrogates, NUL).
        """
        entry = Entry(
            id=new_id("ent", self.at),
            kind=kind,
            v=version,
            actor=self.author.person,
            agency=self.author.agency,
            subject=subject,
            marking=marking,
            occurred_at=stamp(occurred_at) if occurred_at else self.recorded_at,
            recorded_at=self.recorded_at,
            data=data,
        )
        self._bodies.append(encode(entry))
        self._entries.append(entry)
        return entry

    def keep(
        self, subject: str, content: dict[str, Any], *, sealed: bool = False
    ) -> dict[str, str]:
        """Put content into the vault; returns what the entry's data may hold of it: id and commitment.

        `content["title"]` and `content["text"]`, where there are any, can be searched unless sealed.
        """
        content = _without_nul(content)
        salt = secrets.token_bytes(16)
        vault = new_id("vlt", self.at)
        self._vault.append(
            {
                "id": vault,
                "subject": subject,
                "body": content,
                "salt": salt.hex(),
                "sealed": sealed,
                "kept_at": self.recorded_at,
            }
        )
        return {"vault": vault, "commitment": commitment(salt, canonical(content)).hex()}

    def flush(self) -> None:
        """Write what was appended so far, so that this transaction can read it back."""
        if self._vault:
            kept, self._vault = self._vault, []
            tables.execute(_KEEP, kept)
        if self._entries:
            entries, bodies = self._entries, self._bodies
            self._entries, self._bodies = [], []
            _insert(entries, bodies)
            tables.apply(entries)


@contextmanager
def writing(author: Author) -> Iterator[Writing]:
    """Open a transaction on the record for `author` (who must have been authorised already)."""
    with transaction.atomic():
        block = Writing(author, clock.now())
        yield block
        block.flush()


def encode(entry: Entry) -> bytes:
    """The bytes of an entry that are hashed: RFC 8785 JSON.

    Raises: Invalid when the data has no canonical form.
    """
    m = entry.marking
    return canonical(
        {
            "id": entry.id,
            "kind": entry.kind,
            "v": entry.v,
            "actor": entry.actor,
            "agency": entry.agency,
            "subject": entry.subject,
            "marking": m and {"agency": m.agency, "tlp": m.tlp, "operation": m.operation},
            "occurred_at": entry.occurred_at,
            "recorded_at": entry.recorded_at,
            "data": entry.data,
        }
    )


def _insert(entries: list[Entry], bodies: list[bytes]) -> None:
    unmarked = Marking("", "", "")
    rows = []
    for e, body in zip(entries, bodies, strict=True):
        m = e.marking or unmarked
        rows.append(
            {
                "kind": e.kind,
                "subject": e.subject,
                "actor": e.actor,
                "agency": m.agency,
                "tlp": m.tlp,
                "operation": m.operation,
                "recorded_at": e.recorded_at,
                "body": body.decode(),
                "leaf": leaf_hash(envelope(body)).hex() if len(body) > MOST else None,
            }
        )
    tables.execute(_INSERT, rows)


def _without_nul(value: Any) -> Any:
    """PostgreSQL text holds no NUL: it becomes the replacement character, visibly."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd") if "\x00" in value else value
    if isinstance(value, dict):
        return {k: _without_nul(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nul(v) for v in value]
    if isinstance(value, float):
        raise Invalid("content holds a fraction", cure="Keep it as a whole number or as text.")
    return value


__all__ = ["Writing", "encode", "writing"]
