"""What is due, what a hold covers, what a promotion must say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tocsin.retain
from tocsin.kernel.errors import BadSettings, Conflict, Invalid
from tocsin.retain import rules
from tocsin.retain.terms import Fate, Grounds, Hold, Schedule, Then, Thing, Vetting

DAY = timedelta(days=1)
MADE = datetime(2021, 1, 5, 12, tzinfo=UTC)
TIP = Schedule("report", 180 * DAY, Then.PURGE)
YEARS = Schedule("sar", 1826 * DAY, Then.VALIDATE, 30 * DAY)
SHIPPED = Path(tocsin.retain.__file__).with_name("policy.toml").read_text()

days = st.integers(-3000, 9000).map(lambda d: d * DAY)
moments = days.map(lambda d: MADE + d)
ids = st.sampled_from(["a", "b", "c"])
sets = st.frozensets(ids, max_size=2)
holds = st.builds(
    Hold, st.just("hld"), sets, st.sampled_from(["", "a", "b"]), st.sampled_from(["", "a", "b"]),
    st.just(""), sets, st.none() | moments, st.none() | moments,
)  # fmt: skip
things = st.builds(Thing, ids, moments, sets, sets, sets, sets)
schedules = st.builds(
    Schedule, st.just("x"), st.integers(1, 4000).map(lambda d: d * DAY),
    st.sampled_from([Then.PURGE, Then.VALIDATE]), st.integers(0, 60).map(lambda d: d * DAY),
)  # fmt: skip


@given(schedules, moments, st.none() | moments, moments)
def test_what_is_held_is_never_purged(
    schedule: Schedule, made: datetime, decided: datetime | None, now: datetime
) -> None:
    due = rules.due_at(schedule, made, decided=decided)
    assert rules.fate(schedule, due, now, held=True) is not Fate.PURGE


@given(schedules, moments, st.none() | moments, moments)
def test_the_machine_purges_only_what_is_over_and_needs_nobody(
    schedule: Schedule, made: datetime, decided: datetime | None, now: datetime
) -> None:
    due = rules.due_at(schedule, made, decided=decided)
    if rules.fate(schedule, due, now, held=False) is Fate.PURGE:
        assert schedule.then is Then.PURGE
        assert due is not None
        assert now >= due


@given(st.none() | moments, moments)
def test_nothing_prolongs_a_temporary_clock(decided: datetime | None, made: datetime) -> None:
    due = rules.due_at(TIP, made, decided=decided)
    assert due is not None
    assert due <= made + 180 * DAY
    with pytest.raises(Conflict, match="cannot be renewed"):
        rules.validated_until(TIP, made)


def test_validating_starts_five_years_anew() -> None:
    now = MADE + 1820 * DAY
    until = rules.validated_until(YEARS, now)
    assert rules.due_at(YEARS, MADE, decided=until) == now + 1826 * DAY
    assert rules.fate(YEARS, MADE + 1826 * DAY, now, held=False) is Fate.ASK
    assert rules.fate(YEARS, until, now, held=False) is Fate.KEEP


@given(holds, things)
def test_a_hold_covers_what_meets_every_bound(hold: Hold, thing: Thing) -> None:
    met = [
        not hold.subjects or bool(hold.subjects & (thing.belongs | {thing.subject})),
        not hold.operation or hold.operation in thing.operations,
        not hold.people or bool(hold.people & thing.people),
        not hold.agency or bool(hold.people) or hold.agency in thing.agencies,
        hold.first is None or thing.made_at >= hold.first,
        hold.last is None or thing.made_at <= hold.last,
    ]
    assert rules.covers(hold, thing) == all(met)


@pytest.mark.parametrize(
    ("hold", "field"),
    [
        (Hold("h"), "scope"),
        (Hold("h", role="collector", operation="op"), "agency"),
        (Hold("h", first=MADE, last=MADE - DAY), "last"),
    ],
)
def test_a_hold_must_say_what_it_keeps(hold: Hold, field: str) -> None:
    with pytest.raises(Invalid) as said:
        rules.check_hold(hold)
    assert said.value.field == field


GROUNDS = Grounds(
    suspicion="Two witnesses saw him test the north doors on three nights and buy bolt cutters.",
    crime="Conspiracy to break into a public building",
    sensitivity="restricted",
    confidence="moderate",
    control="Head of the criminal intelligence unit",
)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"suspicion": "He looks like it."}, "suspicion"),
        ({"crime": ""}, "crime"),
        ({"sensitivity": "secret"}, "sensitivity"),
        ({"confidence": ""}, "confidence"),
        ({"control": " "}, "control"),
        ({"protected": True}, "tie"),
    ],
)
def test_criminal_intelligence_needs_its_grounds(change: dict[str, object], field: str) -> None:
    rules.check_grounds(GROUNDS)
    with pytest.raises(Invalid) as said:
        rules.check_grounds(
            Grounds(**{**{k: getattr(GROUNDS, k) for k in GROUNDS.__slots__}, **change})
        )
    assert said.value.field == field


def test_a_behaviour_that_is_lawful_by_itself_needs_facts() -> None:
    need, known = frozenset({"photography"}), frozenset({"photography", "threat"})
    vetting = Vetting(("photography",), "", "They meet where the crowd gathers.", True)
    with pytest.raises(Invalid) as said:
        rules.check_vetting(vetting, need, known)
    assert said.value.field == "facts"
    rules.check_vetting(Vetting(("threat",), "", vetting.nexus, True), need, known)
    with pytest.raises(Invalid) as said:
        rules.check_vetting(Vetting(("threat",), "", vetting.nexus, False), need, known)
    assert said.value.field == "meets"


def test_the_policy_that_ships_is_sound() -> None:
    policy = rules.parse(SHIPPED)
    assert policy.schedules["report"].term == 180 * DAY
    assert policy.schedules["original"].term < policy.schedules["report"].term
    assert policy.schedules["intelligence"].then is Then.VALIDATE
    assert policy.delivery_use in policy.routine_uses


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ('for = "180d"', 'for = "181d"', "keep.report"),
        ("[keep.original]", "[keep.originals]", "keep.original"),
        ('for = "2191d"', 'for = "365d"', "keep.disclosure"),
        ('routine_use = "RU-SAFETY"', 'routine_use = "RU-X"', "delivery.routine_use"),
        ('then = "validate"', 'then = "ask"', "then"),
        ("version = ", "versions = ", "versions"),
    ],
)
def test_a_policy_cannot_loosen_the_bounds(old: str, new: str, names: str) -> None:
    assert old in SHIPPED
    with pytest.raises(BadSettings, match=names):
        rules.parse(SHIPPED.replace(old, new, 1))
