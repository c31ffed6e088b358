"""6 January, played again: what Tocsin makes of it, what history made of it, and what holds the difference."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from tocsin.duties.models import Duty
from tocsin.exercise import control, runner, scoring
from tocsin.exercise.control import Column
from tocsin.exercise.labels import Ask
from tocsin.exercise.results import Result, Value, as_json, met, results
from tocsin.exercise.runner import Answering, Play, stage
from tocsin.exercise.scenario import load
from tocsin.exercise.terms import Scenario
from tocsin.kernel.errors import Conflict

QUICK = 100


@pytest.fixture(scope="module")
def january() -> Scenario:
    return load("january-6")


def play(
    scenario: Scenario,
    column: Column,
    until: datetime | None = None,
    answering: Answering | None = None,
) -> tuple[Play, dict[str, Value]]:
    with stage(scenario, column, count=QUICK, answering=answering) as run:
        run.run(until or scenario.ends)
        return run, scoring.values(run.world)


def by_id(scenario: Scenario, id: str) -> datetime:
    return scenario.inject(id).at


@pytest.mark.django_db
def test_with_tocsin_nothing_that_was_flagged_ends_in_silence(january: Scenario) -> None:
    run, found = play(january, control.WITH)
    values: dict[str, Any] = {id: v.value for id, v in found.items()}
    scores = {m.id: met(m, found[m.id]) for m in january.measures}

    # The sum rings long before the one draft, and those who must know are told of the whole.
    assert values["alarm"] < by_id(january, "osir") - timedelta(days=7)
    assert values["late-pull"] < january.operation.starts
    # The draft of 5 January is decided by name before the event; its reviewer never answered.
    assert by_id(january, "osir") < values["osir"] < january.operation.starts
    assert "Reviewer" not in found["osir"].note
    assert values["silent-drafts"] == 0
    # Nobody acknowledged the Norfolk report: the next person is asked half an hour after it went out.
    assert values["norfolk"] == by_id(january, "norfolk-released") + timedelta(minutes=30)
    assert "Deputy" in found["norfolk"].note
    assert scores["norfolk-informed"]
    # The forgotten request is raised when it is due, to the minute.
    due = january.inject("rfi-tip").due  # type: ignore[union-attr]
    assert due <= values["rfi"] < due + timedelta(minutes=1)
    assert values["dissent"] == 100
    assert values["second-read"] == 100
    assert values["abandoned"] == 100
    assert values["undecided"] == 0
    assert values["too-soon"] == 0
    assert values["null"] == 0
    assert values["stale"] == 0
    assert values["facts"] == 100
    assert values["protected"] == 0
    assert values["quiet"] == 0
    # Nothing is left open at the end, and the three acts of history that must not pass were refused.
    # But for a watch that is still on (nobody of the cast plans shifts), and what has time left.
    left = Duty.objects.filter(discharged_at=None, due_at__lte=run.time.now())
    left = left.exclude(kind="staff_watch")
    assert list(left.values_list("kind", "subject")) == []
    assert [line.who for line in run.world.log if line.refused] == [
        "uscp-planner",
        "ia-reviewer",
        "doj-briefer",
    ]
    # Posts that only make sense together with others are still missed: not more than a fifth.
    assert scores["missed"]
    assert scores["alone"]


@pytest.mark.django_db
def test_without_it_history_repeats(january: Scenario) -> None:
    _, found = play(january, control.CONTROL)
    values: dict[str, Any] = {id: v.value for id, v in found.items()}
    assert values["alarm"] is None
    assert values["osir"] == by_id(january, "osir-released") > january.operation.ends
    assert values["silent-drafts"] == 5
    assert values["norfolk"] is None
    assert values["norfolk-informed"] is None
    assert values["rfi"] is None
    assert values["dissent"] == 0
    assert values["second-read"] == 0
    assert values["abandoned"] == 0
    assert values["stale"] == 1
    assert values["undecided"] > 40
    assert values["too-soon"] > 10
    assert values["missed"] > 75
    assert values["outage"] is None
    good = {m.id for m in january.measures if met(m, found[m.id])}
    assert good == {"false-alarms", "protected", "purge"}


@pytest.mark.django_db
def test_the_difference_is_the_clock(january: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """With duties that never fire, what rests on escalation fails: the score measures the system, not the script."""
    monkeypatch.setattr(runner, "fire_due", lambda: 0)
    monkeypatch.setattr(Play, "_due", _without_duties)
    lists = {Ask.ASSESS_REPORT, Ask.SECOND_READ, Ask.SETTLE_DISAGREEMENT}
    _, found = play(
        january, control.WITH, january.operation.starts, lambda person, ask, at: ask not in lists
    )
    assert found["norfolk"].value is None
    assert found["norfolk-informed"].value is None
    assert found["rfi"].value is None
    assert found["osir"].value is None
    assert found["dissent"].value == 0
    assert found["silent-drafts"].value == 5


_due = Play._due


def _without_duties(run: Play) -> list[datetime]:
    return [datetime.max.replace(tzinfo=UTC), *_due(run)[1:]]


@pytest.mark.django_db
def test_the_same_seed_plays_the_same(january: Scenario) -> None:
    """The first three days, twice: the same times, the same outcomes, as many entries."""
    until = january.starts + timedelta(days=3)
    runs = []
    for _ in range(2):
        with transaction.atomic():
            _, found = play(january, control.WITH, until)
            columns = ("opened_at", "due_at", "kind", "title", "outcome", "discharged_at")
            outcomes = sorted(Duty.objects.values_list(*columns), key=str)
            runs.append((len(outcomes), found["rank-and-file"], found["rfi"], outcomes))
            transaction.set_rollback(True)
    assert runs[0][1:] == runs[1][1:]
    assert len(runs[0][3]) > 40


@pytest.mark.django_db
def test_an_exercise_never_plays_on_top_of_a_record(january: Scenario) -> None:
    with stage(january, control.CONTROL, count=0):
        pass
    with pytest.raises(Conflict), stage(january, control.CONTROL, count=0):
        pass


def test_a_result_says_target_values_and_history(january: Scenario) -> None:
    values = {m.id: Value(None, "never") for m in january.measures}
    late = Value(datetime(2021, 1, 8, 15, tzinfo=UTC), "released")
    found: list[Result] = results(january, values | {"osir": late}, values)
    osir = next(r for r in found if r.measure.id == "osir")
    line = as_json(osir)
    assert line["with"] == "2021-01-08T15:00:00.000000Z"
    assert line["without"] is None
    assert line["met"] is False
    assert line["target"] == {"before": "2021-01-06T06:00:00.000000Z"}
    assert line["certainty"] == ["documented"]
    assert "8 January" in line["historical"]
    early = dataclasses.replace(osir, with_tocsin=Value(datetime(2021, 1, 6, 1, tzinfo=UTC)))
    assert early.met
