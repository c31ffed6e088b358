"""Proof that a message can travel: for every two ends, over what, and what single loss breaks it.

An *end* (a post, an agency) is joined to the channels it carries; a *gateway* joins channels to one another. A message
goes from an end over channels and gateways to another end, never through a third end: who relays is a gateway, by
name. A person who relays on several channels relays among all of them.

The ends hang on the net of channels and gateways like leaves. So what separates end p from end q is what
separates every channel of p from every channel of q that it is joined to, and it is enough to know, for every two
channels, the vertices that every way between them passes: one walk of the net a channel (Tarjan's low points give the
blocks), then an AND of bit sets for each two ends. Linear in the net for each channel, and a change at one end
touches that end's row alone.

Source of the method: R. Tarjan, Depth-first search and linear graph algorithms, SIAM J. Comput. 1 (1972).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

MANY = "*"
"""The device of a channel that an end can use with more than one set: no single set's loss takes it off."""


@dataclass(frozen=True, slots=True)
class Net:
    """What there is. `ends`: end -> {channel: device}; `gateways`: gateway -> the channels it joins.

    A device '' is a set of its own for that channel; MANY = more than one set.
    """

    channels: tuple[str, ...]
    ends: Mapping[str, Mapping[str, str]]
    gateways: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Standing(StrEnum):
    """What is proved of two ends; the value is what people read."""

    TWO_WAYS = "two ways, or more"
    ONE_LOSS = "one loss breaks it"
    NONE = "no way"


@dataclass(frozen=True, slots=True)
class Link:
    """What is proved of two ends. `losses` = channels, gateways and (end, device) each of which alone breaks it."""

    standing: Standing
    losses: tuple[str, ...] = ()
    devices: tuple[tuple[str, str], ...] = ()


_NONE = Link(Standing.NONE)


