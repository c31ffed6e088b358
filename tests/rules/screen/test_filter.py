"""The filter passes flagged lines on and survives everything else."""

from __future__ import annotations

import io
import json
import os
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kernel.errors import Invalid
from tocsin.screen.cascade import Cascade
from tocsin.screen.filter import LONGEST_LINE, run
from tocsin.screen.terms import Priority, Refusal, Tally

THREAT = "We storm the state house on Monday, @jo, bring your rifles"


def filtered(cascade: Cascade, data: bytes, **options: Any) -> tuple[Tally, list[Any], list[Any]]:
    output, dead = io.BytesIO(), io.BytesIO()
    tally = run(io.BytesIO(data), output, dead, cascade=cascade, **options)
    assert tally.lines == tally.blank + tally.screened + tally.refused
    return tally, read(output), read(dead)


def read(stream: io.BytesIO) -> list[Any]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def test_only_the_flagged_come_out_with_reasons(cascade: Cascade) -> None:
    data = (
        line(id=1, text="nice day") + line(id=2, text=THREAT) + line(id=3, text=f"RT @x: {THREAT}")
    )
    tally, flagged, dead = filtered(cascade, data)
    assert [row["id"] for row in flagged] == [2, 3]
    first = flagged[0]["screen"]
    assert flagged[0]["text"] == THREAT
    assert first["masked"] == THREAT.replace("@jo", "⟦handle⟧")
    assert first["priority"] in list(Priority)
    assert first["why"]
    assert {THREAT[span["start"] : span["end"]] for span in first["spans"]} >= {
        "storm the state house"
    }
    assert [row["screen"]["group_count"] for row in flagged] == [1, 2]
    assert flagged[1]["screen"]["group"] == first["group"]
    assert (tally.screened, tally.flagged, tally.groups, tally.refused) == (3, 2, 1, 0)
    assert sum(tally.priorities.values()) == 2
    assert dead == []


def test_the_text_can_be_given_masked_only(cascade: Cascade) -> None:
    _, flagged, _ = filtered(cascade, line(body=THREAT), text_field="body", masked_only=True)
    shown = flagged[0]["body"]
    assert shown == flagged[0]["screen"]["masked"]
    marked = {shown[span["start"] : span["end"]] for span in flagged[0]["screen"]["spans"]}
    assert "bring your rifles" in marked


def test_other_fields_pass_unchanged(cascade: Cascade) -> None:
    raw = (
        b'{"big":123456789012345678901234567890,"f":1.10,"text":"%s","n":null}\n' % THREAT.encode()
    )
    output = io.BytesIO()
    run(io.BytesIO(raw), output, cascade=cascade)
    assert output.getvalue().startswith(b'{"big":123456789012345678901234567890,"f":1.10,')


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"text": "\xff\xfe kill them all"}', Refusal.NOT_UTF8),
        (b'{"x": "\xff", "text": "kill them all"}', Refusal.NOT_UTF8),
        (b'{"text": "kill them all"', Refusal.NOT_JSON),
        (b"not json", Refusal.NOT_JSON),
        (b"[" * 200_000, Refusal.NOT_JSON),
        (b'{"text":' + b"[" * 200_000, Refusal.NOT_JSON),
        (b'{"a":' + b'{"a":' * 100_000, Refusal.NOT_JSON),
        (b"[]", Refusal.NOT_AN_OBJECT),
        (b"null", Refusal.NOT_AN_OBJECT),
        (b'"kill them all"', Refusal.NOT_AN_OBJECT),
        (b"{}", Refusal.NO_TEXT),
        (b'{"Text": "kill them all"}', Refusal.NO_TEXT),
        (b'{"text": null}', Refusal.TEXT_NOT_A_STRING),
        (b'{"text": ["kill them all"]}', Refusal.TEXT_NOT_A_STRING),
        (b'{"text": "' + b"x" * LONGEST_LINE + b'"}', Refusal.TOO_LONG),
        (b'{"text": "' + b"x" * 100_001 + b'"}', Refusal.TEXT_TOO_LONG),
        (b"\x00\x01\x02", Refusal.NOT_JSON),
    ],
)
def test_bad_lines_are_refused_by_number_and_do_not_stop_the_rest(
    cascade: Cascade, bad: bytes, reason: Refusal
) -> None:
    tally, flagged, dead = filtered(cascade, line(text=THREAT) + bad + b"\n\n" + line(text=THREAT))
    assert len(flagged) == 2
    assert tally.refusals == {reason: 1}
    assert tally.blank == 1
    assert [(letter["line"], letter["reason"]) for letter in dead] == [(2, reason)]
    assert dead[0]["length_bytes"] == len(bad)
    assert dead[0]["cure"]
    assert "kill" not in json.dumps(dead)


def test_a_huge_line_at_the_very_end(cascade: Cascade) -> None:
    tally, _, dead = filtered(cascade, line(text="hello") + b"x" * (3 * LONGEST_LINE))
    assert tally.refusals == {Refusal.TOO_LONG: 1}
    assert dead[0]["length_bytes"] == 3 * LONGEST_LINE


def test_last_line_without_a_line_feed_windows_endings_and_a_byte_order_mark(
    cascade: Cascade,
) -> None:
    data = b"\xef\xbb\xbf" + line(text=THREAT).replace(b"\n", b"\r\n") + line(text=THREAT).strip()
    tally, flagged, _ = filtered(cascade, data)
    assert (tally.screened, len(flagged)) == (2, 2)


def test_nothing_in_nothing_out(cascade: Cascade) -> None:
    assert filtered(cascade, b"") == (Tally(0, 0, 0, 0, 0, 0, {}, {}), [], [])


def test_a_field_name_that_cannot_work_is_refused(cascade: Cascade) -> None:
    for name in ("", "screen"):
        with pytest.raises(Invalid, match="text_field"):
            run(io.BytesIO(), io.BytesIO(), cascade=cascade, text_field=name)


def test_a_live_pipe_is_answered_before_it_closes(cascade: Cascade) -> None:
    source, sink = os.pipe()
    back, out = os.pipe()
    with open(source, "rb") as given_in, open(out, "wb") as output, open(back, "rb") as answers:
        worker = threading.Thread(target=run, args=(given_in, output), kwargs={"cascade": cascade})
        worker.start()
        with open(sink, "wb") as feed:
            feed.write(line(text=THREAT))
            feed.flush()
            assert json.loads(answers.readline())["text"] == THREAT
        worker.join(10)
        assert not worker.is_alive()


class Dribble(io.RawIOBase):
    """A stream that gives the data in pieces of given sizes."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data, self._sizes = data, sizes

    def read(self, _size: int = -1) -> bytes:
        size = self._sizes.pop() if self._sizes else len(self._data)
        piece, self._data = self._data[:size], self._data[size:]
        return piece


@given(st.lists(st.integers(1, 40), max_size=30))
def test_any_split_of_the_stream_gives_the_same_result(cascade: Cascade, sizes: list[int]) -> None:
    data = (
        line(text=THREAT)
        + b"junk\n\n"
        + line(text="ok")
        + line(text="töten wir sie? Kill them all")
    )
    whole, pieces = io.BytesIO(), io.BytesIO()
    run(io.BytesIO(data), whole, cascade=cascade, per_second=60_000)
    run(Dribble(data, sizes), pieces, cascade=cascade, per_second=60_000)  # type: ignore[arg-type]
    assert pieces.getvalue() == whole.getvalue()


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(cascade: Cascade, data: bytes) -> None:
    filtered(cascade, data)
