"""Files of any format give the same items, in order, whatever is wrong with some rows."""

import csv
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.collect.rules import identity
from tocsin.collect.sources import files
from tocsin.collect.sources.batch import Batch
from tocsin.collect.sources.files import FileSource
from tocsin.collect.sources.mapping import BadMapping, load_mapping
from tocsin.collect.sources.rows import LINE_CAP, reread
from tocsin.collect.terms import FailReason, FeedState, Item, Refused

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"
MAPPING = load_mapping(
    {"fields": {"key": "id", "text": "text", "at": "at"}, "times": {"zone": "UTC"}}
)
ROWS = [
    {"id": "1", "text": 'Cars, "buses" and\ntrains', "at": "2021-01-05T10:00:00+00:00"},
    {
        "id": "2",
        "text": "Gr\u00fc\u00dfe \u65e5\u672c \U0001f600",
        "at": "2021-01-05T10:00:01+00:00",
    },
    {"id": "3", "text": "plain", "at": "2021-01-05T10:00:02+00:00"},
]
ITEMS = [
    Item(row["id"], row["text"], at=datetime.fromisoformat(row["at"]).astimezone(UTC))
    for row in ROWS
]


def write_json(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def write_json_packed(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, ["at", "other", "id", "text"], restval="-")
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)


WRITERS: list[tuple[str, Callable[[Path, list[dict[str, Any]]], None]]] = [
    ("posts.jsonl", write_json),
    ("posts.jsonl.gz", write_json_packed),
    ("posts.csv", write_csv),
    ("posts.parquet", write_parquet),
]


def fetched(path: Path, cursor: dict[str, str] | None = None) -> Batch:
    return files.fetch(FileSource(str(path), MAPPING), cursor)


@pytest.mark.parametrize(("name", "write"), WRITERS)
def test_each_format_gives_the_same_items_and_progress(
    tmp_path: Path, name: str, write: Callable[[Path, list[dict[str, Any]]], None]
) -> None:
    write(tmp_path / name, ROWS)
    batch = fetched(tmp_path / name)
    assert batch.total_bytes == (tmp_path / name).stat().st_size
    assert list(batch) == ITEMS
    assert (batch.outcome.state, batch.outcome.items) == (FeedState.OK, 3)
    assert batch.done_bytes == batch.total_bytes


@pytest.mark.parametrize(("name", "write"), WRITERS)
def test_a_cut_short_reading_goes_on_behind_the_last_saved_row(
    tmp_path: Path, name: str, write: Callable[[Path, list[dict[str, Any]]], None]
) -> None:
    write(tmp_path / name, ROWS)
    batch = fetched(tmp_path / name)
    first = next(iter(batch))
    rest = fetched(tmp_path / name, dict(batch.cursor))
    assert [first, *rest] == ITEMS
    again = fetched(tmp_path / name, dict(rest.cursor))
    assert list(again) == []
    assert again.outcome.state is FeedState.EMPTY


def test_a_grown_file_goes_on_and_another_file_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write_json(path, ROWS[:2])
    batch = fetched(path)
    assert list(batch) == ITEMS[:2]
    write_json(path, ROWS)
    assert list(fetched(path, batch.cursor)) == ITEMS[2:]
    write_json(path, list(reversed(ROWS)))
    assert list(fetched(path, batch.cursor)) == list(reversed(ITEMS))
    write_json(path, ROWS[:1])
    assert list(fetched(path, batch.cursor)) == ITEMS[:1]


