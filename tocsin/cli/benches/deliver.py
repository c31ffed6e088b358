"""Delivery: speed by SMTP and webhook, an urgent warning amid a large one, and three channels on a bad day.

The far ends are processes of their own on this machine (`far_ends`). They count what they took by id, so that
a lost and a doubled message show; what the record says of each delivery is compared with that.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tocsin.cli.benches import Measure, fresh_database, percentile, scratch
from tocsin.cli.benches import delivering as scene
from tocsin.cli.benches.delivering import Far, Worker

REFUSED, STALLED, KILLS, SPEED = 0.2, 0.05, 2, 10
"""A bad day: shares of tries, workers killed, and how much faster than the world the workers' clock runs."""
PARTNERS = 50
_AGAIN_BY_MAIL = (
    "the same Message-ID: taken over, and the worker was killed before the 250 came. No client can tell (RFC 1047, "
    "RFC 5321 4.5.3.2.6), so it is at most one for each thread that waited at a kill"
)


def run(*, quick: bool = False) -> Iterator[Measure]:
    """All figures of delivery; `quick` = 600 recipients."""
    n = 600 if quick else 10_000
    with scratch() as folder, fresh_database("deliver") as url:
        yield from _smtp(url, folder, n)
    with scratch() as folder, fresh_database("deliver") as url:
        yield from _urgent(url, folder, n)
    with scratch() as folder, fresh_database("deliver") as url:
        yield from _webhooks(url, folder, min(n, 3000))
    yield from _alertmanager(min(n, 3000))
    with scratch() as folder, fresh_database("deliver") as url:
        yield from _bad_day(url, folder, n)


def _smtp(url: str, folder: Path, n: int) -> Iterator[Measure]:
    """Everybody by mail, undisturbed: how fast, and how long a message waits."""
    from tocsin.deliver.actions import fan_out  # noqa: PLC0415
    from tocsin.deliver.models import Delivery  # noqa: PLC0415
    from tocsin.kernel import clock  # noqa: PLC0415

    partners = scene.agencies(PARTNERS)
    begin = time.perf_counter()
    made = scene.directory(
        (partners[i % PARTNERS], i // PARTNERS + 1, "email", f"r{i}@sink.example") for i in range(n)
    )
    took = time.perf_counter() - begin
    yield Measure("deliver.import", round(made / took), "rows/s", f"{n} new rows")
    scene.release(scene.operation(partners), partners, "FLASH")
    begin = time.perf_counter()
    fan_out()
    took = time.perf_counter() - begin
    how = f"{n} recipients at {PARTNERS} agencies, FLASH: everybody at once"
    yield Measure("deliver.fan_out", round(n / took), "deliveries/s", how)
    how = f"{n} by SMTP (PIPELINING) to one server on this machine, one worker, {os.cpu_count()} cores"
    with Far.mail() as sink:
        worker = Worker(url, folder, clock.now(), 1, smtp_port=sink.port)
        while Delivery.objects.exclude(sent_at=None).count() < n:
            time.sleep(0.2)
        spent = worker.cpu_seconds()
        worker.kill()
        taken = sink.taken()
    times = _times("email")
    rate = (len(times) - 1) / (times[-1] - times[0])
    yield Measure("deliver.smtp.rate", round(rate), "messages/s", f"target 800; {how}")
    yield Measure(
        "deliver.smtp.cpu", round(spent / n * 1000, 2), "ms/message", f"worker alone; {how}"
    )
    waits = [t - times[0] for t in times]
    first = f"from the first message to this one; {how}"
    yield Measure("deliver.smtp.p95", round(percentile(waits, 0.95), 2), "s", first)
    yield Measure("deliver.smtp.doubled", sum(taken.values()) - len(taken), "messages", how)


def _times(channel: str, warning: str = "%") -> list[float]:
    """When each delivery left, in seconds, in order."""
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM coalesce(delivered_at, sent_at)) AS t FROM deliver_delivery "
            "WHERE coalesce(delivered_at, sent_at) IS NOT NULL AND channel = %s AND warning LIKE %s "
            "ORDER BY t",
            [channel, warning],
        )
        return [float(t) for (t,) in cursor.fetchall()]