class Proof:
    """All that is proved of one net. Made whole by `Proof(net)`, anew after a change by `proof.after(net)`.

    `names` numbers channels, then gateways; `cuts[c][v]` = the vertices that every way from channel c to v
    passes, as bits (0 = no way); `reach[c]` = the channels c is joined to.
    """

    def __init__(self, net: Net, _before: Proof | None = None) -> None:
        self.net = net
        self.names = (*net.channels, *net.gateways)
        self._number = {name: i for i, name in enumerate(self.names)}
        self._beside: list[list[int]]
        self.cuts: list[list[int]]
        self.reach: list[int]
        if _before is not None and _same_net(_before.net, net):
            self._beside, self.cuts, self.reach = _before._beside, _before.cuts, _before.reach
        else:
            self._beside = _joined(net, self._number)
            self.cuts = [_separators(self._beside, c) for c in range(len(net.channels))]
            self.reach = [
                _mask(c for c, cut in enumerate(row[: len(net.channels)]) if cut)
                for row in self.cuts
            ]
        known = set(net.channels)
        self._on = {
            end: tuple(sorted(self._number[c] for c in carried if c in known))
            for end, carried in net.ends.items()
        }
        self._far = {on: self._reached(on) for on in set(self._on.values())}

    def after(self, net: Net) -> Proof:
        """The proof of a changed net; what is the same is not proved again."""
        return self if net == self.net else Proof(net, self)

    def linked(self, p: str, q: str) -> bool:
        """Whether a message can travel between two ends at all."""
        return bool(self._far[self._on[p]] & _mask(self._on[q]))

    def link(self, p: str, q: str) -> Link:
        """What is proved of two ends."""
        if not self.linked(p, q):
            return _NONE
        cut = self._cut(p, q)
        losses = tuple(self.names[i] for i in _bits(cut))
        devices = (*self._lone(p, q), *self._lone(q, p))
        return Link(Standing.ONE_LOSS if losses or devices else Standing.TWO_WAYS, losses, devices)

    def standing(self, p: str, q: str) -> Standing:
        """As `link`, without naming what breaks it."""
        if not self.linked(p, q):
            return Standing.NONE
        if self._cut(p, q) or self._lone(p, q) or self._lone(q, p):
            return Standing.ONE_LOSS
        return Standing.TWO_WAYS

    def hops(self, p: str, q: str) -> list[str]:
        """The shortest way: channels and gateways in order; empty where there is none."""
        wanted = set(self._on[q])
        came: dict[int, int | None] = dict.fromkeys(self._on[p])
        queue = deque(self._on[p])
        while queue:
            at = queue.popleft()
            if at in wanted:
                way = [at]
                while (before := came[way[-1]]) is not None:
                    way.append(before)
                return [self.names[i] for i in reversed(way)]
            for to in self._beside[at]:
                if to not in came:
                    came[to] = at
                    queue.append(to)
        return []

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every two ends, once."""
        ends = list(self.net.ends)
        for i, p in enumerate(ends):
            for q in ends[i + 1 :]:
                yield p, q

    @cached_property
    def islands(self) -> list[tuple[tuple[str, ...], frozenset[str]]]:
        """Groups of channels joined to one another, and the ends on each, the one with most ends first."""
        groups: dict[int, list[int]] = defaultdict(list)
        for c, reach in enumerate(self.reach):
            groups[reach].append(c)
        found = []
        for reach, channels in groups.items():
            ends = frozenset(e for e, on in self._on.items() if reach & _mask(on))
            found.append((tuple(self.names[c] for c in channels), ends))
        return sorted(found, key=lambda g: (-len(g[1]), g[0]))

    def on(self, end: str) -> tuple[int, ...]:
        """The channels an end carries, by their number in `names`."""
        return self._on[end]

    def far(self, end: str) -> int:
        """The channels a message from an end comes to, as bits."""
        return self._far[self._on[end]]

    def _reached(self, on: tuple[int, ...]) -> int:
        far = 0
        for c in on:
            far |= self.reach[c]
        return far

    def _cut(self, p: str, q: str) -> int:
        """The vertices every way between two linked ends passes, as bits."""
        a, b = self._on[p], self._on[q]
        found = -1
        for c in a:
            row = self.cuts[c]
            for d in b:
                if row[d]:
                    found &= row[d]
        return found

    def _lone(self, p: str, q: str) -> tuple[tuple[str, str], ...]:
        """The one device of `p` over which every way to `q` goes."""
        usable = self._far[self._on[q]]
        carried = self.net.ends[p]
        found: set[str] = set()
        for c in self._on[p]:
            if usable >> c & 1:
                name = self.names[c]
                found.add(carried[name] or name)
                if len(found) > 1 or carried[name] == MANY:
                    return ()
        return ((p, found.pop()),) if found else ()


def _same_net(a: Net, b: Net) -> bool:
    return a.channels == b.channels and dict(a.gateways) == dict(b.gateways)


def _joined(net: Net, number: Mapping[str, int]) -> list[list[int]]:
    """Neighbours of each vertex; a gateway of fewer than two known channels joins nothing."""
    beside: list[list[int]] = [[] for _ in number]
    for gateway, channels in net.gateways.items():
        known = sorted({number[c] for c in channels if c in number})
        if len(known) > 1:
            here = number[gateway]
            beside[here] = known
            for c in known:
                beside[c].append(here)
    return beside


def _separators(beside: Sequence[Sequence[int]], root: int) -> list[int]:
    """For each vertex, as bits: those that every way from `root` to it passes, both ends included; 0 = no way.

    1. Walk depth first from the root; keep the order and each vertex's low point.
    2. A tree edge u–v whose v cannot get above u opens a block, and u is passed on every way into it.
    3. In order of the walk: a vertex's separators are those of the top of its block, and itself.
    """
    n = len(beside)
    order, parent, seen, low = [root], [-1] * n, [-1] * n, [0] * n
    seen[root] = 0
    stack = [(root, iter(beside[root]))]
    while stack:
        u, rest = stack[-1]
        for v in rest:
            if seen[v] < 0:
                seen[v] = low[v] = len(order)
                parent[v] = u
                order.append(v)
                stack.append((v, iter(beside[v])))
                break
            if v != parent[u] and seen[v] < low[u]:
                low[u] = seen[v]
        else:
            stack.pop()
            if (above := parent[u]) >= 0 and low[u] < low[above]:
                low[above] = low[u]
    cut, top = [0] * n, [root] * n
    cut[root] = 1 << root
    for v in order[1:]:
        u = parent[v]
        top[v] = u if low[v] >= seen[u] else top[u]
        cut[v] = cut[top[v]] | 1 << v
    return cut


def _mask(numbers: Iterable[int]) -> int:
    found = 0
    for i in numbers:
        found |= 1 << i
    return found


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
