"""Fitting the blend: how much each stage's word counts, learned on held-back texts no stage has seen.

The calibration is for a stream in which, of the texts, about one in twenty-five is wanted: each corpus is
weighted to that share, and all corpora count alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tocsin.screen.blending import Blend, Votes
from tocsin.screen.building.data import INCIDENT, Example
from tocsin.screen.building.fast import group_of

SHARE_WANTED = 0.04
LIFT = 1.0
ABOUT = (1.0, 3.0)
"""What the multilingual model says of a text's subject counts as it is, moved to where as many texts about
disasters as others lie on the wrong side."""

_STRENGTH = 0.05
Floats = NDArray[np.float32]


def fit(examples: Sequence[Example], signs: Floats, stages: Sequence[Floats]) -> Blend:
    """The blend for one to three stages. `signs`: indicator scores; `stages`: log-odds, texts x heads."""
    german = np.array([e.corpus == "german" for e in examples])
    all_of = [
        [_votes(examples, signs, stages[:depth], head, ~german) for depth in (1, 2, 3)]
        for head in (0, 1)
    ]
    own = [stages[0], stages[1][:, [2, 1]]]
    if german.any():
        of = [_votes(examples, signs, own[:depth], 0, german) for depth in (1, 2)]
    else:
        of = all_of[0][:2]
    (t1, t2, t3), (i1, i2, i3) = all_of
    return Blend(
        threat=(t1, t2, t3),
        incident=(i1, i2, i3),
        german=(of[0], of[1]),
        lift=LIFT,
        about=ABOUT,
    )


def _votes(
    examples: Sequence[Example],
    signs: Floats,
    stages: Sequence[Floats],
    head: int,
    use: NDArray[np.bool_],
) -> Votes:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    name = ("threat", INCIDENT)[head]
    own = [stage[:, head] for stage in stages]
    columns = np.stack([signs / 1000, *own], 1)[use]
    chosen = [e for e, yes in zip(examples, use, strict=True) if yes]
    wanted = np.array([e.wanted and e.head == name for e in chosen])
    spread = np.maximum(columns.std(0), 1e-6)
    model = LogisticRegression(C=_STRENGTH, max_iter=1000)
    model.fit(columns / spread, wanted, sample_weight=_shares(chosen, wanted))
    weights = [float(w) for w in model.coef_[0] / spread]
    return Votes(
        bias=float(model.intercept_[0]),
        indicators=max(0.0, weights[0]),
        stages=tuple(max(0.0, w) for w in weights[1:]),
    )


def _shares(examples: Sequence[Example], wanted: NDArray[np.bool_]) -> Floats:
    """Weights that give every corpus the same total and the wanted their share of it."""
    groups = np.array([group_of(e) for e in examples])
    out = np.zeros(len(examples), np.float32)
    for group in sorted(set(groups)):
        for yes, share in ((True, SHARE_WANTED), (False, 1 - SHARE_WANTED)):
            of = (groups == group) & (wanted == yes)
            if of.any():
                out[of] = share / of.sum()
    shares: Floats = out / out.sum() * 20_000
    return shares
