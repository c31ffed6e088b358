"""The tree against its definition, and every proof against every way to spoil it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.cli import tocsin_verify
from tocsin.kernel.errors import Corrupt, Invalid
from tocsin.record import tree
from tocsin.record.tree import Frontier, NotConsistent, NotIncluded

LEAVES = tree.leaf_hashes(b"entry %d" % number for number in range(300))
SIZES = st.integers(0, len(LEAVES))
HASHES = st.binary(min_size=32, max_size=32)


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word, with nothing shared with the code under test."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    both = naive_root(leaves[:split]) + naive_root(leaves[split:])
    return hashlib.sha256(b"\x01" + both).digest()


def stored(size: int) -> dict[tuple[int, int], bytes]:
    """All complete nodes of the tree of `size`, leaves included."""
    nodes = {(0, index): leaf for index, leaf in enumerate(LEAVES[:size])}
    made = Frontier().extend_with_nodes(LEAVES[:size])
    return nodes | {(level, index): value for level, index, value in made}


STORE = stored(len(LEAVES))
ROOTS = [naive_root(LEAVES[:size]) for size in range(len(LEAVES) + 1)]


def get(level: int, index: int) -> bytes:
    return STORE[level, index]


def test_hashes_are_domain_separated() -> None:
    assert tree.leaf_hash(b"") == hashlib.sha256(b"\x00").digest()
    assert tree.node_hash(LEAVES[0], LEAVES[1]) == naive_root(LEAVES[:2])
    assert tree.leaf_hash(LEAVES[0] + LEAVES[1]) != naive_root(LEAVES[:2])


def test_every_root_up_to_300_leaves_is_the_defined_one() -> None:
    one_by_one = Frontier()
    for size, root in enumerate(ROOTS):
        assert one_by_one.size == size
        assert one_by_one.root() == tree.root_of(LEAVES[:size]) == tree.root_at(get, size) == root
        if size < len(LEAVES):
            one_by_one.append(LEAVES[size])


@given(st.lists(st.integers(0, 40), max_size=12), st.data())
def test_growth_in_any_batches_makes_the_same_tree_and_each_node_once(
    batches: list[int], data: st.DataObject
) -> None:
    frontier = Frontier()
    nodes: dict[tuple[int, int], bytes] = {}
    for batch in batches:
        leaves = LEAVES[frontier.size : frontier.size + batch]
        nodes |= {(0, frontier.size + place): leaf for place, leaf in enumerate(leaves)}
        foreseen = tree.new_nodes(frontier, leaves)
        if data.draw(st.booleans()):
            frontier = Frontier.from_hex(frontier.size, frontier.edge_hex())
        made = frontier.extend_with_nodes(leaves)
        assert made == foreseen
        for level, index, value in made:
            assert (level, index) not in nodes
            nodes[level, index] = value
    assert frontier.root() == ROOTS[frontier.size]
    assert nodes == stored(frontier.size)
    assert len(nodes) == sum(frontier.size >> level for level in range(10))


@given(SIZES, SIZES)
def test_inclusion_proofs_hold(one: int, other: int) -> None:
    index, size = sorted((one, other))
    if index == size:
        with pytest.raises(Invalid):
            tree.inclusion_proof(get, index, size)
        return
    proof = tree.inclusion_proof(get, index, size)
    tree.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


@given(SIZES, SIZES)
def test_consistency_proofs_hold(one: int, other: int) -> None:
    old, new = sorted((one, other))
    proof = tree.consistency_proof(get, old, new)
    tree.verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)


@cache
def rfc_root(low: int, high: int) -> bytes:
    """MTH(D[low:high]) of RFC 9162 section 2.1.1, kept so that 45,000 proofs take a second."""
    if high - low == 1:
        return LEAVES[low]
    k = rfc_split(high - low)
    both = rfc_root(low, low + k) + rfc_root(low + k, high)
    return hashlib.sha256(b"\x01" + both).digest()


def rfc_split(n: int) -> int:
    """The largest power of two smaller than n, counted up."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def rfc_path(m: int, low: int, high: int) -> list[bytes]:
    """PATH(m, D_n) of RFC 9162 section 2.1.3.1, word for word."""
    if high - low == 1:
        return []
    k = rfc_split(high - low)
    if m < k:
        return [*rfc_path(m, low, low + k), rfc_root(low + k, high)]
    return [*rfc_path(m - k, low + k, high), rfc_root(low, low + k)]


def rfc_subproof(m: int, low: int, high: int, *, known: bool) -> list[bytes]:
    """SUBPROOF(m, D_n, b) of RFC 9162 section 2.1.4.1, word for word."""
    n = high - low
    if m == n:
        return [] if known else [rfc_root(low, high)]
    k = rfc_split(n)
    if m <= k:
        return [*rfc_subproof(m, low, low + k, known=known), rfc_root(low + k, high)]
    return [*rfc_subproof(m - k, low + k, high, known=False), rfc_root(low, low + k)]


