"""The exercises in the field cover their history and hold together; bad files are named."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tocsin.exercise.live.loading import duration, load, load_folder, names
from tocsin.exercise.live.terms import Kind, Seen
from tocsin.exercise.scenario import SCENARIOS, BadScenario
from tocsin.kernel.errors import NotFound
from tocsin.operate.terms import ASKS_HOLD, Aggravator

B = {f"B{n:02}" for n in range(1, 25)}
C = {f"C{n:02}" for n in range(1, 7)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SCENARIOS / "butler_2024", tmp_path / "butler_2024"))


def test_both_come_with_tocsin_under_the_names_one_types() -> None:
    assert names() == ("butler-2024", "dnc-sweep")
    assert load("butler_2024") == load("butler-2024")
    with pytest.raises(NotFound, match="butler-2025"):
        load("butler-2025")


@pytest.mark.parametrize(("name", "rows"), [("butler-2024", B), ("dnc-sweep", C)])
def test_every_row_of_the_history_happens(name: str, rows: set[str]) -> None:
    assert {row for i in load(name).injects for row in i.rows} == rows


def test_every_kind_of_measure_is_used() -> None:
    assert {m.kind for name in names() for m in load(name).measures} == set(Kind)


def test_local_times_became_utc_and_the_words_are_known() -> None:
    story = load("butler-2024")
    assert story.inject("text-rangefinder").at == datetime(2024, 7, 13, 21, 17, tzinfo=UTC)
    facts = {f for i in story.injects if isinstance(i, Seen) for f in i.facts}
    assert facts <= set(Aggravator)
    assert facts & ASKS_HOLD == {"rangefinder", "on_roof", "armed"}


def test_history_never_told_the_detail_leader() -> None:
    by_hand = [h.to for i in load("butler-2024").injects for h in getattr(i, "by_hand", ())]
    assert by_hand
    assert "usss-detail-leader" not in by_hand


@pytest.mark.parametrize(
    ("file", "old", "new", "where"),
    [
        ("people.toml", 'acknowledges = "25s"', 'acknowledges = "25"', "people.toml"),
        ("people.toml", 'agency = "psp"', 'agency = "fbi"', "agency"),
        ("happenings.toml", 'post = "window"', 'post = "tower"', "sniper-leaves"),
        ("happenings.toml", 'actor = "psp-desk"', 'actor = "nobody"', "actor"),
        ("happenings.toml", "severity = 2", 'severity = "grave"', "text-table"),
        ("story.toml", 'utc_offset = "-04:00"', 'utc_offset = "ET"', "story.toml"),
        ("story.toml", "at_most = 60", "at_most = 60\nat_least = 1", "rangefinder"),
        ("plan.toml", 'channel = "mobile"', 'channel = "smoke"', "carries"),
    ],
)
def test_what_does_not_hold_together_is_named(
    folder: Path, file: str, old: str, new: str, where: str
) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadScenario) as found:
        load_folder(folder)
    assert re.search(re.escape(where), f"{found.value.field} {found.value.message}")


def test_durations() -> None:
    assert duration("1h2m3s") == timedelta(hours=1, minutes=2, seconds=3)
    for bad in ("", "5", "5d", "m"):
        with pytest.raises(ValueError, match="not a duration"):
            duration(bad)
