"""Ids: a kind's prefix, then 20 characters that sort by time and cannot be guessed from another."""

from __future__ import annotations

import secrets
from datetime import datetime
from threading import Lock

from tocsin.kernel import clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: no i, l, o, u
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_RANDOM_BITS = 52
_STEP_BITS = 36
_last = 0
_lock = Lock()


def new_id(prefix: str, at: datetime | None = None) -> str:
    """A new id such as `rpt_01k4…`: 48 bits of milliseconds, then 52 random bits."""
    global _last  # noqa: PLW0603 - ids made here in one millisecond keep the order they were made in
    millis = int((at or clock.now()).timestamp() * 1000)
    with _lock:
        if _last >> _RANDOM_BITS == millis:
            _last += 1 + secrets.randbits(_STEP_BITS)
        else:
            _last = (millis << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS - 1)
        return f"{prefix}_{_encode(_last, 20)}"


def secret_code(groups: int = 4) -> str:
    """A code a person can write down (`7k3m-92qp-…`): 20 random bits a group."""
    return "-".join(_encode(secrets.randbits(20), 4) for _ in range(groups))


def _encode(number: int, width: int) -> str:
    """`number` in base 32, `width` characters (even), two at a time because ids are made by the thousand."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in range((width - 2) * 5, -1, -10)])
