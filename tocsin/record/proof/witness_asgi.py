"""The witness over HTTP: `POST /add-checkpoint`, and `GET /` to see what it has seen."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tocsin.record.proof.witness import Answer, Witness

FOLDER = "WITNESS_DIR"  # how the server's processes learn of the folder
MAX_BODY_BYTES = 256 * 1024  # 63 hashes and a checkpoint with dozens of large signatures

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def application() -> Callable[[dict[str, Any], Receive, Send], Awaitable[None]]:
    """The application for the folder named in the environment; for a server that makes it in each process."""
    return serve(Witness(Path(os.environ[FOLDER])))


def serve(witness: Witness) -> Callable[[dict[str, Any], Receive, Send], Awaitable[None]]:
    """An ASGI application around a witness."""

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        answer = await _answer(witness, scope, receive)
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    return app


async def _answer(witness: Witness, scope: dict[str, Any], receive: Receive) -> Answer:
    path, method = scope["path"], scope["method"]
    if path == "/" and method == "GET":
        return await asyncio.to_thread(_shown, witness)
    if path != "/add-checkpoint":
        return Answer(404, b"there is no such page\n")
    if method != "POST":
        return Answer(405, b"checkpoints are sent by POST\n")
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return Answer(413, b"the request is too large\n")
        if not message.get("more_body"):
            return await asyncio.to_thread(witness.add_checkpoint, body)


def _shown(witness: Witness) -> Answer:
    logs = [
        {"origin": s.origin, "size": s.size, "root": s.root.hex(), "at": s.at}
        for s in witness.seen()
    ]
    shown = {"keys": [key.text() for key in witness.verifiers], "logs": logs}
    return Answer(200, json.dumps(shown, indent=1).encode() + b"\n", "application/json")


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
