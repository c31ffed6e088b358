"""Backups that follow each other, and a restore to a moment of the past: what is there, what is left out, what stays
forgotten."""

# ruff: noqa: F811 - fixtures of another story
from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.cast import Cast
from tests.stories.flagged import flag
from tests.stories.test_site_backup import (  # noqa: F401 - fixtures
    PASSPHRASE,
    Place,
    cheap,
    here,
    secret,
)
from tocsin.kernel import clock, settings
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Invalid
from tocsin.people import store as people
from tocsin.people.models import Account, Operation
from tocsin.record import backup, database, restoring
from tocsin.record.models import Entry
from tocsin.record.sequencer import Sequencer
from tocsin.retain import actions as retain

HOUR = timedelta(hours=1)


@pytest.fixture
def elsewhere(database_url: str, tmp_path: Path, secret: Path) -> Iterator[list[Place]]:
    """Two empty sites."""
    data, places = settings.current().data_dir, []
    for i in range(2):
        name = f"drill_{os.getpid()}_{i}"
        database.app_url(data, name)
        places.append(Place(tmp_path / name, database.embedded_url(data, name, "postgres"), secret))
    yield places
    with psycopg.connect(database.embedded_url(data, "postgres", "postgres"), autocommit=True) as c:
        for i in range(2):
            name = f"drill_{os.getpid()}_{i}"
            c.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def place_all() -> None:
    sequencer = Sequencer()
    while sequencer.step():
        pass


def words(place: Place) -> str:
    with psycopg.connect(place.owner) as c:
        return str(c.execute("SELECT body FROM record_vault").fetchall())


def entries(place: Place) -> list[bytes]:
    """The entries in the order of the tree."""
    with psycopg.connect(place.owner) as c:
        rows = c.execute("SELECT body FROM record_place JOIN record_entry USING (n) ORDER BY seq")
        return [bytes(body) for (body,) in rows.fetchall()]


@pytest.mark.slow
@pytest.mark.usefixtures("cheap")
def test_a_chain_of_backups_restores_whole_or_up_to_a_moment_and_forgets_what_was_purged(
    here: Place,
    elsewhere: list[Place],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "owner_url", lambda name=None: here.owner)
    cast = Cast(dict(Account.objects.values_list("username", "person")), Operation.objects.get().id)
    whole, first, second = (tmp_path / n for n in ("whole", "first", "second"))
    start: datetime = clock.now()
    secret_one = flag(cast, ["weapons"], text="the ocelot")
    place_all()
    made = backup.write(whole, PASSPHRASE)
    assert made.added == made.entries == Entry.objects.count()
    with clock.use(VirtualClock(start + HOUR)):
        flag(cast, ["weapons"], text="the heron")
        place_all()
        flag(
            cast, ["weapons"], text="the plover"
        )  # waits for its place: goes along twice, counts once
        then = backup.write(first, PASSPHRASE, whole)
    assert 0 < then.added < then.entries
    assert then.bytes < made.bytes
    with clock.use(VirtualClock(start + HOUR * 1.2)):
        place_all()
    at_then = entries(here)
    with clock.use(VirtualClock(start + 2 * HOUR)):
        pia = people.actor(cast.people["pia"])
        retain.purge(pia, subject=secret_one.id, reason="It should not have been collected.")
        flag(cast, ["weapons"], text="the bittern")
        Account.objects.filter(username="ned").update(email="ned@new.example")
        place_all()
        last = backup.write(second, PASSPHRASE, first)
    assert last.entries == len(entries(here))
    with pytest.raises(Conflict, match="does not follow"):
        restoring._chain([whole, second], PASSPHRASE)
    with pytest.raises(Conflict, match="none of these is a whole"):
        restoring._chain([first, second], PASSPHRASE)

    keys = ("--keys", str(here.keys))
    all_of_it, of_then = elsewhere
    moment = (start + 1.5 * HOUR).isoformat()
    with ThreadPoolExecutor(2) as both:  # two sites, restored at the same time
        order = (str(second), str(whole), str(first))
        coming = both.submit(all_of_it.run, "restore", *order, *keys)
        cut = of_then.run("restore", str(whole), str(first), str(second), *keys, "--at", moment)
        restored = coming.result()
    assert restored.returncode == 0, restored.stderr + restored.stdout
    assert entries(all_of_it) == entries(here)
    counts = {
        n: k for n, k in here.counts().items() if n not in ("record_checkpoint", "record_pending")
    }
    found = all_of_it.counts()
    assert {n: found[n] for n in counts} == counts
    with psycopg.connect(all_of_it.owner) as c:
        row = c.execute("SELECT email FROM people_account WHERE username = 'ned'").fetchone()
    assert row == ("ned@new.example",)
    assert "ocelot" not in words(all_of_it)
    assert "bittern" in words(all_of_it)

    assert cut.returncode == 0, cut.stderr + cut.stdout
    assert f"Left out: {last.entries - len(at_then)} entries" in cut.stdout
    assert entries(of_then) == at_then
    assert "ocelot" not in words(of_then), "purged later, and still forgotten"
    assert "heron" in words(of_then)
    assert "plover" in words(of_then)
    assert "bittern" not in words(of_then)
    with psycopg.connect(of_then.owner) as c:
        c.execute(
            "INSERT INTO record_entry (kind, subject, actor, recorded_at, body) VALUES ('x','x','x',now(),'x')"
        )
        c.rollback()


@pytest.mark.slow
@pytest.mark.usefixtures("cheap")
def test_what_came_since_is_refused_where_it_cannot_be_told(
    here: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
) -> None:
    monkeypatch.setattr(database, "owner_url", lambda name=None: here.owner)
    whole = tmp_path / "whole"
    backup.write(whole, PASSPHRASE)
    manifest = backup.manifest_of(whole, PASSPHRASE)
    with psycopg.connect(database_url, autocommit=True) as c:
        c.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('drill', '0009_later', now())"
        )
        try:
            with pytest.raises(Conflict, match="changed by an upgrade"):
                backup.write(tmp_path / "part", PASSPHRASE, whole)
        finally:
            c.execute("DELETE FROM django_migrations WHERE app = 'drill'")
    other = backup.Manifest(
        **{f: getattr(manifest, f) for f in manifest.__struct_fields__ if f != "root"}, root="00"
    )
    with pytest.raises(Conflict, match="not of this record"):
        backup._check_follows(other, manifest)
    assert not (tmp_path / "part").exists()


def test_a_moment_is_a_place_or_a_time_with_its_zone() -> None:
    assert restoring.moment("1204") == 1204
    assert restoring.moment("2026-11-21T14:05:00Z") == datetime.fromisoformat(
        "2026-11-21T14:05:00+00:00"
    )
    for wrong in ("yesterday", "2026-11-21T14:05:00", "-3"):
        with pytest.raises(Invalid, match="neither a place nor a time"):
            restoring.moment(wrong)
