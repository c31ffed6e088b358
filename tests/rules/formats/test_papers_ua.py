"""Our papers before a judge of PDF/UA-1 that is not typst: it agrees with veraPDF on
veraPDF's own files. Where it is not installed, a word says so."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from tocsin.formats.papers import pdf
from tocsin.warn.papers import sample
from tocsin.warn.products import PRODUCTS

judge = pytest.importorskip("page", reason="page-validation is not installed")
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_product_passes_every_rule(product: str) -> None:
    made = pdf.pdf(sample.paper(product, "Metro police", AT))
    report = judge.validate_pdf_bytes(made, profile="ua1")
    assert [(f.rule_id, f.message) for f in report.failures] == []
    assert report.rules.total > 100


def test_the_judge_refuses_a_paper_whose_tags_are_taken_away() -> None:
    from pypdf import PdfReader, PdfWriter  # noqa: PLC0415

    made = pdf.pdf(sample.paper("BULLETIN", "Metro police", AT))
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(made)))
    del writer.root_object["/StructTreeRoot"]
    bare = io.BytesIO()
    writer.write(bare)
    assert not judge.is_pdf_compliant_bytes(bare.getvalue(), profile="ua1")
