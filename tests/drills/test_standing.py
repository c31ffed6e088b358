"""Bad days of the machine: the clock steps back, the database is cut off mid-write, a second sequencer starts, one
with another key starts. Nothing is lost, order is kept, and `tocsin check` says what is the matter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError, connection, connections

from tocsin.cli import checks
from tocsin.duties.actions import open_duty
from tocsin.kernel import clock
from tocsin.kernel.clock import SystemClock, VirtualClock
from tocsin.people.terms import SYSTEM
from tocsin.record import checking, store
from tocsin.record.actions import writing
from tocsin.record.models import Checkpoint, Entry, Pending, Place
from tocsin.record.note import SigningKey
from tocsin.record.sequencer import Sequencer, load_signer
from tocsin.record.terms import Marking

pytestmark = pytest.mark.usefixtures("committed")
MARK = Marking("fusion", "AMBER", "")


def write(subject: str) -> None:
    with writing(SYSTEM) as w:
        open_duty(
            w, "review", subject, "Review the draft", MARK, owner_agency="fusion", owner_role="x"
        )


def until(done: Callable[[], object], within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def sound(database_url: str, entries: int) -> None:
    """Every entry has its place, in the order accepted, and the tables follow."""
    checking.place_pending()
    numbers = list(Place.objects.order_by("seq").values_list("n", flat=True))
    assert numbers == sorted(numbers)
    assert checking.verify(load_signer().verifier).entries == entries == len(numbers)
    assert checking.fsck(database_url) == []


def test_two_sequencers_take_turns_and_the_check_says_so(database_url: str) -> None:
    app = database_url.replace("//postgres:", "//tocsin_app:")
    command = [sys.executable, "-m", "tocsin.worker", "--only", "sequencer"]
    both = [
        subprocess.Popen(command, env={**os.environ, "TOCSIN_DATABASE_URL": app}) for _ in range(2)
    ]
    try:
        until(lambda: "2 sequencers are up and take turns" in checks.waiting().words)
        for i in range(60):
            write(f"wrn_{i}")
        until(lambda: not Pending.objects.exists())
    finally:
        for one in both:
            one.send_signal(signal.SIGTERM)
        assert [one.wait(20) for one in both] == [0, 0]
    sound(database_url, 60)
    assert checks.signing().well


def test_a_sequencer_with_another_key_is_named(database_url: str) -> None:
    write("wrn_1")
    Sequencer().step()
    assert checks.signing().well
    write("wrn_2")
    other = Sequencer(SigningKey.generate("tocsin.local/record"))
    with clock.use(VirtualClock(clock.now() + timedelta(seconds=2))):
        other.step()
    assert Checkpoint.objects.count() == 2
    found = checks.signing()
    assert not found.well
    assert "another key" in found.words
    assert "secrets/record.skey" in found.cure


def test_a_clock_stepped_back_an_hour_loses_nothing_and_keeps_the_order(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, back = time.time, [0.0]  # noqa: TID251 - the machine's own clock is what steps
    monkeypatch.setattr("time.time", lambda: real() - back[0])
    with clock.use(SystemClock()):
        for i in range(3):
            write(f"wrn_{i}")
        back[0] = 3600.0
        for i in range(3, 6):
            write(f"wrn_{i}")
        Sequencer().step()
        assert clock.ahead() > timedelta(minutes=59)
    with clock.use(SystemClock()):  # a process that starts only now
        assert clock.now().timestamp() < real() - 3500
        store.install_clock()
        write("wrn_6")
        found = checks.clocks()
        assert not found.well
        assert "set back by 59 min" in found.words or "set back by 1 h" in found.words
        assert "Nothing is lost" in found.words
        back[0] = 0.0
        assert checks.clocks().well
    checking.place_pending()
    entries = [e for _, e in store.entries()]
    assert [e.subject for e in entries] == [f"wrn_{i}" for i in range(7)]
    times = [e.recorded_at for e in entries]
    assert times == sorted(times)
    sound(database_url, 7)


def test_a_clock_that_once_stood_in_another_year_is_not_followed_there(database_url: str) -> None:
    with clock.use(VirtualClock(clock.now() + timedelta(days=400))):
        write("wrn_1")
    with clock.use(SystemClock()):
        store.install_clock()
        assert clock.ahead() < timedelta(seconds=1)
        found = checks.clocks()
        assert not found.well
        assert "has not come yet" in found.words


def test_the_database_cut_off_in_the_middle_of_writing_leaves_whole_commits_only(
    database_url: str,
) -> None:
    acknowledged: list[str] = []
    stop = threading.Event()

    def writer(name: int) -> None:
        count = 0
        while not stop.is_set():
            count += 1
            try:
                with writing(SYSTEM) as w:
                    for part in ("a", "b"):
                        open_duty(
                            w,
                            "review",
                            f"w{name}x{count}{part}",
                            "Review",
                            MARK,
                            owner_agency="fusion",
                        )
                        w.flush()
                acknowledged.append(f"w{name}x{count}")
            except DatabaseError:
                connections.close_all()
        connections.close_all()

    threads = [threading.Thread(target=writer, args=(n,)) for n in range(3)]
    for t in threads:
        t.start()
    for round_ in range(1, 6):
        until(lambda round_=round_: len(acknowledged) > round_ * 5)  # type: ignore[misc]
        with psycopg.connect(database_url, autocommit=True) as c:
            c.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    stop.set()
    for t in threads:
        t.join()
    connection.close()
    subjects = list(Entry.objects.order_by("n").values_list("subject", flat=True))
    assert len(subjects) == len(set(subjects))
    whole = {s[:-1] for s in subjects if s.endswith("a")}
    assert whole == {s[:-1] for s in subjects if s.endswith("b")}
    assert set(acknowledged) <= whole
    sound(database_url, len(subjects))


@pytest.mark.slow
def test_an_embedded_database_that_dies_is_started_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    script = Path(__file__).with_name("dying.py")
    from tocsin.cli.benches import scratch  # noqa: PLC0415

    with scratch() as folder:
        folder.chmod(0o755)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}
        done = subprocess.run(
            [sys.executable, str(script)], env={**environment, "TOCSIN_DATA_DIR": str(folder)},
            capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "False True kept False"
