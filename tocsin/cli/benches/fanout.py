"""`tocsin bench fanout`: one sighting to 1,000 (and 5,000) connected devices, their receipts, and all of them
coming back at once; NATS with the same bytes in the same run, where it is installed."""

from __future__ import annotations

import contextlib
import json
import multiprocessing as mp
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tocsin.cli.benches import Measure, fan_clients, fresh_database, live_scene, percentile
from tocsin.cli.benches.record import as_app

HOW = "one web process, one worker (sequencer, duties); devices on bare sockets in one process of the same machine"


def run(*, quick: bool = False) -> Iterator[Measure]:
    """`quick` = 100 devices, few sightings."""
    for devices, sightings in ((100, 3),) if quick else ((1_000, 10), (5_000, 3)):
        _allow_files(devices * 3 + 500)
        yield from _one(devices, sightings)


def _one(devices: int, sightings: int) -> Iterator[Measure]:
    name = f"fanout.{devices}"
    with fresh_database("fanout") as url, contextlib.ExitStack() as stack:
        scene = live_scene.make(devices)
        port = _free_port()
        environ = {
            **os.environ,
            "TOCSIN_DATABASE_URL": as_app(url),
            "TOCSIN_DATABASE_OWNER_URL": url,
        }
        only = [a for loop in ("sequencer", "duties", "live operations") for a in ("--only", loop)]
        for command in (["web", "--port", str(port)], ["worker", *only]):
            process = subprocess.Popen(
                [Path(sys.executable).with_name("tocsin"), *command], env=environ
            )
            stack.callback(_end, process)
        _wait(port)
        far = Far(fan_clients.devices, port, scene.tokens)
        stack.callback(far.close)
        joined = far.ask("join", 50)
        yield Measure(
            f"{name}.join", round(joined, 2), "s", "50 at a time, each by its signed token"
        )
        yield from _tell(name, scene, far, sightings)
        yield from _receipts(name, scene, far, devices)
        if devices <= 1_000:
            yield from _back(name, scene, far)
        example = _example(scene)
    yield from _nats(name, devices, sightings, example)


def _report(scene: live_scene.Scene, n: int) -> tuple[str, float]:
    """Report one; its id, and when it was accepted (the commit)."""
    from tocsin.operate.actions import report_sighting  # noqa: PLC0415
    from tocsin.people.store import actor  # noqa: PLC0415
    from tocsin.plan.geometry import Point  # noqa: PLC0415

    sighting = report_sighting(
        actor(scene.people[-1]), operation=scene.operation, text=f"man by the fence, grey shirt, number {n}",
        severity=2, at_point=Point(*live_scene.STAGE_E7), place="by the fence",
    )  # fmt: skip
    return sighting, time.monotonic()


def _tell(name: str, scene: live_scene.Scene, far: Far, sightings: int) -> Iterator[Measure]:
    late: list[float] = []
    lost = 0
    for n in range(sightings):
        sighting, at = _report(scene, n)
        heard = far.ask("heard", (sighting, 1), 10.0)
        late += [h - at for h in heard if h]
        lost += sum(not h for h in heard)
        time.sleep(0.3)
    how = f"{sightings} sightings one by one, from the commit to each device; {HOW}"
    for share, word in ((0.5, "p50"), (0.99, "p99"), (1.0, "max")):
        yield Measure(
            f"{name}.told.{word}", round(max(0.0, percentile(late, share)) * 1000, 1), "ms", how
        )
    yield Measure(f"{name}.not_told", lost, "devices", f"of {sightings * len(scene.tokens)} times")


def _receipts(name: str, scene: live_scene.Scene, far: Far, devices: int) -> Iterator[Measure]:
    from tocsin.operate.models import Receipt  # noqa: PLC0415
    from tocsin.record.models import Entry  # noqa: PLC0415

    far.ask("answering")
    sighting, at = _report(scene, 99)
    acks = far.ask("acks", devices, 30.0)
    kept = Receipt.objects.filter(sighting=sighting, version=1).count()
    entries = Entry.objects.filter(subject=sighting, kind="sighting.receipts").count()
    kept_words = f"{kept} rows in {entries} entries"
    how = f"from the commit until the last of {len(acks)} answers was durable; {kept_words}; {HOW}"
    yield Measure(f"{name}.receipts", round(max(acks, default=at) - at, 2), "s", how)
    yield Measure(f"{name}.receipts.missing", devices - kept, "receipts", "")
    far.ask("quiet")


