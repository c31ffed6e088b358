"""A paper in the form asked for, in its agency's layout where that works and in ours where it does not."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from tocsin.formats.papers import markup, pdf, plain
from tocsin.formats.papers.paper import Paper
from tocsin.formats.typeset import CannotTypeset
from tocsin.warn.papers import sandbox
from tocsin.warn.papers.looks import House
from tocsin.warn.terms import Form

log = logging.getLogger("tocsin.warn")


@dataclass(frozen=True, slots=True)
class Printed:
    """The bytes of a paper. `fallback` = the words printed on it where its agency's layout failed."""

    data: bytes
    media_type: str
    suffix: str
    fallback: str = ""


def printed(paper: Paper, form: Form, house: House) -> Printed:
    """Render a paper. A broken layout of an agency never stops a warning: ours is used, and the paper says so."""
    if form is Form.TEXT:
        return Printed(plain.text(paper).encode(), "text/plain; charset=utf-8", "txt")
    if form is Form.HTML:
        page = markup.page(paper, seal=house.seal)
        return Printed(page.encode(), "text/html; charset=utf-8", "html")
    if house.template:
        try:
            made = sandbox.typeset(paper, house)
        except CannotTypeset as error:
            log.warning("layout of %s not used: %s", paper.issuer, error.message)
            paper = replace(
                paper,
                fallback=f"Set in the standard layout: the own layout of {paper.issuer} could not be used.",
            )
        else:
            return Printed(made, "application/pdf", "pdf")
    made = pdf.pdf(paper, seal=house.seal)
    return Printed(made, "application/pdf", "pdf", paper.fallback)
