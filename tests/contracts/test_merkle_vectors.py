"""Inclusion proofs against the vectors of transparency-dev/merkle, kept outside this repository."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tocsin.record.tree import NotIncluded, verify_inclusion

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "merkle" / "inclusion"
FILES = sorted(VECTORS.rglob("*.json"))


@pytest.mark.skipif(not FILES, reason="the Merkle vectors are not beside the repository")
def test_there_are_vectors_of_both_kinds() -> None:
    wanted = [json.loads(file.read_bytes())["wantErr"] for file in FILES]
    assert wanted.count(True) >= 90
    assert wanted.count(False) >= 6


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(VECTORS)))
def test_inclusion(file: Path) -> None:
    vector = json.loads(file.read_bytes())
    arguments = (
        base64.b64decode(vector["leafHash"]),
        vector["leafIdx"],
        vector["treeSize"],
        [base64.b64decode(part) for part in vector["proof"] or []],
        base64.b64decode(vector["root"]),
    )
    if vector["wantErr"]:
        with pytest.raises(NotIncluded):
            verify_inclusion(*arguments)
    else:
        verify_inclusion(*arguments)
