"""Hands that send: for each kind of channel threads of their own, the urgent first.

A partner's system that hangs must not hold up the mail, and ten thousand routine messages must not hold up
one that is urgent. So each lane has its own threads; some of them take only what is urgent; and while
threads hang, others take their place, up to a limit.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.db import connection

from tocsin.deliver.channels import Job, Roads
from tocsin.deliver.terms import URGENT, Channel
from tocsin.kernel import settings

log = logging.getLogger(__name__)
Send = Callable[[Roads, Job], None]

_AHEAD = 24
"""Deliveries claimed ahead per thread: enough to keep it busy, few to hand over when a worker dies."""
_HANGS_AFTER_S = 0.5
"""A send that takes longer than this counts as hanging: another thread takes its place."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A kind of road: its channels, its usual number of threads, and how many it may grow to while some hang."""

    name: str
    channels: tuple[Channel, ...]
    threads: int
    most: int


LANES = (
    Lane("mail", (Channel.EMAIL,), 4, 40),
    Lane("systems", (Channel.WEBHOOK,), 4, 40),
    Lane("page", (Channel.INAPP,), 1, 4),
    Lane("gateways", (Channel.SMS, Channel.VOICE, Channel.SERVICE), 2, 16),
)


@dataclass(slots=True)
class _Hand:
    """A thread, whether it takes only what is urgent, and since when it is at what it does now."""

    express: bool
    since: float | None = None
    thread: threading.Thread = field(init=False)


@dataclass(slots=True)
class Crew:
    """The threads of one lane. They know jobs only; the caller claims and notes."""

    lane: Lane
    send: Send
    ask_again: float = 0.0
    _ready: threading.Condition = field(default_factory=threading.Condition)
    _jobs: list[tuple[int, int, Job]] = field(default_factory=list)
    _hands: list[_Hand] = field(default_factory=list)
    _held: int = 0
    _over: bool = False
    _order: itertools.count[int] = field(default_factory=itertools.count)

    def room(self) -> tuple[int, int]:
        """How many more to claim, and from which urgency on: none while more than half of the last are still
        to be sent, but for what is urgent where nothing urgent waits here."""
        size = self.lane.threads * _AHEAD
        with self._ready:
            waiting = len(self._jobs)
            urgent = bool(self._jobs) and -self._jobs[0][0] >= URGENT
        if waiting <= size // 2:
            return size - waiting, 0
        return (0, 0) if urgent else (size // 2, URGENT)

    @property
    def busy(self) -> bool:
        return self._held > 0

    def put(self, jobs: Sequence[Job]) -> None:
        with self._ready:
            for job in jobs:
                heapq.heappush(self._jobs, (-job.urgency, next(self._order), job))
            self._held += len(jobs)
            self._ready.notify_all()  # `notify` could wake only hands that take nothing calm
        self.tend()

    def tend(self) -> None:
        """See that enough threads are at work that do not hang."""
        if not self._held:
            return
        now = time.monotonic()
        for express in (False, True):
            wanted = 1 if express else self.lane.threads
            free = [h for h in self._hands if h.express is express and not _hangs(h, now)]
            while len(free) < wanted and len(self._hands) < self.lane.most:
                free.append(self._hire(express=express))

    def give_back(self) -> list[Job]:
        """What was not begun; nobody here sends it any more."""
        with self._ready:
            jobs, self._jobs = [j for _, _, j in self._jobs], []
            self._held -= len(jobs)
        return jobs

    def close(self) -> list[Job]:
        """Finish the messages under way, end the threads; returns what was not begun."""
        jobs = self.give_back()
        with self._ready:
            self._over = True
            self._ready.notify_all()
        for hand in self._hands:
            hand.thread.join()
        return jobs

    def _hire(self, *, express: bool) -> _Hand:
        number = len(self._hands)
        hand = _Hand(express)
        name = f"send-{self.lane.name}-{number}"
        hand.thread = threading.Thread(target=self._run, args=(hand,), name=name, daemon=True)
        self._hands.append(hand)
        hand.thread.start()
        return hand

    def _next(self, hand: _Hand) -> Job | None:
        with self._ready:
            while True:
                if self._jobs and (not hand.express or -self._jobs[0][0] >= URGENT):
                    return heapq.heappop(self._jobs)[2]
                if self._over:
                    return None
                self._ready.wait()

    def _run(self, hand: _Hand) -> None:
        roads = Roads(settings.current())
        while (job := self._next(hand)) is not None:
            hand.since = time.monotonic()
            try:
                self.send(roads, job)
            except Exception:
                log.exception("%s is sent again after its lease", job.delivery)
                connection.close()
            finally:
                hand.since = None
                with self._ready:
                    self._held -= 1
        roads.close()
        connection.close()


def _hangs(hand: _Hand, now: float) -> bool:
    since = hand.since
    return since is not None and now - since > _HANGS_AFTER_S
