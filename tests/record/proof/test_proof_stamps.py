"""A checkpoint a day is stamped by an authority outside: here one of openssl's, with certificates of its own."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.record.proof.site import check, install, key_file, write, write_duty
from tocsin.cli import tocsin_verify
from tocsin.cli.tocsin_verify import Unreadable
from tocsin.kernel.clock import VirtualClock
from tocsin.record.canonical import sha256
from tocsin.record.models import DayStamp
from tocsin.record.proof import bundle
from tocsin.record.proof.stamping import BadStamp, stamp_due
from tocsin.record.sequencer import load_signer

pytestmark = [
    pytest.mark.usefixtures("db", "virtual"),
    pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not here"),
]
CONF = """
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[tsa]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ts]
default_tsa = one
[one]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def openssl(folder: Path, *arguments: str) -> None:
    command = ["openssl", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)


@contextmanager
def authority(folder: Path, key: str = "ec") -> Iterator[str]:
    """A time-stamping authority on this machine. Yields its address."""
    folder.mkdir()
    (folder / "ts.cnf").write_text(CONF.format(folder=folder))
    (folder / "serial").write_text("01\n")
    curve = ["-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else []
    new = ["-newkey", key, *curve, "-nodes", "-config", "ts.cnf"]
    openssl(folder, "req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "9",
            "-subj", "/CN=Test root", "-extensions", "ca")  # fmt: skip
    openssl(folder, "req", *new, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test TSA")
    openssl(folder, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", "tsa.pem", "-days", "9", "-extfile", "ts.cnf", "-extensions",
            "tsa")  # fmt: skip

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "q").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            openssl(folder, "ts", "-reply", "-config", "ts.cnf", "-section", "one",
                    "-queryfile", "q", "-out", "a")  # fmt: skip
            body = (folder / "a").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def test_one_checkpoint_a_day_is_stamped_and_a_bundle_carries_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, virtual: VirtualClock
) -> None:
    with authority(tmp_path / "tsa") as url:
        roots = tmp_path / "tsa" / "ca.pem"
        install(monkeypatch, tsa_url=url, tsa_roots=roots)
        assert stamp_due() == 0, "nothing is signed yet"
        write_duty("wrn_1")
        assert (stamp_due(), stamp_due()) == (1, 0)
        write(20)
        virtual.advance(timedelta(days=1))
        assert stamp_due() == 1
        assert [s.size for s in DayStamp.objects.order_by("day")][-1] > 20
        write(20)
        made = bundle.make(["wrn_1"], load_signer().verifier)
    path = tmp_path / "proof.zip"
    path.write_bytes(made.data)
    key = ("--key", key_file(tmp_path))
    status, said = check(path, *key)
    assert status == 3, "whether to trust that authority is for the one who checks to say"
    assert "a time stamp says that the first" in said
    assert "is signed by CN=Test TSA, for time stamps" in said
    assert "no --tsa-roots was given" in said
    status, said = check(path, *key, "--tsa-roots", roots)
    assert (status, "signed by CN=Test TSA, under CN=Test root" in said) == (0, True), said
    with zipfile.ZipFile(path) as opened:
        opened.extractall(tmp_path / "x")
    [day] = (tmp_path / "x" / "stamps").iterdir()
    openssl(day, "ts", "-verify", "-in", "stamp.tsr", "-data", "checkpoint", "-CAfile", str(roots))
    (day / "checkpoint").write_bytes((day / "checkpoint").read_bytes() + b"\n")
    with pytest.raises(subprocess.CalledProcessError):
        openssl(
            day, "ts", "-verify", "-in", "stamp.tsr", "-data", "checkpoint", "-CAfile", str(roots)
        )


