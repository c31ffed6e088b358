"""Entries have one byte form, equal to RFC 8785, and nothing outside the domain gets in."""

from __future__ import annotations

import enum
import hashlib

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kernel.errors import Invalid
from tocsin.record.canonical import (
    MAX_DEPTH,
    MAX_INT,
    BadCommitment,
    NotCanonical,
    canonical,
    check_commitment,
    commitment,
    jcs,
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
# Short keys from both sides of the surrogates, where UTF-16 order and code point order differ.
AWKWARD = st.text(
    st.sampled_from('\x00\x1f\x7f"\\/aAé\u2028\ud7ff\ue000\uffff\U00010000\U0010ffff')
)
STRINGS = TEXT | AWKWARD
INTEGERS = st.integers(-MAX_INT, MAX_INT) | st.sampled_from([MAX_INT, -MAX_INT, 0, -1])
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | STRINGS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(STRINGS, inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_it_is_rfc_8785_on_the_whole_domain(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


def test_keys_are_ordered_by_utf_16_not_by_code_point() -> None:
    # U+10000 is D800 DC00 in UTF-16, and so stands before U+E000.
    assert canonical({"\ue000": 1, "\U00010000": 2}) == '{"\U00010000":2,"\ue000":1}'.encode()


def test_subclasses_of_text_and_numbers_count_as_what_they_are() -> None:
    class Colour(enum.StrEnum):
        RED = "red"

    class Text(str):
        __slots__ = ()

    class Word(str, enum.Enum):  # noqa: UP042 - the older form, whose str() is not its value
        ONE = "one"

    assert canonical({Text("b"): Text("x"), "a": Colour.RED}) == b'{"a":"red","b":"x"}'
    for keyed in ({Text("b"): "x", "a": 1}, {Colour.RED: "x", "a": 1}, {Word.ONE: "x", "a": 1}):
        assert canonical(keyed) == rfc8785.dumps(keyed)  # type: ignore[arg-type]


class Unknown:
    pass


class Key(enum.Enum):
    WORD = "word"


class Number(enum.IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (1.5, "$"),
        (1.0, "$"),
        ({"a": [0, {"b": float("nan")}]}, "$.a[1].b"),
        ({"place": {"lat": 38.89}}, "$.place.lat"),
        ([MAX_INT + 1], "$[0]"),
        ((-MAX_INT - 1,), "$[0]"),
        ({"n": 2**70}, "$.n"),
        ({"a": "\ud800"}, "$.a"),
        ({"\udfff": 1}, "$ (a key)"),
        ({1: "a"}, "$"),
        ({"a": {None: 1}}, "$.a"),
        ({Key.WORD: 1}, "$"),
        ({Number.ONE: 1}, "$"),
        ({"a": Key.WORD}, "$.a"),
        ({"a": {"b": 1, True: 1}}, "$.a"),
        ({"a": b"bytes"}, "$.a"),
        ({"a": {1, 2}}, "$.a"),
        ([Unknown()], "$[0]"),
    ],
)
def test_what_an_entry_cannot_hold_is_refused_by_its_path(value: object, path: str) -> None:
    with pytest.raises(NotCanonical) as refused:
        canonical(value)
    assert refused.value.field == path
    assert refused.value.cure


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def test_depth_is_bounded_and_cycles_are_refused() -> None:
    assert canonical(nested(MAX_DEPTH)) == b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH
    with pytest.raises(NotCanonical):
        canonical(nested(MAX_DEPTH + 1))
    with pytest.raises(NotCanonical):
        canonical(nested(100_000))
    ring: list[object] = []
    ring += [ring, ring]
    with pytest.raises(NotCanonical):
        canonical({"ring": ring})


def test_jcs_takes_floats_but_nothing_without_a_form() -> None:
    assert jcs({"b": 1e21, "a": 0.5}) == b'{"a":0.5,"b":1e+21}'
    for bad in (float("inf"), 2**53, "\ud800", {"\ud800": 1}, {1: 1}, nested(100_000)):
        with pytest.raises(NotCanonical):
            jcs(bad)


def test_a_commitment_binds_content_and_salt() -> None:
    salt, content = bytes(range(32)), b'{"text":"seen on the roof"}'
    committed = commitment(salt, content)
    assert committed == hashlib.sha256(b"tocsin/commitment/v1\n\x00\x20" + salt + content).digest()
    check_commitment(committed, salt, content)
    for other_salt, other in [
        (salt, content + b" "),
        (salt[::-1], content),
        (salt + b"{", content[1:]),
    ]:
        with pytest.raises(BadCommitment):
            check_commitment(committed, other_salt, other)


def test_a_short_salt_is_refused() -> None:
    with pytest.raises(Invalid, match="salt"):
        commitment(b"fifteen bytes!!", b"")
