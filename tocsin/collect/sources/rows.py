"""Rows of files: lines read within bounds, and JSON lines, the plainest format."""

import gzip
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, TypeAlias, cast

import msgspec
from msgspec import UNSET, UnsetType

from tocsin.collect.sources.batch import Batch, Broken, refuse
from tocsin.collect.sources.mapping import BadMapping, Mapping, Shaper, UnfitRow, check
from tocsin.collect.terms import FailReason, Item, Permanence, Refused

LINE_CAP: Final = 1024 * 1024
"""Longest line read, in bytes."""

Records: TypeAlias = Iterator[Item | Refused]


def unreadable(error: Exception) -> Broken:
    """Say that a file is damaged, as a failure of the source."""
    return Broken(
        FailReason.FILE_UNREADABLE,
        Permanence.PERMANENT,
        f"The file breaks off or is damaged: {str(error)[:200]}.",
        cure="Get it again from where it came; what was read before this place is kept.",
    )


def unpacked(raw: BinaryIO) -> io.BufferedReader:
    """Unpack gzip, told by its first bytes, whatever the file's name says."""
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    inner = gzip.GzipFile(fileobj=raw) if packed else raw
    return io.BufferedReader(cast(io.RawIOBase, inner), 1 << 20)


def lines_of(stream: io.BufferedReader) -> Iterator[tuple[int, bytes, bool]]:
    """Yield (line number, line, whole). An overlong line comes once, cut, and not whole."""
    number = 0
    while line := stream.readline(LINE_CAP):
        number += 1
        if len(line) < LINE_CAP or line.endswith(b"\n"):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            yield number, line, True
            continue
        while (rest := stream.readline(LINE_CAP)) and not rest.endswith(b"\n"):
            pass
        yield number, line, False


def json_rows(raw: BinaryIO, mapping: Mapping, batch: Batch, skip: int) -> Records:
    """Hand out the rows of a file of JSON lines."""
    shaper = Shaper(mapping)
    decoder = row_decoder(shaper)
    cursor = batch.cursor
    for number, line, whole in lines_of(unpacked(raw)):
        if number <= skip:
            continue
        cursor["rows"] = str(number)
        if not whole:
            cure = "Split the row, or leave out columns that are not needed."
            yield refuse(f"line {number}", "", f"longer than {LINE_CAP} bytes", cure, line)
        elif not line.isspace():
            yield json_row(line, f"line {number}", decoder, shaper)


def row_decoder(shaper: Shaper) -> msgspec.json.Decoder[Any]:
    """Build a JSON decoder that keeps only the columns needed and skips the rest unread."""
    columns = shaper.columns
    fields = [(f"c{i}", Any | UnsetType, UNSET) for i in range(len(columns))]
    names = {f"c{i}": column for i, column in enumerate(columns)}
    return msgspec.json.Decoder(msgspec.defstruct("Row", fields, rename=names))


def json_row(
    line: bytes, where: str, decoder: msgspec.json.Decoder[Any], shaper: Shaper
) -> Item | Refused:
    """Read one JSON row. Never raises."""
    try:
        return shaper.item(msgspec.structs.astuple(decoder.decode(line)))
    except UnfitRow as unfit:
        return refuse(where, unfit.part, unfit.reason, unfit.cure, line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = f"not a JSON object: {str(error)[:200]}"
        return refuse(where, "", reason, "Write one JSON object a line, in UTF-8.", line)


def needed_columns(names: list[str], shaper: Shaper) -> list[int]:
    """Find each needed column among a file's columns; -1 for an optional one not there.

    Raises:
        BadMapping: a required column is not there.
    """
    for column in shaper.columns:
        if column in shaper.required and column not in names:
            listed = ", ".join(name[:40] for name in names[:40])
            raise BadMapping(
                f"the file has no column {column!r}",
                field="fields",
                cure=f"Its columns are: {listed}. Correct the name, or list it in `optional`.",
            )
    return [names.index(column) if column in names else -1 for column in shaper.columns]


def reread(raw: bytes, mapping: Mapping, where: str = "again") -> Item | Refused:
    """Try a refused row once more, after the mapping or the row was corrected.

    Raises:
        BadMapping: the mapping itself is wrong.
    """
    check(mapping)
    shaper = Shaper(mapping)
    return json_row(raw, where, row_decoder(shaper), shaper)
