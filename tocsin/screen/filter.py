"""The plain filter: JSON lines in, flagged JSON lines out. Needs no server, keeps nothing, crashes
on nothing.

Each line of input is an object with the text in one field. Each flagged line comes out as it went
in, with one more field `screen`: score, priority, why, spans, masked text, group, story and more.
Lines that cannot be screened go to the dead letters as line number, reason and length, never their
content: nobody has decided that it may be kept.

How deep a text is read depends on how much waits (see `reach`): each flagged line says how far it
got. With several processes the work is shared and comes out in the order it went in.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from typing import BinaryIO

import msgspec

from tocsin.kernel.errors import Invalid
from tocsin.screen import rules
from tocsin.screen.ahead import Ahead
from tocsin.screen.cascade import Cascade
from tocsin.screen.lines import LONGEST_LINE, Piece
from tocsin.screen.reach import Reach, pace, reach
from tocsin.screen.sieving import ADDED_FIELD, Options, Sieve, Sieved
from tocsin.screen.stories import Accounts, Stories
from tocsin.screen.terms import Priority, Refusal, Stage, Tally

__all__ = ["ADDED_FIELD", "LONGEST_LINE", "run"]
_BITE = 1 << 15  # bytes worked on at once where each text may take milliseconds


def run(
    input: BinaryIO,
    output: BinaryIO,
    dead: BinaryIO | None = None,
    *,
    text_field: str = "text",
    masked_only: bool = False,
    scores: bool = False,
    keep_all: bool = False,
    line: int = rules.FLAGGED_FROM,
    cascade: Cascade | None = None,
    processes: int = 1,
    per_second: float | None = None,
) -> Tally:
    """Screen `input` to its end and say what happened.

    - `text_field`: name of the field with the text.  `masked_only`: put the masked text in that
      field of the output (other fields stay as they are: drop what identifies people before).
    - `scores`: instead of flagged lines, id, score and priority of every line.  `keep_all`: treat
      every line as flagged.  `line`: the score (0..1000) from which a text is flagged.
    - `processes` share the work.  `per_second`: how many texts must get through; by how many wait,
      if not given.
    - Output is flushed after every piece of input, so it works at the end of a live pipe.

    Raises: Invalid if `text_field` is empty or "screen"; BadCatalogue; BadModels; OSError from the
    streams, untouched.
    """
    if text_field in ("", ADDED_FIELD):
        raise Invalid(
            "this name cannot be used.",
            field="text_field",
            cure="Name the field that holds the text.",
        )
    options = Options(text_field, masked_only, scores, keep_all, line)
    sieve = Sieve(cascade or Cascade.load(), options)
    ordered = _Ordered(output, dead, plain=scores)
    with ExitStack() as stack:
        pool = stack.enter_context(_pool(sieve, processes)) if processes > 1 else None
        ahead = Ahead(input)
        stack.callback(ahead.stop)
        for sieved in _worked(_bites(ahead, processes, per_second), sieve, pool, 2 * processes + 2):
            ordered.put(sieved)
    return ordered.tally()


def _bites(
    ahead: Ahead, processes: int, per_second: float | None
) -> Iterator[tuple[Piece, Reach] | None]:
    """Pieces with how deep to read them; smaller ones where that takes long. None: nothing came.

    The most that ever waited sets the pace until all of it is done: the end of a long queue is read
    like its beginning.
    """
    most = 0
    for found in ahead:
        if found is None:
            most = 0
            yield None
            continue
        piece, waiting = found
        most = max(most, waiting)
        deep = reach(per_second or pace(most), processes)
        if not deep.transformer or len(piece.raw) <= _BITE:
            yield piece, deep
            continue
        start, first = 0, piece.first
        while start < len(piece.raw):
            end = piece.raw.find(b"\n", start + _BITE) + 1 or len(piece.raw)
            raw = piece.raw[start:end]
            bite = Piece(raw, first, raw.count(b"\n") + (not raw.endswith(b"\n")))
            yield bite, deep
            start, first = end, first + bite.lines


def _worked(
    bites: Iterator[tuple[Piece, Reach] | None],
    sieve: Sieve,
    pool: ProcessPoolExecutor | None,
    at_once: int,
) -> Iterator[Sieved]:
    """What each became, in order."""
    if pool is None:
        for bite in bites:
            if bite is not None:
                yield sieve.sieve(*bite)
        return
    going: deque[Future[Sieved]] = deque()
    for bite in bites:
        if bite is not None:
            going.append(pool.submit(_sieve, *bite))
        while going and (len(going) >= at_once or going[0].done()):
            yield going.popleft().result()
    while going:
        yield going.popleft().result()


_SIEVE: Sieve | None = None  # of a working process, inherited from the one that made it


def _pool(sieve: Sieve, processes: int) -> ProcessPoolExecutor:
    """Processes that inherit the compiled engine instead of making it anew."""
    import multiprocessing  # noqa: PLC0415 - only where there are several

    global _SIEVE  # noqa: PLW0603
    _SIEVE = sieve
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("fork"))
    pool.submit(_ready).result()  # now, before any thread runs
    return pool


def _ready() -> bool:
    return _SIEVE is not None


def _sieve(piece: Piece, deep: Reach) -> Sieved:
    if _SIEVE is None:
        raise RuntimeError("this process has no engine")
    return _SIEVE.sieve(piece, deep)


class _Ordered:
    """Writes what came of the pieces, puts in groups and stories, and counts."""

    def __init__(self, output: BinaryIO, dead: BinaryIO | None, *, plain: bool) -> None:
        self._output = output
        self._dead = dead
        self._plain = plain
        self._accounts = Accounts()
        self._stories = Stories()
        self._lines = self._blank = self._screened = self._groups = self._unlearned = 0
        self._refusals: Counter[Refusal] = Counter()
        self._priorities: Counter[Priority] = Counter()
        self._stages: Counter[Stage] = Counter()

    def put(self, sieved: Sieved) -> None:
        """Write what a piece became."""
        self._lines += sieved.lines
        self._blank += sieved.blank
        self._screened += sieved.screened
        self._unlearned += sieved.unlearned
        self._priorities.update(sieved.priorities)
        self._stages.update({stage: n for stage, n in sieved.stages.items() if n})
        for row, masked, at in sieved.rows:
            self._output.write(row if self._plain else row + self._placed(masked, at))
        for refused in sieved.refused:
            self._refusals[refused.reason] += 1
            if self._dead is not None:
                self._dead.write(refused.letter())
        self._output.flush()

    def tally(self) -> Tally:
        """What happened, all told."""
        if self._dead is not None:
            self._dead.flush()
        return Tally(
            lines=self._lines,
            blank=self._blank,
            screened=self._screened,
            flagged=self._priorities.total(),
            refused=self._refusals.total(),
            groups=self._groups,
            refusals=dict(self._refusals),
            priorities=dict(self._priorities),
            stages=dict(self._stages),
            unlearned=self._unlearned,
        )

    def _placed(self, masked: str, at: bytes) -> bytes:
        """The end of a row: its group of near-copies and its story."""
        posted = _time(at)
        account = self._accounts.assign(masked, posted)
        story = self._stories.assign(masked, posted)
        self._groups += account.first
        told = {
            "group": account.id,
            "group_count": account.count,
            "story": story.id,
            "story_count": story.count,
        }
        return b"," + msgspec.json.encode(told)[1:] + b"}\n"


def _time(at: bytes) -> datetime | None:
    """When a line says it was posted; None where it does not, or not so that it can be read."""
    if not at.startswith(b'"'):
        return None
    with suppress(ValueError, OverflowError, msgspec.MsgspecError):
        told = datetime.fromisoformat(msgspec.json.decode(at, type=str))
        return told if told.tzinfo else told.replace(tzinfo=UTC)
    return None


def most_processes() -> int:
    """How many processes the filter may use here: the cores it is given; one where forking is unsafe."""
    import os  # noqa: PLC0415

    if sys.platform != "linux":
        return 1
    return max(1, len(os.sched_getaffinity(0)))
