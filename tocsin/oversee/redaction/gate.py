"""The gate: what leaves is read back as a stranger would, and searched for every withheld stretch.

It trusts nothing about how the file was made: pages, metadata, outlines, annotations, form fields, alternative texts
and attachments are all taken out of the bytes again. Words are compared folded and also with every space, hyphen and
line's end removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import unescape
from io import BytesIO
from typing import Any

from tocsin.kernel.errors import TocsinError
from tocsin.oversee.rules import leaks


@dataclass(frozen=True, slots=True)
class Leak:
    """Withheld words that can be read: which of the withheld stretches (0-based), and where."""

    withheld: int
    where: str


class Leaks(TocsinError):
    """The file would give away what is withheld. `found` names each place; the message never repeats the words."""

    code = "leaks"
    status = 422

    def __init__(self, found: list[Leak]) -> None:
        where = ", ".join(sorted({f.where for f in found})[:5])
        super().__init__(
            f"{len(found)} withheld stretch{'es' if len(found) > 1 else ''} can still be read: {where}",
            field="marks",
            cure="Withhold the same words there too, or change the words of the harm note or the title.",
        )
        self.found = found


def search(withheld: list[str], places: Iterable[tuple[str, str]]) -> list[Leak]:
    """Which withheld stretches can be read in which of the (where, text) given."""
    return [
        Leak(i, where)
        for where, text in places
        for i, words in enumerate(withheld)
        if leaks(words, text)
    ]


def check(pdf: bytes, html: str, withheld: list[str]) -> None:
    """Raises: Leaks naming the places; Leaks also for a file attached to the PDF, whatever it holds."""
    places = [*in_pdf(pdf), *in_html(html)]
    found = search(withheld, places)
    found += [Leak(-1, where) for where, _ in places if where.startswith("attachment")]
    if found:
        raise Leaks(found)


def in_pdf(data: bytes) -> Iterator[tuple[str, str]]:
    """(where, text) of everything in a PDF that can be read: what shows, and what does not."""
    from pypdf import PdfReader  # noqa: PLC0415 - slow to import, needed only here

    reader = PdfReader(BytesIO(data))
    whole = []
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text()
        whole.append(text)
        yield f"page {number}", text
    yield "the pages, one after another", "\n".join(whole)
    yield "metadata", " ".join(str(v) for v in (reader.metadata or {}).values())
    for name, files in reader.attachments.items():
        yield f"attachment {name}", " ".join([name, *(f.decode("latin-1") for f in files)])
    for number in sorted({n for g in reader.xref.values() for n in g} | set(reader.xref_objStm)):
        yield from _in_object(reader, number)


def _in_object(reader: Any, number: int) -> Iterator[tuple[str, str]]:
    """The strings of one object (titles, outlines, annotations, alternative texts), and its stream where it is text."""
    from pypdf.generic import IndirectObject, StreamObject  # noqa: PLC0415

    try:
        found = reader.get_object(IndirectObject(number, 0, reader))
    except Exception:  # noqa: BLE001 - a hole in the numbering is no place to hide anything
        return
    if found is None:
        return
    strings = " ".join(_strings(found))
    if strings:
        yield f"object {number}", strings
    if isinstance(found, StreamObject) and not _is_drawing(found):
        yield f"stream {number}", bytes(found.get_data()).decode("latin-1")


def _is_drawing(stream: Any) -> bool:
    """Typefaces and pictures: bytes that are not read as words (a page's own text was taken out above)."""
    kind, sub = str(stream.get("/Type", "")), str(stream.get("/Subtype", ""))
    font = "/Length1" in stream or sub in {"/CIDFontType0C", "/Type1C", "/OpenType"}
    return font or sub == "/Image" or kind in {"/XRef", "/ObjStm"}


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    from pypdf.generic import ByteStringObject, TextStringObject  # noqa: PLC0415

    if depth > 12:
        return
    if isinstance(value, TextStringObject):
        yield str(value)
    elif isinstance(value, ByteStringObject):
        yield bytes(value).decode("latin-1")
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, depth + 1)


def in_html(html: str) -> Iterator[tuple[str, str]]:
    """(where, text) of an HTML file: as it is read, and as its source is."""
    yield "the HTML, as it is read", unescape(re.sub(r"<[^>]*>", " ", html))
    yield "the HTML, without its tags", unescape(re.sub(r"<[^>]*>", "", html))
    yield "the HTML's source", html
