"""Where labelled data for the benches is, outside the repository; not a bench itself."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tocsin.cli.benches import Measure


def folder() -> Path:
    """The folder of labelled data: TOCSIN_BENCH_DATA, or `shared/data` beside the repository."""
    told = os.environ.get("TOCSIN_BENCH_DATA")
    return Path(told) if told else Path(__file__).parents[4] / "shared" / "data"


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of one file; none where it is not there."""
    path = folder() / f"{name}.jsonl.gz"
    if not path.is_file():
        return []
    with gzip.open(path) as lines:
        return [msgspec.json.decode(line) for line in lines]


def missing(what: str, name: str) -> Measure:
    """Said instead of figures where the data is not there."""
    return Measure(
        f"{what}.skipped", 0, "", f"no {folder() / name}.jsonl.gz; set TOCSIN_BENCH_DATA"
    )


def run(*, quick: bool = False) -> Iterator[Measure]:
    """Which labelled data there is: files."""
    here = folder()
    found = len(list(here.rglob("*.jsonl.gz"))) if here.is_dir() else 0
    yield Measure("labelled.files", found, "files", str(here))
