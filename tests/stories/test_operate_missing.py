"""What is missing is found by itself, is a duty, and ends by itself when it is back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.stories.fielding import Phone
from tests.stories.running import STAGE, Scene, make_scene, same_from_the_record
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.operate.actions import (
    check_in,
    cover_absence,
    end_absence,
    mind,
    note_battery,
    note_location,
    register_sensor,
    remove_sensor,
    report_absence,
    sensor_heard,
)
from tocsin.operate.actions.devices import issue_device
from tocsin.operate.models import Absence, Location, Pulse, Sensor
from tocsin.people import actions as people
from tocsin.people.store import operation
from tocsin.people.terms import SYSTEM, Role
from tocsin.plan import reds
from tocsin.plan.actions import accept_position, check_in_position, comms, list_position
from tocsin.plan.models import Carry, Position
from tocsin.plan.terms.comms import ChannelDraft

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def scene(virtual: VirtualClock) -> Scene:
    return make_scene()


def owed(absence: str) -> Duty | None:
    return Duty.objects.filter(subject=absence, kind="cover_absence", discharged_at=None).first()


def only() -> Absence:
    """The one absence that is not over."""
    return Absence.objects.exclude(state="ENDED").get()


def bridge(scene: Scene) -> tuple[str, str]:
    """A gateway between two channels, and the set of the gate on the first."""
    lou, plan = scene.cast.lou, scene.plan
    a, b = comms.add_channels(
        lou, operation=plan, drafts=[ChannelDraft(label="North"), ChannelDraft(label="South")]
    )
    gateway = comms.add_gateway(lou, operation=plan, label="Patch", kind="PATCH", a=a, b=b)
    gate = comms.plan_carry(lou, channel=a, post=scene.posts["gate"])
    north = comms.plan_carry(lou, channel=b, post=scene.posts["north"])
    for carry in (gate, north):
        comms.issue_carry(lou, carry=carry)
    return gateway, gate


def test_a_gateway_that_is_down_is_owed_and_a_test_over_it_ends_that(
    scene: Scene, virtual: VirtualClock
) -> None:
    lou = scene.cast.lou
    gateway, gate = bridge(scene)
    assert mind() == 0  # planned and never tested: red on the plan, and no alarm
    comms.gateway_down(lou, gateway=gateway, reason="the mast fell")
    assert mind() == 1
    assert mind() == 0  # said once
    found = only()
    assert (found.about, found.kind, found.label) == (gateway, "DOWN", "Patch")
    duty = owed(found.id)
    assert duty is not None
    assert (duty.owner_agency, duty.title) == ("fusion", "Make up for it: Patch, out of order")
    with pytest.raises(Conflict, match="radio check"):
        end_absence(lou, absence=found.id)
    cover_absence(lou, absence=found.id, measure="a runner between the two rooms")
    virtual.advance(timedelta(minutes=1))
    check = comms.begin_check(lou, carry=gate, gateway=gateway)
    heard = Carry.objects.get(post=scene.posts["north"]).id
    assert comms.answer_check(scene.at("north"), check=check.id, carry=heard, word=check.word)
    assert mind() == 1
    assert Absence.objects.get().state == "ENDED"


def test_a_battery_below_fifteen_per_cent_is_owed_until_it_is_charged(
    scene: Scene, virtual: VirtualClock
) -> None:
    place: Any = {"operation": scene.plan, "device": "dev_1", "person": scene.people["north"]}
    note_battery(**place, battery=15, post=scene.posts["north"])  # it does not know where it is
    assert mind() == 0
    note_location(**place, point=STAGE, battery=14, post=scene.posts["north"])
    assert mind() == 1
    assert mind() == 0
    found = only()
    assert (found.kind, found.label, found.by_agency) == (
        "BATTERY",
        "Telephone at Post north",
        "metro",
    )
    assert owed(found.id)
    virtual.advance(timedelta(minutes=1))
    note_battery(**place, battery=19)
    assert mind() == 0  # it goes up and down around the line, and nobody is told twice
    note_battery(**place, battery=20)
    assert mind() == 1
    assert not owed(found.id)
    assert Location.objects.get().lat == STAGE.lat


def test_the_app_says_what_its_battery_holds_and_shows_where_one_must_stand(
    scene: Scene, virtual: VirtualClock
) -> None:
    """A phone indoors knows no place: it says the battery alone. A position elsewhere stands beside one's post."""
    pos = list_position(
        scene.cast.lou, operation=scene.plan, label="Water tower", at=STAGE.moved(400, 0),
        mitigation="one officer", accepting="metro",
    )  # fmt: skip
    version = Position.objects.get(id=pos).version
    accept_position(
        scene.cast.mona, position=pos, version=version, person=scene.people["north"], check_in_every_s=600,
    )  # fmt: skip
    device, code = issue_device(scene.cast.lou, operation=scene.plan, person=scene.people["north"])
    phone = Phone()
    assert phone.join(code)[0] == 201
    places = phone.get("/field/state").json()["posts"]
    assert [(p["label"], p["every_s"]) for p in places] == [
        ("Post north", 1800),
        ("Water tower", 600),
    ]
    [done] = phone.send({"kind": "check_in", "key": "c1", "post": pos})
    assert done["ok"], done
    assert Position.objects.get(id=pos).checked_in_at == virtual.now()
    here = {"acts": [], "here": {"post": scene.posts["north"], "battery": 9}}
    answer = phone.client.post(
        "/field/acts", json.dumps(here), content_type="application/json", headers=phone.headers()
    )
    assert answer.status_code == 200
    assert mind() == 1
    assert (only().about, only().kind) == (device, "BATTERY")
    # The phone is given back: nobody waits for it any more.
    assert phone.client.post("/field/leave", headers=phone.headers()).status_code == 200
    assert mind() == 1


