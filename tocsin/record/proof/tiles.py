"""Tiles: the tree as files that never change once full (C2SP tlog-tiles).

A tile holds up to 256 consecutive hashes of every eighth level; an entry bundle holds the entries below
a tile of level 0. From tiles anybody computes any proof without asking us.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tocsin.kernel.errors import Corrupt, Invalid
from tocsin.record.long import MOST
from tocsin.record.tree import HASH_BYTES, MissingNode, root_of

WIDTH = 256
HEIGHT = 8  # levels of the tree from one level of tiles to the next
ENTRIES = -1  # stands for the level in the place of an entry bundle
MAX_ENTRY_BYTES = MOST  # a bundle gives each entry's length in two bytes
_LEVELS = 64
_PATH = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)((?:/x[0-9]{3})*/[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Tile:
    """The name of a tile: its level (`ENTRIES` for a bundle), its index there, how many hashes it has."""

    level: int
    index: int
    width: int = WIDTH

    def path(self) -> str:
        """Where it is served and stored, such as `tile/0/x001/067.p/112`."""
        parts = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            parts.append(f"x{rest % 1000:03}")
            rest //= 1000
        where = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{where}/{'/'.join(reversed(parts))}{partial}"

    @classmethod
    def parse(cls, path: str) -> Tile:
        """The tile of a path, in its one spelling. Raises: Invalid."""
        found = _PATH.fullmatch(path)
        if found:
            level = ENTRIES if found[1] == "entries" else int(found[1])
            index = int(found[2].replace("/", "").replace("x", ""))
            tile = cls(level, index, int(found[3] or WIDTH))
            if level < _LEVELS and tile.path() == path and (not found[3] or tile.width < WIDTH):
                return tile
        raise Invalid("not the path of a tile", field="path", cure="See C2SP tlog-tiles.")

    @property
    def first(self) -> int:
        """The index, in its level, of its first hash."""
        return self.index * WIDTH


def width_at(level: int, index: int, size: int) -> int:
    """How many hashes the tile has in a tree of `size`: 0 (there is none) to 256."""
    there = size >> (HEIGHT * max(level, 0))
    return max(0, min(WIDTH, there - index * WIDTH))


def grown(old: int, new: int, level: int) -> Iterator[Tile]:
    """The tiles of a level that a tree which grew from `old` to `new` has and did not have before."""
    shift = HEIGHT * max(level, 0)
    if new >> shift == old >> shift:
        return
    for index in range((old >> shift) // WIDTH, ((new >> shift) + WIDTH - 1) // WIDTH):
        yield Tile(level, index, width_at(level, index, new))


def levels(size: int) -> range:
    """The levels of tiles that a tree of `size` has."""
    return range((max(size, 1).bit_length() - 1) // HEIGHT + 1)


class TiledNodes:
    """Nodes of the tree of `size`, computed from tiles; each tile is read once. A `tree.GetNode`."""

    def __init__(self, read: Callable[[Tile], bytes], size: int) -> None:
        self._read = read
        self._size = size
        self._tiles: dict[Tile, bytes] = {}

    def tile_of(self, level: int, index: int) -> Tile:
        """The tile that a node is computed from."""
        place, base = (index << level % HEIGHT) // WIDTH, level // HEIGHT
        return Tile(base, place, width_at(base, place, self._size))

    def hold(self, tiles: Mapping[Tile, bytes]) -> None:
        """Take tiles that were read already, so that they are not read one by one."""
        self._tiles.update(tiles)

    def __call__(self, level: int, index: int) -> bytes:
        """The hash of a complete node. Raises: MissingNode when a tile is not there or too short."""
        up, tile = level % HEIGHT, self.tile_of(level, index)
        start, count = (index << up) - tile.first, 1 << up
        if start + count > tile.width:
            raise MissingNode(f"node {level}/{index} is not complete at {self._size}", field="tree")
        if tile not in self._tiles:
            self._tiles[tile] = self._read(tile)
        hashes = self._tiles[tile][start * HASH_BYTES : (start + count) * HASH_BYTES]
        if len(hashes) != count * HASH_BYTES:
            raise MissingNode(f"{tile.path()} is too short", field="tree")
        return root_of([hashes[i : i + HASH_BYTES] for i in range(0, len(hashes), HASH_BYTES)])


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries, each behind its length in two bytes. Raises: Invalid for one of more than 65,535 bytes."""
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise Invalid(
                f"an entry of {len(entry):,} bytes; a bundle holds at most {MAX_ENTRY_BYTES:,}",
                field="entry",
                cure="It is from before such entries stood by an envelope; its hash is in the tiles.",
            )
        parts += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(parts)


def decode_bundle(raw: bytes) -> list[bytes]:
    """The entries of a bundle. Raises: Corrupt when it breaks off."""
    entries, at = [], 0
    while at < len(raw):
        end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
        if end > len(raw) or at + 2 > len(raw):
            raise Corrupt("the entry bundle breaks off", field="bundle")
        entries.append(raw[at + 2 : end])
        at = end
    return entries
