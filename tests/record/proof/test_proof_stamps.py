"""A checkpoint a day is stamped by an authority outside: here one of openssl's, with certificates of its own."""

from __future__ import annotations

import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.record.proof.site import check, install, key_file, write, write_duty
from tocsin.kernel.clock import VirtualClock
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
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def openssl(folder: Path, *arguments: str) -> None:
    command = ["openssl", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)


@contextmanager
def authority(folder: Path) -> Iterator[str]:
    """A time-stamping authority on this machine. Yields its address."""
    folder.mkdir()
    (folder / "ts.cnf").write_text(CONF.format(folder=folder))
    (folder / "serial").write_text("01\n")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "ts.cnf"]
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
    status, said = check(path, "--key", key_file(tmp_path))
    assert status == 3, "who stamped is openssl's to say"
    assert "a time stamp says that the first" in said
    assert "openssl ts -verify" in said
    with zipfile.ZipFile(path) as opened:
        opened.extractall(tmp_path / "x")
    [day] = (tmp_path / "x" / "stamps").iterdir()
    openssl(day, "ts", "-verify", "-in", "stamp.tsr", "-data", "checkpoint", "-CAfile", str(roots))
    (day / "checkpoint").write_bytes((day / "checkpoint").read_bytes() + b"\n")
    with pytest.raises(subprocess.CalledProcessError):
        openssl(
            day, "ts", "-verify", "-in", "stamp.tsr", "-data", "checkpoint", "-CAfile", str(roots)
        )


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