@pytest.mark.parametrize(("name", "write"), WRITERS)
def test_an_unfit_row_is_refused_and_the_rest_goes_on(
    tmp_path: Path, name: str, write: Callable[[Path, list[dict[str, Any]]], None]
) -> None:
    bad = {"id": "9", "text": "x", "at": "tomorrow"}
    write(tmp_path / name, [ROWS[0], bad, ROWS[2]])
    batch = fetched(tmp_path / name)
    first, refused, last = batch
    assert [first, last] == [ITEMS[0], ITEMS[2]]
    assert isinstance(refused, Refused)
    assert refused.field == "at"
    line = {"posts.csv": "line 4", "posts.parquet": "row 2"}.get(name, "line 2")
    assert refused.where == line
    assert batch.outcome.refused == 1
    corrected = refused.raw.replace(b"tomorrow", b"2021-01-05T10:00:00Z")
    assert isinstance(reread(corrected, MAPPING), Item)


def test_broken_lines_are_refused_one_by_one(tmp_path: Path) -> None:
    good = json.dumps(ROWS[2]).encode()
    broken = [
        b"{",
        b'{"id": "1", "text": "\xff\xfe", "at": "2021-01-05"}',
        b'{"id":' + b"[" * 50_000,
        b'"just text"',
        b'{"id":"1","text":"' + b"x" * (LINE_CAP * 2) + b'","at":"2021-01-05"}',
        b'{"id":"1","text":"\\ud800","at":"2021-01-05"}',
    ]
    path = tmp_path / "posts.jsonl"
    path.write_bytes(b"\n".join([*broken, b"", good]))
    *refused, last = fetched(path)
    assert last == ITEMS[2]
    assert [r.where for r in refused if isinstance(r, Refused)] == [
        f"line {n + 1}" for n in range(6)
    ]
    assert all(r.reason and r.cure and len(r.raw) <= 65_536 for r in refused)  # type: ignore[union-attr]


def test_csv_rows_of_the_wrong_width_or_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    at = b"2021-01-05T10:00:02Z"
    rows = [b"id,text,at", b"1,a,b,c", b"2,only", b"3,caf\xe9," + at, b"", b"3,plain," + at]
    path.write_bytes(b"\r\n".join(rows))
    found = list(fetched(path))
    assert [r.where for r in found if isinstance(r, Refused)] == ["line 2", "line 3", "line 4"]
    assert found[-1] == ITEMS[2]
    latin = load_mapping({"fields": {"text": "text"}, "encoding": "latin-1"})
    texts = [r.text for r in files.fetch(FileSource(str(path), latin)) if isinstance(r, Item)]
    assert texts == ["caf\u00e9", "plain"]


