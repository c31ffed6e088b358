"""The plan's ground: nobody's roof is red, swept ground is what was walked, and going ahead has a name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.cast import Cast, make_cast
from tests.stories.fairground import STAGE, Ground, at, box, lay_out
from tocsin.duties.actions import fire_due
from tocsin.duties.models import Duty, Notice
from tocsin.kernel import clock
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.oversee import actions as oversee
from tocsin.people import actions as people
from tocsin.people.models import Operation
from tocsin.people.terms import SYSTEM
from tocsin.plan import actions, store
from tocsin.plan.geometry import Point
from tocsin.plan.models import Area, Going, Position, Zone
from tocsin.plan.terms import Method
from tocsin.record.models import Entry


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def ground(cast: Cast) -> Ground:
    return lay_out(cast)


def words(cast: Cast, kind: str = "") -> list[str]:
    return [r.words for r in store.reds(cast.march) if not kind or r.kind == kind]


def roof(cast: Cast, **changes: Any) -> Position:
    fields = {"label": "Roof of building 6", "at": at(0, 132), "height_m": 8, "accepting": "metro"}
    made = actions.list_position(cast.lou, operation=cast.march, **{**fields, **changes})
    return Position.objects.get(id=made)


def accepted(cast: Cast, row: Position, **changes: Any) -> Position:
    fields: dict[str, Any] = {"person": cast.people["mona"], "check_in_every_s": 1800}
    fields["mitigation"] = "Two officers on the roof from 08:00."
    actions.accept_position(
        cast.mona, position=row.id, version=row.version, **{**fields, **changes}
    )
    return Position.objects.get(id=row.id)


def test_a_roof_in_sight_that_nobody_listed_is_red(cast: Cast, ground: Ground) -> None:
    [said] = words(cast, "building")
    assert said.startswith("Building 6: 130 m from Stage, in sight of it")
    roof(cast)
    assert words(cast, "building") == []


def test_an_assumed_position_is_red_until_somebody_of_the_agency_accepts(
    cast: Cast, ground: Ground
) -> None:
    row = roof(cast)
    assert row.metres == 132
    [said] = words(cast, "position")
    assert (
        said
        == "Roof of building 6: assumed to be held by Metro police, which has not accepted it, 132 m away."
    )
    duty = Duty.objects.get(subject=row.id, kind="accept_position", discharged_at=None)
    assert duty.owner_agency == "metro"
    fields: dict[str, Any] = {
        "person": cast.people["mona"],
        "check_in_every_s": 1800,
        "mitigation": "Two officers.",
    }
    with pytest.raises(Forbidden):
        actions.accept_position(cast.lou, position=row.id, version=1, **fields)
    with pytest.raises(Forbidden):
        actions.accept_position(cast.olga, position=row.id, version=1, **fields)
    with pytest.raises(NotFound):
        actions.decline_position(
            _lead_elsewhere(cast), position=row.id, version=1, reason="Not ours."
        )
    accepted(cast, row)
    assert words(cast, "position") == []
    assert not Duty.objects.filter(
        subject=row.id, kind="accept_position", discharged_at=None
    ).exists()


def _lead_elsewhere(cast: Cast) -> Any:
    """Somebody of the outsider's agency who may take on parts of plans."""
    from tocsin.people.terms import Role  # noqa: PLC0415

    people.grant_role(SYSTEM, person=cast.people["otto"], role=Role.OPERATION_LEAD)
    return cast.otto


def test_whoever_puts_their_agencys_name_there_does_not_accept_it(
    cast: Cast, ground: Ground
) -> None:
    made = actions.list_position(
        cast.olga, operation=cast.march, label="Water tower", at=at(200, 0), accepting="capitol"
    )
    fields: dict[str, Any] = {
        "person": cast.people["paul"],
        "check_in_every_s": 600,
        "mitigation": "A ladder is up.",
    }
    with pytest.raises(Forbidden, match="does not accept"):
        actions.accept_position(cast.olga, position=made, version=1, **fields)
    actions.accept_position(cast.paul, position=made, version=1, **fields)
    assert words(cast, "position") == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"person": "per_nobody"}, "person"),
        ({"check_in_every_s": 5}, "check_in_every_s"),
        ({"mitigation": " "}, "mitigation"),
    ],
)
def test_accepting_needs_a_person_a_check_in_and_a_measure(
    cast: Cast, ground: Ground, changes: dict[str, Any], field: str
) -> None:
    row = roof(cast)
    with pytest.raises(Invalid) as refused:
        accepted(cast, row, **changes)
    assert refused.value.field == field
    assert len(words(cast, "position")) == 1


