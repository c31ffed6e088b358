"""Staffing and communications of a plan: who may set up what, what blocks, what is proved, what is red."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cast import Cast, make_cast
from tests.conftest import START
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people import actions as people
from tocsin.people.terms import SYSTEM, Role
from tocsin.plan import store
from tocsin.plan.actions import comms, staffing
from tocsin.plan.connect import Standing
from tocsin.plan.models import Assignment, Carry, RadioCheck
from tocsin.plan.network import Level
from tocsin.plan.terms.comms import ChannelDraft
from tocsin.plan.terms.staffing import PostDraft

pytestmark = pytest.mark.usefixtures("db", "virtual")


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def post(cast: Cast, label: str, agency: str = "metro", **more: object) -> str:
    draft = PostDraft(label, agency, **more)  # type: ignore[arg-type]
    return staffing.place_post(cast.lou, operation=cast.march, draft=draft)


def kinds(cast: Cast) -> set[str]:
    return {r.kind for r in store.reds(cast.march)}


def test_an_agency_staffs_its_own_posts_and_the_lead_anybodys(cast: Cast) -> None:
    staffing.place_post(cast.mona, operation=cast.march, draft=PostDraft("Gate 1", "metro"))
    post(cast, "Gate 2", "capitol")
    with pytest.raises(Forbidden):
        staffing.place_post(cast.mona, operation=cast.march, draft=PostDraft("Gate 3", "capitol"))
    with pytest.raises(Forbidden):
        staffing.place_post(cast.otto, operation=cast.march, draft=PostDraft("Gate 3", "other"))
    with pytest.raises(Invalid):
        post(cast, "Gate 3", "other")
    assert [p.label for p in store.posts(cast.march, cast.paul)] == ["Gate 1", "Gate 2"]
    assert not store.posts(cast.march, cast.otto).exists()


def test_a_lapsed_qualification_blocks_the_assignment(cast: Cast, virtual: VirtualClock) -> None:
    gate = post(cast, "Roof", qualification="counter sniper")
    mona = cast.people["mona"]
    with pytest.raises(Conflict, match="does not hold"):
        staffing.assign(cast.mona, post=gate, person=mona)
    ends = START + timedelta(days=3, hours=8)
    people.qualify(
        SYSTEM, person=mona, name="Counter sniper", expires_at=ends - timedelta(minutes=1)
    )
    with pytest.raises(Conflict, match="lapses"):
        staffing.assign(cast.mona, post=gate, person=mona)
    people.qualify(SYSTEM, person=mona, name="Counter sniper", expires_at=ends)
    assert "unfilled_post" in kinds(cast)
    staffing.assign(cast.mona, post=gate, person=mona)
    assert not {"unfilled_post", "lapsed_qualification"} & kinds(cast)
    with pytest.raises(Conflict, match="another post"):
        staffing.assign(cast.mona, post=post(cast, "Gate"), person=mona)
    with pytest.raises(Invalid, match="agency"):
        staffing.assign(cast.mona, post=gate, person=cast.people["paul"])


def test_a_relief_leaves_no_hour_and_the_manning_follows_the_clock(
    cast: Cast, virtual: VirtualClock
) -> None:
    gate, mona = post(cast, "Gate"), cast.people["mona"]
    ivo = people.add_person(SYSTEM, username="ivo", name="Ivo", agency="metro", roles=[Role.FIELD])
    start = START + timedelta(days=3)
    middle = start + timedelta(hours=4)
    staffing.assign(cast.mona, post=gate, person=mona, until_at=middle)
    [red] = [r for r in store.reds(cast.march) if r.kind == "unfilled_post"]
    assert red.due == middle
    second = staffing.assign(cast.mona, post=gate, person=ivo, from_at=middle)
    assert "unfilled_post" not in kinds(cast)
    assert store.manning(cast.march, start) == {gate: mona}
    assert store.manning(cast.march, middle) == {gate: ivo}
    assert store.manning(cast.march, START) == {gate: ""}
    virtual.move_to(middle)
    staffing.check_in_post(store_actor(ivo), assignment=second)
    assert Assignment.objects.get(id=second).checked_in_at == middle
    staffing.vacate_post(store_actor(ivo), assignment=second)
    assert store.manning(cast.march, middle) == {gate: ""}
    staffing.check_in_post(store_actor(ivo), assignment=second)
    assert store.manning(cast.march, middle) == {gate: ivo}
    with pytest.raises(Forbidden):
        staffing.check_in_post(cast.paul, assignment=second)
    with pytest.raises(NotFound):
        staffing.check_in_post(cast.otto, assignment=second)


def store_actor(person: str):  # type: ignore[no-untyped-def]
    from tocsin.people.store import actor  # noqa: PLC0415

    return actor(person)


def test_one_room_and_a_chair_for_everybody(cast: Cast) -> None:
    assert "no_room" in kinds(cast)
    room = post(cast, "Security room", "fusion", kind="ROOM")
    annex = post(cast, "Trailer", "metro", kind="ROOM")
    found = store.reds(cast.march)
    assert [r.subject for r in found if r.kind == "second_command_post"] == [annex]
    assert sum(r.kind == "missing_seat" for r in found) == 3
    row = store.posts(cast.march).get(id=annex)
    staffing.remove_post(cast.mona, post=annex, version=row.version)
    for agency, who, actor in (
        ("fusion", "lou", cast.lou),
        ("metro", "mona", cast.mona),
        ("capitol", "paul", cast.paul),
    ):
        staffing.take_seat(actor, room=room, agency=agency, person=cast.people[who])
    assert not {"second_command_post", "missing_seat", "no_room"} & kinds(cast)
    with pytest.raises(Forbidden):
        staffing.take_seat(cast.mona, room=room, agency="capitol", person=cast.people["paul"])
    seat = store.seats(cast.march).get(seat_agency="metro")
    staffing.leave_seat(cast.mona, seat=seat.id)
    assert "missing_seat" in kinds(cast)


class Radios:
    """Two posts of two agencies, each on its own channel, and a patch between."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.sniper, self.detail = post(cast, "Sniper", "metro"), post(cast, "Detail", "capitol")
        self.police, self.service = comms.add_channels(
            cast.lou, operation=cast.march, drafts=[ChannelDraft("POLICE"), ChannelDraft("SERVICE")]
        )
        self.ours = comms.plan_carry(cast.mona, channel=self.police, post=self.sniper)
        self.theirs = comms.plan_carry(cast.olga, channel=self.service, post=self.detail)
        self.patch = comms.add_gateway(
            cast.lou,
            operation=cast.march,
            label="Patch",
            kind="PATCH",
            a=self.police,
            b=self.service,
        )

    def link(self, level: Level) -> Standing:
        return store.proofs(self.cast.march).posts[level].standing(self.sniper, self.detail)


