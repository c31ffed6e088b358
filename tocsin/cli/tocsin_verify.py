"""tocsin-verify: check what a Tocsin record says of itself, without Tocsin and without trusting it.

One file: copy it anywhere. It needs Python 3.11 and nothing else; where `cryptography` is installed its
signatures are checked by that, otherwise by the code below. Only who made an RFC 3161 time stamp needs it.
It reads files, writes nothing, asks nobody.

    tocsin-verify BUNDLE.zip   --key record.vkey --policy witnesses.policy --tsa-roots tsa.pem
    tocsin-verify TILES-FOLDER --key record.vkey --against checkpoint-i-kept
    tocsin-verify FILE.tlog-proof --entry entry.json --key record.vkey
    tocsin-verify CHECKPOINT   --against another-checkpoint

Keys, policy, roots and kept checkpoints must come from elsewhere than what is being checked.
Exit status: 0 all was checked and is sound; 1 something is wrong; 2 it cannot be read;
3 nothing is wrong, but something was not checked (the lines say what).
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import os
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

SOUND, WRONG, UNREADABLE, UNCHECKED = 0, 1, 2, 3
NOTE, COSIGNATURE, MLDSA44 = 1, 4, 6  # C2SP signed-note: what kind of key
WIDTH = 256
ZERO_TREE = hashlib.sha256(b"").digest()
MOST_BYTES = 512 * 1024 * 1024  # of a bundle, unpacked
_SHOW = 20  # findings of one kind; further ones are counted
_BAD_ZIP = (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error, RuntimeError)
_AT_ONCE = 64  # bundles a process takes at a time


class Unreadable(Exception):
    """The input is not what it should be; the message says which part."""


class BadSignature(Exception):
    """A signature that should be a known key's is not."""


@dataclass
class Findings:
    """What was found, in the order found, each as a line."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def ok(self, words: str) -> None:
        self.lines.append(("ok", words))

    def wrong(self, words: str) -> None:
        self.lines.append(("WRONG", words))

    def unchecked(self, words: str) -> None:
        self.lines.append(("not checked", words))

    def note(self, words: str) -> None:
        self.lines.append(("note", words))

    @property
    def status(self) -> int:
        kinds = {kind for kind, _ in self.lines}
        return WRONG if "WRONG" in kinds else UNCHECKED if "not checked" in kinds else SOUND


# ---------- the tree (RFC 9162) ----------


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def halve(row: list[bytes]) -> list[bytes]:
    """The nodes above an even row."""
    sha256, pairs = hashlib.sha256, iter(row)
    return [sha256(b"\x01" + a + b).digest() for a, b in zip(pairs, pairs, strict=True)]


def edge(row: list[bytes]) -> list[bytes]:
    """The roots of the complete subtrees over a row, largest first."""
    kept: list[bytes] = []
    while row:
        if len(row) & 1:
            kept.append(row[-1])
            row = row[:-1]
        row = halve(row)
    return kept[::-1]


def fold(parts: list[bytes]) -> bytes:
    """Subtree roots, largest first, joined into one root."""
    if not parts:
        return ZERO_TREE
    root = parts[-1]
    for left in reversed(parts[:-1]):
        root = node_hash(left, root)
    return root


def inclusion_root(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """The root that a proof leads to, or None when it has the wrong length. RFC 9162 section 2.1.3.2."""
    if not 0 <= index < size:
        return None
    place, last, result = index, size - 1, leaf
    for part in proof:
        if last == 0:
            return None
        if place & 1 or place == last:
            result = node_hash(part, result)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            result = node_hash(result, part)
        place >>= 1
        last >>= 1
    return None if last else result


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> bool:
    """Whether the tree of `new` is shown to begin with that of `old`. RFC 9162 section 2.1.4.2."""
    if not 0 <= old <= new:
        return False
    if old in (0, new):
        return not proof and old_root == (new_root if old == new else ZERO_TREE)
    parts = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    if not parts:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place >>= 1
        last >>= 1
    a = b = parts[0]
    for part in parts[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            a, b = node_hash(part, a), node_hash(part, b)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            b = node_hash(b, part)
        place >>= 1
        last >>= 1
    return last == 0 and (a, b) == (old_root, new_root)


# ---------- signatures ----------


def verify_ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the signature holds: by `cryptography` where it is, else by the code below."""
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - may not be there
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
    except ImportError:
        return plain_ed25519(public, signature, message)
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_mldsa44(public: bytes, signature: bytes, message: bytes) -> bool:
    """As `verify_ed25519`, for ML-DSA-44."""
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - may not be there
        from cryptography.hazmat.primitives.asymmetric import mldsa  # noqa: PLC0415
    except ImportError:
        return plain_mldsa44(public, signature, message)
    try:
        mldsa.MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
Point = tuple[int, int, int, int]


def _add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    g, h = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(k: int, a: Point) -> Point:
    out: Point = (0, 1, 1, 0)
    while k:
        if k & 1:
            out = _add(out, a)
        a, k = _add(a, a), k >> 1
    return out


