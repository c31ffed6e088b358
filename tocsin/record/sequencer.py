"""The one sequencer: gives accepted entries their place in the tree, signs checkpoints, wakes the feed.

Promise: places are dense from 0; entries of one transaction keep their order; an entry that was
committed is placed, and an entry that is placed was committed. Any number of sequencers may run: an
advisory lock lets one work at a time, and a crash at any point leaves either the whole batch or none.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.db import connection, transaction

from tocsin.kernel import clock, settings
from tocsin.record.models import Checkpoint, Node, Place
from tocsin.record.note import Checkpoint as Statement
from tocsin.record.note import SigningKey, sign_note
from tocsin.record.tree import Frontier, MissingNode, complete_nodes, root_of

CHANNEL = "tocsin_record"
TILE_LEVELS = 8  # every eighth level is stored, as in C2SP tiles of 256; what lies between is one hash of a tile
CHECKPOINT_EVERY = timedelta(seconds=1)
_LOCK = 0x70C51  # one advisory lock id for the whole product's sequencer

_PLACE = """
WITH taken AS (
    DELETE FROM record_pending WHERE n IN (SELECT n FROM record_pending ORDER BY n LIMIT %s)
    RETURNING n, leaf
), placed AS (
    INSERT INTO record_place (seq, n, leaf)
    SELECT %s + row_number() OVER (ORDER BY n) - 1, n, leaf FROM taken
    RETURNING seq, leaf
) SELECT leaf FROM placed ORDER BY seq
"""  # one statement: sending leaves that had just come from there took half of a step
_NODES = """
INSERT INTO record_node (level, index, hash)
SELECT * FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[])
"""


class Sequencer:
    """Holds the tree's right edge between batches; checks it against the database in each."""

    def __init__(self, signer: SigningKey | None = None) -> None:
        self._signer = signer or load_signer()
        self._frontier = Frontier()

    @property
    def size(self) -> int:
        """How many entries the tree has, as of the last step."""
        return self._frontier.size

    def step(self, limit: int = 5000) -> int:
        """Place up to `limit` entries; returns how many were placed.

        1. Take the lock, or leave: another sequencer is at work.
        2. Catch up with the database, should another have worked meanwhile.
        3. Take pending entries in the order accepted, give each the next place, store the new nodes.
        4. Sign a checkpoint when the last one is a second old, and wake the feed, once for the batch.
        """
        grown, placed = self._frontier, 0
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
            if not cursor.fetchone()[0]:
                return 0
            cursor.execute("SELECT coalesce(max(seq) + 1, 0) FROM record_place")
            size: int = cursor.fetchone()[0]
            if grown.size != size:
                grown = load_frontier(size)
            cursor.execute(_PLACE, [limit, size])
            leaves = [bytes(leaf) for (leaf,) in cursor.fetchall()]
            if leaves:
                grown = grown.copy()
                nodes = [n for n in grown.extend_with_nodes(leaves) if n[0] % TILE_LEVELS == 0]
                if nodes:
                    cursor.execute(_NODES, [list(column) for column in zip(*nodes, strict=True)])
                cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{size} {grown.size}"])
                placed = len(leaves)
            self._sign_when_due(grown)
        # Only now: had the commit failed, another sequencer may put other entries at these places.
        self._frontier = grown
        return placed

    def _sign_when_due(self, frontier: Frontier) -> None:
        if frontier.size == 0:
            return
        last = Checkpoint.objects.order_by("-size").first()
        now = clock.now()
        if last and (last.size >= frontier.size or abs(now - last.signed_at) < CHECKPOINT_EVERY):
            return
        sign_checkpoint(frontier, self._signer)


def sign_checkpoint(frontier: Frontier, signer: SigningKey) -> Checkpoint:
    """Sign and keep a checkpoint of the tree as `frontier` has it."""
    root = frontier.root()
    statement = Statement(settings.current().origin, frontier.size, root)
    note = sign_note(statement.text(), [signer]).decode()
    return Checkpoint.objects.create(
        size=frontier.size, root=root, note=note, signed_at=clock.now()
    )


def load_frontier(size: int) -> Frontier:
    """The right edge of the tree of `size`, from the stored nodes."""
    return Frontier(size, [node(level, index) for level, index in complete_nodes(0, size)])


def node(level: int, index: int) -> bytes:
    """The hash of a complete node: from the stored level at or below it, leaves standing in `record_place`.

    Raises: MissingNode when the store lacks part of it.
    """
    base = level - level % TILE_LEVELS
    first, count = index << (level - base), 1 << (level - base)
    if base == 0:
        rows = Place.objects.filter(seq__gte=first, seq__lt=first + count).order_by("seq")
        parts = [bytes(leaf) for leaf in rows.values_list("leaf", flat=True)]
    else:
        stored = Node.objects.filter(level=base, index__gte=first, index__lt=first + count)
        parts = [bytes(h) for h in stored.order_by("index").values_list("hash", flat=True)]
    if len(parts) != count:
        raise MissingNode(f"the tree lacks part of node ({level}, {index})", field="node")
    return root_of(parts)


def load_signer() -> SigningKey:
    """The record's signing key: made on first use, kept in the data directory, never in the record.

    The public key is written beside it as `record.vkey`, for strangers to verify with.
    """
    s = settings.current()
    path = s.data_dir / "secrets" / "record.skey"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_once(path, SigningKey.generate(s.origin).text())
    signer = SigningKey.parse(path.read_text().strip())
    public = s.data_dir / "record.vkey"
    if not public.exists():
        public.write_text(signer.verifier.text() + "\n")
    return signer


def _write_once(path: Path, text: str) -> None:
    try:
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(text)
    except FileExistsError:
        pass
