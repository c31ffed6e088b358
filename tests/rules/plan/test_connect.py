"""The proof of the communications plan against the plain truth: take a thing away and walk."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tocsin.plan import census
from tocsin.plan.connect import MANY, Net, Proof, Standing


def walk(
    net: Net, p: str, q: str, *, without: str = "", device: tuple[str, str] = ("", "")
) -> bool:
    """Whether q is reached from p by trying everything, with one channel, gateway or device gone."""

    def carried(end: str) -> set[str]:
        return {
            c
            for c, d in net.ends[end].items()
            if c in net.channels and c != without and ((end, d or c) != device or d == MANY)
        }

    seen, todo = set(), list(carried(p))
    while todo:
        c = todo.pop()
        if c in seen:
            continue
        seen.add(c)
        for g, joined in net.gateways.items():
            if g != without and c in joined:
                todo += [d for d in joined if d != without and d in net.channels]
    return bool(seen & carried(q))


@st.composite
def nets(draw: st.DrawFn) -> Net:
    channels = tuple(f"c{i}" for i in range(draw(st.integers(1, 7))))
    some = st.lists(st.sampled_from(channels), max_size=3, unique=True)
    gateways = {f"g{i}": tuple(draw(some)) for i in range(draw(st.integers(0, 7)))}
    devices = st.sampled_from(["", "", "d1", "d2", MANY])
    ends = {f"p{i}": {c: draw(devices) for c in draw(some)} for i in range(draw(st.integers(2, 4)))}
    return Net(channels, ends, gateways)


def truth(net: Net, p: str, q: str) -> tuple[bool, set[str], set[tuple[str, str]]]:
    if not walk(net, p, q):
        return False, set(), set()
    things = {x for x in (*net.channels, *net.gateways) if not walk(net, p, q, without=x)}
    sets = {(e, d or c) for e in (p, q) for c, d in net.ends[e].items()}
    return True, things, {s for s in sets if not walk(net, p, q, device=s)}


def same(proof: Proof, net: Net) -> None:
    for p, q in proof.pairs():
        linked, things, devices = truth(net, p, q)
        link = proof.link(p, q)
        assert (link.standing is not Standing.NONE) == linked
        assert set(link.losses) == things
        assert set(link.devices) == devices
        assert proof.standing(p, q) is link.standing
        assert (link.standing is Standing.TWO_WAYS) == (linked and not things and not devices)


@given(nets())
def test_the_proof_says_what_taking_away_each_thing_shows(net: Net) -> None:
    same(Proof(net), net)


@given(nets(), nets())
def test_after_any_change_the_proof_is_that_of_the_new_net(before: Net, after: Net) -> None:
    same(Proof(before).after(after), after)
    kept = Net(before.channels, {**before.ends, "p0": after.ends["p0"]}, before.gateways)
    same(Proof(before).after(kept), kept)


@given(nets())
def test_the_hops_are_a_way_and_the_tally_counts_every_pair(net: Net) -> None:
    proof = Proof(net)
    groups = {e: e[-1] + "x" if e < "p2" else "rest" for e in net.ends}
    tally = census.take(proof, groups)
    assert sum(tally.counts.values()) == len(list(proof.pairs()))
    broken: dict[str, int] = {}
    for p, q in proof.pairs():
        way = proof.hops(p, q)
        assert bool(way) == proof.linked(p, q) == ((p, q) not in tally.without)
        if way:
            assert way[0] in net.ends[p]
            assert way[-1] in net.ends[q]
            for a, b in pairwise(way):
                gateway, channel = (a, b) if a in net.gateways else (b, a)
                assert channel in net.gateways[gateway]
            assert set(proof.link(p, q).losses) <= set(way)
        for x in proof.link(p, q).losses:
            broken[x] = broken.get(x, 0) + 1
    assert dict(tally.losses) == broken
    links = {(p, q): proof.link(p, q) for p, q in proof.pairs()}
    assert dict(tally.counts) == {s: sum(x.standing is s for x in links.values()) for s in Standing}
    lone = [d for x in links.values() for d in x.devices]
    assert dict(tally.devices) == {d: lone.count(d) for d in lone}
    for (g, h), three in tally.grouped.items():
        within = [x.standing for (p, q), x in links.items() if {groups[p], groups[q]} == {g, h}]
        order = (Standing.NONE, Standing.ONE_LOSS, Standing.TWO_WAYS)
        assert three == tuple(within.count(s) for s in order)


def test_two_radio_nets_with_one_patch_hang_on_the_patch() -> None:
    net = Net(
        ("police", "service"),
        {
            "sniper": {"police": ""},
            "room": {"service": "", "police": ""},
            "detail": {"service": ""},
        },
        {"patch": ("police", "service")},
    )
    proof = Proof(net)
    assert proof.hops("sniper", "detail") == ["police", "patch", "service"]
    assert set(proof.link("sniper", "detail").losses) == {"police", "patch", "service"}
    assert proof.link("room", "room").losses == ()
    assert census.take(proof).losses == {"police": 2, "service": 2, "patch": 1}


def test_one_set_with_two_channels_is_one_loss() -> None:
    net = Net(("a", "b"), {"p": {"a": "radio 7", "b": "radio 7"}, "q": {"a": "", "b": ""}})
    link = Proof(net).link("p", "q")
    assert link.standing is Standing.ONE_LOSS
    assert link.devices == (("p", "radio 7"),)
    assert link.losses == ()
