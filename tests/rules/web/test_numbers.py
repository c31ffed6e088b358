"""Numbers and times as addresses and forms carry them: whatever is typed, nothing breaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kernel.errors import Invalid
from tocsin.web.numbers import number
from tocsin.web.pages.warning_times import read_local


@pytest.mark.parametrize("text", ["²", "9" * 5000, "٣", "-1", "+1", " 1", "1_0", "", None, "x"])
def test_what_is_no_plain_number_gives_the_default(text: str | None) -> None:
    assert number(text, 7) == 7
    assert number(text, None) is None


@given(st.integers(0, 10**9 - 1))
def test_a_plain_number_is_read(n: int) -> None:
    assert number(str(n), None) == n


def test_the_number_of_digits_can_be_wider() -> None:
    assert number("1" * 10, None) is None
    assert number("1" * 18, None, digits=18) == int("1" * 18)


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59", "0001-01-01T00:00", "9999-12-31T23:59-14:00", "1969-12-31T23:59"]
)
def test_a_year_out_of_reach_is_refused_with_field_and_cure(text: str) -> None:
    with pytest.raises(Invalid, match="out of reach") as refused:
        read_local(text, "until")
    assert refused.value.field == "until"
    assert "1970 to 2200" in refused.value.cure


@pytest.mark.parametrize("text", ["1970-01-01T00:00", "2200-12-31T23:59", "2026-03-05T18:30"])
def test_a_year_in_reach_is_read(text: str) -> None:
    assert read_local(text, "until") is not None
