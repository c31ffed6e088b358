"""Entries longer than strangers' tools can read: what of them stands in the tree.

C2SP tlog-tiles gives an entry's length in two bytes. A decision that covers a thousand reports, or a sighting told to
two thousand posts, is longer. So such an entry stands in the tree by an envelope: the same entry, with the length and
hash of its data in the place of the data. The envelope is in the tiles; whoever gets the data checks it by the hash.
"""

from __future__ import annotations

import hashlib

import msgspec

from tocsin.record.canonical import canonical
from tocsin.record.tree import leaf_hash

MOST = 0xFFFF
"""Bytes of an entry as it stands in the tree."""


def envelope(body: bytes) -> bytes:
    """The bytes by which an entry stands in the tree: its own, or, where they are too long, its envelope."""
    if len(body) <= MOST:
        return body
    entry = msgspec.json.decode(body)
    data = data_of(body)
    entry["data"] = {"long": {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}}
    return canonical(entry)


def data_of(body: bytes) -> bytes:
    """The data of an entry, as the bytes that an envelope speaks of."""
    return canonical(msgspec.json.decode(body)["data"])


def standing(body: bytes, leaf: bytes) -> bytes:
    """The bytes of an entry that give its leaf, where any do: of before there were envelopes, its own."""
    if len(body) <= MOST or leaf_hash(body) == leaf:
        return body
    return envelope(body)


__all__ = ["MOST", "data_of", "envelope", "standing"]
