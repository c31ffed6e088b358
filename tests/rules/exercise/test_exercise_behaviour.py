"""Scripted people answer as their script says: alone too late, with the next person in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.exercise.behaviour import Planned, answer, next_on_duty
from tocsin.exercise.labels import (
    Ask,
    Reply,
)
from tocsin.exercise.scenario import load
from tocsin.exercise.terms import (
    DraftWritten,
    Scenario,
)

EASTERN = timedelta(hours=-5)


@pytest.fixture(scope="module")
def january() -> Scenario:
    return load("january-6")


def asked(scenario: Scenario, person: str, ask: Ask, at: datetime) -> Planned | None:
    return answer(scenario.person(person), ask, at, scenario.local_offset)


def test_the_reviewer_alone_releases_when_history_did(january: Scenario) -> None:
    draft = january.inject("osir")
    assert isinstance(draft, DraftWritten)
    planned = asked(january, draft.reviewer, Ask.REVIEW_DRAFT, draft.at)
    assert planned is not None
    assert planned.reply is Reply.RELEASE
    assert planned.at == january.inject("osir-released").at
    assert planned.at > january.operation.ends


def test_the_next_releaser_answers_before_the_lead_time(january: Scenario) -> None:
    operation = january.operation
    latest = operation.starts - operation.lead_time
    due = min(january.inject("osir").at + operation.review_limit, latest)
    planned = asked(january, "ia-alternate-releaser", Ask.REVIEW_DRAFT, due)
    assert planned is not None
    assert planned.at == due + timedelta(minutes=45)
    assert planned.at < latest


def test_the_sergeant_never_answers_and_the_deputy_does(january: Scenario) -> None:
    sent = january.inject("norfolk-relay-uscp").at
    assert asked(january, "uscp-intel-sergeant", Ask.ACKNOWLEDGE, sent) is None
    planned = asked(january, "uscp-intel-deputy", Ask.ACKNOWLEDGE, sent)
    assert planned is not None
    assert planned.at - sent == timedelta(minutes=12)


def test_the_city_s_desk_reads_the_mail_the_next_morning(january: Scenario) -> None:
    planned = asked(
        january, "mpd-intel-desk", Ask.ACKNOWLEDGE, january.inject("norfolk-relay-mpd").at
    )
    assert planned is not None
    assert planned.at == datetime(2021, 1, 6, 14, 0, tzinfo=UTC)  # 9:00 in the city


def test_nobody_answers_what_their_script_does_not_hold(january: Scenario) -> None:
    at = january.starts
    for person in january.people:
        scripted = {given.ask for given in person.behaviour.answers}
        for ask in set(Ask) - scripted:
            assert asked(january, person.id, ask, at) is None


@pytest.mark.parametrize(
    ("hours", "at", "expected"),
    [
        ("09:00-17:00", (5, 12, 0), (5, 12, 0)),  # inside
        ("09:00-17:00", (5, 9, 0), (5, 9, 0)),  # the first minute counts
        ("09:00-17:00", (5, 17, 0), (6, 9, 0)),  # the last does not
        ("09:00-17:00", (5, 3, 30), (5, 9, 0)),
        ("23:00-07:00", (5, 23, 30), (5, 23, 30)),
        ("23:00-07:00", (5, 6, 59), (5, 6, 59)),
        ("23:00-07:00", (5, 12, 0), (5, 23, 0)),
        ("00:00-24:00", (5, 23, 59), (5, 23, 59)),
    ],
)
def test_hours_of_duty(
    hours: str, at: tuple[int, int, int], expected: tuple[int, int, int]
) -> None:
    def utc(day: int, hour: int, minute: int) -> datetime:
        return datetime(2021, 1, day, hour, minute, tzinfo=UTC) - EASTERN

    assert next_on_duty(hours, utc(*at), EASTERN) == utc(*expected)
