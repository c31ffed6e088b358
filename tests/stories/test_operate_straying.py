"""Whoever walks away from their post with their phone is found gone, and the post is owed; a walk round it is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cast import Cast, make_cast
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.operate import actions as operate
from tocsin.operate.actions.places import note_location
from tocsin.operate.actions.straying import mind_strayed
from tocsin.operate.models import Absence
from tocsin.operate.rules.straying import strayed
from tocsin.people.models import Operation
from tocsin.plan.actions import staffing
from tocsin.plan.geometry import Point
from tocsin.plan.terms import PostDraft

HERE = Point.degrees(40.8566, -79.9710)


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def post(cast: Cast, virtual: VirtualClock) -> str:
    """A post that mona holds, and has checked in at."""
    draft = PostDraft(label="Window", agency="metro", at=HERE)
    made = staffing.place_post(cast.lou, operation=cast.march, draft=draft)
    staffing.assign(cast.lou, post=made, person=cast.people["mona"])
    virtual.move_to(Operation.objects.get(id=cast.march).starts_at + timedelta(hours=1))
    operate.check_in(cast.mona, operation=cast.march, post=made)
    return made


def at(cast: Cast, metres: int, accuracy_m: int = 10) -> None:
    place = HERE.moved(0, metres)
    person = cast.people["mona"]
    note_location(
        operation=cast.march, device="phone", person=person, point=place, accuracy_m=accuracy_m
    )


def test_the_phone_far_from_the_post_says_that_nobody_is_there(
    cast: Cast, post: str, virtual: VirtualClock
) -> None:
    at(cast, 40)
    assert mind_strayed() == 0
    virtual.advance(timedelta(minutes=1))
    at(cast, 120)
    assert operate.mind() == 1
    row = Absence.objects.get()
    assert (row.about, row.kind, row.state) == (post, "VACATED", "OPEN")
    assert Duty.objects.filter(subject=row.id, kind="cover_absence", discharged_at=None).exists()
    assert mind_strayed() == 0  # said once
    virtual.advance(timedelta(minutes=1))
    at(cast, 5)
    operate.check_in(cast.mona, operation=cast.march, post=post)
    assert Absence.objects.get().state == "ENDED"
    assert mind_strayed() == 0


def test_an_old_place_or_a_poor_one_says_nothing(
    cast: Cast, post: str, virtual: VirtualClock
) -> None:
    at(cast, 120, accuracy_m=100)
    assert mind_strayed() == 0
    virtual.advance(timedelta(seconds=1))
    at(cast, 120)
    virtual.advance(timedelta(minutes=10))
    assert mind_strayed() == 0


def test_the_phones_own_error_counts_for_its_holder() -> None:
    assert strayed(71, 10)
    assert not strayed(70, 10)
    assert not strayed(150, 100)
