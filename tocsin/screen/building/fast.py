"""Fitting the fast classifier: logistic regression over the very features that `features` reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.screen import features, normalise
from tocsin.screen.building.data import GERMAN, HARDEST, INCIDENT, Example
from tocsin.screen.features import Kind

KEPT = 300_000  # features
_LEAST = 2  # texts a feature must be in
_AT_ONCE = 4000
_PULL = 1.5  # how freely a corpus may have its own base rate
_STRENGTH, _INCIDENT_STRENGTH = 1.0, 0.3
_TELLING = 0.7
"""How far a feature's say while learning goes by how unevenly it is spread over wanted and unwanted texts
(Wang and Manning 2012, "Baselines and Bigrams"); the rest is alike for all."""

_SMOOTH = 0.01
_OWN_HEAD = 0.25
"""How much of a model of one corpus alone (the hardest, whose threats are rare and varied) is added."""

_GERMAN_FROM = 0.4  # share of its texts that are German from which a feature counts as German
_WEIGHTS = {
    ("edos", True): 6.0,
    ("gab", True): 3.0,
    ("german", True): 5.0,
    ("telegram", True): 0.4,
    ("telegram", False): 0.4,
}
_INCIDENT_SHARE = (
    4  # of so many incident texts one is a negative for threats, and the other way round
)
Floats = NDArray[np.float32]


def folded(texts: Sequence[str]) -> list[bytes]:
    """Texts as the engine hands them to the classifier."""
    return [normalise.plain(text).text.encode() for text in texts]


def fit(examples: Sequence[Example]) -> dict[str, NDArray[np.generic]]:
    """The table, as arrays to store. Minutes on one core."""
    words, runs = _matrices(folded([e.text for e in examples]))
    rarity = _rarity(words, runs, len(examples))
    used = np.flatnonzero(rarity)
    matrix = (_normed(words, rarity) + _normed(runs, rarity)).tocsr()[:, used]
    learned = np.array([not e.held_out for e in examples])
    threat = _threat(matrix, examples, learned)
    incident = _incident(matrix, examples, learned)
    weights = np.stack([threat[0], incident[0]], 1) * rarity[used, None]
    kept = np.sort(np.argsort(-np.abs(weights).max(1))[:KEPT])
    return _stored(
        used[kept], weights[kept], rarity[used[kept]], np.array([threat[1], incident[1]])
    )


def _threat(
    matrix: Any, examples: Sequence[Example], learned: NDArray[np.bool_]
) -> tuple[Floats, float]:
    """Words met mostly in German weigh what German texts taught, all others what the rest taught: one
    head for both languages would let the many English texts drown the few German ones.
    """
    german = np.array([e.corpus == GERMAN for e in examples])
    thinned = np.array([e.head != INCIDENT or at % 2 == 0 for at, e in enumerate(examples)])
    weights, base = _regression(matrix, examples, learned & ~german & thinned, head="threat")
    own = learned & np.array([e.corpus == HARDEST for e in examples])
    spread = float((matrix[own if own.any() else learned] @ weights).std())
    if own.any():
        weights = weights + _OWN_HEAD * _alone(matrix, examples, own, spread)
    if (learned & german).any():
        taught = _alone(matrix, examples, learned & german, spread)
        weights = np.where(_share(matrix, german) > _GERMAN_FROM, taught, weights)
    return weights.astype(np.float32), base


def _alone(
    matrix: Any, examples: Sequence[Example], use: NDArray[np.bool_], spread: float
) -> Floats:
    """Weights learned from one corpus alone, scaled so that its texts spread as much as told."""
    plain = examples[int(np.argmax(use))].corpus == HARDEST
    alone, _ = _regression(matrix, examples, use, head="threat", plain=plain)
    return alone * np.float32(spread / max(float((matrix[use] @ alone).std()), 1e-9))


def _share(matrix: Any, of: NDArray[np.bool_]) -> Floats:
    """Per feature the share of its texts that are among `of`, as if both sides had as many texts."""
    inside = matrix[of].getnnz(0) / max(1, of.sum())
    outside = matrix[~of].getnnz(0) / max(1, (~of).sum())
    out: Floats = (inside / np.maximum(inside + outside, 1e-9)).astype(np.float32)
    return out


def _incident(
    matrix: Any, examples: Sequence[Example], learned: NDArray[np.bool_]
) -> tuple[Floats, float]:
    use = learned & np.array(
        [e.head == INCIDENT or at % _INCIDENT_SHARE == 0 for at, e in enumerate(examples)]
    )
    if not any(e.head == INCIDENT for e in examples):
        return np.zeros(matrix.shape[1], np.float32), -5.0
    return _regression(matrix, examples, use, head=INCIDENT)


def _regression(
    matrix: Any,
    examples: Sequence[Example],
    use: NDArray[np.bool_],
    *,
    head: str,
    plain: bool = False,
) -> tuple[Floats, float]:
    """Weights, and the mean of the corpora's own base rates, which are learned beside and left out."""
    import scipy.sparse as sp  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    chosen = [e for e, yes in zip(examples, use, strict=True) if yes]
    wanted = [e.wanted and e.head == head for e in chosen]
    weight = [
        e.weight * (1.0 if plain else _WEIGHTS.get((e.corpus, e.wanted), 1.0)) for e in chosen
    ]
    groups = [rate_of(e) for e in chosen]
    names = sorted(set(groups))
    cells = (
        np.full(len(chosen), _PULL, np.float32),
        (np.arange(len(chosen)), [names.index(g) for g in groups]),
    )
    rates = sp.csr_matrix(cells, shape=(len(chosen), len(names)))
    strength = _STRENGTH if head != INCIDENT else _INCIDENT_STRENGTH
    model = LogisticRegression(C=strength, max_iter=200, solver="liblinear", random_state=0)
    texts = matrix[use]
    say = (
        _say(texts, np.array(wanted)) if head != INCIDENT else np.ones(matrix.shape[1], np.float32)
    )
    model.fit(sp.hstack([texts @ sp.diags(say), rates]).tocsr(), wanted, sample_weight=weight)
    found = model.coef_[0].astype(np.float32)
    base = float(model.intercept_[0] + _PULL * found[matrix.shape[1] :].mean())
    return found[: matrix.shape[1]] * say, base


