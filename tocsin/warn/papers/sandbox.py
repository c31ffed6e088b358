"""An agency's own layout, set where it can do no harm: another process with nothing to reach for.

Typst itself runs no commands, but a layout can read files beside it, fetch packages from the net, and loop. So the
child may open nothing, has a few seconds and a bounded memory, and what it returns is checked: a layout that
leaves out the marking, a banner or that a warning was cancelled is no layout for a warning.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from base64 import b64encode
from importlib.resources import files

from tocsin.formats.papers import pdf
from tocsin.formats.papers.paper import Paper
from tocsin.formats.typeset import CannotTypeset
from tocsin.warn.papers.looks import House

MOST_SOURCE = 64_000
"""Bytes of a layout's source."""
MOST_PDF = 8_000_000
_SECONDS = 3
_WAIT = 15
"""Seconds on the clock: a loaded machine gets longer than the 3 seconds of computing."""
_MEMORY = 1_200_000_000


def typeset(paper: Paper, house: House) -> bytes:
    """The paper in its agency's layout. Raises: CannotTypeset, saying what is wrong with the layout."""
    values, assets = pdf.data(paper), pdf.files(paper, house.seal)
    values["seal"] = bool(house.seal)
    job = {
        "template": house.template,
        "data": json.dumps(values, ensure_ascii=False),
        "assets": {name: b64encode(data).decode() for name, data in assets.items()},
        "at": int(paper.at.timestamp()),
        "seconds": _SECONDS,
        "bytes": _MEMORY,
    }
    made = _run(job)
    _check(made, paper)
    return made


def _run(job: dict[str, object]) -> bytes:
    script = str(files("tocsin.warn.papers").joinpath("sandboxed.py"))
    with tempfile.TemporaryDirectory(prefix="tocsin-layout-") as empty:
        given = json.dumps({**job, "root": empty}).encode()
        try:
            done = subprocess.run(
                [sys.executable, "-I", script],
                input=given,
                capture_output=True,
                timeout=_WAIT,
                env={"RAYON_NUM_THREADS": "1"},
                cwd=empty,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _wrong(f"it took longer than {_WAIT} seconds") from None
    if done.returncode == 3:
        raise _wrong(done.stderr.decode(errors="replace").strip())
    if done.returncode != 0:
        raise _wrong("it asked for more time, memory or reach than a layout is given")
    if len(done.stdout) > MOST_PDF:
        raise _wrong(f"it made more than {MOST_PDF // 1_000_000} MB")
    return done.stdout


def _check(made: bytes, paper: Paper) -> None:
    """What must stand on every page, and once at least."""
    from pypdf import PdfReader  # noqa: PLC0415 - only where an agency has its own layout

    pages = [_flat(page.extract_text()) for page in PdfReader(io.BytesIO(made)).pages]
    for number, page in enumerate(pages, 1):
        if page.count(_flat(paper.marking)) < 2:
            raise _wrong(f"page {number} does not carry {paper.marking} at its head and its foot")
    whole = " ".join(pages)
    musts = [
        ("the title", paper.title),
        ("the banner", paper.banner),
        ("what stands above it all (cancelled, expired, replaced)", paper.standing),
        ("the number", paper.number),
        ("whose copy it is", paper.copy),
    ]
    for name, words in musts:
        if words and _flat(words) not in whole:
            raise _wrong(f"it leaves out {name}")


def _flat(text: str) -> str:
    """Letters and digits alone: a line broken elsewhere is the same line."""
    return "".join(c for c in text.casefold() if c.isalnum())


def _wrong(words: str) -> CannotTypeset:
    return CannotTypeset(
        f"the layout cannot be used: {words}",
        field="source",
        cure="Correct it and propose it again.",
    )
