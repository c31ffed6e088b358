"""Where compiled matchers are kept between runs: compiling takes seconds, reading it back a moment.

The matcher of the catalogue that ships comes along (`weights/matcher.xz`, made by `building.matcher`) and
is taken when it was compiled from the very same expressions by the same version of the library; the
library itself refuses one that this processor cannot run.

The folder is only a cache: whatever is wrong with it, the matcher is compiled anew. A file is taken only from a
folder that belongs to us and that nobody else may write to, and only when its hash is right.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import platform
import sys
from importlib import resources
from importlib.metadata import version
from pathlib import Path

from tocsin import __version__

_KEPT = 8  # files; older ones go


def place(about: bytes) -> Path | None:
    """The file for a matcher compiled from this, on this machine; None where nothing can be kept."""
    told = os.environ.get("TOCSIN_CACHE_DIR", "")
    if told == "off":
        return None
    try:
        home = Path(told) if told else Path.home() / ".cache" / "tocsin"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        state = home.stat()
    except (OSError, RuntimeError):
        return None
    if state.st_uid != os.getuid() or state.st_mode & 0o022:
        return None
    machine = (
        f"{__version__} {version('hyperscan')} {platform.machine()} {sys.version} {_features()}"
    )
    return home / f"{hashlib.sha256(machine.encode() + about).hexdigest()[:32]}.matcher"


SHIPPED = "matcher.xz"


def shipped(about: bytes, path: Path | None = None) -> bytes | None:
    """The matcher that ships (or lies at `path`), if it was compiled from this."""
    file = path or Path(str(resources.files("tocsin.screen").joinpath("weights", SHIPPED)))
    try:
        raw = file.read_bytes()
        return lzma.decompress(raw[32:]) if raw[:32] == _named(about) else None
    except (OSError, lzma.LZMAError):
        return None


def packed(about: bytes, raw: bytes) -> bytes:
    """A matcher as it ships: what it was compiled from, hashed, and the matcher."""
    return _named(about) + lzma.compress(raw, preset=9)


def _named(about: bytes) -> bytes:
    return hashlib.sha256(f"{version('hyperscan')} {platform.machine()}".encode() + about).digest()


def read(path: Path | None) -> bytes | None:
    """What is kept there, if it is whole."""
    if path is None:
        return None
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    return raw[32:] if hashlib.sha256(raw[32:]).digest() == raw[:32] else None


def write(path: Path | None, raw: bytes) -> None:
    """Keep it, whole or not at all; forget the oldest."""
    if path is None:
        return
    fresh = path.with_suffix(f".{os.getpid()}")
    try:
        fresh.write_bytes(hashlib.sha256(raw).digest() + raw)
        os.replace(fresh, path)
        files = sorted(path.parent.glob("*.matcher"), key=lambda kept: kept.stat().st_mtime)
        for old in files[:-_KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        fresh.unlink(missing_ok=True)


def _features() -> str:
    """What the processor can do: a matcher is compiled for it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
