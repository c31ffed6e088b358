"""JSON lines: pieces of whole lines out of a stream, and the text out of each line.

Well-formed lines are read many at once; a piece with anything wrong in it is read again line by
line, to say exactly which line is refused and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import msgspec

from tocsin.screen.engine import LONGEST_TEXT
from tocsin.screen.terms import Refusal

LONGEST_LINE = 1 << 20  # bytes
_CHUNK = 1 << 18  # bytes asked of the stream at once; a live pipe gives what it has
_MARK = b"\xef\xbb\xbf"  # some editors begin a file with it
CURES = {
    Refusal.TOO_LONG: "The line is longer than 1 MiB: split or shorten it.",
    Refusal.NOT_UTF8: "The line is not UTF-8: convert it first.",
    Refusal.NOT_JSON: "The line is not JSON: one object per line.",
    Refusal.NOT_AN_OBJECT: 'The line must be a JSON object, like {"text": "..."}.',
    Refusal.NO_TEXT: "The object has no text field of that name: see the text field option.",
    Refusal.TEXT_NOT_A_STRING: "The text field must be a string.",
    Refusal.TEXT_TOO_LONG: "The text is longer than 100,000 characters: split it.",
}


class Piece(NamedTuple):
    """Some whole lines with their line feeds, or one line over the limit, of which only the length
    (bytes) was kept. `first`: the number of its first line, from 1. `lines`: how many they are.
    """

    raw: bytes
    first: int
    lines: int
    too_long: int = 0


class Refused(NamedTuple):
    """A line that cannot be screened: its number, why, and its length in bytes; never its content."""

    number: int
    reason: Refusal
    length: int

    def letter(self) -> bytes:
        """What goes to the dead letters."""
        told = {"line": self.number, "reason": self.reason, "cure": CURES[self.reason]}
        return msgspec.json.encode({**told, "length_bytes": self.length}) + b"\n"


class Lines(NamedTuple):
    """What a piece holds: the lines that can be screened, each as it came and its text; screened +
    refused + blank = all its lines.
    """

    raws: list[bytes]
    texts: list[str]
    refused: list[Refused]
    blank: int


def pieces(stream: BinaryIO, at_once: int = _CHUNK) -> Iterator[Piece]:
    """Whole lines, as many as the stream has ready. A line over the limit is never held in memory."""
    read = getattr(stream, "read1", stream.read)
    rest = b""
    skipped = 0  # bytes of a line over the limit that have been let go
    number = 1
    while chunk := read(at_once):
        head, found, tail = chunk.rpartition(b"\n")
        if skipped and found:
            end, _, head = head.partition(b"\n") if b"\n" in head else (head, b"", b"")
            yield Piece(b"", number, 1, skipped + len(end))
            number, skipped = number + 1, 0
            whole = head + b"\n" if head else b""
        else:
            whole = rest + head + b"\n" if found else b""
            rest = b"" if found else rest
        if whole:
            for piece in _within(whole, number):
                yield piece
                number += piece.lines
        if skipped or len(rest) + len(tail) > LONGEST_LINE:
            skipped, rest = skipped + len(rest) + len(tail), b""
        else:
            rest += tail
    if skipped:
        yield Piece(b"", number, 1, skipped)
    elif rest:
        yield Piece(rest, number, 1)


def _within(whole: bytes, number: int) -> Iterator[Piece]:
    """Pieces of lines all within the limit, and those over it by themselves."""
    if len(whole) <= LONGEST_LINE:
        yield Piece(whole, number, whole.count(b"\n"))
        return
    start = at = 0
    while at < len(whole):
        end = whole.index(b"\n", at) + 1
        if end - 1 - at > LONGEST_LINE:
            if start < at:
                count = whole.count(b"\n", start, at)
                yield Piece(whole[start:at], number, count)
                number += count
            yield Piece(b"", number, 1, end - 1 - at)
            number, start = number + 1, end
        at = end
    if start < len(whole):
        yield Piece(whole[start:], number, whole.count(b"\n", start))


class Reader:
    """Takes the text out of lines."""

    def __init__(self, text_field: str) -> None:
        self._field = text_field
        self._row: Any = msgspec.defstruct("Row", [("text", str)], rename={"text": text_field})
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(self._row)

    def lines(self, piece: Piece) -> Lines:
        """The lines of a piece."""
        if piece.too_long:
            return Lines([], [], [Refused(piece.first, Refusal.TOO_LONG, piece.too_long)], 0)
        raw = piece.raw.removeprefix(_MARK) if piece.first == 1 else piece.raw
        raws = raw.split(b"\n")
        if raw.endswith(b"\n"):
            raws.pop()
        try:
            raw.decode()  # also the fields that the decoder skips, for they are passed on
            rows = self._decoder.decode_lines(raw)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return self._carefully(raws, piece.first)
        texts = [row.text for row in rows]
        if len(texts) != len(raws) or max(map(len, texts), default=0) > LONGEST_TEXT:
            return self._carefully(raws, piece.first)
        return Lines(raws, texts, [], 0)

    def _carefully(self, raws: list[bytes], first: int) -> Lines:
        good: list[bytes] = []
        texts: list[str] = []
        refused: list[Refused] = []
        blank = 0
        for number, raw in enumerate(raws, first):
            try:
                raw.decode()
                row = self._decoder.decode(raw)
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                if not raw.strip():
                    blank += 1
                else:
                    refused.append(Refused(number, self._reason(raw), len(raw)))
                continue
            if len(row.text) > LONGEST_TEXT:
                refused.append(Refused(number, Refusal.TEXT_TOO_LONG, len(raw)))
            else:
                good.append(raw)
                texts.append(row.text)
        return Lines(good, texts, refused, blank)

    def _reason(self, raw: bytes) -> Refusal:
        try:
            raw.decode()
        except UnicodeDecodeError:
            return Refusal.NOT_UTF8
        try:
            value = msgspec.json.decode(raw)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return Refusal.NOT_JSON
        if not isinstance(value, dict):
            return Refusal.NOT_AN_OBJECT
        return Refusal.TEXT_NOT_A_STRING if self._field in value else Refusal.NO_TEXT
