"""All pairs of ends of a proof at once: the same answers as `Proof.link`, counted, by arrays of bits.

Measured for 300 ends on 60 channels with 80 gateways, 44,850 pairs: see `tocsin bench comms`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.plan.connect import MANY, Standing

if TYPE_CHECKING:
    from tocsin.plan.connect import Proof

_WORD = 64
_ALL = (1 << _WORD) - 1
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
    on, far = _carried(proof, ends)
    linked = (far @ on.T) > 0
    cut = _cuts(proof, ends)
    alone, devices = _devices(proof, ends, far, linked)
    broken = cut.any(axis=2) | alone | alone.T
    standing = np.where(linked, np.where(broken, 1, 2), 0).astype(np.int8)
    upper = np.triu(linked, 1)
    bits = np.unpackbits(cut[upper].view(np.uint8), axis=1, bitorder="little")
    totals = bits.sum(axis=0, dtype=np.int64)
    losses = {name: int(n) for name, n in zip(proof.names, totals, strict=False) if n}
    none = np.argwhere(np.triu(~linked, 1)).tolist()
    without = tuple((ends[i], ends[j]) for i, j in none)
    return _of(proof, ends, standing, losses, devices, groups, without)


def _carried(proof: Proof, ends: list[str]) -> tuple[Any, Any]:
    """Two arrays, ends × channels: the channels an end carries, and those a message from it comes to."""
    n = len(proof.net.channels)
    on, far = np.zeros((len(ends), n), np.float32), np.zeros((len(ends), n), np.float32)
    reach = np.zeros((n, n), np.float32)
    for c, bits in enumerate(proof.reach):
        reach[c] = [bits >> d & 1 for d in range(n)]
    for i, end in enumerate(ends):
        on[i, list(proof.on(end))] = 1
    np.minimum(on @ reach, 1, out=far)
    return on, far


def _cuts(proof: Proof, ends: list[str]) -> Any:
    """Ends × ends × words: what every way between two ends passes, as bits; nothing where an end carries nothing."""
    n = len(proof.net.channels)
    words = -(-len(proof.names) // _WORD)
    between = np.empty((n, n, words), np.uint64)
    for c, row in enumerate(proof.cuts):
        for k in range(words):
            between[c, :, k] = [(m >> _WORD * k & _ALL) if m else _ALL for m in row[:n]]
    carrying = [i for i, end in enumerate(ends) if proof.on(end)]
    found = np.zeros((len(ends), len(ends), words), np.uint64)
    if not carrying:
        return found
    every = np.concatenate([proof.on(ends[i]) for i in carrying])
    starts = np.cumsum([0, *(len(proof.on(ends[i])) for i in carrying[:-1])])
    for i in carrying:
        row = np.bitwise_and.reduce(between[list(proof.on(ends[i]))], axis=0)
        found[i, carrying] = np.bitwise_and.reduceat(row[every], starts, axis=0)
    return found


def _devices(proof: Proof, ends: list[str], far: Any, linked: Any) -> tuple[Any, dict[tuple[str, str], int]]:
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
    carried = np.zeros((len(masks), far.shape[1]), np.float32)
    for k, channels in enumerate(masks):
        carried[k, channels] = 1
    usable = (carried @ far.T) > 0
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
        of = np.array([[groups[e] == g for g in names] for e in ends], np.float32)
        # Counts of pairs: whole numbers below 2^24, which float32 holds exactly.
        tables = [of.T @ ((standing == k) & upper).astype(np.float32) @ of for k in range(3)]
        for i, g in enumerate(names):
            for j, h in enumerate(names[i:], i):
                grouped[g, h] = tuple(  # type: ignore[assignment]  # of three, as the tables are
                    int(t[i, j] + (t[j, i] if i != j else 0)) for t in tables
                )
    return Tally(counts, without, losses, devices, grouped)