def test_a_phone_without_a_place_places_nobody(scene: Scene) -> None:
    note_battery(operation=scene.plan, device="d", person=scene.people["north"], battery=10)
    row = Location.objects.get()
    assert (row.lat, row.battery) == (None, 10)
    note_battery(operation=scene.plan, device="d", person=scene.people["north"], battery=900)
    assert Location.objects.get().battery == 100


def test_a_position_whose_check_in_is_missed_is_found_and_one_press_holds_both(
    scene: Scene, virtual: VirtualClock
) -> None:
    pos = list_position(
        scene.cast.lou, operation=scene.plan, label="Roof of building 6", at=STAGE.moved(0, 70),
        mitigation="one officer", accepting="metro",
    )  # fmt: skip
    row = Position.objects.get(id=pos)
    accept_position(
        scene.cast.mona, position=pos, version=row.version, person=scene.people["north"],
        check_in_every_s=600,
    )  # fmt: skip
    due = Position.objects.get(id=pos).check_in_due
    assert due is not None
    virtual.move_to(due + timedelta(minutes=2))
    assert mind() == 0
    virtual.advance(timedelta(seconds=1))
    assert mind() == 1
    assert (only().about, only().kind) == (pos, "MISSED")
    # The post is ten metres away: "I'm here" at it says that the roof is held too.
    check_in(scene.at("north"), operation=scene.plan, post=scene.posts["north"])
    assert mind() == 1
    assert not Absence.objects.exclude(state="ENDED").exists()
    due = Position.objects.get(id=pos).check_in_due
    assert due is not None
    virtual.move_to(due + timedelta(minutes=3))
    assert mind() == 1
    check_in(scene.at("north"), operation=scene.plan, post=pos, key="k")
    check_in(scene.at("north"), operation=scene.plan, post=pos, key="k")
    assert mind() == 1
    with pytest.raises(Forbidden):
        check_in(scene.at("gate"), operation=scene.plan, post=pos)
    with pytest.raises(Forbidden):
        check_in_position(scene.cast.paul, position=pos)


