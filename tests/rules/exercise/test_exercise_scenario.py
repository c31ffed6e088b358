"""The January 6 scenario covers its history and holds together; bad files are named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tocsin.collect.terms import AUTHORITIES, Reliability, SourceKind
from tocsin.exercise import scenario as loading
from tocsin.exercise.checking import problems
from tocsin.exercise.labels import (
    Ask,
    Certainty,
    MeasureKind,
    Speech,
)
from tocsin.exercise.scenario import SCENARIOS, BadScenario, duration, load, load_folder, names
from tocsin.exercise.terms import (
    ChatConcern,
    ConcernRaised,
    DraftWritten,
    NoReport,
    Post,
    Scenario,
    Scripted,
)
from tocsin.kernel.errors import NotFound

ROWS = {f"A{number:02}" for number in range(1, 16)}
MODES_OF_PART_A = {1, 2, 3, 4, 5, 6, 7, 11, 15, 16, 17}


@pytest.fixture(scope="module")
def january() -> Scenario:
    return load("january-6")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SCENARIOS / "january_6", tmp_path / "january_6"))


def scripted(scenario: Scenario) -> Iterator[Scripted]:
    return (inject for inject in scenario.injects if isinstance(inject, Scripted))


def posts(scenario: Scenario) -> list[Post]:
    return [inject for inject in scenario.injects if isinstance(inject, Post)]


def test_is_found_under_the_name_one_types(january: Scenario) -> None:
    assert "january-6" in names()
    assert load("january_6") == january


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(NotFound, match="january-6"):
        load("january-7")


def test_every_row_of_the_history_is_an_inject_and_is_measured(january: Scenario) -> None:
    assert {row for inject in scripted(january) for row in inject.rows} == ROWS
    assert {row for measure in january.measures for row in measure.rows} == ROWS


def test_every_failure_mode_of_part_a_is_measured(january: Scenario) -> None:
    assert {mode for measure in january.measures for mode in measure.modes} == MODES_OF_PART_A


def test_every_kind_of_measure_is_used(january: Scenario) -> None:
    assert {measure.kind for measure in january.measures} == set(MeasureKind)


def test_local_times_became_utc(january: Scenario) -> None:
    assert january.operation.starts == datetime(2021, 1, 6, 18, 0, tzinfo=UTC)
    assert january.inject("null-report").at == datetime(2021, 1, 6, 15, 43, tzinfo=UTC)
    assert all(inject.at.utcoffset() == timedelta(0) for inject in january.injects)


def test_injects_come_in_time_order(january: Scenario) -> None:
    times = [inject.at for inject in january.injects]
    assert times == sorted(times)


def test_nothing_refers_to_what_does_not_exist(january: Scenario) -> None:
    assert problems(january) == []


def test_a_single_source_is_marked_as_one(january: Scenario) -> None:
    marked = {i.id for i in scripted(january) if i.certainty is Certainty.SINGLE_SOURCE}
    analyst = {i.id for i in scripted(january) if i.actor == "ia-analyst"}
    assert marked == analyst


def test_posts_rise_as_the_day_comes_nearer(january: Scenario) -> None:
    event = january.operation.starts
    serious = [p.at for p in posts(january) if p.speech not in (Speech.PROTECTED, Speech.HYPERBOLE)]

    def in_days(first: int, last: int) -> int:
        return sum(timedelta(days=last) < event - at <= timedelta(days=first) for at in serious)

    assert 120 <= len(posts(january)) <= 200
    assert 0 < in_days(18, 12) < in_days(12, 6) < in_days(6, 0)


def test_labels_of_posts_agree_with_each_other(january: Scenario) -> None:
    everything = posts(january)
    assert {post.speech for post in everything} == set(Speech)
    assert len({post.text for post in everything}) == len(everything)
    for post in everything:
        if post.speech is Speech.PROTECTED:
            assert not post.raises, post.id
        elif post.speech is not Speech.HYPERBOLE:
            assert post.raises, post.id


def test_labels_are_categories_of_the_screening_catalogue(january: Scenario) -> None:
    indicators = pytest.importorskip("tocsin.screen.indicators")
    known = set(indicators.load().categories)
    assert {category for post in posts(january) for category in post.raises} <= known


def test_what_people_noticed_then_is_flagged_by_the_screen(january: Scenario) -> None:
    """A draft, concern or no-report can only rest on a post that reached somebody's eyes."""
    engine = pytest.importorskip("tocsin.screen.engine")
    noticed: set[str] = set()
    for inject in january.injects:
        if isinstance(inject, DraftWritten):
            noticed.update(inject.cites)
        if isinstance(inject, ConcernRaised | ChatConcern):
            noticed.update(inject.about)
        if isinstance(inject, NoReport):
            noticed.update(inject.items)
    texts = {post.id: post.text for post in posts(january) if post.id in noticed}
    verdicts = engine.Engine.load().screen(list(texts.values()))
    assert [id for id, verdict in zip(texts, verdicts, strict=True) if verdict is None] == []


