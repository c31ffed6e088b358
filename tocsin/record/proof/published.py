"""The tree as strangers read it: checkpoint, tiles and bundles out of the database, or as files in a directory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import psycopg
from django.db import connection

from tocsin.kernel.errors import Corrupt, Invalid, NotFound
from tocsin.record import store
from tocsin.record.long import standing
from tocsin.record.models import Checkpoint, Cosignature
from tocsin.record.note import Checkpoint as Statement
from tocsin.record.note import Note, VerifierKey, open_checkpoint, parse_signatures
from tocsin.record.proof.tiles import (
    ENTRIES,
    HEIGHT,
    MAX_ENTRY_BYTES,
    WIDTH,
    Tile,
    TiledNodes,
    encode_bundle,
    grown,
    levels,
    width_at,
)
from tocsin.record.tree import (
    HASH_BYTES,
    MissingNode,
    complete_nodes,
    consistency_proof,
    consistency_ranges,
    inclusion_proof,
    inclusion_ranges,
    root_at,
)

Progress = Callable[[int], None]
_TILES = """
SELECT CASE WHEN t.level = 0
    THEN (SELECT string_agg(leaf, ''::bytea ORDER BY seq) FROM record_place
          WHERE seq >= t.first AND seq < t.last)
    ELSE (SELECT string_agg(hash, ''::bytea ORDER BY index) FROM record_node
          WHERE level = t.level AND index >= t.first AND index < t.last)
    END
FROM unnest(%s::smallint[], %s::bigint[], %s::bigint[]) WITH ORDINALITY AS t(level, first, last, place)
ORDER BY t.place
"""
_BUNDLES_A_READ = 32


def newest() -> Checkpoint | None:
    """The newest signed checkpoint, without the witnesses' signatures."""
    return Checkpoint.objects.order_by("-size").first()


def signed(checkpoint: Checkpoint) -> bytes:
    """The checkpoint with every cosignature that was collected for it, as strangers take it."""
    lines = Cosignature.objects.filter(size=checkpoint.size).order_by("name", "key_id")
    note = Note.parse(checkpoint.note.encode())
    more = "".join(lines.values_list("line", flat=True))
    return note.with_signatures(parse_signatures(more) if more else ()).encode()


def read_tiles(tiles: Sequence[Tile]) -> dict[Tile, bytes]:
    """The hashes of tiles, in one round trip. Raises: MissingNode when the database lacks some of them."""
    heights = [tile.level * HEIGHT for tile in tiles]
    firsts = [tile.first for tile in tiles]
    lasts = [tile.first + tile.width for tile in tiles]
    connection.ensure_connection()
    # Past Django's cursor for the binary format, and so that the server keeps the plan.
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(_TILES, [heights, firsts, lasts], binary=True, prepare=True)
        found = {tile: row[0] or b"" for tile, row in zip(tiles, cursor.fetchall(), strict=True)}
    for tile, hashes in found.items():
        if len(hashes) != tile.width * HASH_BYTES:
            raise MissingNode(f"the tree lacks part of {tile.path()}", field="tree")
    return found


def read_tile(tile: Tile) -> bytes:
    """The hashes of a tile. Raises: MissingNode when the database does not hold all of them."""
    return read_tiles([tile])[tile]


def read_bundle(tile: Tile) -> bytes:
    """The entries of a bundle. Raises: Corrupt when one of them is not there."""
    last = tile.first + tile.width
    bodies = [standing(body, leaf) for _, leaf, body in store.bodies(tile.first, last, batch=WIDTH)]
    if len(bodies) != tile.width:
        raise Corrupt(f"the record lacks part of {tile.path()}", field="entries")
    return encode_bundle(bodies)


def served(path: str) -> bytes:
    """What stands at the path of a tile or bundle. Raises: NotFound beyond the newest checkpoint."""
    try:
        tile = Tile.parse(path)
    except Invalid as error:
        raise NotFound("there is no such tile") from error
    last = newest()
    if last is None or width_at(tile.level, tile.index, last.size) < tile.width:
        raise NotFound("there is no such tile yet")
    return read_bundle(tile) if tile.level == ENTRIES else read_tile(tile)


def nodes(size: int, ranges: Iterable[tuple[int, int]] = ()) -> TiledNodes:
    """The nodes of our tree as it was at `size`; what the `ranges` of a proof need is read at once."""
    get = TiledNodes(read_tile, size)
    wanted = {get.tile_of(*node) for low, high in ranges for node in complete_nodes(low, high)}
    if wanted:
        get.hold(read_tiles(list(wanted)))
    return get


