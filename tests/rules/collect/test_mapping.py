"""A mapping is strict about itself and about each row."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.collect.sources.mapping import BadMapping, load_mapping
from tocsin.collect.sources.rows import reread
from tocsin.collect.terms import Item, Refused

PLAIN = """
optional = ["author", "channel"]

[fields]
key = "id"
text = "body.words"
at = "when"
author = ["user", "screen.name"]

[extra]
channel = "channel"

[constants]
lang = "en"

[times]
formats = ["iso", "unix", "%d.%m.%Y %H:%M"]
zone = "America/New_York"
"""


def read(row: dict[str, Any], mapping: str | dict[str, Any] = PLAIN) -> Item | Refused:
    return reread(msgspec.json.encode(row), load_mapping(mapping))


def test_nested_columns_constants_and_extras() -> None:
    row = {
        "id": 17,
        "body": {"words": "hello"},
        "when": "2021-01-06T13:00:00-05:00",
        "user": {"screen.name": "someone"},
        "channel": 4.0,
        "unused": [1, {"deep": True}],
    }
    assert read(row) == Item(
        "17",
        "hello",
        author="someone",
        at=datetime(2021, 1, 6, 18, tzinfo=UTC),
        lang="en",
        extra={"channel": "4"},
    )


@pytest.mark.parametrize(
    "written",
    ["2021-01-06T18:00:00Z", "2021-01-06 13:00:00", 1609956000, "1609956000", "06.01.2021 13:00"],
)
def test_times_become_utc(written: object) -> None:
    found = read({"id": "1", "body": {"words": "x"}, "when": written})
    assert isinstance(found, Item)
    assert found.at == datetime(2021, 1, 6, 18, tzinfo=UTC)
    assert found.at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"id": None}, "key"),
        ({"id": ""}, "key"),
        ({"id": [1]}, "key"),
        ({"body": {"words": "  "}}, "text"),
        ({"body": {"words": {"a": 1}}}, "text"),
        ({"body": "hello"}, "text"),
        ({"body": {"words": "x" * 1_048_577}}, "text"),
        ({"when": "yesterday"}, "at"),
        ({"when": True}, "at"),
        ({"when": 1e30}, "at"),
        ({"when": "0001-01-01T00:00:00+14:00"}, "at"),
    ],
)
def test_an_unfit_row_names_its_part_and_the_cure(change: dict[str, Any], part: str) -> None:
    row = {"id": "1", "body": {"words": "hello"}, "when": "2021-01-06T18:00:00Z"}
    found = read({**row, **change})
    assert isinstance(found, Refused)
    assert found.field == part
    assert found.reason
    assert found.cure
    assert 0 < len(found.raw) <= 65_536


def test_a_time_without_zone_is_refused_when_the_mapping_names_none() -> None:
    mapping = {"fields": {"text": "t", "at": "at"}}
    found = read({"t": "x", "at": "2021-01-06 13:00"}, mapping)
    assert isinstance(found, Refused)
    assert "times.zone" in found.cure


def test_nul_is_dropped_and_markup_read_as_text() -> None:
    found = read({"t": "<p>a\x00b</p><p>&lt;c&gt;</p>"}, {"fields": {"text": "t"}, "html": True})
    assert isinstance(found, Item)
    assert found.text == "ab\n<c>"


def test_a_corrected_row_can_be_read_again() -> None:
    refused = read({"id": "1", "body": {"words": "x"}, "when": "06/01/2021"})
    assert isinstance(refused, Refused)
    wider = load_mapping(PLAIN.replace("%d.%m.%Y %H:%M", "%d/%m/%Y"))
    assert isinstance(reread(refused.raw, wider), Item)


@pytest.mark.parametrize(
    ("mapping", "field"),
    [
        ("fields = ", "mapping"),
        ({"fields": {"text": "t"}, "colour": "red"}, "mapping"),
        ({"fields": {"key": "id"}}, "fields.text"),
        ({"fields": {"text": "t", "body": "b"}}, "fields.body"),
        ({"fields": {"text": ""}}, "fields"),
        ({"fields": {"text": "a..b"}}, "fields"),
        ({"fields": {"text": "t"}, "optional": ["text"]}, "optional"),
        ({"fields": {"text": "t"}, "optional": ["key"]}, "optional"),
        ({"fields": {"text": "t", "lang": "l"}, "constants": {"lang": "en"}}, "constants.lang"),
        ({"fields": {"text": "t"}, "constants": {"at": "soon"}}, "constants.at"),
        ({"fields": {"text": "t"}, "times": {"formats": []}}, "times.formats"),
        ({"fields": {"text": "t"}, "times": {"formats": ["%Q"]}}, "times.formats"),
        ({"fields": {"text": "t"}, "times": {"formats": ["soon"]}}, "times.formats"),
        ({"fields": {"text": "t"}, "times": {"zone": "Mars/Base"}}, "times.zone"),
        ({"fields": {"text": "t"}, "times": {"zone": "../../etc/passwd"}}, "times.zone"),
        ({"fields": {"text": "t"}, "delimiter": "ab"}, "delimiter"),
        ({"fields": {"text": "t"}, "encoding": "klingon"}, "encoding"),
    ],
)
def test_a_bad_mapping_names_the_entry_and_the_cure(
    mapping: str | dict[str, Any], field: str
) -> None:
    with pytest.raises(BadMapping) as caught:
        load_mapping(mapping)
    assert caught.value.field == field
    assert caught.value.cure


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_bytes_crash_the_row_reader(raw: bytes) -> None:
    found = reread(raw, load_mapping({"fields": {"text": "t"}}))
    assert isinstance(found, Item) or found.reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(JSON, JSON, JSON)
def test_no_values_crash_the_row_reader(key: object, text: object, at: object) -> None:
    mapping = {
        "fields": {"key": "k", "text": "t", "at": "a"},
        "optional": ["key", "at"],
        "times": {"formats": ["iso", "unix", "unix_ms", "%Y"], "zone": "UTC"},
    }
    found = read({"k": key, "t": text, "a": at}, mapping)
    if isinstance(found, Item):
        assert "\x00" not in found.text + found.key
        assert found.at is None or found.at.utcoffset() == timedelta(0)
    else:
        assert found.reason
        assert found.cure
