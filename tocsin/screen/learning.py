"""Learning from what people decided: what counts as enough, what counts as better, and the figures that say so.

Only flagged reports were ever decided on (and samples from below the line), so a refitted model knows a site's own
stream near the line and hardly anything far below it. That is why it starts from the models in force and is pulled
back to them, and why it is judged on decisions that are later than all it learned from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tocsin.kernel.errors import Conflict
from tocsin.screen.evaluation import average_precision

LEAST = 200
"""Decisions that are needed."""

LEAST_EACH = 30
"""Of them at least so many to report, and so many not to, among the earlier ones; a third of it among the later."""

MOST = 5_000
"""The newest decisions are learned from: more would take minutes and tell little."""

EARLIER = 0.7
SHOWN = 20  # decisions of a language or topic from which its figures are worth telling
GAIN = 0.01
SURE = 0.9
_LOSS = 0.02  # of the reports found among the first tenth
_DRAWS = 200
SHIPPED = "shipped"
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Decided(NamedTuple):
    """One decision of people: the masked text, whether it was reported further, when it was decided."""

    text: str
    wanted: bool
    at: datetime
    lang: str = ""
    topic: str = ""


class Forgotten(NamedTuple):
    """A sample that did not matter: its text is gone, its score and how far it was read are left."""

    chance: int
    depth: int


class TooFew(Conflict):
    """There are too few decisions to learn from; says how many there are and how many it takes."""

    code = "too_few_decisions"


class Score(msgspec.Struct, frozen=True):
    """How well a ranking did on some decisions; all per mille.

    `precision`: average precision.  `first_tenth`: share of the wanted among the highest tenth, of those that could
    be there.  `loss`: mean log loss of the chances told, times 1000.
    """

    decisions: int
    wanted: int
    precision: int
    first_tenth: int
    loss: int


class Comparison(msgspec.Struct, frozen=True):
    """The models in force and the refitted ones, on the same later decisions. `sure`: in how many of a thousand
    redrawn sets the refitted ones rank better. `parts`: the same by language and by topic.
    """

    before: Score
    after: Score
    sure: int
    parts: dict[str, tuple[Score, Score]]


class Standing(StrEnum):
    """Whether refitted models may be put to use, and if not, why not."""

    BETTER = "better"
    NO_GAIN = "no_gain"
    UNSURE = "unsure"
    MISSES = "misses"
    LOSS = "loss"

    @property
    def plain(self) -> str:
        return _PLAIN[self]


_PLAIN = {
    Standing.BETTER: "they rank the later decisions better than the models in force",
    Standing.NO_GAIN: f"they do not rank the later decisions better by {GAIN:.0%} or more",
    Standing.UNSURE: "that they rank better may be chance: there are too few later decisions to tell",
    Standing.MISSES: "they find fewer of the wanted reports among the first tenth",
    Standing.LOSS: "the chances they tell are further from what came true",
}


def divided(decided: Sequence[Decided]) -> tuple[list[Decided], list[Decided]]:
    """The newest decisions in order of time: the earlier ones to learn from, the later ones to judge by.

    Raises: TooFew.
    """
    ordered = sorted(decided, key=lambda d: d.at)[-MOST:]
    cut = round(len(ordered) * EARLIER)
    earlier, later = ordered[:cut], ordered[cut:]
    wanted = sum(d.wanted for d in ordered)
    enough = len(ordered) >= LEAST and all(
        min(n, len(part) - n) >= least
        for part, least in ((earlier, LEAST_EACH), (later, LEAST_EACH // 3))
        for n in [sum(d.wanted for d in part)]
    )
    if not enough:
        raise TooFew(
            f"there are {len(ordered)} final decisions whose text is still kept, {wanted} of them to report",
            field="decisions",
            cure=f"It takes {LEAST}: at least {LEAST_EACH} to report and {LEAST_EACH} not to among the earlier "
            f"{EARLIER:.0%}, and {LEAST_EACH // 3} of each among the later ones.",
        )
    return earlier, later


def compared(before: Floats, after: Floats, decided: Sequence[Decided]) -> Comparison:
    """Compare chances 0..1 of two models on the same decisions."""
    wanted = np.array([d.wanted for d in decided], bool)
    parts = {}
    for name, of in (("language", "lang"), ("topic", "topic")):
        for value in sorted({getattr(d, of) for d in decided}):
            here = np.array([getattr(d, of) == value for d in decided], bool)
            if here.sum() >= SHOWN and 0 < wanted[here].sum() < here.sum():
                pair = (scored(before[here], wanted[here]), scored(after[here], wanted[here]))
                parts[f"{name} {value or 'not told'}"] = pair
    sure = _sure(before, after, wanted)
    return Comparison(scored(before, wanted), scored(after, wanted), sure, parts)


def scored(chances: Floats, wanted: Flags) -> Score:
    """The figures of one ranking."""
    top = max(1, len(wanted) // 10)
    first = wanted[np.argsort(-chances, kind="stable")[:top]]
    told = np.clip(chances, 1e-4, 1 - 1e-4)
    loss = -np.where(wanted, np.log(told), np.log(1 - told)).mean()
    return Score(
        decisions=len(wanted),
        wanted=int(wanted.sum()),
        precision=round(1000 * average_precision(chances, wanted)),
        first_tenth=round(1000 * first.sum() / max(1, min(top, int(wanted.sum())))),
        loss=round(1000 * float(loss)),
    )


def standing(found: Comparison) -> Standing:
    """Whether they are better: clearly, and not at the cost of the surest finds or of honest chances."""
    before, after = found.before, found.after
    if after.precision - before.precision < 1000 * GAIN:
        return Standing.NO_GAIN
    if found.sure < 1000 * SURE:
        return Standing.UNSURE
    if after.first_tenth < before.first_tenth - 1000 * _LOSS:
        return Standing.MISSES
    return Standing.LOSS if after.loss > before.loss else Standing.BETTER


def check_promotion(
    version: str, *, against: str, in_force: str, better: bool, was_used: bool
) -> None:
    """Whether a version may be put to use now. One that was in use before may always come back.

    Raises: Conflict with the reason.
    """
    if version == in_force:
        raise Conflict("they are in use already", field="version")
    if was_used:
        return
    if not better:
        raise Conflict(
            "they were not found better than those in use", field="version",
            cure="Learn again when there are more decisions.",
        )  # fmt: skip
    if against != in_force:
        raise Conflict(
            f"they were compared with {against}, and {in_force} is in use", field="version",
            cure="Learn again: the comparison is with what is in use.",
        )  # fmt: skip


def _sure(before: Floats, after: Floats, wanted: Flags) -> int:
    dice = np.random.default_rng(0)
    wins = 0
    for _ in range(_DRAWS):
        at = dice.integers(0, len(wanted), len(wanted))
        wins += average_precision(after[at], wanted[at]) > average_precision(before[at], wanted[at])
    return round(1000 * wins / _DRAWS)


def card(version: str, against: str, earlier: int, found: Comparison, span: tuple[str, str]) -> str:
    """The model card: what they learned from, how they do, where they fail. It holds no text of anybody's."""
    rows = {"all": (found.before, found.after), **found.parts}
    table = "\n".join(
        f"| {name} | {b.decisions} | {b.wanted} | {b.precision / 1000:.3f} | {a.precision / 1000:.3f} "
        f"| {b.first_tenth / 1000:.2f} | {a.first_tenth / 1000:.2f} |"
        for name, (b, a) in rows.items()
    )
    worse = [n for n, (b, a) in found.parts.items() if a.precision < b.precision]
    failures = f"Worse than before: {', '.join(worse)}. " if worse else ""
    return f"""# Models {version}

Refitted on this site's own decisions, starting from models {against}.

**Data.** {earlier} final decisions of people on flagged reports, the earlier of those from {span[0]} to {span[1]};
near-copies count once. Masked texts; what was masked is left out. Reported further = wanted.

**Figures.** On the {found.after.decisions} later decisions, none of which were learned from: before → after.

| of | decisions | wanted | average precision before | after | first tenth before | after |
|---|---|---|---|---|---|---|
{table}

Log loss {found.before.loss / 1000:.3f} before, {found.after.loss / 1000:.3f} after. They rank better in
{found.sure / 10:.0f} of 100 redrawn sets. Verdict: {standing(found).plain}.

**Known failures.** {failures}Languages and topics with fewer than {SHOWN} later decisions are not in the table:
nothing is known of them. Nobody decided on what was never flagged, so nothing was learned far below the line. What
people decided is taken as right.
"""


def figures(found: Comparison) -> Mapping[str, object]:
    """The figures as the record holds them: whole numbers."""
    return msgspec.to_builtins(found)  # type: ignore[no-any-return]
