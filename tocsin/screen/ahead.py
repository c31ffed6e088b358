"""Reading ahead of the work, so that it is known how much waits."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator
from threading import Condition, Thread
from typing import BinaryIO

from tocsin.screen.lines import Piece, pieces

HELD = 32 << 20  # bytes held at most: more than enough to see that many wait
_SETTLE_S = 0.02


class Ahead:
    """The pieces of a stream, read by a thread of its own as fast as they come.

    An error of the stream is raised where its pieces are taken.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._left = _file_size_left(stream)
        self._pieces: deque[Piece] = deque()
        self._held = self._given = self._lines = 0
        self._change = Condition()
        self._done = self._stopped = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._read, args=(stream,), name="read-ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[tuple[Piece, int] | None]:
        """Each piece with how many lines wait, it included: an estimate when a file goes on unread.
        None every now and then while nothing comes, so that finished work is not held up.
        """
        while True:
            with self._change:
                if not self._change.wait_for(lambda: self._pieces or self._done, _SETTLE_S):
                    yield None
                    continue
                self._settle()
                if not self._pieces:
                    if self._error is not None:
                        raise self._error
                    return
                waiting = self._waiting()
                piece = self._pieces.popleft()
                self._held -= len(piece.raw)
                self._change.notify_all()
            yield piece, waiting

    def stop(self) -> None:
        """Read no more."""
        with self._change:
            self._stopped = True
            self._change.notify_all()

    def _settle(self) -> None:
        """Where more comes as fast as it is read, wait until it does not or enough is seen: a quick
        look at a full pipe must not take it for an idle one.
        """
        while len(self._pieces) > 1 and not self._done and self._held < HELD and not self._left:
            if not self._change.wait(_SETTLE_S):
                return

    def _waiting(self) -> int:
        held = sum(piece.lines for piece in self._pieces)
        unread = max(0, self._left - self._given)
        return held + (unread * self._lines // self._given if self._given else 0)

    def _read(self, stream: BinaryIO) -> None:
        try:
            for piece in pieces(stream):
                with self._change:
                    self._change.wait_for(lambda: self._held < HELD or self._stopped)
                    if self._stopped:
                        return
                    self._pieces.append(piece)
                    self._held += len(piece.raw)
                    self._given += len(piece.raw) or piece.too_long
                    self._lines += piece.lines
                    self._change.notify_all()
        except BaseException as error:  # noqa: BLE001 - raised again by whoever takes the pieces
            self._error = error
        finally:
            with self._change:
                self._done = True
                self._change.notify_all()


def _file_size_left(stream: BinaryIO) -> int:
    """Bytes of a regular file behind where it is read; 0 for pipes, which do not tell."""
    try:
        about = os.fstat(stream.fileno())
        return max(0, about.st_size - stream.tell()) if stat.S_ISREG(about.st_mode) else 0
    except (OSError, ValueError, AttributeError):
        return 0
