"""What is asked of thousands at once is answered as if each were asked alone."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.stories.fielding import Phone
from tests.stories.running import STAGE, Scene, make_scene
from tocsin.kernel.clock import VirtualClock
from tocsin.operate import devices, rules, store
from tocsin.operate.actions import (
    ask,
    check_in,
    report_absence,
    report_sighting,
    resolve,
    update_sighting,
    vacate,
)
from tocsin.operate.actions.devices import issue_device, revoke_device
from tocsin.operate.models import Receipt
from tocsin.people.store import operation
from tocsin.plan.actions.staffing import assign
from tocsin.plan.models import Post
from tocsin.web.field_who import Knock, Who, recognise

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def scene(virtual: VirtualClock) -> Scene:
    return make_scene()


def joined(scene: Scene, post: str) -> Phone:
    phone = Phone()
    _, code = issue_device(scene.cast.lou, operation=scene.plan, person=scene.people[post])
    assert phone.join(code)[0] == 201
    return phone


def test_many_devices_are_known_each_as_if_alone_by_as_many_questions_as_one(scene: Scene) -> None:
    phones = [joined(scene, post) for post in ("north", "gate", "roof")]
    revoke_device(scene.cast.lou, device=phones[1].device)
    good, out, other = (p.token() for p in phones)
    tokens = [good, "nonsense", out, f"{good}x", other, phones[0].token().replace(".", ".9", 1)]
    assert devices.sessions_of(tokens) == [devices.session_of(t) for t in tokens]
    sessions = [s for s in devices.sessions_of(tokens) if s]
    assert {s.device for s in sessions} == {phones[0].device, phones[2].device}
    for session in sessions:
        alone = devices.actor_of(session)
        together = devices.carriers(sessions)[session.device]
        assert replace(alone, name="", novice=False, currency=True) == together
    knocks = [Knock(t, "", "") for t in tokens]
    found = recognise(knocks)
    assert [w.device if isinstance(w, Who) else w for w in found] == [
        phones[0].device, 401, 401, 401, phones[2].device, 401,
    ]  # fmt: skip
    assert recognise([Knock(good, "", "op_other"), Knock("", "", scene.plan)]) == [404, 401]
    counts = []
    for few in (knocks[:1], knocks):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            recognise(few)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_device_whose_person_holds_no_role_any_more_is_shut_out(scene: Scene) -> None:
    from tocsin.people.actions import revoke_role  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM, Role  # noqa: PLC0415

    phone = joined(scene, "north")
    revoke_role(SYSTEM, person=scene.people["north"], role=Role.FIELD)
    assert recognise([Knock(phone.token(), "", "")]) == [404]


def test_who_has_not_answered_is_the_same_by_the_database_as_by_the_rule(scene: Scene) -> None:
    sighting = report_sighting(scene.at("north"), operation=scene.plan, text="rangefinder")
    update_sighting(scene.at("north"), sighting=sighting, text="there", aggravators=["on_roof"])
    dice = random.Random(3)
    known = list(Receipt.objects.filter(sighting=sighting))
    first = Receipt.objects.filter(sighting=sighting).values().first()
    assert first
    extra: dict[str, Any] = {**first}
    for n in range(3):  # somebody else was told for a seat that is held
        Receipt.objects.create(
            **extra | {"seat": known[n].seat, "person": f"per_{n}", "must": known[n].must}
        )
    for _ in range(12):
        for row in Receipt.objects.filter(sighting=sighting):
            Receipt.objects.filter(sighting=sighting, seat=row.seat, person=row.person).update(
                version=dice.choice((0, 1, 2))
            )
        for version in (1, 2):
            by_rule = rules.unanswered(store.receipts(sighting), version)
            found = store.unanswered(sighting, version)
            assert {(r.seat, r.person, r.must, r.version) for r in found} == {
                (r.seat, r.person, r.must, r.version) for r in by_rule
            }
            assert [r.must for r in found] == sorted((r.must for r in found), reverse=True)
            assert store.posts_wait(sighting, version) == any(not r.must for r in by_rule)
            every = store.receipts(sighting)
            assert rules.informed_version(every, version) == rules.informed_version(
                store.musts([sighting])[sighting], version
            )


def test_posts_have_the_colour_of_whoever_is_there_red_first(
    scene: Scene, virtual: VirtualClock
) -> None:
    plan, lou = operation(scene.plan), scene.cast.lou

    def colours() -> dict[str, tuple[str, str]]:
        return {p.label: (p.colour, p.why) for p in store.posts(lou, plan, virtual.now())}

    for post in ("north", "gate", "roof"):
        check_in(scene.at(post), operation=scene.plan, post=scene.posts[post])
    assert colours()["Post gate"] == ("green", "there")
    assert colours()["Post detail"] == ("amber", "not checked in")
    vacate(scene.at("north"), operation=scene.plan, post=scene.posts["north"])
    assert colours()["Post north"] == ("red", "left")
    assert store.posts(lou, plan, virtual.now())[0].label == "Post north"
    virtual.advance(timedelta(minutes=1))
    assign(scene.cast.mona, post=scene.posts["north"], person=scene.cast.mona.person)
    assert colours()["Post north"] == ("amber", "not checked in")  # somebody was sent: nobody came
    first = store.posts(lou, plan, virtual.now())[0]
    assert (first.colour, bool(first.person)) == ("amber", True)  # who should be there, by name
    check_in(scene.cast.mona, operation=scene.plan, post=scene.posts["north"])
    assert colours()["Post north"] == ("green", "there")
    Post.objects.filter(id=scene.posts["roof"]).update(from_at=virtual.now() + timedelta(hours=1))
    assert colours()["Post roof"] == ("later", "not yet")
    virtual.advance(timedelta(hours=1))
    found = store.posts(lou, plan, virtual.now())
    assert {p.colour for p in found} == {"amber"}
    assert store.posts(scene.cast.otto, plan, virtual.now()) == []


def test_seats_and_board_ask_no_more_for_more_posts(scene: Scene, virtual: VirtualClock) -> None:
    plan = operation(scene.plan)

    def asked() -> tuple[int, int]:
        found = []
        for what in (
            lambda: store.seats(plan, virtual.now()),
            lambda: store.board(scene.cast.lou, plan, virtual.now()),
        ):
            with CaptureQueriesContext(connection) as queries:
                what()
            found.append(len(queries))
        return found[0], found[1]

    before = asked()
    row = Post.objects.values().get(id=scene.posts["gate"])
    Post.objects.bulk_create(Post(**row | {"id": f"post_{n}"}) for n in range(50))
    report_sighting(scene.at("gate"), operation=scene.plan, text="rangefinder")
    with_one = asked()
    for n in range(5):
        report_sighting(scene.at("gate"), operation=scene.plan, text=f"rangefinder {n}")
    assert asked() == with_one
    assert with_one[0] == before[0]


def test_things_come_in_the_order_asked_each_as_if_alone(scene: Scene) -> None:
    at = scene.at("gate")
    first = report_sighting(
        at, operation=scene.plan, text="man by the fence", aggravators=["armed"]
    )
    over = report_sighting(at, operation=scene.plan, text="a kite")
    resolve(at, sighting=over, reason="it was a kite")
    question = ask(at, operation=scene.plan, text="whose?", at_point=STAGE).id
    missing = report_absence(
        at, operation=scene.plan, kind="DOWN", label="camera", subject="camera"
    )
    ids = [question, over, "sgt_none", missing, first, "per_no"]
    found = store.snapshots(ids)
    assert [t["id"] for t in found] == [question, over, missing, first]
    for thing in found:
        assert store.snapshot(thing["type"], thing["id"]) == thing
    assert store.snapshot("question", first) is None
    assert set(store.not_over(scene.plan)) >= {first, question, missing}
    assert over not in store.not_over(scene.plan)
    assert store.not_over("op_other") == []
