"""Two thousand broken inputs for every parser here; `tocsin bench formats` gives each a hundred thousand."""

from __future__ import annotations

import pytest

from tocsin.cli import fuzzing
from tocsin.kernel.errors import Invalid

SUBJECTS = {s.name: s for s in fuzzing.subjects()}


@pytest.mark.parametrize("name", SUBJECTS)
def test_broken_input_is_answered_or_refused_and_reaches_nothing(name: str) -> None:
    subject = SUBJECTS[name]
    for seed in subject.seeds:
        subject.parse(seed)  # what is mutated is right to begin with
    found = fuzzing.run(subject, 2000, seed=7)
    assert found.crashes == ()
    assert found.opened == ()
    assert found.slowest_ms < 2000
    assert (
        found.refused > 0 or name == "email"
    )  # a letter is always answered, with what it holds or why not


def test_the_judge_sees_a_crash_and_an_opened_file() -> None:
    def bad(raw: bytes) -> None:
        if b"\x00" in raw:
            raise KeyError("crash")
        with open("/etc/hostname", "rb") as f:
            f.read()
        raise Invalid("no")

    found = fuzzing.run(fuzzing.Subject("bad", bad, (b"abc" * 30,)), 300)
    assert found.crashes
    assert found.opened
