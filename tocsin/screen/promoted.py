"""Which models a site uses: those that ship, or its own, once a named person promoted them.

A site's models lie in `models/<version>/` of its data folder; `models/promoted` names the version in
use. The record says who promoted it, when, and on what figures (`actions.promoting`).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_VERSION = re.compile(r"[0-9a-f]{16}")
_MARK = "promoted"


def home(data_dir: Path) -> Path:
    """The folder of a site's own models."""
    return data_dir / "models"


def folder(data_dir: Path) -> Path | None:
    """The folder of the models in use; None for those that ship."""
    try:
        version = (home(data_dir) / _MARK).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    found = home(data_dir) / version
    return found if _VERSION.fullmatch(version) and found.is_dir() else None


def use(data_dir: Path, version: str) -> None:
    """Make a version the one in use, '' for those that ship; whole or not at all."""
    home(data_dir).mkdir(parents=True, exist_ok=True)
    fresh = home(data_dir) / (_MARK + ".new")
    fresh.write_text(version + "\n", "ascii")
    os.replace(fresh, home(data_dir) / _MARK)
