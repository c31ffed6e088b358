"""A paper as plain text: for mail, for a terminal, for a reader that speaks."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from tocsin.formats.papers.paper import (
    SCALE,
    Block,
    Estimate,
    Judged,
    Judgments,
    Paper,
    Reference,
    References,
    Sketch,
    Steps,
    Table,
    Timeline,
    Words,
)
from tocsin.formats.papers.sketch import degrees, scale_words

_RULE = "- - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -"


def text(paper: Paper) -> str:
    """The whole paper, its marking first and last; paragraphs are single lines, for the reader's own width."""
    head = f"{paper.marking}   {paper.precedence}   {paper.kind.upper()}".replace("      ", "   ")
    if paper.edition > 1:
        head += f", edition {paper.edition}"
    facts = [f"{fact.name}: {fact.value}" for fact in paper.facts]
    parts = ["\n".join([head, *facts]), paper.standing, paper.banner, paper.title]
    for block in paper.blocks:
        parts += _block(block)
    if paper.answer:
        parts.append(f"{paper.answer.words}\n{paper.answer.url}")
    if paper.tear:
        parts += [
            f"{_RULE}\nTEARLINE. What follows is {paper.tear.marking} and may be passed on without the rest.",
            paper.tear.title,
            *paper.tear.paragraphs,
        ]
    # The foot is the marking of the whole: whoever passes on the part below the line takes its own copy.
    foot = f"{paper.marking}   {paper.number}"
    parts += [paper.fallback, "\n".join(line for line in (paper.copy, foot) if line)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Words():
            lead = f"{block.heading}: " if block.heading else ""
            yield lead + "\n\n".join(block.paragraphs)
        case Steps():
            yield f"{block.heading}:\n" + "\n".join(f"- {item}" for item in block.items)
        case Judgments():
            if block.heading:
                yield f"{block.heading}:"
            yield from map(_judged, block.items)
        case Sketch():
            places = [
                f"{p.number}. {p.name} ({degrees(p.lat, p.lon)}){': ' + p.note if p.note else ''}"
                for p in block.places
            ]
            reach = scale_words(block.places)
            yield "\n".join([f"{block.heading}:", *places, *([reach] if reach else [])])
        case Timeline():
            yield f"{block.heading}:\n" + "\n".join(f"{m.when}  {m.text}" for m in block.moments)
        case Table():
            rows = ["; ".join(_cells(block, row)) for row in block.rows]
            yield f"{block.heading}:\n" + "\n".join(f"- {row}" for row in rows)
        case References():
            yield f"{block.heading}:\n" + "\n".join(map(_reference, block.items))


def _cells(table: Table, row: tuple[str, ...]) -> Iterator[str]:
    for column, cell in zip(table.columns, row, strict=True):
        if cell:
            yield f"{column}: {cell}" if column else cell


def _judged(j: Judged) -> str:
    cites = "".join(f" [{n}]" for n in j.cites)
    lines = [f"{j.number}. {j.text}{cites}"]
    said = []
    if j.estimate:
        said.append(f"Likelihood: {j.estimate.words}.")
    if j.confidence:
        said.append(f"Confidence: {j.confidence}. {j.basis}".strip())
    if said:
        lines.append("   " + " ".join(said))
    if j.estimate:
        lines.append(f"   {bar(j.estimate)}")
    if j.change:
        lines.append(f"   {j.change}")
    return "\n".join(lines)


def bar(estimate: Estimate) -> str:
    """The likelihood bar in letters: `0 % ....[=====]... 100 %`, a letter for each 4 percent."""
    cells = ["=" if estimate.low <= p < estimate.high else "." for p in range(2, 100, 4)]
    low, high = SCALE[0][0], SCALE[-1][1]
    return f"{low} % {''.join(cells)} {high} %"


def _reference(r: Reference) -> str:
    said = "; ".join(r.details)
    line = f"[{r.number}] {r.kind}: {r.words}" if r.words else f"[{r.number}] {r.kind}"
    parts = [line, said, f"SHA-256 {r.digest}" if r.digest else ""]
    return textwrap.indent("\n".join(p for p in parts if p), "    ").removeprefix("    ")