def test_only_what_was_collected_and_tested_is_proved(cast: Cast) -> None:
    r = Radios(cast)
    assert r.link(Level.PLANNED) is Standing.ONE_LOSS
    assert r.link(Level.TESTED) is Standing.NONE
    assert {"uncollected_radio", "untested_pair", "gateway", "untested_posts"} <= kinds(cast)
    with pytest.raises(Conflict, match="collected"):
        comms.begin_check(cast.mona, carry=r.ours)
    comms.issue_carry(cast.mona, carry=r.ours)
    comms.issue_carry(cast.olga, carry=r.theirs)
    assert r.link(Level.TESTED) is Standing.NONE
    assert "untested_radio" in kinds(cast)
    check = comms.begin_check(cast.mona, carry=r.ours, gateway=r.patch)
    assert comms.answer_check(
        cast.olga, check=check.id, carry=r.theirs, word=f" {check.word.upper()} "
    )
    assert r.link(Level.TESTED) is Standing.ONE_LOSS
    assert not {"uncollected_radio", "untested_radio", "gateway", "untested_posts"} & kinds(cast)
    assert set(store.proofs(cast.march).posts[Level.TESTED].link(r.sniper, r.detail).losses) == {
        r.police,
        r.service,
        r.patch,
    }
    comms.gateway_down(cast.lou, gateway=r.patch, reason="power cut")
    assert r.link(Level.TESTED) is Standing.NONE
    assert "gateway" in kinds(cast)


