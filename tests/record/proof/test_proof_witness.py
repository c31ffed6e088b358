"""A witness answers as C2SP tlog-witness says, keeps what it saw, and cannot be raced or restarted into forgetting."""

from __future__ import annotations

import base64
import threading
from pathlib import Path
from typing import Any

import pytest

from tocsin.kernel.errors import Conflict, Invalid, NotFound
from tocsin.record import tree
from tocsin.record.note import (
    Checkpoint,
    KeyKind,
    Note,
    SigningKey,
    open_checkpoint,
    parse_signatures,
    sign_note,
)
from tocsin.record.proof.policy import BadPolicy, parse
from tocsin.record.proof.witness import SIZE_TYPE, Witness, make_keys
from tocsin.record.tree import EMPTY_ROOT

LOG = SigningKey("log.example/tocsin", KeyKind.NOTE, bytes(range(32)))
LEAVES = tree.leaf_hashes(b"entry %d" % n for n in range(64))
OTHER = tree.leaf_hashes(b"forged %d" % n for n in range(64))


def get(leaves: list[bytes]) -> tree.GetNode:
    return lambda level, index: tree.root_of(leaves[index << level : (index + 1) << level])


def request(
    old: int,
    new: int,
    *,
    leaves: list[bytes] = LEAVES,
    signer: SigningKey = LOG,
    origin: str = LOG.name,
    proof: list[bytes] | None = None,
) -> bytes:
    root = tree.root_of(leaves[:new])
    note = sign_note(Checkpoint(origin, new, root).text(), [signer])
    if proof is None:
        proof = tree.consistency_proof(get(leaves), old, new) if old <= new else []
    lines = [f"old {old}", *(base64.b64encode(part).decode() for part in proof)]
    return "\n".join(lines).encode() + b"\n\n" + note


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    make_keys(tmp_path / "w", "partner.example/w1")
    made = Witness(tmp_path / "w")
    made.trust(LOG.verifier)
    return made


def test_it_signs_with_both_kinds_of_key_what_only_grew(witness: Witness) -> None:
    for old, new in ((0, 7), (7, 7), (7, 8), (8, 64)):
        answer = witness.add_checkpoint(request(old, new))
        assert answer.status == 200, answer.why
        note = Note.parse(request(old, new).partition(b"\n\n")[2])
        cosigned = note.with_signatures(parse_signatures(answer.body.decode())).encode()
        opened = open_checkpoint(cosigned, LOG.verifier, witness.verifiers, quorum=1)
        assert {s.key.kind for s in opened.witnesses} == {KeyKind.COSIGNATURE, KeyKind.MLDSA44}
    assert [s.size for s in witness.seen()] == [64]
    assert witness.refusals() == []


def test_an_empty_log_is_seen_first(witness: Witness) -> None:
    assert witness.add_checkpoint(request(0, 0)).status == 200
    assert witness.add_checkpoint(request(0, 3)).status == 200
    assert Checkpoint(LOG.name, 0, EMPTY_ROOT).root == tree.root_of([])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"old 0\n", 400),
        (b"old 00\n\n" + request(0, 3).partition(b"\n\n")[2], 400),
        (b"old -1\n\n" + request(0, 3).partition(b"\n\n")[2], 400),
        (b"old 0\nnot base64\n\n" + request(0, 3).partition(b"\n\n")[2], 400),
        (b"old 0\n" + b"\n".join([base64.b64encode(bytes(32))] * 64) + b"\n\nx\n1\n", 400),
        (b"old 0\n\nlog.example/tocsin\n3\n", 400),
        (b"\xff\xfe\n\n", 400),
        (request(0, 3, origin="stranger.example"), 404),
        (request(0, 3, signer=SigningKey(LOG.name, KeyKind.NOTE, bytes(range(1, 33)))), 403),
        (request(0, 3).replace(b"\n3\n", b"\n4\n"), 403),
        (request(9, 3), 400),
        (request(3, 9), 409),
        (request(0, 3, proof=[bytes(32)]), 422),
    ],
)
def test_what_is_not_right_is_refused_by_the_number(
    witness: Witness, body: bytes, status: int
) -> None:
    answer = witness.add_checkpoint(body)
    assert answer.status == status, answer.body
    assert witness.seen()[0].size == 0


def test_another_old_size_is_a_conflict_that_tells_the_size(witness: Witness) -> None:
    witness.add_checkpoint(request(0, 20))
    answer = witness.add_checkpoint(request(0, 30))
    assert (answer.status, answer.body, answer.content_type) == (409, b"20\n", SIZE_TYPE)
    assert witness.refusals() == []
    answer = witness.add_checkpoint(request(0, 10))
    assert (answer.status, answer.body) == (409, b"20\n")
    assert "an older copy was put in its place" in witness.refusals()[0].why


