"""A release as PDF and HTML, made from text the withheld words were cut out of. Pure: the same input, the same bytes.

A block has one width whatever it stands for, and neither its place in the log nor anything else tells a length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from tocsin.formats.typeset import part, pdf
from tocsin.oversee.rules import merged
from tocsin.oversee.terms import EXEMPTIONS

BLOCK = "\u2588" * 6
"""What stands in the HTML for withheld words: always six."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text of an item, as it was; `label` says what it is."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """One released document: its number and kind, and its texts in order."""

    number: int
    kind: str
    texts: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """One stretch that is withheld: which item (0-based), which of its texts, [start, end), the ground, and why."""

    item: int
    field: int
    start: int
    end: int
    exemption: str
    statute: str
    harm: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of a text: words that may be read, or (`grounds` not empty) a block."""

    words: str
    grounds: tuple[str, ...] = ()


def pieces(text: str, spans: Sequence[tuple[int, int, str]]) -> list[Piece]:
    """A text cut at its withheld stretches; what is withheld is in none of the pieces."""
    out: list[Piece] = []
    at = 0
    for start, end, grounds in merged(spans):
        if text[at:start]:
            out.append(Piece(text[at:start]))
        out.append(Piece("", grounds))
        at = end
    if text[at:]:
        out.append(Piece(text[at:]))
    return out


def redacted(items: Sequence[Item], marks: Sequence[Withheld]) -> list[dict[str, Any]]:
    """Items as the templates take them: every text as pieces, a block as {"grounds"}."""
    out = []
    for i, item in enumerate(items):
        texts = []
        for f, text in enumerate(item.texts):
            spans = [(m.start, m.end, m.exemption) for m in marks if (m.item, m.field) == (i, f)]
            cut = [
                {"grounds": " ".join(p.grounds)} if p.grounds else {"words": p.words}
                for p in pieces(text.text, spans)
            ]
            texts.append({"label": text.label, "pieces": cut})
        out.append({"number": item.number, "kind": item.kind, "texts": texts})
    return out


def log(items: Sequence[Item], marks: Sequence[Withheld]) -> list[dict[str, Any]]:
    """The withheld-log: a line for each ground and harm in each text, in order. It tells no length and no place."""
    seen: dict[tuple[Any, ...], int] = {}
    for m in sorted(marks, key=lambda m: (m.item, m.field, m.start)):
        key = (m.item, m.field, m.exemption, m.statute, m.harm)
        seen[key] = seen.get(key, 0) + 1
    return [
        {
            "number": n,
            "where": f"Document {items[item].number}, {items[item].texts[field].label.lower()}",
            "ground": exemption,
            "title": EXEMPTIONS[exemption].title,
            "law": EXEMPTIONS[exemption].law,
            "statute": statute,
            "harm": harm,
            "times": times,
        }
        for n, ((item, field, exemption, statute, harm), times) in enumerate(seen.items(), 1)
    ]


@dataclass(frozen=True, slots=True)
class Frame:
    """What is printed around the documents. `approved` = when a second person approved."""

    title: str
    reference: str
    agency: str
    approved: datetime


def as_pdf(frame: Frame, items: Sequence[Item], marks: Sequence[Withheld]) -> bytes:
    """The release as a tagged PDF. Raises: CannotTypeset."""
    data = {**_frame(frame), "items": redacted(items, marks), "log": log(items, marks)}
    return pdf(part("tocsin.oversee.redaction", "release.typ"), data, at=frame.approved)


def _frame(frame: Frame) -> dict[str, str]:
    day = f"{frame.approved.day} {frame.approved:%B %Y}"
    return {
        "title": frame.title,
        "reference": frame.reference,
        "agency": frame.agency,
        "day": day,
    }


def as_html(frame: Frame, items: Sequence[Item], marks: Sequence[Withheld]) -> str:
    """The release as one HTML file without scripts, images or links: nothing is fetched, nothing is hidden."""
    shown = _frame(frame)
    parts = [_HEAD.format(**{k: escape(v) for k, v in shown.items()})]
    for item in redacted(items, marks):
        parts.append(f"<h2>Document {item['number']}: {escape(item['kind'])}</h2>")
        for text in item["texts"]:
            words = "".join(_piece(p) for p in text["pieces"])
            parts.append(f"<h3>{escape(text['label'])}</h3>\n<p>{words}</p>")
    parts.append(_log(log(items, marks)))
    parts.append("</main></body></html>\n")
    return "\n".join(parts)


def _piece(piece: dict[str, str]) -> str:
    if "grounds" not in piece:
        return escape(piece["words"])
    ground = escape(piece["grounds"])
    return f'<span class="block" aria-hidden="true">{BLOCK}</span><span class="ground">[withheld {ground}]</span>'


def _log(lines: Sequence[dict[str, Any]]) -> str:
    rows = "\n".join(
        f"<tr><td>{n['number']}</td><td>{escape(n['where'])}</td><td>{escape(n['ground'])}</td>"
        f"<td>{escape(n['title'])} ({escape(n['law'])}{'; ' + escape(n['statute']) if n['statute'] else ''})</td>"
        f"<td>{n['times']}</td><td>{escape(n['harm'])}</td></tr>"
        for n in lines
    )
    return (
        f"{_LOG}{rows}</tbody></table>" if rows else "<h2>Withheld</h2><p>Nothing is withheld.</p>"
    )


_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 16px/1.5 Georgia, serif; color: #1b1f24; background: #fff; }}
main {{ max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }}
p {{ white-space: pre-wrap; overflow-wrap: anywhere; }} h3 {{ font-size: 1rem; color: #565d66; }}
.block {{ letter-spacing: 0; }} .ground {{ font-size: .8em; }} table {{ border-collapse: collapse; font-size: .9em; }}
th, td {{ border: 1px solid #85888c; padding: .3em .5em; text-align: left; vertical-align: top; }}
</style></head><body><main>
<h1>{title}</h1>
<p>{agency}. Released {day}. Reference: {reference}. Every block has the same width, whatever it stands for.</p>"""
_LOG = (
    "<h2>Withheld</h2><table><thead><tr><th>No.</th><th>Where</th><th>Exemption</th><th>Ground</th>"
    "<th>Times</th><th>Harm that is foreseen</th></tr></thead><tbody>"
)
