"""Delivery: 10,000 recipients by SMTP, a fifth of all tries refused for now, the worker killed twice.

The mail server at the far end is a process of its own on this machine. What it took is counted by
Message-ID (which is the delivery's id), so that a lost and a doubled message show.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tocsin.cli.benches import Measure, fresh_database, percentile
from tocsin.cli.benches.record import as_app, connect

REFUSED_SHARE = 0.2
PARTNERS = 50
SPEED = 12
"""How much faster than the world the workers' clock runs, so that waits of minutes pass in seconds."""


def run(*, quick: bool = False) -> Iterator[Measure]:
    """All figures of delivery; `quick` = 500 recipients."""
    recipients = 500 if quick else 10_000
    with fresh_database("deliver") as url:
        yield from _fan_out(recipients)
        yield from _send(url, recipients, kills=2)
    with fresh_database("deliver") as url:
        list(_fan_out(recipients))
        yield from _plain(url, recipients)


def _fan_out(recipients: int) -> Iterator[Measure]:
    """A directory by import, a warning released to everyone in it, and its fan-out."""
    from tocsin.deliver.actions import fan_out, import_directory  # noqa: PLC0415
    from tocsin.deliver.roster import Row, Sheet  # noqa: PLC0415

    lead, partners = _people()
    rows = [
        Row(
            number=i + 2,
            cells={},
            agency=partners[i % PARTNERS],
            role="partner",
            rank=i // PARTNERS + 1,
            name=f"Desk {i}",
            ways=[("email", f"r{i}@sink.example")],
            account="",
        )
        for i in range(recipients)
    ]
    begin = time.perf_counter()
    import_directory(lead, sheet=Sheet("bench.csv", rows, []))
    took = time.perf_counter() - begin
    yield Measure("deliver.import", round(recipients / took), "rows/s", f"{recipients} new rows")
    _release(lead, partners)
    begin = time.perf_counter()
    fan_out()
    took = time.perf_counter() - begin
    how = f"{recipients} recipients at {PARTNERS} agencies, FLASH: everybody at once"
    yield Measure("deliver.fan_out", round(recipients / took), "deliveries/s", how)


def _people() -> tuple[Any, list[str]]:
    """A lead agency with somebody who keeps its directory and releases, and the partners."""
    from tocsin.people import actions, store  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM, Role  # noqa: PLC0415

    partners = [f"partner_{i}" for i in range(PARTNERS)]
    for agency in ("lead", *partners):
        actions.add_agency(SYSTEM, agency=agency, name=agency.title())
    roles = [Role.COLLECTOR, Role.RELEASE_AUTHORITY]
    person = actions.add_person(SYSTEM, username="lead", name="Lead", agency="lead", roles=roles)
    actions.add_person(SYSTEM, username="two", name="Two", agency="lead", roles=roles)
    return store.actor(person), partners


def _release(lead: Any, partners: list[str]) -> None:
    """A FLASH in force, written by one person and released by another; of the one kind that cites no source."""
    from tocsin.kernel import clock  # noqa: PLC0415
    from tocsin.people.actions import open_operation  # noqa: PLC0415
    from tocsin.people.models import Account  # noqa: PLC0415
    from tocsin.people.store import actor  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415
    from tocsin.warn import actions  # noqa: PLC0415
    from tocsin.warn.models import Warning  # noqa: PLC0415
    from tocsin.warn.terms import Content  # noqa: PLC0415

    now = clock.now()
    operation = open_operation(
        SYSTEM,
        name="The fair",
        lead_agency="lead",
        agencies=partners,
        starts_at=now + timedelta(hours=12),
        ends_at=now + timedelta(hours=20),
    )
    content = Content(
        title="Nothing known as of now",
        summary="Nothing that was reported names the fair, its roads or its guests. " * 20,
        actions=("Report what you see.",),
    )
    warning = actions.draft(
        lead,
        type="NO_THREAT",
        content=content,
        operation=operation,
        label="GREEN",
        precedence="FLASH",
        distribution=[{"agency": p, "role": "partner"} for p in partners],
        expires_at=now + timedelta(hours=23),
    )
    actions.submit(lead, warning=warning, version=Warning.objects.get(id=warning).version)
    other = actor(Account.objects.get(username="two").person)
    actions.release(other, warning=warning, version=Warning.objects.get(id=warning).version)


def _send(url: str, recipients: int, *, kills: int) -> Iterator[Measure]:
    """Send with kills and refusals, until every delivery has left; then count at the far end."""
    from tocsin.deliver.models import Delivery  # noqa: PLC0415
    from tocsin.kernel import clock  # noqa: PLC0415

    how = (
        f"{recipients} by SMTP, {REFUSED_SHARE:.0%} of tries refused with 451, "
        f"worker killed with SIGKILL {kills} times"
    )
    start = clock.now()
    with _Sink(REFUSED_SHARE) as sink:
        worker = _Worker(url, sink.port, start, SPEED)
        left, killed = recipients, 0
        begin = time.monotonic()
        while left and time.monotonic() - begin < 600:
            time.sleep(0.2)
            left = Delivery.objects.filter(sent_at=None).count()
            if killed < kills and recipients - left > recipients * (killed + 1) // (kills + 2):
                worker.kill()
                killed += 1
                worker = _Worker(url, sink.port, start, SPEED)
        took = time.monotonic() - begin
        worker.kill()
        taken = sink.taken()
    ids = set(Delivery.objects.values_list("id", flat=True))
    doubled = sum(n - 1 for n in taken.values())
    yield Measure("deliver.killed.lost", len(ids - set(taken)), "messages", how)
    yield Measure("deliver.killed.doubled", doubled, "messages", f"same Message-ID twice; {how}")
    yield Measure("deliver.killed.unknown", len(set(taken) - ids), "messages", how)
    yield Measure("deliver.killed.unsent", left, "deliveries", f"not SENT on the record; {how}")
    fast = f"until the last, on a clock {SPEED} times as fast; {how}"
    yield Measure("deliver.killed.took", round(took, 1), "s", fast)