def test_a_rewritten_and_a_forked_log_are_refused_and_kept_as_evidence(witness: Witness) -> None:
    witness.add_checkpoint(request(0, 20))
    assert witness.add_checkpoint(request(20, 30, leaves=OTHER)).status == 422
    assert witness.add_checkpoint(request(20, 30, proof=[])).status == 422
    answer = witness.add_checkpoint(request(20, 20, leaves=OTHER))
    assert (answer.status, answer.body) == (409, b"20\n")
    reasons = [refusal.why for refusal in witness.refusals()]
    assert "two different records of 20 entries were both signed" in reasons[0]
    assert "not shown to begin with the 20 seen before" in reasons[2]
    assert witness.add_checkpoint(request(20, 30)).status == 200


def test_what_it_saw_outlives_it(witness: Witness, tmp_path: Path) -> None:
    witness.add_checkpoint(request(0, 20))
    again = Witness(tmp_path / "w")
    assert again.add_checkpoint(request(0, 20)).status == 409
    assert again.add_checkpoint(request(20, 21)).status == 200


def test_of_many_at_once_one_line_of_growth_is_signed(
    witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race the specification warns of: all ask from 10; each later answer must tell where it stands."""
    witness.add_checkpoint(request(0, 10))

    def slowly(*given: Any) -> None:
        threading.Event().wait(0.02)  # between reading what was seen and keeping what is new
        tree.verify_consistency(*given)

    monkeypatch.setattr("tocsin.record.proof.witness.verify_consistency", slowly)
    answers: dict[int, int] = {}

    def ask(size: int) -> None:
        answers[size] = witness.add_checkpoint(request(10, size)).status

    threads = [threading.Thread(target=ask, args=(size,)) for size in range(11, 23)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers.values()) == [200] + [409] * 11
    [signed] = [size for size, status in answers.items() if status == 200]
    assert witness.seen()[0].size == signed


def test_a_changed_key_is_not_taken_quietly(witness: Witness, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="watched with another key"):
        witness.trust(SigningKey.generate(LOG.name).verifier)
    with pytest.raises(Invalid):
        witness.trust(SigningKey.generate("x.example", KeyKind.COSIGNATURE).verifier)
    with pytest.raises(Conflict):
        make_keys(tmp_path / "w", "again.example")
    with pytest.raises(NotFound, match="tocsin witness init"):
        Witness(tmp_path)


# ---------- policies ----------

KEYS = [SigningKey.generate(f"w{n}.example", KeyKind.COSIGNATURE).verifier for n in range(6)]
WITNESSES = "".join(f"witness {n} {key.text()}\n" for n, key in zip("abcdef", KEYS, strict=True))
EXAMPLE = f"""# two levels, as in the specification
log {LOG.verifier.text()} https://log.example/
{WITNESSES}
group X 2 a b c
\tgroup  Y any d e f
group both all X Y
quorum both
"""


def test_the_quorum_of_the_specifications_example() -> None:
    policy = parse(EXAMPLE)
    a, b, _, d, _, f = KEYS
    assert policy.logs == (LOG.verifier,)
    assert policy.met({a, b, d})
    assert policy.met({a, b, f})
    assert not policy.met({a, d, f})
    assert not policy.met({a, b})
    assert parse("quorum none\n").met(set())
    assert parse(WITNESSES + "quorum c").met({KEYS[2]})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no quorum line"),
        ("quorum none\nquorum none", "line 2: a second quorum"),
        ("quorum a\n" + WITNESSES, "a is not named above"),
        (WITNESSES + "group X 7 a b\nquorum X", "cannot need '7'"),
        (WITNESSES + "group X 0 a b\nquorum X", "cannot need '0'"),
        (WITNESSES + "group X any a\ngroup Y any a\nquorum X", "a is in a group already"),
        (WITNESSES + "group X any none\nquorum X", "none is not named above"),
        (WITNESSES + "group a any b\nquorum a", "the name a is taken"),
        (f"witness a {KEYS[0].text()}\nwitness b {KEYS[0].text()}\nquorum a", "named twice"),
        (f"witness a {LOG.verifier.text()}\nquorum a", "must be of type 4 or 6"),
        ("witness a nonsense\nquorum a", "line 1: not of the form"),
        ("observe a\nquorum none", "line 1: not a line of"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused_by_its_line(text: str, words: str) -> None:
    with pytest.raises(BadPolicy, match=words):
        parse(text)
