"""A budget moves the line; what lies below it is counted, drawn by lot, read, and forgotten unless it matters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.cast import Cast, make_cast
from tocsin.assess.models import Hour
from tocsin.collect import actions as collect
from tocsin.collect.models import Band, Budget, Report, Sample, Tally
from tocsin.collect.terms import Item, SourceKind
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.record.models import Entry, Vault
from tocsin.retain.actions import place_hold, read_sample, sweep
from tocsin.retain.actions.holding import Scope
from tocsin.retain.models import Tombstone
from tocsin.screen import budget, memory
from tocsin.screen.actions import adapt_lines, set_budget, take_in

pytestmark = pytest.mark.usefixtures("db")

THREAT = "We are going to shoot the senators when they come out of the Capitol"


@pytest.fixture
def cast(virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def source(cast: Cast) -> str:
    return collect.add_source(
        cast.ana,
        kind=SourceKind.API,
        name="City posts",
        authority="open-source-event",
        purpose="protect-event",
        operation=cast.march,
    )


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], str]:
    """Texts that score as told: the cascade is the real one, only its number is set."""
    cascade, given = memory.engine(), dict[str, int]()
    real = type(cascade).read

    def read(self, texts, reach=None):  # type: ignore[no-untyped-def]
        out = real(self, texts) if reach is None else real(self, texts, reach)
        for at, text in enumerate(texts):
            if text in given:
                out.chances[at] = given[text] / 1000
        return out

    monkeypatch.setattr(type(cascade), "read", read)

    def make(score: int) -> str:
        text = f"The people of house {len(given)} meet Jane Roe on Sunday"
        given[text] = score
        return text

    return make


def drawn(cast: Cast, source: str, scores: Callable[[int], str], score: int = 260) -> Report:
    set_budget(cast.lou, operation=cast.march, a_shift=100, version=0)
    Budget.objects.update(share=1000)
    take_in(source, [Item(key="1", text=scores(score))])
    return Report.objects.get(sample=True)


def test_the_budget_is_set_by_who_may_and_is_on_the_record(cast: Cast) -> None:
    for name in ("ana", "otto", "paul", "ada"):
        with pytest.raises(Forbidden):
            set_budget(cast.actor(name), operation=cast.march, a_shift=100, version=0)
    with pytest.raises(Invalid, match="no number"):
        set_budget(cast.lou, operation=cast.march, a_shift=0, version=0)
    assert set_budget(cast.lou, operation=cast.march, a_shift=100, version=0) == 1
    with pytest.raises(Conflict):
        set_budget(cast.rhea, operation=cast.march, a_shift=50, version=0)
    assert set_budget(cast.rhea, operation=cast.march, a_shift=50, version=1) == 2
    row = Budget.objects.get()
    assert (row.agency, row.operation, row.a_shift, row.line) == ("fusion", cast.march, 50, 300)
    assert Entry.objects.filter(kind="screen.budget_set", subject=cast.march).count() == 2


def test_the_line_follows_what_comes_in_and_strong_signs_pass_it(
    cast: Cast, source: str, scores: Callable[[int], str], virtual: VirtualClock
) -> None:
    set_budget(cast.lou, operation=cast.march, a_shift=1, version=0)
    Budget.objects.update(share=0)
    for n in range(6):
        take_in(source, [Item(key=f"{n}-{i}", text=scores(310)) for i in range(5)])
        virtual.advance(timedelta(hours=1))
        adapt_lines()
    row = Budget.objects.get()
    assert row.line > 310
    assert adapt_lines() == 0  # not twice in an hour
    Budget.objects.update(share=0)  # the line's move drew its lot anew
    before = Report.objects.count()
    take_in(source, [Item(key="below", text=scores(310)), Item(key="strong", text=THREAT)])
    assert Report.objects.count() == before + 1
    assert Report.objects.latest("received_at", "id").score >= budget.ALWAYS


def test_the_unflagged_leave_only_counts(
    cast: Cast, source: str, scores: Callable[[int], str]
) -> None:
    take_in(source, [Item(key="1", text=scores(250)), Item(key="2", text=scores(10))])
    assert not Report.objects.exists()
    assert not Vault.objects.filter(subject__startswith="rpt_").exists()
    assert [(b.band, b.texts) for b in Band.objects.all()] == [(240, 1)]


def test_a_sample_is_masked_owed_within_hours_and_in_nobodys_count(
    cast: Cast, source: str, scores: Callable[[int], str], virtual: VirtualClock
) -> None:
    row = drawn(cast, source, scores)
    assert (row.state, row.flagged, row.score) == ("SAMPLE", False, 260)
    assert Vault.objects.get(id=row.original).sealed
    duty = Duty.objects.get(subject=row.id)
    assert (duty.kind, duty.due_at) == ("read_sample", virtual.now() + timedelta(hours=8))
    assert Tally.objects.get().flagged == 0
    assert not Hour.objects.exists()
    take_in(source, [Item(key="1", text=Vault.objects.get(id=row.original).body["text"])])
    assert Report.objects.count() == 1  # the same post gets no second lot


def test_a_sample_that_does_not_matter_is_forgotten_with_the_reading(
    cast: Cast, source: str, scores: Callable[[int], str]
) -> None:
    row = drawn(cast, source, scores)
    read_sample(cast.ana, report=row.id, version=1, matters=False)
    row.refresh_from_db()
    assert row.state == "PURGED"
    assert not Vault.objects.filter(subject=row.id).exists()
    assert Tombstone.objects.get(subject=row.id).contents == 2
    assert not Duty.objects.filter(subject=row.id, discharged_at=None).exists()
    sample = Sample.objects.get()
    assert (sample.mattered, sample.read_by) == (False, cast.people["ana"])
    with pytest.raises(Conflict):
        read_sample(cast.ana, report=row.id, version=1, matters=True)


def test_a_sample_that_matters_becomes_an_ordinary_report(
    cast: Cast, source: str, scores: Callable[[int], str], virtual: VirtualClock
) -> None:
    row = drawn(cast, source, scores)
    read_sample(cast.ana, report=row.id, version=1, matters=True)
    row.refresh_from_db()
    assert (row.state, row.flagged, row.sample) == ("OPEN", True, True)
    assert row.retention_until > virtual.now() + timedelta(days=30)
    assert Duty.objects.get(subject=row.id, discharged_at=None).kind == "assess"
    assert Sample.objects.get().mattered is True


def test_an_unread_sample_is_purged_after_two_days(
    cast: Cast, source: str, scores: Callable[[int], str], virtual: VirtualClock
) -> None:
    row = drawn(cast, source, scores)
    virtual.advance(timedelta(days=2, minutes=1))
    sweep()
    assert not Vault.objects.filter(subject=row.id).exists()
    assert not Duty.objects.filter(subject=row.id, discharged_at=None).exists()


def test_an_edit_that_is_flagged_makes_it_a_report(
    cast: Cast, source: str, scores: Callable[[int], str]
) -> None:
    row = drawn(cast, source, scores)
    read_sample(cast.ana, report=row.id, version=1, matters=False)
    take_in(source, [Item(key="1", text=THREAT)])
    row.refresh_from_db()
    assert (row.state, row.flagged, row.version) == ("OPEN", True, 2)
    assert Duty.objects.get(subject=row.id, discharged_at=None).kind == "assess"


def test_under_a_legal_hold_it_is_sealed_instead(
    cast: Cast, source: str, scores: Callable[[int], str]
) -> None:
    row = drawn(cast, source, scores)
    scope = Scope(subjects=(row.id,), letter=("order.txt", b"Keep it."))
    place_hold(cast.pia, title="Doe v. City", text="Keep what concerns the march.", scope=scope)
    read_sample(cast.ana, report=row.id, version=1, matters=False)
    held = list(Vault.objects.filter(subject=row.id).values_list("id", flat=True))
    assert held
    assert all(v.startswith("held:") for v in held)


def test_the_outsider_reads_no_sample(
    cast: Cast, source: str, scores: Callable[[int], str]
) -> None:
    row = drawn(cast, source, scores)
    with pytest.raises(NotFound):
        read_sample(cast.otto, report=row.id, version=1, matters=True)
    for name in ("pia", "ada", "mona"):
        with pytest.raises(Forbidden):
            read_sample(cast.actor(name), report=row.id, version=1, matters=True)
    assert Report.objects.get(id=row.id).state == "SAMPLE"
