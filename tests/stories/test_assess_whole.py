"""From a post to an assessment through the real intake; the tables follow the record; the figures."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cast import make_cast
from tests.stories.flagged import flag
from tests.stories.test_record import place_all
from tocsin.assess import actions, metrics, rules, store
from tocsin.assess.models import Alarm, Assessment, Situation, Standing
from tocsin.assess.terms import (
    Confidence,
    Disposition,
    Judgment,
    Likelihood,
    Specific,
    Speech,
    WholeDecision,
    Worksheet,
)
from tocsin.collect.actions import add_source
from tocsin.collect.models import Report
from tocsin.collect.terms import Item, SourceKind
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.people.terms import SYSTEM, Role
from tocsin.record import checking
from tocsin.screen.actions import take_in

TALK = Worksheet(speech=Speech.HYPERBOLE, disposition=Disposition.NO_REPORT, reason="plain talk")
OPINION = Worksheet(speech=Speech.PROTECTED, disposition=Disposition.NO_REPORT, reason="opinion")
THREAT = Worksheet(
    speech=Speech.TRUE_THREAT,
    disposition=Disposition.REPORT,
    reason="names the building",
    specifics=frozenset({Specific.PLACE}),
    likelihood=Likelihood.LIKELY,
    likelihood_percent=60,
    confidence=Confidence.LOW,
    basis="one post, not confirmed elsewhere",
)
POSTS = [
    "Bring your guns on Wednesday, all of you.",
    "On the 6th we storm the Capitol, all doors at once.",
    "It is time for civil war, blood in the streets.",
]


def test_three_posts_dismissed_one_by_one_still_ring_the_alarm(
    db: None, virtual: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "draw", lambda key, report: 99)
    cast = make_cast(k=4)
    source = add_source(
        SYSTEM,
        kind=SourceKind.FILE,
        name="Assembly board",
        authority="exercise",
        purpose="exercise",
        agency="fusion",
        operation=cast.march,
    )
    for number, post in enumerate(POSTS):
        virtual.advance(timedelta(hours=8))
        taken = take_in(source, [Item(key=str(number), text=post, at=virtual.now())])
        assert taken.flagged == 1
        report = Report.objects.get(id=taken.reports[0])
        assert Duty.objects.filter(subject=report.id, kind="assess", discharged_at=None).exists()
        actions.decide(cast.ana, report=report.id, version=1, sheet=TALK)
        take_in(source, [Item(key=f"copy {number}", text=post, at=virtual.now())])
    assert Alarm.objects.get(reason="first").raised_at == virtual.now()
    assert set(Alarm.objects.get(reason="first").categories) >= {"weapons", "storm-the-building"}
    assert Duty.objects.filter(kind="assess_whole", discharged_at=None).count() >= 1


def test_one_decision_covers_copies_that_wait_but_not_one_that_stands_out_more(
    db: None, virtual: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "draw", lambda key, report: 99)
    cast = make_cast()
    first = flag(cast, ["weapons"], group="g")
    copies = [flag(cast, ["weapons"], group="g") for _ in range(3)]
    Report.objects.filter(id=copies[2].id).update(precedence="FLASH")
    elsewhere = flag(cast, ["weapons"], group="other")
    decision = actions.decide(cast.ana, report=first.id, version=1, sheet=TALK)
    decided = set(Report.objects.filter(state="DECIDED").values_list("id", flat=True))
    assert decided == {first.id, copies[0].id, copies[1].id}
    assert Standing.objects.count() == 3
    actions.undo(cast.ana, assessment=decision)
    assert Report.objects.filter(state="OPEN").count() == 5
    assert elsewhere.id not in Assessment.objects.get().covers


@pytest.mark.usefixtures("committed")
def test_the_tables_of_this_stage_follow_the_record(
    virtual: VirtualClock, database_url: str
) -> None:
    cast = make_cast()
    reports = [flag(cast, [c]) for c in ("weapons", "call-to-arms", "travel-and-muster", "weapons")]
    actions.decide(cast.ned, report=reports[0].id, version=1, sheet=TALK)
    actions.second_read(cast.ana, report=reports[0].id, version=1, sheet=THREAT)
    actions.settle(
        cast.rhea,
        report=reports[0].id,
        version=1,
        disposition=Disposition.REPORT,
        speech=Speech.TRUE_THREAT,
        reason="it names the building",
    )
    actions.decide(cast.ned, report=reports[1].id, version=1, sheet=OPINION)
    actions.second_read(cast.ana, report=reports[1].id, version=1, sheet=OPINION)
    taken_back = actions.decide(cast.ana, report=reports[2].id, version=1, sheet=THREAT)
    actions.undo(cast.ana, assessment=taken_back)
    picture = Situation.objects.get(kind="picture")
    judgment = Judgment(
        decision=WholeDecision.DRAFT,
        text="Arms, a call and a day, by several hands.",
        likelihood=Likelihood.EVEN,
        likelihood_percent=50,
        confidence=Confidence.LOW,
        basis="three posts, none confirmed",
    )
    actions.assess_whole(cast.ana, situation=picture.id, version=picture.version, judgment=judgment)
    topic = actions.open_situation(
        cast.ana, title="North", operation=cast.march, reports=[reports[3].id]
    )
    actions.remove_report(
        cast.ana, situation=topic, version=1, report=reports[3].id, reason="about another city"
    )
    dissent = actions.file_dissent(cast.paul, about=picture.id, text="Nobody looks at the sum.")
    actions.answer_dissent(cast.rhea, dissent=dissent, version=1, text="It is assessed tonight.")
    due = virtual.now() + timedelta(hours=5)
    rfi = actions.ask(
        cast.ana,
        to_agency="capitol",
        to_role=Role.OPERATION_LEAD,
        title="Roof",
        text="Who holds the roof?",
        due_at=due,
        operation=cast.march,
    )
    later = due + timedelta(hours=2)
    actions.extend_rfi(cast.olga, rfi=rfi, version=1, due_at=later, reason="the owner is asked")
    actions.answer_rfi(cast.olga, rfi=rfi, version=2, text="We hold the roof.")
    place_all()
    assert checking.fsck(database_url) == []


def test_over_and_under_reporting_stand_side_by_side(
    db: None, virtual: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "draw", lambda key, report: 99)
    cast = make_cast()
    start = virtual.now()
    over = Worksheet(
        speech=Speech.HYPERBOLE,
        disposition=Disposition.REPORT,
        reason="better safe",
        likelihood=Likelihood.REMOTE,
        likelihood_percent=3,
        confidence=Confidence.LOW,
        basis="one post, not confirmed",
        departure="a pressure to publish something",
    )
    actions.decide(cast.ana, report=flag(cast, ["weapons"]).id, version=1, sheet=over)
    actions.decide(cast.ana, report=flag(cast, ["weapons"]).id, version=1, sheet=TALK)
    missed = flag(cast, ["call-to-arms"])
    actions.decide(cast.ned, report=missed.id, version=1, sheet=TALK)
    actions.second_read(cast.ana, report=missed.id, version=1, sheet=THREAT)
    actions.settle(
        cast.rhea,
        report=missed.id,
        version=1,
        disposition=Disposition.REPORT,
        speech=Speech.TRUE_THREAT,
        reason="it names the building",
    )
    agreed = flag(cast, ["call-to-arms"])
    actions.decide(cast.ned, report=agreed.id, version=1, sheet=OPINION)
    actions.second_read(cast.ana, report=agreed.id, version=1, sheet=OPINION)
    until = start + timedelta(days=1)
    people = metrics.swings(cast.ines, start, until)
    ana, ned = people[cast.people["ana"]], people[cast.people["ned"]]
    assert (ana.decided, ana.reported, ana.over, ana.under) == (2, 1, 1, 0)
    assert (ned.decided, ned.not_reported, ned.under, ned.overruled) == (2, 2, 1, 1)
    assert ned.read_twice == 2
    topics = metrics.swings(cast.ines, start, until, by="category")
    assert (topics["weapons"].over, topics["call-to-arms"].under) == (1, 1)
    readers = metrics.agreement(cast.ines, start, until)
    assert (readers.disposition.pairs, readers.disposition.percent) == (2, 50)
    assert readers.speech.kappa_permille is not None
    assert metrics.swings(cast.otto, start, until) == {}
    assert store.policy().second_reading_percent == 20
