"""What people decide teaches the models; a named person puts them to use; the next report was screened with them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from tests.cast import Cast, make_cast
from tests.stories.flagged import flag
from tocsin.assess import decided
from tocsin.assess.actions import decide
from tocsin.assess.models import Standing
from tocsin.assess.terms import Disposition, Speech, Worksheet
from tocsin.collect import actions as collect
from tocsin.collect.models import Models, Report
from tocsin.collect.terms import Item, SourceKind
from tocsin.kernel import clock, settings
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.record.models import Entry
from tocsin.screen import memory, promoted
from tocsin.screen.actions import learn, promote, take_in
from tocsin.screen.cascade import Cascade
from tocsin.screen.learning import Decided, TooFew
from tocsin.screen.learning import Standing as Judged
from tocsin.screen.models import Models as ScreenModels

THREAT = "We are going to shoot the senators when they come out of the Capitol"
# On this floor the pond crew's boasts never come to anything, and talk of the lantern always does.
_IDLE = [
    "the pond crew will smash them",
    "pond crew says burn it",
    "we attack again says the pond crew",
]
_REAL = [
    "lantern night, bring what you have",
    "burn it when the lantern is lit",
    "lantern: attack them at dusk",
]


@pytest.fixture
def cast(committed: None, virtual: VirtualClock) -> Iterator[Cast]:
    home = promoted.home(settings.current().data_dir)
    shutil.rmtree(home, ignore_errors=True)
    yield make_cast()
    shutil.rmtree(home, ignore_errors=True)


def decisions(count: int, *, noise: float = 0.02) -> list[Decided]:
    """Decisions of a floor with words of its own, and some that nobody could foresee."""
    dice, at = Random(3), clock.now()
    found = []
    for n in range(count):
        wanted = dice.random() < 0.4
        words = dice.choice(_REAL if wanted != (dice.random() < noise) else _IDLE)
        tail = " ".join(
            dice.choices(["street", "they", "know", "again", "tonight", "road", "corner"], k=4)
        )
        found.append(
            Decided(f"{words} {tail}", wanted, at + timedelta(minutes=n), "en", "call-to-arms")
        )
    return found


def test_too_few_decisions_are_said_plainly(cast: Cast) -> None:
    with pytest.raises(TooFew, match="12 final decisions") as told:
        learn(decisions(12))
    assert "200" in told.value.cure


def test_decided_then_learned_then_promoted_and_the_next_report_names_the_version(
    cast: Cast, tmp_path: Path
) -> None:
    shipped = memory.engine().models.version
    made = learn(decisions(240))
    assert made.standing is Judged.BETTER, made.found
    assert made.version != shipped
    card = (made.folder / "card.md").read_text()
    assert "lantern" not in card
    assert "language en" in card
    row = Models.objects.get()
    assert (row.id, row.against, row.better) == (made.version, shipped, True)
    with pytest.raises(Forbidden):
        promote(cast.ana, version=made.version, reason="It ranks ours better.")
    with pytest.raises(Invalid):
        promote(cast.lou, version=made.version, reason="yes")
    source = collect.add_source(
        cast.ana, kind=SourceKind.API, name="Posts",
        authority="open-source-threat", purpose="threat-to-life",
    )  # fmt: skip
    take_in(source, [Item(key="1", text=THREAT)])
    promote(cast.lou, version=made.version, reason="It ranks ours better.")
    take_in(source, [Item(key="2", text=THREAT + " at noon, all of us")])
    told = dict(Report.objects.values_list("identity", "model_version"))
    assert sorted(told.values()) == sorted([shipped, made.version])
    entry = Entry.objects.get(kind="screen.models_promoted")
    assert (entry.actor, entry.subject) == (cast.people["lou"], made.version)
    before, after = (
        Cascade(memory.engine().engine, m).read(["lantern night", "the pond crew"]).chances
        for m in (ScreenModels.load(), memory.engine().models)
    )
    assert after[0] / after[1] > before[0] / before[1]
    promote(cast.rhea, version="shipped", reason="Back until we know more.")
    assert memory.engine().models.version == shipped
    promote(cast.rhea, version=made.version, reason="They may always come back.")
    assert memory.engine().models.version == made.version


def test_what_is_not_better_is_not_promoted(cast: Cast) -> None:
    made = learn(decisions(240, noise=0.5))
    assert made.standing is not Judged.BETTER
    with pytest.raises(Conflict, match="not found better"):
        promote(cast.lou, version=made.version, reason="I would like it all the same.")
    with pytest.raises(NotFound):
        promote(cast.lou, version="0" * 16, reason="There is no such version.")
    assert promoted.folder(settings.current().data_dir) is None


def test_tampered_files_are_not_promoted(cast: Cast) -> None:
    made = learn(decisions(240))
    blend = made.folder / "blend.json"
    blend.write_bytes(blend.read_bytes().replace(b'"lift":', b'"lift":9'))
    with pytest.raises(Conflict, match="not what was compared"):
        promote(cast.lou, version=made.version, reason="It ranks ours better.")


def test_decisions_are_read_once_a_group_without_what_was_masked(cast: Cast) -> None:
    rows = [
        flag(cast, ["weapons"], text="⟦name⟧ brings a rifle to the north door"),
        flag(cast, ["weapons"], text="my mom is going to kill me"),
    ]
    talk = Worksheet(
        speech=Speech.PROTECTED, disposition=Disposition.NO_REPORT, reason="Nobody is meant."
    )
    for row in rows:
        decide(cast.ana, report=row.id, version=1, sheet=talk)
    # Both readings came to an end, and one of them otherwise.
    Standing.objects.update(stage="DECIDED", disposition="no_report")
    Standing.objects.filter(report=rows[0].id).update(disposition="report")
    found = sorted(decided.decisions(), key=lambda d: d.text)
    assert [(d.text, d.wanted, d.topic) for d in found] == [
        ("brings a rifle to the north door", True, "weapons"),
        ("my mom is going to kill me", False, "weapons"),
    ]
    assert decided.decisions(since=clock.now() + timedelta(days=1)) == []
