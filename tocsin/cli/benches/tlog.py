"""Proof to strangers: the tree alone, tiles verified from outside, proofs, cosignatures; pymerkle beside it.

`TOCSIN_BENCH_PEER_PYTHON` names a Python that has pymerkle; without it the peer is left out.
"""

from __future__ import annotations

import json
import os
import resource
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg

from tocsin.cli.benches import Measure, fresh_database, percentile, scratch

_ENTRY = (
    '{"actor":"per_01k4zq5c8v0m3n2p7r9t","agency":"fusion","data":{"duty":"dty_01k4zq5c8v0m3n2p7r9t",'
    '"outcome":"released","title":{"commitment":"c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00",'
    '"vault":"vlt_01k4zq5c8v0m3n2p7r9t"}},"id":"ent_%020d","kind":"duty.discharged",'
    '"marking":{"agency":"fusion","operation":"op_01k4zq5c8v0m3n2p7r9t","tlp":"AMBER"},'
    '"occurred_at":"2026-03-02T09:00:00.000000Z","recorded_at":"2026-03-02T09:00:00.000000Z",'
    '"subject":"wrn_01k4zq5c8v0m3n2p7r9t","v":1}'
)
_PEER = """
import sys, time, json
from pymerkle import InmemoryTree
for size in map(int, sys.argv[1:]):
    tree, last = InmemoryTree(algorithm="sha256"), max(1, size // 10)
    for i in range(size - last): tree.append_entry(b"%d" % i)
    a = time.perf_counter()
    for i in range(size - last, size): tree.append_entry(b"%d" % i)
    b = time.perf_counter()
    for i in range(100): tree.prove_inclusion(1 + i * 7919 % size)
    c = time.perf_counter()
    for i in range(100): tree.prove_consistency(1 + i * 7919 % size, size)
    d = time.perf_counter()
    print(json.dumps([size, (b - a) / last * 1e6, (c - b) * 10, (d - c) * 10]), flush=True)
"""


def run(*, quick: bool = False) -> Iterator[Measure]:
    """All figures; `quick` = small sizes."""
    yield from _append([10_000, 100_000] if quick else [10_000, 100_000, 1_000_000, 10_000_000])
    yield from _peer([1_000, 10_000] if quick else [10_000, 100_000, 1_000_000])
    size = 20_000 if quick else 1_000_000
    with scratch() as folder:
        yield from _tiles(folder, size)
    with fresh_database("tlog") as url, scratch() as folder:
        yield from _database(url, folder, size)


