"""What of a batch is flagged, and what is drawn as a sample: each text against the line of its operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as dc_replace

from msgspec.structs import replace

from tocsin.screen import budget, rules
from tocsin.screen.cascade import Cascade, Readings
from tocsin.screen.terms import Verdict

_BY_MODELS = ("reads-as-a-threat", "reads-as-word-of-an-attack")


@dataclass(frozen=True, slots=True)
class Line:
    """From which score a text is flagged, and how many of a thousand near misses are drawn."""

    line: int = rules.FLAGGED_FROM
    share: int = 0


SHIPPED = Line()


@dataclass(frozen=True, slots=True)
class Counted:
    """Where a text is counted: whose line it was held against, how high it scored, what stood out most."""

    operation: str
    band: int
    sign: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What became of one text. `counted` is None for the great mass in which nothing stood out."""

    verdict: Verdict | None
    counted: Counted | None
    line: Line


_NOTHING = Choice(None, None, SHIPPED)


def choose(
    cascade: Cascade,
    texts: Sequence[str],
    readings: Readings,
    lines: Mapping[str, Line],
    place: Callable[[int], str],
    lot: Callable[[int, int], bool],
) -> list[Choice]:
    """One choice per text in the same order.

    `lines`: operation → its line; the shipped one where none is set. `place` says which operation a text is for, and
    `lot` whether it is drawn at a share; both are asked by the text's number, and only where it matters.
    """
    choices = [_NOTHING] * len(texts)
    taken: dict[int, bool] = {}
    for at in range(len(texts)):
        score = cascade.score(readings, at)
        if score < budget.COUNTED_FROM:
            continue
        operation = place(at)
        line = lines.get(operation, SHIPPED)
        finding = readings.findings[at]
        always = finding is not None and finding.score >= budget.ALWAYS
        band = budget.band_of(score, always=always)
        choices[at] = Choice(None, Counted(operation, band, _sign(cascade, readings, at)), line)
        if always or score >= line.line:
            taken[at] = False
        elif line.share and budget.is_near_miss(score, line.line) and lot(at, line.share):
            taken[at] = True
    for at, verdict in zip(taken, cascade.verdicts(texts, readings, list(taken)), strict=True):
        choices[at] = dc_replace(choices[at], verdict=replace(verdict, sample=taken[at]))
    return choices


def _sign(cascade: Cascade, readings: Readings, at: int) -> str:
    """The kind of sign that stood out most."""
    finding = readings.findings[at]
    if finding is not None and finding.counted:
        return cascade.catalogue.indicators[finding.counted[0]].category
    return _BY_MODELS[int(readings.leaning[at])]
