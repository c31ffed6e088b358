"""Files as a source: JSON lines, CSV and Parquet, of any size; the first two also gzipped.

Memory stays bounded by the longest line (or one slice of Parquet rows). A wrong row is refused
with its place, part, reason and cure; the rest goes on. Files come from strangers: nothing in
them can raise.
"""

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias, cast

import msgspec
from msgspec import UNSET, Struct, UnsetType

from tocsin.collect.sources.batch import Batch, Broken, Cursor, refuse
from tocsin.collect.sources.mapping import BadMapping, Mapping, Shaper, UnfitRow, check
from tocsin.collect.terms import FailReason, Item, Permanence, Refused

LINE_CAP: Final = 1024 * 1024
"""Longest line read, in bytes."""
_HEAD: Final = 4096
_SUFFIXES: Final = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}

Records: TypeAlias = Iterator[Item | Refused]


class FileSource(Struct, frozen=True, forbid_unknown_fields=True):
    """A file to read: its path, how its columns map, its format ('' goes by the name's ending)."""

    path: str
    mapping: Mapping
    format: str = ""


def fetch(config: FileSource, cursor: Cursor | None = None) -> Batch:
    """Open a file and hand out its rows; `done_bytes` of `total_bytes` tells how far it is.

    The cursor counts rows. A file that grew goes on behind them; another file under the same name
    (other beginning, or shorter) starts anew.

    Raises:
        BadMapping: the mapping fits neither the format nor the header; the format is not known.
    """
    check(config.mapping)
    open_rows = _openers()[format_of(config)]
    try:
        raw, size = _opened(Path(config.path))
    except OSError as error:
        return Batch(cursor).end(_not_there(config.path, error).outcome)
    try:
        begun = _begun(raw, size, cursor or {})
        batch = Batch(begun, total_bytes=size)
        batch.bytes_read = lambda: size if raw.closed else raw.tell()
        rows = open_rows(raw, config.mapping, batch, int(begun["rows"]))
    except (OSError, EOFError, zlib.error) as error:
        raw.close()
        return Batch(cursor).end(unreadable(error).outcome)
    except (Broken, BadMapping) as error:
        raw.close()
        if isinstance(error, Broken):
            return Batch(cursor).end(error.outcome)
        raise
    return batch.fill(_closing(raw, rows))


def format_of(config: FileSource) -> str:
    """Settle a file's format: as configured, else by its name's ending.

    Raises:
        BadMapping: neither says.
    """
    known = sorted(set(_SUFFIXES.values()))
    endings = [end.lower() for end in Path(config.path).suffixes]
    if endings and endings[-1] == ".gz":
        endings.pop()
    found = config.format or _SUFFIXES.get(endings[-1] if endings else "", "")
    if found not in known:
        cure = f"Set `format` to one of: {', '.join(known)}."
        raise BadMapping(f"the format of {config.path!r} is not known", field="format", cure=cure)
    return found


Opener: TypeAlias = Callable[[BinaryIO, Mapping, Batch, int], Records]
"""Opens rows of a format: the file, the mapping, the batch to report to, rows to skip."""


def _openers() -> dict[str, Opener]:
    from tocsin.collect.sources import files_csv, files_parquet  # they build on this module

    return {"jsonl": json_rows, "csv": files_csv.csv_rows, "parquet": files_parquet.parquet_rows}


def _opened(path: Path) -> tuple[BinaryIO, int]:
    if not path.is_file():  # a device or pipe would never end
        raise FileNotFoundError(path)
    return path.open("rb"), path.stat().st_size


def _not_there(path: str, error: OSError) -> Broken:
    if isinstance(error, FileNotFoundError):
        cure = "Check the path."
        return Broken(FailReason.FILE_MISSING, Permanence.PERMANENT, f"No file {path}.", cure=cure)
    what = f"Cannot open {path}: {error.strerror or error}."
    return Broken(FailReason.FILE_UNREADABLE, Permanence.PERMANENT, what)


def unreadable(error: Exception) -> Broken:
    """Say that a file is damaged, as a failure of the source."""
    return Broken(
        FailReason.FILE_UNREADABLE,
        Permanence.PERMANENT,
        f"The file breaks off or is damaged: {str(error)[:200]}.",
        cure="Get it again from where it came; what was read before this place is kept.",
    )


def _begun(raw: BinaryIO, size: int, cursor: Cursor) -> Cursor:
    """Know a file again by its first bytes (at most 4 KiB), and find how many rows to skip."""
    known = cursor.get("head_bytes", "")
    start = raw.read(min(int(known), _HEAD) if known.isdecimal() and int(known) else _HEAD)
    raw.seek(0)
    head = hashlib.sha256(start).hexdigest()
    rows, before = cursor.get("rows", ""), cursor.get("size", "")
    same = head == cursor.get("head") and before.isdecimal() and size >= int(before)
    rows = rows if same and rows.isdecimal() else "0"
    return {"rows": rows, "size": str(size), "head": head, "head_bytes": str(len(start))}


def _closing(raw: BinaryIO, records: Records) -> Records:
    with raw:
        try:
            yield from records
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(error) from error


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
