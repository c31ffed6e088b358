"""The live feed: 1,000 real connections to a real server; from before the commit to each reader's eyes."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing as mp
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from tocsin.cli.benches import Measure, fresh_database, percentile
from tocsin.cli.benches.record import as_app, connect

ACCOUNTS = 20


def run(*, quick: bool = False) -> Iterator[Measure]:
    """Latency of a change to every reader; `quick` = 100 readers, few changes."""
    readers, changes = (100, 5) if quick else (1_000, 40)
    _allow_files(readers * 2 + 500)
    with fresh_database("sse") as url:
        cookies = _sessions(readers)
        port = _free_port()
        sequencer = mp.get_context("spawn").Process(target=_sequence, args=(as_app(url),))
        server = _serve(url, port)
        sequencer.start()
        try:
            joined, times = asyncio.run(_measure(port, cookies, changes))
        finally:
            for process in (server, sequencer):
                process.terminate()
            server.wait(10)
            sequencer.join()
    how = (
        f"{readers} connections, one granian worker, sequencer beside it, {changes} changes one by one; "
        "from before the commit to the reader; readers in one process on the same machine"
    )
    for share, name in ((0.5, "p50"), (0.99, "p99"), (1.0, "max")):
        yield Measure(f"sse.latency.{name}", round(percentile(times, share) * 1000, 1), "ms", how)
    yield Measure("sse.delivered", len(times), "messages", f"of {readers * changes} expected")
    yield Measure(
        "sse.join", round(joined, 2), "s", f"{readers} readers, 50 at a time, each authenticated"
    )


def _sessions(count: int) -> list[str]:
    """Session cookies of people of one agency, as signing in leaves them."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: PLC0415
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415

    from tocsin.people import actions  # noqa: PLC0415
    from tocsin.people.models import Account  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM, Role  # noqa: PLC0415

    actions.add_agency(SYSTEM, agency="fusion", name="Fusion centre")
    for n in range(ACCOUNTS):
        actions.add_person(
            SYSTEM, username=f"a{n}", name=f"Analyst {n}", agency="fusion", roles=[Role.COLLECTOR]
        )
    accounts = list(Account.objects.order_by("id"))
    found = []
    for n in range(count):
        account, session = accounts[n % ACCOUNTS], SessionStore()
        session[SESSION_KEY] = str(account.pk)
        session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
        session[HASH_SESSION_KEY] = account.get_session_auth_hash()
        session.save()
        found.append(str(session.session_key))
    return found


async def _measure(port: int, cookies: list[str], changes: int) -> tuple[float, list[float]]:
    """(seconds until all had joined, seconds from each change to each reader)."""
    heard: dict[bytes, list[float]] = {}
    door = asyncio.Semaphore(50)
    begin = time.perf_counter()
    streams = await asyncio.gather(*(_join(port, c, door) for c in cookies))
    joined = time.perf_counter() - begin
    readers = [asyncio.create_task(_read(stream, heard)) for stream, _ in streams]
    await _warm(heard, len(cookies))
    sent: dict[bytes, float] = {}
    for n in range(changes):
        sent[f"subject:rpt_bench{n:04d}".encode()] = time.perf_counter()
        await asyncio.to_thread(_change, f"rpt_bench{n:04d}")
        await asyncio.sleep(0.25)
    await asyncio.sleep(2)
    for task in readers:
        task.cancel()
    for _, writer in streams:
        writer.close()
    return joined, [
        at - sent[topic] for topic, times in heard.items() if topic in sent for at in times
    ]


async def _warm(heard: dict[bytes, list[float]], readers: int) -> None:
    """Until a change is heard by all: sequencer and feed have started."""
    for n in range(200):
        await asyncio.to_thread(_change, f"rpt_warm{n}")
        await asyncio.sleep(0.5)
        if any(len(times) == readers for times in heard.values()):
            return
    raise RuntimeError("the feed told nothing within 100 s")


async def _join(
    port: int, cookie: str, door: asyncio.Semaphore
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with door:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: sessionid={cookie}\r\n\r\n".encode()
        )
        await asyncio.wait_for(reader.readuntil(b"event: ping"), 60)
        return reader, writer


async def _read(stream: asyncio.StreamReader, heard: dict[bytes, list[float]]) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            line = await stream.readline()
            if not line:
                return
            at, start = time.perf_counter(), line.find(b"subject:")
            if start >= 0:
                heard.setdefault(line[start : line.index(b'"', start)], []).append(at)


def _change(subject: str) -> None:
    from tocsin.duties.actions import open_duty  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415
    from tocsin.record.actions import writing  # noqa: PLC0415
    from tocsin.record.terms import Marking  # noqa: PLC0415

    with writing(SYSTEM) as w:
        open_duty(
            w, "assess", subject, "Assess a flagged report", Marking("fusion", "AMBER"),
            owner_agency="fusion", owner_role="collector",
        )  # fmt: skip


def _sequence(url: str) -> None:
    connect(url)
    from tocsin.record.sequencer import Sequencer  # noqa: PLC0415

    sequencer = Sequencer()
    while True:
        if not sequencer.step():
            time.sleep(0.02)


def _serve(url: str, port: int) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "TOCSIN_DATABASE_URL": as_app(url), "TOCSIN_DATABASE_OWNER_URL": url}
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "asgi",
        "--workers",
        "1",
        "--port",
        str(port),
    ]
    process = subprocess.Popen(
        [*command, "--log-level", "error", "tocsin.web.asgi:application"], env=environ
    )
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return process
        time.sleep(0.1)
    raise RuntimeError("the server did not start within 60 s")


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
