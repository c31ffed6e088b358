"""From a typst template and data to a PDF: tagged (PDF/UA-1), reproducible, without touching disk or net."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from tocsin.kernel.errors import TocsinError

_NO_GLYPH = re.compile(r'the text `?"(.+?)"`? could not be displayed', re.S)
_ESCAPED = re.compile(r"\\u\{([0-9a-fA-F]+)\}")
_TRIES = 12
"""So many scripts without a typeface are put right one by one; then everything that is not Latin is."""
BLANK = "□"
_ROOT = str(files("tocsin.formats") / "papers")
"""Beside the assets only our own templates can be read, whatever directory we run in."""


class CannotTypeset(TocsinError):
    """The template and its data do not make a document; says where."""

    code = "cannot_typeset"
    status = 422


def pdf(
    template: str,
    data: Mapping[str, object],
    *,
    assets: Mapping[str, bytes] | None = None,
    at: datetime,
    missing: Callable[[dict[str, Any]], None] | None = None,
) -> bytes:
    """Typeset `template` (typst source) with `data` as PDF bytes.

    The template reads its values with `#let d = json(bytes(sys.inputs.data))`; values arrive as data and
    are never parsed as markup. `assets` are files it may read by name (SVG images, template
    parts); they must be text.
    `at` is the document's date, so that the same input gives the same bytes.

    Letters the typefaces that ship with typst lack are sought among the machine's; letters no typeface has
    are shown as □, and `missing` is told so that the document can say it.
    Raises: CannotTypeset, with typst's words, where the template is wrong or reads what is not there.
    """
    import typst  # noqa: PLC0415 - only where something is printed

    sources = {"main": template.encode(), **(assets or {})}
    text = json.dumps(data, ensure_ascii=False)
    try:
        return _made(sources, text, at, system=False)
    except typst.TypstError as error:
        if not _NO_GLYPH.search(str(error)):
            raise _cannot(error) from error
    return _with_fewer_letters(sources, text, at, missing)


def _with_fewer_letters(
    sources: Mapping[str, bytes],
    text: str,
    at: datetime,
    missing: Callable[[dict[str, Any]], None] | None,
) -> bytes:
    import typst  # noqa: PLC0415

    lost: list[str] = []
    for tried in range(_TRIES + 2):
        try:
            return _made(sources, _blanked(text, lost, missing), at, system=True)
        except typst.TypstError as error:
            found = _NO_GLYPH.search(str(error))
            if not found or tried > _TRIES:
                raise _cannot(error) from error
            # A script goes as a whole: its letters come in dozens, and half a name helps nobody.
            letters = _ESCAPED.sub(lambda m: chr(int(m.group(1), 16)), found.group(1))
            lost += ["\u0250-\U0010ffff"] if tried == _TRIES else map(_script, letters)
    raise AssertionError("the last try returns or raises")


def _script(letter: str) -> str:
    """The range of letters that stand and fall with this one, as a part of a regular expression's class."""
    code = ord(letter)
    if 0x2E80 <= code <= 0xD7FF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x3FFFF:
        return "\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
    if code < 0x80:
        return ""  # ours to print: and the frame of the data is made of these
    if code < 0x0250 or 0x2000 <= code <= 0x27BF:
        return re.escape(letter)
    low = code & ~0x7F
    return f"{chr(low)}-{chr(low + 0x7F)}"


def _blanked(text: str, lost: list[str], missing: Callable[[dict[str, Any]], None] | None) -> str:
    letters = "".join(lost)
    if not letters:
        return text
    values: dict[str, Any] = json.loads(re.sub(f"[{letters}]", BLANK, text))
    if missing:
        missing(values)
    return json.dumps(values, ensure_ascii=False)


def _cannot(error: Exception) -> CannotTypeset:
    return CannotTypeset(f"cannot be typeset: {error}", field="template", cure="Correct it.")


def _made(sources: Mapping[str, bytes], text: str, at: datetime, *, system: bool) -> bytes:
    import typst  # noqa: PLC0415

    made: bytes = typst.compile(  # type: ignore[call-overload]  # the stub knows no files in memory
        dict(sources),
        root=_ROOT,
        format="pdf",
        sys_inputs={"data": text},
        pdf_standards=["ua-1"],
        font_paths=_fonts(system),
        package_path=_ROOT,
        package_cache_path=_ROOT,
        timestamp=int(at.timestamp()),
    )
    return made


@cache
def _fonts(system: bool) -> object:
    """The typefaces that ship with typst, so that documents look the same on every machine; with the
    machine's own only where those lack a letter."""
    import typst  # noqa: PLC0415

    return typst.Fonts(include_system_fonts=system)


def part(package: str, name: str) -> str:
    """A template that ships with `package` (a dotted name), as text."""
    return files(package).joinpath(name).read_text(encoding="utf-8")
