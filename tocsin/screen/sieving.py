"""What becomes of one piece of the stream: pure work, that any process can do for any piece.

Only near-copies and stories need the stream in its order; they are put in afterwards (`filter`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tocsin.screen import rules
from tocsin.screen.cascade import Cascade, Readings
from tocsin.screen.lines import Lines, Piece, Reader, Refused
from tocsin.screen.reach import Reach
from tocsin.screen.terms import Priority, Refusal, Stage, Verdict

ADDED_FIELD = "screen"
_ANY_ROW = msgspec.json.Decoder(dict[str, msgspec.Raw])
"""Other fields pass through byte for byte, big numbers too."""

_NONE = msgspec.Raw(b"")


@dataclass(frozen=True, slots=True)
class Options:
    """What the filter was asked for. `line`: the score from which a text is flagged."""

    text_field: str = "text"
    masked_only: bool = False
    scores: bool = False
    keep_all: bool = False
    line: int = rules.FLAGGED_FROM


@dataclass(slots=True)
class Sieved:
    """What a piece became. `rows`: each flagged line up to where its groups are put in, its masked
    text, and when it was posted as the line had it; or with `scores` one finished row without.
    """

    rows: list[tuple[bytes, str, bytes]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    lines: int = 0
    blank: int = 0
    screened: int = 0
    priorities: Counter[Priority] = field(default_factory=Counter)
    stages: Counter[Stage] = field(default_factory=Counter)
    unlearned: int = 0


class Sieve:
    """Works through pieces."""

    def __init__(self, cascade: Cascade, options: Options) -> None:
        self._cascade = cascade
        self._options = options
        self._reader = Reader(options.text_field)

    def sieve(self, piece: Piece, reach: Reach) -> Sieved:
        """Read the lines of a piece as deep as `reach` allows; the same piece and reach give the same."""
        lines = self._reader.lines(piece)
        out = Sieved(lines=piece.lines, blank=lines.blank, refused=lines.refused)
        out.screened = len(lines.texts)
        readings = self._cascade.read(lines.texts, reach)
        for depth, stage in enumerate(Stage, 1):
            out.stages[stage] = int((readings.depths == depth).sum())
        out.unlearned = len(readings.unlearned)
        if self._options.scores:
            self._scored(out, lines.raws, readings)
        else:
            self._flagged(out, lines, readings)
        return out

    def _scored(self, out: Sieved, raws: list[bytes], readings: Readings) -> None:
        """A row for every line there was, those refused included, in order."""
        rows = {refused.number: _refused_row(refused) for refused in out.refused}
        scores = readings.scores.tolist()
        for at, raw in enumerate(raws):
            score = scores[at]
            priority = rules.priority_of(score)
            if priority is not None and score >= self._options.line:
                out.priorities[priority] += 1
            told: dict[str, Any] = {
                "id": self._field(_ANY_ROW.decode(raw), "id") or None,
                "score": round(1000 * float(readings.chances[at]), 3),
                "priority": priority,
                "stage": list(Stage)[int(readings.depths[at]) - 1],
            }
            if at in readings.unlearned:
                told["unknown_language"] = readings.languages[at]
            out.rows.append((msgspec.json.encode(told) + b"\n", "", b""))
        out.rows += [(row, "", b"") for _, row in sorted(rows.items())]

    def _field(self, row: dict[str, msgspec.Raw], name: str) -> msgspec.Raw:
        """Another field than that of the text; empty where there is none."""
        return _NONE if name == self._options.text_field else row.get(name, _NONE)

    def _flagged(self, out: Sieved, lines: Lines, readings: Readings) -> None:
        least = 0 if self._options.keep_all else self._options.line
        chosen = (readings.scores >= least).nonzero()[0].tolist()
        verdicts = self._cascade.verdicts(lines.texts, readings, chosen)
        for at, verdict in zip(chosen, verdicts, strict=True):
            row: dict[str, Any] = _ANY_ROW.decode(lines.raws[at])
            posted = bytes(self._field(row, "at"))
            out.priorities[verdict.priority] += 1
            out.rows.append((self._row(row, verdict), verdict.masked.text, posted))

    def _row(self, row: dict[str, Any], verdict: Verdict) -> bytes:
        """The line with its verdict, open at the end for what the order of the stream adds."""
        row.pop(ADDED_FIELD, None)
        masked_only = self._options.masked_only
        if masked_only:
            row[self._options.text_field] = verdict.masked.text
        told = {
            "score": verdict.score,
            "priority": verdict.priority,
            "chance": verdict.chance,
            "stage": verdict.stage,
            "indicators": verdict.indicators,
            "categories": verdict.categories,
            "why": verdict.why,
            "words": verdict.words,
            "lowered_by": verdict.lowered_by,
            "spans": verdict.masked.spans if masked_only else verdict.spans,
            "lang": verdict.lang,
            "unknown_language": verdict.unknown_language,
            "masked": verdict.masked.text,
            "catalogue": verdict.catalogue,
            "models": verdict.models,
        }
        opened = msgspec.json.encode(row)[:-1]
        return opened + b',"' + ADDED_FIELD.encode() + b'":' + msgspec.json.encode(told)[:-1]


def _refused_row(refused: Refused) -> bytes:
    told = {"id": None, "score": None, "priority": None, "line": refused.number}
    return msgspec.json.encode({**told, "refused": Refusal(refused.reason)}) + b"\n"
