"""The cheapest ways to give pairs of posts a way to each other, best first.

Cost is in sets to be walked to or things to be set up, as people would weigh them; it ranks, it is no price.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from tocsin.plan.connect import Proof
from tocsin.plan.network import Layout
from tocsin.plan.terms.comms import CarryState, GatewayState

_COLLECT, _TEST, _RELAY, _SET, _PATCH = 2, 1, 3, 5, 8
_ISLANDS = 6
"""New gateways are tried between the largest groups of channels only: the rest would mend little."""


class FixKind(StrEnum):
    """What to do. The first three prove what is planned; the others mend the plan."""

    EVERYTHING = "EVERYTHING"
    ROLL_CALL = "ROLL_CALL"
    TEST_GATEWAY = "TEST_GATEWAY"
    RELAY = "RELAY"
    GIVE_SET = "GIVE_SET"
    PATCH = "PATCH"


@dataclass(frozen=True, slots=True)
class Fix:
    """`about` = ids: the channel; the gateway; post, channel, channel; post, channel; channel, channel.
    `mends` = pairs of posts that gain a way: a tested one by the first three kinds, a planned one by the others."""

    kind: FixKind
    about: tuple[str, ...]
    cost: int
    mends: int


def ranked(layout: Layout, planned: Proof, tested: Proof, most: int = 10) -> list[Fix]:
    """The fixes that mend most pairs for their cost; each is reckoned alone."""
    proving, whole = list(_proving(layout, tested)), _linked(planned) - _linked(tested)
    everything = Fix(FixKind.EVERYTHING, (), max(1, sum(f.cost for f in proving)), whole)
    found = [*proving, everything, *_planning(layout, planned)]
    found = [f for f in found if f.mends > 0]
    return sorted(found, key=lambda f: (-f.mends / f.cost, f.cost, f.about))[:most]


def _proving(layout: Layout, tested: Proof) -> Iterator[Fix]:
    far = {p: tested.far(p) for p in tested.net.ends}
    number = {c: i for i, c in enumerate(tested.net.channels)}
    waiting: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for h in layout.holds:
        if (
            h.post in far
            and h.channel in number
            and h.state in (CarryState.PLANNED, CarryState.ISSUED)
        ):
            waiting[h.channel].append(
                (h.post, _TEST + (_COLLECT if h.state == CarryState.PLANNED else 0))
            )
    for channel, sets in waiting.items():
        gained = {post: tested.reach[number[channel]] for post, _ in sets}
        yield Fix(FixKind.ROLL_CALL, (channel,), sum(c for _, c in sets), _gain(far, gained))
    for w in layout.ways:
        if w.state == GatewayState.PLANNED and {w.a, w.b} <= number.keys():
            a, b = tested.reach[number[w.a]], tested.reach[number[w.b]]
            yield Fix(FixKind.TEST_GATEWAY, (w.id,), _TEST, _joined(far.values(), a, b))


def _planning(layout: Layout, planned: Proof) -> Iterator[Fix]:
    far = {p: planned.far(p) for p in planned.net.ends}
    top = [channels for channels, ends in planned.islands[:_ISLANDS] if ends]
    number = {c: i for i, c in enumerate(planned.net.channels)}
    for one, two in combinations(top, 2):
        a, b = planned.reach[number[one[0]]], planned.reach[number[two[0]]]
        mends = _joined(far.values(), a, b)
        both = [p for p, bits in far.items() if bits & a and bits & b]
        if both and mends:
            carried = planned.net.ends[both[0]]
            x, y = (next(c for c in side if c in carried) for side in (one, two))
            yield Fix(FixKind.RELAY, (both[0], x, y), _RELAY, mends)
        yield Fix(FixKind.PATCH, (one[0], two[0]), _PATCH, mends)
    kinds = Counter(far.values())
    used = Counter(c for carried in planned.net.ends.values() for c in carried)
    sides = [(max(side, key=lambda c: used[c]), planned.reach[number[side[0]]]) for side in top]
    for post, bits in far.items():
        for channel, more in sides:
            if not bits & more:
                yield Fix(FixKind.GIVE_SET, (post, channel), _SET, _alone(kinds, bits, more))


def _linked(proof: Proof) -> int:
    kinds = Counter(proof.far(p) for p in proof.net.ends)
    twice = sum(n * (k - (m == o)) for m, n in kinds.items() for o, k in kinds.items() if m & o)
    return twice // 2


def _gain(far: dict[str, int], gained: dict[str, int]) -> int:
    """How many more pairs are joined when some ends come to reach more channels."""
    rest = Counter(bits for end, bits in far.items() if end not in gained)
    count = sum(_alone(rest, far[end], more) for end, more in gained.items())
    for (p, x), (q, y) in combinations(gained.items(), 2):
        count += bool((far[p] | x) & (far[q] | y)) and not far[p] & far[q]
    return count


def _alone(kinds: Counter[int], before: int, more: int) -> int:
    """As `_gain`, of one end; it never gains itself, so it may be among `kinds`."""
    return sum(n for bits, n in kinds.items() if more & bits and not before & bits)


def _joined(masks: Iterable[int], a: int, b: int) -> int:
    """How many more pairs are joined when the groups of channels `a` and `b` become one."""
    if a & b:
        return 0
    kinds = Counter(masks)
    count = 0
    for m, n in kinds.items():
        for o, k in kinds.items():
            if m & a and o & b and not m & o:
                count += n * k
    return count
