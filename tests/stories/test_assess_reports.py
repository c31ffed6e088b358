"""A flagged report ends in a recorded human answer: read, read again, settled, taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.cast import Cast, make_cast
from tests.stories.flagged import flag
from tocsin.assess import actions, rules, store
from tocsin.assess.actions.situations import open_topic
from tocsin.assess.models import Assessment, Membership, Situation, Standing
from tocsin.assess.terms import Confidence, Disposition, Likelihood, Specific, Speech, Worksheet
from tocsin.collect.models import Report
from tocsin.duties.actions import fire_due, open_duty
from tocsin.duties.models import Duty, Notice
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people.terms import SYSTEM
from tocsin.record.actions import writing
from tocsin.record.terms import Marking

TALK = Worksheet(speech=Speech.HYPERBOLE, disposition=Disposition.NO_REPORT, reason="plain talk")
OPINION = Worksheet(speech=Speech.PROTECTED, disposition=Disposition.NO_REPORT, reason="opinion")
MORE = Worksheet(speech=Speech.PLANNING, disposition=Disposition.NEEDS_MORE, reason="which door?")
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


@pytest.fixture
def cast(db: None, virtual: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Cast:
    never_drawn(monkeypatch)
    return make_cast()


def never_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the share of second readings out of stories that are about something else."""
    monkeypatch.setattr(rules, "draw", lambda key, report: 99)


def owed(subject: str) -> list[str]:
    return sorted(
        Duty.objects.filter(subject=subject, discharged_at=None).values_list("kind", flat=True)
    )