def test_every_consistency_proof_up_to_300_leaves_is_the_one_of_rfc_9162() -> None:
    for new in range(1, len(LEAVES) + 1):
        for old in range(1, new + 1):
            proof = tree.consistency_proof(get, old, new)
            assert proof == rfc_subproof(old, 0, new, known=True), (old, new)
            tree.verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)
            assert tocsin_verify.is_consistent(old, new, ROOTS[old], ROOTS[new], proof)
            assert not tocsin_verify.is_consistent(old, new, ROOTS[old - 1], ROOTS[new], proof)


def test_every_inclusion_proof_up_to_130_leaves_is_the_one_of_rfc_9162() -> None:
    for size in range(1, 131):
        for index in range(size):
            proof = tree.inclusion_proof(get, index, size)
            assert proof == rfc_path(index, 0, size), (index, size)
            tree.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 300])
def test_the_ends_of_a_consistency_proof(size: int) -> None:
    assert tree.consistency_proof(get, 0, size) == tree.consistency_proof(get, size, size) == []
    tree.verify_consistency(0, size, ROOTS[0], ROOTS[size], [])
    tree.verify_consistency(size, size, ROOTS[size], ROOTS[size], [])
    for old in (-1, size + 1):
        with pytest.raises(Invalid, match=r"cannot have grown from one of .*smaller size first"):
            tree.consistency_proof(get, old, size)
        with pytest.raises(NotConsistent, match="cannot have grown"):
            tree.verify_consistency(old, size, ROOTS[0], ROOTS[size], [])
    with pytest.raises(NotConsistent, match="none is needed"):
        tree.verify_consistency(size, size, ROOTS[size], ROOTS[size], [LEAVES[0]])
    if size:
        with pytest.raises(NotConsistent, match="none is needed"):
            tree.verify_consistency(0, size, ROOTS[0], ROOTS[size], [ROOTS[size]])
        with pytest.raises(NotConsistent, match="two different roots"):
            tree.verify_consistency(size, size, ROOTS[size - 1], ROOTS[size], [])


def test_no_consistency_proof_holds_for_other_sizes_than_its_own() -> None:
    for new in range(2, 34):
        for old in range(1, new):
            proof = tree.consistency_proof(get, old, new)
            for said in range(1, new):
                if said != old:
                    with pytest.raises(NotConsistent):
                        tree.verify_consistency(said, new, ROOTS[said], ROOTS[new], proof)


@st.composite
def spoiled(draw: st.DrawFn, hashes: list[bytes]) -> list[bytes]:
    """A list of hashes with one thing wrong: a bit, one missing, one too many, or two swapped."""
    ways = ["add"] + ["flip", "drop"] * bool(hashes) + ["swap"] * (len(set(hashes)) > 1)
    way, out = draw(st.sampled_from(ways)), list(hashes)
    if way == "add":
        out.insert(draw(st.integers(0, len(out))), draw(HASHES))
        return out
    at = draw(st.integers(0, len(out) - 1))
    if way == "flip":
        bit = draw(st.integers(0, 255))
        out[at] = (int.from_bytes(out[at], "big") ^ (1 << bit)).to_bytes(32, "big")
    elif way == "drop":
        del out[at]
    else:
        other = draw(st.integers(0, len(out) - 1).filter(lambda place: out[place] != out[at]))
        out[at], out[other] = out[other], out[at]
    return out


@given(st.data())
def test_a_spoiled_inclusion_proof_is_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion_proof(get, index, size)
    bad = data.draw(spoiled(proof))
    with pytest.raises(NotIncluded):
        tree.verify_inclusion(LEAVES[index], index, size, bad, ROOTS[size])
    for wrong in {data.draw(st.integers(-1, size)), index ^ 1} - {index}:
        with pytest.raises(NotIncluded):
            tree.verify_inclusion(LEAVES[index], wrong, size, proof, ROOTS[size])
    with pytest.raises(NotIncluded):
        tree.verify_inclusion(data.draw(HASHES), index, size, proof, ROOTS[size])
    with pytest.raises(NotIncluded):
        tree.verify_inclusion(LEAVES[index], index, size, proof, data.draw(HASHES))


@given(st.data())
def test_a_spoiled_consistency_proof_is_refused(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, len(LEAVES)))
    old = data.draw(st.integers(0, new))
    proof = tree.consistency_proof(get, old, new)
    with pytest.raises(NotConsistent):
        tree.verify_consistency(old, new, ROOTS[old], ROOTS[new], data.draw(spoiled(proof)))
    with pytest.raises(NotConsistent):
        tree.verify_consistency(old, new, data.draw(HASHES), ROOTS[new], proof)
    with pytest.raises(NotConsistent):
        tree.verify_consistency(new + 1, new, ROOTS[old], ROOTS[new], proof)
    if old:  # any tree has grown from the empty one, so its new root is not in question
        with pytest.raises(NotConsistent):
            tree.verify_consistency(old, new, ROOTS[old], data.draw(HASHES), proof)