def _urgent(url: str, folder: Path, n: int) -> Iterator[Measure]:
    """A routine warning to very many; once it is on its way, an urgent one to 50 of them."""
    from tocsin.deliver.models import Delivery  # noqa: PLC0415
    from tocsin.kernel import clock  # noqa: PLC0415

    partners = scene.agencies(n)
    scene.directory((p, 1, "email", f"{p}@sink.example") for p in partners)
    event = scene.operation(partners[:PARTNERS])
    how = f"50 recipients, released while a routine one goes to {n}; SMTP, one worker"
    with Far.mail() as sink:
        worker = Worker(url, folder, clock.now(), 1, smtp_port=sink.port)
        routine, _ = scene.release(event, partners, "ROUTINE")
        while Delivery.objects.filter(warning=routine).exclude(sent_at=None).count() < n // 20:
            time.sleep(0.05)
        urgent, at = scene.release(event, partners[:PARTNERS], "IMMEDIATE")
        while Delivery.objects.filter(warning=urgent).exclude(sent_at=None).count() < PARTNERS:
            time.sleep(0.05)
        left = Delivery.objects.filter(warning=routine, sent_at=None).count()
        fanned = Delivery.objects.filter(warning=routine).count()
        worker.kill()
    last = _times("email", urgent)[-1] - at.timestamp()
    still = f"{left + n - fanned} of the routine ones still to go when the last arrived; {how}"
    yield Measure("deliver.urgent.last", round(last, 2), "s", f"target 2; {still}")


def _webhooks(url: str, folder: Path, n: int) -> Iterator[Measure]:
    """Signed events to one partner's system: throughput, and how long one alone takes from its release."""
    from tocsin.deliver.models import Delivery  # noqa: PLC0415
    from tocsin.kernel import clock  # noqa: PLC0415

    partners = scene.agencies(PARTNERS)
    with Far.hook() as sink:
        scene.directory(
            (
                partners[i % PARTNERS],
                i // PARTNERS + 1,
                "webhook",
                f"http://127.0.0.1:{sink.port}/{i}",
            )
            for i in range(n)
        )
        event = scene.operation(partners)
        worker = Worker(url, folder, clock.now(), 1)
        waits = []
        for _ in range(10):
            one, at = scene.release(event, partners[:1], "ROUTINE")
            while not (times := _times("webhook", one)):
                time.sleep(0.05)
            waits.append(times[0] - at.timestamp())
        scene.release(event, partners, "FLASH")
        while Delivery.objects.exclude(delivered_at=None).count() < n + 10:
            time.sleep(0.2)
        worker.kill()
    times = _times("webhook")[10:]
    rate = (len(times) - 1) / (times[-1] - times[0])
    how = f"signed, to one system on this machine, one worker, {os.cpu_count()} cores"
    yield Measure("deliver.webhook.rate", round(rate), "events/s", f"{n} events, {how}")
    alone = f"from release to their 200, median of 10 alone; {how}"
    yield Measure("deliver.webhook.latency", round(percentile(waits, 0.5), 3), "s", alone)


def _alertmanager(n: int) -> Iterator[Measure]:
    """Prometheus Alertmanager, each alert a notification of its own, no grouping wait: where it is installed."""
    binary = shutil.which("prometheus-alertmanager")
    if not binary:
        return
    with scratch() as folder, Far.hook() as sink:
        (folder / "a.yml").write_text(
            "route:\n  receiver: hook\n  group_by: ['...']\n  group_wait: 0s\n"
            "receivers:\n- name: hook\n  webhook_configs:\n"
            f"  - url: http://127.0.0.1:{sink.port}/in\n    send_resolved: false\n"
        )
        port = _free_port()
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={folder / 'a.yml'}",
                f"--storage.path={folder}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
                "--log.level=error",
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            yield from _alerted(sink, port, n)
        finally:
            process.kill()
            process.wait()


def _alerted(sink: Far, port: int, n: int) -> Iterator[Measure]:
    _post_alerts(port, range(1), patience_s=20.0)
    while sum(sink.taken().values()) < 1:
        time.sleep(0.05)
    waits = []
    for i in range(1, 11):
        begin = time.perf_counter()
        _post_alerts(port, range(i, i + 1))
        while sum(sink.taken().values()) < i + 1:
            time.sleep(0.002)
        waits.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    _post_alerts(port, range(100, 100 + n))
    while (got := sum(sink.taken().values())) < n + 11 and time.perf_counter() - begin < 60:
        time.sleep(0.02)
    rate = (got - 11) / (time.perf_counter() - begin)
    how = "Prometheus Alertmanager by webhook, unsigned, state in memory"
    yield Measure("deliver.peer.alertmanager.rate", round(rate), "events/s", f"{n} alerts; {how}")
    alone = f"from its API to the receiver, median of 10 alone; {how}"
    yield Measure("deliver.peer.alertmanager.latency", round(percentile(waits, 0.5), 3), "s", alone)


