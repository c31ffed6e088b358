"""The worker: killed at any moment, cut off from its database, told to stop; nothing is missed or done twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from tocsin.duties.actions import open_duty
from tocsin.duties.models import Notice
from tocsin.kernel import clock
from tocsin.people import actions as people
from tocsin.people.terms import SYSTEM, Role
from tocsin.record.actions import writing
from tocsin.record.loops import LOOPS
from tocsin.record.models import Entry, Heartbeat
from tocsin.record.terms import Marking
from tocsin.worker.loops import Loop, Runner, all_loops

pytestmark = pytest.mark.usefixtures("committed")
DUTIES, KILLS = 400, 4


def until(done: Callable[[], object], within_s: float = 40) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def worker(database_url: str, *arguments: str) -> subprocess.Popen[bytes]:
    app = database_url.replace("//postgres:", "//tocsin_app:")
    environment = {**os.environ, "TOCSIN_DATABASE_URL": app}
    return subprocess.Popen([sys.executable, "-m", "tocsin.worker", *arguments], env=environment)


def owe(first: int, count: int) -> None:
    """Duties that fall due within the next half second, evenly."""
    now, marking = clock.now(), Marking("fusion", "AMBER")
    with writing(SYSTEM) as w:
        for i in range(count):
            due = now + timedelta(seconds=0.5 * i / count)
            open_duty(
                w, "assess", f"rpt_{first + i}", "Assess a report", marking,
                owner_agency="fusion", owner_role="collector", due_at=due,
            )  # fmt: skip


def test_a_worker_killed_again_and_again_misses_nothing_and_fires_nothing_twice(
    database_url: str,
) -> None:
    people.add_agency(SYSTEM, agency="fusion", name="Fusion centre")
    people.add_person(SYSTEM, username="ana", name="Ana", agency="fusion", roles=[Role.COLLECTOR])
    chance, each, left = random.Random(7), DUTIES // KILLS, 0
    fired = Notice.objects.count
    for kill in range(KILLS):
        owe(kill * each, each)
        before, process = fired(), worker(database_url, "--only", "duties")
        until(lambda before=before: fired() > before)  # type: ignore[misc]
        owe(DUTIES + kill * each, each)  # it is at work: these fall due while it is killed
        time.sleep(chance.random() * 0.5)
        process.kill()
        process.wait()
        left += fired() < 2 * each * (kill + 1)
    assert left, "at least one kill must leave work behind, or this proves nothing"
    last = worker(database_url, "--only", "duties")
    try:
        until(lambda: fired() == 2 * DUTIES)
        until(lambda: Heartbeat.objects.get(name="duties").process == last.pid)
    finally:
        last.terminate()
        ended = last.wait(10)
    assert ended == 0, "told to stop, it ends well"
    entries = Entry.objects.filter(kind="duty.fired")
    assert entries.count() == 2 * DUTIES
    assert entries.values("subject").distinct().count() == 2 * DUTIES


def test_a_loop_outlives_a_failing_step_and_a_lost_connection(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    steps, broken = [], threading.Event()

    def step() -> int:
        if broken.is_set():
            broken.clear()
            raise RuntimeError("a bad step")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            steps.append(cursor.fetchone()[0])
        return 0

    runner = Runner([Loop("test", step, 0.01)])
    runner.start()
    try:
        until(lambda: len(steps) > 2)
        with psycopg.connect(database_url, autocommit=True) as c:
            c.execute("SELECT pg_terminate_backend(%s)", [steps[0]])
        until(lambda: steps[-1] != steps[0])
        broken.set()
        until(lambda: not broken.is_set())
        count = len(steps)
        until(lambda: len(steps) > count + 2)
    finally:
        begin = time.monotonic()
        runner.stop()
    assert time.monotonic() - begin < 5
    assert "a bad step" in caplog.text
    assert Heartbeat.objects.filter(name="test").exists()


def test_every_loop_has_words() -> None:
    assert [loop.name for loop in all_loops()] == list(LOOPS)


def test_an_unknown_loop_is_refused(database_url: str) -> None:
    process = worker(database_url, "--only", "nothing")
    assert process.wait(30) == 2