def test_a_radio_check_is_answered_by_the_other_end_with_the_word(
    cast: Cast, virtual: VirtualClock
) -> None:
    r = Radios(cast)
    other = comms.plan_carry(cast.olga, channel=r.police, post=r.detail)
    for actor, carry in ((cast.mona, r.ours), (cast.olga, other), (cast.olga, r.theirs)):
        comms.issue_carry(actor, carry=carry)
    check = comms.begin_check(cast.mona, carry=r.ours)
    with pytest.raises(Forbidden, match="does not answer"):
        comms.answer_check(cast.mona, check=check.id, carry=other, word=check.word)
    with pytest.raises(Invalid, match="another channel"):
        comms.answer_check(cast.olga, check=check.id, carry=r.theirs, word=check.word)
    with pytest.raises(Invalid, match="same end"):
        comms.answer_check(cast.lou, check=check.id, carry=r.ours, word=check.word)
    with pytest.raises(NotFound):
        comms.answer_check(cast.otto, check=check.id, carry=other, word=check.word)
    for _ in range(3):
        assert not comms.answer_check(cast.olga, check=check.id, carry=other, word="wrong")
    with pytest.raises(Conflict):
        comms.answer_check(cast.olga, check=check.id, carry=other, word=check.word)
    assert not Carry.objects.filter(state="TESTED").exists()
    late = comms.begin_check(cast.mona, carry=r.ours)
    virtual.advance(timedelta(minutes=5))
    with pytest.raises(Conflict):
        comms.answer_check(cast.olga, check=late.id, carry=other, word=late.word)
    again = comms.begin_check(cast.olga, carry=other)
    assert comms.answer_check(cast.mona, check=again.id, carry=r.ours, word=again.word)
    assert Carry.objects.get(id=r.ours).with_whom == other
    comms.lose_carry(cast.mona, carry=r.ours)
    assert r.link(Level.TESTED) is Standing.NONE
    assert RadioCheck.objects.filter(ended_at=None).count() == 1  # the one that ran out


def test_an_agency_owes_its_radios_until_the_last_is_tested(cast: Cast) -> None:
    r = Radios(cast)
    owed = Duty.objects.filter(kind="test_radios", discharged_at=None)
    assert set(owed.values_list("owner_agency", flat=True)) == {"metro", "capitol"}
    for actor, carry in ((cast.mona, r.ours), (cast.olga, r.theirs)):
        comms.issue_carry(actor, carry=carry)
    check = comms.begin_check(cast.mona, carry=r.ours, gateway=r.patch)
    comms.answer_check(cast.olga, check=check.id, carry=r.theirs, word=check.word)
    assert not owed.exists()
    comms.lose_carry(cast.mona, carry=r.ours)
    assert list(owed.values_list("owner_agency", flat=True)) == ["metro"]
    comms.remove_carry(cast.mona, carry=r.ours)
    assert not owed.exists()


def test_a_changed_frequency_has_to_be_tested_again(cast: Cast) -> None:
    r = Radios(cast)
    for actor, carry in ((cast.mona, r.ours), (cast.olga, r.theirs)):
        comms.issue_carry(actor, carry=carry)
    check = comms.begin_check(cast.mona, carry=r.ours, gateway=r.patch)
    comms.answer_check(cast.olga, check=check.id, carry=r.theirs, word=check.word)
    row = store.channels(cast.march).get(id=r.police)
    comms.change_channel(
        cast.lou, channel=r.police, version=row.version, draft=ChannelDraft("POLICE", remarks="x")
    )
    assert Carry.objects.get(id=r.ours).state == "TESTED"
    draft = ChannelDraft("POLICE", rx="as the owner assigns")
    comms.change_channel(cast.lou, channel=r.police, version=row.version + 1, draft=draft)
    assert Carry.objects.get(id=r.ours).state == "ISSUED"
    with pytest.raises(Conflict):
        comms.change_channel(cast.lou, channel=r.police, version=row.version, draft=draft)
    with pytest.raises(Forbidden):
        comms.add_channel(cast.mona, operation=cast.march, draft=ChannelDraft("X"))
    with pytest.raises(NotFound):
        comms.issue_carry(cast.otto, carry=r.ours)
