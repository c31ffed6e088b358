"""Memory over millions of posts, made as they are read: the posts of a file in ever another order, each with two more
words, so that nothing repeats."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import BinaryIO

from tocsin.cli.benches import Measure

_MARK = b'"text":"'
_EVERY_S = 1.0
_TARGET = "target flat, under 1,536"


def long_run(file: Path, posts: int) -> Iterator[Measure]:
    """Run the filter over so many posts out of a pipe: memory of all its processes together, and speed."""
    command = [sys.executable, "-m", "tocsin.cli.main", "screen", "--quiet"]
    began, before = time.perf_counter(), os.times()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as child:
        assert child.stdin is not None
        feeder = Thread(target=_feed, args=(file, posts, child.stdin), daemon=True)
        feeder.start()
        sampled = list(_sampled(child))
        feeder.join()
    took, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    told = (
        f"{posts:,} posts out of a pipe, all processes together, {len(sampled)} samples, {_TARGET}"
    )
    half = len(sampled) // 2
    yield Measure("screen.long.memory", max(sampled), "MiB", f"highest; {told}")
    yield Measure("screen.long.memory_at_half", sampled[half], "MiB", told)
    yield Measure("screen.long.memory_at_end", max(sampled[-5:]), "MiB", f"last 5 samples; {told}")
    shared = "the making of the posts takes part of a core; target 50,000"
    yield Measure("screen.long.posts_per_s", round(posts / took), "1/s", shared)
    yield Measure("screen.long.cpu_per_post", round(1e6 * used / posts, 1), "us", "user + system")


def _feed(file: Path, posts: int, into: BinaryIO) -> None:
    dice = random.Random(7)
    lines = file.read_bytes().splitlines(keepends=True)
    words = sorted({word for line in lines[:5000] for word in line.split()[1:-1] if word.isalpha()})
    with into:
        for start in range(0, posts, len(lines)):
            dice.shuffle(lines)
            chosen = lines[: posts - start]
            for at in range(0, len(chosen), 2000):
                more = dice.choices(words, k=4000)
                into.write(
                    b"".join(
                        line.replace(_MARK, b"%b%b %b " % (_MARK, more[2 * n], more[2 * n + 1]), 1)
                        for n, line in enumerate(chosen[at : at + 2000])
                    )
                )


def _sampled(child: subprocess.Popen[bytes]) -> Iterator[int]:
    """MiB of a process and its children, every second until it ends; what they share counts once."""
    while child.poll() is None:
        if found := sum(map(_proportional, [child.pid, *_children(child.pid)])):
            yield found >> 10
        time.sleep(_EVERY_S)


def _children(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in found.split()]


def _proportional(pid: int) -> int:
    """KiB, a page that several processes hold counted in parts; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
