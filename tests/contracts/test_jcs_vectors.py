"""Canonical JSON against the vectors of RFC 8785's author, kept outside this repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tocsin.record.canonical import NotCanonical, canonical, jcs

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "jcs"
FILES = sorted((VECTORS / "input").glob("*.json"))


def holds_a_float(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(holds_a_float, value.values()))
    if isinstance(value, list):
        return any(map(holds_a_float, value))
    return isinstance(value, float)


@pytest.mark.skipif(not FILES, reason="the RFC 8785 vectors are not beside the repository")
def test_there_are_vectors_with_and_without_floats() -> None:
    floats = [holds_a_float(json.loads(file.read_bytes())) for file in FILES]
    assert True in floats
    assert floats.count(False) >= 3


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_vector(file: Path) -> None:
    value = json.loads(file.read_bytes())
    expected = (VECTORS / "output" / file.name).read_bytes().rstrip(b"\n")
    assert jcs(value) == expected
    if holds_a_float(value):
        with pytest.raises(NotCanonical, match="fraction"):
            canonical(value)
    else:
        assert canonical(value) == expected
