"""Devices on a line that loses packets and is cut: run as a program, in a network namespace of its own.

    unshare -n python -m tests.drills.bad_line < what.json

The line is a TUN device. What is sent to FAR leaves by it, is thrown away or not, and comes back with its two
addresses exchanged (which leaves every checksum right), so that it arrives at NEAR, where the server listens. Both ends
are the kernel's own TCP: lost packets are sent again as on any bad network, and nothing above it is told.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

NEAR, FAR, PORT = "10.77.0.1", "10.77.0.2", 8000
_TUNSETIFF, _TUN, _NO_HEADER = 0x400454CA, 0x0001, 0x1000
_THING = re.compile(rb'"id":"(sgt_[0-9a-z]+)","version":(\d+)')
_PLACE = re.compile(rb"(?:^|\n)id: (\d+)\n")


class Line:
    """The wire. Each packet is lost with probability `loss`, in both directions; nothing passes while it is cut."""

    def __init__(self, loss: float) -> None:
        self.loss, self.up, self.passed, self.lost = loss, True, 0, 0
        self._dice = random.Random(7)
        self._tun = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self._tun, _TUNSETIFF, struct.pack("16sH22x", b"bad0", _TUN | _NO_HEADER))
        for words in (f"addr add {NEAR}/24 dev bad0", "link set bad0 up", "link set lo up"):
            subprocess.run(["ip", *words.split()], check=True)
        threading.Thread(target=self._carry, daemon=True).start()

    def _carry(self) -> None:
        while True:
            packet = os.read(self._tun, 65536)
            if packet[0] >> 4 != 4:
                continue
            if not self.up or self._dice.random() < self.loss:
                self.lost += 1
                continue
            self.passed += 1
            os.write(self._tun, packet[:12] + packet[16:20] + packet[12:16] + packet[20:])


@dataclass
class Device:
    """One device: follows the feed and comes back when it is silent, and sends its acts in order until each is
    answered, as the app does."""

    token: str
    acts: list[dict[str, Any]]
    quiet_s: float
    wait_s: float
    newest: dict[str, int] = field(default_factory=dict)
    place: str = ""
    streams: int = 0
    sent: int = 0
    refused: list[Any] = field(default_factory=list)
    done: bool = False
    acknowledged: bool = False

    def follow(self) -> None:
        while not self.acknowledged:
            with suppress(OSError):
                self._stream()
            time.sleep(0.2)

    def _stream(self) -> None:
        resume = f"Last-Event-ID: {self.place}\r\n" if self.place else ""
        with socket.create_connection((FAR, PORT), self.quiet_s) as c:
            c.sendall(f"GET /field/feed HTTP/1.1\r\n{self._head}{resume}\r\n".encode())
            self.streams += 1
            rest = b""
            while data := c.recv(65536):
                whole, end, rest = (rest + data).rpartition(b"\n\n")
                self._hear(whole + end)

    def _hear(self, data: bytes) -> None:
        for name, number in _THING.findall(data):
            thing, version = name.decode(), int(number)
            self.newest[thing] = max(version, self.newest.get(thing, 0))
        for place in _PLACE.findall(data):
            self.place = place.decode()

    def send(self) -> None:
        for act in self.acts:
            [said] = self._until_answered("/field/acts", {"acts": [act]})["done"]
            if not said["ok"]:
                self.refused.append(said)
        self.done = True

    def acknowledge(self) -> None:
        given = [
            {"sighting": s, "version": v, "said": "acknowledged"} for s, v in self.newest.items()
        ]
        self._until_answered("/field/receipts", {"receipts": given})
        self.acknowledged = True

    @property
    def _head(self) -> str:
        return f"Host: 127.0.0.1\r\nAuthorization: Device {self.token}\r\n"

    def _until_answered(self, path: str, given: dict[str, Any]) -> dict[str, Any]:
        headers = {"Host": "127.0.0.1", "Authorization": f"Device {self.token}"}
        body = json.dumps(given)
        while True:
            self.sent += 1
            with suppress(OSError, http.client.HTTPException):
                c = http.client.HTTPConnection(FAR, PORT, timeout=self.wait_s)
                c.request("POST", path, body, headers | {"Content-Type": "application/json"})
                answer = c.getresponse()
                said: dict[str, Any] = json.loads(answer.read())
                if answer.status == 200:
                    return said
                raise RuntimeError(f"{path}: {answer.status} {said}")
            time.sleep(0.2)


def main() -> None:
    """Run what standard input asks for; say on standard output what each device got and did."""
    what = json.load(sys.stdin)
    line = Line(0.0)
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--log-level", "warning"]
    command += ["--host", NEAR, "--port", str(PORT), "tocsin.web.asgi:application"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        _served()
        line.loss = what["loss"]
        made = [
            Device(d["token"], d["acts"], what["quiet_s"], what["wait_s"]) for d in what["devices"]
        ]
        begin = time.monotonic()
        cutting = threading.Thread(target=_cut, args=(line, what["cuts"]), daemon=True)
        cutting.start()
        _play(made, cutting, begin + what["within_s"])
        seconds = time.monotonic() - begin
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # the server, and the process it serves from
    devices = [
        {k: getattr(d, k) for k in ("newest", "streams", "sent", "refused", "acknowledged")}
        for d in made
    ]  # fmt: skip
    said = {"devices": devices, "lost": line.lost, "passed": line.passed, "seconds": seconds}
    sys.stdout.write(json.dumps(said))


def _play(made: list[Device], cutting: threading.Thread, until: float) -> None:
    """All acts are answered, every device has the newest of every sighting, and has said so; or time is over."""
    for d in made:
        threading.Thread(target=d.follow, daemon=True).start()
        threading.Thread(target=d.send, daemon=True).start()
    full: dict[str, int] = {}
    while time.monotonic() < until and not full:
        time.sleep(0.05)
        if all(d.done for d in made) and not cutting.is_alive():
            newest = {s: max(d.newest.get(s, 0) for d in made) for d in made for s in d.newest}
            every = len(newest) == len(made) and all(
                v == len(made[0].acts) for v in newest.values()
            )
            if every and all(d.newest == newest for d in made):
                full = newest
    last = [threading.Thread(target=d.acknowledge, daemon=True) for d in made if full]
    for thread in last:
        thread.start()
    for thread in last:
        thread.join(max(0.0, until - time.monotonic()))


def _cut(line: Line, cuts: list[list[float]]) -> None:
    for after_s, for_s in cuts:
        time.sleep(after_s)
        line.up = False
        time.sleep(for_s)
        line.up = True


def _served() -> None:
    for _ in range(600):
        with suppress(OSError, http.client.HTTPException):
            c = http.client.HTTPConnection(FAR, PORT, timeout=5)
            c.request("GET", "/field/feed", headers={"Host": "127.0.0.1"})
            c.getresponse().read()
            return
        time.sleep(0.1)
    raise TimeoutError("the server did not answer")


if __name__ == "__main__":
    main()
