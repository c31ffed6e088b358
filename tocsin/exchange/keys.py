"""The key this site signs its alerts with, and its certificate: given, or made on first use for partners to pin."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.x509 import load_pem_x509_certificate

from tocsin.formats.cap_sign import self_signed
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import BadSettings

_NAME = "alert_signer.pem"


@cache
def alert_key() -> tuple[str, str]:
    """(private key, certificate) as PEM, from `data_dir/secrets/alert_signer.pem`: both in one file, key first.

    An agency with a certificate of its own puts it there. Raises: BadSettings when the file is no such pair.
    """
    s = settings.current()
    path = s.data_dir / "secrets" / _NAME
    if not path.exists():
        _make(path, urlsplit(s.base_url).hostname or "tocsin")
    text = path.read_text()
    mark = "-----BEGIN CERTIFICATE-----"
    key, certificate = text.partition(mark)[0], mark + text.partition(mark)[2]
    try:
        serialization.load_pem_private_key(key.encode(), None)
        load_pem_x509_certificate(certificate.encode())
    except ValueError as error:
        raise BadSettings(
            "holds no private key followed by its certificate",
            field=str(path),
            cure="Put both there as PEM, or remove the file to have them made.",
        ) from error
    return key, certificate


def _make(path: Path, name: str) -> None:
    """Make a pair; where two processes do at once, the first one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{_NAME}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text("".join(self_signed(name, at=clock.now())))
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
