"""Each report weak, the sum strong: the alarm, its date, and the assessment it owes."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from tests.cast import Cast, make_cast
from tests.stories.flagged import flag
from tocsin.assess import actions, store
from tocsin.assess.models import Alarm, Sign, Situation, Whole
from tocsin.assess.terms import (
    Confidence,
    Disposition,
    Judgment,
    Likelihood,
    Speech,
    WholeDecision,
    Worksheet,
)
from tocsin.duties.actions import fire_due
from tocsin.duties.models import Duty, Notice
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people.actions import change_operation
from tocsin.people.terms import SYSTEM
from tocsin.record.models import Entry

WATCH = Judgment(
    decision=WholeDecision.KEEP_WATCHING,
    text="Maps, arms and a day, by several hands: more than talk.",
    likelihood=Likelihood.EVEN,
    likelihood_percent=50,
    confidence=Confidence.LOW,
    basis="eleven posts, none confirmed",
    reason="the permits office will know tonight how many come",
)
DRAFT = msgspec.structs.replace(WATCH, decision=WholeDecision.DRAFT, reason="")


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def picture(cast: Cast) -> Situation:
    return Situation.objects.get(id=store.picture_id(cast.march))


def wholes_owed(cast: Cast) -> int:
    return Duty.objects.filter(
        subject=store.picture_id(cast.march), kind="assess_whole", discharged_at=None
    ).count()


def test_the_alarm_rings_on_the_day_the_third_kind_comes_though_each_was_dismissed(
    cast: Cast, virtual: VirtualClock
) -> None:
    talk = Worksheet(speech=Speech.HYPERBOLE, disposition=Disposition.NO_REPORT, reason="talk")
    for kind in ("weapons", "storm-the-building"):
        report = flag(cast, [kind])
        actions.decide(cast.ana, report=report.id, version=1, sheet=talk)
        virtual.advance(timedelta(hours=12))
    assert wholes_owed(cast) == 0
    flag(cast, ["travel-and-muster"])
    alarm = Alarm.objects.get()
    assert alarm.raised_at == virtual.now()
    assert alarm.categories == ["storm-the-building", "travel-and-muster", "weapons"]
    assert Entry.objects.filter(kind="situation.alarm_raised", operation=cast.march).count() == 1
    duty = Duty.objects.get(kind="assess_whole")
    assert (duty.owner_agency, duty.owner_role) == ("fusion", "collector")
    assert duty.precedence == "IMMEDIATE"


def test_more_of_the_same_is_silent_and_each_further_kind_rings_again(cast: Cast) -> None:
    flag(cast, ["weapons", "storm-the-building"])
    flag(cast, ["travel-and-muster"])
    for _ in range(3):
        flag(cast, ["weapons", "travel-and-muster"])
    assert wholes_owed(cast) == 1
    flag(cast, ["call-to-arms"])
    assert wholes_owed(cast) == 2
    assert [a.reason for a in Alarm.objects.order_by("-reason")] == ["further", "first"]
    assert Alarm.objects.get(reason="further").added == ["call-to-arms"]
    assert picture(cast).reports == 6
    assert {s.category: s.reports for s in Sign.objects.all()}["weapons"] == 4


def test_kinds_outside_the_checklist_and_the_window_do_not_count(
    cast: Cast, virtual: VirtualClock
) -> None:
    flag(cast, ["weapons", "doxxing", "last-words", "materials"])
    flag(cast, ["call-to-arms"])
    virtual.advance(timedelta(days=15))
    flag(cast, ["travel-and-muster"])
    assert Alarm.objects.count() == 0
    flag(cast, ["weapons"])
    flag(cast, ["call-to-arms"])
    assert Alarm.objects.count() == 1


def test_only_protected_speech_that_is_final_leaves_the_sum(cast: Cast) -> None:
    opinion = Worksheet(
        speech=Speech.PROTECTED, disposition=Disposition.NO_REPORT, reason="opinion"
    )
    flag(cast, ["weapons"])
    report = flag(cast, ["call-to-arms"])
    actions.decide(cast.ned, report=report.id, version=1, sheet=opinion)
    assert picture(cast).categories == ["call-to-arms", "weapons"]
    actions.second_read(cast.ana, report=report.id, version=1, sheet=opinion)
    assert picture(cast).categories == ["weapons"]
    flag(cast, ["travel-and-muster"])
    assert Alarm.objects.count() == 0


def test_the_assessment_answers_the_alarm_and_a_draft_is_owed(cast: Cast) -> None:
    flag(cast, ["weapons", "call-to-arms", "travel-and-muster"])
    there = picture(cast)
    with pytest.raises(Invalid):
        actions.assess_whole(
            cast.ana,
            situation=there.id,
            version=there.version,
            judgment=msgspec.structs.replace(WATCH, reason=""),
        )
    actions.assess_whole(cast.ana, situation=there.id, version=there.version, judgment=DRAFT)
    assert wholes_owed(cast) == 0
    assert Duty.objects.filter(subject=there.id, kind="draft_warning", discharged_at=None).exists()
    assert Whole.objects.get().decision == "draft"
    there = picture(cast)
    actions.keep_watching(
        cast.ana, situation=there.id, version=there.version, reason="the organisers called it off"
    )
    assert not Duty.objects.filter(subject=there.id, discharged_at=None).exists()


def test_a_further_kind_while_writing_is_a_conflict(cast: Cast) -> None:
    flag(cast, ["weapons", "call-to-arms", "travel-and-muster"])
    seen = picture(cast).version
    flag(cast, ["targets-officials"])
    with pytest.raises(Conflict):
        actions.assess_whole(cast.ana, situation=picture(cast).id, version=seen, judgment=WATCH)
    assert wholes_owed(cast) == 2


def test_an_unanswered_alarm_reaches_the_operation_lead(cast: Cast, virtual: VirtualClock) -> None:
    flag(cast, ["weapons", "call-to-arms", "travel-and-muster"])
    duty = Duty.objects.get(kind="assess_whole")
    fire_due()
    told = set(Notice.objects.filter(duty=duty.id).values_list("person", flat=True))
    assert told == {cast.people["ana"], cast.people["ned"]}
    virtual.move_to(duty.due_at + timedelta(hours=2))
    for _ in range(3):
        fire_due()
    told = set(Notice.objects.filter(duty=duty.id).values_list("person", flat=True))
    assert cast.people["lou"] in told
    assert virtual.now() < duty.due_at + timedelta(hours=3)


def test_k_is_the_operations_own(cast: Cast) -> None:
    change_operation(SYSTEM, operation=cast.march, version=1, k=2)
    flag(cast, ["weapons"])
    flag(cast, ["call-to-arms"])
    assert Alarm.objects.get().k == 2


def test_a_topic_keeps_track_of_its_reports(cast: Cast) -> None:
    one, two = flag(cast, ["weapons"]), flag(cast, ["call-to-arms"])
    topic = actions.open_situation(
        cast.ana, title="The north gate", operation=cast.march, reports=[one.id]
    )
    assert actions.add_reports(cast.ana, situation=topic, version=1, reports=[one.id, two.id]) == 1
    with pytest.raises(Conflict):
        actions.add_reports(cast.ana, situation=topic, version=1, reports=[two.id])
    actions.remove_report(
        cast.ana, situation=topic, version=2, report=two.id, reason="about another city"
    )
    there = Situation.objects.get(id=topic)
    assert (there.reports, there.categories) == (1, ["weapons"])
    actions.close_situation(cast.ana, situation=topic, version=3, reason="moved to the other topic")
    with pytest.raises(Conflict):
        actions.add_reports(cast.ana, situation=topic, version=4, reports=[two.id])


@pytest.mark.parametrize("who", ["otto", "ada", "paul", "olga", "mona"])
def test_outsiders_and_partners_do_not_assess_the_lead_agencys_picture(
    cast: Cast, who: str
) -> None:
    report = flag(cast, ["weapons", "call-to-arms", "travel-and-muster"])
    actor, there = cast.actor(who), picture(cast)
    with pytest.raises((Forbidden, NotFound)):
        actions.assess_whole(actor, situation=there.id, version=there.version, judgment=WATCH)
    with pytest.raises((Forbidden, NotFound)):
        actions.open_situation(actor, title="mine", operation=cast.march, reports=[report.id])
    with pytest.raises((Forbidden, NotFound)):
        actions.keep_watching(actor, situation=there.id, version=1, reason="no reason to look")
