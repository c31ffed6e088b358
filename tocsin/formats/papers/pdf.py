"""A paper as PDF: tagged (PDF/UA-1), reproducible, its marking at the head and foot of every page."""

from __future__ import annotations

import io
import struct
from base64 import b64encode
from functools import cache
from typing import Any

from tocsin.formats import typeset
from tocsin.formats.papers import sketch
from tocsin.formats.papers.paper import (
    SCALE,
    Block,
    Judgments,
    Paper,
    References,
    Sketch,
    Steps,
    Table,
    Timeline,
    Words,
)

_WIDE = 44
"""A fact longer than so many letters takes the whole width of the masthead."""
_UNPRINTABLE = (
    "□ stands for a letter of a script for which no typeface is installed where this was printed. "
    "The same product as a web page or as plain text has every letter."
)


def pdf(paper: Paper, *, seal: bytes = b"", template: str = "") -> bytes:
    """The paper as PDF bytes, in our own layout or in `template` (typst source that was checked before).

    `seal` is a PNG. Equal papers give equal bytes. Raises: CannotTypeset.
    """
    values, assets = data(paper), files(paper, seal)
    values["seal"] = bool(seal)
    source = template or _ours()
    return typeset.pdf(source, values, assets=assets, at=paper.at, missing=_missing)


def _missing(values: dict[str, Any]) -> None:
    """Say on the paper that letters are missing."""
    values["note"].append(_UNPRINTABLE)


@cache
def _ours() -> str:
    return typeset.part("tocsin.formats.papers", "paper.typ")


def files(paper: Paper, seal: bytes = b"") -> dict[str, bytes]:
    """What a template may show as images, by name: seal, sketches, the code to scan."""
    found: dict[str, bytes] = {"seal.svg": _wrapped(seal)} if seal else {}
    for n, block in enumerate(paper.blocks):
        if isinstance(block, Sketch):
            found[f"sketch-{n}.svg"] = sketch.svg(block.places).encode()
    if paper.answer:
        import segno  # noqa: PLC0415 - only where something is printed

        out = io.BytesIO()
        segno.make(paper.answer.url, error="m", micro=False).save(
            out, kind="svg", scale=4, border=2
        )
        found["answer.svg"] = out.getvalue()
    return found


def _wrapped(seal: bytes) -> bytes:
    """A PNG within an SVG of its size: typst takes files given to it in memory only as text."""
    wide, high = struct.unpack(">II", seal[16:24])  # PNG: the header chunk comes first
    shown = b64encode(seal).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}">'
        f'<image width="{wide}" height="{high}" href="data:image/png;base64,{shown}"/></svg>'
    ).encode()


def data(paper: Paper) -> dict[str, Any]:
    """The paper as a template gets it: JSON values, the same names for everybody's templates."""
    return {
        "number": paper.number,
        "kind": paper.kind,
        "title": paper.title,
        "marking": paper.marking,
        "issuer": paper.issuer,
        "date": paper.at.isoformat(),
        "precedence": paper.precedence,
        "edition": paper.edition,
        "layout": paper.layout.value,
        "banner": paper.banner,
        "standing": paper.standing,
        "facts": [
            {"name": f.name, "value": f.value, "wide": len(f.value) > _WIDE} for f in paper.facts
        ],
        "blocks": [_block(n, block) for n, block in enumerate(paper.blocks)],
        "tear": None
        if paper.tear is None
        else {
            "marking": paper.tear.marking,
            "title": paper.tear.title,
            "paragraphs": list(paper.tear.paragraphs),
        },
        "answer": None
        if paper.answer is None
        else {"url": paper.answer.url, "words": paper.answer.words},
        "copy": paper.copy,
        "note": [paper.fallback] if paper.fallback else [],
        "language": paper.language,
        "scale": [list(part) for part in SCALE],
        "seal": False,
    }


def _block(n: int, block: Block) -> dict[str, Any]:
    match block:
        case Words():
            return {
                "kind": "words",
                "heading": block.heading,
                "paragraphs": list(block.paragraphs),
                "boxed": block.boxed,
            }
        case Steps():
            return {"kind": "steps", "heading": block.heading, "items": list(block.items)}
        case Judgments():
            items = [
                {
                    "number": j.number,
                    "text": j.text,
                    "cites": list(j.cites),
                    "estimate": j.estimate
                    and {
                        "term": j.estimate.term,
                        "step": j.estimate.step,
                        "low": j.estimate.low,
                        "high": j.estimate.high,
                    },
                    "confidence": j.confidence,
                    "basis": j.basis,
                    "change": j.change,
                }
                for j in block.items
            ]
            return {"kind": "judgments", "heading": block.heading, "items": items}
        case Sketch():
            places = [
                {
                    "number": p.number,
                    "name": p.name,
                    "note": p.note,
                    "at": sketch.degrees(p.lat, p.lon),
                }
                for p in block.places
            ]
            return {
                "kind": "sketch",
                "heading": block.heading,
                "places": places,
                "image": f"sketch-{n}.svg",
                "alt": sketch.words(block.places),
                "reach": sketch.scale_words(block.places),
            }
        case Timeline():
            moments = [{"when": m.when, "text": m.text} for m in block.moments]
            return {"kind": "timeline", "heading": block.heading, "moments": moments}
        case Table():
            return {
                "kind": "table",
                "heading": block.heading,
                "columns": list(block.columns),
                "rows": [list(row) for row in block.rows],
                "widths": _widths(block),
            }
        case References():
            sources = [
                {
                    "number": r.number,
                    "kind": r.kind,
                    "words": r.words,
                    "details": list(r.details),
                    "digest": r.digest,
                }
                for r in block.items
            ]
            return {"kind": "references", "heading": block.heading, "items": sources}


def _widths(table: Table) -> list[int]:
    """The share of each column: the root of its longest cell, so that long text does not starve the rest."""
    longest = [
        max([len(column), *(len(row[i]) for row in table.rows)])
        for i, column in enumerate(table.columns)
    ]
    return [max(3, round(min(n, 400) ** 0.5 * 2)) for n in longest]
