"""A sighting reaches everybody who must know, loses nothing on the way, and is never called known too early."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from tests.stories.running import STAGE, Scene, make_scene, same_from_the_record
from tocsin.duties.actions import fire_due
from tocsin.duties.models import Duty, Notice
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.operate import rules, store
from tocsin.operate.actions import (
    Said,
    acknowledge,
    lower_sighting,
    record_receipts,
    report_sighting,
    resolve,
    send_due,
    track_lost,
    update_sighting,
)
from tocsin.operate.models import Act, Hold, Message, Receipt, Sighting, Update
from tocsin.operate.terms import Aggravator
from tocsin.people.store import operation
from tocsin.people.terms import SYSTEM
from tocsin.record.models import Entry

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def scene(virtual: VirtualClock) -> Scene:
    return make_scene()


def report(scene: Scene, **more: object) -> str:
    said = {
        "operation": scene.plan,
        "text": "man with a rangefinder by the fence",
        "key": "k1",
        **more,
    }
    return report_sighting(scene.at("north"), **said)  # type: ignore[arg-type]


def informed(sighting: str) -> bool:
    row = Sighting.objects.get(id=sighting)
    return row.informed_version >= row.must_version


MUST = ("olga", "mona")


def all_acknowledge(scene: Scene, sighting: str) -> None:
    for name in MUST:
        acknowledge(scene.cast.actor(name), sighting=sighting)
    for post in ("detail", "room"):
        acknowledge(scene.at(post), sighting=sighting)


def test_one_entry_tells_every_post_and_every_role_that_must_know(scene: Scene) -> None:
    before = Entry.objects.filter(kind="sighting.reported").count()
    sighting = report(scene, at_point=STAGE.moved(120, 0))
    assert Entry.objects.filter(kind="sighting.reported").count() == before + 1
    told = set(Receipt.objects.filter(sighting=sighting).values_list("person", flat=True))
    wanted = {scene.people[p] for p in scene.posts} | {scene.cast.people[n] for n in MUST}
    assert told == wanted
    musts = Receipt.objects.filter(sighting=sighting, must=True).count()
    assert musts == 4  # two roles, the detail leader, the room


def test_the_same_act_again_is_answered_the_same(scene: Scene) -> None:
    first, again = report(scene), report(scene)
    assert first == again
    assert Sighting.objects.count() == 1
    version = update_sighting(scene.at("north"), sighting=first, text="grey shirt", key="k2")
    assert (
        update_sighting(scene.at("north"), sighting=first, text="grey shirt", key="k2")
        == version
        == 2
    )


def test_informed_only_when_every_seat_that_must_know_acknowledged(scene: Scene) -> None:
    sighting = report(scene)
    acknowledge(scene.cast.olga, sighting=sighting)
    acknowledge(scene.cast.mona, sighting=sighting)
    acknowledge(scene.at("detail"), sighting=sighting)
    acknowledge(scene.at("gate"), sighting=sighting)
    assert not informed(sighting)
    assert acknowledge(scene.at("room"), sighting=sighting)
    assert informed(sighting)
    assert not Duty.objects.filter(kind="acknowledge_sighting", discharged_at=None).exists()


def test_worse_is_acknowledged_anew_and_nothing_is_lost(scene: Scene) -> None:
    sighting = report(scene, aggravators=["rangefinder"])
    all_acknowledge(scene, sighting)
    assert informed(sighting)
    update_sighting(
        scene.at("gate"), sighting=sighting, text="on the roof", aggravators=["on_roof"]
    )
    assert not informed(sighting)
    # A relay that says less takes nothing away.
    update_sighting(
        SYSTEM, sighting=sighting, text="locals have an issue at three o'clock", severity=1
    )
    row = Sighting.objects.get(id=sighting)
    assert (row.severity, row.aggravators) == (4, ["rangefinder", "on_roof"])
    all_acknowledge(scene, sighting)
    assert informed(sighting)


def test_unanswered_for_thirty_seconds_goes_another_way_then_up(
    scene: Scene, virtual: VirtualClock
) -> None:
    sighting = report(scene)
    fire_due()
    virtual.advance(timedelta(seconds=31))
    fire_due()
    while fire_due():
        pass
    assert {m.channel for m in Message.objects.filter(sighting=sighting)} == {"email"}
    tried = Receipt.objects.filter(sighting=sighting, tries__gt=1)
    assert scene.people["detail"] in set(tried.values_list("person", flat=True))
    virtual.advance(timedelta(seconds=24))
    while fire_due():
        pass
    up = Duty.objects.filter(
        kind="acknowledge_sighting", subject=f"{sighting}.role:metro:partner"
    ).get()
    told = Notice.objects.filter(duty=up.id).values_list("person", flat=True)
    assert scene.cast.people["lou"] in told
    assert (
        Entry.objects.filter(kind="sighting.retried").count() <= 4
    )  # in bulk, whatever the number of seats
    assert send_due() > 0
    assert not Message.objects.filter(sighting=sighting, done_at=None).exists()


def test_what_was_acknowledged_meanwhile_is_not_sent(scene: Scene, virtual: VirtualClock) -> None:
    sighting = report(scene)
    virtual.advance(timedelta(seconds=31))
    while fire_due():
        pass
    all_acknowledge(scene, sighting)
    for post in ("north", "roof", "gate"):
        acknowledge(scene.at(post), sighting=sighting)
    assert send_due() == 0


def test_a_seat_that_nobody_holds_is_never_informed(virtual: VirtualClock) -> None:
    scene = make_scene(must_know=[{"agency": "other", "role": "partner"}])
    sighting = report(scene)
    for post in ("detail", "room"):
        acknowledge(scene.at(post), sighting=sighting)
    assert not informed(sighting)
    assert Duty.objects.filter(kind="fill_seat", discharged_at=None).exists()


def test_many_receipts_are_one_entry_and_only_grow(scene: Scene) -> None:
    sighting = report(scene)
    people = [scene.people[p] for p in scene.posts if p != "north"]  # who reported it knows it
    entries = Entry.objects.filter(kind="sighting.receipts").count()
    assert record_receipts([Said(p, sighting, "acknowledged") for p in people]) == len(people)
    assert record_receipts([Said(p, sighting, "delivered") for p in people]) == 0
    assert Entry.objects.filter(kind="sighting.receipts").count() == entries + 1
    assert Receipt.objects.filter(sighting=sighting, version=1).count() == len(people) + 1
    # Of somebody who was not told nothing is kept.
    assert record_receipts([Said(scene.cast.people["otto"], sighting, "acknowledged")]) == 0


def test_only_a_lead_lowers_by_name_with_a_reason(scene: Scene) -> None:
    sighting = report(scene, aggravators=["armed"])
    with pytest.raises(Forbidden):
        lower_sighting(
            scene.at("north"), sighting=sighting, version=1, severity=1, reason="it was a broom"
        )
    with pytest.raises(Invalid, match="less than what was seen"):
        lower_sighting(
            scene.cast.lou, sighting=sighting, version=1, severity=1, reason="it was a broom"
        )
    version = lower_sighting(
        scene.cast.lou,
        sighting=sighting,
        version=1,
        severity=1,
        reason="it was a broom",
        aggravators_off=["armed"],
    )
    row = Update.objects.get(sighting=sighting, version=version)
    assert (row.before, row.severity, row.by, row.removed) == (
        5,
        1,
        scene.cast.people["lou"],
        ["armed"],
    )
    with pytest.raises(Conflict):
        lower_sighting(
            scene.cast.lou, sighting=sighting, version=1, severity=1, reason="again again"
        )


def test_track_lost_with_a_rangefinder_asks_to_hold(scene: Scene) -> None:
    sighting = report(scene, aggravators=["rangefinder"], place="by the fence")
    assert not Hold.objects.exists()
    track_lost(scene.at("north"), sighting=sighting, direction="NE")
    hold = Hold.objects.get()
    assert (hold.sighting, hold.state) == (sighting, "ASKED")
    resolve(scene.cast.lou, sighting=sighting, reason="stopped and searched")
    with pytest.raises(Conflict):
        update_sighting(scene.at("north"), sighting=sighting, text="again")


def test_the_outsider_finds_nothing(scene: Scene) -> None:
    sighting = report(scene)
    otto = scene.cast.otto
    with pytest.raises(NotFound):
        report_sighting(otto, operation=scene.plan, text="x")
    doors: list[Any] = [
        lambda: update_sighting(otto, sighting=sighting, text="x"),
        lambda: acknowledge(otto, sighting=sighting),
        lambda: track_lost(otto, sighting=sighting),
        lambda: resolve(otto, sighting=sighting, reason="so there"),
    ]
    for act in doors:
        with pytest.raises(NotFound):
            act()
    with pytest.raises(Forbidden):
        acknowledge(scene.cast.ada, sighting=sighting)


def test_whoever_says_it_knows_it_and_owes_nothing(virtual: VirtualClock) -> None:
    scene = make_scene(must_know=[])
    detail, room = scene.at("detail"), scene.at("room")
    sighting = report_sighting(
        detail, operation=scene.plan, text="man on the roof", aggravators=["on_roof"]
    )
    assert not informed(sighting)
    assert Duty.objects.filter(kind="acknowledge_sighting", discharged_at=None).count() == 1
    update_sighting(room, sighting=sighting, text="armed", aggravators=["armed"])
    assert not informed(sighting)
    assert acknowledge(detail, sighting=sighting)


def test_replaying_the_log_gives_the_board(scene: Scene, virtual: VirtualClock) -> None:
    """Whatever people do, in whatever order, the entries alone give the same rows."""
    pick = random.Random(5)
    sighting = report(scene, aggravators=["rangefinder"], place="fence")
    for n in range(40):
        virtual.advance(timedelta(seconds=pick.randrange(1, 20)))
        who = scene.at(pick.choice(list(scene.posts)))
        kind = pick.randrange(6)
        if kind < 2:
            acknowledge(who, sighting=sighting, key=f"a{n // 2}")
        elif kind == 2:
            update_sighting(
                who, sighting=sighting, text=f"seen {n}", severity=pick.randrange(1, 6), key=f"u{n}"
            )
        elif kind == 3:
            update_sighting(
                who,
                sighting=sighting,
                aggravators=[pick.choice(list(Aggravator)).value],
                key=f"g{n}",
            )
        elif kind == 4:
            track_lost(who, sighting=sighting, key=f"l{n}")
        else:
            report_sighting(who, operation=scene.plan, text=f"another {n}", key=f"r{n}")
        while fire_due():
            pass
        row = Sighting.objects.get(id=sighting)
        rows = store.receipts(sighting)
        if row.informed_version >= row.must_version:
            assert rules.informed_version(rows, row.must_version)
    same_from_the_record(Sighting, Receipt, Update, Hold, Act)


def test_the_board_says_who_has_not_acknowledged(scene: Scene, virtual: VirtualClock) -> None:
    sighting = report(scene, aggravators=["on_roof"])
    acknowledge(scene.cast.olga, sighting=sighting)
    found = store.board(scene.cast.lou, operation(scene.plan), virtual.now())
    [seen] = found.sightings
    assert (seen.knows, seen.must, seen.informed) == (1, 4, False)
    assert "Post detail" in seen.waiting
    assert found.holds
    assert found.worst == 4
    assert found.log[0].words.startswith(("sighting 1 reported", "hold"))
