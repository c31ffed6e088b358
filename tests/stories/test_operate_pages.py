"""The board and the page of a sighting, and every door of them shut to the outsider."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from tests.stories.running import STAGE, Scene, make_scene
from tocsin.duties.actions import fire_due
from tocsin.kernel.clock import VirtualClock
from tocsin.operate.actions import (
    ask,
    check_in,
    note_incident,
    report_absence,
    report_sighting,
    vacate,
)
from tocsin.operate.models import Absence, Hold, Question, Receipt, Sighting
from tocsin.people.models import Account

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def scene(virtual: VirtualClock) -> Scene:
    found = make_scene()
    for post in ("north", "gate", "detail"):
        check_in(found.at(post), operation=found.plan, post=found.posts[post])
    report_sighting(
        found.at("north"), operation=found.plan, text="man with a rangefinder <b>", aggravators=["on_roof"],
        place="roof of building 6", at_point=STAGE.moved(130, 20),
    )  # fmt: skip
    ask(
        found.at("gate"),
        operation=found.plan,
        text="whose is he?",
        at_point=STAGE.moved(130, 20),
        place="the roof",
    )
    vacate(found.at("north"), operation=found.plan, post=found.posts["north"])
    report_absence(
        found.cast.lou,
        operation=found.plan,
        kind="DOWN",
        subject="drone",
        label="counter-drone system",
    )
    note_incident(found.at("gate"), operation=found.plan, kind="HEAT", text="collapsed at the gate")
    return found


def client(scene: Scene, who: str) -> Client:
    found = Client()
    person = scene.people.get(who) or scene.cast.people[who]
    found.force_login(Account.objects.get(person=person))
    return found


def test_the_board_shows_all_of_it(scene: Scene, virtual: VirtualClock) -> None:
    virtual.advance(timedelta(seconds=11))
    while fire_due():
        pass
    said = client(scene, "lou").get(f"/operations/{scene.plan}/board").content.decode()
    for words in (
        "ON A ROOF",
        "Hold, go on or move?",
        "NONE OF OURS",
        "UNANSWERED",
        "counter-drone system",
        "collapsed",
        "0 of 4 know",
    ):
        assert words in said, words
    assert "rangefinder &lt;b&gt;" in said
    assert client(scene, "lou").get(f"/operations/{scene.plan}/board/part").status_code == 200


def test_acting_from_the_board(scene: Scene) -> None:
    lou, url = client(scene, "lou"), f"/operations/{scene.plan}/board"
    hold = Hold.objects.get()
    refused = lou.post(url, {"act": "decide", "subject": hold.id, "decision": "HOLD", "reason": ""})
    assert refused.status_code == 422
    assert (
        lou.post(
            url, {"act": "decide", "subject": hold.id, "decision": "HOLD", "reason": "not ours"}
        ).status_code
        == 302
    )
    assert Hold.objects.get().decision == "HOLD"
    question = Question.objects.get()
    assert (
        lou.post(url, {"act": "answer", "subject": question.id, "whose": "NOT_OURS"}).status_code
        == 302
    )
    assert Question.objects.get().state == "ANSWERED"
    absence = Absence.objects.get(kind="VACATED")
    assert (
        lou.post(
            url, {"act": "cover", "subject": absence.id, "measure": "two from the reserve"}
        ).status_code
        == 302
    )
    form = {
        "act": "report",
        "subject": "",
        "text": "drone over the stage",
        "severity": "2",
        "aggravators": ["drone"],
        "kind": "DRONE",
        "key": "x",
    }
    assert [lou.post(url, form).status_code for _ in range(2)] == [302, 302]
    assert Sighting.objects.count() == 2
    assert lou.post(url, {**form, "key": "y", "point": "here"}).status_code == 422


def test_a_sighting_is_acknowledged_and_added_to_on_its_page(scene: Scene) -> None:
    sighting = Sighting.objects.get().id
    officer = client(scene, "gate")
    assert "I have it" in officer.get(f"/sightings/{sighting}").content.decode()
    assert (
        officer.post(
            f"/sightings/{sighting}", {"act": "acknowledge", "subject": sighting, "version": "1"}
        ).status_code
        == 302
    )
    assert Receipt.objects.get(sighting=sighting, person=scene.people["gate"]).version == 1
    assert "I have it" not in officer.get(f"/sightings/{sighting}").content.decode()
    form = {
        "act": "update",
        "subject": sighting,
        "text": "long gun",
        "aggravators": ["armed"],
        "key": "u",
    }
    assert officer.post(f"/sightings/{sighting}", form).status_code == 302
    assert (
        "I have it" not in officer.get(f"/sightings/{sighting}").content.decode()
    )  # who says it knows it
    assert "I have it" in client(scene, "roof").get(f"/sightings/{sighting}").content.decode()
    assert officer.get(f"/sightings/{sighting}.role:metro:partner").status_code == 200


def test_every_door_is_shut_to_the_outsider(scene: Scene) -> None:
    sighting = Sighting.objects.get().id
    subjects = [
        Question.objects.get().id,
        Hold.objects.get().id,
        *Absence.objects.values_list("id", flat=True),
    ]
    urls = [
        f"/operations/{scene.plan}/board",
        f"/operations/{scene.plan}/board/part",
        f"/sightings/{sighting}",
        f"/sightings/{sighting}/part",
    ]
    urls += [f"/live/{s}" for s in subjects]
    for who in ("otto", "ada"):
        shut = client(scene, who)
        assert {shut.get(u).status_code for u in urls} <= {403, 404}, who
        for url in (urls[0], urls[2]):
            assert shut.post(url, {"act": "report", "subject": "", "text": "x"}).status_code in (
                403,
                404,
            )
    assert {Client().get(u).status_code for u in urls} == {302}
    lou = client(scene, "lou")
    assert {lou.get(u).status_code for u in urls} == {200, 302}