def test_what_was_accepted_was_accepted_as_it_stood(cast: Cast, ground: Ground) -> None:
    row = accepted(cast, roof(cast))
    actions.change_position(
        cast.lou, position=row.id, version=row.version, mitigation="One officer only."
    )
    [said] = words(cast, "position")
    assert "has not accepted" in said
    with pytest.raises(Conflict):
        actions.change_position(cast.lou, position=row.id, version=row.version, label="Roof")


def test_a_declined_position_goes_back_to_the_lead(cast: Cast, ground: Ground) -> None:
    row = roof(cast)
    actions.decline_position(
        cast.mona, position=row.id, version=1, reason="We have no officers left for it."
    )
    [said] = words(cast, "position")
    assert "declined it, nobody holds it" in said
    duty = Duty.objects.get(subject=row.id, kind="accept_position", discharged_at=None)
    assert (duty.owner_agency, duty.owner_role) == ("fusion", "operation_lead")


def test_a_missed_check_in_is_red_and_tells_people(
    cast: Cast, ground: Ground, virtual: VirtualClock
) -> None:
    march = Operation.objects.get(id=cast.march)
    row = accepted(cast, roof(cast))
    assert row.check_in_due == march.starts_at
    virtual.move_to(march.starts_at - timedelta(minutes=10))
    actions.check_in_position(cast.mona, position=row.id)
    row.refresh_from_db()
    assert row.check_in_due == march.starts_at + timedelta(minutes=20)
    virtual.move_to(row.check_in_due + timedelta(minutes=3))
    for _ in range(3):
        fire_due()
    assert words(cast, "position")[0].startswith("Roof of building 6: the check-in was missed")
    duty = Duty.objects.get(subject=row.id, kind="check_in_position", discharged_at=None)
    told = set(Notice.objects.filter(duty=duty.id).values_list("person", flat=True))
    assert {cast.people["mona"], cast.people["lou"]} <= told
    actions.check_in_position(cast.mona, position=row.id)
    assert words(cast, "position") == []
    assert (
        Duty.objects.filter(subject=row.id, kind="check_in_position", discharged_at=None).count()
        == 1
    )


def test_the_distance_follows_the_stage(cast: Cast, ground: Ground) -> None:
    row = roof(cast, area=ground.stage)
    actions.change_area(cast.lou, area=ground.stage, version=1, points=[at(0, 100)])
    row.refresh_from_db()
    assert row.metres == 32


# -- sweeps --------------------------------------------------------------------------------------------------


def swept(cast: Cast, zone: str, **changes: Any) -> Zone:
    row = Zone.objects.get(id=zone)
    actions.assign_zone(
        cast.lou, zone=zone, version=row.version, team="metro", method=Method.CANINE, due_at=None
    )
    fields: dict[str, Any] = {
        "start": clock.now() - timedelta(minutes=20), "end": clock.now(), "found": False,
        "holds": timedelta(hours=8), "method": Method.CANINE,
    }  # fmt: skip
    actions.end_sweep(cast.mona, zone=zone, version=row.version + 1, **{**fields, **changes})
    return Zone.objects.get(id=zone)


def test_uncovered_ground_within_standoff_is_shown_and_owed(cast: Cast, ground: Ground) -> None:
    [cover] = store.coverage(cast.march)
    assert cover.area == ground.route
    assert [g["holds"] for g in cover.gaps] == [["Bench by the ramp"]]
    assert abs(cover.open_m2 - cover.whole_m2) <= 2
    duty = Duty.objects.get(subject=ground.route, kind="cover_ground", discharged_at=None)
    assert duty.owner_agency == "fusion"
    made = actions.cut_zones(cast.lou, operation=cast.march, area=ground.route, every_m=100)
    assert len(made) == 3
    for zone in made:
        swept(cast, zone)
    [cover] = store.coverage(cast.march)
    assert cover.gaps == []
    assert not Duty.objects.filter(
        subject=ground.route, kind="cover_ground", discharged_at=None
    ).exists()
    assert words(cast, "coverage") == []


