"""A paper as HTML: one column that reads on a phone, a screen and a printer; no script, nothing fetched."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import cache
from html import escape

from tocsin.formats import typeset
from tocsin.formats.papers import sketch
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
    Tear,
    Timeline,
    Words,
)

_BAR = (200, 8)
_SEALED = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""A file that stands alone fetches nothing, whatever is in it."""


def page(paper: Paper, *, seal: bytes = b"") -> str:
    """A whole page that stands alone: its style within it, its seal too."""
    return (
        f'<!doctype html>\n<html lang="{escape(paper.language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="Content-Security-Policy" content="{_SEALED}">'
        f"<title>{escape(paper.marking)} {escape(paper.title)}</title><style>{style()}</style></head>"
        f'<body class="paper-page">{body(paper, seal=seal)}</body></html>\n'
    )


@cache
def style() -> str:
    """The style of a paper, for a page that stands alone."""
    return typeset.part("tocsin.formats.papers", "paper.css")


def body(paper: Paper, *, seal: bytes = b"", seal_url: str = "") -> str:
    """The paper as one `article`, to stand in any page; headings begin at h1. All text is escaped."""
    return f'<article class="paper paper-{paper.layout.value}">{"".join(_parts(paper, seal, seal_url))}</article>'


def _parts(paper: Paper, seal: bytes, seal_url: str) -> Iterator[str]:
    yield _marking(paper.marking, "head")
    yield '<header class="paper-masthead">'
    source = seal_url or (f"data:image/png;base64,{b64encode(seal).decode()}" if seal else "")
    if source:
        yield f'<img class="paper-seal" src="{escape(source)}" alt="Seal of {escape(paper.issuer)}">'
    edition = f", edition {paper.edition}" if paper.edition > 1 else ""
    yield f"<p><b>{escape(paper.issuer)}</b><span>{escape(paper.kind)}{edition}</span></p>"
    if paper.precedence:
        yield f'<p class="paper-precedence">{escape(paper.precedence)}</p>'
    yield "</header>"
    if facts := [f for f in paper.facts if f.name != "From"]:
        rows = (f"<div><dt>{escape(f.name)}</dt><dd>{escape(f.value)}</dd></div>" for f in facts)
        yield f'<dl class="paper-facts">{"".join(rows)}</dl>'
    if paper.standing:
        yield f'<p class="paper-standing" role="note">{escape(paper.standing)}</p>'
    if paper.banner:
        yield f'<p class="paper-banner">{escape(paper.banner)}</p>'
    yield f"<h1>{escape(paper.title)}</h1>"
    for block in paper.blocks:
        yield _block(block)
    if paper.answer:
        yield (
            f'<p class="paper-answer"><a href="{escape(paper.answer.url)}">{escape(paper.answer.words)}</a></p>'
        )
    if paper.tear:
        yield tear_off(paper.tear)
    notes = [n for n in (paper.fallback, paper.copy, paper.number) if n]
    yield f'<footer class="paper-foot">{"".join(f"<p>{escape(n)}</p>" for n in notes)}</footer>'
    yield _marking(paper.marking, "foot")


def blocks(shown: Iterable[Block]) -> str:
    """Some blocks by themselves, to stand among others on a page."""
    return "".join(map(_block, shown))


def tear_off(tear: Tear) -> str:
    """The part below the tearline, with its marking before and after."""
    marking = _marking(tear.marking, "tear")
    cut = "Tearline: what follows may be passed on without the rest"
    return (
        f'<section class="paper-tear"><p class="paper-cut">{cut}</p>{marking}<h2>{escape(tear.title)}</h2>'
        f"{_paragraphs(tear.paragraphs)}{marking}</section>"
    )


def _marking(words: str, where: str) -> str:
    tone = words.removeprefix("TLP:").split("+")[0].strip().lower().replace(" ", "-")
    shown = f'<span class="tlp" data-tlp="{escape(tone)}">{escape(words)}</span>'
    return f'<p class="paper-marking" data-where="{where}">{shown}</p>'


