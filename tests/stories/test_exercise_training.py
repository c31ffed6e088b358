"""Live mode: whoever a team plays does nothing by script, and is scored by what they did."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tocsin.exercise.live import loading, play, training
from tocsin.kernel import clock
from tocsin.kernel.clock import PacedClock, SystemClock, VirtualClock
from tocsin.kernel.errors import Invalid
from tocsin.operate import actions as operate
from tocsin.operate.models import Hold, Receipt, Sighting
from tocsin.record.models import Site
from tocsin.record.store import install_clock


@pytest.mark.django_db
def test_the_teams_own_acts_count_and_nobody_acts_for_them() -> None:
    story = loading.load("dnc-sweep")
    lead = "usss-site-lead"
    with play.stage(story, pushes=True, accounts=training.accounts(story, "secret-words")) as run:
        found = story.inject("device-next-door").at
        run.run(found - timedelta(seconds=5))
        run.stage.played = frozenset(training.seats(story, [lead]))
        since = clock.now()
        ticking: VirtualClock = run._time
        acted: list[str] = []

        def rest(_: float) -> None:
            """The machine's second passes; the lead looks at the phone after half a minute."""
            ticking.advance(timedelta(seconds=1))
            if not acted and clock.now() >= found + timedelta(seconds=30):
                acted.append(Sighting.objects.get().id)
                assert (
                    not Receipt.objects.filter(person=run.stage.people[lead])
                    .exclude(version=0)
                    .exists()
                )
                operate.acknowledge(run.stage.actor(lead), sighting=acted[0])

        training.live(run, found + timedelta(minutes=2), rest=rest)
        [mine] = training.marks(run, since)
    assert (mine.person, mine.told, mine.acknowledged, mine.slowest_s) == (lead, 1, 1, 30)
    # The others are still scripted: the detail leader decided within the minute.
    assert Hold.objects.get().decision == "MOVE"
    # What the team had on its screen counts as what they knew.
    assert any(h.to == lead and "device" in h.keeps for h in run.stage.handed)


def test_a_seat_that_is_not_of_the_cast_is_named() -> None:
    story = loading.load("butler-2024")
    assert training.seats(story, ()) == (story.operation.lead,)
    with pytest.raises(Invalid, match="nobody is called 'president'"):
        training.seats(story, ["president"])


@pytest.mark.django_db
def test_every_process_of_the_site_runs_at_the_same_pace() -> None:
    shows = loading.load("butler-2024").training_at
    before = clock._clock
    try:
        ours = training.set_clock("butler-2024", shows, 10)
        assert install_clock() == "butler-2024"
        assert isinstance(clock._clock, PacedClock)
        assert abs(clock.now() - ours.now()) < timedelta(seconds=5)
        row = Site.objects.get()
        assert row.clock_since is not None
        since = SystemClock().now() - timedelta(seconds=6)
        assert PacedClock(shows, since, 10).now() - shows >= timedelta(seconds=60)
    finally:
        clock.install(before)