@given(st.integers(2, len(LEAVES)), st.data())
def test_a_rewritten_past_has_no_consistency_proof(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    changed = list(LEAVES[:new])
    changed[data.draw(st.integers(0, old - 1))] = tree.leaf_hash(b"another story")
    made = Frontier().extend_with_nodes(changed)
    nodes = {(0, index): leaf for index, leaf in enumerate(changed)}
    nodes |= {(level, index): value for level, index, value in made}
    proof = tree.consistency_proof(lambda level, index: nodes[level, index], old, new)
    with pytest.raises(NotConsistent):
        tree.verify_consistency(old, new, ROOTS[old], naive_root(changed), proof)


def test_the_nodes_of_a_proof_can_be_known_beforehand() -> None:
    for size in (1, 2, 7, 64, 255, 300):
        for index in range(0, size, 13):
            asked: list[tuple[int, int]] = []

            def noting(level: int, at: int, asked: list[tuple[int, int]] = asked) -> bytes:
                asked.append((level, at))
                return STORE[level, at]

            tree.inclusion_proof(noting, index, size)
            tree.consistency_proof(noting, index, size)
            ranges = tree.inclusion_ranges(index, size) + tree.consistency_ranges(index, size)
            assert asked == [node for span in ranges for node in tree.complete_nodes(*span)]


def test_a_store_with_a_hole_is_named() -> None:
    hollow = {place: value for place, value in STORE.items() if place != (2, 3)}
    with pytest.raises(tree.MissingNode, match="2/3"):
        tree.inclusion_proof(lambda level, index: hollow[level, index], 10, 300)
    with pytest.raises(tree.MissingNode, match="0/1"):
        tree.inclusion_proof(lambda level, index: b"short", 0, 2)


@pytest.mark.parametrize(
    ("size", "edge"),
    [(1, []), (0, ["00" * 32]), (3, ["00" * 32]), (1, ["00" * 31]), (1, ["zz" * 32]), (-1, [])],
)
def test_a_frontier_that_cannot_be_is_refused(size: int, edge: list[str]) -> None:
    with pytest.raises(Corrupt):
        Frontier.from_hex(size, edge)


def test_a_refused_batch_changes_nothing() -> None:
    frontier = Frontier()
    frontier.extend(LEAVES[:5])
    for bad in ([*LEAVES[5:7], b"short"], [b""]):
        with pytest.raises(Invalid):
            frontier.extend(bad)
    with pytest.raises(Invalid):
        frontier.append(b"short")
    assert (frontier.size, frontier.root()) == (5, ROOTS[5])


def test_a_batch_that_fails_half_way_changes_nothing() -> None:
    frontier = Frontier()
    frontier.extend(LEAVES[:5])
    with pytest.raises(TypeError):
        frontier.extend([LEAVES[5], LEAVES[6], "text of thirty-two characters ok"])  # type: ignore[list-item]
    assert (frontier.size, frontier.root()) == (5, ROOTS[5])


def test_a_proof_made_for_a_tree_of_another_height_is_refused() -> None:
    """The hashes fit, and so would the roots, if the sizes were not held against the length."""
    more = tree.leaf_hash(b"more")
    proof = tree.inclusion_proof(get, 3, 8)
    above = tree.node_hash(more, ROOTS[8])
    with pytest.raises(NotIncluded, match="too long"):
        tree.verify_inclusion(LEAVES[3], 3, 8, [*proof, more], above)
    with pytest.raises(NotIncluded, match="too short"):
        tree.verify_inclusion(LEAVES[3], 3, 8, proof[:-1], ROOTS[4])
    proof = tree.consistency_proof(get, 2, 8)
    with pytest.raises(NotConsistent, match="too short"):
        tree.verify_consistency(2, 8, ROOTS[2], ROOTS[4], proof[:-1])
    with pytest.raises(NotConsistent, match="too short"):
        tree.verify_consistency(3, 8, ROOTS[3], ROOTS[8], [])
    proof = [*tree.consistency_proof(get, 3, 4), more]
    roots = tree.node_hash(more, ROOTS[3]), tree.node_hash(more, ROOTS[4])
    with pytest.raises(NotConsistent, match="too long"):
        tree.verify_consistency(3, 4, *roots, proof)


def test_a_proof_with_hashes_of_the_wrong_length_is_refused() -> None:
    proof = tree.inclusion_proof(get, 3, 8)
    with pytest.raises(NotIncluded, match="32 bytes"):
        tree.verify_inclusion(LEAVES[3], 3, 8, [proof[0][:31], *proof[1:]], ROOTS[8])
    with pytest.raises(NotConsistent, match="32 bytes"):
        tree.verify_consistency(4, 8, ROOTS[4], ROOTS[8] + b"\x00", proof)


def test_the_way_a_proof_fails_is_said() -> None:
    with pytest.raises(NotConsistent, match="two different roots"):
        tree.verify_consistency(8, 8, ROOTS[8], ROOTS[7], [])
    with pytest.raises(NotConsistent, match="empty tree"):
        tree.verify_consistency(0, 8, ROOTS[1], ROOTS[8], [])
    with pytest.raises(NotIncluded, match="outside"):
        tree.verify_inclusion(LEAVES[0], 8, 8, [], ROOTS[8])
