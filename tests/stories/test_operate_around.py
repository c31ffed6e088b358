"""Questions, hold questions, absences and what else keeps people busy, on the virtual clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.stories.running import STAGE, Scene, make_scene
from tocsin.duties.actions import fire_due
from tocsin.duties.models import Duty, Notice
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.operate import store
from tocsin.operate.actions import (
    answer_question,
    ask,
    check_in,
    cover_absence,
    decide_hold,
    end_absence,
    end_incident,
    mind,
    name_decider,
    note_incident,
    note_location,
    report_absence,
    report_sighting,
    update_sighting,
    vacate,
)
from tocsin.operate.models import Absence, Hold, Location, Question
from tocsin.people.store import operation
from tocsin.plan.actions import accept_position, list_position
from tocsin.plan.models import Position

pytestmark = pytest.mark.usefixtures("db")
ROOF = STAGE.moved(130, 20)


@pytest.fixture
def scene(virtual: VirtualClock) -> Scene:
    return make_scene()


def fire() -> None:
    while fire_due():
        pass


def test_the_register_answers_none_of_ours_and_names_the_nearest(
    scene: Scene, virtual: VirtualClock
) -> None:
    check_in(scene.at("north"), operation=scene.plan, post=scene.posts["north"])
    virtual.advance(timedelta(minutes=2))
    q = ask(
        scene.at("gate"),
        operation=scene.plan,
        text="who is on that roof?",
        at_point=STAGE.moved(38, 60),
    )
    assert q.verdict == "NONE_OF_OURS"
    assert q.register == [
        "NONE OF OURS",
        "assigned to nobody",
        "nearest friendly: Post north (Metro police), second floor, 38 m; checked in 2 min ago",
    ]
    assert q.asked == [scene.people["north"]]


def test_assigned_is_not_there(scene: Scene) -> None:
    """The roof was thought to be held by police: only somebody who is there makes it ours."""
    pos = list_position(
        scene.cast.lou,
        operation=scene.plan,
        label="Roof of building 6",
        at=ROOF,
        mitigation="two officers",
        accepting="metro",
    )
    row = Position.objects.get(id=pos)
    q = ask(scene.at("gate"), operation=scene.plan, text="who is that?", position=pos)
    assert q.verdict == "NONE_OF_OURS"
    assert "Metro police was asked and never accepted (Roof of building 6)" in q.register
    accept_position(
        scene.cast.mona,
        position=pos,
        version=row.version,
        person=scene.people["roof"],
        check_in_every_s=900,
    )
    q = ask(scene.at("gate"), operation=scene.plan, text="who is that?", position=pos)
    assert q.verdict == "ASSIGNED"
    assert q.plan
    note_location(
        operation=scene.plan,
        device="d1",
        person=scene.people["roof"],
        point=ROOF,
        post=scene.posts["roof"],
    )
    q = ask(scene.at("gate"), operation=scene.plan, text="who is that?", place="roof of BUILDING 6")
    assert q.verdict == "OURS"


def test_a_stale_place_places_nobody_and_an_older_one_changes_nothing(
    scene: Scene, virtual: VirtualClock
) -> None:
    note_location(operation=scene.plan, device="d1", person=scene.people["roof"], point=ROOF)
    before = virtual.now() - timedelta(minutes=1)
    note_location(
        operation=scene.plan, device="d1", person=scene.people["roof"], point=STAGE, at=before
    )
    assert Location.objects.get().lat == ROOF.lat
    assert ask(scene.at("gate"), operation=scene.plan, text="?", at_point=ROOF).verdict == "OURS"
    virtual.advance(timedelta(minutes=6))
    assert (
        ask(scene.at("gate"), operation=scene.plan, text="?", at_point=ROOF).verdict
        == "NONE_OF_OURS"
    )


def test_unanswered_in_ten_seconds_is_said_aloud_and_goes_up(
    scene: Scene, virtual: VirtualClock
) -> None:
    check_in(scene.at("north"), operation=scene.plan, post=scene.posts["north"])
    q = ask(
        scene.at("gate"), operation=scene.plan, text="who is that?", at_point=STAGE.moved(30, 60)
    )
    fire()
    [duty] = Duty.objects.filter(subject=q.id, discharged_at=None)
    assert duty.owner_person == scene.people["north"]
    virtual.advance(timedelta(seconds=11))
    fire()
    assert Question.objects.get(id=q.id).state == "UNANSWERED"
    assert scene.cast.people["lou"] in Notice.objects.filter(duty=duty.id).values_list(
        "person", flat=True
    )
    answer_question(scene.at("north"), question=q.id, whose="UNKNOWN")
    assert Question.objects.get(id=q.id).state == "UNANSWERED"
    answer_question(
        scene.at("roof"), question=q.id, whose="NOT_OURS", text="we have nobody there", key="a"
    )
    answer_question(
        scene.at("roof"), question=q.id, whose="NOT_OURS", text="we have nobody there", key="a"
    )
    assert Question.objects.get(id=q.id).state == "ANSWERED"
    assert not Duty.objects.filter(subject=q.id, discharged_at=None).exists()


def test_a_question_needs_a_place(scene: Scene) -> None:
    with pytest.raises(Invalid, match="place"):
        ask(scene.at("gate"), operation=scene.plan, text="who?")
    with pytest.raises(NotFound):
        ask(scene.cast.otto, operation=scene.plan, text="who?", place="roof")


def test_hold_is_asked_of_the_named_decider_and_goes_to_the_detail_leader(
    scene: Scene, virtual: VirtualClock
) -> None:
    name_decider(scene.cast.lou, operation=scene.plan, agency="capitol", role="operation_lead")
    report_sighting(
        scene.at("gate"),
        operation=scene.plan,
        text="man on the roof",
        aggravators=["on_roof"],
        place="roof",
    )
    hold = Hold.objects.get()
    fire()
    duty = Duty.objects.get(kind="decide_hold", discharged_at=None)
    assert (duty.owner_agency, duty.owner_role) == ("capitol", "operation_lead")
    with pytest.raises(Forbidden):
        decide_hold(scene.at("gate"), hold=hold.id, decision="GO", reason="looks fine")
    virtual.advance(timedelta(seconds=61))
    fire()
    assert Hold.objects.get().state == "UNANSWERED"
    asked = Duty.objects.filter(
        kind="decide_hold", owner_person=scene.people["detail"], discharged_at=None
    )
    assert Notice.objects.filter(duty=asked.get().id, person=scene.people["detail"]).exists()
    decide_hold(
        scene.at("detail"),
        hold=hold.id,
        decision="HOLD",
        reason="man on the roof, nobody of ours",
        key="h",
    )
    decide_hold(
        scene.at("detail"),
        hold=hold.id,
        decision="HOLD",
        reason="man on the roof, nobody of ours",
        key="h",
    )
    assert Hold.objects.get().decided_by == scene.people["detail"]
    assert not Duty.objects.filter(kind="decide_hold", discharged_at=None).exists()
    with pytest.raises(Conflict):
        decide_hold(scene.cast.olga, hold=hold.id, decision="GO", reason="all clear")


def test_two_minutes_unseen_with_a_rangefinder_asks_by_itself(
    scene: Scene, virtual: VirtualClock
) -> None:
    sighting = report_sighting(
        scene.at("north"),
        operation=scene.plan,
        text="rangefinder",
        aggravators=["rangefinder"],
        place="fence",
    )
    assert mind() == 0
    virtual.advance(timedelta(seconds=121))
    assert mind() == 1
    assert mind() == 0
    hold = Hold.objects.get(sighting=sighting)
    decide_hold(scene.cast.lou, hold=hold.id, decision="GO", reason="two teams are looking for him")
    virtual.advance(timedelta(seconds=121))
    assert mind() == 0  # decided, and nothing got worse
    update_sighting(scene.at("gate"), sighting=sighting, aggravators=["armed"], text="long gun")
    assert Hold.objects.filter(sighting=sighting).count() == 2


def test_a_vacated_post_is_owed_at_once_and_ends_when_somebody_is_there(
    scene: Scene, virtual: VirtualClock
) -> None:
    post = scene.posts["north"]
    check_in(scene.at("north"), operation=scene.plan, post=post, key="in")
    absence = vacate(
        scene.at("north"), operation=scene.plan, post=post, reason="meeting a patrol", key="v"
    )
    assert (
        vacate(
            scene.at("north"), operation=scene.plan, post=post, reason="meeting a patrol", key="v"
        )
        == absence
    )
    fire()
    duty = Duty.objects.get(subject=absence, discharged_at=None)
    assert (duty.owner_agency, duty.owner_role) == ("metro", "partner")
    [north] = [
        p for p in store.posts(scene.cast.lou, operation(scene.plan), virtual.now()) if p.id == post
    ]
    assert (north.colour, north.why) == ("red", "left")
    with pytest.raises(Forbidden):
        check_in(scene.at("gate"), operation=scene.plan, post=post)
    cover_absence(scene.cast.mona, absence=absence, measure="two from the reserve walk over")
    assert Absence.objects.get().state == "COVERED"
    check_in(scene.at("north"), operation=scene.plan, post=post)
    assert Absence.objects.get().state == "ENDED"


def test_a_missed_check_in_is_found_within_a_second_of_its_time(
    scene: Scene, virtual: VirtualClock
) -> None:
    for post in scene.posts:
        check_in(scene.at(post), operation=scene.plan, post=scene.posts[post])
    virtual.advance(timedelta(minutes=30))
    assert mind() == 0
    check_in(scene.at("gate"), operation=scene.plan, post=scene.posts["gate"])
    virtual.advance(timedelta(seconds=1))
    assert mind() == len(scene.posts) - 1
    assert mind() == 0
    assert scene.posts["gate"] not in Absence.objects.values_list("about", flat=True)


def test_a_sensor_down_is_one_absence_and_a_duty(scene: Scene) -> None:
    said: Any = {
        "operation": scene.plan,
        "kind": "DOWN",
        "subject": "counter-drone",
        "label": "counter-drone system",
    }
    first = report_absence(scene.cast.lou, **said)
    assert report_absence(scene.cast.paul, **said) == first
    assert Duty.objects.filter(subject=first, kind="cover_absence", discharged_at=None).count() == 1
    end_absence(scene.cast.lou, absence=first)
    assert not Duty.objects.filter(subject=first, discharged_at=None).exists()
    with pytest.raises(NotFound):
        report_absence(scene.cast.otto, **said)


def test_the_board_says_who_is_saturated(scene: Scene, virtual: VirtualClock) -> None:
    busy = [
        note_incident(
            scene.at("gate"),
            operation=scene.plan,
            kind="HEAT",
            text="collapsed at the gate",
            place="gate",
        )
        for _ in range(3)
    ]
    found = store.board(scene.cast.lou, operation(scene.plan), virtual.now())
    assert found.load == [("Capitol police", 3, True)]
    end_incident(scene.at("gate"), incident=busy[0])
    found = store.board(scene.cast.lou, operation(scene.plan), virtual.now())
    assert found.load == [("Capitol police", 2, False)]
