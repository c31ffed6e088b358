"""The record: durable appends, place in the tree, rebuild, verify, and cost as it grows."""

from __future__ import annotations

import multiprocessing as mp
import threading
import time
from collections.abc import Iterator
from typing import Any

from tocsin.cli.benches import Measure, fresh_database, percentile

WRITERS = 16
PROCESSES = 2  # as many as cores: what is measured is writers, not the scheduler
_WHAT = {
    "entry": "an entry that changes no table",
    "duty": "opening a duty: an entry and a row",
}
_SIZES = {"entry": [10_000, 100_000, 1_000_000], "duty": [10_000, 100_000]}


def run(*, quick: bool = False) -> Iterator[Measure]:
    """All figures of the record; `quick` = small sizes."""
    with fresh_database("record") as url:
        for what in _WHAT:
            for batch in (1, 10):
                yield from _appends(url, what, batch, seconds=1 if quick else 5)
    for what in _WHAT:
        with fresh_database(f"growth_{what}") as url:
            yield from _growth(what, [1_000, 10_000] if quick else _SIZES[what])
            yield from _reading(url, what)


def connect(url: str) -> None:
    """Make this (spawned) process a client of the database at the application's `url`."""
    import django  # noqa: PLC0415 - a spawned process starts from nothing

    django.setup()
    from tocsin.record import database  # noqa: PLC0415

    database.configure(url)


def as_app(url: str) -> str:
    """The application role's form of an embedded owner's URL."""
    return url.replace("postgresql://postgres:", "postgresql://tocsin_app:")


def _appends(url: str, what: str, batch: int, seconds: float) -> Iterator[Measure]:
    """Writers in processes of their own, each block one durable commit; one sequencer beside them."""
    spawn = mp.get_context("spawn")
    ready, stop, results = spawn.Barrier(WRITERS + 2), spawn.Event(), spawn.Queue()
    args = (as_app(url), what, batch, ready, stop, results)
    writers = [spawn.Process(target=_writers, args=args) for _ in range(PROCESSES)]
    sequencer = spawn.Process(target=_sequence, args=(as_app(url), ready, stop, results))
    for process in (*writers, sequencer):
        process.start()
    ready.wait()
    time.sleep(seconds)
    stop.set()
    got = [results.get() for _ in range(WRITERS + 1)]
    for process in (*writers, sequencer):
        process.join()
    rate = sum(n / took for kind, n, took in got if kind == "written")
    lags = next(lags for kind, lags, _ in got if kind == "lags")
    who = f"{WRITERS} writers in {PROCESSES} processes"
    how = f"{who}, {batch} a commit, fsync on, sequencer beside them; {_WHAT[what]}"
    name = f"{what}.batch_{batch}"
    yield Measure(f"record.append.writers_{WRITERS}.{name}", round(rate), "entries/s", how)
    worst = f"oldest entry of each batch, from its recorded_at to its place being committed; {how}"
    yield Measure(f"record.place.p99.{name}", round(percentile(lags, 0.99) * 1000, 1), "ms", worst)


def _writers(url: str, what: str, batch: int, ready: Any, stop: Any, results: Any) -> None:
    """This process's share of the writers: threads, each with a connection of its own."""
    connect(url)
    args = (what, batch, ready, stop, results)
    threads = [threading.Thread(target=_write, args=args) for _ in range(WRITERS // PROCESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _write(what: str, batch: int, ready: Any, stop: Any, results: Any) -> None:
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415
    from tocsin.record.actions import writing  # noqa: PLC0415

    _append(what, writing, SYSTEM, 1)
    ready.wait()
    begin, written = time.perf_counter(), 0
    while not stop.is_set():
        _append(what, writing, SYSTEM, batch)
        written += batch
    results.put(("written", written, time.perf_counter() - begin))


def _append(what: str, writing: Any, author: Any, count: int) -> None:
    from tocsin.duties.actions import open_duty  # noqa: PLC0415
    from tocsin.people.terms import UNMASKED  # noqa: PLC0415
    from tocsin.record.terms import Marking  # noqa: PLC0415

    marking = Marking("fusion", "AMBER", "op_march")
    with writing(author) as w:
        for i in range(count):
            if what == "duty":
                open_duty(
                    w,
                    "review",
                    f"wrn_{i}",
                    "Review the draft",
                    marking,
                    owner_agency="fusion",
                    owner_role="release_authority",
                )
            else:
                w.append(
                    UNMASKED,
                    f"rpt_{i}",
                    {"vault": "vlt_0123456789abcdefghij", "reason": {}},
                    marking=marking,
                )


def _sequence(url: str, ready: Any, stop: Any, results: Any) -> None:
    connect(url)
    from django.db import connection  # noqa: PLC0415

    from tocsin.record.sequencer import Sequencer  # noqa: PLC0415

    sequencer, lags = Sequencer(), []
    query = (
        "SELECT extract(epoch FROM clock_timestamp() - recorded_at) FROM record_entry e "
        "JOIN record_place p USING (n) WHERE p.seq = %s"
    )
    sequencer.step(100_000)
    ready.wait()
    while True:
        first = sequencer.size
        if sequencer.step():
            with connection.cursor() as cursor:
                cursor.execute(query, [first])
                lags.append(float(cursor.fetchone()[0]))
        elif stop.is_set():
            break
        else:
            time.sleep(0.02)
    results.put(("lags", lags, 0.0))


def _growth(what: str, sizes: list[int]) -> Iterator[Measure]:
    """One writer, 1,000 entries a commit, then placed: the cost of an entry as the record grows."""
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415
    from tocsin.record.actions import writing  # noqa: PLC0415
    from tocsin.record.sequencer import Sequencer  # noqa: PLC0415

    sequencer, size = Sequencer(), 0
    for target in sizes:
        while size < target - 5_000:
            _append(what, writing, SYSTEM, 1000)
            size += 1000
            sequencer.step()
        begin, counted = time.perf_counter(), target - size
        while size < target:
            _append(what, writing, SYSTEM, 1000)
            size += 1000
            sequencer.step()
        took = (time.perf_counter() - begin) / counted * 1e6
        how = f"one writer, 1,000 a commit, placed in the tree; mean of the last {counted}; {_WHAT[what]}"
        yield Measure(f"record.cost_per_entry.{what}.at_{target}", round(took, 1), "us", how)
    while sequencer.step():
        pass


def _reading(url: str, what: str) -> Iterator[Measure]:
    from tocsin.record import checking, database, store  # noqa: PLC0415
    from tocsin.record.sequencer import load_signer  # noqa: PLC0415

    size = store.size()
    begin = time.perf_counter()
    checking.verify(load_signer().verifier)
    how = f"every leaf, the tree, every checkpoint signature; {_WHAT[what]}"
    yield _rate(f"record.verify.{what}", size, begin, how)
    database.configure(url)
    begin = time.perf_counter()
    checking.rebuild(url, "bench_rebuild")
    how = f"by the same apply into a schema of its own; {_WHAT[what]}"
    yield _rate(f"record.rebuild.{what}", size, begin, how)


def _rate(name: str, size: int, begin: float, how: str) -> Measure:
    return Measure(
        name, round(size / (time.perf_counter() - begin)), "entries/s", f"{size} entries; {how}"
    )
