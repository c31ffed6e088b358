"""Parquet files, a slice of rows at a time."""

from typing import Any, BinaryIO, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import UNSET

from tocsin.collect.sources.batch import Batch, refuse
from tocsin.collect.sources.mapping import Mapping, Shaper, UnfitRow
from tocsin.collect.sources.plain import without_surrogates
from tocsin.collect.sources.rows import Records, needed_columns, unreadable
from tocsin.collect.terms import Item, Refused

SLICE: Final = 1024
"""Rows held at once."""


def parquet_rows(raw: BinaryIO, mapping: Mapping, batch: Batch, skip: int) -> Records:
    """Open the file at once, then hand out the rows.

    Raises:
        BadMapping: the file lacks a required column.
        Broken: it is not a Parquet file.
    """
    shaper = Shaper(mapping)
    try:
        file = pq.ParquetFile(raw)
        names = list(file.schema_arrow.names)
    except pa.ArrowException as error:
        raise unreadable(error) from error
    needed_columns(names, shaper)

    def rows() -> Records:
        try:
            yield from _rows(file, names, shaper, batch, skip)
        except pa.ArrowException as error:
            raise unreadable(error) from error

    return rows()


def _rows(file: Any, names: list[str], shaper: Shaper, batch: Batch, skip: int) -> Records:
    there = [column for column in shaper.columns if column in names]
    total = max(file.metadata.num_rows, 1)
    number = 0
    batch.bytes_read = lambda: batch.total_bytes * min(number, total) // total
    for piece in file.iter_batches(batch_size=SLICE, columns=there, use_threads=False):
        if number + piece.num_rows <= skip:
            number += piece.num_rows
            continue
        found = {name: _values(piece.column(name)) for name in there}
        missing = [UNSET] * piece.num_rows
        for values in zip(*(found.get(name, missing) for name in shaper.columns), strict=True):
            number += 1
            if number > skip:
                batch.cursor["rows"] = str(number)
                yield _row(values, number, shaper)


def _values(column: Any) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):  # one bad cell, such as a year beyond the calendar
        values = [_value(cell) for cell in column]
    return values


def _value(cell: Any) -> Any:
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        return cell.as_buffer().to_pybytes().decode("utf-8", "surrogateescape")
    except (ValueError, OverflowError):
        return b""  # bytes fit no part of an item, so the row is refused


def _row(values: tuple[Any, ...], number: int, shaper: Shaper) -> Item | Refused:
    try:
        return shaper.item(values)
    except UnfitRow as unfit:
        row = {c: _kept(v) for c, v in zip(shaper.columns, values, strict=True) if v is not UNSET}
        raw = msgspec.json.encode(row)
        return refuse(f"row {number}", unfit.part, unfit.reason, unfit.cure, raw)


def _kept(value: Any) -> Any:
    """Keep a value of a refused row as JSON."""
    if isinstance(value, float | bool | None) or (type(value) is int and abs(value) < 2**63):
        return value
    return without_surrogates(str(value))
