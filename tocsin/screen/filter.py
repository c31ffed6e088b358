"""The plain filter: JSON lines in, flagged JSON lines out. Needs no server, keeps nothing, crashes
on nothing.

Each line of input is an object with the text in one field. Each flagged line comes out as it went
in, with one more field `screen`: score, priority, spans, indicators, categories, why, lowered_by,
masked text, group and its count, and the catalogue's version. Lines that cannot be screened go to
the dead letters as line number, reason and length, never their content: nobody has decided that it
may be kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from tocsin.kernel.errors import Invalid
from tocsin.screen.duplicates import Grouper
from tocsin.screen.engine import LONGEST_TEXT, Engine
from tocsin.screen.terms import Group, Priority, Refusal, Tally, Verdict

LONGEST_LINE = 1 << 20  # bytes
ADDED_FIELD = "screen"
_CHUNK = (
    1 << 18
)  # bytes asked of the stream at once; a live pipe gives what it has, so nothing waits in here
_CURES = {
    Refusal.TOO_LONG: "The line is longer than 1 MiB: split or shorten it.",
    Refusal.NOT_UTF8: "The line is not UTF-8: convert it first.",
    Refusal.NOT_JSON: "The line is not JSON: one object per line.",
    Refusal.NOT_AN_OBJECT: 'The line must be a JSON object, like {"text": "..."}.',
    Refusal.NO_TEXT: "The object has no text field of that name: see the text field option.",
    Refusal.TEXT_NOT_A_STRING: "The text field must be a string.",
    Refusal.TEXT_TOO_LONG: "The text is longer than 100,000 characters: split it.",
}
_ANY_ROW = msgspec.json.Decoder(
    dict[str, msgspec.Raw]
)  # other fields pass through byte for byte, big numbers too


class _Count:
    """Running numbers of one call."""

    def __init__(self) -> None:
        self.lines = self.blank = self.screened = 0
        self.refusals: Counter[Refusal] = Counter()
        self.priorities: Counter[Priority] = Counter()


def run(
    input: BinaryIO,
    output: BinaryIO,
    dead: BinaryIO | None = None,
    *,
    text_field: str = "text",
    masked_only: bool = False,
    engine: Engine | None = None,
    grouper: Grouper | None = None,
) -> Tally:
    """Screen `input` to its end and say what happened.

    - `text_field`: name of the field with the text.  `masked_only`: put the masked text in that
      field of the output (other fields stay as they are: drop what identifies people before).
    - Pass `engine` and `grouper` to share them between calls.
    - Output is flushed after every piece of input, so it works at the end of a live pipe.

    Raises: Invalid if `text_field` is empty or "screen"; BadCatalogue; OSError from the
    streams, untouched.
    """
    if text_field in ("", ADDED_FIELD):
        raise Invalid(
            "this name cannot be used.",
            field="text_field",
            cure="Name the field that holds the text.",
        )
    engine = engine or Engine.load()
    grouper = grouper or Grouper()
    opened = grouper.opened
    reader = _Reader(text_field)
    count = _Count()
    for lines in _pieces(input):
        rows = reader.texts(lines, count, dead)
        verdicts = engine.screen([text for _, text in rows])
        count.screened += len(rows)
        for (line, _), verdict in zip(rows, verdicts, strict=True):
            if verdict is not None:
                count.priorities[verdict.priority] += 1
                group = grouper.assign(verdict.masked.text)
                output.write(_flagged(line, verdict, group, text_field if masked_only else None))
        output.flush()
    if dead is not None:
        dead.flush()
    return Tally(
        lines=count.lines,
        blank=count.blank,
        screened=count.screened,
        flagged=count.priorities.total(),
        refused=count.refusals.total(),
        groups=grouper.opened - opened,
        refusals=dict(count.refusals),
        priorities=dict(count.priorities),
    )


def _pieces(stream: BinaryIO) -> Iterator[list[bytes | int]]:
    """Whole lines, as many as the stream has ready. A line over the limit comes as its length,
    never held in memory.
    """
    read = getattr(stream, "read1", stream.read)
    rest = b""
    skipped = 0  # bytes of a line over the limit that have been let go
    while chunk := read(_CHUNK):
        whole = (rest + chunk).split(b"\n")
        rest = whole.pop()
        lines: list[bytes | int] = list(whole)
        if skipped and lines:
            lines[0] = skipped + len(whole[0])
            skipped = 0
        if skipped or len(rest) > LONGEST_LINE:
            skipped, rest = skipped + len(rest), b""
        if lines:
            yield [
                len(line) if isinstance(line, bytes) and len(line) > LONGEST_LINE else line
                for line in lines
            ]
    if skipped or rest:
        yield [skipped + len(rest) if skipped else rest]


class _Reader:
    """Takes the text out of lines, quickly when they are well formed, and says exactly what is
    wrong when not.
    """

    def __init__(self, text_field: str) -> None:
        self._field = text_field
        row: Any = msgspec.defstruct("Row", [("text", str)], rename={"text": text_field})
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(row)

    def texts(
        self, lines: list[bytes | int], count: _Count, dead: BinaryIO | None
    ) -> list[tuple[bytes, str]]:
        """The lines that can be screened, with their texts; the rest is counted and written to
        `dead`.
        """
        rows: list[tuple[bytes, str]] = []
        for line in lines:
            count.lines += 1
            if isinstance(line, int):
                self._refuse(Refusal.TOO_LONG, line, count, dead)
                continue
            if count.lines == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            try:
                line.decode()  # also the fields that the decoder skips, for they are passed on
                text: str = self._decoder.decode(line).text
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                if not line.strip():
                    count.blank += 1
                else:
                    self._refuse(self._reason(line), len(line), count, dead)
                continue
            if len(text) > LONGEST_TEXT:
                self._refuse(Refusal.TEXT_TOO_LONG, len(line), count, dead)
            else:
                rows.append((line, text))
        return rows

    def _reason(self, line: bytes) -> Refusal:
        try:
            line.decode()
        except UnicodeDecodeError:
            return Refusal.NOT_UTF8
        try:
            value = msgspec.json.decode(line)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return Refusal.NOT_JSON
        if not isinstance(value, dict):
            return Refusal.NOT_AN_OBJECT
        return Refusal.TEXT_NOT_A_STRING if self._field in value else Refusal.NO_TEXT

    def _refuse(self, reason: Refusal, length: int, count: _Count, dead: BinaryIO | None) -> None:
        count.refusals[reason] += 1
        if dead is not None:
            letter = {
                "line": count.lines,
                "reason": reason,
                "cure": _CURES[reason],
                "length_bytes": length,
            }
            dead.write(msgspec.json.encode(letter) + b"\n")


def _flagged(line: bytes, verdict: Verdict, group: Group, masked_field: str | None) -> bytes:
    row: dict[str, Any] = _ANY_ROW.decode(line)
    if masked_field is not None:
        row[masked_field] = verdict.masked.text
    row[ADDED_FIELD] = {
        "score": verdict.score,
        "priority": verdict.priority,
        "indicators": verdict.indicators,
        "categories": verdict.categories,
        "why": verdict.why,
        "lowered_by": verdict.lowered_by,
        "spans": verdict.masked.spans if masked_field else verdict.spans,
        "masked": verdict.masked.text,
        "group": group.id,
        "group_count": group.count,
        "catalogue": verdict.catalogue,
    }
    return msgspec.json.encode(row) + b"\n"
