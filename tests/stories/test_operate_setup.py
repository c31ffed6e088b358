"""Who decides and what watches, by forms; objectives and care; the forms of the incident command system, filled."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from tests.stories.running import STAGE, Scene, make_scene
from tests.stories.test_operate_missing import bridge
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.operate import forms
from tocsin.operate.actions import (
    answer_question,
    ask,
    check_in,
    cover_absence,
    decide_hold,
    mind,
    note_incident,
    report_sighting,
    resolve,
    track_lost,
    update_sighting,
    vacate,
)
from tocsin.operate.models import Absence, Decider, Hold, Sensor
from tocsin.people import actions as people
from tocsin.people.models import Account
from tocsin.people.store import operation
from tocsin.people.terms import SYSTEM
from tocsin.plan import store as plan_store
from tocsin.plan.actions import approve, begin_plan, write_brief
from tocsin.plan.models import Gateway
from tocsin.plan.terms.brief import Brief, Care
from tocsin.record.models import Entry

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def scene(virtual: VirtualClock) -> Scene:
    return make_scene()


def client(scene: Scene, who: str) -> Client:
    found = Client()
    person = scene.people.get(who) or scene.cast.people[who]
    found.force_login(Account.objects.get(person=person))
    return found


def test_the_decider_is_named_by_a_form(scene: Scene) -> None:
    url, detail = f"/operations/{scene.plan}/board/setup", scene.people["detail"]
    lou = client(scene, "lou")
    said = lou.get(url).content.decode()
    assert "not named" in said
    assert "Officer Detail" in said
    name = {"act": "name", "subject": "", "who": f"fusion::{detail}"}
    assert client(scene, "olga").post(url, name).status_code == 422  # she does not lead it
    assert lou.post(url, {**name, "who": "capitol:collector:"}).status_code == 422
    assert not Decider.objects.exists()
    assert lou.post(url, name).status_code == 302
    assert Decider.objects.get().person == detail
    report_sighting(scene.at("gate"), operation=scene.plan, text="x", aggravators=["on_roof"])
    assert Hold.objects.get().decider_person == detail


def test_only_those_who_may_decide_are_offered_it(scene: Scene) -> None:
    report_sighting(
        scene.at("gate"), operation=scene.plan, text="x", aggravators=["on_roof"], place="roof"
    )
    url = f"/operations/{scene.plan}/board"
    for who, offered in (("lou", True), ("detail", True), ("gate", False), ("mona", False)):
        said = client(scene, who).get(url).content.decode()
        assert "Asked of the operation lead of Fusion centre." in said
        assert ('name="decision"' in said) == offered, who


def test_a_sensor_is_registered_speaks_and_is_taken_off(
    scene: Scene, virtual: VirtualClock
) -> None:
    url, lou = f"/operations/{scene.plan}/board/setup", client(scene, "lou")
    form = {"act": "register", "subject": "", "label": "Radar", "agency": "fusion", "every_s": "60"}
    said = lou.post(url, form).content.decode()
    key = re.search(r"Bearer ([\w-]{40,})", said)
    assert key
    assert key[1] not in lou.get(url).content.decode()  # shown once
    assert lou.post(url, form).status_code == 422  # there is one of that name
    speak: Any = {"headers": {"authorization": f"Bearer {key[1]}"}}
    assert Client().post("/sensors/heard", **speak).status_code == 204
    assert Client().get("/sensors/heard", **speak).status_code == 405
    assert Client().post("/sensors/heard").status_code == 401
    virtual.advance(timedelta(seconds=61))
    assert mind() == 1
    assert "It ends once the sensor is heard again." in lou.get(url).content.decode()
    sensor = Sensor.objects.get().id
    assert client(scene, "mona").post(url, {"act": "remove", "subject": sensor}).status_code == 422
    assert lou.post(url, {"act": "remove", "subject": sensor}).status_code == 302
    assert Client().post("/sensors/heard", **speak).status_code == 401


def test_something_is_out_of_order_by_a_form(scene: Scene) -> None:
    gateway, _ = bridge(scene)
    url, gate = f"/operations/{scene.plan}/board", client(scene, "gate")
    form = {"act": "down", "subject": "", "about": "", "label": "Barrier 3", "key": "b"}
    assert gate.post(url, {**form, "reason": ""}).status_code == 422
    assert gate.post(url, {**form, "reason": "hit by a car"}).status_code == 302
    assert (Absence.objects.get().label, Absence.objects.get().by_agency) == (
        "Barrier 3",
        "capitol",
    )
    lou = client(scene, "lou")
    assert "Patch" in lou.get(url).content.decode()
    broken = {**form, "about": gateway, "key": "g", "reason": "no power"}
    assert lou.post(url, broken).status_code == 302
    assert Gateway.objects.get(id=gateway).state == "DOWN"
    assert mind() == 1
    assert Absence.objects.filter(about=gateway, state="OPEN").exists()


def test_the_outsider_finds_neither(scene: Scene) -> None:
    for page in ("board/setup", "brief"):
        url = f"/operations/{scene.plan}/{page}"
        for who in ("otto", "ada"):
            assert client(scene, who).get(url).status_code in (403, 404)
            assert client(scene, who).post(url, {"act": "write"}).status_code in (403, 404)
        assert Client().get(url).status_code == 302
        assert client(scene, "gate").get(url).status_code == 200


BRIEF = Brief(
    objectives=("Nobody holds a roof in sight of the stage.", "The speaker leaves within 40 s."),
    emphasis="Lives before the event.",
    aid=(Care("Aid tent", "north gate", "555 0100", "paramedics"),),
    hospitals=(Care("County hospital", "Main Street", "555 0199", "12 min, trauma level 1"),),
    procedures="Call the room on North.",
)


def test_objectives_and_care_are_written_once_and_kept_apart_from_the_entry(scene: Scene) -> None:
    lou = scene.cast.lou
    approve(lou, operation=scene.plan)
    assert write_brief(lou, operation=scene.plan, draft=BRIEF) == 1
    kept = plan_store.brief(scene.plan, scene.cast.mona)
    assert (kept.objectives, kept.hospitals, kept.version) == (BRIEF.objectives, BRIEF.hospitals, 1)
    with pytest.raises(Conflict):
        write_brief(lou, operation=scene.plan, draft=BRIEF)
    with pytest.raises(Forbidden):
        write_brief(scene.cast.mona, operation=scene.plan, draft=kept)
    nameless = Brief(hospitals=(Care("", "Main Street"),), version=1)
    with pytest.raises(Invalid, match="without a name"):
        write_brief(lou, operation=scene.plan, draft=nameless)
    entry = Entry.objects.get(kind="plan.briefed")
    assert b"hospital" not in bytes(entry.body).lower()
    later = people.open_operation(
        SYSTEM, name="Again", lead_agency="fusion", starts_at=entry.recorded_at + timedelta(days=9),
        ends_at=entry.recorded_at + timedelta(days=10),
    )  # fmt: skip
    begin_plan(lou, operation=later, copied_from=scene.plan)
    assert plan_store.brief(later).hospitals == BRIEF.hospitals


def test_objectives_and_care_by_the_form(scene: Scene) -> None:
    url, lou = f"/operations/{scene.plan}/brief", client(scene, "lou")
    form = {
        "act": "write", "subject": "", "version": "0", "objectives": "One.\n\nTwo.", "emphasis": "",
        "procedures": "", "aid_name": ["Tent", ""], "aid_place": ["north", ""], "aid_phone": ["", ""],
        "aid_note": ["", ""],
    }  # fmt: skip
    wrong = lou.post(url, {**form, "aid_name": ["", ""]})
    assert wrong.status_code == 422
    assert 'value="north"' in wrong.content.decode()  # what was typed is still there
    assert lou.post(url, form).status_code == 302
    kept = plan_store.brief(scene.plan)
    assert (kept.objectives, kept.aid) == (("One.", "Two."), (Care("Tent", "north"),))
    assert "Two." in client(scene, "gate").get(url).content.decode()


def cells(scene: Scene, code: str) -> str:
    """All that a form's workbook says."""
    paper = forms.make(scene.cast.lou, operation(scene.plan), code)
    book = load_workbook(io.BytesIO(forms.xlsx(paper)))
    return "\n".join(
        " | ".join(str(c) for c in row if c is not None)
        for sheet in book.worksheets
        for row in sheet.iter_rows(values_only=True)
    )


