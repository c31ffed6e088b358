"""Tiles by the specification's own examples, and proofs made from them against the tree's definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kernel.errors import Corrupt, Invalid
from tocsin.record import tree
from tocsin.record.proof.tiles import (
    ENTRIES,
    Tile,
    TiledNodes,
    decode_bundle,
    encode_bundle,
    grown,
    levels,
    width_at,
)
from tocsin.record.tree import MissingNode

LEAVES = tree.leaf_hashes(b"entry %d" % number for number in range(1200))


def published(size: int) -> dict[Tile, bytes]:
    """The tiles of a tree of `size`, by their definition: MTH(D[(n·256+i)·256^l : (n·256+i+1)·256^l])."""
    tiles = {}
    for level in levels(size):
        span = 256**level
        for tile in grown(0, size, level):
            parts = [
                tree.root_of(LEAVES[i * span : (i + 1) * span])
                for i in range(tile.first, tile.first + tile.width)
            ]
            tiles[tile] = b"".join(parts)
    return tiles


def test_paths_are_those_of_the_specification() -> None:
    assert Tile(0, 1234067).path() == "tile/0/x001/x234/067"
    assert Tile(2, 0, 1).path() == "tile/2/000.p/1"
    assert Tile(ENTRIES, 273, 112).path() == "tile/entries/273.p/112"
    for tile in (Tile(0, 1234067), Tile(63, 5, 255), Tile(ENTRIES, 1000, 1)):
        assert Tile.parse(tile.path()) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/67",
        "tile/00/067",
        "tile/64/067",
        "tile/0/x000/067",
        "tile/0/067.p/256",
        "tile/0/067.p/0",
        "tile/0/067.p/01",
        "tile/0/001/067",
        "tile/-1/067",
        "tile/0/067/",
        "tile/0/٠٦٧",
    ],
)
def test_other_spellings_of_a_path_are_refused(path: str) -> None:
    with pytest.raises(Invalid):
        Tile.parse(path)


def test_a_tree_of_70000_has_the_tiles_the_specification_counts() -> None:
    tiles = [tile for level in levels(70_000) for tile in grown(0, 70_000, level)]
    full = [t for t in tiles if t.width == 256]
    partial = {(t.level, t.index, t.width) for t in tiles if t.width < 256}
    assert [t.level for t in full].count(0) == 273
    assert [t.level for t in full].count(1) == 1
    assert partial == {(0, 273, 112), (1, 1, 17), (2, 0, 1)}


def test_a_tree_of_256_has_a_full_tile_and_a_partial_one_above() -> None:
    tiles = [tile for level in levels(256) for tile in grown(0, 256, level)]
    assert tiles == [Tile(0, 0, 256), Tile(1, 0, 1)]


@given(st.integers(0, 70_000), st.integers(0, 70_000), st.sampled_from([ENTRIES, 0, 1, 2]))
def test_growing_by_steps_gives_every_tile(a: int, b: int, level: int) -> None:
    old, new = sorted((a, b))
    at_once = set(grown(0, new, level))
    by_steps = {t for t in grown(0, old, level) if t.width == 256} | set(grown(old, new, level))
    same = {t for t in grown(0, old, level) if width_at(level, t.index, new) == t.width}
    assert by_steps | same == at_once


@given(st.integers(1, len(LEAVES)), st.data())
def test_proofs_made_from_tiles_hold(size: int, data: st.DataObject) -> None:
    get = TiledNodes(published(size).__getitem__, size)
    root = tree.root_of(LEAVES[:size])
    place = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion_proof(get, place, size)
    tree.verify_inclusion(LEAVES[place], place, size, proof, root)
    old = data.draw(st.integers(0, size))
    grown_proof = tree.consistency_proof(get, old, size)
    tree.verify_consistency(old, size, tree.root_of(LEAVES[:old]), root, grown_proof)


def test_a_short_tile_is_missing_nodes() -> None:
    get = TiledNodes(lambda _: b"x" * 31, 300)
    with pytest.raises(MissingNode):
        get(0, 0)
    with pytest.raises(MissingNode):
        get(0, 300)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_come_back(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries)) == entries


def test_bundles_refuse_what_they_cannot_hold_and_what_breaks_off() -> None:
    assert decode_bundle(encode_bundle([b"x" * 65_535]))
    with pytest.raises(Invalid):
        encode_bundle([b"x" * 65_536])
    for raw in (b"\x00", b"\x00\x05abc"):
        with pytest.raises(Corrupt):
            decode_bundle(raw)
