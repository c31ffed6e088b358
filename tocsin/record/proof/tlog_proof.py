"""One entry's proof as a file of its own (C2SP tlog-proof): index, path to the root, signed checkpoint."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from tocsin.record.note import BadNote
from tocsin.record.tree import HASH_BYTES

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
MAX_HASHES = 63
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TlogProof:
    """`checkpoint` is the signed note as bytes; `extra` is not vouched for by anything."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    def encode(self) -> bytes:
        """The file."""
        lines = [HEADER]
        if self.extra:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(part).decode() for part in self.hashes]
        return "\n".join(lines).encode() + b"\n\n" + self.checkpoint

    @classmethod
    def parse(cls, raw: bytes) -> TlogProof:
        """Take a file apart; its checkpoint is not checked here. Raises: BadNote."""
        head, found, checkpoint = raw.partition(b"\n\n")
        lines = head.decode("utf-8", "replace").split("\n")
        if not found or lines.pop(0) != HEADER:
            raise BadNote(f"a proof starts with {HEADER} and has a checkpoint", field="proof")
        extra = b""
        if lines and lines[0].startswith("extra "):
            extra = unbase64(lines.pop(0).removeprefix("extra "), "extra")
        index = lines.pop(0).removeprefix("index ") if lines[:1] else ""
        if not _NUMBER.fullmatch(index) or b"\nindex " not in head:
            raise BadNote("the index is not a plain decimal number", field="index")
        return cls(int(index), parse_hashes(lines), checkpoint, extra)


def parse_hashes(lines: list[str]) -> tuple[bytes, ...]:
    """The hashes of a proof, one a line. Raises: BadNote for more than 63, or one that is not 32 bytes."""
    if len(lines) > MAX_HASHES:
        raise BadNote(f"more than {MAX_HASHES} hashes", field="proof")
    hashes = tuple(unbase64(line, "proof") for line in lines)
    if any(len(part) != HASH_BYTES for part in hashes):
        raise BadNote("a hash is not 32 bytes", field="proof")
    return hashes


def unbase64(text: str, where: str) -> bytes:
    """Standard base64 in its one spelling. Raises: BadNote."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise BadNote("not base64", field=where) from error
    if base64.b64encode(data).decode() != text:
        raise BadNote("not base64 in its one standard spelling", field=where)
    return data
