"""One value, one byte string: RFC 8785 JSON for entries; and commitments to what the vault holds.

Entries take a restricted domain (text, whole numbers, yes/no, nothing, lists, objects), because a
hash must mean the same on every machine and floats do not survive every JSON reader.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NoReturn

import msgspec
import rfc8785

from tocsin.kernel.errors import Corrupt, Invalid

MAX_INT = 2**53 - 1  # RFC 8785 appendix D: beyond it, an I-JSON number is not exact
MAX_DEPTH = 64  # levels of lists and objects; bounds every reader's stack, and refuses cycles
MIN_SALT_BYTES = 16

_COMMITMENT = b"tocsin/commitment/v1\n"
_BEYOND_BMP = bytes(range(0xF0, 0xF5))  # the first bytes of four-byte UTF-8 characters
_encode = msgspec.json.Encoder(order="sorted").encode


class NotCanonical(Invalid):
    """The value lies outside what an entry may hold; `field` is the path, such as `$.place.lat`."""

    code = "not_canonical"


class BadCommitment(Corrupt):
    """The content and salt are not those that were committed to."""

    code = "bad_commitment"


def canonical(value: object) -> bytes:
    """The RFC 8785 bytes of `value`, from the domain that entries use.

    1. Encode with msgspec, keys in code point order.
    2. Keep that when every type is exactly a built-in one, numbers are in range, and no character
       lies beyond the BMP: only such a character makes code point order differ from the UTF-16
       order of RFC 8785 section 3.2.3.
    3. Otherwise check each part by name, and encode with `rfc8785`.

    Raises: NotCanonical, naming the path, for floats, whole numbers beyond ±(2^53-1), lone
    surrogates, keys that are not text, other types, and nesting beyond `MAX_DEPTH`.
    """
    try:
        out: bytes = _encode(value)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return _careful(value)
    if (out.isascii() or len(out.translate(None, _BEYOND_BMP)) == len(out)) and _is_plain(value):
        return out
    return _careful(value)


def jcs(value: object) -> bytes:
    """The RFC 8785 bytes of any JSON value, floats included; for others' documents, not entries.

    Raises: NotCanonical when the value has no RFC 8785 form.
    """
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise NotCanonical(f"no RFC 8785 form: {error}", field="$") from error


def commitment(salt: bytes, content: bytes) -> bytes:
    """SHA-256 that binds `content` and tells nothing of it without `salt` (random, ≥ 16 bytes).

    The bytes hashed: a fixed label, the salt's length in two bytes, the salt, the content. So no
    commitment equals a tree hash, and no other split of salt and content gives the same one.

    Raises: Invalid when the salt is shorter than 16 bytes or longer than 65,535.
    """
    if not MIN_SALT_BYTES <= len(salt) <= 0xFFFF:
        raise Invalid(
            f"a salt of {len(salt)} bytes", field="salt", cure="Use 16 to 65,535 random bytes."
        )
    return sha256(_COMMITMENT + len(salt).to_bytes(2, "big") + salt + content)


def check_commitment(committed: bytes, salt: bytes, content: bytes) -> None:
    """Check that `content` is what was committed to.

    Raises: BadCommitment when it is not; Invalid for a salt of the wrong length.
    """
    if commitment(salt, content) != committed:
        raise BadCommitment(
            "the content is not what the record committed to",
            field="content",
            cure="Restore it from a copy whose commitment matches; the record itself is unharmed.",
        )


def sha256(data: bytes) -> bytes:
    """The 32-byte SHA-256 of `data`."""
    return hashlib.sha256(data).digest()


def _is_plain(value: object, depth: int = 0) -> bool:
    """Whether every part is exactly of a built-in type, in range, and not too deep.

    Called only on what has been encoded: so it is finite, and keys are text, for msgspec orders no
    others. Written out flat, the commonest types first: an entry of 400 bytes is walked in about
    2 microseconds.
    """
    kind = type(value)
    if kind is dict:
        parts: Iterable[object] = value.values()  # type: ignore[attr-defined]
    elif kind is list or kind is tuple:
        parts = value  # type: ignore[assignment]
    else:
        return kind is str or kind is bool or value is None or _is_safe_int(value)
    if depth >= MAX_DEPTH:
        return False
    for part in parts:
        kind = type(part)
        if kind is str or kind is bool or part is None:
            continue
        if kind is int:
            if not -MAX_INT <= part <= MAX_INT:  # type: ignore[operator]
                return False
        elif not _is_plain(part, depth + 1):
            return False
    return True


def _is_safe_int(value: object) -> bool:
    return type(value) is int and -MAX_INT <= value <= MAX_INT


def _careful(value: object) -> bytes:
    _check(value, "$", 0)
    return jcs(value)


def _check(value: object, path: str, depth: int) -> None:
    """Walk the value and refuse the first part outside the domain, by its path."""
    if isinstance(value, str):
        _check_text(value, path)
    elif value is None or isinstance(value, bool):
        return
    elif isinstance(value, int):
        if not -MAX_INT <= value <= MAX_INT:
            _refuse(path, "a whole number beyond ±(2^53-1)", "Write it as text.")
    elif isinstance(value, float):
        _refuse(path, "a number with a fraction", "Write it as text, or in a smaller whole unit.")
    elif not isinstance(value, dict | list | tuple):
        _refuse(path, f"a {type(value).__name__}", "Use text, whole numbers, lists and objects.")
    elif depth >= MAX_DEPTH:
        _refuse(path, f"lists and objects more than {MAX_DEPTH} deep", "Flatten it.")
    elif isinstance(value, dict):
        for key, part in value.items():
            if not isinstance(key, str):
                _refuse(path, f"a key that is a {type(key).__name__}", "Use text keys.")
            _check_text(key, f"{path} (a key)")
            _check(part, f"{path}.{key}", depth + 1)
    else:
        for place, part in enumerate(value):
            _check(part, f"{path}[{place}]", depth + 1)


def _check_text(text: str, path: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        _refuse(path, f"half a character (lone surrogate) at {error.start}", "Send valid Unicode.")


def _refuse(path: str, what: str, cure: str) -> NoReturn:
    raise NotCanonical(f"an entry cannot hold {what}.", field=path[:200], cure=cure)
