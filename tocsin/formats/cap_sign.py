"""XML signatures on CAP messages: enveloped, RSA with SHA-256, so that the same message has the same bytes.

Keys and certificates are PEM. Verifying asks for the certificate the sender is known by: a signature that only
agrees with the key it brings along proves nothing about who sent it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from lxml import etree

from tocsin.formats import xml
from tocsin.kernel.errors import Forbidden, Invalid

_LIFE = timedelta(days=365 * 10)


def sign(raw: bytes, *, key: str, certificate: str) -> bytes:
    """The message with a signature at its end. Raises: Invalid where it is no XML or carries one already."""
    from signxml.algorithms import CanonicalizationMethod  # noqa: PLC0415 - heavy, seldom needed
    from signxml.signer import XMLSigner  # noqa: PLC0415

    root = xml.read(raw, what="cap")
    if _signatures(root):
        raise Invalid("is signed already", field="cap", cure="Send it as it is.")
    signer = XMLSigner(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
    return xml.write(signer.sign(root, key=_private(key), cert=certificate))


def verify(raw: bytes, *, certificates: list[str]) -> bytes:
    """The very bytes that a signature of one of these certificates covers: read those, not the rest.

    Raises: Forbidden when there is no signature, or none that holds.
    """
    from signxml.exceptions import SignXMLException  # noqa: PLC0415
    from signxml.verifier import SignatureConfiguration, XMLVerifier  # noqa: PLC0415

    root = xml.read(raw, what="cap")
    if len(_signatures(root)) != 1:
        raise Forbidden(
            "carries no signature of its own", field="cap", cure="Ask its sender to sign."
        )
    settings = SignatureConfiguration(location="./", expect_references=1)
    for certificate in certificates:
        try:
            result = XMLVerifier().verify(root, x509_cert=certificate, expect_config=settings)
        except (SignXMLException, ValueError, TypeError, KeyError, etree.LxmlError):
            continue
        one = result[0] if isinstance(result, list) else result
        if one.signed_xml is not None and xml.local(one.signed_xml) == xml.local(root):
            return xml.write(one.signed_xml)
    raise Forbidden(
        "is signed by nobody we know, or was changed on the way",
        field="cap.signature",
        cure="Compare the certificate with its sender by telephone.",
    )


def self_signed(name: str, *, at: datetime) -> tuple[str, str]:
    """(private key, certificate) as PEM, for a site that has no certificate of its own; partners pin it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + _LIFE)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


@cache
def _private(pem: str) -> rsa.RSAPrivateKey:
    """The key of a PEM, read once: checking its numbers takes a hundred times as long as signing."""
    key = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Invalid(
            "is no RSA key", field="key", cure="Use one: its signatures come out the same."
        )
    return key


def _signatures(root: etree._Element) -> list[etree._Element]:
    return [e for e in root if xml.local(e) == "Signature"]
