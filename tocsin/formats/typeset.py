"""From a typst template and data to a PDF: tagged (PDF/UA-1), reproducible, without touching disk or net."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files

import typst

from tocsin.kernel.errors import TocsinError


class CannotTypeset(TocsinError):
    """The template and its data do not make a document; says where."""

    code = "cannot_typeset"


def pdf(
    template: str,
    data: Mapping[str, object],
    *,
    assets: Mapping[str, bytes] | None = None,
    at: datetime,
) -> bytes:
    """Typeset `template` (typst source) with `data` as PDF bytes.

    The template reads its values with `#let d = json(bytes(sys.inputs.data))`; values arrive as data and
    are never parsed as markup. `assets` are files it may read by name (images, shared template parts).
    `at` is the document's date, so that the same input gives the same bytes.
    Raises: CannotTypeset, with typst's words, where the template is wrong or reads what is not there.
    """
    sources = {"main": template.encode(), **(assets or {})}
    inputs = {"data": json.dumps(data, ensure_ascii=False)}
    try:
        made: bytes = typst.compile(
            sources,
            format="pdf",
            sys_inputs=inputs,
            pdf_standards=["ua-1"],
            font_paths=_fonts(),
            timestamp=int(at.timestamp()),
        )
    except typst.TypstError as error:
        raise CannotTypeset(
            f"cannot be typeset: {error}", field="template", cure="Correct it."
        ) from error
    return made


@cache
def _fonts() -> object:
    """The typefaces that ship with typst: documents look the same on every machine."""
    return typst.Fonts(include_system_fonts=False)


def part(package: str, name: str) -> str:
    """A template that ships with `package` (a dotted name), as text."""
    return files(package).joinpath(name).read_text(encoding="utf-8")
