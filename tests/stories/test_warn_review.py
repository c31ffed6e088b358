"""Review under the clock: nobody releases their own, no draft is held in silence, nothing waits past the event."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.cast import Cast, make_cast
from tests.stories.warned import drafted, in_review, now, released, situation, words
from tocsin.duties import actions as duties
from tocsin.duties import store as duty_store
from tocsin.duties.models import Duty, Notice
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people import actions as people
from tocsin.people.models import Operation, Share
from tocsin.people.store import actor
from tocsin.people.terms import SYSTEM, Actor, Role
from tocsin.record.models import Entry
from tocsin.warn import actions, store
from tocsin.warn.lint import stops
from tocsin.warn.models import Warning
from tocsin.warn.terms import Content, Judgment, State

REASON = "It would come too late otherwise."


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def owed(kind: str, warning: str) -> Duty | None:
    return Duty.objects.filter(kind=kind, subject=warning, discharged_at=None).first()


def pass_time(virtual: VirtualClock, by: timedelta, step: timedelta = timedelta(minutes=5)) -> None:
    """Let time pass as the worker sees it."""
    end = virtual.now() + by
    while virtual.now() < end:
        virtual.move_to(min(end, virtual.now() + step))
        actions.expire_due()
        while duties.fire_due():
            pass


def told(duty: Duty) -> dict[str, object]:
    return {n.person: n.told_at for n in Notice.objects.filter(duty=duty.id).order_by("-told_at")}


def test_a_release_reaches_the_agencies_and_binds_the_words(cast: Cast) -> None:
    row = released(cast)
    assert (row.state, row.tlp, row.releaser) == ("RELEASED", "AMBER", cast.rhea.person)
    assert set(Share.objects.filter(subject=row.id).values_list("agency", flat=True)) == {
        "capitol",
        "metro",
    }
    entry = Entry.objects.get(subject=row.id, kind="warning.released")
    assert row.commitment.encode() in bytes(entry.body)
    assert owed("review", row.id) is None


def test_what_is_red_is_not_opened_to_the_whole_of_its_own_agency(cast: Cast) -> None:
    seats = [
        {"agency": "fusion", "role": "operation_lead"},
        {"agency": "capitol", "role": "operation_lead"},
        {"agency": "metro", "role": "partner"},
    ]
    row = released(cast, label="RED", distribution=seats)
    assert set(Share.objects.filter(subject=row.id).values_list("agency", flat=True)) == {
        "capitol",
        "metro",
    }
    assert store.warning(cast.olga, row.id).id == row.id
    pat = people.add_person(
        SYSTEM, username="pat", name="Pat Poe", agency="fusion", roles=[Role.PARTNER]
    )
    with pytest.raises(NotFound):
        store.warning(actor(pat), row.id)


def test_released_words_never_change(cast: Cast) -> None:
    row = released(cast)
    with pytest.raises(Conflict, match="in force"):
        actions.revise(
            cast.ana, warning=row.id, version=row.version, content=Content(title="Other")
        )
    for do in (actions.submit, actions.release):
        with pytest.raises(Conflict):
            do(cast.rhea, warning=row.id, version=row.version)
    assert now(row.id).commitment == row.commitment


@pytest.mark.parametrize("act", ["release", "release_now", "return_", "refuse", "hold"])
def test_an_author_decides_nothing_about_it(cast: Cast, virtual: VirtualClock, act: str) -> None:
    people.grant_role(SYSTEM, person=cast.ana.person, role=Role.RELEASE_AUTHORITY)
    row = in_review(cast)
    more: dict[str, object] = {} if act == "release" else {"reason": REASON}
    if act == "hold":
        more["until"] = virtual.now() + timedelta(hours=1)
    with pytest.raises(Forbidden, match="you wrote it"):
        getattr(actions, act)(cast.ana, warning=row.id, version=row.version, **more)
    assert now(row.id).state == "IN_REVIEW"


def test_nor_does_whoever_wrote_a_part_of_it(cast: Cast) -> None:
    row = drafted(cast)
    actions.hand_over(cast.ana, warning=row.id, version=1, to=cast.ruth.person)
    actions.revise(cast.ruth, warning=row.id, version=2, precedence="FLASH")
    actions.submit(cast.ruth, warning=row.id, version=3)
    with pytest.raises(Forbidden, match="you wrote it"):
        actions.release(cast.ruth, warning=row.id, version=4)
    with pytest.raises(Forbidden, match="carries it"):
        actions.release(cast.ned, warning=row.id, version=4)
    actions.release(cast.rhea, warning=row.id, version=4)


def test_an_operation_lead_releases_only_when_the_review_reached_them(
    cast: Cast, virtual: VirtualClock
) -> None:
    row = in_review(cast)
    with pytest.raises(Forbidden, match="has not reached you"):
        actions.release(cast.lou, warning=row.id, version=row.version)
    pass_time(virtual, timedelta(hours=5))
    actions.release(cast.lou, warning=row.id, version=row.version)
    assert now(row.id).releaser == cast.lou.person


def test_a_draft_before_an_event_reaches_the_alternate_and_the_lead_before_it_starts(
    cast: Cast, virtual: VirtualClock
) -> None:
    """The draft of 5 January: held over the event. Here: due before it, with somebody new asked each time."""
    start = Operation.objects.get(id=cast.march).starts_at
    day = timedelta(days=1)
    people.plan_shift(
        SYSTEM,
        person=cast.rhea.person,
        role=Role.RELEASE_AUTHORITY,
        starts_at=start - day,
        ends_at=start + day,
    )
    virtual.move_to(start - timedelta(hours=14))
    row = in_review(cast)
    duty = owed("review", row.id)
    assert duty is not None
    assert duty.due_at == start - timedelta(hours=12)  # bent to the event: two hours, not four
    pass_time(virtual, timedelta(hours=2))
    assert set(told(duty)) == {cast.rhea.person}  # on shift, so asked alone
    pass_time(virtual, timedelta(minutes=5))
    assert set(told(duty)) == {cast.rhea.person, cast.ruth.person}
    assert Duty.objects.get(id=duty.id).owner_person == cast.ruth.person
    pass_time(virtual, timedelta(minutes=30))
    assert cast.lou.person in told(duty)
    assert virtual.now() < start - timedelta(hours=11)
    for who in (cast.rhea, cast.ruth, cast.lou):
        assert duty_store.owed_by(who, virtual.now()).filter(id=duty.id).exists()
    assert [w.id for w in store.undecided(cast.march)] == [row.id]
    actions.release(cast.lou, warning=row.id, version=row.version)
    assert not store.undecided(cast.march).exists()


def test_an_author_who_releases_for_others_is_never_named_the_alternate(
    cast: Cast, virtual: VirtualClock
) -> None:
    people.grant_role(SYSTEM, person=cast.ana.person, role=Role.RELEASE_AUTHORITY)
    people.revoke_role(SYSTEM, person=cast.ruth.person, role=Role.RELEASE_AUTHORITY)
    people.revoke_role(SYSTEM, person=cast.rhea.person, role=Role.RELEASE_AUTHORITY)
    row = in_review(cast)
    duty = owed("review", row.id)
    assert duty is not None
    pass_time(virtual, timedelta(hours=4, minutes=10))
    assert Duty.objects.get(id=duty.id).owner_person == cast.lou.person


def test_a_hold_shows_its_reason_to_whoever_is_next_and_the_clock_runs_on(
    cast: Cast, virtual: VirtualClock
) -> None:
    row = in_review(cast)
    duty = owed("review", row.id)
    assert duty is not None
    until = virtual.now() + timedelta(hours=6)
    actions.hold(
        cast.rhea,
        warning=row.id,
        version=2,
        reason="The lawyers look at the second line.",
        until=until,
    )
    held = Duty.objects.get(id=duty.id)
    assert (held.due_at, held.discharged_at) == (duty.due_at, None)
    pass_time(virtual, timedelta(hours=5))
    for who in (cast.ruth, cast.lou):
        mine = duty_store.owed_by(who, virtual.now()).get(id=duty.id)
        assert mine.title.endswith("it is held, read why")
        assert (
            store.hold_reason(store.warning(who, row.id)) == "The lawyers look at the second line."
        )
    actions.release(cast.ruth, warning=row.id, version=3)  # a hold binds nobody else
    assert now(row.id).held_until is None


def test_a_hold_ends_by_itself_and_before_the_event(cast: Cast, virtual: VirtualClock) -> None:
    start = Operation.objects.get(id=cast.march).starts_at
    row = in_review(cast)
    with pytest.raises(Invalid, match="past the start of the event"):
        actions.hold(
            cast.rhea, warning=row.id, version=2, reason=REASON, until=start + timedelta(hours=1)
        )
    with pytest.raises(Invalid, match="already be over"):
        actions.hold(cast.rhea, warning=row.id, version=2, reason=REASON, until=virtual.now())
    with pytest.raises(Invalid, match="say why"):
        actions.hold(
            cast.rhea, warning=row.id, version=2, reason=" ", until=start - timedelta(hours=1)
        )
    actions.hold(
        cast.rhea,
        warning=row.id,
        version=2,
        reason=REASON,
        until=virtual.now() + timedelta(hours=2),
    )
    pass_time(virtual, timedelta(hours=2))
    row = now(row.id)
    assert (row.state, row.hold_reason) == ("IN_REVIEW", "")
    assert [s.act for s in store.history(row)] == ["SUBMITTED", "HELD", "HOLD_LIFTED"]
    duty = owed("review", row.id)
    assert duty is not None
    assert "held" not in duty.title


def test_a_returned_draft_is_owed_by_whoever_has_it_in_hand_and_comes_back(cast: Cast) -> None:
    row = in_review(cast)
    actions.return_(
        cast.rhea, warning=row.id, version=2, reason="Say which doors, and cite the map."
    )
    assert owed("review", row.id) is None
    duty = owed("finish_draft", row.id)
    assert duty is not None
    assert duty.owner_person == cast.ana.person
    assert store.history(now(row.id))[-1].text == "Say which doors, and cite the map."
    actions.revise(
        cast.ana,
        warning=row.id,
        version=3,
        content=words(row.cites[0]["id"], summary="The north doors."),
    )
    actions.submit(cast.ana, warning=row.id, version=4)
    assert owed("review", row.id) is not None


def test_a_refusal_is_signed_and_final(cast: Cast) -> None:
    row = in_review(cast)
    actions.refuse(cast.rhea, warning=row.id, version=2, reason="It names a speaker, not a threat.")
    assert owed("review", row.id) is None
    assert now(row.id).state == "REFUSED"
    with pytest.raises(Conflict):
        actions.release(cast.ruth, warning=row.id, version=3)
    with pytest.raises(NotFound):
        store.warning(cast.mona, row.id)


def test_two_reviewers_at_once_and_one_decision(cast: Cast) -> None:
    row = in_review(cast)
    actions.return_(cast.rhea, warning=row.id, version=2, reason=REASON)
    with pytest.raises(Conflict, match="changed this warning"):
        actions.release(cast.ruth, warning=row.id, version=2)


def test_release_now_owes_a_review_by_somebody_else(cast: Cast, virtual: VirtualClock) -> None:
    row = drafted(cast, precedence="FLASH")
    with pytest.raises(Forbidden):
        actions.release_now(cast.ana, warning=row.id, version=1, reason=REASON)
    with pytest.raises(Invalid, match="say why"):
        actions.release_now(cast.lou, warning=row.id, version=1, reason="now")
    actions.release_now(cast.lou, warning=row.id, version=1, reason=REASON)
    row = now(row.id)
    assert (row.state, row.review_after) == ("RELEASED", True)
    assert store.document(row).standing.startswith("Released before review")
    assert owed("finish_draft", row.id) is None
    duty = owed("review_after", row.id)
    assert duty is not None
    with pytest.raises(Forbidden, match="you released it"):
        actions.confirm(cast.lou, warning=row.id, version=2)
    pass_time(virtual, timedelta(hours=9))
    assert cast.lou.person in told(duty)
    actions.confirm(cast.ruth, warning=row.id, version=2)
    assert owed("review_after", row.id) is None
    assert store.document(now(row.id)).standing == ""
    with pytest.raises(Conflict, match="no review is owed"):
        actions.confirm(cast.rhea, warning=row.id, version=3)


def test_a_review_after_may_end_in_cancelling(cast: Cast) -> None:
    row = drafted(cast)
    actions.release_now(cast.rhea, warning=row.id, version=1, reason=REASON)
    actions.cancel(cast.ruth, warning=row.id, version=2, reason="The post was a film quotation.")
    assert owed("review_after", row.id) is None
    assert "film quotation" in store.document(now(row.id)).standing


def test_an_ordinary_release_owes_no_review_after(cast: Cast) -> None:
    row = released(cast)
    with pytest.raises(Conflict, match="no review is owed"):
        actions.confirm(cast.ruth, warning=row.id, version=row.version)


def test_a_draft_of_a_partner_agency_is_seen_by_the_lead_agency_from_review_on(cast: Cast) -> None:
    """The lead of the operation is next on its ladder, so they must be able to open it."""
    olga = cast.olga
    row = now(
        actions.draft(
            olga,
            type="SIR",
            operation=cast.march,
            label="AMBER",
            content=Content(title="T", summary="S"),
        )
    )
    with pytest.raises(NotFound):
        store.warning(cast.lou, row.id)
    actions.submit(olga, warning=row.id, version=1)
    assert store.warning(cast.lou, row.id).state == "IN_REVIEW"
    with pytest.raises(NotFound):
        store.warning(cast.mona, row.id)
    actions.release_now(cast.lou, warning=row.id, version=2, reason=REASON)
    assert store.warning(cast.mona, row.id).state == "RELEASED"


FAULTS: dict[str, dict[str, Any]] = {
    "title": {"title": ""},
    "summary": {"summary": "It is likely, and we have high confidence."},
    "phone": {"summary": "Call 202-555-0143 at once."},
    "uncited": {"cites": ()},
    "off the scale": {"likelihood": "maybe"},
    "no basis": {"basis": ""},
    "no marking": {"label": ""},
    "too wide": {"label": "CLEAR"},
    "no expiry": {"days": None},
    "expired": {"days": -1},
    "nobody": {"distribution": []},
}


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(faults=st.sets(st.sampled_from(sorted(FAULTS)), max_size=3))
@example(faults=set())
def test_whatever_stops_release_refuses_release(
    cast: Cast, virtual: VirtualClock, faults: set[str]
) -> None:
    """Any fault, alone or with others, shuts both doors to release; without one they are open."""
    made, report = situation(cast)
    f: dict[str, Any] = {"title": "North doors", "summary": "Posts name them.", "cites": (report,)}
    f |= {
        "likelihood": "likely",
        "basis": "Two sources.",
        "label": "AMBER",
        "days": 2,
        "distribution": None,
    }
    for fault in sorted(faults):
        f |= FAULTS[fault]
    judgment = Judgment("A group will come.", f["likelihood"], "low", f["basis"], f["cites"])
    row = now(
        actions.draft(
            cast.ana,
            type="BULLETIN",
            situation=made,
            content=Content(title=f["title"], summary=f["summary"], judgments=(judgment,)),
            label=f["label"],
            expires_at=None if f["days"] is None else virtual.now() + timedelta(days=f["days"]),
            distribution=f["distribution"],
        )
    )
    Warning.objects.filter(id=row.id).update(
        state="IN_REVIEW"
    )  # as if it had slipped past the submission
    assert bool(stops(store.findings(row, virtual.now()))) == bool(faults)
    if not faults:
        actions.release(cast.rhea, warning=row.id, version=1)
        assert now(row.id).state == State.RELEASED
        return
    with pytest.raises(Invalid):
        actions.release(cast.rhea, warning=row.id, version=1)
    with pytest.raises(Invalid):
        actions.release_now(cast.rhea, warning=row.id, version=1, reason=REASON)
    assert now(row.id).released_at is None


def test_a_person_without_a_role_sees_and_does_nothing(cast: Cast) -> None:
    row = in_review(cast)
    nobody = Actor(person="per_x", agency="fusion")
    with pytest.raises(Forbidden):
        actions.release(nobody, warning=row.id, version=2)
    with pytest.raises(NotFound):
        store.warning(nobody, row.id)
