"""Intake on the record: whatever comes in, in whatever order, the record rebuilds the same tables."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cast import make_cast
from tocsin.collect import actions as collect
from tocsin.collect.models import Group, Refusal, Report, Source
from tocsin.collect.terms import Item, Refused, SourceKind
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.people.terms import SYSTEM
from tocsin.record import checking
from tocsin.record.sequencer import Sequencer
from tocsin.screen.actions import answer_question, give_tip, take_in


def place_all() -> None:
    sequencer = Sequencer()
    while sequencer.step():
        pass


WORDS = (
    "We are going to shoot the senators when they come out of the Capitol",
    "We are going to shoot the senators when they come out of the Capitol!!",
    "I will kill the mayor tomorrow, I swear. I have a rifle.",
    "We should storm the capitol",
    "The bakery has fresh bread",
)


def sources() -> tuple[str, str]:
    api = collect.add_source(
        SYSTEM,
        kind=SourceKind.API,
        name="Posts",
        agency="fusion",
        authority="open-source-threat",
        purpose="threat-to-life",
    )
    tip = collect.add_source(
        SYSTEM,
        kind=SourceKind.TIP,
        name="Tips",
        agency="fusion",
        authority="public-tip",
        purpose="threat-to-life",
    )
    return api, tip


items = st.builds(
    Item, st.sampled_from("abcd"), st.sampled_from(WORDS), author=st.sampled_from(["", "jo"])
)
refused = st.just(Refused("line 1", "at", "no", "mend", b"x"))
step: st.SearchStrategy[tuple[str, list[Item | Refused]]] = st.one_of(
    st.tuples(st.just("take"), st.lists(st.one_of(items, refused), max_size=5)),
    st.tuples(st.sampled_from(["tip", "dismiss", "pause", "advance"]), st.just([])),
)


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(story=st.lists(step, max_size=8))
def test_the_replayed_record_equals_the_tables(
    committed: None,
    database_url: str,
    virtual: VirtualClock,
    story: list[tuple[str, list[Item | Refused]]],
) -> None:
    if not Source.objects.exists():  # the examples go on where the last one ended
        make_cast()
        sources()
    api, tip = (Source.objects.get(kind=kind).id for kind in ("api", "tip"))
    for what, records in story:
        _step(virtual, api, tip, what, records)
    place_all()
    assert checking.fsck(database_url) == []
    assert checking.verify_vault() >= 0
    _every_open_report_is_owed()


def _step(
    virtual: VirtualClock, api: str, tip: str, what: str, records: list[Item | Refused]
) -> None:
    if what == "take":
        take_in(api, records)
    elif what == "tip":
        code = give_tip(source=tip, what="Somebody let a stranger in", contact="Jo")
        answer_question(code=code, text="He will shoot the governor")
    elif what == "dismiss":
        collect.dismiss_refused(
            SYSTEM,
            refused=list(Refusal.objects.values_list("id", flat=True)),
            reason="seen and let go",
        )
    elif what == "pause":
        version = Source.objects.get(id=api).version
        collect.pause_source(SYSTEM, source=api, version=version, reason="a while")
        collect.resume_source(SYSTEM, source=api, version=version + 1)
    else:
        virtual.advance(timedelta(hours=1))


def _every_open_report_is_owed() -> None:
    """Nothing flagged ends in silence: it carries a duty, or joined an open report that does."""
    owed = set(
        Duty.objects.filter(kind="assess", discharged_at=None).values_list("subject", flat=True)
    )
    for row in Report.objects.filter(state="OPEN"):
        assert row.id in owed or row.leader in owed, vars(row)


@pytest.mark.usefixtures("committed")
def test_two_intakes_of_the_same_posts_at_once_make_no_twins() -> None:
    make_cast()
    api, _ = sources()
    posts = [Item(str(n), f"{WORDS[0]} {'x' * n}") for n in range(40)]
    failed: list[BaseException] = []

    def intake() -> None:
        try:
            for start in range(0, len(posts), 8):
                take_in(api, posts[start : start + 8])
        except BaseException as error:  # noqa: BLE001 - carried to the test
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=intake) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert Report.objects.count() == 40
    assert sum(Report.objects.values_list("seen_count", flat=True)) == 160
    assert sum(Group.objects.values_list("size", flat=True)) == 40
    _every_open_report_is_owed()