def test_a_no_report_is_final_and_answers_the_duty(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    assert owed(report.id) == ["assess"]
    actions.decide(cast.ana, report=report.id, version=1, sheet=TALK)
    assert owed(report.id) == []
    standing = Standing.objects.get(report=report.id)
    assert (standing.stage, standing.disposition) == ("DECIDED", "no_report")
    assert Report.objects.get(id=report.id).state == "DECIDED"


def test_a_novices_no_report_gets_a_second_reader_who_does_not_see_the_first(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    actions.decide(cast.ned, report=report.id, version=1, sheet=TALK)
    assert owed(report.id) == ["second_reading"]
    assert store.readings(cast.ana, report.id).shown == []
    assert store.readings(cast.ana, report.id).withheld
    with pytest.raises(Forbidden):
        actions.second_read(cast.ned, report=report.id, version=1, sheet=TALK)
    actions.second_read(cast.ana, report=report.id, version=1, sheet=TALK)
    assert owed(report.id) == []
    assert Standing.objects.get(report=report.id).disposition == "no_report"
    assert [r.person for r in store.readings(cast.ana, report.id).shown] == [
        cast.people["ned"],
        cast.people["ana"],
    ]


def test_a_lapsed_collector_is_read_twice_and_a_share_of_everybody_else(
    cast: Cast, virtual: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = flag(cast, ["weapons"])
    monkeypatch.setattr(rules, "draw", lambda key, report: 0)
    actions.decide(cast.ana, report=drawn.id, version=1, sheet=TALK)
    assert Assessment.objects.get(report=drawn.id).second == "share"
    never_drawn(monkeypatch)
    virtual.advance(timedelta(days=366))
    late = flag(cast, ["weapons"])
    actions.decide(cast.ana, report=late.id, version=1, sheet=TALK)
    assert Assessment.objects.get(report=late.id).second == "lapsed"
    assert owed(late.id) == ["second_reading"]


def test_disagreement_goes_to_the_release_authority_and_neither_reader_settles_it(
    cast: Cast,
) -> None:
    report = flag(cast, ["weapons"])
    actions.decide(cast.ned, report=report.id, version=1, sheet=TALK)
    actions.second_read(cast.rhea, report=report.id, version=1, sheet=THREAT)
    duty = Duty.objects.get(subject=report.id, discharged_at=None)
    assert (duty.kind, duty.owner_role) == ("settle", "release_authority")
    answer: dict[str, Any] = {
        "report": report.id,
        "version": 1,
        "disposition": Disposition.REPORT,
        "speech": Speech.TRUE_THREAT,
        "reason": "it names the building and the day",
    }
    with pytest.raises(Forbidden):
        actions.settle(cast.ana, **answer)
    with pytest.raises(Forbidden):
        actions.settle(cast.rhea, **answer)
    actions.settle(cast.ruth, **answer)
    assert owed(report.id) == []
    standing = Standing.objects.get(report=report.id)
    assert (standing.stage, standing.disposition) == ("DECIDED", "report")
    topic = Membership.objects.get(report=report.id).situation
    assert owed(topic) == ["draft_warning"]


def test_where_nobody_else_is_trained_the_release_authority_reads_second(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    quoted = msgspec.structs.replace(
        THREAT, disposition=Disposition.NO_REPORT, departure="quoted from an old news story"
    )
    actions.decide(cast.ana, report=report.id, version=1, sheet=quoted)
    duty = Duty.objects.get(subject=report.id, discharged_at=None)
    assert (duty.kind, duty.owner_role) == ("second_reading", "release_authority")
    with pytest.raises(Forbidden, match="experienced"):
        actions.second_read(cast.ned, report=report.id, version=1, sheet=TALK)
    with pytest.raises(Forbidden, match="own decision"):
        actions.second_read(cast.ana, report=report.id, version=1, sheet=TALK)


def test_a_report_joins_a_topic_with_its_copies_and_owes_a_draft(cast: Cast) -> None:
    first = flag(cast, ["weapons"], group="g")
    copy = flag(cast, ["weapons"], group="g")
    other = flag(cast, ["travel-and-muster"])
    actions.decide(cast.ana, report=first.id, version=1, sheet=THREAT)
    topic = Situation.objects.get(kind="topic")
    assert set(Membership.objects.values_list("report", flat=True)) == {first.id, copy.id}
    assert Report.objects.get(id=copy.id).state == "DECIDED"
    assert owed(copy.id) == []
    actions.decide(cast.ana, report=other.id, version=1, sheet=THREAT, situation=topic.id)
    topic.refresh_from_db()
    assert topic.reports == 3
    assert topic.categories == ["travel-and-muster", "weapons"]
    assert owed(topic.id) == ["draft_warning"]


def test_needs_more_keeps_the_clock_running_but_not_for_ever(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    for _ in range(2):
        actions.decide(cast.ana, report=report.id, version=1, sheet=MORE)
        assert owed(report.id) == ["assess"]
        assert Report.objects.get(id=report.id).state == "OPEN"
    with pytest.raises(Invalid) as refused:
        actions.decide(cast.ana, report=report.id, version=1, sheet=MORE)
    assert refused.value.field == "disposition"


def test_protected_speech_starts_the_short_retention_clock_only_when_final(
    cast: Cast, virtual: VirtualClock
) -> None:
    report = flag(cast, ["call-to-arms"])
    long = report.retention_until
    actions.decide(cast.ned, report=report.id, version=1, sheet=OPINION)
    assert Report.objects.get(id=report.id).retention_until == long
    actions.second_read(cast.ana, report=report.id, version=1, sheet=OPINION)
    short = Report.objects.get(id=report.id).retention_until
    assert short == virtual.now() + timedelta(days=30)


def test_undo_within_the_minute_puts_everything_back(cast: Cast, virtual: VirtualClock) -> None:
    report = flag(cast, ["weapons"])
    duty = Duty.objects.get(subject=report.id)
    virtual.advance(timedelta(minutes=5))
    decision = actions.decide(cast.ana, report=report.id, version=1, sheet=THREAT)
    topic = Membership.objects.get(report=report.id).situation
    with pytest.raises(Forbidden):
        actions.undo(cast.rhea, assessment=decision)
    virtual.advance(timedelta(seconds=59))
    actions.undo(cast.ana, assessment=decision)
    again = Duty.objects.get(id=duty.id)
    assert (again.discharged_at, again.due_at, again.next_at) == (None, duty.due_at, duty.next_at)
    assert owed(topic) == []
    assert Situation.objects.get(id=topic).state == "CLOSED"
    assert Report.objects.get(id=report.id).state == "OPEN"
    assert Standing.objects.get(report=report.id).stage == "OPEN"
    with pytest.raises(Conflict):
        actions.undo(cast.ana, assessment=decision)
    actions.decide(cast.ana, report=report.id, version=1, sheet=TALK)


def test_undo_after_the_minute_or_after_somebody_acted_is_refused(
    cast: Cast, virtual: VirtualClock
) -> None:
    late, acted = flag(cast, ["weapons"]), flag(cast, ["weapons"])
    decision = actions.decide(cast.ana, report=late.id, version=1, sheet=TALK)
    virtual.advance(timedelta(seconds=61))
    with pytest.raises(Conflict, match="minute"):
        actions.undo(cast.ana, assessment=decision)
    decision = actions.decide(cast.ned, report=acted.id, version=1, sheet=TALK)
    actions.second_read(cast.ana, report=acted.id, version=1, sheet=TALK)
    with pytest.raises(Conflict, match="acted"):
        actions.undo(cast.ned, assessment=decision)


def test_taking_back_a_second_reading_owes_it_again(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    actions.decide(cast.ned, report=report.id, version=1, sheet=OPINION)
    second = actions.second_read(cast.ana, report=report.id, version=1, sheet=OPINION)
    actions.undo(cast.ana, assessment=second)
    assert owed(report.id) == ["second_reading"]
    assert Report.objects.get(id=report.id).retention_until == report.retention_until
    assert store.readings(cast.ana, report.id).shown == []
    actions.second_read(cast.rhea, report=report.id, version=1, sheet=OPINION)


def test_two_at_once_and_a_text_that_changed_are_conflicts(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    with pytest.raises(Conflict, match="changed"):
        actions.decide(cast.ana, report=report.id, version=2, sheet=TALK)
    actions.decide(cast.ana, report=report.id, version=1, sheet=TALK)
    with pytest.raises(Conflict, match="decided"):
        actions.decide(cast.rhea, report=report.id, version=1, sheet=TALK)


def test_unread_reports_climb_the_ladder(cast: Cast, virtual: VirtualClock) -> None:
    report = flag(cast, ["weapons"])
    duty = Duty.objects.get(subject=report.id)
    told: list[str] = []
    for wait in (timedelta(hours=4), timedelta(hours=1), timedelta(hours=3)):
        virtual.advance(wait)
        fire_due()
        told = list(Notice.objects.filter(duty=duty.id).values_list("person", flat=True))
    assert {cast.people[n] for n in ("ana", "ned", "rhea", "ruth", "lou")} == set(told)


@pytest.mark.parametrize("who", ["otto", "ada", "paul", "olga", "pia"])
def test_outsiders_and_those_without_the_role_decide_nothing(cast: Cast, who: str) -> None:
    report = flag(cast, ["weapons"], tlp="AMBER+STRICT")
    actions.decide(cast.ned, report=report.id, version=1, sheet=TALK)
    actor = cast.actor(who)
    for act in (actions.decide, actions.second_read):
        with pytest.raises((Forbidden, NotFound)):
            act(actor, report=report.id, version=1, sheet=TALK)
    with pytest.raises((Forbidden, NotFound)):
        actions.settle(
            actor,
            report=report.id,
            version=1,
            disposition=Disposition.NO_REPORT,
            speech=Speech.PROTECTED,
            reason="nothing to see here",
        )
    if who in ("otto", "ada"):
        with pytest.raises(NotFound):
            store.readings(actor, report.id)


def test_a_copy_edited_since_is_not_answered_by_the_reading_of_another(cast: Cast) -> None:
    lead, copy = flag(cast, ["weapons"], group="g"), flag(cast, ["weapons"], group="g")
    actions.decide(cast.ned, report=lead.id, version=1, sheet=TALK)
    assert owed(lead.id) == ["second_reading"]
    # What intake does with an edit: the copy is open again, and owes an answer of its own.
    Report.objects.filter(id=copy.id).update(state="OPEN", version=2)
    with writing(SYSTEM) as w:
        marking = Marking("fusion", "AMBER", cast.march)
        open_duty(
            w, "assess", copy.id, "Assess", marking, owner_agency="fusion", owner_role="collector"
        )
    actions.second_read(cast.ana, report=lead.id, version=1, sheet=TALK)
    assert owed(copy.id) == ["assess"]
    assert Report.objects.get(id=copy.id).state == "OPEN"


def test_taking_a_report_back_leaves_the_draft_that_anothers_report_owes(cast: Cast) -> None:
    first, second = flag(cast, ["weapons"]), flag(cast, ["weapons"])
    made = actions.decide(cast.ana, report=first.id, version=1, sheet=THREAT)
    topic = Membership.objects.get(report=first.id, ended_at=None).situation
    actions.decide(cast.rhea, report=second.id, version=1, sheet=THREAT, situation=topic)
    assert owed(topic) == ["draft_warning"]
    actions.undo(cast.ana, assessment=made)
    assert owed(topic) == ["draft_warning"]
    assert owed(first.id) == ["assess"]


def test_a_report_cannot_be_put_into_another_agencys_topic(cast: Cast) -> None:
    theirs = flag(cast, ["weapons"], agency="capitol")
    with writing(SYSTEM) as w:
        topic = open_topic(w, "Theirs", Marking("capitol", "AMBER", cast.march), [theirs], 3)
    mine = flag(cast, ["weapons"])
    with pytest.raises(Invalid, match="no topic of your agency"):
        actions.decide(cast.ana, report=mine.id, version=1, sheet=THREAT, situation=topic)
    assert owed(mine.id) == ["assess"]
