"""All pairs of ends of a proof at once: the same answers as `Proof.link`, counted, by arrays of bits.

Measured for 300 ends on 60 channels with 80 gateways, 44,850 pairs: see `tocsin bench comms`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.plan.connect import MANY, Standing

if TYPE_CHECKING:
    from tocsin.plan.connect import Proof

_WORD = 64
_ORDER = (Standing.NONE, Standing.ONE_LOSS, Standing.TWO_WAYS)


@dataclass(frozen=True, slots=True)
class Tally:
    """All pairs of ends, counted. `losses`: channel or gateway -> how many pairs it alone breaks; `devices`: (end,
    device) alike; `without` = the pairs with no way; `grouped`: two groups -> pairs (no way, one loss, two ways)."""

    counts: Mapping[Standing, int]
    without: tuple[tuple[str, str], ...]
    losses: Mapping[str, int]
    devices: Mapping[tuple[str, str], int]
    grouped: Mapping[tuple[str, str], tuple[int, int, int]]


def take(proof: Proof, groups: Mapping[str, str] | None = None) -> Tally:
    """Count all pairs; `groups` = end -> the group it is of (a post's agency)."""
    ends = list(proof.net.ends)
    if len(ends) < 2 or not proof.net.channels:
        pairs = tuple(proof.pairs())
        return _of(proof, ends, np.zeros((len(ends), len(ends)), np.int8), {}, {}, groups, pairs)
    on = _words((_bits_of(proof.on(e)) for e in ends), len(proof.net.channels))
    far = _words((proof.far(e) for e in ends), len(proof.net.channels))
    linked = _touch(far, on)
    cut = _cuts(proof, ends)
    alone, devices = _devices(proof, ends, far, linked)
    broken = alone | alone.T
    for k in range(cut.shape[2]):
        broken |= cut[:, :, k] != 0
    standing = np.where(linked, np.where(broken, 1, 2), 0).astype(np.int8)
    upper = np.triu(linked, 1)
    totals = _count_bits(cut[upper], len(proof.names))
    losses = {name: n for name, n in zip(proof.names, totals, strict=True) if n}
    none = np.argwhere(np.triu(~linked, 1)).tolist()
    without = tuple((ends[i], ends[j]) for i, j in none)
    return _of(proof, ends, standing, losses, devices, groups, without)


def _words(masks: Iterable[int], bits: int) -> Any:
    """Bit sets as rows of 64-bit words."""
    words = max(1, -(-bits // _WORD))
    return np.frombuffer(b"".join(m.to_bytes(8 * words, "little") for m in masks), "<u8").reshape(
        -1, words
    )


def _bits_of(numbers: Iterable[int]) -> int:
    return sum(1 << n for n in numbers)


def _touch(a: Any, b: Any) -> Any:
    """Whether each row of `a` has a bit in common with each of `b`. (No matrix product: its threads wait for each
    other on a busy machine, and the sets are small.)"""
    found = np.zeros((len(a), len(b)), bool)
    for k in range(a.shape[1]):
        found |= (a[:, k, None] & b[None, :, k]) != 0
    return found


def _cuts(proof: Proof, ends: list[str]) -> Any:
    """Ends × ends × words: what every way between two ends passes, as bits; nothing where an end carries nothing.

    An end that carries fewer channels than another is given its first once more: it changes nothing, and all ends
    can be done at once.
    """
    n, words = len(proof.net.channels), -(-len(proof.names) // _WORD)
    everything = (1 << _WORD * words) - 1
    between = _words((m or everything for row in proof.cuts for m in row[:n]), len(proof.names))
    between = between.reshape(n, n, words)
    carrying = [i for i, end in enumerate(ends) if proof.on(end)]
    found = np.zeros((len(ends), len(ends), words), np.uint64)
    if not carrying:
        return found
    most = max(len(proof.on(ends[i])) for i in carrying)
    on = np.array([(o := proof.on(ends[i])) + o[:1] * (most - len(o)) for i in carrying]).T
    to_end = between[:, on[0]]
    for k in on[1:]:
        to_end &= between[:, k]
    both = to_end[on[0]]  # whole rows: what is beside each other is read together
    for k in on[1:]:
        both &= to_end[k]
    if len(carrying) == len(ends):
        return both
    found[np.ix_(carrying, carrying)] = both
    return found


def _count_bits(rows: Any, bits: int) -> list[int]:
    """How often each bit is set in rows of words, lowest bit first."""
    octets = np.ascontiguousarray(rows.view(np.uint8).T)[: -(-bits // 8)]
    values = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
    found: list[int] = np.concatenate([np.bincount(o, minlength=256) @ values for o in octets])[
        :bits
    ].tolist()
    return found


def _devices(
    proof: Proof, ends: list[str], far: Any, linked: Any
) -> tuple[Any, dict[tuple[str, str], int]]:
    """Whether an end has but one device towards another; and for each device, of how many pairs it is that one."""
    owner, masks, names = [], [], []
    for i, end in enumerate(ends):
        sets: dict[str, list[int]] = {}
        for c in proof.on(end):
            name = proof.names[c]
            sets.setdefault(proof.net.ends[end][name] or name, []).append(c)
        for device, channels in sets.items():
            owner.append(i)
            masks.append(channels)
            names.append((end, device))
            if device == MANY:  # counts as two, so that it is never the one
                owner.append(i)
                masks.append(channels)
                names.append((end, device))
    alone = np.zeros((len(ends), len(ends)), bool)
    if not owner:
        return alone, {}
    usable = _touch(_words((_bits_of(m) for m in masks), len(proof.net.channels)), far)
    first = np.flatnonzero(np.diff([-1, *owner]))
    alone[[owner[k] for k in first]] = np.add.reduceat(usable.astype(np.int32), first, axis=0) == 1
    alone &= linked
    own = np.array(owner)
    told = usable & alone[own]
    told[np.arange(len(own)), own] = False
    return alone, {n: int(many) for n, many in zip(names, told.sum(axis=1), strict=True) if many}


def _of(
    proof: Proof,
    ends: list[str],
    standing: Any,
    losses: dict[str, int],
    devices: dict[tuple[str, str], int],
    groups: Mapping[str, str] | None,
    without: tuple[tuple[str, str], ...],
) -> Tally:
    upper = np.triu(np.ones_like(standing, dtype=bool), 1)
    counts = {s: int((standing[upper] == k).sum()) for k, s in enumerate(_ORDER)}
    grouped: dict[tuple[str, str], tuple[int, int, int]] = {}
    if groups:
        names = sorted({groups[e] for e in ends})
        code = np.array([names.index(groups[e]) for e in ends])
        low, high = np.minimum.outer(code, code), np.maximum.outer(code, code)
        pair = (low * len(names) + high) * len(_ORDER) + standing
        many = np.bincount(pair[upper], minlength=len(names) ** 2 * len(_ORDER)).reshape(
            -1, len(_ORDER)
        )
        for i, g in enumerate(names):
            for j, h in enumerate(names[i:], i):
                none, one, two = many[i * len(names) + j].tolist()
                grouped[g, h] = (none, one, two)
    return Tally(counts, without, losses, devices, grouped)
