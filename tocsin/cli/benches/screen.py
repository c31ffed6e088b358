"""The filter over files on disk, whole process: posts a second, CPU a post, memory, start-up, and the same posts parsed
and scanned alone and by others. `TOCSIN_BENCH_LONG` = so many posts more for memory; `TOCSIN_BENCH_DATA` = a folder of
labelled sets, for how well it ranks at two loads."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import msgspec

from tocsin.cli.benches import Measure, scratch
from tocsin.cli.benches.screen_beside import beside
from tocsin.cli.benches.screen_long import long_run

_POSTS = 1_000_000
_FLAGGED = 100  # one in so many is a threat
_MEMORY_UNIT = 1024  # ru_maxrss is in KiB on Linux


def run(*, quick: bool = False) -> Iterator[Measure]:
    """Speed and memory; `quick` = an eighth of the posts and no long run. Quality where there is data."""
    posts = _POSTS // 8 if quick else _POSTS
    with scratch() as folder:
        file = _written(folder / "posts.jsonl", posts)
        a_core = yield from _speed(file, posts)
        yield _start_up(folder)
        yield from _alone(file, a_core)
        yield from beside(file, a_core)
        if long := int(os.environ.get("TOCSIN_BENCH_LONG") or 0):
            yield from long_run(file, long)
    if data := os.environ.get("TOCSIN_BENCH_DATA"):
        yield from _quality(Path(data))


def _written(path: Path, posts: int) -> Path:
    """Posts as people write them: common words with their frequencies, one in a hundred a threat."""
    dice = random.Random(6)
    words, weights = _words()
    from tocsin.screen.indicators import load  # noqa: PLC0415

    threats = [text for rule in load().indicators for text in rule.body.must]
    pool = dice.choices(words, weights, k=400_000)
    with path.open("wb") as out:
        for number in range(posts):
            at = dice.randrange(len(pool) - 30)
            text = " ".join(pool[at : at + dice.randint(5, 30)])
            if number % _FLAGGED == 0:
                text = f"{dice.choice(threats)} {text[:40]}"
            row = {"id": str(number), "text": text, "at": "2026-01-05T18:00:00Z", "user": f"u{at}"}
            out.write(msgspec.json.encode(row) + b"\n")
    return path


def _words() -> tuple[list[str], list[float]]:
    from tocsin.screen.lexicon import lexicon  # noqa: PLC0415

    found = {w: int(f[-1]) for w, f in lexicon().items() if f[-1:].isdigit() and w.isalpha()}
    return list(found), [10.0 ** (level - 9) for level in found.values()]


def _speed(path: Path, posts: int) -> Generator[Measure, None, float]:
    """Measures of one run; returns posts a second of CPU, of all its processes together."""
    began, used = time.perf_counter(), _used()
    largest = _filter(path, path.parent / "flagged.jsonl")
    took, used = time.perf_counter() - began, _used() - used
    flagged = sum(1 for _ in (path.parent / "flagged.jsonl").open("rb"))
    told = (
        f"{posts:,} posts, {path.stat().st_size >> 20} MiB, whole process, {os.cpu_count()} cores"
    )
    yield Measure("screen.posts_per_s", round(posts / took), "1/s", f"{told}, target 50,000")
    yield Measure(
        "screen.cpu_per_post",
        round(1e6 * used / posts, 1),
        "us",
        "user + system, all processes, start-up included; 40 on two idle cores are 50,000/s",
    )
    yield Measure("screen.flagged", 1000 * flagged / posts, "per 1,000", told)
    yield Measure("screen.memory", largest / _MEMORY_UNIT, "MiB", "largest process")
    return posts / used


def _used() -> float:
    """CPU seconds of child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _filter(path: Path, out: Path) -> float:
    """Run the filter as a process of its own; KiB of its largest process."""
    command = [sys.executable, "-m", "tocsin.cli.main", "screen", "--quiet"]
    with path.open("rb") as given, out.open("wb") as taken:
        subprocess.run(command, stdin=given, stdout=taken, check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def _start_up(folder: Path) -> Measure:
    one = folder / "one.jsonl"
    one.write_bytes(b'{"text":"good morning"}\n')
    began, used = time.perf_counter(), _used()
    _filter(one, folder / "none.jsonl")
    took, used = time.perf_counter() - began, _used() - used
    told = f"one line in, process and all, every stage loaded; {used:.1f} s of CPU; target 2"
    return Measure("screen.start_up", round(took, 2), "s", told)


def _alone(path: Path, whole: float) -> Iterator[Measure]:
    """The limit: the same posts only parsed and scanned, one core. `whole`: posts a second of CPU with everything."""
    from tocsin.screen.engine import Engine  # noqa: PLC0415
    from tocsin.screen.lines import Reader, pieces  # noqa: PLC0415

    engine, reader = Engine.load(), Reader("text")
    posts = 0
    began = time.process_time()
    with path.open("rb") as given:
        for piece in pieces(given):
            engine.scan_only(reader.lines(piece).texts)
            posts += piece.lines
    alone = posts / (time.process_time() - began)
    told = f"one core, {engine.catalogue.patterns} patterns"
    yield Measure("screen.parse_and_scan", round(alone), "1/s", told)
    yield Measure("screen.of_that_limit", round(whole / alone, 2), "", "all stages, CPU for CPU")


def _quality(folder: Path) -> Iterator[Measure]:
    """How well the cascade ranks what building held back, at 200 and at 50,000 posts a second."""
    from tocsin.cli.screen import load  # noqa: PLC0415
    from tocsin.cli.screen_figures import held_out  # noqa: PLC0415

    cascade = load()
    for pace in (200, 50_000):
        for name, told in held_out(cascade, folder, pace):
            where = f"screen.quality.{name}"
            about = f"{told['texts']:,} texts held back, at {pace:,} posts/s"
            if told["wanted"]:
                yield Measure(f"{where}.pr_auc", round(told["average_precision"], 3), "", about)
                for top, share in told["recall"].items():
                    yield Measure(f"{where}.recall_top_{top}", round(share, 3), "", about)
            yield Measure(
                f"{where}.false_alarms", round(told["false_alarms"], 2), "per 1,000", about
            )
            for key in ("average_precision_at_2_per_cent", "idioms_per_1000_at_70_per_cent"):
                if key in told:
                    yield Measure(f"{where}.{key}", round(told[key], 3), "", about)
