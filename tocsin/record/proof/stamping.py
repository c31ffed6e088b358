"""A time stamp a day: an outside authority (RFC 3161) says that a checkpoint existed by then.

Signatures and witnesses say what the record was; the stamp says when, by a clock that is not ours.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx

from tocsin.kernel import clock, settings
from tocsin.kernel.errors import BadSettings, Corrupt
from tocsin.record.canonical import sha256
from tocsin.record.models import DayStamp
from tocsin.record.proof.published import newest

TIMEOUT_S = 10.0
MAX_TOKEN_BYTES = 64 * 1024
_ASK, _ANSWER = "application/timestamp-query", "application/timestamp-reply"


class BadStamp(Corrupt):
    """The authority did not answer, or what it answered does not stamp our checkpoint."""

    code = "bad_stamp"


def stamp_due() -> int:
    """Have today's (UTC) first checkpoint stamped, where an authority is set; returns how many were.

    Raises: BadStamp, so that the loop says so and tries again.
    """
    s = settings.current()
    if not s.tsa_url:
        return 0
    today, last = clock.now().date(), newest()
    if last is None or DayStamp.objects.filter(day=today).exists():
        return 0
    token, at = _ask(s.tsa_url, last.note.encode(), s.tsa_roots)
    _, made = DayStamp.objects.get_or_create(
        day=today, defaults={"size": last.size, "note": last.note, "token": token, "said_at": at}
    )
    return int(made)


def _ask(url: str, note: bytes, roots: Path | None) -> tuple[bytes, datetime]:
    """The authority's token over `note` and the time it states, checked where its roots are known."""
    from rfc3161_client import (  # noqa: PLC0415 - only where an authority is set
        HashAlgorithm,
        PKIStatus,
        TimestampRequestBuilder,
        decode_timestamp_response,
    )

    request = TimestampRequestBuilder(data=note, hash_algorithm=HashAlgorithm.SHA256).build()
    try:
        answer = httpx.post(
            url, content=request.as_bytes(), headers={"Content-Type": _ASK}, timeout=TIMEOUT_S
        )
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise BadStamp(f"does not answer: {error}", field="tsa_url") from error
    raw = answer.content
    try:
        response = decode_timestamp_response(raw[:MAX_TOKEN_BYTES])
    except ValueError as error:
        raise BadStamp(f"its answer cannot be read: {error}", field="tsa_url") from error
    if response.status not in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS):
        raise BadStamp(f"refused, with status {response.status}", field="tsa_url")
    if roots is not None:
        _check(request, response, note, roots)
    info = response.tst_info
    if info.nonce != request.nonce or info.message_imprint.message != sha256(note):
        raise BadStamp("stamped something else than was asked", field="tsa_url")
    return raw, info.gen_time.astimezone(UTC)


def _check(request: object, response: object, note: bytes, roots: Path) -> None:
    """Check the authority's signature up to the roots. Raises: BadStamp; BadSettings."""
    from cryptography import x509  # noqa: PLC0415
    from rfc3161_client import VerificationError, VerifierBuilder  # noqa: PLC0415

    try:
        known = x509.load_pem_x509_certificates(roots.read_bytes())
    except (OSError, ValueError) as error:
        raise BadSettings(f"cannot be used: {error}", field="tsa_roots") from error
    builder = VerifierBuilder.from_request(request)  # type: ignore[arg-type]
    for root in known:
        builder = builder.add_root_certificate(root)
    try:
        builder.build().verify_message(response, note)  # type: ignore[arg-type]
    except VerificationError as error:
        raise BadStamp(f"its signature does not hold: {error}", field="tsa_url") from error