def _back(name: str, scene: live_scene.Scene, far: Far) -> Iterator[Measure]:
    """Everybody is cut off, twenty things happen, everybody comes back in the same moment."""
    from tocsin.operate.actions import update_sighting  # noqa: PLC0415
    from tocsin.people.store import actor  # noqa: PLC0415

    far.ask("leave")
    last = ("", 0)
    for n in range(10):
        sighting, _ = _report(scene, 200 + n)
        version = update_sighting(actor(scene.people[-1]), sighting=sighting, text="still there")
        last = (sighting, version)
    seconds = far.ask("join", len(scene.tokens))
    heard = far.ask("heard", last, 10.0)
    shown = far.ask("all")
    gaps = sum(not h for h in heard)
    twice = sum(len(s) != len(set(s)) for s, _ in shown)
    yield Measure(
        f"{name}.back", round(seconds, 2), "s", f"all at once, 20 changes replayed to each; {HOW}"
    )
    yield Measure(f"{name}.back.gaps", gaps, "devices", "that lack the newest version")
    yield Measure(f"{name}.back.twice", twice, "devices", "that showed a version twice")


def _example(scene: live_scene.Scene) -> bytes:
    from tocsin.operate import store  # noqa: PLC0415
    from tocsin.operate.models import Sighting  # noqa: PLC0415

    thing = store.snapshot("sighting", Sighting.objects.first().id)  # type: ignore[union-attr]
    return b"event: sighting\ndata: " + json.dumps(thing, separators=(",", ":")).encode() + b"\n\n"


def _nats(name: str, devices: int, sightings: int, body: bytes) -> Iterator[Measure]:
    """The same bytes through a NATS server to as many subscribers."""
    beside = Path(sys.executable).with_name("nats-server")
    server = str(beside) if beside.exists() else shutil.which("nats-server")
    if server is None:
        yield Measure(f"{name}.nats.skipped", 0, "", "nats-server is not installed")
        return
    port = _free_port()
    process = subprocess.Popen(
        [server, "-a", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        far = Far(fan_clients.subscribers, port, devices, b'"type":"sighting"')
        far.answered.get(timeout=60)
        late: list[float] = []
        with socket.create_connection(("127.0.0.1", port)) as c:
            c.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
            _until(c, b"PONG")
            for _ in range(sightings):
                c.sendall(f"PUB rally {len(body)}\r\n".encode() + body + b"\r\nPING\r\n")
                at = time.monotonic()
                late += [h - at for h in far.ask("heard")]
                _until(c, b"PONG")
        far.close()
    finally:
        _end(process)
    how = f"{sightings} messages of {len(body)} bytes, from the publish to each of {devices} subscribers"
    yield Measure(f"{name}.nats.p99", round(percentile(late, 0.99) * 1000, 1), "ms", how)


class Far:
    """A process at the far end, asked by a queue."""

    def __init__(self, target: Any, *args: Any) -> None:
        spawn = mp.get_context("spawn")
        self.asked, self.answered = spawn.Queue(), spawn.Queue()
        self._process = spawn.Process(
            target=target, args=(*args, self.asked, self.answered), daemon=True
        )
        self._process.start()

    def ask(self, *what: Any) -> Any:
        self.asked.put(what if len(what) > 1 or what[0] != "heard" else "heard")
        return self.answered.get(timeout=120)

    def close(self) -> None:
        with contextlib.suppress(ValueError, OSError):
            self.asked.put(("stop",))
        self._process.kill()
        self._process.join()


def _until(c: socket.socket, word: bytes) -> None:
    got = b""
    while word not in got:
        got += c.recv(65536)


def _wait(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nobody answers on port {port}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