def test_the_ramp_was_swept_and_the_bench_was_not(cast: Cast, ground: Ground) -> None:
    """Two dog teams walked the ramp; the bench lies within standoff of the motorcade and was not near the track."""
    [zone, *_] = actions.cut_zones(cast.lou, operation=cast.march, area=ground.route, every_m=2000)
    swept(cast, zone, track=[at(-300, -55), at(0, -55), at(5, -10)])
    [cover] = store.coverage(cast.march)
    assert any("Bench by the ramp" in g["holds"] for g in cover.gaps)
    assert "with Bench by the ramp in it" in words(cast, "coverage")[0]
    assert Duty.objects.filter(
        subject=ground.route, kind="cover_ground", discharged_at=None
    ).exists()


def test_a_breach_uncovers_what_was_swept(cast: Cast, ground: Ground) -> None:
    made = actions.cut_zones(cast.lou, operation=cast.march, area=ground.route, every_m=2000)
    row = swept(cast, made[0])
    assert words(cast, "coverage") == []
    actions.breach(cast.paul, zone=row.id, version=row.version, note="A door stood open.")
    assert len(words(cast, "coverage")) == 1
    duty = Duty.objects.get(subject=row.id, kind="sweep_zone", discharged_at=None)
    assert duty.title.startswith("Sweep again")
    assert duty.owner_agency == "metro"


def test_a_sweep_lapses(cast: Cast, ground: Ground, virtual: VirtualClock) -> None:
    made = actions.cut_zones(cast.lou, operation=cast.march, area=ground.route, every_m=2000)
    row = swept(cast, made[0], holds=timedelta(hours=2))
    assert actions.lapse_due() == 0
    virtual.advance(timedelta(hours=2, seconds=1))
    assert "the sweep is too old" in words(cast, "zone")[0]
    assert actions.lapse_due() == 1
    assert actions.lapse_due() == 0
    row.refresh_from_db()
    assert row.state == "LAPSED"
    assert len(words(cast, "coverage")) == 1
    assert Duty.objects.filter(subject=row.id, kind="sweep_zone", discharged_at=None).exists()


def test_something_found_covers_nothing(cast: Cast, ground: Ground) -> None:
    made = actions.cut_zones(cast.lou, operation=cast.march, area=ground.route, every_m=2000)
    with pytest.raises(Invalid, match="says nothing"):
        swept(cast, made[0], found=True)
    row = Zone.objects.get(id=made[0])
    actions.end_sweep(
        cast.mona, zone=row.id, version=row.version, start=row.changed_at - timedelta(hours=1), end=row.changed_at,
        found=True, holds=timedelta(hours=1), method=Method.CANINE, note="A bag under the bench.",
    )  # fmt: skip
    assert "something was found" in words(cast, "zone")[0]
    assert len(words(cast, "coverage")) == 1


def test_only_the_team_says_what_it_did_and_giving_up_stays_red(cast: Cast, ground: Ground) -> None:
    made = actions.cut_zones(cast.lou, operation=cast.march, area=ground.route, every_m=2000)
    actions.assign_zone(
        cast.lou, zone=made[0], version=1, team="metro", method=Method.VISUAL, due_at=None
    )
    with pytest.raises(Forbidden):
        actions.begin_sweep(cast.paul, zone=made[0], version=2)
    actions.begin_sweep(cast.mona, zone=made[0], version=2)
    actions.give_up_zone(cast.mona, zone=made[0], version=3, reason="The gate is welded shut.")
    assert "will not be swept" in words(cast, "zone")[0]
    assert len(words(cast, "coverage")) == 1


# -- going ---------------------------------------------------------------------------------------------------


def test_going_ahead_with_red_needs_a_name_and_a_reason(cast: Cast, ground: Ground) -> None:
    row = roof(cast)
    found = store.reds(cast.march)
    with pytest.raises(Invalid) as refused:
        actions.decide(cast.lou, operation=cast.march, go=True, reason="")
    assert refused.value.field == "reason"
    with pytest.raises(Forbidden):
        actions.decide(
            cast.olga, operation=cast.march, go=True, reason="We have always gone ahead."
        )
    with pytest.raises(Conflict):
        actions.decide(
            cast.lou,
            operation=cast.march,
            go=True,
            reason="All is well enough.",
            seen=len(found) - 1,
        )
    made = actions.decide(
        cast.lou,
        operation=cast.march,
        go=True,
        reason="The roof is watched by camera.",
        seen=len(found),
    )
    going = Going.objects.get(id=made)
    assert ["position", row.id] in going.reds
    assert going.person == cast.people["lou"]
    for e in Entry.objects.filter(subject=cast.march):
        assert b"camera" not in bytes(e.body)


