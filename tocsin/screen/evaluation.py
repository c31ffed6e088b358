"""How good the ranking is: the figures of `tocsin screen evaluate`, from scores and labels alone."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TOPS = (1, 5, 10)  # per cent of the texts, the highest scores first
_BINS = 10
_DRAWS = 50


class Figures(msgspec.Struct, frozen=True):
    """What was measured on one set.

    - `average_precision`: area under the precision-recall curve.  `recall`: per cent of the texts
      looked at → share of the wanted ones among them.
    - `false_alarms`: per 1,000 unwanted texts, how many score from the line on.  `found`: share of
      the wanted that do.
    - `calibration_error`: mean distance between the chance told and what came true (0..1), in ten
      equal groups by score.
    """

    texts: int
    wanted: int
    average_precision: float
    recall: dict[int, float]
    false_alarms: float
    found: float
    calibration_error: float
    curve: tuple[tuple[float, float], ...]


def figures(scores: Sequence[float], wanted: Sequence[bool], line: float) -> Figures:
    """Figures of scores 0..1000 against labels; `line` is the score from which a text is flagged."""
    score, truth = np.asarray(scores, float), np.asarray(wanted, bool)
    order = np.argsort(-score, kind="stable")
    total = int(truth.sum())
    unwanted = len(truth) - total
    recall = {top: _recall(truth[order], top, total) for top in TOPS}
    return Figures(
        texts=len(truth),
        wanted=total,
        average_precision=average_precision(score, truth),
        recall=recall,
        false_alarms=1000 * float((score[~truth] >= line).mean()) if unwanted else 0.0,
        found=float((score[truth] >= line).mean()) if total else 0.0,
        calibration_error=_calibration(score / 1000, truth),
        curve=_curve(score, truth),
    )


def average_precision(score: Floats, wanted: NDArray[np.bool_]) -> float:
    """Precision averaged over the ranks of the wanted; equal scores count as one rank."""
    if not wanted.any():
        return 0.0
    precision, recall = _steps(score, wanted)
    return float(np.sum(np.diff(recall, prepend=0) * precision))


def at_prevalence(score: Floats, wanted: NDArray[np.bool_], share: float) -> float:
    """Average precision as if only `share` of the texts were wanted: the mean over draws of them."""
    yes, no = score[wanted], score[~wanted]
    count = max(1, round(len(no) * share / (1 - share)))
    if count >= len(yes):
        return average_precision(score, wanted)
    dice = np.random.default_rng(0)
    truth = np.concatenate([np.ones(count, bool), np.zeros(len(no), bool)])
    draws = [
        average_precision(np.concatenate([dice.choice(yes, count, replace=False), no]), truth)
        for _ in range(_DRAWS)
    ]
    return float(np.mean(draws))


def plot(found: Figures, width: int = 50, height: int = 10) -> str:
    """The precision-recall curve as text."""
    rows = [[" "] * width for _ in range(height)]
    for recall, precision in found.curve:
        x, y = min(width - 1, int(recall * width)), min(height - 1, int(precision * height))
        rows[height - 1 - y][x] = "•"
    lines = ["".join(("1 │" if at == 0 else "  │", *row)) for at, row in enumerate(rows)]
    return "\n".join([*lines, "0 └" + "─" * width, "   0" + "recall".center(width - 2) + "1"])


def _recall(ranked: NDArray[np.bool_], top: int, total: int) -> float:
    looked = -(-len(ranked) * top // 100)
    return float(ranked[:looked].sum() / total) if total else 0.0


def _steps(score: Floats, wanted: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    hits = np.cumsum(wanted[order])[last]
    return hits / (last + 1), hits / max(1, int(wanted.sum()))


def _curve(score: Floats, wanted: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    if not wanted.any():
        return ()
    precision, recall = _steps(score, wanted)
    best = np.maximum.accumulate(precision[::-1])[::-1]  # the best still reachable at this recall
    chosen = np.unique(np.searchsorted(recall, np.linspace(0.02, 1, 50)).clip(max=len(recall) - 1))
    return tuple((float(recall[at]), float(best[at])) for at in chosen)


def _calibration(chance: Floats, wanted: NDArray[np.bool_]) -> float:
    groups = np.array_split(np.argsort(chance, kind="stable"), _BINS)
    gaps = [len(g) * abs(chance[g].mean() - wanted[g].mean()) for g in groups if len(g)]
    return float(sum(gaps) / max(1, len(chance)))
