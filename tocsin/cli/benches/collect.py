"""Intake: a file through the whole chain to the record, mostly ordinary posts, and nothing but flagged ones."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tocsin.cli.benches import Measure, fresh_database, percentile, scratch

_ORDINARY = (
    "the {a} on {s} street was {d} again this {t}, has anyone else noticed? we waited {n} minutes for nothing",
    "{t} plans: {a}, then the {b} with friends. {d} weather they say, taking an umbrella just in case",
    "so proud of the {a} team, {n} points and a {d} finish. see you at the {b} on {s} street",
    "lost: one {d} {a} near the {b}, please share. reward of {n} dollars, last seen this {t}",
    "RT this {d} thread about the {a}: {n} things nobody tells you about the {b}",
)
_FLAGGED = (
    "i will kill the {w} at the {p} this {t}, {x} {y} {z}",
    "we are going to shoot the {w} when they come out of the {p}, {x} {y} {z}",
    "someone should hang the {w} outside the {p}, {x} {y} {z}",
)
_WORDS = (
    "bakery library harbour festival council river garden museum station market stadium bridge cinema "
    "orchard theatre school carnival parade kitchen workshop lantern mountain village weekend railway"
).split()
_WHO = "senators governor mayor congressman judge president".split()
_WHERE = ["Capitol", "city hall", "courthouse", "Senate"]
_TIMES = "morning evening weekend friday tuesday".split()


def run(*, quick: bool = False) -> Iterator[Measure]:
    """Reports a second from a file, stored and on the record; `quick` = a tenth."""
    share = 10 if quick else 1
    with fresh_database("collect"), scratch() as folder:
        source = _source()
        yield from _load(source, folder, 100_000 // share, flagged_percent=2)
        yield from _load(source, folder, 20_000 // share, flagged_percent=100)
        yield from _again(source, folder, 20_000 // share)


def _source() -> str:
    from tocsin.collect.actions import add_source  # noqa: PLC0415 - after Django is set up
    from tocsin.collect.terms import SourceKind  # noqa: PLC0415
    from tocsin.people import actions as people  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM, Role  # noqa: PLC0415
    from tocsin.screen.memory import engine  # noqa: PLC0415

    engine()  # compiled once a process: not what is measured
    people.add_agency(SYSTEM, agency="fusion", name="Fusion centre")
    people.add_person(SYSTEM, username="ana", name="Ana", agency="fusion", roles=[Role.COLLECTOR])
    return add_source(
        SYSTEM,
        kind=SourceKind.FILE,
        name="Bench",
        agency="fusion",
        authority="exercise",
        purpose="exercise",
        config={
            "mapping": {"fields": {"key": "id", "text": "text", "author": "user", "url": "url"}}
        },
    )


def _write(path: Path, count: int, flagged_percent: int, seed: int) -> None:
    rng = random.Random(seed)
    pick = rng.choice
    with path.open("wb") as file:
        for n in range(count):
            flagged = n % 100 < flagged_percent
            text = pick(_FLAGGED if flagged else _ORDINARY).format(
                a=pick(_WORDS), b=pick(_WORDS), s=pick(_WORDS), d=pick(_WORDS), t=pick(_TIMES), n=rng.randint(2, 90),
                w=pick(_WHO), p=pick(_WHERE), x=pick(_WORDS), y=pick(_WORDS), z=pick(_WORDS) + pick(_WORDS),
            )  # fmt: skip
            row = {
                "id": f"{seed}-{n}",
                "user": f"user{rng.randint(1, 5000)}",
                "url": f"https://posts.example/{seed}/{n}?utm_source=x",
                "text": text,
            }
            file.write(msgspec.json.encode(row) + b"\n")


def _load(source: str, folder: Path, count: int, flagged_percent: int) -> Iterator[Measure]:
    path = folder / f"{flagged_percent}.jsonl"
    _write(path, count, flagged_percent, seed=flagged_percent)
    yield from _timed(
        source,
        path,
        f"{flagged_percent} % flagged",
        f"collect.file.flagged_{flagged_percent}_percent",
    )


def _again(source: str, folder: Path, count: int) -> Iterator[Measure]:
    yield from _timed(source, folder / "100.jsonl", "all known already", "collect.file.known")


def _timed(source: str, path: Path, conditions: str, name: str) -> Iterator[Measure]:
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415
    from tocsin.screen.actions import read_file  # noqa: PLC0415
    from tocsin.screen.taken import Taken  # noqa: PLC0415

    laps: list[float] = []
    last = started = time.perf_counter()

    def lap(_: object, __: Taken) -> None:
        nonlocal last
        now = time.perf_counter()
        laps.append((now - last) * 1000)
        last = now

    _, taken = read_file(SYSTEM, source=source, path=path, again=True, progress=lap)
    took = time.perf_counter() - started
    said = f"{conditions}: {taken.read:,} rows, {taken.flagged:,} flagged, {taken.joined:,} near-copies"
    yield Measure(f"{name}.reports_per_s", round(taken.read / took), "1/s", said)
    yield Measure(
        f"{name}.batch_p95", round(percentile(laps, 0.95), 1), "ms", "1,000 rows a transaction"
    )