def _point(raw: bytes) -> Point | None:
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= _P:
        return None
    xx = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(xx, (_P + 3) // 8, _P)
    if (x * x - xx) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if (x * x - xx) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def plain_ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """RFC 8032 section 5.1.7, by whole numbers. About 5 ms a signature."""
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= _L:
        return False
    hashed = hashlib.sha512(signature[:32] + public + message).digest()
    base = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
    assert base is not None  # noqa: S101 - a constant
    left = _times(s, base)
    right = _add(r, _times(int.from_bytes(hashed, "little") % _L, a))
    same_x = (left[0] * right[2] - right[0] * left[2]) % _P == 0
    return same_x and (left[1] * right[2] - right[1] * left[2]) % _P == 0


_Q = 8380417
_GAMMA1, _GAMMA2, _TAU, _BETA, _OMEGA, _K = 1 << 17, (8380417 - 1) // 88, 39, 78, 80, 4
_ZETAS = [pow(1753, int(f"{i:08b}"[::-1], 2), _Q) for i in range(256)]
Poly = list[int]


def _ntt(w: Poly) -> Poly:
    w, m, length = list(w), 0, 128
    while length:
        for start in range(0, 256, 2 * length):
            m += 1
            for j in range(start, start + length):
                t = _ZETAS[m] * w[j + length] % _Q
                w[j + length], w[j] = (w[j] - t) % _Q, (w[j] + t) % _Q
        length >>= 1
    return w


def _back(w: Poly) -> Poly:
    w, m, length = list(w), 256, 1
    while length < 256:
        for start in range(0, 256, 2 * length):
            m -= 1
            for j in range(start, start + length):
                t, u = w[j], w[j + length]
                w[j], w[j + length] = (t + u) % _Q, -_ZETAS[m] * (t - u) % _Q
        length <<= 1
    return [x * 8347681 % _Q for x in w]


def _unpack(raw: bytes, bits: int) -> Poly:
    whole, mask = int.from_bytes(raw, "little"), (1 << bits) - 1
    return [whole >> bits * i & mask for i in range(256)]


def _matrix_part(seed: bytes) -> Poly:
    raw = hashlib.shake_128(seed).digest(1680)  # enough but for one seed in 2^100
    numbers = [int.from_bytes(raw[i : i + 3], "little") & 0x7FFFFF for i in range(0, len(raw), 3)]
    return [n for n in numbers if n < _Q][:256]


def _ball(seed: bytes) -> Poly:
    raw = hashlib.shake_256(seed).digest(1024)
    signs, at, c = int.from_bytes(raw[:8], "little"), 8, [0] * 256
    for i in range(256 - _TAU, 256):
        while raw[at] > i:
            at += 1
        j, at = raw[at], at + 1
        c[i], c[j] = c[j], 1 - 2 * (signs & 1)
        signs >>= 1
    return c


def _hints(raw: bytes) -> list[set[int]] | None:
    out, at = [], 0
    for i in range(_K):
        end = raw[_OMEGA + i]
        places = list(raw[at:end])
        if not at <= end <= _OMEGA or places != sorted(set(places)):
            return None
        out.append(set(places))
        at = end
    return None if any(raw[at:_OMEGA]) else out


def _high(value: int, hinted: bool) -> int:
    low = value % (2 * _GAMMA2)
    low -= 2 * _GAMMA2 if low > _GAMMA2 else 0
    high = (value - low) // (2 * _GAMMA2)
    if value - low == _Q - 1:
        high, low = 0, low - 1
    return high if not hinted else (high + (1 if low > 0 else -1)) % 44


def plain_mldsa44(public: bytes, signature: bytes, message: bytes) -> bool:
    """FIPS 204 algorithms 3 and 8 with the empty context, by whole numbers."""
    if len(public) != 1312 or len(signature) != 2420:
        return False
    challenge, hints = signature[:32], _hints(signature[2336:])
    z = [[_GAMMA1 - x for x in _unpack(signature[a : a + 576], 18)] for a in range(32, 2336, 576)]
    if hints is None or max(abs(x) for poly in z for x in poly) >= _GAMMA1 - _BETA:
        return False
    z_hat, c_hat = [_ntt(poly) for poly in z], _ntt(_ball(challenge))
    packed = b""
    for row in range(_K):
        t1 = _ntt([x << 13 for x in _unpack(public[32 + 320 * row : 352 + 320 * row], 10)])
        total = [-c * t for c, t in zip(c_hat, t1, strict=True)]
        for column in range(_K):
            part = _matrix_part(public[:32] + bytes([column, row]))
            total = [x + a * b for x, a, b in zip(total, part, z_hat[column], strict=True)]
        w = _back([x % _Q for x in total])
        bits = sum(_high(x, i in hints[row]) << 6 * i for i, x in enumerate(w))
        packed += bits.to_bytes(192, "little")
    hashed = hashlib.shake_256(public).digest(64)
    mu = hashlib.shake_256(hashed + b"\x00\x00" + message).digest(64)
    return hashlib.shake_256(mu + packed).digest(32) == challenge


# ---------- signed notes, checkpoints, policies (C2SP) ----------


@dataclass(frozen=True)
class Key:
    """A public key by the name it goes by."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        hashed = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(hashed).digest()[:4]

    @classmethod
    def parse(cls, text: str) -> Key:
        name, key_id, rest = ([*text.strip().split("+", 2), "", ""])[:3]
        raw = unbase64(rest, "a key")
        key = cls(name, raw[0] if raw else 0, raw[1:])
        length = {NOTE: 32, COSIGNATURE: 32, MLDSA44: 1312}.get(key.kind)
        if not name or len(key.public) != length or key.key_id.hex() != key_id:
            raise Unreadable("a key is not of the form name+id+base64, or its id is not its own")
        return key


@dataclass(frozen=True)
class Checkpoint:
    """A signed statement of how large a record is and what its root is."""

    text: str
    origin: str
    size: int
    root: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]  # name, key id, value

    @classmethod
    def parse(cls, raw: bytes, what: str = "the checkpoint") -> Checkpoint:
        try:
            whole = raw.decode()
        except UnicodeDecodeError:
            raise Unreadable(f"{what} is not text") from None
        end = whole.rfind("\n\n")
        lines = whole[: end + 1].split("\n") if end >= 0 else []
        if len(lines) < 4 or not _is_number(lines[1]) or not whole.endswith("\n"):
            raise Unreadable(f"{what} is not a signed checkpoint")
        root = unbase64(lines[2], what)
        if len(root) != 32:
            raise Unreadable(f"{what}: its root is not 32 bytes")
        signatures = tuple(_signature_line(line, what) for line in whole[end + 2 : -1].split("\n"))
        return cls(whole[: end + 1], lines[0], int(lines[1]), root, signatures)

    def signed_by(self, key: Key) -> datetime | bool:
        """Whether (for a witness: when) the key signed. Raises: BadSignature for a false one."""
        for name, key_id, value in self.signatures:
            if (name, key_id) != (key.name, key.key_id):
                continue
            if key.kind == NOTE:
                good = verify_ed25519(key.public, value, self.text.encode())
                at: datetime | bool = True
            else:
                seconds = int.from_bytes(value[:8], "big")
                good, at = self._cosigned(key, seconds, value[8:])
            if not good:
                raise BadSignature(f"a signature said to be by {name} does not fit the checkpoint")
            return at
        return False

    def _cosigned(self, key: Key, seconds: int, value: bytes) -> tuple[bool, datetime]:
        try:
            at = datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise BadSignature(f"the signature by {key.name} has an impossible time") from None
        if key.kind == COSIGNATURE:
            message = f"cosignature/v1\ntime {seconds}\n{self.text}".encode()
            return verify_ed25519(key.public, value, message), at
        name, origin = key.name.encode(), self.origin.encode()
        if len(name) > 255 or len(origin) > 255:
            return False, at
        message = b"subtree/v1\n\x00" + bytes([len(name)]) + name + seconds.to_bytes(8, "big")
        message += bytes([len(origin)]) + origin + bytes(8) + self.size.to_bytes(8, "big")
        return verify_mldsa44(key.public, value, message + self.root), at


@dataclass
class Policy:
    """Logs, witnesses and quorum (C2SP tlog-policy)."""

    logs: list[Key] = field(default_factory=list)
    witnesses: dict[str, Key] = field(default_factory=dict)
    groups: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    quorum: str = "none"

    @classmethod
    def parse(cls, text: str) -> Policy:
        policy, quorum = cls(), ""
        for line in text.split("\n"):
            match line.replace("\t", " ").split():
                case []:
                    continue
                case [first, *_] if first.startswith("#"):
                    continue
                case ["log", key, *_]:
                    policy.logs.append(Key.parse(key))
                case ["witness", name, key, *_]:
                    policy.witnesses[name] = Key.parse(key)
                case ["group", name, needs, *members] if members:
                    count = {"all": str(len(members)), "any": "1"}.get(needs, needs)
                    if not _is_number(count) or not 1 <= int(count) <= len(members):
                        raise Unreadable(f"the policy's group {name} can never speak")
                    policy.groups[name] = (int(count), members)
                case ["quorum", name]:
                    quorum = name
                case _:
                    raise Unreadable(f"the policy has a line that says nothing: {line!r}")
        if not quorum:
            raise Unreadable("the policy names no quorum")
        policy.quorum = quorum
        return policy

    def met(self, name: str, spoke: set[str]) -> bool:
        if name == "none":
            return True
        if name not in self.groups:
            return name in spoke
        needs, members = self.groups[name]
        return sum(self.met(member, spoke) for member in members) >= needs


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def unbase64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Unreadable(f"{what}: not base64") from None


def _signature_line(line: str, what: str) -> tuple[str, bytes, bytes]:
    dash, name, value = ([*line.split(" "), "", ""])[:3]
    raw = unbase64(value, what)
    if dash != "—" or len(raw) < 5:
        raise Unreadable(f"{what} has a malformed signature line")
    return name, raw[:4], raw[4:]


@dataclass
class Trust:
    """What the one who checks brings along: keys of the log, a policy, checkpoints kept from earlier, roots."""

    keys: list[Key]
    policy: Policy | None
    kept: list[tuple[str, Checkpoint]]
    roots: list[Any] | None = None  # certificates of authorities of time, None = none was given


def check_signed(point: Checkpoint, trust: Trust, own: Key | None, out: Findings) -> None:
    """The log's signature, by a key that was brought along, or else only by the one that came with it."""
    size = f"{point.size:,}"
    for key in trust.keys:
        if key.name != point.origin:
            continue
        try:
            if point.signed_by(key):
                out.ok(f"the checkpoint of {size} entries is signed by {key.name}")
                return
        except BadSignature as error:
            out.wrong(str(error))
            return
    if trust.keys:
        theirs = ", ".join(f"{n} (key {i.hex()})" for n, i, _ in point.signatures) or "nobody"
        mine = ", ".join(f"{k.name} (key {k.key_id.hex()})" for k in trust.keys)
        out.wrong(
            f"the checkpoint is not signed by the key you gave, {mine}; it is signed by {theirs}"
        )
        return
    words = f"who signed the checkpoint of {size} entries: no --key was given"
    try:
        if own and point.signed_by(own):
            words += (
                f"; it agrees with the key that came with it, {own.name} (key {own.key_id.hex()})"
            )
    except BadSignature as error:
        out.wrong(str(error))
    out.unchecked(words)


def check_witnesses(point: Checkpoint, policy: Policy | None, out: Findings) -> None:
    """The cosignatures, and whether they are the quorum."""
    if policy is None:
        count = len(point.signatures) - 1
        if count > 0:
            out.unchecked(f"{count} further signatures on the checkpoint: no --policy was given")
        else:
            out.note("no witness signed the checkpoint")
        return
    spoke = set()
    for name, key in policy.witnesses.items():
        try:
            at = point.signed_by(key)
        except BadSignature as error:
            out.wrong(str(error))
            continue
        if isinstance(at, datetime):
            spoke.add(name)
            out.ok(f"witness {name} cosigned it at {at:%Y-%m-%d %H:%M:%S} UTC")
    if policy.met(policy.quorum, spoke):
        out.ok(f"the quorum of witnesses is there ({policy.quorum})")
    else:
        silent = ", ".join(sorted(set(policy.witnesses) - spoke))
        out.wrong(f"the quorum of witnesses ({policy.quorum}) is not there; missing: {silent}")


def check_kept(
    point: Checkpoint, trust: Trust, root_at: Callable[[int], bytes | None], out: Findings
) -> None:
    """That the record only grew from each checkpoint that was kept. `root_at`: None = cannot be told."""
    for name, kept in trust.kept:
        said = f"the {kept.size:,} entries of {name}"
        if kept.origin != point.origin:
            out.wrong(f"{name} is of another record, {kept.origin}")
        elif kept.size > point.size:
            out.wrong(
                f"ROLLED BACK: {name} was signed with {kept.size:,} entries, and here are only {point.size:,}"
            )
        elif kept.size == point.size:
            if kept.root == point.root:
                out.ok(f"{name} is the same checkpoint")
            else:
                out.wrong(f"FORKED: two different records of {kept.size:,} entries were signed")
        else:
            root = root_at(kept.size)
            if root is None:
                out.unchecked(
                    f"that the record only grew since {name}: give the tiles with --tiles"
                )
            elif root == kept.root:
                out.ok(f"the record only grew since {name}: {said} are its beginning")
            else:
                out.wrong(
                    f"REWRITTEN: {said} are not the beginning of this record; "
                    "entries were changed, dropped or moved, and it was signed again"
                )
        _check_kept_signature(name, kept, trust, out)


def _check_kept_signature(name: str, kept: Checkpoint, trust: Trust, out: Findings) -> None:
    for key in trust.keys:
        if key.name != kept.origin:
            continue
        try:
            if not kept.signed_by(key):
                out.wrong(
                    f"{name} is not signed by the key you gave, {key.name}: it proves nothing"
                )
        except BadSignature:
            out.wrong(f"{name} has a false signature: it proves nothing")


# ---------- tiles (C2SP tlog-tiles) ----------


def tile_path(level: str, index: int, width: int = WIDTH) -> str:
    parts = [f"{index % 1000:03}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03}")
    return f"tile/{level}/{'/'.join(reversed(parts))}" + ("" if width == WIDTH else f".p/{width}")


def read_tile(folder: str, level: str, index: int, width: int) -> bytes | None:
    """A tile or bundle; of a full one, no more than the first `width` hashes are wanted. None = not there."""
    for name in dict.fromkeys((tile_path(level, index, width), tile_path(level, index))):
        try:
            raw = Path(folder, name).read_bytes()
        except FileNotFoundError:
            continue
        return raw[: width * 32] if level != "entries" else raw
    return None


def split(raw: bytes) -> list[bytes] | None:
    """The entries of a bundle, or None when it breaks off."""
    out, at, end = [], 0, len(raw)
    while at < end:
        after = at + 2 + (raw[at] << 8) + (raw[at + 1] if at + 1 < end else 0)
        if after > end:
            return None
        out.append(raw[at + 2 : after])
        at = after
    return out


@dataclass
class Block:
    """What a run of bundles gave: a root for each full one, the leaves of a partial one, and mistakes."""

    roots: list[bytes]
    rest: list[bytes]
    entries: int
    mistakes: list[tuple[int, bytes, bytes]]  # place, hash of what stands there, hash that should
    broken: list[str]
    named: dict[int, bytes]  # place -> entry that speaks of a subject asked for


def read_block(folder: str, first: int, last: int, size: int, marks: list[bytes]) -> Block:
    """Read bundles `first` to `last`, hash them, compare with the tiles of leaves."""
    sha256, block = hashlib.sha256, Block([], [], 0, [], [], {})
    for index in range(first, last):
        width = min(WIDTH, size - index * WIDTH)
        raw = read_tile(folder, "entries", index, width)
        tile = read_tile(folder, "0", index, width)
        if raw is None:
            if tile is None or len(tile) != width * 32:
                block.broken.append(f"{tile_path('0', index, width)} is missing")
                tile = bytes(32 * width)
            leaves = [tile[i : i + 32] for i in range(0, len(tile), 32)]
        else:
            entries = (split(raw) or [])[:width]
            leaves = [sha256(b"\x00" + entry).digest() for entry in entries]
            block.entries += len(entries)
            if len(leaves) != width:
                block.broken.append(_count(index, leaves, tile, width))
                leaves += [bytes(32)] * (width - len(leaves))
            elif tile is not None and b"".join(leaves) != tile:
                should = [tile[i : i + 32] for i in range(0, len(tile), 32)]
                pairs = zip(leaves, should, strict=False)
                wrong = [(index * WIDTH + i, a, b) for i, (a, b) in enumerate(pairs) if a != b]
                block.mistakes += wrong
            if any(mark in raw for mark in marks):
                found = [(i, e) for i, e in enumerate(entries) if any(m in e for m in marks)]
                block.named.update((index * WIDTH + i, entry) for i, entry in found)
        if width == WIDTH:
            for _ in range(8):
                leaves = halve(leaves)
            block.roots.append(leaves[0])
        else:
            block.rest = leaves
    return block


def _count(index: int, leaves: list[bytes], tile: bytes | None, width: int) -> str:
    """Words for a bundle with too few entries: the first place where it leaves the tree."""
    place = index * WIDTH + len(leaves)
    for i, leaf in enumerate(leaves):
        if tile is not None and tile[i * 32 : i * 32 + 32] != leaf:
            place = index * WIDTH + i
            break
    missing = width - len(leaves)
    return (
        f"DROPPED: {missing} of the entries {index * WIDTH:,} to {index * WIDTH + width - 1:,} are missing, "
        f"the first at place {place:,}"
    )


def name_mistakes(mistakes: list[tuple[int, bytes, bytes]], out: Findings) -> None:
    """Say of each place that is wrong whether the entry was changed or stands elsewhere."""
    belongs = {should: place for place, _, should in mistakes}
    homes = {place: belongs.get(stands) for place, stands, _ in mistakes}
    shown = 0
    for place, home in homes.items():
        exchanged = home is not None and homes.get(home) == place
        if exchanged and home is not None and home < place:
            continue  # the other half of a pair that was told
        shown += 1
        if shown > _SHOW:
            continue
        if home is None:
            out.wrong(f"CHANGED: the entry at place {place:,} is not the one that was recorded")
        elif exchanged:
            out.wrong(f"SWAPPED: the entries at places {place:,} and {home:,} were exchanged")
        else:
            out.wrong(f"MOVED: at place {place:,} stands the entry of place {home:,}")
    if shown > _SHOW:
        out.wrong(f"and {shown - _SHOW:,} further places")


class Tiles:
    """A folder of tiles, read once: every entry hashed, every tile compared, any earlier root at hand."""

    def __init__(self, folder: Path, subjects: Iterable[str] = ()) -> None:
        self.folder = folder
        try:
            self.point = Checkpoint.parse((folder / "checkpoint").read_bytes())
        except OSError as error:
            raise Unreadable(f"no checkpoint in {folder}: {error.strerror}") from None
        marks = [b'"subject":' + json.dumps(s).encode() for s in subjects]
        self.blocks = self._read(marks)
        self.roots = [root for block in self.blocks for root in block.roots]
        self.rest = next((block.rest for block in self.blocks if block.rest), [])
        self.entries = sum(block.entries for block in self.blocks)

    def _read(self, marks: list[bytes]) -> list[Block]:
        size, folder = self.point.size, str(self.folder)
        count = (size + WIDTH - 1) // WIDTH
        jobs = [
            (folder, first, min(count, first + _AT_ONCE), size, marks)
            for first in range(0, count, _AT_ONCE)
        ]
        processes = min(os.cpu_count() or 1, len(jobs), 8)
        if processes < 2:
            return [read_block(*job) for job in jobs]
        with ProcessPoolExecutor(processes) as pool:
            return list(pool.map(read_block, *zip(*jobs, strict=True)))

    def root_at(self, size: int) -> bytes:
        """The root that the first `size` entries have here."""
        full, left = divmod(size, WIDTH)
        if size == self.point.size:
            rest = self.rest
        elif left:
            rest = self._leaves(full, left)
        else:
            rest = []
        return fold(edge(self.roots[:full]) + edge(rest))

    def _leaves(self, index: int, count: int) -> list[bytes]:
        width = min(WIDTH, self.point.size - index * WIDTH)
        raw = read_tile(str(self.folder), "entries", index, width)
        if raw is not None:
            return [leaf_hash(entry) for entry in (split(raw) or [])[:count]]
        tile = read_tile(str(self.folder), "0", index, width) or b""
        return [tile[i : i + 32] for i in range(0, count * 32, 32)]

    def check(self, out: Findings) -> None:
        """Entries against tiles, tiles against each other, all against the signed root."""
        size = self.point.size
        for block in self.blocks:
            for words in block.broken[:_SHOW]:
                out.wrong(words)
        name_mistakes([m for block in self.blocks for m in block.mistakes], out)
        self._check_upper(out)
        if self.entries < size:
            out.unchecked(f"{size - self.entries:,} entries themselves: only their hashes are here")
        if self.root_at(size) == self.point.root:
            what = "entries" if self.entries == size else "leaf hashes"
            out.ok(f"all {size:,} {what} lead to the root that was signed")
        else:
            out.wrong(
                f"NOT WHAT WAS SIGNED: these {size:,} entries have another root than the signed one"
            )

    def _check_upper(self, out: Findings) -> None:
        row, level = self.roots, 1
        while row:
            for index in range((len(row) + WIDTH - 1) // WIDTH):
                own = row[index * WIDTH : (index + 1) * WIDTH]
                tile = read_tile(str(self.folder), str(level), index, len(own))
                if tile is not None and tile != b"".join(own):
                    out.wrong(f"{tile_path(str(level), index, len(own))} is not what lies below it")
            above = [row[i : i + WIDTH] for i in range(0, len(row) - WIDTH + 1, WIDTH)]
            row, level = [edge(part)[0] for part in above], level + 1

    def of_subjects(self, subjects: set[str]) -> dict[int, bytes]:
        """place -> entry, for every entry whose subject is one of these."""
        found = {}
        for block in self.blocks:
            for place, entry in block.named.items():
                if _loads(entry).get("subject") in subjects:
                    found[place] = entry
        return found


def verify_tiles(folder: Path, trust: Trust, out: Findings) -> None:
    tiles = Tiles(folder)
    check_signed(tiles.point, trust, None, out)
    check_witnesses(tiles.point, trust.policy, out)
    tiles.check(out)
    check_kept(tiles.point, trust, tiles.root_at, out)


# ---------- proofs and bundles ----------


@dataclass(frozen=True)
class Proof:
    """A C2SP .tlog-proof: index, path to the root, checkpoint."""

    index: int
    hashes: list[bytes]
    point: Checkpoint

    @classmethod
    def parse(cls, raw: bytes, what: str) -> Proof:
        head, _, rest = raw.partition(b"\n\n")
        lines = head.decode("utf-8", "replace").split("\n")
        if lines[0] != "c2sp.org/tlog-proof@v1":
            raise Unreadable(f"{what} is not a tlog-proof")
        lines = [line for line in lines[1:] if not line.startswith("extra ")]
        number = lines[0].removeprefix("index ") if lines else ""
        if not _is_number(number):
            raise Unreadable(f"{what} names no index")
        hashes = [unbase64(line, what) for line in lines[1:]]
        return cls(int(number), hashes, Checkpoint.parse(rest, what))

    def holds(self, entry: bytes) -> bool:
        if any(len(part) != 32 for part in self.hashes):
            return False
        root = inclusion_root(leaf_hash(entry), self.index, self.point.size, self.hashes)
        return root == self.point.root


class Bundle:
    """A zip that `tocsin record prove` wrote; nothing in it is believed before it is checked."""

    def __init__(self, path: Path) -> None:
        try:
            with zipfile.ZipFile(path) as opened:
                infos = opened.infolist()
                if sum(info.file_size for info in infos) > MOST_BYTES:
                    raise Unreadable("the bundle is far too large")
                if len({info.filename for info in infos}) != len(infos):
                    raise Unreadable("the bundle holds two files of one name")
                self.files = {info.filename: opened.read(info) for info in infos}
        except _BAD_ZIP as error:
            raise Unreadable(f"the bundle cannot be read: {error}") from None
        manifest = _loads(self.need("bundle.json"))
        if manifest.get("format") != "tocsin-proof/1":
            raise Unreadable("the bundle is not of the format tocsin-proof/1")
        subjects, waiting = manifest.get("subjects"), manifest.get("waiting", 0)
        if not isinstance(subjects, list) or not isinstance(waiting, int):
            raise Unreadable("bundle.json is malformed")
        self.subjects = {str(s) for s in subjects}
        self.waiting = waiting
        self.point = Checkpoint.parse(self.need("checkpoint"))

    def need(self, name: str) -> bytes:
        if name not in self.files:
            raise Unreadable(f"the bundle lacks {name}")
        return self.files[name]

    def under(self, folder: str, suffix: str) -> Iterator[tuple[str, bytes]]:
        for name in sorted(self.files):
            if name.startswith(folder + "/") and name.endswith(suffix):
                yield name.removeprefix(folder + "/").removesuffix(suffix), self.files[name]

    def entries(self) -> dict[int, bytes]:
        found = {}
        for name, raw in self.under("entries", ".json"):
            if not _is_number(name):
                raise Unreadable(f"entries/{name}.json has no place in its name")
            found[int(name)] = raw
        return found


def verify_bundle(path: Path, trust: Trust, tiles: Path | None, out: Findings) -> None:
    bundle = Bundle(path)
    own = Key.parse(bundle.need("record.vkey").decode("utf-8", "replace"))
    check_signed(bundle.point, trust, own, out)
    check_witnesses(bundle.point, trust.policy, out)
    entries = bundle.entries()
    _check_entries(bundle, entries, out)
    _check_contents(bundle, entries, out)
    for day in sorted({n.split("/")[1] for n in bundle.files if n.startswith("stamps/")}):
        _check_stamp(bundle, day, trust, own, out)
    root_at: Callable[[int], bytes | None] = lambda _: None  # noqa: E731
    if tiles is None:
        out.note(
            "whether entries of this subject were left out: only the whole record (--tiles) shows it"
        )
    else:
        whole = Tiles(tiles, bundle.subjects)
        _check_complete(bundle, whole, entries, trust, out)
        root_at = whole.root_at
    check_kept(bundle.point, trust, root_at, out)
    if bundle.waiting:
        out.note(f"{bundle.waiting} entries had no signed place yet when the bundle was made")


def _check_entries(bundle: Bundle, entries: dict[int, bytes], out: Findings) -> None:
    good = 0
    for place, raw in entries.items():
        proof = Proof.parse(bundle.need(f"proofs/{place:010}.tlog-proof"), f"the proof of {place}")
        entry = _loads(raw)
        if proof.point.text != bundle.point.text:
            out.wrong(f"the proof of place {place:,} is of another checkpoint")
        elif proof.index != place:
            out.wrong(f"SWAPPED: the entry given for place {place:,} is proved for {proof.index:,}")
        elif not proof.holds(raw):
            out.wrong(
                f"CHANGED: the entry given for place {place:,} is not in the signed record there"
            )
        elif entry.get("subject") not in bundle.subjects:
            out.wrong(f"the entry at place {place:,} is of another subject")
        else:
            good += 1
    if good:
        subjects = ", ".join(sorted(bundle.subjects))
        out.ok(f"{good:,} entries of {subjects} stand in the signed record at their places")
    elif not entries:
        out.wrong("the bundle holds no entry")


def _check_contents(bundle: Bundle, entries: dict[int, bytes], out: Findings) -> None:
    promised = {}
    for place, raw in entries.items():
        for vault, promise in commitments(_whole(bundle, place, raw, out)):
            promised[vault] = (place, promise)
    good = 0
    for vault, content in bundle.under("contents", ".json"):
        salt_text = bundle.need(f"contents/{vault}.salt").decode("ascii", "replace").strip()
        try:
            salt = bytes.fromhex(salt_text)
        except ValueError:
            raise Unreadable(f"the salt of {vault} is not hexadecimal") from None
        if vault not in promised:
            out.wrong(f"the content {vault} belongs to none of the entries")
        elif commitment(salt, content) != promised[vault][1]:
            out.wrong(
                f"CHANGED: the content {vault} is not what was committed to at place {promised[vault][0]:,}"
            )
        else:
            good += 1
    if good:
        out.ok(f"{good:,} contents are what the entries committed to when they were recorded")
    if kept_back := len(promised) - good:
        out.note(f"{kept_back:,} contents are not in the bundle: kept back, or forgotten since")


def _whole(bundle: Bundle, place: int, raw: bytes, out: Findings) -> dict[str, Any]:
    """An entry with its data: one too long for a tile stands in the record by the hash of its data."""
    entry = _loads(raw)
    long = entry["data"].get("long") if isinstance(entry.get("data"), dict) else None
    if not isinstance(long, dict) or "sha256" not in long:
        return entry
    data = bundle.files.get(f"data/{place:010}.json")
    if data is None:
        out.unchecked(f"the data of the long entry at place {place:,}: it is not in the bundle")
    elif hashlib.sha256(data).hexdigest() != long["sha256"]:
        out.wrong(f"CHANGED: the data given for place {place:,} is not what was recorded")
    else:
        entry["data"] = _loads(data)
    return entry


def _check_complete(
    bundle: Bundle, whole: Tiles, entries: dict[int, bytes], trust: Trust, out: Findings
) -> None:
    """With the whole record at hand: it is the same record, and no entry of the subject was left out."""
    before = len(out.lines)
    check_signed(whole.point, trust, None, out)
    whole.check(out)
    if whole.point.size < bundle.point.size:
        out.unchecked("whether entries were left out: the tiles are older than the bundle")
        return
    if whole.root_at(bundle.point.size) != bundle.point.root:
        out.wrong("FORKED: the bundle was made from another record than the tiles, both signed")
        return
    if any(kind == "WRONG" for kind, _ in out.lines[before:]):
        return
    found = whole.of_subjects(bundle.subjects)
    left_out = [p for p in sorted(found) if p < bundle.point.size and p not in entries]
    for place in left_out[:_SHOW]:
        kind = _loads(found[place]).get("kind")
        out.wrong(
            f"LEFT OUT: the entry at place {place:,} ({kind}) is of this subject and not in the bundle"
        )
    if not left_out:
        out.ok("the bundle holds every entry of its subjects up to the checkpoint")


def commitments(value: Any) -> Iterator[tuple[str, bytes]]:
    """(vault id, commitment) of every content an entry speaks of."""
    if isinstance(value, dict):
        vault, promise = value.get("vault"), value.get("commitment")
        if isinstance(vault, str) and isinstance(promise, str):
            try:
                yield vault, bytes.fromhex(promise)
            except ValueError:
                raise Unreadable(f"the commitment to {vault} is not hexadecimal") from None
        for part in value.values():
            yield from commitments(part)
    elif isinstance(value, list):
        for part in value:
            yield from commitments(part)


def commitment(salt: bytes, content: bytes) -> bytes:
    """What an entry holds of a content: SHA-256 of a label, the salt with its length, the content."""
    length = len(salt).to_bytes(2, "big")
    return hashlib.sha256(b"tocsin/commitment/v1\n" + length + salt + content).digest()


def _loads(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise Unreadable("an entry is not JSON") from None
    if not isinstance(value, dict):
        raise Unreadable("an entry is not a JSON object")
    return value


# ---------- time stamps (RFC 3161) ----------


class BadStamp(Exception):
    """A time stamp is not what it says; the message says in what."""


def _oid(dotted: str) -> bytes:
    """An object identifier as its DER body."""
    first, second, *rest = map(int, dotted.split("."))
    out = bytearray([first * 40 + second])
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        out += bytes(reversed(groups))
    return bytes(out)


_PKCS9 = "1.2.840.113549.1.9."
_SIGNED_DATA, _TST_INFO = _oid("1.2.840.113549.1.7.2"), _oid(_PKCS9 + "16.1.4")
_CONTENT_TYPE, _MESSAGE_DIGEST = _oid(_PKCS9 + "3"), _oid(_PKCS9 + "4")
_SIGNER_V1, _SIGNER_V2 = _oid(_PKCS9 + "16.2.12"), _oid(_PKCS9 + "16.2.47")
_HASHES = {
    _oid("2.16.840.1.101.3.4.2.1"): "sha256",
    _oid("2.16.840.1.101.3.4.2.2"): "sha384",
    _oid("2.16.840.1.101.3.4.2.3"): "sha512",
}
_MOST_ISSUERS = 8


@dataclass(frozen=True)
class Der:
    """One DER element: its tag, what is in it, and the whole of it."""

    tag: int
    body: bytes
    whole: bytes

    def parts(self) -> list[Der]:
        return der(self.body)


def der(raw: bytes) -> list[Der]:
    """The elements that lie one after another. Raises: ValueError, IndexError when they break off."""
    found, start = [], 0
    while start < len(raw):
        tag, length, at = raw[start], raw[start + 1], start + 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4:
                raise ValueError("an element without a plain length")
            length, at = int.from_bytes(raw[at : at + count], "big"), at + count
        if at + length > len(raw):
            raise ValueError("breaks off")
        found.append(Der(tag, raw[at : at + length], raw[start : at + length]))
        start = at + length
    return found


@dataclass(frozen=True)
class Stamp:
    """A time-stamp response taken apart (RFC 3161 section 2.4.2 in RFC 5652): nothing of it is checked yet."""

    granted: bool
    hashed_by: str  # what the digest is made with, '' where it is not known here
    digest: bytes
    at: datetime
    content: bytes  # what is signed about: the TSTInfo
    certificates: list[bytes]
    signer: list[Der]
    attributes: dict[bytes, Der]
    signed: bytes  # the bytes the signature is over

    @classmethod
    def parse(cls, token: bytes) -> Stamp:
        try:
            return cls._parse(token)
        except (IndexError, ValueError, KeyError, RecursionError):
            raise Unreadable("a time stamp is not an RFC 3161 response") from None

    @classmethod
    def _parse(cls, token: bytes) -> Stamp:
        [response] = der(token)
        status, content_info, *_ = response.parts()
        kind, wrapped = content_info.parts()
        _, _, inner, *rest = wrapped.parts()[0].parts()
        what, carried = inner.parts()
        if (kind.body, what.body) != (_SIGNED_DATA, _TST_INFO):
            raise ValueError("not signed, or not a time stamp")
        content = carried.parts()[0].body
        info = der(content)[0].parts()
        algorithm, digest = info[2].parts()[:2]
        [signer] = rest[-1].parts()  # one authority signs
        parts = signer.parts()
        attributes = parts[3]
        if attributes.tag != 0xA0:
            raise ValueError("no signed attributes")
        values = [one.parts() for one in attributes.parts()]
        return cls(
            granted=status.parts()[0].body in (b"\x00", b"\x01"),
            hashed_by=_HASHES.get(algorithm.parts()[0].body, ""),
            digest=digest.body,
            at=datetime.strptime(info[4].body[:14].decode("ascii") + "Z", "%Y%m%d%H%M%S%z"),
            content=content,
            certificates=[c.whole for part in rest if part.tag == 0xA0 for c in part.parts()],
            signer=[
                *parts[:3],
                *parts[4:],
            ],  # version, whose, digest algorithm; algorithm, signature
            attributes={name.body: held.parts()[0] for name, held in values},
            signed=b"\x31" + attributes.whole[1:],
        )


def _check_stamp(bundle: Bundle, day: str, trust: Trust, own: Key, out: Findings) -> None:
    """A stamp is over an earlier checkpoint; a consistency proof ties that to this one.

    1. The stamped checkpoint is the beginning of this record.
    2. The stamp is granted, and over that checkpoint.
    3. Its signature, and whose it is (`_check_signer`).
    """
    note = bundle.need(f"stamps/{day}/checkpoint")
    lines = bundle.need(f"stamps/{day}/consistency").decode("ascii", "replace").split()
    old, new = Checkpoint.parse(note, f"the stamped checkpoint of {day}"), bundle.point
    proof = [unbase64(line, "a consistency proof") for line in lines]
    fits = old.origin == new.origin and all(len(part) == 32 for part in proof)
    if not fits or not is_consistent(old.size, new.size, old.root, new.root, proof):
        out.wrong(f"the checkpoint stamped on {day} is not the beginning of this record")
        return
    stamp = Stamp.parse(bundle.need(f"stamps/{day}/stamp.tsr"))
    if not stamp.granted:
        out.wrong(f"the time stamp of {day} was refused by its authority")
    elif not stamp.hashed_by or hashlib.new(stamp.hashed_by, note).digest() != stamp.digest:
        out.wrong(f"the time stamp of {day} is over something else")
    else:
        out.ok(
            f"a time stamp says that the first {old.size:,} entries existed by {stamp.at:%Y-%m-%d %H:%M:%S} UTC"
        )
        _check_signer(stamp, day, trust, out)


def _check_signer(stamp: Stamp, day: str, trust: Trust, out: Findings) -> None:
    """Who made a stamp: by `cryptography` where it is, else openssl has to say."""
    try:
        from cryptography import x509  # noqa: PLC0415 - may not be there
    except ImportError:
        out.unchecked(
            f"who made the time stamp of {day}: `cryptography` is not installed; unzip it, and run "
            "openssl ts -verify -in stamp.tsr -data checkpoint -CAfile ROOTS.pem"
        )
        return
    try:
        held = [x509.load_der_x509_certificate(raw) for raw in stamp.certificates]
        signer = _signer_of(stamp, held)
        _check_stamp_signature(stamp, signer)
        _check_date(signer, stamp.at)
        name = signer.subject.rfc4514_string()
        if trust.roots is None:
            out.ok(f"the time stamp of {day} is signed by {name}, for time stamps")
            out.unchecked(f"who stands behind {name}: no --tsa-roots was given")
            return
        root = _issued_under(signer, held, trust.roots, stamp.at)
        out.ok(
            f"the time stamp of {day} is signed by {name}, under {root.subject.rfc4514_string()}"
        )
    except BadStamp as error:
        out.wrong(f"the time stamp of {day}: {error}")
    except (ValueError, IndexError, KeyError):
        raise Unreadable(f"the time stamp of {day} is malformed") from None


def _signer_of(stamp: Stamp, held: list[Any]) -> Any:
    """The certificate that the signed attributes name by its hash (RFC 5035, RFC 2634), fit to stamp."""
    from cryptography import x509  # noqa: PLC0415

    for name, usual in ((_SIGNER_V2, "sha256"), (_SIGNER_V1, "sha1")):
        if name in stamp.attributes:
            first = stamp.attributes[name].parts()[0].parts()[0].parts()
            said = _HASHES[first[0].parts()[0].body] if first[0].tag == 0x30 else usual
            digest = next(part.body for part in first if part.tag == 0x04)
            break
    else:
        raise BadStamp("does not say which certificate it is signed with")
    raw = next((c for c in stamp.certificates if hashlib.new(said, c).digest() == digest), None)
    if raw is None:
        raise BadStamp("the certificate it names is not in it")
    signer = next(c for c, one in zip(held, stamp.certificates, strict=True) if one == raw)
    try:
        usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        raise BadStamp("is signed with a certificate that is not for time stamps") from None
    if not usage.critical or list(usage.value) != [x509.oid.ExtendedKeyUsageOID.TIME_STAMPING]:
        raise BadStamp("is signed with a certificate that is not for time stamps alone")
    return signer


def _check_stamp_signature(stamp: Stamp, signer: Any) -> None:
    """RFC 5652 section 5.4: the attributes are about this content, and the signature is over the attributes."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa  # noqa: PLC0415

    _, _, algorithm, _, signature, *_ = stamp.signer
    hashed_by = _HASHES.get(algorithm.parts()[0].body)
    if hashed_by is None:
        raise BadStamp("is signed over a digest too weak, or not known here")
    if stamp.attributes[_CONTENT_TYPE].body != _TST_INFO:
        raise BadStamp("its signature is about something that is no time stamp")
    if stamp.attributes[_MESSAGE_DIGEST].body != hashlib.new(hashed_by, stamp.content).digest():
        raise BadStamp("CHANGED: its signature is about another time or another digest")
    key, algorithm_of = signer.public_key(), getattr(hashes, hashed_by.upper())()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature.body, stamp.signed, padding.PKCS1v15(), algorithm_of)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature.body, stamp.signed, ec.ECDSA(algorithm_of))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature.body, stamp.signed)
        else:
            raise BadStamp("is signed with a kind of key not known here")
    except InvalidSignature:
        raise BadStamp("CHANGED: its signature does not hold") from None


def _issued_under(signer: Any, held: list[Any], roots: list[Any], at: datetime) -> Any:
    """The root that a certificate leads up to, each one issued by the next, all of them good at `at`."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    found = signer
    for _ in range(_MOST_ISSUERS):
        for above in (*roots, *held):
            if above.subject != found.issuer or above == found:
                continue
            try:
                found.verify_directly_issued_by(above)
                basic = above.extensions.get_extension_for_class(x509.BasicConstraints)
            except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
                continue
            if basic.value.ca:
                _check_date(above, at)
                break
        else:
            break
        if above in roots:
            return above
        found = above
    issuer = found.issuer.rfc4514_string()
    raise BadStamp(f"the roots you gave do not stand behind it: nobody vouches for {issuer}")


def _check_date(certificate: Any, at: datetime) -> None:
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        name = certificate.subject.rfc4514_string()
        raise BadStamp(f"the certificate of {name} was not in force then")


# ---------- the command ----------


def verify_proof(path: Path, entry: Path | None, trust: Trust, out: Findings) -> None:
    proof = Proof.parse(path.read_bytes(), str(path))
    check_signed(proof.point, trust, None, out)
    check_witnesses(proof.point, trust.policy, out)
    if entry is None:
        out.unchecked("which entry it is that the proof speaks of: give it with --entry")
    elif proof.holds(entry.read_bytes()):
        out.ok(f"the entry stands in the signed record at place {proof.index:,}")
    else:
        out.wrong(f"the entry is not what stands in the signed record at place {proof.index:,}")
    check_kept(proof.point, trust, lambda _: None, out)


def verify_checkpoint(path: Path, tiles: Path | None, trust: Trust, out: Findings) -> None:
    point = Checkpoint.parse(path.read_bytes(), str(path))
    check_signed(point, trust, None, out)
    check_witnesses(point, trust.policy, out)
    root_at: Callable[[int], bytes | None] = lambda _: None  # noqa: E731
    if tiles is not None:
        whole = Tiles(tiles)
        whole.check(out)
        root_at = whole.root_at
        trust = replace(trust, kept=[*trust.kept, (str(path), point)])
        point = whole.point
    check_kept(point, trust, root_at, out)


def main(arguments: list[str] | None = None) -> int:
    """Check what is named on the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    out = Findings()
    try:
        path = Path(options.path)
        trust = _trust(options)
        tiles = Path(options.tiles) if options.tiles else None
        if path.is_dir():
            verify_tiles(path, trust, out)
        elif zipfile.is_zipfile(path):
            verify_bundle(path, trust, tiles, out)
        elif path.read_bytes()[:22] == b"c2sp.org/tlog-proof@v1":
            verify_proof(path, Path(options.entry) if options.entry else None, trust, out)
        else:
            verify_checkpoint(path, tiles, trust, out)
    except (Unreadable, OSError) as error:
        sys.stderr.write(f"tocsin-verify: {error}\n")
        return UNREADABLE
    _print(out, as_json=options.json)
    return out.status


def _print(out: Findings, *, as_json: bool) -> None:
    if as_json:
        found = [{"finding": kind, "words": words} for kind, words in out.lines]
        sys.stdout.write(json.dumps({"status": out.status, "findings": found}) + "\n")
        return
    for kind, words in out.lines:
        sys.stdout.write(f"{kind:<12} {words}\n")
    last = {
        SOUND: "Sound: all of it was checked.",
        WRONG: "NOT SOUND: see the lines marked WRONG.",
        UNCHECKED: "Nothing is wrong as far as it was checked; see the lines marked not checked.",
    }
    sys.stdout.write(f"\n{last[out.status]}\n")


def _trust(options: argparse.Namespace) -> Trust:
    keys = [Key.parse(_text_or_file(given)) for given in options.key]
    policy = Policy.parse(Path(options.policy).read_text()) if options.policy else None
    kept = [(str(p), Checkpoint.parse(Path(p).read_bytes(), str(p))) for p in options.against]
    return Trust(keys + (policy.logs if policy else []), policy, kept, _roots(options.tsa_roots))


def _roots(path: str | None) -> list[Any] | None:
    if not path:
        return None
    try:
        from cryptography import x509  # noqa: PLC0415 - may not be there
    except ImportError:
        raise Unreadable("--tsa-roots needs the package `cryptography`") from None
    try:
        return x509.load_pem_x509_certificates(Path(path).read_bytes())
    except ValueError:
        raise Unreadable(f"{path} holds no certificates (PEM)") from None


def _text_or_file(given: str) -> str:
    return given if given.count("+") >= 2 else Path(given).read_text()


def _parser() -> argparse.ArgumentParser:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="tocsin-verify",
        description=summary,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", help="a bundle, a folder of tiles, a .tlog-proof, or a checkpoint")
    parser.add_argument(
        "--key", action="append", default=[], help="the record's public key, or the file with it"
    )
    parser.add_argument("--policy", help="logs, witnesses and quorum (C2SP tlog-policy)")
    parser.add_argument(
        "--against", action="append", default=[], help="a checkpoint you kept from earlier"
    )
    parser.add_argument("--tiles", help="the whole record, as a folder of tiles")
    parser.add_argument(
        "--tsa-roots", help="certificates (PEM) of the time-stamping authorities you trust"
    )
    parser.add_argument("--entry", help="the entry that a .tlog-proof is of")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def run() -> NoReturn:
    """The console script."""
    raise SystemExit(main())


if __name__ == "__main__":
    run()