def _post_alerts(port: int, which: range, patience_s: float = 0.0) -> None:
    alerts = [{"labels": {"alertname": "bench", "n": str(i)}} for i in which]
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v2/alerts",
        json.dumps(alerts).encode(),
        {"Content-Type": "application/json"},
    )
    end = time.monotonic() + patience_s
    while True:
        try:
            urllib.request.urlopen(request, timeout=20).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as s:
        port: int = s.getsockname()[1]
    return port


def _bad_day(url: str, folder: Path, n: int) -> Iterator[Measure]:
    """Three channels, far ends that refuse and hang, the worker killed: then record and far ends must agree."""
    from tocsin.deliver.models import Delivery  # noqa: PLC0415
    from tocsin.kernel import clock  # noqa: PLC0415

    partners, shares = scene.agencies(PARTNERS), {"refused": REFUSED, "stalled": STALLED}
    how = (
        f"{n} recipients by mail, webhook and text gateway; {REFUSED:.0%} of tries refused for now, "
        f"{STALLED:.0%} hang for 2 s, worker killed with SIGKILL {KILLS} times"
    )
    with Far.mail(**shares) as mail, Far.hook(**shares) as hook, Far.hook(**shares) as gate:
        ways = [
            ("email", "r{}@sink.example"),
            ("webhook", f"http://127.0.0.1:{hook.port}/{{}}"),
            ("sms", "+1202{:07d}"),
        ]
        scene.directory(
            (partners[i % PARTNERS], i // PARTNERS + 1, kind, address.format(i))
            for i in range(n)
            for kind, address in (ways[i // PARTNERS % 3],)
        )
        file = _gateway(folder, gate.port)
        scene.release(scene.operation(partners), partners, "FLASH")
        start = clock.now()
        more = {"smtp_port": mail.port, "gateways_file": file}
        worker, killed, begin = Worker(url, folder, start, SPEED, **more), 0, time.monotonic()
        waits = Delivery.objects.filter(sent_at=None, delivered_at=None)
        while time.monotonic() - begin < 600:
            time.sleep(0.2)
            done = Delivery.objects.count() - waits.count()
            if done == n:
                break
            if killed < KILLS and done > n * (killed + 1) // (KILLS + 2):
                worker.kill()
                killed += 1
                worker = Worker(url, folder, start, SPEED, **more)
        took = time.monotonic() - begin
        worker.kill()
        yield from _truth(how, mail=mail.taken(), webhook=hook.taken(), sms=gate.taken())
    yield Measure(
        "deliver.bad_day.took", round(took, 1), "s", f"clock {SPEED} times as fast; {how}"
    )


def _gateway(folder: Path, port: int) -> Path:
    file = folder / "gateways.toml"
    file.write_text(
        f'[sms]\nurl = "http://127.0.0.1:{port}/"\nper_minute = 1000000\n'
        'headers = { Idempotency-Key = "{key}" }\n'
    )
    return file


def _truth(how: str, **taken: Counter[str]) -> Iterator[Measure]:
    """What each far end took, against what the record says of each delivery."""
    from tocsin.deliver.models import Delivery  # noqa: PLC0415

    untrue = 0
    for channel, got in taken.items():
        rows = Delivery.objects.filter(channel="email" if channel == "mail" else channel)
        left = {d.id: bool(d.sent_at or d.delivered_at) for d in rows}
        untrue += sum(said != (i in got) for i, said in left.items()) + len(set(got) - set(left))
        again = sum(got.values()) - len(got)
        same = _AGAIN_BY_MAIL if channel == "mail" else "the same idempotency key, so taken once"
        yield Measure(f"deliver.bad_day.{channel}.lost", len(set(left) - set(got)), "messages", how)
        yield Measure(f"deliver.bad_day.{channel}.again", again, "messages", f"with {same}; {how}")
    yield Measure(
        "deliver.bad_day.untrue", untrue, "deliveries", f"record and far end differ; {how}"
    )
    doubled = sum(len(set(got) - set(_ids())) for got in taken.values())
    keys = f"taken under a key that is no delivery's: what idempotency could not catch; {how}"
    yield Measure("deliver.bad_day.doubled", doubled, "messages", keys)


def _ids() -> list[str]:
    from tocsin.deliver.models import Delivery  # noqa: PLC0415

    return list(Delivery.objects.values_list("id", flat=True))
