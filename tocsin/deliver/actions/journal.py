"""What came of each send, written down on this machine before anything else happens.

Between a mail server's "250" and the commit that puts it on the record lies a moment in which a worker may
be killed; SMTP knows no idempotency key, so the message would go twice. The journal closes it: one line
appended the moment the answer is there (the line survives a kill at once, and a power cut as soon as the
disk was told to keep it, which a thread of its own does all the time). What is noted on the record is
deleted; what a dead worker left behind, the next one on this machine notes before it claims anything.

Trust: holds ids, and what servers said; readable by the service's own user only. Lost with its disk: then
messages of the last moment may go twice, none is lost.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

log = logging.getLogger(__name__)


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What came of one try: `tries` = how many there were before it, so that none is noted twice.

    `result` = SENT, DELIVERED, RETRYING or FAILED; `at` = a `stamp`.
    """

    delivery: str
    tries: int
    result: str
    reason: str
    detail: str
    at: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Answer).decode


@dataclass(slots=True)
class Segment:
    """A file of answers, locked by whoever works on it, and the same answers in memory."""

    path: Path
    file: int
    answers: list[Answer] = field(default_factory=list)

    def done(self) -> None:
        """Its answers are on the record."""
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self.leave()

    def leave(self) -> None:
        """Noting failed: whoever comes next takes it up from the file."""
        os.close(self.file)


class Journal:
    """The journal of one process; any thread may write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._now: Segment | None = None
        self._dirty = threading.Event()
        self._syncer: threading.Thread | None = None

    def write(self, answer: Answer) -> None:
        """Keep one answer. Raises: OSError when the disk is full or gone."""
        with self._lock:
            if self._now is None:
                self._now = _fresh(self._folder)
            os.write(self._now.file, _encode(answer) + b"\n")
            self._now.answers.append(answer)
            if self._syncer is None:
                self._syncer = threading.Thread(target=self._sync, name="journal", daemon=True)
                self._syncer.start()
        self._dirty.set()

    def turn(self) -> Segment | None:
        """The answers so far, to be noted; what is written from now on goes to a new file."""
        with self._lock:
            segment, self._now = self._now, None
        return segment

    def _sync(self) -> None:
        """Have the disk keep what was written: again and again, never holding up who writes."""
        while self._dirty.wait():
            self._dirty.clear()
            with self._lock:
                copy = os.dup(self._now.file) if self._now else None
            if copy is None:
                continue
            try:
                os.fdatasync(copy)
            except OSError:
                log.exception("the journal of sends could not be kept on disk")
            finally:
                os.close(copy)


def left_behind(folder: Path) -> Iterator[Segment]:
    """The files of workers that are gone, each locked by us. A line cut short by the end is left out."""
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*.sends")):
        segment = _taken(path)
        if segment is None:
            continue
        with contextlib.suppress(msgspec.DecodeError):
            for line in path.read_bytes().split(b"\n"):
                if line:
                    segment.answers.append(_decode(line))
        yield segment


def _fresh(folder: Path) -> Segment:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{os.getpid()}-{secrets.token_hex(6)}.sends"
    hidden = path.with_suffix(".new")  # unseen by the others until it is locked
    file = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    hidden.rename(path)
    return Segment(path, file)


def _taken(path: Path) -> Segment | None:
    """The file, locked; None where somebody works on it or it is gone."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    if not path.exists():  # noted and deleted while we waited for the lock
        os.close(file)
        return None
    return Segment(path, file)