def _block(block: Block) -> str:
    match block:
        case Words():
            kind = "aside" if block.boxed else "section"
            return f"<{kind}>{_heading(block.heading)}{_paragraphs(block.paragraphs)}</{kind}>"
        case Steps():
            return _section(block.heading, _list("ul", map(_lines, block.items), "paper-steps"))
        case Judgments():
            return _section(
                block.heading, _list("ol", map(_judged, block.items), "paper-judgments")
            )
        case Sketch():
            return _section(block.heading, _sketch(block))
        case Timeline():
            rows = (
                f"<div><dt>{escape(m.when)}</dt><dd>{_lines(m.text)}</dd></div>"
                for m in block.moments
            )
            return _section(block.heading, f'<dl class="paper-timeline">{"".join(rows)}</dl>')
        case Table():
            return _section(block.heading, _table(block))
        case References():
            return _section(
                block.heading, _list("ol", map(_reference, block.items), "paper-sources")
            )


def _section(heading: str, inner: str) -> str:
    return f"<section>{_heading(heading)}{inner}</section>"


def _heading(words: str) -> str:
    return f"<h2>{escape(words)}</h2>" if words else ""


def _paragraphs(texts: Iterable[str]) -> str:
    return "".join(f"<p>{_lines(text)}</p>" for text in texts)


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _list(kind: str, items: Iterable[str], name: str) -> str:
    return f'<{kind} class="{name}">{"".join(f"<li>{item}</li>" for item in items)}</{kind}>'


def _judged(j: Judged) -> str:
    cites = "".join(f' <a class="cite" href="#paper-source-{n}">[{n}]</a>' for n in j.cites)
    change = f' <em class="paper-change">({escape(j.change)})</em>' if j.change else ""
    parts = [f"<p><b>{_lines(j.text)}</b>{cites}{change}</p>"]
    if j.estimate:
        parts.append(
            f'<p class="paper-estimate">{bar(j.estimate)} Likelihood: <b>{escape(j.estimate.term)}</b> '
            f"({j.estimate.low}–{j.estimate.high} %).</p>"
        )
    if j.confidence:
        parts.append(
            f'<p class="paper-estimate">Confidence: <b>{escape(j.confidence)}</b>. {_lines(j.basis)}</p>'
        )
    return "".join(parts)


def bar(estimate: Estimate) -> str:
    """The likelihood bar: seven ranges to scale, the one meant filled. The words beside it say the same."""
    wide, high = _BAR
    cells = (
        f'<rect x="{wide * low / 100 + 0.5:g}" y="0.5" width="{wide * (up - low) / 100:g}" height="{high - 1}"'
        f"{' class=' + chr(34) + 'on' + chr(34) if n == estimate.step else ''}/>"
        for n, (low, up) in enumerate(SCALE)
    )
    return (
        f'<svg class="paper-bar" aria-hidden="true" width="{wide + 1}" height="{high}" '
        f'viewBox="0 0 {wide + 1} {high}">{"".join(cells)}</svg>'
    )


def _sketch(block: Sketch) -> str:
    items = (
        f"<b>{escape(p.name)}</b> <span>{sketch.degrees(p.lat, p.lon)}</span>"
        + (f" {_lines(p.note)}" if p.note else "")
        for p in block.places
    )
    reach = sketch.scale_words(block.places)
    drawn = sketch.svg(block.places, sketch.SCREEN)
    listed = _list("ol", items, "paper-list") + _paragraphs([reach] if reach else [])
    return f'<div class="paper-places">{drawn}<div>{listed}</div></div>'


def _table(block: Table) -> str:
    head = "".join(f'<th scope="col">{escape(c)}</th>' for c in block.columns)
    rows = (
        "<tr>"
        + "".join(
            f'<td data-label="{escape(c)}">{_lines(cell)}</td>'
            for c, cell in zip(block.columns, row, strict=True)
        )
        + "</tr>"
        for row in block.rows
    )
    return f'<table class="paper-table"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _reference(r: Reference) -> str:
    words = f": {escape(r.words)}" if r.words else ""
    details = f"<span>{escape('; '.join(r.details))}</span>" if r.details else ""
    digest = f"<code>SHA-256 {escape(r.digest)}</code>" if r.digest else ""
    return (
        f'<div id="paper-source-{r.number}"><b>{escape(r.kind)}</b>{words}{details}{digest}</div>'
    )
