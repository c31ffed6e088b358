"""Who knew of a sighting, when: each seat that was told, from a few entries; and the other way, by role."""

from __future__ import annotations

import csv
from datetime import timedelta
from io import StringIO

import pytest
from django.test import Client

from tests.stories.flagged import flag
from tests.stories.running import Scene, make_scene
from tests.stories.test_retain import GROUNDS, sar
from tocsin.kernel.clock import VirtualClock
from tocsin.operate.actions import Said, acknowledge, record_receipts, report_sighting
from tocsin.operate.actions import update_sighting as update
from tocsin.oversee import knowing, subjects
from tocsin.oversee.actions import note_views
from tocsin.oversee.knowing import Seat
from tocsin.oversee.models import Viewing
from tocsin.oversee.terms import Verb
from tocsin.record.models import Entry
from tocsin.retain import actions as retain

MINUTE = timedelta(minutes=1)


@pytest.fixture
def scene(db: None, virtual: VirtualClock) -> Scene:
    return make_scene()


def seen(scene: Scene) -> str:
    return report_sighting(
        scene.at("north"), operation=scene.plan, text="man with a rangefinder", key="k", severity=2
    )


def client(scene: Scene, name: str) -> Client:
    made = Client()
    made.force_login(scene.cast.account(name))
    return made


def test_each_seat_of_a_sighting_has_its_own_line(scene: Scene, virtual: VirtualClock) -> None:
    sighting = seen(scene)
    begin = virtual.now()
    virtual.advance(7 * MINUTE)
    many = [Said(scene.people[p], sighting, "delivered") for p in ("gate", "roof", "north")]
    record_receipts([*many, Said(scene.people["gate"], sighting, "opened")])
    virtual.advance(MINUTE)
    acknowledge(scene.cast.olga, sighting=sighting)
    found = knowing.of(scene.cast.ines, subjects.linked(scene.cast.ines, sighting), virtual.now())
    gate, roof = (f"{sighting}.post:{scene.posts[p]}" for p in ("gate", "roof"))
    ladder = [(p.verb, p.at - begin) for p in found.points if p.line == gate]
    assert ladder == [
        (Verb.SENT, timedelta()),
        (Verb.DELIVERED, 7 * MINUTE),
        (Verb.OPENED, 7 * MINUTE),
    ]
    assert [p.verb for p in found.points if p.line == roof] == [Verb.SENT, Verb.DELIVERED]
    north = [p.verb for p in found.points if p.line.endswith(scene.posts["north"])]
    assert Verb.SENT not in north, "who said it was not told of it"
    assert found.seats[gate] == Seat("capitol", "", "Post gate")
    role = f"{sighting}.role:capitol:operation_lead"
    assert found.seats[role] == Seat("capitol", "operation_lead")
    wait = next(w for w in found.waits if w.line == role)
    assert (wait.end, wait.lasted(virtual.now())) == (Verb.DELIVERED, 8 * MINUTE)
    waiting = next(w for w in found.waits if w.line == f"{sighting}.role:metro:partner")
    assert waiting.until is None
    assert Entry.objects.filter(subject=sighting, kind="sighting.receipts").count() == 2


def test_what_was_said_twice_is_told_once_and_a_raise_anew(
    scene: Scene, virtual: VirtualClock
) -> None:
    sighting = seen(scene)
    virtual.advance(MINUTE)
    acknowledge(scene.cast.mona, sighting=sighting)
    virtual.advance(MINUTE)
    update(scene.at("gate"), sighting=sighting, text="on the roof", aggravators=["on_roof"])
    virtual.advance(MINUTE)
    acknowledge(scene.cast.mona, sighting=sighting)
    found = knowing.of(scene.cast.ines, [sighting], virtual.now())
    mona = [p for p in found.points if p.line == f"{sighting}.role:metro:partner"]
    assert [p.verb for p in mona].count(Verb.ACKNOWLEDGED) == 2
    assert len({(p.verb, p.at) for p in mona}) == len(mona)


def test_the_page_and_the_table_name_the_seats(scene: Scene, virtual: VirtualClock) -> None:
    sighting = seen(scene)
    virtual.advance(9 * MINUTE)
    acknowledge(scene.cast.olga, sighting=sighting)
    ines = client(scene, "ines")
    page = ines.get(f"/timeline/{sighting}").content.decode()
    for words in (
        "Post roof, Metro police",
        "operation lead, Capitol police",
        "9 min",
        "<svg",
        "sighting",
    ):
        assert words in page, words
    rows = list(csv.DictReader(StringIO(ines.get(f"/timeline/{sighting}/csv").content.decode())))
    known = [r for r in rows if r["verb"] == "delivered" and "Capitol" in r["role and agency"]]
    assert [r["waited_s"] for r in known] == ["540"]
    assert "How serious" in ines.get(f"/timeline/{sighting}/at").content.decode()
    whole = ines.get(f"/timeline/{scene.plan}").content.decode()
    assert "Told of the sighting" in whole, "the timeline of its operation has it"
    assert client(scene, "otto").get(f"/timeline/{sighting}").status_code == 404


def test_the_other_way_a_role_and_those_in_the_field(scene: Scene, virtual: VirtualClock) -> None:
    sighting = seen(scene)
    virtual.advance(MINUTE)
    acknowledge(scene.cast.mona, sighting=sighting)
    now = virtual.now()

    def had(agency: str, role: str, until: timedelta = timedelta()) -> list[Verb]:
        rows = knowing.by(scene.cast.ines, Seat(agency, role), now + until, now - 60 * MINUTE)
        return [k.verb for k in rows if k.subject == sighting]

    assert had("metro", "partner") == [Verb.ACKNOWLEDGED]
    assert had("metro", "partner", -MINUTE) == [Verb.SENT]
    assert had("metro", "field") == [Verb.ACKNOWLEDGED], "north said it"
    assert had("capitol", "field") == [Verb.SENT]
    assert had("other", "collector") == []


def test_opening_a_sighting_or_a_record_of_the_upper_stores_is_a_sight(
    scene: Scene, virtual: VirtualClock
) -> None:
    cast, sighting = scene.cast, seen(scene)
    record = sar(cast, flag(cast, ["weapons"]))
    entry = retain.promote_to_intelligence(cast.rhea, sar=record, grounds=GROUNDS)
    rhea = client(scene, "rhea")
    assert rhea.get(f"/sightings/{sighting}").status_code == 200
    assert rhea.get(f"/stores/sar/{record}").status_code == 200
    assert rhea.get(f"/stores/intelligence/{entry}").status_code == 200
    virtual.advance(MINUTE)
    assert note_views() == 3
    assert set(Viewing.objects.values_list("subject", "version")) == {
        (sighting, 1),
        (record, 1),
        (entry, 1),
    }
    for subject in (record, entry):
        found = knowing.of(cast.ines, subjects.linked(cast.ines, subject), virtual.now())
        mine = {p.verb for p in found.points if p.entry.subject == subject}
        assert {Verb.DECIDED, Verb.SAW} <= mine
        assert client(scene, "ines").get(f"/timeline/{subject}").status_code == 200
        assert client(scene, "otto").get(f"/timeline/{subject}").status_code == 404
