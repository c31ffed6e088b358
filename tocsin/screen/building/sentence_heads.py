"""Fitting the multilingual model's heads: the encoder stays as it is, two linear readings of it are learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tocsin.screen.building.data import INCIDENT, Example
from tocsin.screen.building.fast import rate_of

_STRENGTH = 2.0
_PULL = 1.5
_OWN_HEAD = 0.3  # how much of a model of the hardest corpus alone is added
_WEIGHTS = {
    ("edos", True): 6.0,
    ("gab", True): 3.0,
    ("german", True): 5.0,
    ("telegram", True): 0.4,
    ("telegram", False): 0.4,
}
_INCIDENT_SHARE = 4
Floats = NDArray[np.float32]
NONE = {"heads": np.zeros((512, 4), np.float32), "heads.bias": np.zeros(4, np.float32)}
"""Heads that say nothing: for reading the encoder alone."""


def fit(meaning: Floats, examples: Sequence[Example]) -> dict[str, Floats]:
    """The heads' weights (512 x 4) and base, from what each text means: threat, incident, threat in
    German (learned from German alone), and whether it is about an attack or disaster at all.
    """
    learned = np.array([not e.held_out for e in examples])
    thinned = np.array([at % _INCIDENT_SHARE == 0 for at in range(len(examples))])
    incident = np.array([e.head == INCIDENT for e in examples])
    german = np.array([e.corpus == "german" for e in examples])
    use = learned & ~german & (~incident | thinned)
    threat, base = _regression(meaning, examples, use, "threat")
    own = learned & np.array([e.corpus == "edos" for e in examples])
    if own.any():
        alone, _ = _regression(meaning, examples, own, "threat", strength=1.0)
        spread = (meaning[own] @ threat).std() / max((meaning[own] @ alone).std(), 1e-9)
        threat = threat + np.float32(_OWN_HEAD * spread) * alone
    heads = [(threat, base), (np.zeros(meaning.shape[1], np.float32), -5.0)]
    if incident.any():
        heads[1] = _regression(meaning, examples, learned & (incident | thinned), INCIDENT)
    own = learned & german
    heads.append(_regression(meaning, examples, own, "threat", 10.0) if own.any() else heads[0])
    about = [
        e._replace(wanted=e.head == INCIDENT, head="about", weight=1.0, corpus="all")
        for e in examples
    ]
    heads.append(
        _regression(meaning, about, learned & thinned, None, 30.0) if incident.any() else heads[1]
    )
    return {
        "heads": np.stack([weights for weights, _ in heads], 1).astype(np.float32),
        "heads.bias": np.array([base for _, base in heads], np.float32),
    }


def _regression(
    meaning: Floats,
    examples: Sequence[Example],
    use: NDArray[np.bool_],
    head: str | None,
    strength: float = _STRENGTH,
) -> tuple[Floats, float]:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    chosen = [e for e, yes in zip(examples, use, strict=True) if yes]
    wanted = [e.wanted and head in (None, e.head) for e in chosen]
    weight = [e.weight * _WEIGHTS.get((e.corpus, e.wanted), 1.0) for e in chosen]
    names = sorted({rate_of(e) for e in chosen})
    rates = np.zeros((len(chosen), len(names)), np.float32)
    rates[np.arange(len(chosen)), [names.index(rate_of(e)) for e in chosen]] = _PULL
    model = LogisticRegression(C=strength, max_iter=300)
    model.fit(np.hstack([meaning[use], rates]), wanted, sample_weight=weight)
    found = model.coef_[0].astype(np.float32)
    width = meaning.shape[1]
    return found[:width], float(model.intercept_[0] + _PULL * found[width:].mean())
