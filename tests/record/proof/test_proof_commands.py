"""The commands and the loop as they are run: a witness in a process of its own, and what `tocsin check` says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.test import Client
from typer.testing import CliRunner

from tests.cast import Cast, make_cast
from tests.record.proof.site import (
    check,
    install,
    key_file,
    policy_text,
    witness,
    write,
    write_duty,
)
from tocsin.cli import checks, main, record, tocsin_verify
from tocsin.cli.witness import app as witness_app
from tocsin.kernel import clock
from tocsin.kernel.clock import VirtualClock
from tocsin.record.models import Cosignature, WitnessState
from tocsin.record.note import open_checkpoint, parse_signatures
from tocsin.record.proof.asking import Wrong, ask_due
from tocsin.record.proof.published import newest, signed
from tocsin.record.proof.standing import standing
from tocsin.record.sequencer import load_signer


def run(app: object, *arguments: str | Path, code: int = 0) -> str:
    found = CliRunner().invoke(app, [str(a) for a in arguments])  # type: ignore[arg-type]
    assert found.exit_code == code, found.output
    return found.output


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """`tocsin witness run` as an operator starts it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tocsin.cli.main", "witness", "run"]
    process = subprocess.Popen([*command, "--listen", f"127.0.0.1:{port}", "--dir", str(folder)])
    try:
        for _ in range(200):
            try:
                httpx.get(f"http://127.0.0.1:{port}/", timeout=2)
                break
            except httpx.HTTPError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.usefixtures("db")
def test_a_partner_runs_a_witness_by_the_commands_and_it_cosigns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "w"
    said = run(witness_app, "init", "partner.example/w1", "--dir", folder)
    keys = [line for line in said.splitlines() if line.startswith("partner.example/w1+")]
    assert len(keys) == 2
    assert [oct(p.stat().st_mode)[-3:] for p in folder.glob("*.skey")] == ["600", "600"]
    assert run(witness_app, "keys", "--dir", folder).split() == keys
    run(witness_app, "trust", key_file(tmp_path), "--dir", folder)
    with running(folder) as url:
        policy = tmp_path / "policy"
        policy.write_text(
            f"witness ed {keys[0]} {url}\nwitness ml {keys[1]} {url}\ngroup w all ed ml\nquorum w\n"
        )
        install(monkeypatch, witness_policy=policy)
        write(30)
        begin = time.monotonic()
        assert ask_due() == 1
        assert time.monotonic() - begin < 10
        assert standing().quorum_size == 30
        assert Cosignature.objects.count() == 2
        shown = httpx.get(f"{url}/").json()
        assert shown["keys"] == keys
        assert [(log["origin"], log["size"]) for log in shown["logs"]] == [(load_signer().name, 30)]
        assert httpx.get(f"{url}/add-checkpoint").status_code == 405
        assert httpx.get(f"{url}/nothing").status_code == 404
        assert httpx.post(f"{url}/add-checkpoint", content=b"x" * 300_000).status_code == 413
        assert httpx.post(f"{url}/add-checkpoint", content=b"old 0\n").status_code == 400
    assert "30" in run(witness_app, "show", "--dir", folder)


@pytest.mark.usefixtures("db", "virtual")
def test_what_witnesses_say_is_in_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, virtual: VirtualClock
) -> None:
    assert checks.witnesses().well
    assert "nobody outside" in checks.witnesses().words
    with witness(tmp_path / "w", "partner.example/w1") as one:
        (tmp_path / "policy").write_text(policy_text(one))
        install(monkeypatch, witness_policy=tmp_path / "policy")
        assert not checks.witnesses().well
        assert "never cosigned" in checks.witnesses().words
        write(5)
        assert ask_due() == 1
        virtual.advance(timedelta(seconds=3))
        assert checks.witnesses().words == "1 of w0 cosigned 5 entries 3 s ago"
        virtual.advance(timedelta(minutes=6))
        assert ask_due() == 1, "a quiet record is vouched for anew"
        virtual.advance(timedelta(minutes=20))
        assert not checks.witnesses().well
    write(1)
    assert ask_due() == 0
    assert WitnessState.objects.get().code == Wrong.SILENT
    assert ask_due() == 0, "it rests before it asks again"
    assert "does not answer" in checks.witnesses().words
    (tmp_path / "policy").write_text("quorum nobody\n")
    os.utime(tmp_path / "policy", (1, 1))
    assert not checks.witnesses().well
    assert "nobody is not named above" in checks.witnesses().words