def test_an_approval_stands_until_the_plan_changes(
    cast: Cast, ground: Ground, virtual: VirtualClock
) -> None:
    assert words(cast, "approval") == ["Nobody has approved the plan."]
    virtual.advance(timedelta(minutes=1))
    actions.approve(cast.olga, operation=cast.march)
    assert words(cast, "approval") == []
    virtual.advance(timedelta(minutes=1))
    roof(cast)
    assert words(cast, "approval") == ["The plan changed after it was last approved."]


def test_a_plan_copied_from_the_past_holds_nothing_yet(
    cast: Cast, ground: Ground, virtual: VirtualClock
) -> None:
    accepted(cast, roof(cast))
    made = actions.cut_zones(cast.lou, operation=cast.march, area=ground.route, every_m=2000)
    swept(cast, made[0])
    again = people.open_operation(
        SYSTEM, name="The march again", lead_agency="fusion", starts_at=virtual.now() + timedelta(days=300),
        ends_at=virtual.now() + timedelta(days=300, hours=4), agencies=["metro"],
    )  # fmt: skip
    assert actions.begin_plan(cast.lou, operation=again, copied_from=cast.march) == {
        "areas": 4, "positions": 1, "zones": 1,
    }  # fmt: skip
    assert [p.state for p in store.positions(again)] == ["LISTED"]
    assert [z.state for z in store.zones(again)] == ["PLANNED"]
    assert {r.kind for r in store.reds(again)} >= {"position", "zone", "coverage", "approval"}
    with pytest.raises(Invalid):
        actions.begin_plan(cast.lou, operation=again, copied_from=cast.march)


def test_another_operations_lead_finds_nothing(cast: Cast, ground: Ground) -> None:
    otto = _lead_elsewhere(cast)
    row = roof(cast)
    for tried in (
        lambda: actions.place_area(
            otto, operation=cast.march, kind="STAGE", label="x", points=[STAGE]
        ),
        lambda: actions.change_area(otto, area=ground.stage, version=1, label="x"),
        lambda: actions.change_position(otto, position=row.id, version=1, label="x"),
        lambda: actions.check_in_position(otto, position=row.id),
        lambda: actions.approve(otto, operation=cast.march),
        lambda: actions.decide(otto, operation=cast.march, go=True, reason="Because I say so."),
    ):
        with pytest.raises(NotFound):
            tried()


def test_ground_that_cannot_be_is_refused_by_field(cast: Cast) -> None:
    place: dict[str, Any] = {"operation": cast.march, "label": "Yard"}
    tried: list[tuple[dict[str, Any], str]] = [
        ({"kind": "YARD", "points": box(0, 0, 5)}, "kind"),
        ({"kind": "AREA", "points": [STAGE]}, "shape"),
        ({"kind": "AREA", "points": [Point(2_000_000_000, 0)] * 3}, "shape"),
        ({"kind": "AREA", "points": box(0, 0, 5), "standoff_m": 9999}, "standoff_m"),
        ({"kind": "AREA", "points": box(0, 0, 5), "label": "y" * 81}, "label"),
    ]
    for fields, field in tried:
        with pytest.raises(Invalid) as refused:
            actions.place_area(cast.lou, **{**place, **fields})
        assert refused.value.field == field
    assert not Area.objects.exists()


def test_a_lesson_that_nobody_applied_is_red_until_the_plan_answers_it(
    cast: Cast, virtual: VirtualClock
) -> None:
    fields: dict[str, Any] = {
        "text": "", "topic": "radio", "owner_agency": "capitol", "owner_role": "operation_lead",
        "due_at": virtual.now() + timedelta(days=60),
    }  # fmt: skip
    finding = oversee.file_finding(cast.ines, title="Radios were not exchanged", **fields)
    oversee.file_finding(cast.ines, title="Our own", tlp="AMBER+STRICT", **fields)
    [said] = words(cast, "finding")
    assert "found before, not put right" in said
    oversee.consider_finding(
        cast.lou, finding=finding, operation=cast.march, text="Handed out at nine, and tested."
    )
    assert words(cast, "finding") == []
