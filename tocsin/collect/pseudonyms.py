"""Keyed pseudonyms: the same post or author is known again, and nobody can confirm a guess without the key.

A plain hash of an address or a handle can be looked up in a list of all of them; these cannot. Authors are keyed
with their source, so that nobody's posts can be drawn together across sources.
"""

from __future__ import annotations

import hmac
from functools import cache

from tocsin.kernel import settings


def pseudonym(*parts: str) -> str:
    """32 hex digits for these parts, in this order. The same under one installation's key only."""
    sealed = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return hmac.digest(_key(), sealed, "sha256").hex()[:32]


@cache
def _key() -> bytes:
    return settings.secret(settings.current(), "pseudonym_key").encode()
