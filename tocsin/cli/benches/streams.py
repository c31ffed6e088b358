"""Streams: from a NATS server on this machine to the record, by one task and by three partitions."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from tocsin.cli.benches import Measure, fresh_database, scratch

_WORDS = "harbour council garden museum station market stadium bridge cinema orchard theatre school".split()


def run(*, quick: bool = False) -> Iterator[Measure]:
    """Messages a second, stored or counted, 1 % flagged; `quick` = a tenth."""
    program = Path(sys.executable).with_name("nats-server")
    if not os.access(program, os.X_OK):
        yield Measure("collect.streams.skipped", 0, "", "no nats-server beside the interpreter")
        return
    count = 5_000 if quick else 50_000
    with fresh_database("streams"), scratch() as folder, _server(program, folder) as url:
        _world()
        asyncio.run(_publish(url, count))
        for partitions in (1, 3):
            yield _followed(url, count, partitions)


@contextmanager
def _server(program: Path, folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(program), "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                break
            time.sleep(0.05)
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


async def _publish(url: str, count: int) -> None:
    from nats import connect  # noqa: PLC0415 - not needed to list the benches

    client = await connect(url)
    js = client.jetstream(publish_async_max_pending=4_000)
    for name, subject in (("one", "one"), ("three", "three.>")):
        await js.add_stream(name=name, subjects=[subject])
        for n in range(count):
            words = " ".join(_WORDS[int(d)] for d in f"{n:07}")
            text = (
                f"we are going to shoot the senators at the {words}"
                if n % 100 == 0
                else f"a fine day at the {words}"
            )
            place = name if name == "one" else f"three.{n % 3}"
            await js.publish_async(
                place, msgspec.json.encode({"id": str(n), "text": text}), wait_stall=30
            )
        await js.publish_async_completed()
    await client.close()


def _world() -> None:
    from tocsin.people import actions as people  # noqa: PLC0415 - after Django is set up
    from tocsin.people.terms import SYSTEM, Role  # noqa: PLC0415
    from tocsin.screen.memory import engine  # noqa: PLC0415

    engine()  # compiled once a process: not what is measured
    people.add_agency(SYSTEM, agency="fusion", name="Fusion centre")
    people.add_person(SYSTEM, username="ana", name="Ana", agency="fusion", roles=[Role.COLLECTOR])


def _followed(url: str, count: int, partitions: int) -> Measure:
    from django.db import connections  # noqa: PLC0415
    from django.db.models import Sum  # noqa: PLC0415

    from tocsin.collect.actions import add_source  # noqa: PLC0415
    from tocsin.collect.models import Tally  # noqa: PLC0415
    from tocsin.collect.terms import SourceKind  # noqa: PLC0415
    from tocsin.kernel import clock  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415
    from tocsin.screen import store  # noqa: PLC0415
    from tocsin.screen.actions import follow, streaming  # noqa: PLC0415

    name = "one" if partitions == 1 else "three"
    source = add_source(
        SYSTEM,
        kind=SourceKind.NATS,
        name=name,
        agency="fusion",
        authority="exercise",
        purpose="exercise",
        config={"url": url, "stream": name, "subject": name, "partitions": partitions},
    )
    claimed = store.claim_streams(streaming.STREAMED, clock.now(), streaming.LEASE, 9)
    mine = [each for each in claimed if each[0].id == source]

    def engine(*each: Any) -> None:
        try:
            follow(*each, ends=lambda part: not part.records)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=engine, args=each) for each in mine]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    told = Tally.objects.filter(source=source).aggregate(s=Sum("screened"), f=Sum("flagged"))
    said = f"{told['s']:,} of {count:,} messages, {told['f']:,} flagged, {partitions} partition(s), one process"
    return Measure(
        f"collect.streams.nats_{partitions}.messages_per_s",
        round((told["s"] or 0) / took),
        "1/s",
        said,
    )
