"""The record's Merkle tree: RFC 9162 hashing, growth, proofs, and the checks of proofs.

A node is named by its level (0 for leaves) and its index in that level; node (level, index) covers
leaves `index << level` up to `(index + 1) << level`. Only complete nodes are ever stored: their
hashes never change, so they can be kept by level in tiles of 256 and cached for ever. The ragged
right edge is the `Frontier`, and is all that growth needs.

Every hash is 32 bytes of SHA-256. Checks raise; none returns a yes or no.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from tocsin.kernel.errors import Corrupt, Invalid

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()  # RFC 9162 section 2.1.1: the hash of an empty tree

Node = tuple[int, int, bytes]
"""A complete node above the leaves: (level ≥ 1, index, hash). Stored once, never changed."""

GetNode = Callable[[int, int], bytes]
"""Gives the stored hash of the complete node (level, index). May raise LookupError."""


class BadProof(Corrupt):
    """A proof does not show what it is said to show."""

    code = "bad_proof"


class NotIncluded(BadProof):
    """The proof does not show that the leaf is in the tree with this root."""

    code = "not_included"


class NotConsistent(BadProof):
    """The proof does not show that the newer tree only added to the older one."""

    code = "not_consistent"


class MissingNode(Corrupt):
    """The store of hashes lacks a node of the tree, or holds one of the wrong length."""

    code = "missing_node"


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry's bytes as a leaf: SHA-256(0x00 ‖ entry). RFC 9162 section 2.1.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """`leaf_hash` of each entry, in order; the quick way for many."""
    sha256 = hashlib.sha256
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash above two nodes: SHA-256(0x01 ‖ left ‖ right). RFC 9162 section 2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a tree: its size, and the roots of its complete subtrees, largest first.

    There is one such root for each 1 bit of `size`, so at most 64 hashes stand for any tree. It
    only grows; on a failed transaction, throw it away and load the stored one again.
    """

    __slots__ = ("_edge", "_size")

    def __init__(self, size: int = 0, edge: Iterable[bytes] = ()) -> None:
        """An empty tree, or one taken up again from its size and edge.

        Raises: Corrupt when the edge does not fit the size.
        """
        self._size = size
        self._edge = list(edge)
        if size < 0 or len(self._edge) != size.bit_count():
            raise Corrupt(
                f"{len(self._edge)} edge hashes cannot belong to a tree of {size} entries",
                field="frontier",
                cure="Rebuild it from the entries.",
            )
        if any(len(part) != HASH_BYTES for part in self._edge):
            raise Corrupt("an edge hash is not 32 bytes", field="frontier")

    @classmethod
    def from_hex(cls, size: int, edge: Iterable[str]) -> Frontier:
        """The frontier that `size` and `edge_hex()` were taken from.

        Raises: Corrupt when the edge does not fit the size or is not hexadecimal.
        """
        try:
            parts = [bytes.fromhex(part) for part in edge]
        except (ValueError, TypeError) as error:
            raise Corrupt("an edge hash is not hexadecimal", field="frontier") from error
        return cls(size, parts)

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self._size

    @property
    def edge(self) -> tuple[bytes, ...]:
        """The roots of the complete subtrees, largest (leftmost) first."""
        return tuple(self._edge)

    def edge_hex(self) -> list[str]:
        """The edge as hexadecimal text, fit for JSON."""
        return [part.hex() for part in self._edge]

    def copy(self) -> Frontier:
        """An equal frontier that grows on its own."""
        return Frontier(self._size, self._edge)

    def root(self) -> bytes:
        """The root of the whole tree: the edge folded from the right. RFC 9162 section 2.1.1."""
        return _fold(self._edge)

    def append(self, leaf: bytes) -> None:
        """Grow by one leaf hash (not an entry: see `leaf_hash`). Raises: Invalid, not 32 bytes."""
        if len(leaf) != HASH_BYTES:
            raise Invalid("a leaf hash is not 32 bytes", field="leaf", cure="Use leaf_hash().")
        sha256, edge, carry = hashlib.sha256, self._edge, self._size
        while carry & 1:
            leaf = sha256(b"\x01" + edge.pop() + leaf).digest()
            carry >>= 1
        edge.append(leaf)
        self._size += 1

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Grow by many leaf hashes, in order."""
        for _ in self._grow(leaves):
            pass

    def extend_with_nodes(self, leaves: Sequence[bytes]) -> list[Node]:
        """Grow by many leaf hashes; the complete nodes above the leaves that this made.

        Store them with the leaf hashes themselves, which are level 0 from the old `size` on.
        """
        return [
            (level, first + place, made)
            for level, first, hashes in self._grow(leaves)
            for place, made in enumerate(hashes)
        ]

    def _grow(self, leaves: Sequence[bytes]) -> Iterable[tuple[int, int, list[bytes]]]:
        """Grow level by level; yields (level, first index, hashes completed there), level ≥ 1.

        1. At each level the row to add starts at index `size >> level`. When that is odd, its left
           neighbour is on the edge: put it in front.
        2. Pair the row; the pairs' hashes are the row to add one level up.
        3. A last one without a partner stays on the edge of the new tree at this level.
        4. When no row is left, the edge above is unchanged.

        Raises: Invalid when a leaf hash is not 32 bytes; then nothing has changed.
        """
        if not set(map(len, leaves)) <= {HASH_BYTES}:
            raise Invalid("a leaf hash is not 32 bytes", field="leaves", cure="Use leaf_hash().")
        sha256 = hashlib.sha256
        old, start, level = list(self._edge), self._size, 0
        new_size = start + len(leaves)
        kept: list[bytes] = []  # smallest first
        row = list(leaves)
        while row:
            if start & 1:
                row.insert(0, old.pop())
                start -= 1
            if len(row) & 1:
                kept.append(row.pop())
            pairs = iter(row)
            row = [
                sha256(b"\x01" + left + right).digest()
                for left, right in zip(pairs, pairs, strict=True)
            ]
            start >>= 1
            level += 1
            if row:
                yield level, start, row
        self._edge = old + kept[::-1]
        self._size = new_size


def new_nodes(frontier: Frontier, leaves: Sequence[bytes]) -> list[Node]:
    """The complete nodes above the leaves that appending `leaves` makes; `frontier` stays as is."""
    return frontier.copy().extend_with_nodes(leaves)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root of the tree of these leaf hashes."""
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


