"""Dissent owes an answer; a request for information has a date that is watched."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.cast import Cast, make_cast
from tests.stories.flagged import flag
from tocsin.assess import actions, store
from tocsin.assess.models import Dissent, Rfi
from tocsin.duties.actions import fire_due
from tocsin.duties.models import Duty, Notice
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people.terms import Role

CONCERN = "All signs but one are there, and nobody has tasked an assessment."
ANSWER = "You are right; the whole is being assessed tonight."


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def told(duty: Duty) -> set[str]:
    return set(Notice.objects.filter(duty=duty.id).values_list("person", flat=True))


def test_a_concern_is_answered_by_somebody_else(cast: Cast) -> None:
    dissent = actions.file_dissent(cast.rhea, about=cast.march, text=CONCERN)
    duty = Duty.objects.get(subject=dissent)
    assert (duty.kind, duty.owner_role) == ("answer_dissent", "release_authority")
    with pytest.raises(Forbidden):
        actions.answer_dissent(cast.rhea, dissent=dissent, version=1, text=ANSWER)
    with pytest.raises(Forbidden):
        actions.answer_dissent(cast.ana, dissent=dissent, version=1, text=ANSWER)
    actions.answer_dissent(cast.ruth, dissent=dissent, version=1, text=ANSWER)
    assert Dissent.objects.get(id=dissent).state == "ANSWERED"
    assert not Duty.objects.filter(subject=dissent, discharged_at=None).exists()
    with pytest.raises(Conflict):
        actions.answer_dissent(cast.lou, dissent=dissent, version=1, text=ANSWER)


def test_an_unanswered_concern_climbs_before_the_event(cast: Cast, virtual: VirtualClock) -> None:
    dissent = actions.file_dissent(cast.ana, about=cast.march, text=CONCERN)
    duty = Duty.objects.get(subject=dissent)
    fire_due()
    assert told(duty) == {cast.people["rhea"], cast.people["ruth"]}
    virtual.advance(timedelta(hours=24))
    fire_due()
    assert told(duty) == {cast.people[n] for n in ("rhea", "ruth", "lou")}
    actions.answer_dissent(cast.lou, dissent=dissent, version=1, text=ANSWER)
    virtual.advance(timedelta(days=1))
    assert fire_due() == 0


def test_a_partner_may_voice_a_concern_about_what_it_sees_and_reads_the_answer(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    dissent = actions.file_dissent(cast.paul, about=store.picture_id(cast.march), text=CONCERN)
    assert Dissent.objects.get(id=dissent).owner_agency == "fusion"
    actions.answer_dissent(cast.rhea, dissent=dissent, version=1, text=ANSWER)
    assert store.dissent(cast.paul, dissent).answer
    for subject in (report.id, cast.march, dissent):
        with pytest.raises(NotFound):
            actions.file_dissent(cast.otto, about=subject, text=CONCERN)
    with pytest.raises(NotFound):
        store.dissent(cast.otto, dissent)
    with pytest.raises(Invalid):
        actions.file_dissent(cast.paul, about=cast.march, text=" no ")


def rfi(cast: Cast, virtual: VirtualClock, **change: Any) -> str:
    fields: dict[str, Any] = {
        "to_agency": "capitol",
        "to_role": Role.OPERATION_LEAD,
        "title": "Who holds the roof?",
        "text": "Which agency accepts the roof with line of sight?",
        "due_at": virtual.now() + timedelta(hours=10),
        "operation": cast.march,
        **change,
    }
    return actions.ask(cast.ana, **fields)


def test_a_forgotten_request_is_raised_at_its_time(cast: Cast, virtual: VirtualClock) -> None:
    asked = rfi(cast, virtual)
    duty = Duty.objects.get(subject=asked)
    assert duty.due_at == virtual.now() + timedelta(hours=10)
    fire_due()
    assert told(duty) == {cast.people["olga"]}
    virtual.advance(timedelta(hours=14))
    for _ in range(3):
        fire_due()
    assert cast.people["lou"] in told(duty)
    actions.answer_rfi(cast.lou, rfi=asked, version=1, text="Nobody holds it yet; we will.")
    assert Rfi.objects.get(id=asked).state == "ANSWERED"


def test_more_time_needs_a_reason_and_ends_before_the_event(
    cast: Cast, virtual: VirtualClock
) -> None:
    asked = rfi(cast, virtual)
    later = virtual.now() + timedelta(hours=20)
    reason = "the building's owner answers tomorrow"
    with pytest.raises(Invalid) as refused:
        actions.extend_rfi(cast.olga, rfi=asked, version=1, due_at=later, reason="")
    assert refused.value.field == "reason"
    with pytest.raises(Invalid) as refused:
        after = virtual.now() + timedelta(days=4)
        actions.extend_rfi(cast.olga, rfi=asked, version=1, due_at=after, reason=reason)
    assert refused.value.field == "due_at"
    actions.extend_rfi(cast.olga, rfi=asked, version=1, due_at=later, reason=reason)
    duty = Duty.objects.get(subject=asked, discharged_at=None)
    assert duty.due_at == later
    row = store.rfi(cast.ana, asked)
    assert (row.due_at, len(row.extensions), row.version) == (later, 1, 2)
    with pytest.raises(Conflict):
        actions.answer_rfi(cast.olga, rfi=asked, version=1, text="We hold the roof.")
    actions.answer_rfi(cast.olga, rfi=asked, version=2, text="We hold the roof.")


def test_what_cannot_be_asked(cast: Cast, virtual: VirtualClock) -> None:
    for change, field in (
        ({"to_agency": "nowhere"}, "to_agency"),
        ({"to_role": Role.ADMINISTRATOR}, "to_role"),
        ({"title": " "}, "title"),
        ({"text": " "}, "text"),
        ({"due_at": virtual.now()}, "due_at"),
        ({"due_at": virtual.now() + timedelta(days=3, hours=1)}, "due_at"),
    ):
        with pytest.raises(Invalid) as refused:
            rfi(cast, virtual, **change)
        assert refused.value.field == field


def test_only_who_was_asked_answers_and_only_who_asked_takes_it_back(
    cast: Cast, virtual: VirtualClock
) -> None:
    asked = rfi(cast, virtual)
    with pytest.raises(Forbidden):
        actions.answer_rfi(cast.mona, rfi=asked, version=1, text="We hold the roof.")
    with pytest.raises(NotFound):
        actions.answer_rfi(cast.otto, rfi=asked, version=1, text="We hold the roof.")
    with pytest.raises(NotFound):
        store.rfi(cast.otto, asked)
    with pytest.raises(Forbidden):
        actions.withdraw_rfi(cast.olga, rfi=asked, version=1, reason="no longer needed")
    actions.withdraw_rfi(cast.ana, rfi=asked, version=1, reason="no longer needed")
    assert not Duty.objects.filter(subject=asked, discharged_at=None).exists()


def test_a_question_outside_any_operation_reaches_the_agency_it_was_put_to(
    cast: Cast, virtual: VirtualClock
) -> None:
    asked = rfi(cast, virtual, operation="", to_agency="other", to_role=Role.COLLECTOR)
    with pytest.raises(NotFound):
        store.rfi(cast.mona, asked)
    actions.answer_rfi(cast.otto, rfi=asked, version=1, text="We do not know: no source there.")
