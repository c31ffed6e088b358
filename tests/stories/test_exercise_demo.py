"""The demo: an empty site becomes the evening before, with seats to take and work left open in them."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tocsin.collect.models import Report
from tocsin.duties.models import Duty
from tocsin.exercise import demo
from tocsin.exercise.scenario import load
from tocsin.exercise.terms import Scenario
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import Invalid
from tocsin.people.models import Account
from tocsin.people.store import actor_of
from tocsin.people.terms import Role
from tocsin.record.models import Entry, Site
from tocsin.record.store import install_clock

SEATS = {
    "analyst": Role.COLLECTOR,
    "reviewer": Role.RELEASE_AUTHORITY,
    "lead": Role.OPERATION_LEAD,
    "partner": Role.PARTNER,
    "oversight": Role.INSPECTOR,
    "privacy": Role.PRIVACY_OFFICER,
    "admin": Role.ADMINISTRATOR,
}


@pytest.fixture
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """The exercise, stopped on the morning of the fourth day, in a data directory of its own."""
    whole = load("january-6")
    short = msgspec.structs.replace(whole, demo_stops_at=whole.starts + timedelta(days=3, hours=10))
    own = dataclasses.replace(settings.current(), data_dir=tmp_path)
    monkeypatch.setattr(settings, "current", lambda: own)
    monkeypatch.setattr(demo, "load_scenario", lambda name: short)
    monkeypatch.setattr(demo, "CHATTER", 100)
    return short


@pytest.fixture
def clock_back() -> Iterator[None]:
    with clock.use(clock.SystemClock()):
        yield


def loaded() -> str:
    out = io.StringIO()
    demo.load(Console(file=out, width=200))
    return out.getvalue()


@pytest.mark.django_db
def test_an_empty_site_becomes_the_evening_before(
    short: Scenario, tmp_path: Path, clock_back: None
) -> None:
    said = loaded()
    shown = json.loads((tmp_path / demo.FILE).read_text())
    assert demo.accounts() == shown
    assert (tmp_path / demo.FILE).stat().st_mode & 0o077 == 0
    assert shown["password"] in said
    assert "/welcome" in said

    # Every account signs in with the printed password, and holds the seat it is named for.
    assert {a["username"] for a in shown["accounts"]} == set(SEATS)
    for username, role in SEATS.items():
        account = Account.objects.get(username=username)
        assert account.check_password(shown["password"])
        assert role in actor_of(account).roles
    others = Account.objects.exclude(username__in=SEATS)
    assert not any(a.has_usable_password() for a in others)

    # The clock shows the moment it stopped, and runs on.
    assert install_clock() == "january-6"
    first = clock.now()
    assert timedelta(0) <= first - short.demo_stops_at < timedelta(minutes=5)
    assert clock.now() >= first

    # Work is left for whoever signs in, and none of it fired late.
    assert Report.objects.filter(agency="ia", state="OPEN").exists()
    assert not Duty.objects.filter(discharged_at=None, next_at__lt=short.demo_stops_at).exists()

    # A second start changes nothing, and says again how to sign in.
    count = Entry.objects.count()
    assert shown["password"] in loaded()
    assert Entry.objects.count() == count


@pytest.mark.django_db
def test_a_site_with_a_mail_server_gets_no_demo(
    short: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = dataclasses.replace(settings.current(), smtp_host="mail.example.org")
    monkeypatch.setattr(settings, "current", lambda: own)
    with pytest.raises(Invalid) as e:
        loaded()
    assert e.value.field == "smtp_host"
    assert not Entry.objects.exists()
    assert not Site.objects.exists()
