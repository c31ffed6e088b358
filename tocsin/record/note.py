"""Signed notes, checkpoints and cosignatures, in the formats that strangers' tools verify.

Sources: C2SP signed-note, tlog-checkpoint and tlog-cosignature. A note is text, a blank line, and
signature lines; a checkpoint is a note whose text says how large a log is and what its root is; a
cosignature is a witness's statement, with its time, that the log only grew.

Text is not to be believed before `open_note` or `open_checkpoint` has returned it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from tocsin.kernel.errors import Corrupt, Invalid

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100  # the specification asks for at least 16
MAX_SIZE = 2**63 - 1
SEED_BYTES = ROOT_BYTES = 32

_KEY_ID_BYTES = 4
_TIME_BYTES = 8
_LABEL = b"subtree/v1\n\0"
_DASH = "— "  # em dash and space
_PRIVATE = "PRIVATE+KEY+"
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_CONTROL = re.compile("[\x00-\x1f\ud800-\udfff]")  # and half characters: neither can be in a note


class BadNote(Invalid):
    """The note, checkpoint or signature line is not in the form the specification asks for."""

    code = "bad_note"


class BadKey(Invalid):
    """The text of a key, or its name, is malformed; no secret is ever repeated in the message."""

    code = "bad_key"


class BadSignature(Corrupt):
    """A signature said to be from a known key is not; the message names the key."""

    code = "bad_signature"


class NotSigned(Corrupt):
    """A signature that was asked for is missing; the message says whose."""

    code = "not_signed"


class KeyKind(IntEnum):
    """What a key's signatures say: the type byte of C2SP signed-note."""

    NOTE = 0x01  # Ed25519 over the note's text: the log itself speaks
    COSIGNATURE = 0x04  # Ed25519 over time and text: a witness saw the log only grow, until then
    MLDSA44 = 0x06  # the same statement, safe against quantum computers: for new witnesses

    @property
    def cosigns(self) -> bool:
        """Whether its signatures are a witness's, and so state their time."""
        return self is not KeyKind.NOTE


