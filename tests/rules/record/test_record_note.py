"""Notes, checkpoints and cosignatures: known examples hold, and whatever is changed is refused."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.kernel.errors import Invalid, TocsinError
from tocsin.record import note
from tocsin.record.note import (
    BadKey,
    BadNote,
    BadSignature,
    Checkpoint,
    KeyKind,
    NotSigned,
    SigningKey,
    VerifierKey,
)

# The example in the documentation of golang.org/x/mod/sumdb/note, which defined the format.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_NOTE = (
    GO_TEXT + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
    "KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# A witness key in public use, and the checkpoint printed in C2SP tlog-cosignature.
WITNESS_VKEY = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
C2SP_NOTE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhc"
    "yv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX"
    "3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)

LOG = SigningKey("log.example/tocsin", KeyKind.NOTE, bytes(range(32)))
ONE = SigningKey("witness.example/one", KeyKind.COSIGNATURE, bytes(range(1, 33)))
TWO = SigningKey("witness.example/two", KeyKind.COSIGNATURE, bytes(range(2, 34)))
STRANGER = SigningKey("stranger.example", KeyKind.NOTE, bytes(range(3, 35)))
CHECKPOINT = Checkpoint(LOG.name, 20_852_163, hashlib.sha256(b"root").digest())
AT = datetime(2021, 1, 6, 12, 53, tzinfo=UTC)


def checkpoint_by(*keys: SigningKey) -> bytes:
    return note.sign_note(CHECKPOINT.text(), keys, AT)


def test_the_go_example_is_signed_and_opened_byte_for_byte() -> None:
    key = SigningKey.parse(GO_SKEY)
    assert key.verifier == VerifierKey.parse(GO_VKEY)
    assert (key.text(), key.verifier.text()) == (GO_SKEY, GO_VKEY)
    assert note.sign_note(GO_TEXT, [key]).decode() == GO_NOTE
    opened = note.open_note(GO_NOTE.encode(), [VerifierKey.parse(GO_VKEY)])
    assert opened.text == GO_TEXT


def test_a_public_witness_key_has_the_id_it_states() -> None:
    key = VerifierKey.parse(WITNESS_VKEY)
    assert (key.kind, key.text()) == (KeyKind.COSIGNATURE, WITNESS_VKEY)


def test_the_c2sp_example_is_taken_apart() -> None:
    parsed = note.Note.parse(C2SP_NOTE.encode())
    assert Checkpoint.parse(parsed.text).size == 20_852_163
    assert parsed.encode().decode() == C2SP_NOTE
    cosignature = parsed.signatures[1]
    assert int.from_bytes(cosignature.value[:8], "big") == 1679315147


def test_a_cosignature_is_the_one_the_specification_describes() -> None:
    text = CHECKPOINT.text()
    message = f"cosignature/v1\ntime {int(AT.timestamp())}\n{text}".encode()
    plain = Ed25519PrivateKey.from_private_bytes(ONE.seed)
    public = plain.public_key().public_bytes_raw()
    signature = ONE.sign(text, AT + timedelta(milliseconds=999))
    assert signature.key_id == hashlib.sha256(b"witness.example/one\n\x04" + public).digest()[:4]
    assert signature.value == int(AT.timestamp()).to_bytes(8, "big") + plain.sign(message)
    assert ONE.verifier.verify(text, signature) == AT


def test_a_checkpoint_is_opened_with_its_witnesses_and_their_times() -> None:
    raw = checkpoint_by(LOG, ONE, STRANGER, TWO)
    opened = note.open_checkpoint(raw, LOG.verifier, [ONE.verifier, TWO.verifier], quorum=2)
    assert opened.checkpoint == CHECKPOINT
    assert [(each.key.name, each.at) for each in opened.witnesses] == [
        (ONE.name, AT),
        (TWO.name, AT),
    ]
    assert [each.name for each in opened.unknown] == [STRANGER.name]


def test_a_witness_answer_can_be_added_to_the_note_once() -> None:
    answer = note.parse_signatures(ONE.sign(CHECKPOINT.text(), AT).line())
    parsed = note.Note.parse(checkpoint_by(LOG)).with_signatures(answer).with_signatures(answer)
    assert parsed.encode() == checkpoint_by(LOG, ONE)


def test_missing_signatures_are_named() -> None:
    known = [ONE.verifier, TWO.verifier]
    with pytest.raises(NotSigned, match=r"log\.example/tocsin"):
        note.open_checkpoint(checkpoint_by(ONE), LOG.verifier, known)
    with pytest.raises(NotSigned, match=r"1 of the 2 .*missing: witness\.example/two"):
        note.open_checkpoint(checkpoint_by(LOG, ONE), LOG.verifier, known, quorum=2)
    with pytest.raises(NotSigned, match="nobody"):
        note.open_note(checkpoint_by(LOG), [])
    with pytest.raises(NotSigned, match=r"log\.example/tocsin"):
        note.open_note(checkpoint_by(STRANGER), [LOG.verifier])


def test_a_witness_counts_once_however_many_keys_it_has() -> None:
    again = SigningKey(ONE.name, KeyKind.COSIGNATURE, bytes(32))
    raw = checkpoint_by(LOG, ONE, again, ONE)
    with pytest.raises(NotSigned, match="1 of the 2"):
        note.open_checkpoint(raw, LOG.verifier, [ONE.verifier, again.verifier], quorum=2)


def test_a_false_signature_of_a_known_key_refuses_the_whole_note_and_is_named() -> None:
    other = Checkpoint(LOG.name, CHECKPOINT.size + 1, CHECKPOINT.root).text()
    false = note.Note.parse(checkpoint_by(LOG)).with_signatures([ONE.sign(other, AT)])
    known = [ONE.verifier, TWO.verifier]
    with pytest.raises(BadSignature, match=r"witness\.example/one"):
        note.open_checkpoint(false.encode(), LOG.verifier, known)
    assert note.open_checkpoint(false.encode(), LOG.verifier, known[1:]).checkpoint == CHECKPOINT


def test_a_name_alone_does_not_make_a_known_key() -> None:
    impostor = SigningKey(LOG.name, KeyKind.NOTE, bytes(32))
    with pytest.raises(NotSigned):
        note.open_checkpoint(checkpoint_by(impostor), LOG.verifier)


def test_a_signature_under_another_name_is_not_this_keys() -> None:
    true = LOG.sign("text\n")
    for name, key_id in ((STRANGER.name, true.key_id), (true.name, STRANGER.verifier.key_id)):
        with pytest.raises(BadSignature, match="another key"):
            LOG.verifier.verify("text\n", note.Signature(name, key_id, true.value))


def test_the_time_of_a_cosignature_is_signed() -> None:
    signature = ONE.sign(CHECKPOINT.text(), AT)
    for seconds in (int(AT.timestamp()) + 1, 2**63, 2**64 - 1):
        moved = note.Signature(
            ONE.name, signature.key_id, seconds.to_bytes(8, "big") + signature.value[8:]
        )
        with pytest.raises(BadSignature, match=r"witness\.example/one"):
            ONE.verifier.verify(CHECKPOINT.text(), moved)


def test_the_kinds_of_key_are_not_interchangeable() -> None:
    same = SigningKey(LOG.name, KeyKind.COSIGNATURE, LOG.seed)
    with pytest.raises(NotSigned):
        note.open_note(checkpoint_by(same), [LOG.verifier])
    relabelled = note.Signature(
        LOG.name, LOG.verifier.key_id, same.sign(CHECKPOINT.text(), AT).value
    )
    with pytest.raises(BadSignature):
        LOG.verifier.verify(CHECKPOINT.text(), relabelled)
    with pytest.raises(Invalid, match="type 4"):
        note.open_checkpoint(checkpoint_by(LOG), LOG.verifier, [STRANGER.verifier])


def test_another_log_is_not_this_log() -> None:
    raw = note.sign_note(Checkpoint("other.example", 1, bytes(32)).text(), [LOG])
    with pytest.raises(BadNote, match="origin"):
        note.open_checkpoint(raw, LOG.verifier)


@settings(max_examples=200)
@given(st.data())
def test_no_changed_byte_is_ever_accepted(data: st.DataObject) -> None:
    raw = bytearray(checkpoint_by(LOG, ONE))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(TocsinError):
        note.open_checkpoint(bytes(raw), LOG.verifier, [ONE.verifier], quorum=1)


@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace"))
)
def test_no_bytes_crash_the_reader(raw: bytes) -> None:
    with pytest.raises(TocsinError):
        note.open_note(raw, [LOG.verifier])
    with pytest.raises(TocsinError):
        note.open_note(CHECKPOINT.text().encode() + b"\n\xe2\x80\x94 " + raw, [LOG.verifier])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log\n1\n",
        "log\n1\n{root}",
        "log\n1\n{root}\nextension\n",
        "log\n1\n{root}\n\n",
        "\n1\n{root}\n",
        "log\n01\n{root}\n",
        "log\n-1\n{root}\n",
        "log\n+1\n{root}\n",
        "log\n1 \n{root}\n",
        "log\n1_0\n{root}\n",
        "log\n\u0661\n{root}\n",
        "log\n9223372036854775808\n{root}\n",
        "log\r\n1\n{root}\n",
        "log\n1\n{root} \n",
        "log\n1\n{short}\n",
        "log\n1\n{loose}\n",
        "log\n1\n{url}\n",
    ],
)
def test_a_checkpoint_is_read_strictly(text: str) -> None:
    full = base64.b64encode(b"\xff" * 32).decode()
    filled = text.format(
        root=full,
        short=base64.b64encode(b"\xff" * 31).decode(),
        loose=full[:-2] + "9=",  # the same bytes, with bits set that should be nothing
        url=full.replace("/", "_"),
    )
    with pytest.raises(BadNote):
        Checkpoint.parse(filled)


def test_a_checkpoint_reads_back_as_written() -> None:
    for size in (0, 1, 2**63 - 1):
        made = Checkpoint("log.example", size, bytes(32))
        assert Checkpoint.parse(made.text()) == made
    with pytest.raises(BadNote):
        Checkpoint("two\nlines", 1, bytes(32))
    with pytest.raises(BadNote):
        Checkpoint("half \ud800", 1, bytes(32))


@pytest.mark.parametrize(
    "raw",
    [
        GO_NOTE.replace("\n\n", "\n"),
        GO_NOTE[:-1],
        GO_NOTE + "\n",
        GO_NOTE + "a line\n",
        GO_NOTE.replace("— ", "- "),
        GO_NOTE.replace("Peter", "Pe ter"),
        GO_NOTE.replace("PeterNeumann", "a+b"),
        GO_NOTE.replace("nAM=", "nAN="),
        GO_NOTE.replace("problem", "prob\tlem"),
        GO_TEXT + "\n— PeterNeumann x08gow==\n",
        GO_TEXT + "\n" + "— a AAAAAAA=\n" * 101,
        "a" * 1_000_001,
    ],
)
def test_a_note_is_read_strictly(raw: str) -> None:
    with pytest.raises(BadNote):
        note.open_note(raw.encode(), [VerifierKey.parse(GO_VKEY)])


def test_text_with_blank_lines_can_be_signed() -> None:
    text = "one\n\ntwo\n\n"
    assert note.open_note(note.sign_note(text, [LOG]), [LOG.verifier]).text == text


@pytest.mark.parametrize("text", ["", "no newline", "tab\there\n", "half \ud800\n"])
def test_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    with pytest.raises(BadNote):
        LOG.sign(text)


def test_signing_asks_for_what_it_needs() -> None:
    with pytest.raises(Invalid, match="at least one key"):
        note.sign_note("text\n", [])
    for at in (None, AT.replace(tzinfo=None)):
        with pytest.raises(Invalid, match="time"):
            ONE.sign("text\n", at)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+c74f20a3",
        GO_VKEY.replace("c74f20a3", "c74f20a4"),
        GO_VKEY.replace("c74f20a3", "C74F20A3"),
        GO_VKEY.replace("Peter", "Paul"),
        GO_VKEY.replace("Peter", "Pe ter"),
        GO_VKEY.replace("+AR", "+Ah"),  # type 2
        GO_VKEY[:-4],
        GO_VKEY + "!",
        "+c74f20a3+" + GO_VKEY.split("+", 2)[2],
    ],
)
def test_a_malformed_key_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        VerifierKey.parse(text)
    with pytest.raises(BadKey) as refused:
        SigningKey.parse(GO_SKEY[:12] + text)
    assert "AYEKFALV" not in str(refused.value)


def test_a_new_key_is_its_own_and_keeps_its_secret() -> None:
    key, other = SigningKey.generate("a.example"), SigningKey.generate("a.example")
    assert key.seed != other.seed
    assert SigningKey.parse(key.text()) == key
    assert VerifierKey.parse(key.verifier.text()) == key.verifier
    assert repr(key.seed) not in repr(key)
    for name in ("", "a b", "a+b", "a\u00a0b", "a\nb", "a\x00", "\ud800"):
        with pytest.raises(BadKey):
            SigningKey.generate(name)
