"""What was reached, decided or due once is so again when it must be: a raise, a loss of sight, an operation moved."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cast import make_cast
from tests.stories.fairground import at
from tests.stories.running import Scene, make_scene, same_from_the_record
from tocsin.duties.actions import fire_due
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.operate.actions import (
    acknowledge,
    decide_hold,
    mind,
    report_sighting,
    resolve,
    send_due,
    track_lost,
    update_sighting,
)
from tocsin.operate.models import Hold, Message, Sighting
from tocsin.people.models import Operation
from tocsin.plan.actions import (
    accept_position,
    check_in_position,
    list_position,
    move_operation,
)
from tocsin.plan.models import Position

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def scene(virtual: VirtualClock) -> Scene:
    return make_scene()


def fire(virtual: VirtualClock, seconds: int = 31) -> None:
    virtual.advance(timedelta(seconds=seconds))
    while fire_due():
        pass


def test_a_way_that_was_used_for_a_report_is_used_again_for_a_raise(
    scene: Scene, virtual: VirtualClock
) -> None:
    sighting = report_sighting(scene.at("north"), operation=scene.plan, text="a man, looking about")
    detail = scene.people["detail"]
    fire(virtual)
    assert send_due() > 0
    acknowledge(scene.at("detail"), sighting=sighting)
    assert Message.objects.filter(person=detail).count() == 1
    update_sighting(scene.at("north"), sighting=sighting, text="armed", aggravators=["armed"])
    fire(virtual)
    first, second = Message.objects.filter(person=detail).order_by("version")
    assert (first.channel, first.version) == (second.channel, 1) == ("email", 1)
    assert second.version == 2
    assert send_due() > 0
    # The raise is tried by this way once too: nobody is sent the same thing over and over.
    fire(virtual, 60)
    assert Message.objects.filter(person=detail).count() == 2


def test_what_still_waits_is_not_sent_twice(scene: Scene, virtual: VirtualClock) -> None:
    """It leaves with the newest on it, whenever it leaves."""
    sighting = report_sighting(scene.at("north"), operation=scene.plan, text="a man")
    fire(virtual)
    update_sighting(scene.at("north"), sighting=sighting, aggravators=["armed"])
    fire(virtual)
    assert Message.objects.filter(person=scene.people["detail"]).count() == 1


def go_on(scene: Scene) -> None:
    hold = Hold.objects.get(state="ASKED").id
    decide_hold(scene.cast.lou, hold=hold, decision="GO", reason="in sight")


def holds() -> list[str]:
    return list(Hold.objects.order_by("asked_at", "id").values_list("why", flat=True))


def test_going_on_is_asked_anew_when_he_is_lost(scene: Scene, virtual: VirtualClock) -> None:
    sighting = report_sighting(
        scene.at("north"), operation=scene.plan, text="man", aggravators=["climbing"], place="wall"
    )
    go_on(scene)
    virtual.advance(timedelta(seconds=1))
    track_lost(scene.at("north"), sighting=sighting)
    assert holds()[1:] == [
        "out of sight since it was decided to go on; dangerous, and nobody can see it any more"
    ]
    duty = Duty.objects.get(kind="decide_hold", discharged_at=None)
    assert duty.title.endswith("out of sight since it was decided to go on")
    go_on(scene)
    # Lost it was already: said once more, it is no news. Seen again and lost again, it is.
    track_lost(scene.at("north"), sighting=sighting)
    assert len(holds()) == 2
    virtual.advance(timedelta(seconds=1))
    update_sighting(scene.at("gate"), sighting=sighting, place="gate", text="seen again")
    assert len(holds()) == 2
    virtual.advance(timedelta(seconds=120))
    assert mind() == 1
    assert len(holds()) == 3


def test_what_got_worse_since_they_looked_is_asked_at_once(scene: Scene) -> None:
    """Whoever decides on a page that was a second old is asked again; on what they saw, the decision stands."""
    sighting = report_sighting(
        scene.at("north"), operation=scene.plan, text="man", aggravators=["on_roof"], place="roof"
    )
    update_sighting(scene.at("gate"), sighting=sighting, aggravators=["armed"])
    hold = Hold.objects.get()
    assert Sighting.objects.get().must_version == 2
    decide_hold(scene.cast.lou, hold=hold.id, decision="GO", reason="a roofer", version=1)
    assert holds()[1].startswith("worse than when it was decided")
    hold = Hold.objects.get(state="ASKED")
    decide_hold(scene.cast.lou, hold=hold.id, decision="GO", reason="a hose", version=2)
    assert len(holds()) == 2


def test_a_hold_stands_until_it_gets_graver(scene: Scene, virtual: VirtualClock) -> None:
    sighting = report_sighting(
        scene.at("north"), operation=scene.plan, text="man", aggravators=["on_roof"], place="roof"
    )
    decide_hold(scene.cast.lou, hold=Hold.objects.get().id, decision="HOLD", reason="not ours")
    virtual.advance(timedelta(seconds=1))
    track_lost(scene.at("north"), sighting=sighting)
    update_sighting(scene.at("gate"), sighting=sighting, aggravators=["bag"])
    assert len(holds()) == 1
    update_sighting(scene.at("gate"), sighting=sighting, aggravators=["armed"])
    assert holds()[1].startswith("worse than when it was decided")
    hold = Hold.objects.get(state="ASKED").id
    decide_hold(scene.cast.lou, hold=hold, decision="MOVE", reason="armed")
    virtual.advance(timedelta(seconds=1))
    update_sighting(scene.at("gate"), sighting=sighting, aggravators=["shots"])
    assert len(holds()) == 2


def test_what_is_over_asks_nobody_any_more(scene: Scene, virtual: VirtualClock) -> None:
    sighting = report_sighting(
        scene.at("north"), operation=scene.plan, text="man", aggravators=["on_roof"], place="roof"
    )
    resolve(scene.cast.lou, sighting=sighting, reason="a roofer, known by name")
    assert (Hold.objects.get().state, Hold.objects.get().decision) == ("DECIDED", "OVER")
    assert not Duty.objects.filter(kind="decide_hold", discharged_at=None).exists()
    same_from_the_record(Hold)


def test_check_ins_of_positions_move_with_the_operation(virtual: VirtualClock) -> None:
    cast = make_cast()
    start = Operation.objects.get(id=cast.march).starts_at
    pos = list_position(
        cast.lou, operation=cast.march, label="Roof", at=at(0, 132), accepting="metro",
        mitigation="two officers",
    )  # fmt: skip
    accept_position(
        cast.mona, position=pos, version=1, person=cast.people["mona"], check_in_every_s=600
    )

    def owed() -> Duty:
        return Duty.objects.get(subject=pos, kind="check_in_position", discharged_at=None)

    assert Position.objects.get(id=pos).check_in_due == start == owed().due_at
    version, hours = Operation.objects.get(id=cast.march).version, timedelta(hours=8)
    later = start + timedelta(hours=3)
    moved = move_operation(
        cast.lou, operation=cast.march, version=version, starts_at=later, ends_at=later + hours
    )
    assert moved == 1
    assert Position.objects.get(id=pos).check_in_due == later == owed().due_at
    # Once it runs, what counts is the last check-in.
    virtual.move_to(later + timedelta(minutes=5))
    check_in_position(cast.mona, position=pos)
    due = owed().due_at
    assert due == later + timedelta(minutes=15)
    move_operation(
        cast.lou, operation=cast.march, version=version + 1, starts_at=later, ends_at=later + 2 * hours
    )  # fmt: skip
    assert Position.objects.get(id=pos).check_in_due == due == owed().due_at
