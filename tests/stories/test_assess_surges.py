"""Far more reports than usual: on the record once, and owed an assessment of the whole."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from tests.cast import Cast, make_cast
from tests.stories.flagged import flag
from tocsin.assess import store
from tocsin.assess.actions import mind_surges
from tocsin.assess.models import Hour, Surge
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.record.models import Entry


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def quiet_days(cast: Cast, virtual: VirtualClock) -> Cast:
    """Three days with a report now and then, all of one kind: k-of-n stays silent."""
    for _ in range(12):
        flag(cast, ["weapons"])
        virtual.advance(timedelta(hours=6))
        assert mind_surges() == 0
    return cast


def test_a_surge_is_put_on_the_record_once_and_owes_an_assessment(
    quiet_days: Cast, virtual: VirtualClock
) -> None:
    for _ in range(12):
        flag(quiet_days, ["weapons"])
    assert mind_surges() == 2  # of the kind, and of all together
    assert mind_surges() == 0
    picture = store.picture_id(quiet_days.march)
    rows = {s.category: s for s in Surge.objects.filter(situation=picture)}
    assert set(rows) == {"", "weapons"}
    assert rows[""].count == 12
    assert rows[""].usual <= 1
    duty = Duty.objects.get(subject=picture, kind="assess_whole", discharged_at=None)
    assert (duty.owner_agency, duty.owner_role, duty.precedence) == (
        "fusion",
        "collector",
        "IMMEDIATE",
    )
    assert Entry.objects.filter(kind="situation.surged").count() == 2
    virtual.advance(timedelta(minutes=50))
    for _ in range(3):
        flag(quiet_days, ["weapons"])
    assert mind_surges() == 0  # the same surge goes on


def test_a_surge_that_doubles_rings_again_without_a_second_duty(
    quiet_days: Cast, virtual: VirtualClock
) -> None:
    for _ in range(11):
        flag(quiet_days, ["weapons"])
    assert mind_surges() == 2
    for _ in range(20):
        flag(quiet_days, ["weapons"])
    assert mind_surges() == 2
    assert Duty.objects.filter(kind="assess_whole", discharged_at=None).count() == 1


def test_reports_of_many_kinds_count_once_each(cast: Cast) -> None:
    flag(cast, ["weapons", "call-to-arms"])
    assert {h.category: h.reports for h in Hour.objects.all()} == {
        "": 1, "weapons": 1, "call-to-arms": 1,
    }  # fmt: skip


def test_the_page_shows_chart_and_table_and_an_outsider_sees_nothing(
    quiet_days: Cast, client: Client
) -> None:
    for _ in range(12):
        flag(quiet_days, ["weapons"])
    mind_surges()
    picture = store.picture_id(quiet_days.march)
    client.force_login(quiet_days.account("ana"))
    page = client.get(f"/situations/{picture}").content.decode()
    assert "Reports by the hour" in page
    assert "12 in an hour" in page
    assert page.count("hours-chart") == 2
    assert "Far more than usual for this hour of the day" in page
    client.force_login(quiet_days.account("otto"))
    assert client.get(f"/situations/{picture}").status_code == 404
