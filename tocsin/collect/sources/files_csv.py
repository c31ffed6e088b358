"""CSV files: a header, then rows; quoted values may span lines."""

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

import msgspec
from msgspec import UNSET

from tocsin.collect.sources.batch import Batch, refuse
from tocsin.collect.sources.mapping import Mapping, Shaper, UnfitRow
from tocsin.collect.sources.rows import (
    LINE_CAP,
    Records,
    lines_of,
    needed_columns,
    unpacked,
    unreadable,
)
from tocsin.collect.terms import Item, Refused


class _TextLines:
    """Lines as text for the CSV reader, keeping the bytes of the row at hand.

    Bytes that do not decode become lone surrogates, which the shaper refuses row by row.
    """

    def __init__(self, stream: io.BufferedReader, encoding: str) -> None:
        self._lines = lines_of(stream)
        self._encoding = encoding
        self.number = 0
        self.row: list[bytes] = []
        self.cut = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.number, line, whole = next(self._lines)
        self.cut = self.cut or not whole
        self.row.append(line)
        return line.decode(self._encoding, "surrogateescape")

    def start_row(self) -> None:
        """Forget the bytes of the row before."""
        self.row.clear()
        self.cut = False


def csv_rows(raw: BinaryIO, mapping: Mapping, batch: Batch, skip: int) -> Records:
    """Read the header at once, then hand out the rows.

    Raises:
        BadMapping: the header lacks a required column.
        Broken: the header is not readable.
    """
    shaper = Shaper(mapping)
    lines = _TextLines(unpacked(raw), mapping.encoding)
    reader = csv.reader(lines, delimiter=mapping.delimiter)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise unreadable(error) from error
    places = needed_columns(header, shaper) if header else []
    return _rows(lines, reader, _Row(header, places, shaper), batch, skip)


class _Row:
    """Turns the values of one line into an item, by the header."""

    def __init__(self, header: list[str], places: list[int], shaper: Shaper) -> None:
        self._header = header
        self._places = places
        self._shaper = shaper

    def read(self, row: list[str], where: str, raw: bytes) -> Item | Refused:
        if len(row) != len(self._header):
            reason = f"{len(row)} columns, where the header has {len(self._header)}"
            return refuse(where, "", reason, "Look for a stray delimiter or quote.", raw)
        try:
            return self._shaper.item([UNSET if at < 0 else row[at] for at in self._places])
        except UnfitRow as unfit:
            return refuse(where, unfit.part, unfit.reason, unfit.cure, self._as_json(row, raw))

    def _as_json(self, row: list[str], raw: bytes) -> bytes:
        """Keep a refused row so that it can be read again without its header."""
        try:
            return msgspec.json.encode(dict(zip(self._header, row, strict=True)))
        except UnicodeEncodeError:
            return raw


def _rows(
    lines: _TextLines, reader: Iterator[list[str]], shape: _Row, batch: Batch, skip: int
) -> Records:
    count = 0
    while True:
        where = f"line {lines.number + 1}"
        lines.start_row()
        problem = ""
        try:
            row = next(reader, None)
        except csv.Error as error:
            row, problem = [], str(error)
        if row is None:
            return
        count += 1
        if count <= skip:
            continue
        batch.cursor["rows"] = str(count)
        if lines.cut:
            problem = f"a line longer than {LINE_CAP} bytes"
        if problem:
            cure = "Look for a quote that is never closed."
            reason = f"not readable as CSV: {problem}"
            yield refuse(where, "", reason, cure, b"".join(lines.row))
        elif row:
            yield shape.read(row, where, b"".join(lines.row))