PUBLIC_BYTES = {KeyKind.NOTE: 32, KeyKind.COSIGNATURE: 32, KeyKind.MLDSA44: 1312}


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who is said to have signed, and the bytes that would show it."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        """The line as it stands in a note, with its newline."""
        return f"{_DASH}{self.name} {_base64(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key and the name it goes by. `public` is 32 bytes, or 1312 of ML-DSA-44.

    Raises: BadKey when the name or the length is wrong.
    """

    name: str
    kind: KeyKind
    public: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public) != PUBLIC_BYTES[self.kind]:
            raise BadKey(f"a public key of {len(self.public)} bytes", field="key")

    @property
    def key_id(self) -> bytes:
        """SHA-256(name ‖ 0x0A ‖ type ‖ key), its first four bytes."""
        hashed = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(hashed).digest()[:_KEY_ID_BYTES]

    def text(self) -> str:
        """The key as text (a vkey): `name+id+base64(type ‖ key)`."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """The key that `text` (a vkey) states. Raises: BadKey, also when its id is not its own."""
        name, key_id, kind, public = _parse_key(text)
        key = cls(name, kind, public)
        if key.key_id.hex() != key_id:
            raise BadKey(f"the id {key_id} does not belong to this name and key", field="key")
        return key

    def verify(self, text: str, signature: Signature) -> datetime | None:
        """Check the signature of a note's text; when it was made, if the kind of key says so (UTC).

        Raises: BadSignature when this key did not make it.
        """
        if (signature.name, signature.key_id) != (self.name, self.key_id):
            raise self._bad("names another key")
        at, value, message = None, signature.value, text.encode()
        if self.kind.cosigns:
            seconds = int.from_bytes(value[:_TIME_BYTES], "big")
            at, value = self._time(seconds), value[_TIME_BYTES:]
            message = _cosigned(self.kind, self.name, seconds, text)
        try:
            if self.kind is KeyKind.MLDSA44:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(value, message)
            else:
                Ed25519PublicKey.from_public_bytes(self.public).verify(value, message)
        except (InvalidSignature, ValueError) as error:
            raise self._bad("does not fit the text") from error
        return at

    def _time(self, seconds: int) -> datetime:
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise self._bad("has an impossible time") from error

    def _bad(self, what: str) -> BadSignature:
        who = f"{self.name} (key {self.key_id.hex()})"
        return BadSignature(f"the signature by {who} {what}", field="signatures")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the name it signs by. `seed` is 32 secret bytes, kept out of `repr`.

    Raises: BadKey when the name or the length is wrong.
    """

    name: str
    kind: KeyKind
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.seed) != SEED_BYTES:
            raise BadKey(f"a private key of {len(self.seed)} bytes", field="key")

    @classmethod
    def generate(cls, name: str, kind: KeyKind = KeyKind.NOTE) -> SigningKey:
        """A new key. Raises: BadKey when the name is malformed."""
        return cls(name, kind, Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def verifier(self) -> VerifierKey:
        """The public half, to hand out."""
        return VerifierKey(self.name, self.kind, self._private().public_key().public_bytes_raw())

    def text(self) -> str:
        """The secret as text (an skey): `PRIVATE+KEY+name+id+base64(type ‖ seed)`."""
        key_id = self.verifier.key_id.hex()
        return f"{_PRIVATE}{self.name}+{key_id}+{_base64(bytes([self.kind]) + self.seed)}"

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """The key that `text` (an skey) states. Raises: BadKey, also when its id is not its own."""
        if not text.startswith(_PRIVATE):
            raise BadKey(f"a private key starts with {_PRIVATE}", field="key")
        name, key_id, kind, seed = _parse_key(text.removeprefix(_PRIVATE))
        key = cls(name, kind, seed)
        if key.verifier.key_id.hex() != key_id:
            raise BadKey("the id does not belong to this name and key", field="key")
        return key

    def sign(self, text: str, at: datetime | None = None) -> Signature:
        """Sign a note's text. A cosignature needs `at`, aware, and keeps it to the second.

        Raises: BadNote when the text cannot be a note's; Invalid when a needed time is missing.
        """
        _check_text(text)
        stamp, message = b"", text.encode()
        if self.kind.cosigns:
            if at is None or at.tzinfo is None or at.timestamp() < 0:
                raise Invalid("a cosignature states its time", field="at", cure="Give it in UTC.")
            seconds = int(at.timestamp())
            stamp = seconds.to_bytes(_TIME_BYTES, "big")
            message = _cosigned(self.kind, self.name, seconds, text)
        return Signature(self.name, self.verifier.key_id, stamp + self._private().sign(message))

    def _private(self) -> Ed25519PrivateKey | MLDSA44PrivateKey:
        if self.kind is KeyKind.MLDSA44:
            return MLDSA44PrivateKey.from_seed_bytes(self.seed)
        return Ed25519PrivateKey.from_private_bytes(self.seed)


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the signatures said to belong to it, not yet checked."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, raw: bytes) -> Note:
        """Take a note apart; the last blank line ends the text. Raises: BadNote."""
        if len(raw) > MAX_NOTE_BYTES:
            raise BadNote(f"longer than {MAX_NOTE_BYTES} bytes", field="note")
        try:
            whole = raw.decode()
        except UnicodeDecodeError as error:
            raise BadNote("not UTF-8", field="note") from error
        end = whole.rfind("\n\n")
        if end < 0:
            raise BadNote("no blank line between text and signatures", field="note")
        _check_text(whole[: end + 1])
        return cls(whole[: end + 1], parse_signatures(whole[end + 2 :]))

    def encode(self) -> bytes:
        """The note as it is stored and sent."""
        return f"{self.text}\n{''.join(each.line() for each in self.signatures)}".encode()

    def with_signatures(self, more: Iterable[Signature]) -> Note:
        """The note with further signatures, each once."""
        return replace(self, signatures=tuple(dict.fromkeys((*self.signatures, *more))))


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that was checked and holds; `at` is when a witness made it (UTC)."""

    key: VerifierKey
    at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A text that known keys vouch for, and the signatures of keys nobody here knows."""

    text: str
    signed: tuple[Signed, ...]
    unknown: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How large a log is (entries) and what its root is (32 bytes), at one moment.

    Raises: BadNote when a part is out of bounds.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or _CONTROL.search(self.origin):
            raise BadNote("the origin must be one line of text", field="origin")
        if not 0 <= self.size <= MAX_SIZE:
            raise BadNote("the size must be from 0 to 2^63-1", field="size")
        if len(self.root) != ROOT_BYTES:
            raise BadNote("the root must be 32 bytes", field="root")

    def text(self) -> str:
        """The note text: origin, size and root, a line each."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Take the note text apart, strictly: what is accepted is what `text` would write.

        The specification allows further lines, advises against them, and they cannot be audited;
        so they are refused here.

        Raises: BadNote.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:
            raise BadNote("a checkpoint is exactly three lines", field="checkpoint")
        if not _SIZE.fullmatch(lines[1]):
            raise BadNote("the size is not a plain decimal number", field="size")
        return cls(lines[0], int(lines[1]), _unbase64(lines[2], BadNote, "root"))


@dataclass(frozen=True, slots=True)
class OpenedCheckpoint:
    """A checkpoint its log vouches for; `witnesses` are the cosignatures that were checked."""

    checkpoint: Checkpoint
    witnesses: tuple[Signed, ...]
    unknown: tuple[Signature, ...]


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """Take signature lines apart, such as a witness answers with. Raises: BadNote."""
    if not lines.endswith("\n"):
        raise BadNote("the last signature line is missing or unfinished", field="signatures")
    rows = lines[:-1].split("\n")
    if len(rows) > MAX_SIGNATURES:
        raise BadNote(f"more than {MAX_SIGNATURES} signatures", field="signatures")
    return tuple(_parse_signature(row) for row in rows)


def sign_note(text: str, keys: Iterable[SigningKey], at: datetime | None = None) -> bytes:
    """A note with the signature of each key. Raises: BadNote; Invalid without keys or time."""
    note = Note(text, tuple(key.sign(text, at) for key in keys))
    if not note.signatures:
        raise Invalid("a note needs a signature", field="keys", cure="Give at least one key.")
    return note.encode()


def open_note(raw: bytes, known: Iterable[VerifierKey]) -> OpenedNote:
    """Check a note against the keys known here.

    1. Take it apart.
    2. A signature whose name and id are those of a known key must hold, or all is refused.
    3. A signature by any other key is set aside, unread.
    4. At least one must hold.

    Raises: BadNote when malformed; BadSignature, naming the key; NotSigned, naming who was looked
    for; Invalid when two known keys share a name and an id.
    """
    note = Note.parse(raw)
    keys: dict[tuple[str, bytes], VerifierKey] = {}
    for key in known:
        if keys.setdefault((key.name, key.key_id), key) != key:
            raise Invalid(f"two known keys of {key.name} share an id", field="known")
    signed: dict[VerifierKey, Signed] = {}
    unknown = []
    for signature in note.signatures:
        found = keys.get((signature.name, signature.key_id))
        if found is None:
            unknown.append(signature)
        else:
            signed.setdefault(found, Signed(found, found.verify(note.text, signature)))
    if not signed:
        sought = ", ".join(sorted({name for name, _ in keys})) or "nobody"
        raise NotSigned(f"no signature by a known key (looked for: {sought})", field="signatures")
    return OpenedNote(note.text, tuple(signed.values()), tuple(unknown))


def open_checkpoint(
    raw: bytes, log: VerifierKey, witnesses: Sequence[VerifierKey] = (), quorum: int = 0
) -> OpenedCheckpoint:
    """Check a checkpoint: by its log, and by at least `quorum` of the witnesses.

    1. Check the signatures of all these keys.
    2. The log's own must be there.
    3. Count the witnesses by name, so that one with two keys counts once.
    4. Take the checkpoint apart; its origin must be the log's name.

    Raises: BadNote, BadSignature, NotSigned (naming who is missing); Invalid when a witness key is
    not of the kind for cosignatures.
    """
    if not all(key.kind.cosigns for key in witnesses):
        raise Invalid("a witness key must be of type 4 or 6", field="witnesses")
    opened = open_note(raw, [log, *witnesses])
    by_key = {each.key: each for each in opened.signed}
    if log not in by_key:
        raise NotSigned(f"not signed by the log {log.name}", field="signatures")
    seen = tuple(by_key[key] for key in dict.fromkeys(witnesses) if key in by_key)
    names = {each.key.name for each in seen}
    if len(names) < quorum:
        missing = ", ".join(sorted({key.name for key in witnesses} - names)) or "none are known"
        raise NotSigned(
            f"{len(names)} of the {quorum} witnesses needed have signed (missing: {missing})",
            field="signatures",
        )
    checkpoint = Checkpoint.parse(opened.text)
    if checkpoint.origin != log.name:
        raise BadNote(f"the origin is not the log {log.name}", field="origin")
    return OpenedCheckpoint(checkpoint, seen, opened.unknown)


def _cosigned(kind: KeyKind, name: str, seconds: int, text: str) -> bytes:
    """What a witness signs. C2SP tlog-cosignature: Ed25519, and ML-DSA-44 over a checkpoint's three parts.

    Raises: BadNote when ML-DSA-44 is to speak of a text that is no checkpoint, or of too long a name.
    """
    if kind is KeyKind.COSIGNATURE:
        return f"cosignature/v1\ntime {seconds}\n{text}".encode()
    said = Checkpoint.parse(text)
    start_and_end = (0).to_bytes(8, "big") + said.size.to_bytes(8, "big")
    stamp = seconds.to_bytes(_TIME_BYTES, "big")
    return _LABEL + _short(name) + stamp + _short(said.origin) + start_and_end + said.root


def _short(text: str) -> bytes:
    raw = text.encode()
    if not 0 < len(raw) <= 0xFF:
        raise BadNote("a name must be 1 to 255 bytes long", field="origin")
    return bytes([len(raw)]) + raw


def _parse_signature(row: str) -> Signature:
    name, space, encoded = row.removeprefix(_DASH).partition(" ")
    if not row.startswith(_DASH) or not space or not _is_name(name):
        raise BadNote("a signature line is '— name base64'", field="signatures")
    value = _unbase64(encoded, BadNote, "signatures")
    if len(value) <= _KEY_ID_BYTES:
        raise BadNote(f"the signature by {name} is too short", field="signatures")
    return Signature(name, value[:_KEY_ID_BYTES], value[_KEY_ID_BYTES:])


def _parse_key(text: str) -> tuple[str, str, KeyKind, bytes]:
    """Name, id in hex, kind and key bytes of `name+id+base64(type ‖ key)`."""
    parts = text.split("+", 2)  # base64 may itself hold a plus
    if len(parts) != 3 or not re.fullmatch(r"[0-9a-f]{8}", parts[1], re.ASCII):
        raise BadKey("not of the form name+id+key", field="key", cure="Copy the whole line.")
    value = _unbase64(parts[2], BadKey, "key")
    if value[:1] not in {bytes([kind]) for kind in KeyKind}:
        raise BadKey("a key of a type not used here", field="key", cure="Use type 1, 4 or 6.")
    return parts[0], parts[1], KeyKind(value[0]), value[1:]


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text.replace("\n", "")):
        raise BadNote("the text must be whole lines without control characters", field="note")


def _check_name(name: str) -> None:
    if not _is_name(name):
        raise BadKey("a name has no spaces, no plus and no control characters", field="name")


def _is_name(name: str) -> bool:
    bad = any(letter == "+" or letter.isspace() for letter in name)
    return bool(name) and not bad and not _CONTROL.search(name)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unbase64(text: str, failure: type[Invalid], where: str) -> bytes:
    """Decode standard base64, refusing every spelling but the one `_base64` writes."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise failure("not base64", field=where) from error
    if _base64(data) != text:
        raise failure("not base64 in its one standard spelling", field=where)
    return data
