"""The crash drill, small: everything is killed under load, and what was acknowledged is there, once."""

from __future__ import annotations

import pytest

from tocsin.cli.benches import scratch
from tocsin.cli.benches.crash import strike


@pytest.mark.slow
@pytest.mark.usefixtures(
    "database_url"
)  # it makes PostgreSQL's programs ready for whoever runs this
def test_killed_at_random_points_nothing_acknowledged_is_lost_or_doubled() -> None:
    with scratch() as folder:
        found = strike(folder, 6, seed=3, to_the_end=False)
    assert found.killed.total() == 6
    assert found.acknowledged["block"] > 6
    assert found.acknowledged["release"]
    assert found.entries > 100
    assert (found.lost, found.doubled, found.torn, found.wrong) == ([], [], [], [])
    assert found.unfired == 0
