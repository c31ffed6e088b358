"""Whether a position is held, a zone swept, a roof in sight: decided purely."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin.plan.geometry import Point
from tocsin.plan.rules import (
    Block,
    Held,
    Reason,
    Sweep,
    nearest,
    next_check_in,
    seen,
    standing,
    sweep_standing,
)
from tocsin.plan.terms import PositionState, ZoneState

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
STAGE = Point.degrees(40.857, -79.971)
TIMES = st.none() | st.integers(-90, 90).map(lambda m: NOW + timedelta(minutes=m))
HELD = st.builds(
    Held,
    state=st.sampled_from([s.value for s in PositionState]),
    accepting=st.sampled_from(["", "metro"]),
    mitigation=st.booleans(),
    person=st.sampled_from(["", "per_1"]),
    person_here=st.booleans(),
    check_in_every_s=st.sampled_from([0, 60, 1800]),
    check_in_due=TIMES,
)


@given(HELD)
def test_only_what_was_accepted_whole_is_ever_green(p: Held) -> None:
    verdict = standing(p, NOW)
    whole = (
        p.state == PositionState.ACCEPTED and p.accepting and p.mitigation and p.person and p.person_here
        and p.check_in_every_s > 0 and (p.check_in_due is None or p.check_in_due >= NOW)
    )  # fmt: skip
    assert verdict.red is not bool(whole)
    assert (verdict.why is Reason.HELD) is bool(whole)


@given(HELD)
def test_an_assumed_position_is_never_green(p: Held) -> None:
    if p.state in (PositionState.LISTED, PositionState.ASSUMED):
        assert standing(p, NOW).why in (Reason.ASSUMED, Reason.NOT_ASKED)


@given(st.sampled_from([s.value for s in ZoneState]), st.sampled_from(["", "metro"]), TIMES)
def test_a_zone_is_green_only_while_a_clear_sweep_holds(
    state: str, team: str, expires: datetime | None
) -> None:
    green = not sweep_standing(Sweep(state, team, expires), NOW).red
    assert green is bool(state == ZoneState.SWEPT and expires is not None and expires > NOW)


@given(st.integers(-5000, 5000), st.integers(60, 14400), st.booleans())
def test_check_ins_go_on_until_the_end_and_never_lie_in_the_past(
    minutes: int, every_s: int, first: bool
) -> None:
    starts, ends = NOW, NOW + timedelta(hours=6)
    at = NOW + timedelta(minutes=minutes)
    due = next_check_in(at, every_s, starts, ends, first=first)
    if due is None:
        assert at + timedelta(seconds=every_s) > ends
    else:
        assert starts <= due <= ends
        assert due > at


def wall(east: float, north: float, half: float, height: float) -> Block:
    ring = [
        STAGE.moved(east + x * half, north + y * half)
        for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    return Block("hall", tuple(ring), height)


def test_a_wall_hides_what_is_low_and_not_what_is_high() -> None:
    eye = STAGE.moved(0, 140)
    halls = [wall(0, 70, 20, 6)]
    low = seen(eye, 0, [STAGE], halls, closed=False)
    assert (low.metres, low.clear, low.hidden_by) == (140, False, "hall")
    assert seen(eye, 30, [STAGE], halls, closed=False).clear
    assert seen(eye, 0, [STAGE], [], closed=False).clear
    aside = seen(STAGE.moved(100, 100), 0, [STAGE], halls, closed=False)
    assert aside.clear


def test_one_stands_on_a_roof_and_before_a_wall() -> None:
    own = wall(0, 140, 10, 8)
    assert seen(STAGE.moved(0, 140), 8, [STAGE], [own], closed=False).clear
    backdrop = wall(0, 0, 5, 12)
    assert seen(STAGE.moved(0, 140), 8, [STAGE], [backdrop], closed=False).clear


def test_a_route_is_seen_when_any_of_it_is() -> None:
    route = [STAGE.moved(-200, 0), STAGE.moved(200, 0)]
    eye = STAGE.moved(0, 140)
    assert seen(eye, 0, route, [wall(0, 70, 20, 20)], closed=False).clear
    long = Block(
        "terrace",
        tuple(STAGE.moved(x, y) for x, y in ((-900, 60), (900, 60), (900, 80), (-900, 80))),
        20,
    )
    assert not seen(eye, 0, route, [long], closed=False).clear


@given(st.floats(-800, 800), st.floats(-800, 800))
def test_the_nearest_point_of_a_shape_is_not_farther_than_its_corners(
    east: float, north: float
) -> None:
    shape = [STAGE.moved(-50, -50), STAGE.moved(50, -50), STAGE.moved(50, 50)]
    at = STAGE.moved(east, north)
    metres, foot = nearest(at, shape, closed=False)
    from tocsin.plan.geometry import distance  # noqa: PLC0415

    assert metres <= min(distance(at, p) for p in shape) + 0.1
    assert abs(distance(at, foot) - metres) < 0.5
