"""Files as a source: JSON lines, CSV and Parquet, of any size; the first two also gzipped.

Memory stays bounded by the longest line (or one slice of Parquet rows). A wrong row is refused
with its place, part, reason and cure; the rest goes on. Files come from strangers: nothing in
them can raise.
"""

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from msgspec import Struct

from tocsin.collect.sources.batch import Batch, Broken, Cursor
from tocsin.collect.sources.files_csv import csv_rows
from tocsin.collect.sources.mapping import BadMapping, Mapping, check
from tocsin.collect.sources.rows import Records, json_rows, unreadable
from tocsin.collect.terms import FailReason, Permanence

_HEAD: Final = 4096
_SUFFIXES: Final = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}


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
    open_rows = _opener(format_of(config))
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


def _opener(kind: str) -> Opener:
    if kind == "jsonl":
        return json_rows
    if kind == "csv":
        return csv_rows
    # Loading it takes 0.3 s and 50 MiB, and few sources need it.
    from tocsin.collect.sources.files_parquet import parquet_rows  # noqa: PLC0415

    return parquet_rows


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
    try:
        yield from records
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(error) from error
    finally:
        raw.close()