def test_a_sensor_that_falls_silent_is_owed_and_speaking_ends_it(
    scene: Scene, virtual: VirtualClock
) -> None:
    lou = scene.cast.lou
    sensor, key = register_sensor(
        lou, operation=scene.plan, label="Counter-drone", agency="fusion", every_s=60
    )
    assert key not in Pulse.objects.get().digest
    assert "Counter-drone: not heard yet." in {
        r.words for r in reds.of(operation(scene.plan), virtual.now())
    }
    virtual.advance(timedelta(seconds=59))
    assert sensor_heard(key)
    assert not any(r.kind == "sensor" for r in reds.of(operation(scene.plan), virtual.now()))
    virtual.advance(timedelta(seconds=60))
    assert mind() == 0
    virtual.advance(timedelta(seconds=1))
    assert mind() == 1
    found = only()
    assert (found.about, found.label, found.kind) == (sensor, "Counter-drone", "DOWN")
    assert owed(found.id)
    with pytest.raises(Conflict, match="heard again"):
        end_absence(lou, absence=found.id)
    assert not sensor_heard("somebody else's")
    virtual.advance(timedelta(seconds=1))
    assert sensor_heard(key)
    assert mind() == 1
    assert Absence.objects.get().state == "ENDED"
    remove_sensor(lou, sensor=sensor)
    assert not sensor_heard(key)
    same_from_the_record(Sensor, Absence)
    virtual.advance(timedelta(minutes=5))
    assert not any(a.about == sensor for a in Absence.objects.exclude(state="ENDED"))


def test_what_a_person_says_is_down_a_heartbeat_does_not_mend(
    scene: Scene, virtual: VirtualClock
) -> None:
    sensor, key = register_sensor(
        scene.cast.lou, operation=scene.plan, label="Camera", agency="fusion", every_s=60
    )
    report_absence(
        scene.at("gate"), operation=scene.plan, kind="DOWN", subject=sensor, label="Camera",
        reason="somebody hung a coat over it",
    )  # fmt: skip
    virtual.advance(timedelta(seconds=5))
    assert sensor_heard(key)
    assert mind() == 0
    end_absence(scene.at("gate"), absence=only().id)


def test_whose_sensors_one_registers(scene: Scene) -> None:
    plan = scene.plan
    register_sensor(scene.cast.mona, operation=plan, label="Camera", agency="metro")
    with pytest.raises(Forbidden):
        register_sensor(scene.cast.mona, operation=plan, label="Other", agency="capitol")
    with pytest.raises(Forbidden):
        register_sensor(scene.at("north"), operation=plan, label="Other", agency="metro")
    bad: list[dict[str, Any]] = [
        {"label": "camera "},
        {"label": ""},
        {"agency": "other"},
        {"every_s": 5},
    ]
    for wrong in bad:
        with pytest.raises(Invalid):
            register_sensor(
                scene.cast.lou, operation=plan, **{"label": "X", "agency": "metro", **wrong}
            )


def test_nothing_is_looked_for_before_the_first_post(virtual: VirtualClock) -> None:
    scene = make_scene()
    later = people.open_operation(
        SYSTEM, name="Next week", lead_agency="fusion", starts_at=virtual.now() + timedelta(days=7),
        ends_at=virtual.now() + timedelta(days=8),
    )  # fmt: skip
    register_sensor(scene.cast.lou, operation=later, label="Radar", agency="fusion", every_s=30)
    virtual.advance(timedelta(minutes=1))
    assert mind() == 0


def test_nobody_plans_another_agencys_people(scene: Scene, virtual: VirtualClock) -> None:
    cast, at = scene.cast, virtual.now()
    hours = {"starts_at": at, "ends_at": at + timedelta(hours=8)}
    people.plan_shift(cast.lou, person=cast.people["ruth"], role=Role.RELEASE_AUTHORITY, **hours)
    for who in (cast.lou, cast.olga, cast.paul):
        with pytest.raises(Forbidden, match="another agency"):
            people.plan_shift(who, person=cast.people["mona"], role=Role.PARTNER, **hours)
    with pytest.raises(Forbidden):
        people.mark_novice(cast.lou, person=cast.people["mona"], novice=True)
    with pytest.raises(Forbidden):
        people.qualify(cast.lou, person=cast.people["mona"], name="K9", expires_at=at)
