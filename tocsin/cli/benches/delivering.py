"""The scene of the bench of delivery: agencies, a directory, releases, and worker processes that can be killed."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tocsin.cli.benches import far_ends
from tocsin.cli.benches.record import as_app, connect


class Far:
    """What stands at the far end, in a process of its own."""

    def __init__(
        self, serve: Callable[..., None], *, refused: float = 0.0, stalled: float = 0.0
    ) -> None:
        spawn = mp.get_context("spawn")
        self._bound = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._bound.getsockname()[1]
        self._asked, self._told = spawn.Queue(), spawn.Queue()
        args = (self._bound, refused, stalled, self._asked, self._told)
        self._process = spawn.Process(target=serve, args=args, daemon=True)

    @classmethod
    def mail(cls, **shares: float) -> Far:
        """A mail server."""
        return cls(far_ends.serve_mail, **shares)

    @classmethod
    def hook(cls, **shares: float) -> Far:
        """A partner's system, or a gateway."""
        return cls(far_ends.serve_hook, **shares)

    def __enter__(self) -> Far:
        self._process.start()
        return self

    def taken(self) -> Counter[str]:
        """Id -> how often it was taken over."""
        self._asked.put("taken")
        counted: Counter[str] = self._told.get(timeout=60)
        return counted

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._bound.close()


class Worker:
    """A worker process that addresses and sends, on its own clock, until it is killed."""

    def __init__(self, url: str, folder: Path, start: datetime, speed: int, **more: Any) -> None:
        spawn = mp.get_context("spawn")
        args = (as_app(url), folder, start, speed, more)
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


def _work(url: str, folder: Path, start: datetime, speed: int, more: dict[str, Any]) -> None:
    from tocsin.kernel import clock, settings  # noqa: PLC0415

    changed = replace(
        settings.current(),
        data_dir=folder,
        smtp_host="127.0.0.1",
        allow_private_addresses=True,
        **more,
    )
    settings.current = lambda: changed  # type: ignore[assignment]
    connect(url)
    clock.install(FastClock(start, speed))
    from tocsin.deliver.actions import fan_out, send_due  # noqa: PLC0415

    def address() -> None:
        while True:
            if not fan_out():
                time.sleep(0.2)

    threading.Thread(target=address, daemon=True).start()
    while True:
        if not send_due():
            time.sleep(0.02)


class FastClock:
    """The machine's clock, running faster since `start`, which all workers of one bench share."""

    def __init__(self, start: datetime, speed: int) -> None:
        from tocsin.kernel.clock import SystemClock  # noqa: PLC0415

        self._system, self._start, self._speed = SystemClock(), start, speed

    def now(self) -> datetime:
        return self._start + (self._system.now() - self._start) * self._speed


def agencies(count: int) -> list[str]:
    """So many partner agencies, and the lead's two people (see `lead`)."""
    from tocsin.people import actions, terms  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM, Role  # noqa: PLC0415
    from tocsin.record.actions import writing  # noqa: PLC0415

    made = [f"partner_{i}" for i in range(count)]
    with writing(SYSTEM) as w:
        for agency in ("lead", *made):
            data = {"name": agency.title(), "short": agency.title(), "kind": ""}
            w.append(terms.AGENCY_ADDED, agency, data, marking=None)
    roles = [Role.COLLECTOR, Role.RELEASE_AUTHORITY]
    for username in ("lead", "two"):
        actions.add_person(SYSTEM, username=username, name="X", agency="lead", roles=roles)
    return made


def lead(username: str = "lead") -> Any:
    """The person of the lead agency who writes (`two` releases)."""
    from tocsin.people.models import Account  # noqa: PLC0415
    from tocsin.people.store import actor  # noqa: PLC0415

    return actor(Account.objects.get(username=username).person)


def directory(lines: Iterable[tuple[str, int, str, str]]) -> int:
    """Bring in lines (agency, order, kind of way, address); returns how many."""
    from tocsin.deliver.actions import import_directory  # noqa: PLC0415
    from tocsin.deliver.models import Import  # noqa: PLC0415
    from tocsin.deliver.roster import Row, Sheet  # noqa: PLC0415

    rows = [
        Row(n, {}, agency, "partner", rank, f"Desk {n}", [(kind, address)], "")
        for n, (agency, rank, kind, address) in enumerate(lines, 2)
    ]
    with _own_network():
        report = import_directory(lead(), sheet=Sheet("bench.csv", rows, []))
    made = Import.objects.get(id=report)
    assert not made.refused, made.refused[:1]
    return len(made.added)


@contextmanager
def _own_network() -> Iterator[None]:
    """The far ends are on this machine, and speak plain HTTP."""
    from tocsin.kernel import settings  # noqa: PLC0415

    before = settings.current
    changed = replace(before(), allow_private_addresses=True)
    settings.current = lambda: changed  # type: ignore[assignment]
    try:
        yield
    finally:
        settings.current = before


def operation(partners: list[str]) -> str:
    """An operation with all of them."""
    from tocsin.kernel import clock  # noqa: PLC0415
    from tocsin.people.actions import open_operation  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415

    now = clock.now()
    return open_operation(
        SYSTEM,
        name="The fair",
        lead_agency="lead",
        agencies=partners,
        starts_at=now + timedelta(hours=14),
        ends_at=now + timedelta(hours=20),
    )


def release(event: str, partners: list[str], precedence: str) -> tuple[str, datetime]:
    """A warning in force, written by one person and released by another; of the one kind that cites no source.

    Returns its id and when it was released.
    """
    from tocsin.kernel import clock  # noqa: PLC0415
    from tocsin.warn import actions  # noqa: PLC0415
    from tocsin.warn.models import Warning  # noqa: PLC0415
    from tocsin.warn.terms import Content  # noqa: PLC0415

    content = Content(
        title="Nothing known as of now",
        summary="Nothing that was reported names the fair, its roads or its guests. " * 20,
        actions=("Report what you see.",),
    )
    warning = actions.draft(
        lead(),
        type="NO_THREAT",
        content=content,
        operation=event,
        label="GREEN",
        precedence=precedence,
        distribution=[{"agency": p, "role": "partner"} for p in partners],
        expires_at=clock.now() + timedelta(hours=23),
    )
    actions.submit(lead(), warning=warning, version=Warning.objects.get(id=warning).version)
    row = Warning.objects.get(id=warning)
    actions.release(lead("two"), warning=warning, version=row.version)
    return warning, Warning.objects.get(id=warning).released_at or clock.now()