def _fold(parts: Sequence[bytes]) -> bytes:
    """Join subtree roots, largest first, into one root, from the right."""
    if not parts:
        return EMPTY_ROOT
    root = parts[-1]
    for left in reversed(parts[:-1]):
        root = node_hash(left, root)
    return root


# Proofs. A range is (first leaf, one past the last); the hash of a range is the root of its leaves.


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The ranges whose hashes prove leaf `index` in a tree of `size`, leaf end first.

    PATH(m, D_n) of RFC 9162 section 2.1.3.1, walked from the root down.

    Raises: Invalid when there is no such leaf.
    """
    if not 0 <= index < size:
        raise Invalid(f"no leaf {index} in a tree of {size}", field="index", cure="Start at 0.")
    low, high, ranges = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    return ranges[::-1]


def consistency_ranges(old_size: int, new_size: int) -> list[tuple[int, int]]:
    """The ranges whose hashes prove that the tree of `old_size` grew into that of `new_size`.

    SUBPROOF(m, D_n, true) of RFC 9162 section 2.1.4.1, walked from the root down. Empty when
    the sizes are equal, and when the old tree is empty.

    Raises: Invalid when the old size is the larger, or negative.
    """
    if not 0 <= old_size <= new_size:
        raise Invalid(
            f"a tree of {new_size} cannot have grown from one of {old_size}",
            field="old_size",
            cure="Give the smaller size first.",
        )
    if old_size == 0:
        return []
    low, high, ranges = 0, new_size, []
    while high != old_size:
        middle = low + _split(high - low)
        if old_size <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    if low:  # otherwise the old tree is itself a node of the new one, and its root is known
        ranges.append((low, high))
    return ranges[::-1]


def complete_nodes(low: int, high: int) -> list[tuple[int, int]]:
    """The (level, index) of the fewest complete nodes that make up a range, largest first.

    Ask it of each range of a proof to fetch all the nodes needed at once.
    """
    nodes = []
    while low < high:
        level = (high - low).bit_length() - 1
        nodes.append((level, low >> level))
        low += 1 << level
    return nodes


def inclusion_proof(get: GetNode, index: int, size: int) -> list[bytes]:
    """The proof that leaf `index` is in the tree of `size`: at most 63 hashes, leaf end first.

    Raises: Invalid when there is no such leaf; MissingNode when the store lacks a node.
    """
    return [_range_hash(get, low, high) for low, high in inclusion_ranges(index, size)]


def consistency_proof(get: GetNode, old_size: int, new_size: int) -> list[bytes]:
    """The proof that the tree of `old_size` grew into that of `new_size`: at most 64 hashes.

    Raises: Invalid when the old size is the larger; MissingNode when the store lacks a node.
    """
    return [_range_hash(get, low, high) for low, high in consistency_ranges(old_size, new_size)]


def root_at(get: GetNode, size: int) -> bytes:
    """The root the tree had at `size`, from stored nodes.

    Raises: Invalid when the size is negative; MissingNode when the store lacks a node.
    """
    if size < 0:
        raise Invalid(f"a tree cannot have {size} leaves", field="size")
    return _range_hash(get, 0, size)


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that the leaf hash stands at `index` in the tree of `size` with this root.

    RFC 9162 section 2.1.3.2, by its steps:
    1. The leaf must be inside the tree.
    2. `place` is the leaf's index, `last` the last leaf's; both halve at each level.
    3. Going up: a right-hand child, or the last of its level, takes the next hash on its left
       (skipping levels where it has no sibling); any other takes it on its right.
    4. All hashes must be used exactly when the root is reached, and the result be the root.

    Raises: NotIncluded, saying which of these failed.
    """
    _check_lengths(NotIncluded, leaf, root, *proof)
    if not 0 <= index < size:
        raise NotIncluded(f"leaf {index} is outside a tree of {size}", field="index")
    place, last, result = index, size - 1, leaf
    for part in proof:
        if last == 0:
            raise NotIncluded("the proof is too long", field="proof")
        if place & 1 or place == last:
            result = node_hash(part, result)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            result = node_hash(result, part)
        place >>= 1
        last >>= 1
    if last:
        raise NotIncluded("the proof is too short", field="proof")
    if result != root:
        raise NotIncluded(f"the proof of leaf {index} does not lead to the root", field="proof")


