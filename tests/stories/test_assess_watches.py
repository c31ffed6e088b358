"""A watch with beginners only is said out loud, to those who plan it, before it begins."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cast import Cast, make_cast
from tocsin.assess.actions import mind_watches
from tocsin.duties.actions import fire_due
from tocsin.duties.models import Duty, Notice
from tocsin.kernel.clock import VirtualClock
from tocsin.people import actions as people
from tocsin.people.terms import SYSTEM, Role

H = timedelta(hours=1)


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def owed() -> list[Duty]:
    return list(Duty.objects.filter(kind="staff_watch", discharged_at=None))


def plan(cast: Cast, who: str, starts: timedelta, ends: timedelta, virtual: VirtualClock) -> str:
    now = virtual.now()
    return people.plan_shift(
        cast.lou,
        person=cast.people[who],
        role=Role.COLLECTOR,
        starts_at=now + starts,
        ends_at=now + ends,
    )


def test_a_watch_of_beginners_is_owed_a_trained_collector(
    cast: Cast, virtual: VirtualClock
) -> None:
    alone = plan(cast, "ned", 2 * H, 10 * H, virtual)
    mind_watches()
    mind_watches()
    [duty] = owed()
    assert (duty.subject, duty.due_at) == (alone, virtual.now() + 2 * H)
    while fire_due():
        pass
    assert {cast.people["lou"], cast.people["rhea"]} <= set(
        Notice.objects.filter(duty=duty.id).values_list("person", flat=True)
    )
    plan(cast, "ana", 1 * H, 10 * H, virtual)
    mind_watches()
    assert owed() == []


def test_a_course_that_runs_out_during_the_watch_counts_from_then(
    cast: Cast, virtual: VirtualClock
) -> None:
    person = people.add_person(
        SYSTEM, username="cy", name="Cy Cole", agency="other", roles=[Role.COLLECTOR]
    )
    people.qualify(SYSTEM, person=person, name="course", expires_at=virtual.now() + 3 * H)
    people.plan_shift(
        SYSTEM,
        person=person,
        role=Role.COLLECTOR,
        starts_at=virtual.now(),
        ends_at=virtual.now() + 8 * H,
    )
    mind_watches()
    [duty] = owed()
    assert duty.due_at == virtual.now() + 3 * H
    virtual.move_to(virtual.now() + 9 * H)
    mind_watches()
    assert owed() == []


def test_a_watch_far_ahead_is_nobodys_trouble_yet(cast: Cast, virtual: VirtualClock) -> None:
    plan(cast, "ned", 48 * H, 56 * H, virtual)
    mind_watches()
    assert owed() == []