def _append(sizes: list[int]) -> Iterator[Measure]:
    """One entry at a time, as pymerkle does, and in batches of 1,000, as the sequencer does."""
    from tocsin.record.tree import Frontier, leaf_hash  # noqa: PLC0415

    tree, before = Frontier(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for size in sizes:
        while tree.size < size - 10_000:
            tree.extend_with_nodes([secrets.token_bytes(32)] * 1000)
        leaves = [secrets.token_bytes(32) for _ in range(5_000)]
        begin = time.perf_counter()
        for i in range(0, 5_000, 1000):
            tree.extend_with_nodes(leaves[i : i + 1000])
        batched = (time.perf_counter() - begin) / 5_000 * 1e6
        begin = time.perf_counter()
        for i in range(5_000):
            tree.append(leaf_hash(b"%d" % i))
        single = (time.perf_counter() - begin) / 5_000 * 1e6
        how = "tree only, no database; mean of the last 5,000"
        yield Measure(f"record.tree.append.at_{size}", round(single, 2), "us", f"{how}, one by one")
        name = f"record.tree.append_batch.at_{size}"
        yield Measure(name, round(batched, 2), "us", f"{how}, 1,000 at a time, with new nodes")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    edge = 32 * len(tree.edge)
    how = f"all that growth keeps in memory at {tree.size:,} entries; the process grew by {grown:,} KiB"
    yield Measure("record.tree.memory", edge, "bytes", how)


def _peer(sizes: list[int]) -> Iterator[Measure]:
    python = os.environ.get("TOCSIN_BENCH_PEER_PYTHON", sys.executable)
    command = [python, "-c", _PEER, *map(str, sizes)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in found.stdout.splitlines():
        size, append, inclusion, consistency = json.loads(line)
        how = "pymerkle, InmemoryTree, sha256, in the same run"
        yield Measure(f"peer.pymerkle.append.at_{size}", round(append, 2), "us", how)
        yield Measure(f"peer.pymerkle.inclusion.at_{size}", round(inclusion, 3), "ms", how)
        yield Measure(f"peer.pymerkle.consistency.at_{size}", round(consistency, 3), "ms", how)


def _tiles(folder: Path, size: int) -> Iterator[Measure]:
    """`tocsin-verify` over a folder of tiles, as a stranger runs it: the whole process."""
    from tocsin.cli import tocsin_verify  # noqa: PLC0415
    from tocsin.record.note import SigningKey  # noqa: PLC0415
    from tocsin.record.proof.published import tiles_in  # noqa: PLC0415
    from tocsin.record.proof.tiles import TiledNodes  # noqa: PLC0415
    from tocsin.record.tree import consistency_proof, inclusion_proof  # noqa: PLC0415

    signer = SigningKey.generate("bench.example/record")
    told = _write_tiles(folder, size, signer)
    command = [sys.executable, "-I", "-S", tocsin_verify.__file__, str(folder)]
    command += ["--key", signer.verifier.text()]
    tries = []
    for _ in range(3):
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        tries.append(time.perf_counter() - begin)
    how = f"{size} entries of {told:.0f} bytes: every entry, tile and signature; whole process, best of 3"
    yield Measure("record.tiles.verify", round(min(tries), 2), "s", how)
    read = tiles_in(folder)
    how = f"from a folder of tiles at {size}, nothing kept in memory; p95 of 200"
    took = _timed(lambda n: inclusion_proof(TiledNodes(read, size), n % size, size))
    yield Measure("record.tiles.inclusion_proof", took, "ms", how)
    took = _timed(lambda n: consistency_proof(TiledNodes(read, size), 1 + n % size, size))
    yield Measure("record.tiles.consistency_proof", took, "ms", how)


def _write_tiles(folder: Path, size: int, signer: Any) -> float:
    """A published record of made-up entries; returns their mean length in bytes."""
    from tocsin.record.note import Checkpoint, sign_note  # noqa: PLC0415
    from tocsin.record.proof.tiles import ENTRIES, WIDTH, Tile, encode_bundle  # noqa: PLC0415
    from tocsin.record.tree import Frontier, leaf_hashes  # noqa: PLC0415

    tree, rows, total = Frontier(), {0: bytearray(), 1: bytearray(), 2: bytearray()}, 0
    for first in range(0, size, WIDTH):
        entries = [(_ENTRY % n).encode() for n in range(first, min(size, first + WIDTH))]
        leaves, total = leaf_hashes(entries), total + sum(map(len, entries))
        rows[0] += b"".join(leaves)
        for level, _, made in tree.extend_with_nodes(leaves):
            if level in (8, 16):
                rows[level // 8] += made
        tile = Tile(ENTRIES, first // WIDTH, len(entries))
        _put(folder / tile.path(), encode_bundle(entries))
    for level, row in rows.items():
        for at in range(0, len(row), WIDTH * 32):
            part = bytes(row[at : at + WIDTH * 32])
            _put(folder / Tile(level, at // (WIDTH * 32), len(part) // 32).path(), part)
    statement = Checkpoint(signer.name, size, tree.root())
    _put(folder / "checkpoint", sign_note(statement.text(), [signer]))
    return total / size


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _database(url: str, folder: Path, size: int) -> Iterator[Measure]:
    """Proofs out of PostgreSQL, a checkpoint signed, and cosignatures of a witness beside it."""
    from tocsin.record.models import WitnessState  # noqa: PLC0415
    from tocsin.record.proof.published import (  # noqa: PLC0415
        newest,
        prove_consistency,
        prove_inclusion,
    )
    from tocsin.record.sequencer import load_frontier, load_signer, sign_checkpoint  # noqa: PLC0415

    _grow(url, 0, size)
    how = f"out of PostgreSQL at {size}; p95 of 200"
    took = _timed(lambda n: prove_inclusion(n % size, size))
    yield Measure("record.database.inclusion_proof", took, "ms", how)
    took = _timed(lambda n: prove_consistency(1 + n % size, size))
    yield Measure("record.database.consistency_proof", took, "ms", how)
    signer, tries = load_signer(), []
    with _witnessed(folder) as ask:
        for step in range(10):
            _grow(url, size + step * 100, size + (step + 1) * 100)
            begin = time.perf_counter()
            sign_checkpoint(load_frontier(size + (step + 1) * 100), signer)
            WitnessState.objects.update(
                tried_at=None
            )  # it rests 4 s between two, which is not measured
            between = time.perf_counter()
            ask()
            tries.append((between - begin, time.perf_counter() - between))
    last = newest()
    yield Measure(
        "record.checkpoint.sign",
        round(percentile([a for a, _ in tries], 0.95) * 1000, 1),
        "ms",
        f"load the tree's edge at {last and last.size}, sign, commit; p95 of 10",
    )
    yield Measure(
        "record.witness.cosign",
        round(percentile([b for _, b in tries], 0.95) * 1000, 1),
        "ms",
        "prove, ask over HTTP, witness checks and keeps on disk, Ed25519 and ML-DSA-44 checked and kept; "
        "p95 of 10; the worker asks within a second, at most every 4 s",
    )


def _grow(url: str, old: int, new: int) -> None:
    """Places and nodes as the sequencer leaves them, without entries: proofs need no more."""
    from tocsin.record.sequencer import load_frontier  # noqa: PLC0415
    from tocsin.record.tree import Frontier  # noqa: PLC0415

    tree = load_frontier(old) if old else Frontier()
    with psycopg.connect(url) as c, c.cursor() as cursor:
        for first in range(old, new, 10_000):
            leaves = [secrets.token_bytes(32) for _ in range(first, min(new, first + 10_000))]
            with cursor.copy("COPY record_place (seq, n, leaf) FROM STDIN") as copy:
                for i, leaf in enumerate(leaves):
                    copy.write_row((first + i, first + i, leaf))
            made = [n for n in tree.extend_with_nodes(leaves) if n[0] % 8 == 0]
            with cursor.copy("COPY record_node (level, index, hash) FROM STDIN") as copy:
                for row in made:
                    copy.write_row(row)
        c.commit()
        c.execute("ANALYZE record_place")


@contextmanager
def _witnessed(folder: Path) -> Iterator[Callable[[], object]]:
    """A witness that answers on this machine; yields what asks it."""
    from dataclasses import replace  # noqa: PLC0415

    from tocsin.kernel import settings  # noqa: PLC0415
    from tocsin.record.proof.asking import ask_due  # noqa: PLC0415
    from tocsin.record.proof.witness import Witness, make_keys  # noqa: PLC0415
    from tocsin.record.sequencer import load_signer  # noqa: PLC0415

    keys = make_keys(folder / "w", "bench.example/w")
    witness = Witness(folder / "w")
    witness.trust(load_signer().verifier)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = witness.add_checkpoint(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    lines = [
        f"witness w{n} {key.text()} http://127.0.0.1:{server.server_port}"
        for n, key in enumerate(keys)
    ]
    (folder / "policy").write_text("\n".join([*lines, "group w all w0 w1", "quorum w", ""]))
    before, changed = (
        settings.current,
        replace(settings.current(), witness_policy=folder / "policy"),
    )
    settings.current = lambda: changed  # type: ignore[assignment]
    try:
        yield ask_due
    finally:
        settings.current = before
        server.shutdown()
        server.server_close()


def _timed(what: Callable[[int], object]) -> float:
    """p95 of 200 calls, in milliseconds, after one to warm up."""
    what(1)
    took = []
    for i in range(200):
        begin = time.perf_counter()
        what(i * 7_919_777)
        took.append(time.perf_counter() - begin)
    return round(percentile(took, 0.95) * 1000, 2)
