"""A record to attack: entries written and signed, its tiles published, and witnesses that watch it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from tocsin.cli import tocsin_verify
from tocsin.duties.actions import open_duty
from tocsin.kernel import settings
from tocsin.people.terms import SYSTEM
from tocsin.record.actions import writing
from tocsin.record.models import Checkpoint
from tocsin.record.note import VerifierKey
from tocsin.record.proof.published import newest, publish, signed
from tocsin.record.proof.witness import Witness, make_keys
from tocsin.record.sequencer import Sequencer, load_signer
from tocsin.record.terms import Marking

MARK = Marking("fusion", "AMBER", "")


def write(count: int, subject: str = "wrn_other") -> None:
    """Entries that change no table, placed and signed."""
    with writing(SYSTEM) as w:
        for _ in range(count):
            w.append("vault.unmasked", subject, {"vault": "vlt_1", "reason": {}}, marking=MARK)
    sign()


def write_duty(subject: str) -> None:
    with writing(SYSTEM) as w:
        open_duty(
            w, "review", subject, "Review the draft", MARK, owner_agency="fusion", owner_role="x"
        )
    sign()


def sign() -> Checkpoint:
    """Place what is pending and sign a checkpoint of all of it, without waiting a second."""
    from tocsin.record.sequencer import load_frontier, sign_checkpoint  # noqa: PLC0415

    sequencer = Sequencer()
    while sequencer.step():
        pass
    last = newest()
    if last is None or last.size < sequencer.size:
        last = sign_checkpoint(load_frontier(sequencer.size), load_signer())
    return last


@contextmanager
def as_superuser(url: str) -> Iterator[psycopg.Connection[Any]]:
    """One who owns the database and knows how to silence its triggers."""
    with psycopg.connect(url, autocommit=True) as c:
        c.execute("SET session_replication_role = replica")
        yield c


@contextmanager
def copy_of(url: str, name: str) -> Iterator[str]:
    """A whole copy of the database, as a backup of this moment; dropped at the end. Yields its owner's URL."""
    connections.close_all()
    server, source = url.replace("/" + _name(url), "/postgres", 1), _name(url)
    with psycopg.connect(server, autocommit=True) as c:
        make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        c.execute(make.format(sql.Identifier(name), sql.Identifier(source)))
    try:
        yield url.replace("/" + source, "/" + name, 1)
    finally:
        connections.close_all()
        with psycopg.connect(server, autocommit=True) as c:
            c.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def use(url: str) -> None:
    """Run on that database from now on, as the application does."""
    from tocsin.record import database  # noqa: PLC0415

    connections.close_all()
    database.configure(url.replace("postgresql://postgres:", "postgresql://tocsin_app:"))


def _name(url: str) -> str:
    return url.split("?", maxsplit=1)[0].rsplit("/", 1)[1]


def key_file(folder: Path) -> Path:
    path = folder / "record.vkey"
    path.write_text(load_signer().verifier.text() + "\n")
    return path


def keep(folder: Path, name: str = "kept") -> Path:
    """Put the newest checkpoint aside, as an outsider would."""
    last = newest()
    assert last is not None
    path = folder / name
    path.write_bytes(signed(last))
    return path


def tiles(folder: Path, **options: Any) -> Path:
    publish(folder, load_signer().verifier, **options)
    return folder


def check(*arguments: str | Path) -> tuple[int, str]:
    """What tocsin-verify finds: its exit status and its lines."""
    options = tocsin_verify._parser().parse_args([str(a) for a in arguments])
    out = tocsin_verify.Findings()
    path, trust = Path(options.path), tocsin_verify._trust(options)
    whole = Path(options.tiles) if options.tiles else None
    if path.is_dir():
        tocsin_verify.verify_tiles(path, trust, out)
    elif path.suffix == ".zip":
        tocsin_verify.verify_bundle(path, trust, whole, out)
    else:
        tocsin_verify.verify_checkpoint(path, whole, trust, out)
    return out.status, "\n".join(f"{kind} {words}" for kind, words in out.lines)


class _Handler(BaseHTTPRequestHandler):
    witness: Witness

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.witness.add_checkpoint(body)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        return


@dataclasses.dataclass
class Watching:
    """A witness that answers at `url`."""

    witness: Witness
    keys: list[VerifierKey]
    url: str
    server: ThreadingHTTPServer


@contextmanager
def witness(folder: Path, name: str, *, trusting: VerifierKey | None = None) -> Iterator[Watching]:
    """A witness with its own keys and state, served on this machine."""
    keys = make_keys(folder, name)
    made = Witness(folder)
    made.trust(trusting or load_signer().verifier)
    handler = type("Handler", (_Handler,), {"witness": made})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield Watching(made, keys, f"http://127.0.0.1:{server.server_port}", server)
    finally:
        server.shutdown()
        server.server_close()


def policy_text(*watching: Watching, needs: str = "any") -> str:
    """A policy over these witnesses: each by both of its keys, and counted once."""
    lines = [f"log {load_signer().verifier.text()}"]
    for number, w in enumerate(watching):
        for kind, key in zip(("ed", "ml"), w.keys, strict=True):
            lines.append(f"witness w{number}-{kind} {key.text()} {w.url}")
        lines.append(f"group w{number} any w{number}-ed w{number}-ml")
    members = " ".join(f"w{number}" for number in range(len(watching)))
    return "\n".join([*lines, f"group quorum-of {needs} {members}", "quorum quorum-of", ""])


def install(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Run with these settings."""
    changed = dataclasses.replace(settings.current(), **changes)
    monkeypatch.setattr(settings, "current", lambda: changed)
