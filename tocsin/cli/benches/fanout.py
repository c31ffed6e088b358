"""`tocsin bench fanout`: one sighting to 1,000 (and 5,000) connected devices, their receipts, and all of them
coming back at once; mosquitto and NATS with the same bytes in the same run, where they are installed."""

from __future__ import annotations

import contextlib
import json
import multiprocessing as mp
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tocsin.cli.benches import Measure, brokers, fan_clients, fresh_database, live_scene, percentile
from tocsin.cli.benches.record import as_app

HOW = "one web process, one worker (sequencer, duties); devices on bare sockets in one process of the same machine"
_KNOCK = b"GET /field/feed HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
SETTLE_S = 1.2  # between two sightings: until the places of the one before were told
TOLD_MS = {1_000: 100, 5_000: 400}
RECEIPTS_S = {1_000: 1, 5_000: 4}


def run(*, quick: bool = False) -> Iterator[Measure]:
    """`quick` = 100 devices, few sightings."""
    for devices, sightings in ((100, 3),) if quick else ((1_000, 10), (5_000, 3)):
        _allow_files(devices * 3 + 500)
        yield from _one(devices, sightings)


def _one(devices: int, sightings: int) -> Iterator[Measure]:
    name = f"fanout.{devices}"
    with fresh_database("fanout") as url, Site(url) as site:
        scene = live_scene.make(devices)
        site.start()
        far = Far(fan_clients.devices, site.port, scene.tokens)
        site.stack.callback(far.close)
        joined = far.ask("join", 50)
        how = "50 at a time, each by its signed token"
        yield Measure(f"{name}.join", round(joined, 2), "s", how)
        late = list[float]()
        yield from _tell(name, scene, far, sightings, late)
        yield from _receipts(name, scene, far, devices)
        yield from _back(name, scene, far)
        yield from _restarted(name, scene, far, site)
        example = _example(scene)
    told = percentile(late, 0.99)
    for broker in (brokers.MOSQUITTO, brokers.NATS):
        yield from _beside(name, broker, devices, sightings, example, told)


class Site:
    """A web server and a worker in processes of their own, on one database."""

    def __init__(self, url: str) -> None:
        self.port = free_port()
        self.stack = contextlib.ExitStack()
        self._web: subprocess.Popen[bytes] | None = None
        self._environ = {
            **os.environ,
            "TOCSIN_DATABASE_URL": as_app(url),
            "TOCSIN_DATABASE_OWNER_URL": url,
        }

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()
        end(self._web)

    def start(self) -> None:
        """Start both; returns when pages are served."""
        loops = ("sequencer", "duties", "live operations")
        only = [a for loop in loops for a in ("--only", loop)]
        self.stack.callback(end, self._run("worker", *only))
        self.restart()

    def restart(self) -> None:
        """The web server is killed, where it runs, and started again."""
        if self._web is not None:
            os.killpg(self._web.pid, signal.SIGKILL)  # the server and the process it serves from
            self._web.wait()
        self._web = self._run("web", "--port", str(self.port))
        _wait(self.port, served=True)

    def _run(self, *arguments: str) -> subprocess.Popen[bytes]:
        program = Path(sys.executable).with_name("tocsin")
        return subprocess.Popen([program, *arguments], env=self._environ, start_new_session=True)


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


def _tell(
    name: str, scene: live_scene.Scene, far: Far, sightings: int, late: list[float]
) -> Iterator[Measure]:
    lost, busy, spent = 0, 0.0, 0.0
    _, before = far.ask("heard", ("", 0), 0.0)
    for n in range(sightings):
        time.sleep(SETTLE_S)
        sighting, at = _report(scene, n)
        heard, cpu = far.ask("heard", (sighting, 1), 10.0)
        late += [h - at for h in heard if h]
        lost += sum(not h for h in heard)
        busy, spent = busy + cpu - before, spent + max(heard) - at
        before = cpu
    how = f"{sightings} sightings one by one, from the commit to each device; {HOW}"
    target = TOLD_MS.get(len(scene.tokens))
    for share, word in ((0.5, "p50"), (0.99, "p99"), (1.0, "max")):
        goal = f"; target ≤ {target}" if target and word == "p99" else ""
        value = round(max(0.0, percentile(late, share)) * 1000, 1)
        yield Measure(f"{name}.told.{word}", value, "ms", how + goal)
    yield Measure(f"{name}.not_told", lost, "devices", f"of {sightings * len(scene.tokens)} times")
    about = f"of the {spent / sightings * 1000:.0f} ms that one telling takes to its last device"
    share_of = round(100 * busy / spent, 0) if spent else 0.0
    yield Measure(
        f"{name}.told.client", share_of, "%", f"processor of the devices' process, {about}"
    )