def test_sources_keep_to_the_collecting_stage_s_charter(january: Scenario) -> None:
    for source in january.sources:
        authority = AUTHORITIES[source.authority]
        assert source.purpose in authority.purposes, source.id
        assert source.retention <= authority.longest_retention, source.id
        assert source.kind in set(SourceKind), source.id
        assert source.reliability in set(Reliability), source.id


def test_no_ladder_ends_in_silence(january: Scenario) -> None:
    for ladder in january.ladders:
        asked = [january.person(id) for id in ladder.steps]
        answers = {a.ask for person in asked for a in person.behaviour.answers}
        assert ladder.ask in answers, f"{ladder.ask} of {ladder.agency}"


def test_every_agency_asked_to_acknowledge_has_somebody_who_does(january: Scenario) -> None:
    for agency in january.agencies:
        for id in agency.must_know:
            answers = {answer.ask for answer in january.person(id).behaviour.answers}
            assert Ask.ACKNOWLEDGE in answers, id


@pytest.mark.parametrize(
    ("file", "old", "new", "where", "words"),
    [
        ("scenario.toml", "[chatter]", "[chatter", "scenario.toml", "not readable as TOML"),
        ("scenario.toml", "[chatter]", "[noise]", "scenario.toml", "no 'chatter' in it"),
        ("sources.toml", "[[sources]]", "[[sauces]]\n[[sources]]", "sources.toml", "'sauces'"),
        ("scenario.toml", '"-05:00"', '"Eastern"', "scenario.toml: scenario", "'-05:00'"),
        (
            "scenario.toml",
            'review_limit = "4h"',
            'review_limit = "soon"',
            "scenario.toml",
            "not a duration",
        ),
        (
            "scenario.toml",
            'review_limit = "4h"',
            "review_limit = 4",
            "scenario.toml",
            "not a duration",
        ),
        (
            "scenario.toml",
            "2021-01-06T13:00:00",
            "2021-01-06T13:00:00Z",
            "scenario.toml",
            "carries an offset",
        ),
        (
            "injects.toml",
            'kind = "null_report"',
            'kind = "rumour"',
            "injects.toml: injects null-report",
            "rumour",
        ),
        (
            "injects.toml",
            'actor = "doj-briefer"',
            'actor = "nobody"',
            "injects.toml: injects null-report",
            "'nobody'",
        ),
        (
            "injects.toml",
            'cites = ["norfolk-tip"]',
            'cites = ["p149"]',
            "injects.toml: injects norfolk-report",
            "before that time",
        ),
        (
            "injects.toml",
            'rows = ["A14"]',
            'rows = ["A16"]',
            "injects.toml: injects null-report",
            "A01 to A15",
        ),
        (
            "injects.toml",
            "2021-01-06T10:43:00",
            "2021-02-06T10:43:00",
            "injects.toml: injects null-report",
            "outside the exercise",
        ),
        ("posts.toml", 'id = "p002"', 'id = "p001"', "injects.toml: injects p001", "used 2 times"),
        ("posts.toml", 'speech = "protected"', 'speech = "rude"', "posts.toml: posts p002", "rude"),
        ("posts.toml", 'id = "p002", ', "", "posts.toml: posts number 2", "id"),
        (
            "people.toml",
            'on_duty = "08:00-20:00"',
            'on_duty = "8 to 8"',
            "people.toml: people ia-analyst",
            "07:00-19:00",
        ),
        (
            "people.toml",
            'reply = "judge", within = "40m"',
            'replay = "judge", within = "40m"',
            "people.toml: people ia-analyst",
            "repl",
        ),
        (
            "scenario.toml",
            "before = 2021-01-01T00:00:00",
            "before = 2021-01-01T00:00:00\nat_most = 1",
            "scenario.toml: measures alarm",
            "exactly one target",
        ),
        (
            "scenario.toml",
            'subjects = ["null-report"]',
            'subjects = ["no-such"]',
            "scenario.toml: measures null",
            "no-such",
        ),
    ],
)
def test_a_bad_file_is_named_with_entry_and_cure(
    folder: Path, file: str, old: str, new: str, where: str, words: str
) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    with pytest.raises(BadScenario) as caught:
        load_folder(folder)
    assert caught.value.field == where
    assert words in str(caught.value)
    assert caught.value.cure


@pytest.mark.parametrize("file", sorted(loading.FILES))
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(BadScenario, match=f"^{file}: the file is missing"):
        load_folder(folder)


@pytest.mark.parametrize(
    ("text", "minutes"), [("45m", 45), ("2h30m", 150), ("180d", 259_200), ("1d1h1m", 1501)]
)
def test_durations(text: str, minutes: int) -> None:
    assert duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "45", "45 m", "m", "-5m", "1m1h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError):
        duration(text)
