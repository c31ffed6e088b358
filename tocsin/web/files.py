"""Static files, served beside Django: from memory, by version, compressed once.

Only names that Django's finders know are ever opened. A file that changed on disk (an upgrade, a developer)
is read again.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousFileOperation

PREFIX = "/static/"
_WORTH_PACKING = 1_000
_PACKED_KINDS = (
    "text/",
    "application/javascript",
    "image/svg",
    "application/json",
    "application/manifest",
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _File:
    stamp: tuple[int, int]
    kind: bytes
    etag: bytes
    plain: bytes
    packed: bytes | None


_files: dict[str, _File] = {}


async def files(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application behind `/static/`: 200, 304, 404 or 405."""
    headers = dict(scope["headers"])
    if scope["method"] not in {"GET", "HEAD"}:
        await _send(send, 405, [(b"allow", b"GET, HEAD")], b"")
        return
    found = _find(unquote(scope["path"]).removeprefix(PREFIX))
    if found is None:
        await _send(send, 404, [(b"content-type", b"text/plain")], b"There is no such file.\n")
        return
    packed = found.packed if b"gzip" in headers.get(b"accept-encoding", b"") else None
    body = packed or found.plain
    # An address with a version may be kept for ever; without one it is asked for again.
    keep = b"public, max-age=31536000, immutable" if scope.get("query_string") else b"no-cache"
    answer = [
        (b"content-type", found.kind),
        (b"etag", found.etag),
        (b"cache-control", keep),
        (b"vary", b"Accept-Encoding"),
        (b"x-content-type-options", b"nosniff"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]
    if found.etag in headers.get(b"if-none-match", b""):
        await _send(send, 304, answer, b"")
        return
    if packed:
        answer.append((b"content-encoding", b"gzip"))
    await _send(send, 200, answer, body, head=scope["method"] == "HEAD")


async def _send(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes, *, head: bool = False
) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": b"" if head else body})


def _find(name: str) -> _File | None:
    known = _files.get(name)
    try:
        path = finders.find(name)
    except (SuspiciousFileOperation, ValueError):
        return None
    if not path:
        return None
    file = Path(path)
    if not file.is_file():
        return None
    stat = file.stat()
    stamp = (stat.st_mtime_ns, stat.st_size)
    if known is None or known.stamp != stamp:
        known = _files[name] = _read(file, stamp)
    return known


def _read(file: Path, stamp: tuple[int, int]) -> _File:
    body = file.read_bytes()
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind in {"application/javascript", "application/json"}
    worth = len(body) > _WORTH_PACKING and kind.startswith(_PACKED_KINDS)
    return _File(
        stamp,
        (f"{kind}; charset=utf-8" if text else kind).encode(),
        f'"{hashlib.sha256(body).hexdigest()[:16]}"'.encode(),
        body,
        gzip.compress(body, 9, mtime=0) if worth else None,
    )
