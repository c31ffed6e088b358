from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tocsin.duties
from tocsin.duties.rules import due, fire_times, parse_policy
from tocsin.duties.terms import Ladder, Step
from tocsin.kernel.errors import BadSettings

OPENED = datetime(2021, 1, 5, 12, tzinfo=UTC)
H = timedelta(hours=1)
LADDER = Ladder("review", "v", 4 * H, 12 * H, 30 * timedelta(minutes=1), (Step("owner", "due"),))
SHIPPED = Path(tocsin.duties.__file__).with_name("policy.toml").read_text()


@pytest.mark.parametrize(
    ("event_in", "due_in", "why"),
    [
        (None, 4 * H, "limit"),
        (100 * H, 4 * H, "limit"),
        (14 * H, 2 * H, "event is near"),
        (12.25 * H, 0.5 * H, "very near"),
        (1 * H, 0.5 * H, "very near"),
        (-1 * H, 4 * H, "limit"),
    ],
)
def test_a_deadline_bends_to_the_event(
    event_in: timedelta | None, due_in: timedelta, why: str
) -> None:
    found = due(LADDER, OPENED, OPENED + event_in if event_in is not None else None)
    assert found.at - OPENED == due_in
    assert why in found.reason


hours = st.integers(0, 10_000).map(lambda m: timedelta(minutes=m))


@given(limit=hours, lead=hours, floor=hours, event=st.none() | hours)
def test_no_deadline_is_later_than_its_limit_nor_before_it_opened(
    limit: timedelta, lead: timedelta, floor: timedelta, event: timedelta | None
) -> None:
    ladder = Ladder("x", "v", limit, lead, floor, (Step("owner", "due"),))
    at = due(ladder, OPENED, OPENED + event if event is not None else None).at
    assert OPENED <= at <= OPENED + limit


@given(event=st.none() | hours)
def test_the_steps_of_every_shipped_ladder_fire_in_order(event: timedelta | None) -> None:
    for ladder in parse_policy(SHIPPED).values():
        at = due(ladder, OPENED, OPENED + event if event is not None else None).at
        times = fire_times(ladder, OPENED, at)
        assert times == sorted(times)
        assert times[0] >= OPENED


def test_every_shipped_ladder_ends_with_somebody_above_its_owner() -> None:
    ladders = parse_policy(SHIPPED)
    alone = {
        name for name, ladder in ladders.items() if {s.tell for s in ladder.steps} == {"owner"}
    }
    assert alone == {"retry_refused"}
    assert len(ladders) >= 14


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[ladder.x]", "policy"),
        ('version="1"\ncolour=1', "policy: colour"),
        ('version="1"\n[ladder.x]\nlimit="4h"', "policy: ladder.x"),
        (
            'version="1"\n[ladder.x]\nlimit="soon"\nstep=[{at="due",tell="owner"}]',
            "policy: ladder.x.limit",
        ),
        (
            'version="1"\n[ladder.x]\nlimit="4h"\nstep=[{at="dew",tell="owner"}]',
            "policy: ladder.x.step[0].at",
        ),
        (
            'version="1"\n[ladder.x]\nlimit="4h"\nstep=[{at="due",tell="bob"}]',
            "policy: ladder.x.step[0].tell",
        ),
        (
            'version="1"\n[ladder.x]\nlimit="4h"\nlimti="4h"\nstep=[{at="due",tell="owner"}]',
            "policy: ladder.x.limti",
        ),
    ],
)
def test_a_wrong_policy_is_refused_by_name(text: str, field: str) -> None:
    with pytest.raises(BadSettings) as caught:
        parse_policy(text)
    assert caught.value.field == field
    assert caught.value.cure
