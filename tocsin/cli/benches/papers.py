"""Time of a paper: a two-page bulletin as PDF, a one-page sheet, the same in an agency's layout, HTML and text.

No database: what is measured is from the structured paper to bytes. The first PDF of a process also loads
typefaces, and is given by itself.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from tocsin.cli.benches import Measure, percentile
from tocsin.formats.papers.paper import Layout, Paper

TARGET_MS = 100


def run(*, quick: bool = False) -> Iterator[Measure]:
    """p50 and p95 in ms of each rendering, with pages and size; `quick` = a fifth of the rounds."""
    from tocsin.formats.papers import markup, pdf, plain  # noqa: PLC0415 - loads typst
    from tocsin.formats.typeset import part  # noqa: PLC0415
    from tocsin.warn.papers import sample, sandbox  # noqa: PLC0415
    from tocsin.warn.papers.looks import House  # noqa: PLC0415

    at = datetime(2026, 10, 5, 18, 2, tzinfo=UTC)
    bulletin = sample.paper("BULLETIN", "Fusion centre", at)
    sheet = replace(bulletin, layout=Layout.SHEET, tear=None)
    ours = House(template=part("tocsin.formats.papers", "paper.typ"))
    begin = time.perf_counter()
    made = pdf.pdf(bulletin)
    first = (time.perf_counter() - begin) * 1000
    how = f"bulletin of {_pages(made)} pages, {len(made) // 1000} kB, PDF/UA-1, likelihood bars, sketch, tearline"
    yield Measure("papers.pdf.first", round(first, 1), "ms", f"{how}; typefaces loaded")
    rounds = 10 if quick else 50
    # A new title each time: an equal document would be answered from typst's own memory.
    yield from _time(
        "papers.pdf.bulletin",
        lambda n: pdf.pdf(_nth(bulletin, n)),
        rounds,
        f"{how}; target ≤ {TARGET_MS}",
    )
    yield from _time(
        "papers.pdf.sheet", lambda n: pdf.pdf(_nth(sheet, n)), rounds, "one page, type fitted"
    )
    yield from _time("papers.html", lambda n: markup.page(_nth(bulletin, n)), rounds, "one file")
    yield from _time("papers.text", lambda n: plain.text(_nth(bulletin, n)), rounds, "plain text")
    yield from _time(
        "papers.pdf.own_layout",
        lambda n: sandbox.typeset(_nth(bulletin, n), ours),
        max(3, rounds // 10),
        "the standard layout as an agency's own: a process of its own, then every page read back and checked",
    )


def _nth(paper: Paper, n: int) -> Paper:
    return replace(paper, title=f"{paper.title} ({n})", number=f"wrn_{n:020d}")


def _time(name: str, make: Callable[[int], object], rounds: int, how: str) -> Iterator[Measure]:
    took = []
    for n in range(rounds):
        begin = time.perf_counter()
        make(n)
        took.append((time.perf_counter() - begin) * 1000)
    for share, label in ((0.5, "p50"), (0.95, "p95")):
        yield Measure(f"{name}.{label}", round(percentile(took, share), 1), "ms", how)


def _pages(made: bytes) -> int:
    from pypdf import PdfReader  # noqa: PLC0415

    return len(PdfReader(io.BytesIO(made)).pages)
