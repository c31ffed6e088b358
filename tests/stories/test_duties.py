"""The clock: who is told, when, and that nothing is missed or told twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tocsin.duties import store
from tocsin.duties.actions import discharge, fire_due, move_event, open_duty, see_notice, take
from tocsin.duties.models import Duty, Notice
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden
from tocsin.people import actions as people
from tocsin.people.models import Operation
from tocsin.people.store import actor, on_duty
from tocsin.people.terms import SYSTEM, Role
from tocsin.record.actions import writing
from tocsin.record.terms import Marking

pytestmark = pytest.mark.usefixtures("db")
H = timedelta(hours=1)
TO_LEAD = [s.tell for s in store.ladder("review").steps].index("lead:operation_lead")


class Floor:
    """A small watch floor: two release authorities on alternating shifts, a lead, an analyst."""

    def __init__(self, now: datetime) -> None:
        people.add_agency(SYSTEM, agency="fusion", name="Fusion centre")
        self.rhea, self.ruth = (
            self._add("rhea", Role.RELEASE_AUTHORITY),
            self._add("ruth", Role.RELEASE_AUTHORITY),
        )
        self.lou, self.ana = self._add("lou", Role.OPERATION_LEAD), self._add("ana", Role.COLLECTOR)
        self.operation = people.open_operation(
            SYSTEM, name="March", lead_agency="fusion", starts_at=now + 20 * H, ends_at=now + 30 * H
        )
        self.marking = Marking("fusion", "AMBER", self.operation)

    def _add(self, name: str, role: Role) -> str:
        return people.add_person(
            SYSTEM, username=name, name=name.title(), agency="fusion", roles=[role]
        )

    def owe(self, subject: str = "wrn_1", kind: str = "review") -> str:
        start = Operation.objects.get(id=self.operation).starts_at
        with writing(SYSTEM) as w:
            return open_duty(
                w,
                kind,
                subject,
                "Review the draft",
                self.marking,
                owner_agency="fusion",
                owner_role="release_authority",
                event_start=start,
            )


@pytest.fixture
def floor(virtual: VirtualClock) -> Floor:
    return Floor(virtual.now())


def run(virtual: VirtualClock, hours: float, step: timedelta = timedelta(minutes=5)) -> None:
    end = virtual.now() + hours * H
    while virtual.now() < end:
        virtual.advance(step)
        while fire_due():
            pass


def told(duty: str) -> dict[int, set[str]]:
    out: dict[int, set[str]] = {}
    for n in Notice.objects.filter(duty=duty):
        out.setdefault(n.rung, set()).add(n.person)
    return out


def test_silence_climbs_the_ladder_to_the_lead(floor: Floor, virtual: VirtualClock) -> None:
    duty = floor.owe()
    fire_due()
    assert told(duty) == {0: {floor.rhea, floor.ruth}}
    run(virtual, 3.5)
    assert set(told(duty)) == {0, 1}
    run(virtual, 1.2)
    assert told(duty)[TO_LEAD] == {floor.lou}
    run(virtual, 3)
    assert told(duty)[TO_LEAD + 2] == {floor.lou}, "the last step is told again every hour"


def test_a_duty_goes_to_who_is_on_shift(floor: Floor, virtual: VirtualClock) -> None:
    now = virtual.now()
    people.plan_shift(
        SYSTEM, person=floor.rhea, role=Role.RELEASE_AUTHORITY, starts_at=now, ends_at=now + 2 * H
    )
    people.plan_shift(
        SYSTEM,
        person=floor.ruth,
        role=Role.RELEASE_AUTHORITY,
        starts_at=now + 2 * H,
        ends_at=now + 9 * H,
    )
    duty = floor.owe()
    fire_due()
    run(virtual, 4)
    assert told(duty)[0] == {floor.rhea}
    assert told(duty)[1] == {floor.ruth}
    assert [
        s.person for s in on_duty("fusion", "release_authority", virtual.now() + 90 * H)
    ] == sorted([floor.rhea, floor.ruth]), (
        "with nobody on shift, everyone who holds the role answers"
    )


def test_an_answer_ends_it_and_nobody_is_told_again(floor: Floor, virtual: VirtualClock) -> None:
    duty = floor.owe()
    fire_due()
    with writing(actor(floor.rhea)) as w:
        assert discharge(w, "wrn_1", "review", "released") == 1
        assert discharge(w, "wrn_1", "review", "released") == 0
    run(virtual, 12, step=H)
    assert set(told(duty)) == {0}
    row = Duty.objects.get(id=duty)
    assert (row.discharged_by, row.outcome, row.next_at) == (floor.rhea, "released", None)


def test_a_step_that_finds_nobody_goes_to_the_last_resort(
    floor: Floor, virtual: VirtualClock
) -> None:
    with writing(SYSTEM) as w:
        duty = open_duty(
            w,
            "review",
            "wrn_9",
            "Review",
            floor.marking,
            owner_agency="ghost",
            owner_role="release_authority",
        )
    fire_due()
    assert told(duty)[0] == {floor.lou}


def test_moving_the_event_bends_every_open_deadline(floor: Floor, virtual: VirtualClock) -> None:
    duty = floor.owe()
    assert Duty.objects.get(id=duty).due_at - virtual.now() == 4 * H
    lead = actor(floor.lou)
    start = virtual.now() + 13 * H
    moved = move_event(
        lead, operation=floor.operation, version=1, starts_at=start, ends_at=start + 4 * H
    )
    assert moved == 1
    row = Duty.objects.get(id=duty)
    assert row.due_at == start - 12 * H
    assert row.steps[2]["at"] == row.due_at.isoformat(timespec="microseconds")[:26] + "Z"
    with pytest.raises(Conflict):
        move_event(lead, operation=floor.operation, version=1, starts_at=start, ends_at=start + H)
    with pytest.raises(Forbidden):
        move_event(
            actor(floor.ana),
            operation=floor.operation,
            version=2,
            starts_at=start,
            ends_at=start + H,
        )


def test_the_auditor_sees_what_did_not_fire(floor: Floor, virtual: VirtualClock) -> None:
    floor.owe()
    assert store.audit(virtual.now()).well
    virtual.advance(timedelta(seconds=2))
    found = store.audit(virtual.now())
    assert (found.well, found.late, found.open) == (False, 1, 1)
    fire_due()
    assert store.audit(virtual.now()).well


def test_owed_is_mine_by_role_by_name_and_by_being_told(
    floor: Floor, virtual: VirtualClock
) -> None:
    floor.owe()
    fire_due()
    now = virtual.now()
    assert store.owed_by(actor(floor.rhea), now).count() == 1
    assert store.owed_by(actor(floor.lou), now).count() == 0
    run(virtual, 5)
    assert store.owed_by(actor(floor.lou), virtual.now()).count() == 1
    assert store.owed_by(actor(floor.ana), virtual.now()).count() == 0


def test_the_next_in_line_is_named(floor: Floor, virtual: VirtualClock) -> None:
    duty = Duty.objects.get(id=floor.owe())
    assert sorted(store.asked_next(duty, virtual.now())) == ["Rhea", "Ruth"]
    duty.rung = TO_LEAD
    assert store.asked_next(duty, virtual.now()) == ["Lou"]


def test_take_and_see(floor: Floor) -> None:
    duty = floor.owe()
    fire_due()
    with pytest.raises(Forbidden):
        take(actor(floor.ana), duty=duty)
    take(actor(floor.rhea), duty=duty)
    assert Duty.objects.get(id=duty).owner_person == floor.rhea
    see_notice(actor(floor.rhea), duty=duty, rung=0)
    see_notice(actor(floor.rhea), duty=duty, rung=0)
    assert Notice.objects.get(duty=duty, person=floor.rhea).seen_at is not None
    with pytest.raises(Forbidden):
        see_notice(actor(floor.ana), duty=duty, rung=0)


def test_a_hidden_duty_is_absent_for_the_outsider(floor: Floor) -> None:
    floor.owe()
    people.add_agency(SYSTEM, agency="other", name="Other")
    otto = people.add_person(
        SYSTEM, username="otto", name="Otto", agency="other", roles=[Role.COLLECTOR]
    )
    assert store.open_duties(actor(otto)).count() == 0


def test_overlapping_shifts_of_one_person_tell_them_once(
    floor: Floor, virtual: VirtualClock
) -> None:
    now = virtual.now()
    for begin, end in ((0, 6), (0, 9)):
        people.plan_shift(
            SYSTEM,
            person=floor.rhea,
            role=Role.RELEASE_AUTHORITY,
            starts_at=now + begin * H,
            ends_at=now + end * H,
        )
    duty = floor.owe()
    assert fire_due() == 1
    assert told(duty) == {0: {floor.rhea}}


def test_a_duty_of_somebody_who_left_goes_back_to_their_role(
    floor: Floor, virtual: VirtualClock
) -> None:
    duty = floor.owe()
    fire_due()
    take(actor(floor.rhea), duty=duty)
    people.leave(SYSTEM, person=floor.rhea)
    run(virtual, 3.2)
    assert told(duty)[1] == {floor.ruth}


def test_without_an_operation_its_own_agency_hears_of_another_agencys_silence(floor: Floor) -> None:
    people.add_agency(SYSTEM, agency="venue", name="Venue")
    with writing(SYSTEM) as w:
        duty = open_duty(
            w,
            "reach_by_hand",
            "dst_1",
            "Reach them",
            Marking("fusion"),
            owner_agency="venue",
            owner_role="partner",
        )
    fire_due()
    assert told(duty)[0] == {floor.lou}
