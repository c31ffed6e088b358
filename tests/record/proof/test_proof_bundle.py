"""What `record prove` writes, `tocsin-verify` checks: alone, with nothing but Python, and it finds every change."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tests.record.proof.site import (
    MARK,
    check,
    install,
    keep,
    key_file,
    policy_text,
    sign,
    tiles,
    witness,
    write,
    write_duty,
)
from tocsin.cli import tocsin_verify
from tocsin.kernel.errors import Corrupt, NotFound
from tocsin.people.terms import SYSTEM
from tocsin.record import checking
from tocsin.record.actions import writing
from tocsin.record.canonical import canonical
from tocsin.record.models import Entry, Pending
from tocsin.record.note import Checkpoint, KeyKind, SigningKey, sign_note
from tocsin.record.proof import bundle
from tocsin.record.proof.asking import ask_due
from tocsin.record.proof.published import publish
from tocsin.record.proof.tlog_proof import TlogProof
from tocsin.record.sequencer import load_signer
from tocsin.record.tree import leaf_hash

Files = dict[str, bytes]
_SIGNER = SigningKey("log.example", KeyKind.NOTE, bytes(range(32)))


def write_report(subject: str) -> list[str]:
    """Two entries with content; returns the vault ids."""
    vaults = []
    with writing(SYSTEM) as w:
        for text in ("They name the north doors — at noon.", "Wörter 🚪 and more"):
            kept = w.keep(subject, {"text": text, "n": 3})
            vaults.append(kept["vault"])
            w.append(
                "vault.unmasked", subject, {"vault": kept["vault"], "reason": kept}, marking=MARK
            )
    sign()
    return vaults


@pytest.fixture
def proved(db: None, virtual: None, tmp_path: Path) -> Path:
    """A bundle of a report of two entries and contents, in a record of some hundred."""
    write(150)
    vaults = write_report("rpt_1")
    write(150)
    path = tmp_path / "proof.zip"
    made = bundle.make(["rpt_1"], load_signer().verifier, vaults)
    assert (made.entries, made.contents, made.waiting, made.size) == (2, 2, 0, 302)
    path.write_bytes(made.data)
    key_file(tmp_path)
    return path


def changed(path: Path, change: Callable[[Files], None]) -> Path:
    with zipfile.ZipFile(path) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    change(files)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    spoilt = path.with_name("spoilt.zip")
    spoilt.write_bytes(out.getvalue())
    return spoilt


def alone(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """tocsin-verify copied out, run by a Python that finds no installed package."""
    copy = folder / "elsewhere" / "tocsin_verify.py"
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(Path(tocsin_verify.__file__).read_bytes())
    command = [sys.executable, "-I", "-S", str(copy), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={}, cwd=copy.parent
    )


def test_a_bundle_checks_alone_with_nothing_installed(proved: Path, tmp_path: Path) -> None:
    found = alone(tmp_path, proved, "--key", tmp_path / "record.vkey")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "2 entries of rpt_1 stand in the signed record at their places" in found.stdout
    assert "2 contents are what the entries committed to" in found.stdout
    assert "Sound: all of it was checked." in found.stdout
    found = alone(tmp_path, proved, "--json")
    assert found.returncode == 3
    assert json.loads(found.stdout)["findings"][0]["finding"] == "not checked"


def test_with_the_whole_record_nothing_was_left_out(proved: Path, tmp_path: Path) -> None:
    write(10)
    whole = tiles(tmp_path / "t")
    key = tmp_path / "record.vkey"
    status, said = check(proved, "--key", key, "--tiles", whole)
    assert status == 0, said
    assert "holds every entry of its subjects" in said

    def leave_out(files: Files) -> None:
        del files["entries/0000000151.json"]
        for name in [n for n in files if n.startswith("contents/")][2:]:
            del files[name]

    spoilt = changed(proved, leave_out)
    status, said = check(spoilt, "--key", key, "--tiles", whole)
    assert status == 1
    assert "LEFT OUT: the entry at place 151 (vault.unmasked)" in said


def _edit_entry(files: Files) -> None:
    files["entries/0000000150.json"] = files["entries/0000000150.json"].replace(b"rpt_1", b"rpt_2")


def _swap_entries(files: Files) -> None:
    a, b = "entries/0000000150.json", "entries/0000000151.json"
    files[a], files[b] = files[b], files[a]


def _swap_proofs(files: Files) -> None:
    a, b = "proofs/0000000150.tlog-proof", "proofs/0000000151.tlog-proof"
    files[a], files[b] = files[b], files[a]


def _edit_content(files: Files) -> None:
    name = next(n for n in files if n.startswith("contents/") and n.endswith(".json"))
    files[name] = files[name].replace(b"n", b"N", 1)


def _foreign_content(files: Files) -> None:
    files["contents/vlt_x.json"], files["contents/vlt_x.salt"] = b"{}", b"00" * 16


def _other_subject(files: Files) -> None:
    files["bundle.json"] = files["bundle.json"].replace(b"rpt_1", b"rpt_9")


def _bigger(files: Files) -> None:
    files["checkpoint"] = files["checkpoint"].replace(b"\n302\n", b"\n303\n")


def _nothing(files: Files) -> None:
    for name in [n for n in files if n.startswith(("entries/", "contents/"))]:
        del files[name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_edit_entry, "CHANGED: the entry given for place 150"),
        (_swap_entries, "CHANGED: the entry given for place 150"),
        (_swap_proofs, "SWAPPED: the entry given for place 150 is proved for 151"),
        (_edit_content, "is not what was committed to at place 15"),
        (_foreign_content, "belongs to none of the entries"),
        (_other_subject, "the entry at place 150 is of another subject"),
        (_bigger, "does not fit the checkpoint"),
        (_nothing, "the bundle holds no entry"),
    ],
)
def test_whatever_is_changed_is_named(
    proved: Path, tmp_path: Path, change: Callable[[Files], None], words: str
) -> None:
    status, said = check(changed(proved, change), "--key", tmp_path / "record.vkey")
    assert status == 1
    assert words in said


def _damage_base() -> bytes:
    return sign_note(Checkpoint(_SIGNER.name, 302, bytes(32)).text(), [_SIGNER])


@given(st.data())
def test_no_damage_passes_or_crashes(data: st.DataObject) -> None:
    raw = _damage_base()
    at = data.draw(st.integers(0, len(raw) - 1))
    spoilt = bytes([*raw[:at], raw[at] ^ data.draw(st.integers(1, 255)), *raw[at + 1 :]])
    try:
        point = tocsin_verify.Checkpoint.parse(spoilt)
        signed = point.signed_by(tocsin_verify.Key.parse(_SIGNER.verifier.text()))
    except (tocsin_verify.Unreadable, tocsin_verify.BadSignature):
        return
    assert not signed


def _outcome(*arguments: str | Path) -> int:
    try:
        return check(*arguments)[0]
    except tocsin_verify.Unreadable:
        return tocsin_verify.UNREADABLE


def test_a_damaged_bundle_never_crashes_and_never_passes_for_another(
    proved: Path, tmp_path: Path
) -> None:
    raw, key, chance = proved.read_bytes(), tmp_path / "record.vkey", random.Random(7)
    true = tocsin_verify.Bundle(proved).entries()
    spoilt, outcomes = tmp_path / "spoilt.zip", set()
    for _ in range(150):
        at = chance.randrange(len(raw))
        spoilt.write_bytes(raw[:at] + bytes([raw[at] ^ chance.randrange(1, 256)]) + raw[at + 1 :])
        outcomes.add(status := _outcome(spoilt, "--key", key))
        if status == 0:
            assert tocsin_verify.Bundle(spoilt).entries() == true
    assert tocsin_verify.UNREADABLE in outcomes


def test_a_damaged_or_missing_tile_never_passes(db: None, virtual: None, tmp_path: Path) -> None:
    write(600)
    whole, key, chance = tiles(tmp_path / "t"), key_file(tmp_path), random.Random(7)
    files = sorted(p for p in whole.rglob("*") if p.is_file())
    for number in range(60):
        file = files[number % len(files)]
        raw = file.read_bytes()
        at = chance.randrange(len(raw))
        if number < 2 * len(files):
            spoilt = raw[:at] + bytes([raw[at] ^ chance.randrange(1, 256)]) + raw[at + 1 :]
        else:
            spoilt = raw[:at]
        file.write_bytes(spoilt)
        assert _outcome(whole, "--key", key) in (1, 2), (file, at)
        file.unlink()
        if "entries" in file.parts:
            assert _outcome(whole, "--key", key) == 3, "hashes alone prove no entry"
        file.write_bytes(raw)
    assert _outcome(whole, "--key", key) == 0


def test_what_is_no_bundle_cannot_be_read(tmp_path: Path) -> None:
    empty = tmp_path / "empty.zip"
    with zipfile.ZipFile(empty, "w") as made:
        made.writestr("bundle.json", '{"format": "other"}')
    for arguments in ([empty], [tmp_path / "absent"], [tmp_path]):
        found = alone(tmp_path, *arguments)
        assert found.returncode == 2
        assert found.stderr.startswith("tocsin-verify: ")
        assert "Traceback" not in found.stderr


@pytest.mark.usefixtures("db", "virtual")
def test_an_unknown_subject_has_no_proof() -> None:
    write(3)
    with pytest.raises(NotFound, match="no signed entry of rpt_none"):
        bundle.make(["rpt_none"], load_signer().verifier)


@pytest.mark.usefixtures("db", "virtual")
def test_a_witnessed_bundle_needs_its_quorum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        witness(tmp_path / "w1", "one.example/w") as one,
        witness(tmp_path / "w2", "two.example/w") as two,
    ):
        (tmp_path / "policy").write_text(policy_text(one, two, needs="2"))
        install(monkeypatch, witness_policy=tmp_path / "policy")
        write_duty("wrn_1")
        assert ask_due() == 2
        assert ask_due() == 0
        made = bundle.make(["wrn_1"], load_signer().verifier)
        path = tmp_path / "proof.zip"
        path.write_bytes(made.data)
        found = alone(tmp_path, path, "--policy", tmp_path / "policy")
        assert found.returncode == 0, found.stdout
        assert found.stdout.count("cosigned it at") == 4
        assert "the quorum of witnesses is there" in found.stdout
        with zipfile.ZipFile(path) as opened:
            point = opened.read("checkpoint").decode()
        lines = [line for line in point.split("\n") if not line.startswith("— two.example")]
        lonely = tmp_path / "lonely"
        lonely.write_text("\n".join(lines))
        status, said = check(lonely, "--policy", tmp_path / "policy")
        assert status == 1
        assert "the quorum of witnesses (quorum-of) is not there; missing: w1-ed, w1-ml" in said


def test_a_single_proof_is_a_tlog_proof(proved: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(proved) as opened:
        opened.extractall(tmp_path / "x")
    file = tmp_path / "x" / "proofs" / "0000000151.tlog-proof"
    parsed = TlogProof.parse(file.read_bytes())
    assert (parsed.index, parsed.encode()) == (151, file.read_bytes())
    key, entry = tmp_path / "record.vkey", tmp_path / "x" / "entries" / "0000000151.json"
    assert tocsin_verify.main([str(file), "--key", str(key), "--entry", str(entry)]) == 0
    other = entry.with_name("0000000150.json")
    assert tocsin_verify.main([str(file), "--key", str(key), "--entry", str(other)]) == 1
    assert tocsin_verify.main([str(file), "--key", str(key)]) == 3


def test_tiles_grow_in_place_and_say_the_same(db: None, virtual: None, tmp_path: Path) -> None:
    key = key_file(tmp_path)
    for count in (1, 254, 1, 1, 300, 256):
        write(count)
        status, said = check(tiles(tmp_path / "t"), "--key", key)
        assert status == 0, said
    tiles(tmp_path / "at-once")
    grown = {p.relative_to(tmp_path / "t") for p in (tmp_path / "t").rglob("*") if p.is_file()}
    fresh = {
        p.relative_to(tmp_path / "at-once")
        for p in (tmp_path / "at-once").rglob("*")
        if p.is_file()
    }
    assert fresh <= grown
    # Partial tiles of earlier checkpoints stay until the full one is there (tlog-tiles), and no longer.
    old = {str(p).split(".p/")[0] for p in grown - fresh}
    assert old
    assert not any((tmp_path / "t" / name).exists() for name in old)
    for path in fresh:
        if path.name != "checkpoint":
            assert (tmp_path / "t" / path).read_bytes() == (
                tmp_path / "at-once" / path
            ).read_bytes()
    only = tiles(tmp_path / "hashes", entries=False)
    assert not (only / "tile" / "entries").exists()
    status, said = check(only, "--key", key)
    assert status == 3
    assert "only their hashes are here" in said


def write_long() -> bytes:
    """An entry that is longer than a bundle can hold; its bytes."""
    with writing(SYSTEM) as w:
        kept = w.keep("rpt_1", {"text": "the reason"})
        long = {"vault": kept["vault"], "reason": kept, "of": ["rpt_0123456789"] * 5000}
        w.append("vault.unmasked", "rpt_1", long, marking=MARK)
    return bytes(Entry.objects.get(subject="rpt_1").body)


def test_an_entry_too_long_for_a_bundle_stands_by_its_envelope(
    committed: None, virtual: None, tmp_path: Path
) -> None:
    write(255)
    body = write_long()
    write(10)
    assert len(body) > 65_535
    assert checking.verify(load_signer().verifier).entries == 266
    assert checking.verify_vault() == 1
    key = key_file(tmp_path)
    found = publish(tmp_path / "t", load_signer().verifier)
    assert (found.size, found.left_out) == (266, 0)
    assert check(tmp_path / "t", "--key", key)[0] == 0
    made = bundle.make(["rpt_1"], load_signer().verifier)
    whole = tmp_path / "proof.zip"
    whole.write_bytes(made.data)
    status, said = check(whole, "--key", key, "--tiles", tmp_path / "t")
    assert (status, "the bundle holds every entry" in said) == (0, True), said
    with zipfile.ZipFile(whole) as opened:
        files = {n: opened.read(n) for n in opened.namelist()}
    [name] = [n for n in files if n.startswith("data/")]
    assert len(files[f"entries/{name[5:]}"]) < 1000
    assert canonical(msgspec.json.decode(body)["data"]) == files[name]

    def rewritten(**changed: bytes | None) -> tuple[int, str]:
        with zipfile.ZipFile(whole, "w") as out:
            for n, raw in files.items():
                if (given := changed.get("data", raw) if n == name else raw) is not None:
                    out.writestr(n, given)
        return check(whole, "--key", key)

    changed = files[name].replace(b"rpt_0123456789", b"rpt_0123456780", 1)
    status, said = rewritten(data=changed)
    assert (status, "CHANGED: the data given for place 255" in said) == (1, True), said
    status, said = rewritten(data=None)
    assert (status, "it is not in the bundle" in said) == (3, True), said


def test_a_long_entry_that_is_changed_is_named(
    committed: None, database_url: str, tmp_path: Path
) -> None:
    body = write_long()
    write(3)
    with psycopg.connect(database_url) as c:
        changed = body.replace(b"rpt_0123456789", b"rpt_0123456780", 1)
        c.execute("SET session_replication_role = replica")  # as a superuser who goes past triggers
        c.execute("UPDATE record_entry SET body = %s WHERE subject = 'rpt_1'", [changed])
    with pytest.raises(Corrupt, match="entry at place 0 is not what was recorded"):
        checking.verify(load_signer().verifier)


def test_a_long_entry_of_before_there_were_envelopes_leaves_its_hashes(
    committed: None, virtual: None, tmp_path: Path
) -> None:
    write(255)
    body = write_long()
    n = Entry.objects.get(subject="rpt_1").n
    Pending.objects.filter(n=n).delete()
    Pending.objects.create(n=n, leaf=leaf_hash(body))
    write(10)
    assert checking.verify(load_signer().verifier).entries == 266
    found = publish(tmp_path / "t", load_signer().verifier)
    assert (found.size, found.left_out) == (266, 1)
    status, said = check(tmp_path / "t", "--key", key_file(tmp_path))
    assert status == 3
    assert "256 entries themselves: only their hashes are here" in said


def test_a_changed_tile_is_named(db: None, virtual: None, tmp_path: Path) -> None:
    write(300)
    whole, key, kept = tiles(tmp_path / "t"), key_file(tmp_path), keep(tmp_path)
    assert check(whole, "--key", key, "--against", kept)[0] == 0
    upper = whole / "tile" / "1" / "000.p" / "1"
    upper.write_bytes(bytes(32))
    status, said = check(whole, "--key", key)
    assert status == 1
    assert "tile/1/000.p/1 is not what lies below it" in said


# ---------- signatures by whole numbers ----------


@given(st.binary(max_size=200), st.integers(0, 63), st.integers(1, 255))
def test_plain_ed25519_agrees_with_the_library(message: bytes, at: int, flip: int) -> None:
    key = Ed25519PrivateKey.generate()
    public, good = key.public_key().public_bytes_raw(), key.sign(message)
    bad = bytes([*good[:at], good[at] ^ flip, *good[at + 1 :]])
    assert tocsin_verify.plain_ed25519(public, good, message)
    assert not tocsin_verify.plain_ed25519(public, bad, message)
    assert not tocsin_verify.plain_ed25519(public, good, message + b"x")
    assert not tocsin_verify.plain_ed25519(public[:31], good, message)


def test_plain_mldsa44_agrees_with_the_library() -> None:
    for number in range(6):
        key, message = MLDSA44PrivateKey.generate(), b"message %d" % number
        public, good = key.public_key().public_bytes_raw(), key.sign(message)
        assert tocsin_verify.plain_mldsa44(public, good, message)
        assert not tocsin_verify.plain_mldsa44(public, good, message + b"x")
        for at in (0, 31, 32, 2000, 2336, 2410, 2419):
            bad = bytes([*good[:at], good[at] ^ 1, *good[at + 1 :]])
            assert not tocsin_verify.plain_mldsa44(public, bad, message), at
        assert not tocsin_verify.plain_mldsa44(public, good[:-1], message)
