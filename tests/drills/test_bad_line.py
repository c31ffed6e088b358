"""A fifth of all packets are lost, in both directions, and the line is cut: nothing is lost, order per device is kept.

Real packets and the kernel's own TCP, in a network namespace. `TEST_CUT_S=60` runs the long form.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import app_url
from tocsin.cli.benches import live_scene
from tocsin.operate.models import Receipt, Sighting, Update
from tocsin.operate.store import texts
from tocsin.record.sequencer import Sequencer

CUT_S = int(os.environ.get("TEST_CUT_S", "2"))
LONG = CUT_S >= 45
"""A cut that is longer than a device bears silence."""
DEVICES, ACTS = (12, 30) if LONG else (3, 5)


def namespace() -> list[str]:
    """The command in front of one that gives it a network of its own; skips, with a word, where there is none."""
    wanted = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if not (shutil.which("unshare") and shutil.which("ip") and Path("/dev/net/tun").exists()):
        pytest.skip("no network namespaces here: needs unshare, ip and /dev/net/tun")
    probe = [*wanted, "ip", "tuntap", "add", "dev", "bad0", "mode", "tun"]
    if subprocess.run(probe, check=False, capture_output=True).returncode:
        pytest.skip("no network namespaces here: they are not allowed")
    return wanted


def acts(n: int) -> list[dict[str, Any]]:
    """What one device does, each under an id of its own: it reports, then adds to its report before it was answered."""
    first = {"key": f"d{n}-1", "kind": "sighting", "text": f"device {n}, word 1"}
    return [
        first,
        *(
            {"key": f"d{n}-{k}", "kind": "update", "of": first["key"], "text": f"device {n}, word {k}"}
            for k in range(2, ACTS + 1)
        ),
    ]  # fmt: skip


def test_a_fifth_of_packets_lost_and_cuts_lose_nothing_and_keep_each_devices_order(
    committed: None, database_url: str
) -> None:
    before = namespace()
    scene = live_scene.make(DEVICES)
    cuts = [[1.5, CUT_S], [10.0, CUT_S]] if LONG else [[1.0, CUT_S]]
    quiet_s, wait_s = (45.0, 8.0) if LONG else (1.5, 1.5)  # long: as the app has it
    what = {
        "devices": [{"token": t, "acts": acts(n)} for n, t in enumerate(scene.tokens)],
        "loss": 0.2, "cuts": cuts, "quiet_s": quiet_s, "wait_s": wait_s, "within_s": 45 + 5 * CUT_S,
    }  # fmt: skip
    said = _run([*before, sys.executable, "-m", "tests.drills.bad_line"], what, database_url)
    sys.stderr.write(
        f"{said['lost']} packets lost, {said['passed']} passed, {said['seconds']:.0f} s\n"
    )
    assert said["lost"] > 0.1 * (said["lost"] + said["passed"])
    newest = dict.fromkeys(Sighting.objects.values_list("id", flat=True), ACTS)
    for device in said["devices"]:  # each has the last word of every device
        assert device["newest"] == newest
        assert (device["refused"], device["acknowledged"]) == ([], True)
    sent = sum(d["sent"] for d in said["devices"])
    assert sent > DEVICES * (ACTS + 1)  # some were sent twice, and done once
    assert sum(d["streams"] for d in said["devices"]) > DEVICES
    for n, person in enumerate(scene.people):
        rows = Update.objects.filter(by=person).order_by("recorded_at", "version")
        kept = texts(rows.values_list("what", flat=True))
        assert [kept[u.what] for u in rows] == [a["text"] for a in acts(n)]
    answered = Receipt.objects.filter(person__in=scene.people, version=ACTS)
    assert answered.values("sighting", "person").distinct().count() == DEVICES * DEVICES


def _run(command: list[str], what: dict[str, Any], database_url: str) -> dict[str, Any]:
    """Run it, with the record's sequencer beside it; what it said."""
    environ = {
        **os.environ,
        "TOCSIN_DATABASE_URL": app_url(database_url),
        "TOCSIN_DATABASE_OWNER_URL": database_url,
    }
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(json.dumps(what).encode())
    program.stdin.close()
    try:
        while program.poll() is None:
            if not Sequencer().step():
                time.sleep(0.05)
        said: dict[str, Any] = json.loads(program.stdout.read())
    finally:
        program.kill()
        program.wait()
        program.stdout.close()
    return said