def _say(texts: Any, wanted: NDArray[np.bool_]) -> Floats:
    """How much each feature may say: more, the more unevenly it is spread."""
    shares = []
    for of in (wanted, ~wanted):
        total = np.asarray(texts[of].sum(0)).ravel() + _SMOOTH
        shares.append(total / total.sum())
    uneven = np.abs(np.log(shares[0] / shares[1]))
    out: Floats = (1 - _TELLING + _TELLING * uneven / uneven.mean()).astype(np.float32)
    return out


def group_of(example: Example) -> str:
    """Corpora of one base rate: idioms must be told from threats, so the two share theirs."""
    if example.head == INCIDENT:
        return INCIDENT
    return "chat" if example.corpus in ("telegram", "school") else example.corpus


def rate_of(example: Example) -> str:
    """Texts of one base rate while learning: each event has its own, so that what tells events apart (one
    with many urgent texts, one with few) is not taken for what tells urgent texts apart.
    """
    return example.corpus if example.head == INCIDENT else group_of(example)


def _matrices(texts: Sequence[bytes]) -> tuple[Any, Any]:
    import scipy.sparse as sp  # noqa: PLC0415

    words, runs = [], []
    for start in range(0, len(texts), _AT_ONCE):
        read = features.read(texts[start : start + _AT_ONCE])
        words.append(_matrix((read.words, read.pairs)))
        runs.append(_matrix(read.runs))
    return sp.vstack(words).tocsr(), sp.vstack(runs).tocsr()


def _matrix(kinds: Sequence[Kind]) -> Any:
    """Texts x buckets: how often each feature is in each text."""
    import scipy.sparse as sp  # noqa: PLC0415

    total = None
    for kind in kinds:
        counts = kind.ends - kind.starts
        places = [kind.places[a:b] for a, b in zip(kind.starts, kind.ends, strict=True)]
        flat = np.concatenate(places).astype(np.int32)
        bounds = np.concatenate(([0], np.cumsum(counts)))
        shape = (len(counts), features.BUCKETS)
        one = sp.csr_matrix((np.ones(len(flat), np.float32), flat, bounds), shape=shape)
        total = one if total is None else total + one
    return total


def _rarity(words: Any, runs: Any, count: int) -> Floats:
    seen = sum(np.bincount(m.indices, minlength=features.BUCKETS) for m in (words, runs))
    rarity = np.log((1 + count) / (1 + seen)) + 1
    rarity[seen < _LEAST] = 0
    return rarity.astype(np.float32)


def _normed(matrix: Any, rarity: Floats) -> Any:
    import scipy.sparse as sp  # noqa: PLC0415

    squares = np.asarray(matrix @ (rarity**2)).ravel()
    return sp.diags(1 / np.sqrt(np.maximum(squares, 1))) @ matrix @ sp.diags(rarity)


def _stored(
    places: NDArray[np.int64], weights: Floats, rarity: Floats, base: NDArray[np.float64]
) -> dict[str, NDArray[np.generic]]:
    scale = np.maximum(np.abs(weights).max(0) / 127, 1e-9)
    step = float((rarity**2).max() / 255)
    return {
        "steps": np.diff(places, prepend=0).astype(np.uint32),
        "weights": np.rint(weights / scale).astype(np.int8),
        "counts": np.maximum(1, np.rint(rarity**2 / step)).astype(np.uint8),
        "step": np.array(step),
        "scale": scale.astype(np.float32),
        "base": base.astype(np.float32),
    }
