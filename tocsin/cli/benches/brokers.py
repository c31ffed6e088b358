"""Two message brokers beside which the fan-out is measured: the same bytes to as many subscribers, in the same run.

Neither is a part of Tocsin. Where one is not installed, that is said.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Broker:
    """How to run one, and its few words. `hello` of a subscriber is answered by something with `welcome` in it;
    `publisher` begins a connection that publishes by `wrap`."""

    name: str
    command: Callable[[str, int], list[str]]
    hello: bytes
    welcome: bytes
    publisher: bytes
    wrap: Callable[[bytes], bytes]


def program(broker: Broker) -> str | None:
    """Where its server is, None where it is not installed."""
    name = _PROGRAMS[broker.name]
    beside = Path(sys.executable).with_name(name)
    return (
        str(beside) if beside.exists() else shutil.which(name) or shutil.which(f"/usr/sbin/{name}")
    )


def run(broker: Broker, server: str, port: int) -> subprocess.Popen[bytes]:
    """Its server, on this port of this machine."""
    return subprocess.Popen(
        broker.command(server, port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _remaining(length: int) -> bytes:
    """A length as MQTT writes it: seven bits a byte, the last without the eighth (MQTT 3.1.1, 2.2.3)."""
    out = bytearray()
    while True:
        length, low = divmod(length, 128)
        out.append(low | (0x80 if length else 0))
        if not length:
            return bytes(out)


def _packet(head: int, body: bytes) -> bytes:
    return bytes([head]) + _remaining(len(body)) + body


_TOPIC = b"\x00\x05rally"
# Clean session, no keep-alive, a client id given by the server; then subscribe to the topic at most once.
_CONNECT = _packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x00\x00\x00")
_SUBSCRIBE = _packet(0x82, b"\x00\x01" + _TOPIC + b"\x00")

NATS = Broker(
    "nats",
    lambda server, port: [server, "-a", "127.0.0.1", "-p", str(port)],
    b'CONNECT {"verbose":false}\r\nSUB rally 1\r\nPING\r\n',
    b"PONG",
    b'CONNECT {"verbose":false}\r\n',
    lambda body: f"PUB rally {len(body)}\r\n".encode() + body + b"\r\n",
)
MOSQUITTO = Broker(
    "mosquitto",
    lambda server, port: [server, "-p", str(port)],
    _CONNECT + _SUBSCRIBE,
    b"\x90\x03\x00\x01",
    _CONNECT,
    lambda body: _packet(0x30, _TOPIC + body),
)
_PROGRAMS = {"nats": "nats-server", "mosquitto": "mosquitto"}