def test_a_quote_never_closed_does_not_swallow_the_file(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    rows = "".join(f"{n},row {n},2021-01-05T10:00:02Z\n" for n in range(20_000))
    path.write_text('id,text,at\nx,"open,2021-01-05\n' + rows)
    found = list(fetched(path))
    assert isinstance(found[0], Refused)
    assert sum(isinstance(r, Item) for r in found) > 10_000


@pytest.mark.parametrize("name", ["posts.csv", "posts.parquet"])
def test_a_column_that_is_not_there_names_the_columns_that_are(tmp_path: Path, name: str) -> None:
    rows = [{"ident": "1", "text": "x", "at": "2021-01-05"}]
    if name == "posts.csv":
        (tmp_path / name).write_text("ident,text,at\n1,x,2021-01-05\n")
    else:
        write_parquet(tmp_path / name, rows)
    with pytest.raises(BadMapping, match="no column 'id'") as caught:
        fetched(tmp_path / name)
    assert "ident, text, at" in caught.value.cure


def test_parquet_times_numbers_and_bad_cells(tmp_path: Path) -> None:
    packed = pa.array([b"ok", b"caf\xe9", b"late"])
    table = pa.table(
        {
            "id": pa.array([1, 2, 3], pa.int64()),
            "text": pa.StringArray.from_buffers(3, *packed.buffers()[1:]),
            "at": pa.array([0, 1, 2**55], pa.timestamp("ms")),
        }
    )
    pq.write_table(table, tmp_path / "odd.parquet")
    first, second, third = fetched(tmp_path / "odd.parquet")
    assert first == Item("1", "ok", at=datetime(1970, 1, 1, tzinfo=UTC))
    assert isinstance(second, Refused)
    assert (second.field, second.reason) == ("text", "holds bytes that are not text")
    assert isinstance(third, Refused)
    assert third.field == "at"


@pytest.mark.parametrize(("name", "write"), WRITERS)
def test_a_missing_or_broken_off_file_is_a_failure_not_an_empty_one(
    tmp_path: Path, name: str, write: Callable[[Path, list[dict[str, Any]]], None]
) -> None:
    gone = fetched(tmp_path / name)
    assert list(gone) == []
    assert (gone.outcome.state, gone.outcome.reason) == (FeedState.FAILED, FailReason.FILE_MISSING)
    write(tmp_path / name, ROWS * 200)
    if name.endswith(("gz", "parquet")):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        half = fetched(tmp_path / name)
        count = sum(1 for _ in half)
        assert half.outcome.state is FeedState.FAILED
        assert half.outcome.reason is FailReason.FILE_UNREADABLE
        assert half.outcome.items == count


def test_a_device_is_no_file() -> None:
    config = FileSource("/dev/zero", MAPPING, format="jsonl")
    assert files.fetch(config).outcome.reason is FailReason.FILE_MISSING


@pytest.mark.parametrize("name", ["posts.jsonl", "posts.csv"])
def test_an_empty_file_is_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    batch = fetched(tmp_path / name)
    assert list(batch) == []
    assert batch.outcome.state is FeedState.EMPTY


@pytest.mark.parametrize("name", ["posts.jsonl", "posts.jsonl.gz", "posts.csv", "posts.parquet"])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(raw=st.binary(max_size=300), head=st.sampled_from([b"", b"text\n", b"\x1f\x8b", b"PAR1"]))
def test_no_bytes_crash_a_file_reader(tmp_path: Path, name: str, raw: bytes, head: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(head + raw)
    batch = _guarded(path)
    if batch is not None:
        for record in batch:
            assert isinstance(record, Item) or record.reason
        assert batch.outcome.state is not FeedState.NOT_MODIFIED


def _guarded(path: Path) -> Batch | None:
    mapping = load_mapping({"fields": {"text": "text"}})
    try:
        return files.fetch(FileSource(str(path), mapping))
    except BadMapping:  # a header without the column
        return None


SETS: list[tuple[str, dict[str, Any]]] = [
    ("duplicates", {"fields": {"key": "id", "text": "text", "at": "at", "thread": "topic"}}),
    (
        "false_alarms",
        {
            "fields": {"key": "id", "text": "text", "at": "at"},
            "extra": {"flagged": "vendor_flagged"},
            "times": {"zone": "UTC"},
        },
    ),
    ("pii", {"fields": {"text": "text"}}),
    ("priority", {"fields": {"key": "id", "text": "text", "at": "at"}, "extra": {"e": "event"}}),
    ("relevance", {"fields": {"key": "id", "text": "text"}, "extra": {"event": "event"}}),
    ("stories", {"fields": {"key": "id", "text": "text", "thread": "story"}}),
    (
        "threat",
        {"fields": {"key": "id", "text": "text", "at": "at"}, "optional": ["at"]},
    ),
]


@pytest.mark.parametrize(("folder", "table"), SETS)
def test_public_data_reads_through_a_mapping(folder: str, table: dict[str, Any]) -> None:
    if not SHARED.is_dir():
        pytest.skip("the shared public data is not here")
    mapping = load_mapping(table)
    for path in sorted((SHARED / folder).glob("*.jsonl.gz")):
        batch = files.fetch(FileSource(str(path), mapping))
        named = set()
        for record in batch:
            if isinstance(record, Item):
                named.add(identity(record))
            else:
                assert record.field == "text", record
        assert batch.outcome.state is FeedState.OK
        assert batch.refused <= batch.items * 0.002
        assert len(named) > batch.items * 0.9
