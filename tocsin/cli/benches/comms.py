"""How long the proof of a communications plan takes: whole, and after one change.

Made anew from a seed: posts of many agencies, each with one to four channels, gateways in a tree and some more, so
that there are one-loss pairs, pairs with two ways and islands. "Whole" is everything a page needs: planned and tested,
by posts and by agencies, all pairs counted. "After one change" starts from the whole proof before the change.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from tocsin.cli.benches import Measure
from tocsin.plan.network import Held, Layout, Level, Way

POSTS, AGENCIES, CHANNELS, GATEWAYS = 300, 40, 60, 80
_TIMES = 5


def run(*, quick: bool = False, seed: int = 1) -> Iterator[Measure]:
    """Whole proof, and the proof after one set, one gateway, changed."""
    from tocsin.plan import fixes  # noqa: PLC0415
    from tocsin.plan.store.comms import prove  # noqa: PLC0415 - after Django is set up

    posts, agencies, channels = (30, 4, 6) if quick else (POSTS, AGENCIES, CHANNELS)
    layout = made(random.Random(seed), posts, agencies, channels)
    before = prove(layout)
    where = f"{posts} posts, {agencies} agencies, {channels} channels, {len(layout.ways)} gateways"
    pairs = posts * (posts - 1) // 2
    yield Measure(
        "comms.proof.whole",
        _median(lambda: prove(layout)),
        "ms",
        f"{where}; {pairs} pairs; target ≤ 1000 ms",
    )
    lost = replace(layout, holds=(replace(layout.holds[0], state="PLANNED"), *layout.holds[1:]))
    yield Measure(
        "comms.proof.after_a_set",
        _median(lambda: prove(lost, before)),
        "ms",
        f"{where}; target ≤ 50 ms",
    )
    down = replace(layout, ways=(replace(layout.ways[0], state="DOWN"), *layout.ways[1:]))
    yield Measure(
        "comms.proof.after_a_gateway",
        _median(lambda: prove(down, before)),
        "ms",
        f"{where}; target ≤ 50 ms",
    )
    ranked = _median(
        lambda: fixes.ranked(layout, before.posts[Level.PLANNED], before.posts[Level.TESTED])
    )
    yield Measure("comms.fixes", ranked, "ms", where)


def made(rng: random.Random, posts: int, agencies: int, channels: int) -> Layout:
    """A plan of that size; three sets in four are tested."""
    names = [f"chn_{i}" for i in range(channels)]
    of = {f"post_{i}": f"agency_{i % agencies}" for i in range(posts)}
    states = ("TESTED", "TESTED", "TESTED", "ISSUED")
    holds = [
        Held(f"car_{post}_{c}", of[post], post, c, "", rng.choice(states))
        for post in of
        for c in rng.sample(names, rng.randint(1, 4))
    ]
    ways = []
    carried: dict[str, list[str]] = {}
    for h in holds:
        carried.setdefault(h.post, []).append(h.channel)
    relays = [post for post, on in carried.items() if len(on) > 1]
    for i in range(GATEWAYS):
        relay = rng.choice(relays) if i % 10 == 9 and relays else ""
        a, b = rng.sample(carried[relay] if relay else names, 2)
        ways.append(Way(f"gtw_{i}", "RELAY_PERSON" if relay else "PATCH", a, b, relay, "TESTED"))
    return Layout(tuple(names), of, tuple(sorted(set(of.values()))), tuple(holds), tuple(ways))


def _median(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(taken), 2)
