"""Servers of streams at the far end, on this machine: they play back, drop, corrupt, and can be killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from nats import connect
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

BASE_US = 1_772_440_000_000_000  # 2 March 2026, a little before the stories begin
THREAT = "We are going to shoot the senators when they come out of the Capitol"


def text_of(number: int) -> str:
    """Every tenth post is one for a person's eye, and no two are alike."""
    words = "anvil bread cloud delta ember fjord grain heron inlet jetty".split()
    said = " ".join(words[int(d)] for d in f"{number:05}")
    return f"{THREAT}, {said} {said[::-1]}" if number % 10 == 0 else f"nice day for {said}"


def post(number: int, text: str = "") -> dict[str, object]:
    """One event as Jetstream sends it."""
    record = {"$type": "app.bsky.feed.post", "text": text or text_of(number), "langs": ["en"]}
    commit = {
        "operation": "create",
        "collection": "app.bsky.feed.post",
        "rkey": f"k{number}",
        "record": record | {"createdAt": "2026-03-02T08:00:00Z"},
    }
    return {
        "did": f"did:plc:{number % 7}",
        "time_us": BASE_US + number,
        "kind": "commit",
        "commit": commit,
    }


@dataclass
class Bluesky:
    """A Jetstream server. Each connection sends `events` from the cursor on, going back `rewind` events before it, and
    ends after `drop_after` messages (0 = stays open). `forgotten` = events it no longer plays back."""

    events: list[bytes] = field(default_factory=list)
    rewind: int = 0
    drop_after: int = 0
    forgotten: int = 0
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/subscribe"


@contextmanager
def bluesky() -> Iterator[Bluesky]:
    here = Bluesky()

    def talk(connection: ServerConnection) -> None:
        here.connections += 1
        assert connection.request is not None
        query = parse_qs(urlsplit(connection.request.path).query)
        cursor = int(query.get("cursor", ["0"])[0])
        sent = 0
        known = [(_time(raw), raw) for raw in here.events[here.forgotten :]]
        first = next((n for n, (at, _) in enumerate(known) if at >= cursor), len(known))
        with suppress(ConnectionClosed):
            for _, raw in known[max(0, first - here.rewind) :]:
                connection.send(raw, text=True)
                sent += 1
                if here.drop_after and sent >= here.drop_after:
                    connection.socket.shutdown(socket.SHUT_RDWR)  # in the middle of everything
                    return
            connection.recv()

    with serve(talk, "127.0.0.1", 0, compression=None) as server:
        here.port = server.socket.getsockname()[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield here
        server.shutdown()


def _time(raw: bytes) -> int:
    try:
        return int(json.loads(raw)["time_us"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0


@dataclass
class Toot:
    """A Mastodon server: `posts` by number; `live` = numbers its stream sends (bytes are sent as they are) before it
    ends the connection; `pages` False = it gives no pages."""

    posts: list[int] = field(default_factory=list)
    live: list[int | bytes] = field(default_factory=list)
    pages: bool = True
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def status(number: int) -> dict[str, object]:
    """One post as Mastodon sends it."""
    return {
        "id": str(10_000 + number),
        "uri": f"https://toot.example/{number}",
        "url": f"https://toot.example/@a/{number}",
        "created_at": "2026-03-02T08:00:00Z",
        "content": f"<p>{text_of(number)}</p>",
        "language": "en",
        "account": {"acct": "a", "url": "https://toot.example/@a"},
    }


def told(number: int) -> bytes:
    """One post as the stream tells it."""
    return b"event: update\ndata: %s\n\n" % json.dumps(status(number)).encode()


@contextmanager
def mastodon() -> Iterator[Toot]:
    here = Toot()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            split = urlsplit(self.path)
            if split.path.startswith("/api/v1/streaming"):
                self.stream()
            else:
                self.page(int(parse_qs(split.query)["min_id"][0]) - 10_000)

        def stream(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b":)\n\n")
            for one in here.live:
                data = one if isinstance(one, bytes) else told(one)
                for at in range(0, len(data), 700):  # split anywhere
                    self.wfile.write(data[at : at + 700])
                    self.wfile.flush()

        def page(self, after: int) -> None:
            self.send_response(200 if here.pages else 422)
            newer = [n for n in here.posts if n > after][:40]
            body = json.dumps([status(n) for n in reversed(newer)]).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield here
    server.shutdown()
    server.server_close()


@dataclass
class Nats:
    """A NATS server of our own, which can be killed and started again on the same store."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [
            nats_server(),
            "-js",
            "-a",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-sd",
            str(self.folder),
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(200):
            with (
                suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 0.2) as probe,
            ):
                if probe.recv(4) == b"INFO":
                    return
            time.sleep(0.02)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def nats_server() -> str:
    """Where the server's program is; '' where it is not installed."""
    path = Path(sys.executable).with_name("nats-server")
    return str(path) if os.access(path, os.X_OK) else ""


@contextmanager
def nats(folder: Path) -> Iterator[Nats]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = Nats(folder, port)
    here.start()
    try:
        yield here
    finally:
        here.kill()


def publish(
    url: str, numbers: range | list[int], *, partitions: int, raw: dict[int, bytes] | None = None
) -> None:
    """Put posts on a stream `posts`, each on the partition its number falls on."""

    async def send() -> None:
        client = await connect(url)
        js = client.jetstream()
        await js.add_stream(name="posts", subjects=["posts", "posts.>"])
        for n in numbers:
            row = {"id": f"n{n}", "text": text_of(n), "at": "2026-03-02T08:00:00Z"}
            body = (raw or {}).get(n) or json.dumps(row).encode()
            await js.publish("posts" if partitions == 1 else f"posts.{n % partitions}", body)
        await client.close()

    asyncio.run(send())
