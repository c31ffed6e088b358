"""A paper rendered three times: the same words, marked, escaped, in any script and at any length."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as few
from hypothesis import strategies as st
from pypdf import PdfReader

from tocsin.formats import typeset
from tocsin.formats.papers import markup, pdf, plain, sketch
from tocsin.formats.papers.paper import (
    Estimate,
    Judged,
    Judgments,
    Layout,
    Paper,
    Place,
    Reference,
    References,
    Sketch,
    Steps,
    Words,
)
from tocsin.warn.papers import sample

AT = datetime(2026, 3, 5, 19, 2, tzinfo=UTC)
FULL = sample.paper("BULLETIN", "Fusion centre", AT)
BARE = Paper("wrn_x", "Note", "A title", "TLP:GREEN", "Fusion centre", AT)
ODD = '"] #read("x") \\ */ <script>alert(1)</script> & $x$ _a_ *b* @c `d` // e'


def reader(paper: Paper) -> PdfReader:
    return PdfReader(io.BytesIO(pdf.pdf(paper)))


def words(paper: Paper) -> str:
    return " ".join(" ".join(p.extract_text() for p in reader(paper).pages).split())


class Seen(HTMLParser):
    """Text and tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def everything(paper: Paper) -> list[str]:
    """Words that each renderer must show."""
    judged = next(b for b in paper.blocks if isinstance(b, Judgments))
    return [
        paper.title,
        paper.banner,
        paper.standing,
        paper.copy,
        *[j.text for j in judged.items],
        "likely (55–80 %)",
        "West gate",
        "First post.",
        "The gate is closed.",
        "Man the west gate from noon.",
        "See you at the west gate",
        "0" * 64,
        "Crowding expected at the west gate",
        "TLP:GREEN",
    ]


def test_three_renderings_say_the_same() -> None:
    shown = {
        "pdf": words(FULL).replace(" ", ""),
        "html": "".join(Seen(markup.page(FULL)).text.split()),
        "text": "".join(plain.text(FULL).split()),
    }
    for name, text in shown.items():
        for said in everything(FULL):
            assert "".join(said.split()) in text, f"{name} does not say {said!r}"


def test_the_marking_stands_at_the_head_and_foot_of_each_page() -> None:
    long = replace(FULL, blocks=(*FULL.blocks, Words("More", ("Word. " * 3000,))))
    pages = reader(long).pages
    assert len(pages) > 3
    for page in pages:
        assert page.extract_text().count("TLP:AMBER+STRICT") >= 2
    for text in (plain.text(FULL), Seen(markup.body(FULL)).text):
        inner = text.strip()
        assert inner.startswith("TLP:AMBER+STRICT")
        assert "TLP:AMBER+STRICT" in inner[-120:]


def test_the_pdf_is_tagged_named_and_reproducible() -> None:
    made = reader(FULL)
    root: Any = made.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert "pdfuaid:part" in root["/Metadata"].get_object().get_data().decode()
    kinds = re.findall(r"'/S': '/(\w+)'", str(_tree(root["/StructTreeRoot"])))
    assert {"H1", "H2", "Figure", "Table", "TH", "L", "LI"} <= set(kinds)
    assert pdf.pdf(FULL) == pdf.pdf(FULL)


def _tree(node: object, depth: int = 0) -> object:
    found = node.get_object() if hasattr(node, "get_object") else node
    if isinstance(found, dict) and depth < 30:
        kids = found.get("/K", [])
        own = {"/S": str(found.get("/S", ""))}
        return [own, _tree(kids, depth + 1)]
    if isinstance(found, list):
        return [_tree(kid, depth + 1) for kid in found]
    return None


def test_a_sheet_is_one_page_in_the_largest_type_that_fits() -> None:
    short = replace(BARE, layout=Layout.SHEET, blocks=(Words("", ("Look for vans.",)),))
    full = replace(FULL, layout=Layout.SHEET, tear=None)
    assert len(reader(short).pages) == len(reader(full).pages) == 1
    sizes = [_size(p, word) for p, word in ((short, "vans"), (full, "closed"))]
    assert sizes[0] > sizes[1] >= 8


