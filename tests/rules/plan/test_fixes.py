"""The ranked fixes: each mends as many pairs as it says."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tocsin.plan import fixes
from tocsin.plan.connect import Proof
from tocsin.plan.fixes import FixKind
from tocsin.plan.network import Held, Layout, Level, Way, of_agencies, of_posts


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    channels = tuple(f"c{i}" for i in range(draw(st.integers(1, 5))))
    posts = {f"p{i}": f"a{i % 2}" for i in range(draw(st.integers(2, 6)))}
    states = st.sampled_from(["PLANNED", "ISSUED", "TESTED"])
    holds: list[Held] = []
    for post, agency in posts.items():
        for c in draw(st.lists(st.sampled_from(channels), max_size=3, unique=True)):
            holds.append(Held(f"h{len(holds)}", agency, post, c, "", draw(states)))
    ways = []
    for i in range(draw(st.integers(0, 3))):
        a, b = draw(st.sampled_from(channels)), draw(st.sampled_from(channels))
        if a != b:
            state = draw(st.sampled_from(["PLANNED", "TESTED", "DOWN"]))
            ways.append(Way(f"g{i}", "PATCH", a, b, "", state))
    return Layout(channels, posts, ("a0", "a1"), tuple(holds), tuple(ways))


def linked(layout: Layout, level: Level) -> int:
    proof = Proof(of_posts(layout, level))
    return sum(proof.linked(p, q) for p, q in proof.pairs())


def done(layout: Layout, fix: fixes.Fix) -> tuple[Layout, Level]:
    holds, ways = list(layout.holds), list(layout.ways)
    level = Level.PLANNED
    if fix.kind is FixKind.ROLL_CALL:
        level = Level.TESTED
        holds = [replace(h, state="TESTED") if h.channel == fix.about[0] else h for h in holds]
    elif fix.kind is FixKind.EVERYTHING:
        level = Level.TESTED
        holds = [Held(h.id, h.agency, h.post, h.channel, "", "TESTED") for h in holds]
        ways = [
            Way(w.id, w.kind, w.a, w.b, w.post, w.state.replace("PLANNED", "TESTED")) for w in ways
        ]
    elif fix.kind is FixKind.TEST_GATEWAY:
        level = Level.TESTED
        ways = [
            Way(w.id, w.kind, w.a, w.b, w.post, "TESTED") if w.id == fix.about[0] else w
            for w in ways
        ]
    elif fix.kind is FixKind.GIVE_SET:
        holds.append(Held("new", "", fix.about[0], fix.about[1], "", "PLANNED"))
    elif fix.kind is FixKind.RELAY:
        ways.append(Way("new", "RELAY_PERSON", fix.about[1], fix.about[2], fix.about[0], "PLANNED"))
    else:
        ways.append(Way("new", "PATCH", fix.about[0], fix.about[1], "", "PLANNED"))
    return Layout(layout.channels, layout.posts, layout.agencies, tuple(holds), tuple(ways)), level


@given(layouts())
def test_each_fix_mends_as_many_pairs_as_it_says(layout: Layout) -> None:
    proofs = {level: Proof(of_posts(layout, level)) for level in Level}
    for fix in fixes.ranked(layout, proofs[Level.PLANNED], proofs[Level.TESTED]):
        after, level = done(layout, fix)
        assert linked(after, level) - linked(layout, level) == fix.mends, fix


@given(layouts())
def test_what_is_tested_is_planned_and_a_linked_pair_links_its_agencies(layout: Layout) -> None:
    for level in Level:
        posts, agencies = Proof(of_posts(layout, level)), Proof(of_agencies(layout, level))
        for p, q in posts.pairs():
            if posts.linked(p, q) and layout.posts[p] != layout.posts[q]:
                assert agencies.linked(layout.posts[p], layout.posts[q])
    assert linked(layout, Level.TESTED) <= linked(layout, Level.PLANNED)


def test_a_relay_counts_only_where_its_post_holds_both_channels() -> None:
    relay = Way("g", "RELAY_PERSON", "x", "y", "m", "PLANNED")
    ends = [Held("1", "a", "p", "x", "", "PLANNED"), Held("2", "a", "q", "y", "", "PLANNED")]
    half = [Held("3", "a", "m", "x", "", "PLANNED")]
    whole = [*half, Held("4", "a", "m", "y", "", "PLANNED")]
    posts = {"p": "a", "q": "a", "m": "a"}
    for held, joined in ((half, False), (whole, True)):
        layout = Layout(("x", "y"), posts, ("a",), (*ends, *held), (relay,))
        proof = Proof(of_posts(layout, Level.PLANNED))
        assert proof.linked("p", "q") is joined
    assert "relay:m" in proof.link("p", "q").losses