@pytest.fixture
def stamped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, virtual: VirtualClock
) -> Callable[..., tuple[int, str]]:
    """Checks a bundle with a stamp in which bytes were exchanged; `roots` = of whom."""
    with authority(tmp_path / "tsa") as url, authority(tmp_path / "other"):
        install(monkeypatch, tsa_url=url, tsa_roots=tmp_path / "tsa" / "ca.pem")
        write_duty("wrn_1")
        stamp_due()
        made = bundle.make(["wrn_1"], load_signer().verifier)
    [day] = DayStamp.objects.all()
    name = f"stamps/{day.day.isoformat()}/stamp.tsr"
    key = key_file(tmp_path)

    def look(change: Callable[[bytes], bytes] = bytes, roots: str = "tsa") -> tuple[int, str]:
        path = tmp_path / "changed.zip"
        with zipfile.ZipFile(BytesIO(made.data)) as old, zipfile.ZipFile(path, "w") as new:
            for info in old.infolist():
                raw = old.read(info)
                new.writestr(info.filename, change(raw) if info.filename == name else raw)
        return check(path, "--key", key, "--tsa-roots", tmp_path / roots / "ca.pem")

    return look


def test_the_stand_alone_verifier_names_what_is_wrong_with_a_stamp(
    stamped: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stamped()[0] == 0
    year = f"\x18\x0f{datetime.now(UTC):%Y}".encode()  # noqa: TID251 - openssl has no other clock
    earlier = year[:-4] + b"2019"

    def other_digest(raw: bytes) -> bytes:
        [day] = DayStamp.objects.all()
        return raw.replace(sha256(day.note.encode()), bytes(32))

    wrong: list[tuple[Callable[[bytes], bytes], str]] = [
        (lambda raw: raw.replace(year, earlier), "CHANGED: its signature is about another time"),
        (lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]), "CHANGED: its signature does not hold"),
        (other_digest, "is over something else"),
        (
            lambda raw: raw.replace(b"\x30\x03\x02\x01\x00", b"\x30\x03\x02\x01\x02", 1),
            "was refused",
        ),
        (lambda raw: raw.replace(b"Test TSA", b"Best TSA"), "certificate it names is not in it"),
    ]
    for change, words in wrong:
        status, said = stamped(change)
        assert (status, words in said) == (1, True), said
    status, said = stamped(roots="other")
    assert (status, "nobody vouches for CN=Test root" in said) == (1, True), said
    for broken in (lambda raw: raw[:200], lambda _: b"", lambda _: b"\x30\x03\x02\x01\x00"):
        with pytest.raises(Unreadable, match="not an RFC 3161 response"):
            stamped(broken)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    monkeypatch.setattr(tocsin_verify, "_roots", lambda path: None)
    status, said = stamped()
    assert (status, "`cryptography` is not installed" in said) == (3, True), said


@pytest.mark.parametrize("key", ["rsa:2048", "ec"])
def test_a_stamp_by_any_usual_key_is_checked(tmp_path: Path, key: str) -> None:
    with authority(tmp_path / "tsa", key=key):
        folder = tmp_path / "tsa"
        (folder / "data").write_bytes(b"a checkpoint")
        openssl(folder, "ts", "-query", "-data", "data", "-sha512", "-cert", "-out", "q")
        how = ("-config", "ts.cnf", "-section", "one")
        openssl(folder, "ts", "-reply", *how, "-queryfile", "q", "-out", "a")
        token = (folder / "a").read_bytes()
    roots = tocsin_verify._roots(str(tmp_path / "tsa" / "ca.pem"))
    out = tocsin_verify.Findings()
    stamp = tocsin_verify.Stamp.parse(token)
    assert hashlib.new(stamp.hashed_by, b"a checkpoint").digest() == stamp.digest
    tocsin_verify._check_signer(stamp, "today", tocsin_verify.Trust([], None, [], roots), out)
    assert out.status == 0, out.lines


def test_an_authority_that_our_roots_do_not_know_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(3)
    with authority(tmp_path / "tsa") as url, authority(tmp_path / "other"):
        install(monkeypatch, tsa_url=url, tsa_roots=tmp_path / "other" / "ca.pem")
        with pytest.raises(BadStamp, match="signature does not hold"):
            stamp_due()
    with pytest.raises(BadStamp, match="does not answer"):
        stamp_due()
    assert not DayStamp.objects.exists()