def prove_inclusion(place: int, size: int) -> list[bytes]:
    """The proof that the entry at `place` is in the tree of `size`. Raises: Invalid; MissingNode."""
    return inclusion_proof(nodes(size, inclusion_ranges(place, size)), place, size)


def prove_consistency(old: int, new: int) -> list[bytes]:
    """The proof that the tree of `old` grew into that of `new`. Raises: Invalid; MissingNode."""
    return consistency_proof(nodes(new, consistency_ranges(old, new)), old, new)


@dataclass(frozen=True, slots=True)
class Published:
    """What a directory now holds: entries, how many files were written for it, and how many bundles were
    left out because an old entry in them is longer than the format can say (their hashes are there)."""

    size: int
    files: int
    left_out: int = 0


def publish(
    folder: Path,
    verifier: VerifierKey,
    *,
    entries: bool = True,
    progress: Progress = lambda _: None,
) -> Published:
    """Bring a directory of tiles up to the newest checkpoint; what it holds already stays as it is.

    1. Its own checkpoint must be a beginning of this record, or nothing is written.
    2. Write every tile and bundle that is new, each whole and under its name at once.
    3. Write the checkpoint last, so that whoever reads it finds all that it speaks of.
    4. Remove partial tiles that a full one has replaced.

    Raises: NotFound when nothing is signed yet; Corrupt when the directory holds another history.
    """
    last = newest()
    if last is None:
        raise NotFound("nothing has been signed yet", cure="Start `tocsin up` or `tocsin worker`.")
    old = _held(folder, verifier, last)
    files, left_out = 0, 0
    for level in levels(last.size):
        for tile in grown(old, last.size, level):
            _write(folder / tile.path(), read_tile(tile))
            files += 1
    if entries:
        start = old if (folder / "tile" / "entries").exists() else 0
        for tile, bodies in _bundles(start, last.size):
            progress(tile.width)
            if max(map(len, bodies)) > MAX_ENTRY_BYTES:
                left_out += 1
                continue
            _write(folder / tile.path(), encode_bundle(bodies))
            files += 1
    _write(folder / "checkpoint", signed(last))
    _tidy(folder, old, last.size)
    return Published(last.size, files, left_out)


def _held(folder: Path, verifier: VerifierKey, last: Checkpoint) -> int:
    """How far the directory is: 0 for a new one. Raises: Corrupt when it is of another history."""
    path = folder / "checkpoint"
    if not path.exists():
        return 0
    held = open_checkpoint(path.read_bytes(), verifier).checkpoint
    if held.size > last.size:
        raise Corrupt(
            f"{folder} was published with {held.size:,} entries, and this record has only "
            f"{last.size:,}: an older copy of the record was put in its place",
            field="tiles",
            cure="Keep the directory: it is evidence. Publish into another one.",
        )
    if root_at(nodes(held.size), held.size) != held.root:
        raise Corrupt(
            f"the first {held.size:,} entries are not those that {folder} was published with: "
            "the record was rewritten, or this is another one",
            field="tiles",
            cure="Keep the directory: it is evidence. Publish into another one.",
        )
    return held.size


def _bundles(old: int, new: int) -> Iterator[tuple[Tile, list[bytes]]]:
    """Bundles as the entries stand; one that the database lost is simply not in it, and checking says so."""
    first = old - old % WIDTH
    rows = store.bodies(first, new, batch=WIDTH * _BUNDLES_A_READ)
    for index, run in groupby(rows, key=lambda row: row[0] // WIDTH):
        tile = Tile(ENTRIES, index, width_at(ENTRIES, index, new))
        yield tile, [standing(body, leaf) for _, leaf, body in run]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(data)
    fresh.replace(path)


def _tidy(folder: Path, old: int, new: int) -> None:
    for level in (ENTRIES, *levels(old)):
        shift = HEIGHT * max(level, 0)
        index, width = divmod(old >> shift, WIDTH)
        if width and width_at(level, index, new) == WIDTH:
            partial = (folder / Tile(level, index, width).path()).parent
            shutil.rmtree(partial, ignore_errors=True)


def tiles_in(folder: Path) -> Callable[[Tile], bytes]:
    """Reads tiles that were published into a directory. What it gives raises: MissingNode."""

    def read(tile: Tile) -> bytes:
        for name in (tile, Tile(tile.level, tile.index)):
            path = folder / name.path()
            if path.exists():
                return path.read_bytes()
        raise MissingNode(f"{tile.path()} is not in {folder}", field="tiles")

    return read


def statement(checkpoint: Checkpoint) -> Statement:
    """Size and root that the checkpoint states, as its own text says them."""
    return Statement.parse(Note.parse(checkpoint.note.encode()).text)