@pytest.mark.usefixtures("db", "virtual")
def test_of_an_hour_gone_by_the_last_cosignature_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, virtual: VirtualClock
) -> None:
    with witness(tmp_path / "w", "partner.example/w1") as one:
        (tmp_path / "policy").write_text(policy_text(one))
        install(monkeypatch, witness_policy=tmp_path / "policy")
        for _ in range(4):
            write(5)
            assert ask_due() == 1
            assert ask_due() == 0
            virtual.advance(timedelta(minutes=20))
    sizes = Cosignature.objects.order_by("size", "key_id").values_list("size", flat=True)
    assert list(sizes) == [15, 15, 20, 20]


@pytest.mark.usefixtures("db", "virtual")
def test_a_witness_that_does_not_know_us_or_signs_by_another_key_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, virtual: VirtualClock
) -> None:
    from tocsin.record.note import SigningKey  # noqa: PLC0415

    stranger = SigningKey.generate("other.example").verifier
    renamed = SigningKey.generate(load_signer().name).verifier
    write(3)
    for number, (trusting, code) in enumerate(
        [(stranger, Wrong.UNKNOWN_LOG), (renamed, Wrong.UNTRUSTED_KEY)]
    ):
        with witness(tmp_path / f"w{number}", "one.example/w", trusting=trusting) as one:
            policy = tmp_path / f"policy{number}"
            policy.write_text(policy_text(one))
            install(monkeypatch, witness_policy=policy)
            assert ask_due() == 0
            assert WitnessState.objects.get(url=one.url).code == code
    with (
        witness(tmp_path / "a", "one.example/w") as one,
        witness(tmp_path / "b", "one.example/w") as two,
    ):
        policy = tmp_path / "crossed"
        policy.write_text(policy_text(one).replace(one.url, two.url))
        install(monkeypatch, witness_policy=policy)
        assert ask_due() == 0
        assert WitnessState.objects.get(url=two.url).code == Wrong.BAD_ANSWER
        assert not Cosignature.objects.exists()


@pytest.mark.usefixtures("db", "virtual")
def test_prove_and_tiles_by_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "setup", lambda: None)
    write_duty("wrn_1")
    write(10)
    key = key_file(tmp_path)
    out = tmp_path / "proof.zip"
    assert "Wrote 1 entries" in run(record.app, "prove", "wrn_1", "--out", out) or out.exists()
    assert check(out, "--key", key)[0] == 0
    run(record.app, "prove", "wrn_1", "--out", out, "--content", code=1)
    run(record.app, "prove", "no_such", "--out", out, code=1)
    run(record.app, "tiles", tmp_path / "t")
    assert check(tmp_path / "t", "--key", key)[0] == 0
    copied = tmp_path / "v.py"
    run(record.app, "verifier", copied)
    assert copied.read_bytes() == Path(tocsin_verify.__file__).read_bytes()


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def test_the_tree_is_served_to_readers_of_the_record_and_when_published_to_anybody(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(300)
    ines = Client()
    ines.force_login(cast.account("ines"))
    size = newest().size  # type: ignore[union-attr]
    answer = ines.get("/tlog/checkpoint")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    opened = open_checkpoint(answer.content, load_signer().verifier)
    assert opened.checkpoint.size == size
    assert len(ines.get("/tlog/tile/0/000").content) == 8192
    partial = f"/tlog/tile/0/{size // 256:03}.p/{size % 256}"
    assert len(ines.get(partial).content) == 32 * (size % 256)
    assert ines.get("/tlog/tile/entries/000").status_code == 404
    assert ines.get("/tlog/tile/0/900").status_code == 404
    assert ines.get("/tlog/tile/0/0").status_code == 404
    paul = Client()
    paul.force_login(cast.account("paul"))
    assert paul.get("/tlog/checkpoint").status_code == 403
    assert Client().get("/tlog/checkpoint").status_code == 302
    install(monkeypatch, publish_tree=True)
    answer = Client().get("/tlog/tile/0/000")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/octet-stream"
    assert "immutable" in answer["Cache-Control"]
    assert Client().get("/tlog/tile/entries/000").status_code == 404


def test_the_record_page_says_who_vouches(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ines = Client()
    ines.force_login(cast.account("ines"))
    assert "nobody outside vouches" in ines.get("/record").content.decode()
    with witness(tmp_path / "w", "partner.example/w1") as one:
        (tmp_path / "policy").write_text(policy_text(one))
        install(monkeypatch, witness_policy=tmp_path / "policy")
        write(3)
        ask_due()
    page = ines.get("/record").content.decode()
    assert "Last vouched" in page
    assert "1 of w0" in page
    last = newest()
    assert last is not None
    lines = Cosignature.objects.values_list("line", flat=True)
    assert {s.name for s in parse_signatures("".join(lines))} == {"partner.example/w1"}
    assert signed(last).count(b"\xe2\x80\x94 partner.example/w1") == 2
    assert clock.now() == Cosignature.objects.first().said_at  # type: ignore[union-attr]