def _size(paper: Paper, word: str) -> float:
    found: list[float] = []

    def look(text: str, cm: object, tm: list[float], font: object, size: float) -> None:
        if word in text:
            found.append(abs(size * tm[3]) or size)

    reader(paper).pages[0].extract_text(visitor_text=look)
    return max(found)


def test_words_are_never_markup() -> None:
    judged = Judged(1, ODD, (1,), Estimate("likely", 4, 55, 80), "low", ODD, ODD)
    odd = replace(
        BARE,
        title=ODD,
        issuer=ODD,
        standing=ODD,
        banner=ODD,
        blocks=(
            Words(ODD, (ODD,)),
            Steps(ODD, (ODD,)),
            Judgments(ODD, (judged,)),
            Sketch(ODD, (Place(1, ODD, 1, 1, ODD),)),
            References(ODD, (Reference(1, ODD, ODD, (ODD,), "ab"),)),
        ),
    )
    assert "script" not in Seen(markup.page(odd)).tags
    assert "<script>alert(1)</script>" in words(odd)
    assert plain.text(odd).count(ODD) >= 10


@pytest.mark.parametrize(
    "name",
    [
        "東京タワー",
        "Дмитрий Шостакович",
        "שלום",
        "عمر الخيام",
        "Nguyễn Thị Minh",
        "ไทย",
        "😀",
        "नमस्ते",
        "\u202eabc",
    ],
)
def test_any_script_makes_a_pdf_and_what_cannot_be_shown_is_said(name: str) -> None:
    paper = replace(BARE, title=f"Seen near {name}")
    text = words(paper)
    if typeset.BLANK in text:
        assert "no typeface" in text
        assert name[0] not in text
    assert name in plain.text(paper)
    assert name in markup.page(paper)


def test_many_scripts_at_once_end_in_a_pdf() -> None:
    paper = replace(
        BARE, blocks=(Words("", (" ".join(chr(c) for c in range(0x370, 0x3000, 37)),)),)
    )
    assert words(paper)


def test_missing_fields_leave_no_empty_frame() -> None:
    assert words(BARE).count("A title") == 1
    assert ": \n" not in plain.text(BARE)
    assert "None" not in plain.text(BARE) + words(BARE)
    assert "<h2></h2>" not in markup.page(BARE)


def test_a_hundred_sources_and_a_long_word_keep_within_the_page() -> None:
    many = tuple(
        Reference(n, "Report", "x" * 90, ("captured " + "y" * 40,), "a" * 64) for n in range(1, 101)
    )
    pages = reader(replace(BARE, blocks=(References("Sources", many),))).pages
    text = " ".join(p.extract_text() for p in pages)
    assert "[100]" in text
    assert 3 < len(pages) < 12


@few(max_examples=25)
@given(st.lists(st.tuples(st.floats(-89, 89), st.floats(-180, 180)), min_size=1, max_size=9))
def test_every_mark_of_a_sketch_lies_on_it(at: list[tuple[float, float]]) -> None:
    places = tuple(Place(n, f"P{n}", lat, lon) for n, (lat, lon) in enumerate(at, 1))
    drawn = sketch.svg(places)
    for x, y in re.findall(r'<circle cx="([-\d.]+)" cy="([-\d.]+)" r="8.5"', drawn):
        assert 0 <= float(x) <= sketch.WIDTH
        assert 0 <= float(y) <= sketch.HEIGHT + 12
    assert "nan" not in drawn
    assert "inf" not in drawn


def test_a_sketch_is_to_scale() -> None:
    apart = sketch.scale_words((Place(1, "a", 38.0, -77.0), Place(2, "b", 39.0, -77.0)))
    assert "111 km (69 mi)" in apart
    dateline = sketch.scale_words((Place(1, "a", 0, 179.9), Place(2, "b", 0, -179.9)))
    assert "22.2 km" in dateline
    assert sketch.scale_words((Place(1, "a", 38.0, -77.0),)) == ""


def test_a_template_reads_nothing_of_the_machine() -> None:
    for source in (
        '#read("/etc/passwd")',
        '#read("../../../pyproject.toml")',
        '#import "@preview/a:1.0.0": *',
    ):
        with pytest.raises(typeset.CannotTypeset):
            typeset.pdf(source, {}, at=AT)
