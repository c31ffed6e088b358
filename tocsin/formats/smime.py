"""S/MIME: a detached signature around a MIME entity (RFC 8551 3.5.3): a mail program then shows who sent it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from tocsin.kernel.errors import Invalid

_OPTIONS: Final = [
    pkcs7.PKCS7Options.DetachedSignature,
    pkcs7.PKCS7Options.Binary,  # what is signed are these bytes, line ends included
]
_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL
)
_CURE: Final = "Put the private key (RSA or EC, without a password), its certificate and the chain into it, as PEM."


@dataclass(frozen=True, slots=True)
class Signer:
    """A key, its certificate, and the certificates that lead from there to one the reader knows."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]


def signer(pem: str) -> Signer:
    """The signer of a PEM file: key, certificate, chain. Raises: Invalid with the cure."""
    found = _KEY.search(pem)
    try:
        key = serialization.load_pem_private_key(found[0].encode() if found else b"", None)
        first, *chain = x509.load_pem_x509_certificates(pem.encode())
    except (ValueError, TypeError) as error:
        raise Invalid("holds no key with its certificate", field="smime", cure=_CURE) from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise Invalid("holds a key of another kind", field="smime", cure=_CURE)
    if first.public_key() != key.public_key():
        raise Invalid("begins with a certificate of another key", field="smime", cure=_CURE)
    return Signer(key, first, tuple(chain))


def signed(entity: bytes, by: Signer) -> bytes:
    """A MIME entity (its headers, a blank line, its body; lines end in CRLF) as `multipart/signed`, an entity too."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(entity)
    builder = builder.add_signer(by.certificate, by.key, hashes.SHA256())
    for above in by.chain:
        builder = builder.add_certificate(above)
    made = builder.sign(serialization.Encoding.DER, _OPTIONS)
    edge = b"=_signed_" + hashlib.sha256(entity).hexdigest()[:32].encode()
    return b"\r\n".join(
        [
            b'Content-Type: multipart/signed; protocol="application/pkcs7-signature";',
            b' micalg="sha-256"; boundary="' + edge + b'"',
            b"",
            b"--" + edge,
            entity,
            b"--" + edge,
            b'Content-Type: application/pkcs7-signature; name="smime.p7s"',
            b"Content-Transfer-Encoding: base64",
            b'Content-Disposition: attachment; filename="smime.p7s"',
            b"",
            base64.encodebytes(made).replace(b"\n", b"\r\n") + b"--" + edge + b"--",
            b"",
        ]
    )
