"""A day in the field, played again: what reaches whom, with Tocsin and without."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.exercise.live import loading, play, score
from tocsin.exercise.live.play import FieldPlay
from tocsin.exercise.live.terms import FieldStory
from tocsin.exercise.results import Value, met


def played(story: FieldStory, *, pushes: bool) -> tuple[FieldPlay, dict[str, Value]]:
    with play.stage(story, pushes=pushes) as run:
        run.run(story.ends)
        return run, score.values(run.stage)


def shown(story: FieldStory, found: dict[str, Value]) -> dict[str, Any]:
    """What was not met, with what it came to: an assertion that fails says which."""
    return {m.id: found[m.id] for m in story.measures if not met(m, found[m.id])}


@pytest.mark.django_db
def test_butler_with_tocsin_meets_every_target() -> None:
    story = loading.load("butler-2024")
    run, found = played(story, pushes=True)
    assert not shown(story, found)
    # What the system refused would have been refused to a person too: nothing was.
    assert not [line.what for line in run.stage.log if line.refused]


@pytest.mark.django_db
def test_butler_without_tells_the_detail_leader_nothing() -> None:
    story = loading.load("butler-2024")
    run, found = played(story, pushes=False)
    assert not [m.id for m in story.measures if met(m, found[m.id])]
    assert found["lead-agency"].value == run.stage.story.inject("text-photos").by_hand[0].at  # type: ignore[union-attr]
    assert found["detail-rangefinder"].value is None
    assert found["roof-detail"].value is None


@pytest.mark.django_db
def test_the_bench_is_found_uncovered_before_the_motorcade_drives() -> None:
    story = loading.load("dnc-sweep")
    run, found = played(story, pushes=True)
    assert not shown(story, found)
    assert found["bench"].value < story.inject("motorcade").at  # type: ignore[operator]
    assert not [line.what for line in run.stage.log if line.refused]


@pytest.mark.django_db
def test_without_tocsin_swept_says_nothing_of_the_bench() -> None:
    story = loading.load("dnc-sweep")
    _, found = played(story, pushes=False)
    assert not [m.id for m in story.measures if met(m, found[m.id])]
