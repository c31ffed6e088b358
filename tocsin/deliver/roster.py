"""The directory as a file: read CSV or XLSX row by row, write the template and the rows that were refused.

A stranger's file: it may be huge, half broken, or hold formulas. Nothing in it is run, and one bad row
never stops the others.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from tocsin.kernel.errors import Invalid

COLUMNS = (
    "agency",
    "role",
    "order",
    "name",
    "email",
    "email2",
    "webhook",
    "sms",
    "voice",
    "service",
    "account",
)
_NEEDED = ("agency", "role", "name")
MOST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 20_000
_MOST_UNPACKED = 60 * 1024 * 1024
_EXAMPLE = (
    "# example",
    "partner",
    "1",
    "Duty officer",
    "duty@police.example",
    "",
    "",
    "+12025550123",
    "",
    "",
    "",
)
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Row(msgspec.Struct, frozen=True):
    """One row that could be read. `number` = its line in the file; `cells` as they were sent;
    `rank` 0 = the file says nothing of an order: after those there are."""

    number: int
    cells: dict[str, str]
    agency: str
    role: str
    rank: int
    name: str
    ways: list[tuple[str, str]]
    account: str


class Refused(msgspec.Struct, frozen=True):
    """One row that did not come in: which field, why, and what to do."""

    number: int
    cells: dict[str, str]
    field: str
    message: str
    cure: str


class Sheet(msgspec.Struct, frozen=True):
    """A file as read."""

    filename: str
    rows: list[Row]
    refused: list[Refused]


def read(filename: str, content: bytes) -> Sheet:
    """Read a directory file. Raises: Invalid when the file as a whole cannot be read."""
    lines = cells_of(content)
    header = next(lines, None)
    if header is None:
        raise _bad("the file is empty", "Download the template and fill it in.")
    columns = _columns(header[1])
    rows: list[Row] = []
    refused: list[Refused] = []
    for number, cells in lines:
        if cells[0].startswith("#"):
            continue
        if len(rows) + len(refused) >= MOST_ROWS:
            raise _bad(f"more than {MOST_ROWS} rows", "Split it into several files.")
        got = {c: cells[i].strip() if i < len(cells) else "" for i, c in enumerate(columns) if c}
        try:
            rows.append(_row(number, got))
        except Invalid as e:
            refused.append(Refused(number, got, e.field, e.message, e.cure))
    return Sheet(filename[:200], rows, refused)


def cells_of(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV or XLSX file that hold anything, with their number. Raises: Invalid, also while reading."""
    if len(content) > MOST_BYTES:
        raise _bad(f"larger than {MOST_BYTES // 1024 // 1024} MB", "Split it into several files.")
    table = _xlsx(content) if content[:2] == b"PK" else _csv(content)
    return ((n, cells) for n, cells in table if any(c.strip() for c in cells))


def template() -> bytes:
    """The empty file to fill in, as CSV that spreadsheets open as it is (UTF-8 with its mark)."""
    return _written([COLUMNS, _EXAMPLE])


def refused_file(refused: Iterable[dict[str, Any]]) -> bytes:
    """Rows that were refused, with why, as CSV: mend them here and import this file."""
    rows: list[Sequence[str]] = [(*COLUMNS, "refused because")]
    for r in refused:
        why = f"{r['field']}: {r['message']}. {r['cure']}"
        rows.append([*(r["cells"].get(c, "") for c in COLUMNS), why])
    return _written(rows)


def _written(rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([_harmless(c) for c in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    """A cell no spreadsheet takes for a formula (OWASP: CSV injection)."""
    return "'" + cell if cell.startswith(_STARTS_FORMULA) else cell


def _columns(header: Sequence[str]) -> list[str]:
    names = [" ".join(c.lower().split()).replace("e-mail", "email") for c in header]
    names = ["order" if n == "rank" else n for n in names]
    missing = [c for c in _NEEDED if c not in names]
    if missing:
        cure = "The first row names the columns; download the template to see them."
        raise _bad(f"there is no column {missing[0]!r}", cure)
    for name in names:
        if name and name not in COLUMNS and name != "refused because":
            raise _bad(f"the column {name!r} means nothing here", f"Use: {', '.join(COLUMNS)}.")
    if len([n for n in names if n]) != len({n for n in names if n}):
        raise _bad("a column stands twice", "Keep one of each.")
    return [n if n in COLUMNS else "" for n in names]


def _row(number: int, cells: dict[str, str]) -> Row:
    for name, cell in cells.items():
        if cell.startswith("="):
            raise Invalid("holds a formula", field=name, cure="Paste the value itself.")
    for name in _NEEDED:
        if not cells[name]:
            raise Invalid("is empty", field=name, cure="Fill it in, or remove the row.")
    order = cells.get("order") or "1"
    try:
        rank = int(order)
    except ValueError:
        raise Invalid(
            f"{order!r} is no whole number", field="order", cure="1 is asked first, then 2."
        ) from None
    pairs = (
        ("email", "email"),
        ("email", "email2"),
        *((kind, kind) for kind in ("webhook", "sms", "voice", "service")),
    )
    ways = [(kind, cells[column]) for kind, column in pairs if cells.get(column)]
    return Row(
        number,
        cells,
        cells["agency"],
        cells["role"],
        rank,
        cells["name"],
        ways,
        cells.get("account", ""),
    )


def _csv(content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise _bad("the file is not UTF-8 text", "Save it as CSV UTF-8, or as XLSX.") from e
    if "\x00" in text:
        raise _bad("the file is not text", "Save it as CSV UTF-8, or as XLSX.")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            unquoted = [
                c[1:] if c[:1] == "'" and c[1:].startswith(_STARTS_FORMULA) else c for c in cells
            ]
            yield reader.line_num, unquoted
    except csv.Error as e:
        raise _bad(f"line {reader.line_num}: {e}", "Mend the quotes on that line.") from e


def _xlsx(content: bytes) -> Iterator[tuple[int, list[str]]]:
    cure = "Open it in a spreadsheet and save it again as XLSX or CSV."
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(i.file_size for i in packed.infolist()) > _MOST_UNPACKED:
                raise _bad("it unpacks to more than 60 MB", "Keep only the rows that matter.")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as e:
        raise _bad("this is no readable XLSX file", cure) from e
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # the size a file claims is not to be trusted
        for number, cells in enumerate(sheet.iter_rows(values_only=True, max_col=40), 1):
            yield number, ["" if c is None else _plain(c) for c in cells] or [""]
    except (ValueError, KeyError, IndexError, SyntaxError, zipfile.BadZipFile) as e:
        raise _bad("this is no readable XLSX file", cure) from e
    finally:
        book.close()


def _plain(cell: object) -> str:
    """A cell as a person sees it: spreadsheets keep 1 as 1.0."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).replace("\x00", "")


def _bad(message: str, cure: str) -> Invalid:
    return Invalid(message, field="file", cure=cure)
