"""Duties: lateness when 10,000 fall due in one second among 100,000, and the worker killed 50 times."""

from __future__ import annotations

import multiprocessing as mp
import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tocsin.cli.benches import Measure, fresh_database, percentile
from tocsin.cli.benches.record import as_app, connect


def run(*, quick: bool = False) -> Iterator[Measure]:
    """Lateness, then kills; `quick` = a tenth of each."""
    share = 10 if quick else 1
    with fresh_database("duties") as url:
        yield from _late(url, pending=100_000 // share, burst=10_000 // share)
    with fresh_database("kills") as url:
        yield from _kills(url, duties=20_000 // share, kills=50 // share)


def _fill(count: int, first: int, due_from: Any, spread: timedelta) -> None:
    """`count` duties whose first step fires evenly over `spread` from `due_from`."""
    from tocsin.duties.actions import open_duty  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415
    from tocsin.record.actions import writing  # noqa: PLC0415
    from tocsin.record.terms import Marking  # noqa: PLC0415

    marking, title = Marking("fusion", "AMBER"), "Assess a flagged report"
    for start in range(0, count, 1000):
        with writing(SYSTEM) as w:
            for i in range(start, min(count, start + 1000)):
                due = due_from + spread * (i / count)
                open_duty(
                    w, "assess", f"rpt_{first + i}", title, marking,
                    owner_agency="fusion", owner_role="collector", due_at=due,
                )  # fmt: skip


def _people() -> None:
    from tocsin.people import actions  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM, Role  # noqa: PLC0415

    actions.add_agency(SYSTEM, agency="fusion", name="Fusion centre")
    actions.add_person(SYSTEM, username="ana", name="Ana", agency="fusion", roles=[Role.COLLECTOR])


def _late(url: str, pending: int, burst: int) -> Iterator[Measure]:
    from tocsin.duties import store  # noqa: PLC0415
    from tocsin.kernel import clock  # noqa: PLC0415

    _people()
    _fill(pending - burst, 0, clock.now() + timedelta(days=2), timedelta(days=1))
    due_from = clock.now() + timedelta(seconds=20 if burst > 5000 else 6)
    _fill(burst, pending, due_from, timedelta(seconds=1))
    worker = mp.get_context("spawn").Process(target=_work, args=(as_app(url),))
    worker.start()
    try:
        late = _watch(burst, due_from.timestamp())
        begin = time.perf_counter()
        store.audit(clock.now())
        audit = time.perf_counter() - begin
    finally:
        worker.kill()
        worker.join()
    how = f"{pending} pending, {burst} due within one second, one worker; from due to visible to another client"
    for share in (0.5, 0.99, 1.0):
        name = {0.5: "p50", 0.99: "p99", 1.0: "max"}[share]
        yield Measure(f"duties.late.{name}", round(percentile(late, share) * 1000), "ms", how)
    yield Measure("duties.fired", len(late), "notices", f"of {burst} expected")
    yield Measure(
        "duties.audit",
        round(audit * 1000, 1),
        "ms",
        f"the auditor's query among {pending} open duties",
    )


def _work(url: str) -> None:
    connect(url)
    from tocsin.duties.actions import fire_due  # noqa: PLC0415

    while True:
        if not fire_due():
            time.sleep(0.05)


def _kills(url: str, duties: int, kills: int) -> Iterator[Measure]:
    """A worker that is killed with SIGKILL at random moments while duties fall due; then let finish."""
    from tocsin.kernel import clock  # noqa: PLC0415

    _people()
    seconds = (
        kills * 1.8
    )  # about what a kill takes with the start of the next worker: there is always work to cut
    _fill(duties, 0, clock.now(), timedelta(seconds=seconds))
    spawn, chance = mp.get_context("spawn"), random.Random(6)
    done = 0
    while done < kills:
        worker = spawn.Process(target=_work, args=(as_app(url),))
        worker.start()
        before = _fired()
        for _ in range(200):
            if _fired() > before:
                break
            time.sleep(0.05)
        time.sleep(chance.random() * 0.4)
        os.kill(worker.pid or 0, signal.SIGKILL)
        worker.join()
        done += 1
    worker = spawn.Process(target=_work, args=(as_app(url),))
    worker.start()
    deadline = time.monotonic() + 60
    while _fired() < duties and time.monotonic() < deadline:
        time.sleep(0.2)
    worker.kill()
    worker.join()
    missed, doubled = _missed_and_doubled(duties)
    how = f"{duties} duties, {kills} SIGKILLs of the worker at random moments while firing"
    yield Measure("duties.kills.missed", missed, "duties", how)
    yield Measure(
        "duties.kills.doubled", doubled, "notices", f"{how}; entries and notices both counted"
    )


def _query(text: str) -> list[tuple[Any, ...]]:
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute(text)
        return list(cursor.fetchall())


def _fired() -> int:
    return int(_query("SELECT count(*) FROM duties_notice")[0][0])


def _watch(burst: int, due_from: float) -> list[float]:
    """Seconds from each duty's due time to its notice being visible to another client (polled each 20 ms)."""
    from tocsin.kernel import clock  # noqa: PLC0415

    late: list[float] = []
    while len(late) < burst:
        seen, now = _fired(), clock.now().timestamp()
        late += [now - (due_from + i / burst) for i in range(len(late), seen)]
        time.sleep(0.02)
    return late


def _missed_and_doubled(duties: int) -> tuple[int, int]:
    fired = _query(
        "SELECT count(*), count(DISTINCT subject) FROM record_entry WHERE kind = 'duty.fired'"
    )[0]
    return duties - int(fired[1]), int(fired[0]) - int(fired[1])