def _receipts(name: str, scene: live_scene.Scene, far: Far, devices: int) -> Iterator[Measure]:
    from tocsin.operate.models import Receipt  # noqa: PLC0415
    from tocsin.record.models import Entry  # noqa: PLC0415

    far.ask("answering")
    time.sleep(SETTLE_S)
    sighting, at = _report(scene, 99)
    acks = far.ask("acks", devices, 30.0)
    kept = Receipt.objects.filter(sighting=sighting, version=1).count()
    entries = Entry.objects.filter(subject=sighting, kind="sighting.receipts").count()
    kept_words = f"{kept} rows in {entries} entries"
    how = f"from the commit until the last of {len(acks)} answers was durable; {kept_words}; {HOW}"
    if devices in RECEIPTS_S:
        how += f"; target ≤ {RECEIPTS_S[devices]}"
    yield Measure(f"{name}.receipts", round(max(acks, default=at) - at, 2), "s", how)
    yield Measure(f"{name}.receipts.missing", devices - kept, "receipts", "")
    far.ask("quiet")


def _back(name: str, scene: live_scene.Scene, far: Far) -> Iterator[Measure]:
    """Everybody is cut off, twenty things happen, everybody comes back in the same moment."""
    far.ask("leave")
    last = _meanwhile(scene, 200)
    seconds = far.ask("join", len(scene.tokens))
    how = f"all at once, 20 changes replayed to each; {HOW}; target ≤ 5 for 1000"
    yield from _whole(f"{name}.back", far, last, seconds, how)


def _restarted(name: str, scene: live_scene.Scene, far: Far, site: Site) -> Iterator[Measure]:
    """The web server dies; everybody comes back to a new one, which knows nobody."""
    last = _meanwhile(scene, 300)
    begin = time.monotonic()
    site.restart()
    far.ask("ended")
    up = time.monotonic() - begin
    seconds = far.ask("join", len(scene.tokens), 30.0)
    how = f"after the web server was killed and started again ({up:.1f} s), all at once; every token is looked at anew"
    yield from _whole(f"{name}.restarted", far, last, seconds, how)


def _meanwhile(scene: live_scene.Scene, number: int) -> tuple[str, int]:
    """Twenty changes; the last of them."""
    from tocsin.operate.actions import update_sighting  # noqa: PLC0415
    from tocsin.people.store import actor  # noqa: PLC0415

    last = ("", 0)
    for n in range(10):
        sighting, _ = _report(scene, number + n)
        version = update_sighting(actor(scene.people[-1]), sighting=sighting, text="still there")
        last = (sighting, version)
    return last


def _whole(
    name: str, far: Far, last: tuple[str, int], seconds: float, how: str
) -> Iterator[Measure]:
    """How long it took; who lacks the newest version, or showed one twice."""
    heard, _ = far.ask("heard", last, 10.0)
    twice = sum(len(s) != len(set(s)) for s in far.ask("shown"))
    yield Measure(name, round(seconds, 2), "s", how)
    gaps = sum(not h for h in heard)
    yield Measure(f"{name}.gaps", gaps, "devices", "that lack the newest version")
    yield Measure(f"{name}.twice", twice, "devices", "that showed a version twice")


def _example(scene: live_scene.Scene) -> bytes:
    from tocsin.operate import store  # noqa: PLC0415
    from tocsin.operate.models import Sighting  # noqa: PLC0415

    thing = store.snapshot("sighting", Sighting.objects.first().id)  # type: ignore[union-attr]
    return b"event: sighting\ndata: " + json.dumps(thing, separators=(",", ":")).encode() + b"\n\n"


def _beside(
    name: str, broker: brokers.Broker, devices: int, times: int, body: bytes, told: float
) -> Iterator[Measure]:
    """The same bytes through a broker to as many subscribers."""
    server = brokers.program(broker)
    if server is None:
        yield Measure(f"{name}.{broker.name}.skipped", 0, "", f"{broker.name} is not installed")
        return
    port = free_port()
    process = brokers.run(broker, server, port)
    try:
        _wait(port)
        marker = b'"type":"sighting"'
        far = Far(fan_clients.subscribers, port, devices, broker.hello, broker.welcome, marker)
        far.answered.get(timeout=120)
        late: list[float] = []
        with socket.create_connection(("127.0.0.1", port)) as c:
            c.sendall(broker.publisher)
            for _ in range(times):
                time.sleep(SETTLE_S)
                at = time.monotonic()
                c.sendall(broker.wrap(body))
                late += [h - at for h in far.ask("heard")]
        far.close()
    finally:
        end(process)
    p99 = percentile(late, 0.99)
    how = f"{times} messages of {len(body)} bytes, from the publish to each of {devices} subscribers; {len(late)} came"
    yield Measure(f"{name}.{broker.name}.p99", round(p99 * 1000, 1), "ms", how)
    how = f"Tocsin's p99 beside {broker.name}'s, with the same bytes in the same run; target ≤ 3"
    yield Measure(f"{name}.{broker.name}.ratio", round(told / p99, 2), "times", how)


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
        self.asked.put(what)
        return self.answered.get(timeout=120)

    def close(self) -> None:
        with contextlib.suppress(ValueError, OSError):
            self.asked.put(("stop",))
        self._process.kill()
        self._process.join()


def _wait(port: int, *, served: bool = False) -> None:
    """Until somebody listens; `served` = until they answer, as a web server does some time later."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as c:
            c.settimeout(5)
            if not served or (c.send(_KNOCK) and c.recv(1)):
                return
        time.sleep(0.1)
    raise TimeoutError(f"nobody answers on port {port}")


def end(process: subprocess.Popen[bytes] | None) -> None:
    """Ask a process to end; insist after a while."""
    if process is None:
        return
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