def _plain(url: str, recipients: int) -> Iterator[Measure]:
    """Send undisturbed: how fast, and how long a message waits."""
    from django.db import connection  # noqa: PLC0415

    from tocsin.deliver.models import Delivery  # noqa: PLC0415
    from tocsin.kernel import clock  # noqa: PLC0415

    how = f"{recipients} by SMTP to one server on this machine, one worker, {os.cpu_count()} cores"
    with _Sink(0.0) as sink:
        worker = _Worker(url, sink.port, clock.now(), 1)
        while Delivery.objects.exclude(sent_at=None).count() < recipients:
            time.sleep(0.2)
        spent = worker.cpu_seconds()
        worker.kill()
        taken = sink.taken()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM sent_at) FROM deliver_delivery ORDER BY sent_at")
        times = [float(t) for (t,) in cursor.fetchall()]
    rate = (len(times) - 1) / (times[-1] - times[0])
    yield Measure("deliver.smtp.rate", round(rate), "messages/s", how)
    each = spent / recipients * 1000
    yield Measure("deliver.smtp.cpu", round(each, 2), "ms/message", f"of the worker alone; {how}")
    waits = [t - times[0] for t in times]
    first = f"from the first message to this one; {how}"
    yield Measure("deliver.smtp.p95", round(percentile(waits, 0.95), 2), "s", first)
    yield Measure("deliver.smtp.doubled", sum(taken.values()) - len(taken), "messages", how)


class _Worker:
    """A worker process that sends, on its own clock, until it is killed."""

    def __init__(self, url: str, port: int, start: datetime, speed: int) -> None:
        spawn = mp.get_context("spawn")
        args = (as_app(url), port, start, speed)
        self._process = spawn.Process(target=_work, args=args, daemon=True)
        self._process.start()

    def cpu_seconds(self) -> float:
        """Processor time the worker has used, its start included."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.join()


def _work(url: str, port: int, start: datetime, speed: int) -> None:
    from tocsin.kernel import clock, settings  # noqa: PLC0415

    changed = replace(settings.current(), smtp_host="127.0.0.1", smtp_port=port)
    settings.current = lambda: changed  # type: ignore[assignment]
    connect(url)
    clock.install(_FastClock(start, speed))
    from tocsin.deliver.actions import send_due  # noqa: PLC0415

    while True:
        if not send_due():
            time.sleep(0.02)


class _FastClock:
    """The machine's clock, running faster since `start`, which all workers of one bench share."""

    def __init__(self, start: datetime, speed: int) -> None:
        from tocsin.kernel.clock import SystemClock  # noqa: PLC0415

        self._system, self._start, self._speed = SystemClock(), start, speed

    def now(self) -> datetime:
        return self._start + (self._system.now() - self._start) * self._speed


class _Sink:
    """The mail server at the far end, in a process of its own."""

    def __init__(self, refused_share: float) -> None:
        spawn = mp.get_context("spawn")
        self._bound = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._bound.getsockname()[1]
        self._asked, self._told = spawn.Queue(), spawn.Queue()
        args = (self._bound, refused_share, self._asked, self._told)
        self._process = spawn.Process(target=_serve, args=args, daemon=True)

    def __enter__(self) -> _Sink:
        self._process.start()
        return self

    def taken(self) -> Counter[str]:
        """Delivery id -> how often it was taken over."""
        self._asked.put("taken")
        counted: Counter[str] = self._told.get(timeout=60)
        return counted

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._bound.close()


def _serve(bound: socket.socket, refused_share: float, asked: Any, told: Any) -> None:
    """Take mail, refuse a share of tries at random, and count what was taken by Message-ID."""
    import asyncio  # noqa: PLC0415

    from aiosmtpd.smtp import SMTP, Envelope, Session  # noqa: PLC0415

    taken: Counter[str] = Counter()
    chance = random.Random(6)

    class Handler:
        async def handle_RCPT(
            self,
            server: SMTP,
            session: Session,
            envelope: Envelope,
            address: str,
            options: list[str],
        ) -> str:
            if chance.random() < refused_share:
                return "451 try again later"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
            content = envelope.content
            assert isinstance(content, bytes)
            taken[content.split(b"Message-ID: <", 1)[1].split(b"@", 1)[0].decode()] += 1
            return "250 Taken"

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_server(lambda: SMTP(Handler(), loop=loop, hostname="sink"), sock=bound)
        await loop.run_in_executor(None, asked.get)
        told.put(taken)

    asyncio.run(serve())