def test_202_and_206_say_what_was_written(scene: Scene) -> None:
    assert "Nobody has written it yet." in cells(scene, "202")
    write_brief(scene.cast.lou, operation=scene.plan, draft=BRIEF)
    said = cells(scene, "202")
    assert "1. Nobody holds a roof in sight of the stage." in said
    assert "Lives before the event." in said
    assert "2. The speaker leaves within 40 s." in cells(scene, "201")
    said = cells(scene, "206")
    assert "County hospital | Main Street | 555 0199 | 12 min, trauma level 1" in said
    assert "Aid tent | north gate | 555 0100 | paramedics" in said
    assert "by hand" not in said


def test_the_activity_log_says_who_when_and_what(scene: Scene, virtual: VirtualClock) -> None:
    cast, plan = scene.cast, scene.plan
    check_in(scene.at("north"), operation=plan, post=scene.posts["north"])
    seen = report_sighting(
        scene.at("north"), operation=plan, text="man with a rangefinder",
        aggravators=["rangefinder"], place="the fence",
    )  # fmt: skip
    virtual.advance(timedelta(minutes=1))
    track_lost(scene.at("north"), sighting=seen, direction="east")
    decide_hold(
        cast.lou, hold=Hold.objects.get().id, decision="GO", reason="two teams look for him"
    )
    update_sighting(scene.at("gate"), sighting=seen, aggravators=["on_roof"], text="he climbs")
    q = ask(
        scene.at("gate"), operation=plan, text="ours?", at_point=STAGE.moved(130, 20), place="roof"
    )
    answer_question(scene.at("roof"), question=q.id, whose="NOT_OURS", text="nobody of us")
    note_incident(scene.at("gate"), operation=plan, kind="HEAT", text="an old man", place="gate")
    gone = vacate(scene.at("north"), operation=plan, post=scene.posts["north"], reason="to help")
    cover_absence(cast.mona, absence=gone, measure="two of the reserve")
    resolve(cast.lou, sighting=seen, reason="stopped by a patrol")
    said = cells(scene, "214")
    wanted = [
        "Officer North | Sighting 1 reported, serious, rangefinder, at the fence: “man with a rangefinder”",
        "Officer North | Sighting 1: nobody sees it any more, went east",
        "Tocsin | Hold, go on or move? asked for sighting 1, dangerous, and nobody can see it any more",
        "Lou Larsen | DECIDED for sighting 1, go on: “two teams look for him”",
        "Officer Gate | Sighting 1 got worse, grave, on a roof: “he climbs”",
        "Officer Gate | Question 1, whose is that at roof? The register: NONE OF OURS; assigned to nobody: “ours?”",
        "Tocsin | Assigned: Post north, Officer North",
        "Officer Roof | Question 1 answered, not ours: “nobody of us”",
        "Officer Gate | Heat casualty at gate: “an old man”",
        "Officer North | Post north: post left: “to help”",
        "Mona Mills | Post north: made up for: “two of the reserve”",
        "Lou Larsen | Sighting 1 is over: “stopped by a patrol”",
        "Officer Gate | Post gate | Capitol police",
    ]
    missing = [w for w in wanted if w not in said]
    assert not missing, said
    assert re.search(r"\d\d \w{3} \d\d:\d\d \| Officer North \| Sighting 1 reported", said)
    # No line but in words: neither an id nor the name of a kind of entry.
    assert not re.search(r"\b(sgt|qst|hlq|abs|inc|post)_|sighting\.|Absence found", said)
    assert forms.pdf(forms.make(cast.lou, operation(plan), "214"))[:5] == b"%PDF-"


def test_209_shows_what_is_open_now(scene: Scene) -> None:
    report_sighting(
        scene.at("gate"), operation=scene.plan, text="man", aggravators=["armed"], place="hill"
    )
    note_incident(scene.at("gate"), operation=scene.plan, kind="LOST_CHILD", text="boy in blue")
    said = cells(scene, "209")
    assert "1 | armed or attacking, armed | man | hill | open" in said
    assert "lost child | boy in blue" in said