def verify_consistency(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree with the new root holds all of the old one, unchanged and in order.

    RFC 9162 section 2.1.4.2, by its steps:
    1. Equal trees need equal roots, and an empty tree has the empty root; neither takes a proof.
    2. When the old size is a power of two, the old root itself stands first in the proof.
    3. `place` and `last` are the last leaves of both trees, shifted up to the first subtree that
       ends with the old tree.
    4. Going up: a left-hand hash belongs to both trees, a right-hand one only to the new tree.
    5. All hashes must be used, and both results be the roots.

    Raises: NotConsistent, saying which of these failed.
    """
    _check_lengths(NotConsistent, old_root, new_root, *proof)
    if not 0 <= old_size <= new_size:
        raise NotConsistent(
            f"a tree of {new_size} cannot have grown from one of {old_size}", field="old_size"
        )
    if old_size in (0, new_size):
        _verify_without_proof(old_size, new_size, old_root, new_root, proof)
        return
    parts = [old_root, *proof] if old_size.bit_count() == 1 else list(proof)
    if not parts:
        raise NotConsistent("the proof is too short", field="proof")
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place >>= 1
        last >>= 1
    old = new = parts[0]
    for part in parts[1:]:
        if last == 0:
            raise NotConsistent("the proof is too long", field="proof")
        if place & 1 or place == last:
            old, new = node_hash(part, old), node_hash(part, new)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            new = node_hash(new, part)
        place >>= 1
        last >>= 1
    if last:
        raise NotConsistent("the proof is too short", field="proof")
    if old != old_root:
        raise NotConsistent(f"the proof does not lead to the root at {old_size}", field="proof")
    if new != new_root:
        raise NotConsistent(f"the proof does not lead to the root at {new_size}", field="proof")


def _verify_without_proof(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    if proof:
        raise NotConsistent("the proof is too long: none is needed", field="proof")
    if old_size == new_size and old_root != new_root:
        raise NotConsistent(f"two different roots at the same size, {old_size}", field="new_root")
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise NotConsistent("the root of an empty tree is wrong", field="old_root")


def _check_lengths(failure: type[BadProof], *hashes: bytes) -> None:
    if any(len(part) != HASH_BYTES for part in hashes):
        raise failure("a hash is not 32 bytes", field="proof")


def _range_hash(get: GetNode, low: int, high: int) -> bytes:
    return _fold([_fetch(get, level, index) for level, index in complete_nodes(low, high)])


def _fetch(get: GetNode, level: int, index: int) -> bytes:
    try:
        found = get(level, index)
    except LookupError as error:
        raise MissingNode(f"no hash is stored for node {level}/{index}", field="tree") from error
    if len(found) != HASH_BYTES:
        raise MissingNode(f"the hash of node {level}/{index} is not 32 bytes", field="tree")
    return found


def _split(width: int) -> int:
    """The largest power of two smaller than `width` (≥ 2). RFC 9162 section 2.1.1."""
    return 1 << ((width - 1).bit_length() - 1)
