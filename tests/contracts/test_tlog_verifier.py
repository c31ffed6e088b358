"""`tocsin-verify` shares no code with the record, so it is held to the same vectors, and the two to each other."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tocsin.cli import tocsin_verify
from tocsin.record import tree
from tocsin.record.note import Note
from tocsin.record.proof.witness import _request
from tocsin.record.tree import NotConsistent

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "merkle" / "inclusion"
FILES = sorted(VECTORS.rglob("*.json"))
LEAVES = tree.leaf_hashes(b"entry %d" % n for n in range(40))
# The example of a request in C2SP tlog-witness, and of a cosigned checkpoint in tlog-cosignature.
REQUEST = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(VECTORS)))
def test_inclusion(file: Path) -> None:
    vector = json.loads(file.read_bytes())
    proof = [base64.b64decode(part) for part in vector["proof"] or []]
    root = tocsin_verify.inclusion_root(
        base64.b64decode(vector["leafHash"]), vector["leafIdx"], vector["treeSize"], proof
    )
    expected = base64.b64decode(vector["root"])
    sound = all(len(part) == 32 for part in (*proof, expected))
    assert (sound and root == expected) is not vector["wantErr"]


def _said_by_the_record(old: int, new: int, a: bytes, b: bytes, proof: list[bytes]) -> bool:
    try:
        tree.verify_consistency(old, new, a, b, proof)
    except NotConsistent:
        return False
    return True


def test_both_agree_on_every_consistency_proof_and_every_way_to_spoil_it() -> None:
    def get(level: int, index: int) -> bytes:
        return tree.root_of(LEAVES[index << level : (index + 1) << level])

    for new in range(len(LEAVES)):
        for old in range(new + 1):
            a, b = tree.root_of(LEAVES[:old]), tree.root_of(LEAVES[:new])
            proof = tree.consistency_proof(get, old, new)
            assert tocsin_verify.is_consistent(old, new, a, b, proof)
            other = bytes([b[0] ^ 1]) + b[1:]
            spoilt = [
                (old, new, a, other, proof),
                (old, new, other, b, proof),
                (old, new, a, b, [*proof, b]),
                (old, new, a, b, [b, *proof]),
                (old, new, a, b, proof[:-1]),
                (old, new, a, b, proof[1:]),
                (old, new, a, b, proof[::-1]),
                (old + 1, new, a, b, proof),
                (old - 1, new, a, b, proof),
                (old, new + 1, a, b, proof),
                (old, new - 1, a, b, proof),
                (new, old, b, a, proof),
            ]
            for case in spoilt:
                assert tocsin_verify.is_consistent(*case) is _said_by_the_record(*case), case


def test_the_example_request_of_the_specification_is_taken_apart() -> None:
    old, proof, note = _request(REQUEST.encode())
    assert (old, len(proof)) == (20_852_014, 4)
    point = tocsin_verify.Checkpoint.parse(note.encode())
    assert (point.origin, point.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert point.text == Note.parse(note.encode()).text
    assert [name for name, _, _ in point.signatures] == ["example.com/behind-the-sofa"]
