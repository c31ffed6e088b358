"""Standard Webhooks: signing what we post, and verifying what is posted to us.

The signature is `v1,` and base64 of HMAC-SHA-256 over `id.timestamp.body`. A receiver refuses what is older or
newer than five minutes, and keeps the ids it has seen that long: together that stops replay.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from tocsin.kernel.errors import Forbidden, Invalid

TOLERANCE: Final = timedelta(minutes=5)
PREFIX: Final = "whsec_"
BODY_CAP: Final = 8 * 1024 * 1024
_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,200}")  # printable, no dot: the dot parts what is signed
_LEAST_SECRET: Final = 24  # bytes, as the specification asks
_SIGNATURES_CAP: Final = 20


def sign(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers for `body`. `message_id` stays the same when the message is sent again.

    Raises: Invalid for a secret or id that is not of the standard's form.
    """
    if not _ID.fullmatch(message_id):
        raise Invalid(
            "has a dot, a blank or nothing in it", field="webhook-id", cure="Choose another."
        )
    stamp = str(int(at.timestamp()))
    made = _signature(_key(secret), message_id, stamp, body)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(made).decode(),
    }


def verify(
    secrets: str | Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> str:
    """The id of a message whose signature holds under one of our secrets (two while one is being replaced).

    1. The headers are there and of the right form.
    2. The time lies within `tolerance` of `now`.
    3. One signature matches, compared in constant time.
    The caller refuses an id it has seen within `tolerance`.
    Raises: Invalid for 1; Forbidden for 2 and 3.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    message_id, stamp = lowered.get("webhook-id", ""), lowered.get("webhook-timestamp", "")
    if len(body) > BODY_CAP:
        raise Invalid(f"is larger than {BODY_CAP} bytes", field="body", cure="Send less at a time.")
    if not _ID.fullmatch(message_id):
        raise Invalid("is missing or malformed", field="webhook-id", cure="Send it as signed.")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 11):
        raise Invalid("is missing or malformed", field="webhook-timestamp", cure="Send seconds.")
    if abs(now.timestamp() - int(stamp)) > tolerance.total_seconds():
        at = datetime.fromtimestamp(int(stamp), UTC)
        raise Forbidden(
            f"was signed at {at:%Y-%m-%d %H:%M:%S} UTC, too far from now",
            field="webhook-timestamp",
            cure="Check both clocks, and sign again before sending again.",
        )
    keys = [_key(s) for s in ([secrets] if isinstance(secrets, str) else secrets)]
    given = _given(lowered.get("webhook-signature", ""))
    wanted = [_signature(key, message_id, stamp, body) for key in keys]
    # Every pair is compared, so that the time taken tells nothing.
    agree = [hmac.compare_digest(a, b) for a in given for b in wanted]
    if not any(agree):
        raise Forbidden(
            "does not match", field="webhook-signature", cure="Check the secret and the raw body."
        )
    return message_id


def _signature(key: bytes, message_id: str, stamp: str, body: bytes) -> bytes:
    return hmac.digest(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(
            "is not base64", field="secret", cure="Paste it whole, with whsec_."
        ) from error
    if len(key) < _LEAST_SECRET:
        raise Invalid("is too short", field="secret", cure=f"Use {_LEAST_SECRET} bytes or more.")
    return key


def _given(header: str) -> list[bytes]:
    """The `v1` signatures of a header; others are for other schemes."""
    out = []
    for part in header.split(" ")[:_SIGNATURES_CAP]:
        version, _, text = part.partition(",")
        if version == "v1":
            try:
                out.append(base64.b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                continue
    return out
