"""Tuning the multilingual model: what lies above its windows learns the task. Needs JAX, as the transformer does.

The word pieces and the windows stay as they are, so every text is read once and what was gathered of it
is learned from: a minute on one core. What comes out has the form of the base, and costs no more to read.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tocsin.kernel.errors import Invalid
from tocsin.screen.building.data import GERMAN, INCIDENT, Example
from tocsin.screen.building.fast import rate_of

TUNED = ("pool", "pool.bias", "deep0", "deep1", "deep2", "deep3", "skip1", "skip3")
_EPOCHS = 4
_BATCH = 256
_RATE = 3e-4
_QUICKER = 10  # how much faster the heads learn than what lies under them
_KEPT = 0.85  # share of what was gathered that is not dropped while learning
_MOST = {("gab", False): 8000}
_WEIGHTS = {
    ("edos", True): 4.0,
    ("gab", True): 3.0,
    ("german", True): 4.0,
    ("telegram", True): 0.7,
    ("telegram", False): 0.7,
}
# How much a text teaches a head that is not its own: (threat, incident, German threat, about).
_TEACHES = {INCIDENT: (0.25, 1.0, 0.0, 0.1), GERMAN: (0.3, 0.2, 1.0, 0.1)}
_OTHERS = (1.0, 0.2, 0.0, 0.1)
Floats = NDArray[np.float32]
Tree = dict[str, Any]


class _Lessons(NamedTuple):
    """Texts to learn from: what was gathered of each, labels and weights for each head, its base rate's number."""

    gathered: Floats
    roots: Floats
    wanted: Floats
    weights: Floats
    rates: NDArray[np.int64]


def tune(
    gathered: Floats,
    roots: Floats,
    base: Mapping[str, Floats],
    heads: Mapping[str, Floats],
    examples: Sequence[Example],
) -> dict[str, Floats]:
    """The tensors named in `TUNED` and the heads, learned from the examples that are not held out.

    `gathered`, `roots`: see `Sentences.gathered`; `heads`: where the heads begin.

    Raises: Invalid where JAX is not installed.
    """
    missing = [name for name in ("jax", "optax") if find_spec(name) is None]
    if missing:
        raise Invalid(
            f"what tuning needs is not installed: {', '.join(missing)}",
            field="sentences",
            cure="pip install jax optax; only building needs them.",
        )
    jax: Any = importlib.import_module("jax")
    lessons = _lessons(gathered, roots, examples)
    steps = len(lessons.roots) // _BATCH * _EPOCHS
    learned: Tree = {name: np.asarray(base[name]) for name in TUNED} | dict(heads)
    learned["rates"] = np.zeros((int(lessons.rates.max()) + 1, 4), np.float32)
    rule = _rule(learned, steps)
    state = rule.init(learned)
    optax: Any = importlib.import_module("optax")

    def step(learned: Tree, state: Any, batch: Any, key: Any) -> Any:
        slope = jax.grad(_loss)(learned, batch, key)
        change, state = rule.update(slope, state, learned)
        return optax.apply_updates(learned, change), state

    quick, key, dice = jax.jit(step), jax.random.PRNGKey(3), np.random.default_rng(3)
    for _ in range(_EPOCHS):
        order = dice.permutation(len(lessons.roots))
        for start in range(0, len(order) - _BATCH + 1, _BATCH):
            key, now = jax.random.split(key)
            batch = tuple(part[order[start : start + _BATCH]] for part in lessons)
            learned, state = quick(learned, state, batch, now)
    return {n: np.asarray(t, np.float32) for n, t in learned.items() if n != "rates"}


def _lessons(gathered: Floats, roots: Floats, examples: Sequence[Example]) -> _Lessons:
    dice = np.random.default_rng(1)
    by: dict[tuple[str, bool], list[int]] = {}
    for at, e in enumerate(examples):
        if not e.held_out:
            by.setdefault((_set_of(e), e.wanted), []).append(at)
    chosen = np.concatenate(
        [
            dice.permutation(found)[: _MOST.get(name, len(found))]
            for name, found in sorted(by.items())
        ]
    )
    texts = [examples[at] for at in chosen]
    names = sorted({rate_of(e) for e in texts})
    own = [e.weight * _WEIGHTS.get((e.corpus, e.wanted), 1.0) for e in texts]
    teaches = [_TEACHES.get(_set_of(e), _OTHERS) for e in texts]
    weights = np.array(teaches, np.float32) * np.array(own, np.float32)[:, None]
    weights[:, 3] = _OTHERS[3]
    return _Lessons(
        gathered[chosen],
        roots[chosen],
        np.array([_labels(e) for e in texts], np.float32),
        weights,
        np.array([names.index(rate_of(e)) for e in texts]),
    )


def _labels(example: Example) -> tuple[bool, bool, bool, bool]:
    incident = example.head == INCIDENT
    german = example.corpus == GERMAN
    wanted = example.wanted
    return wanted and not incident, wanted and incident, wanted and german, incident


def _set_of(example: Example) -> str:
    return INCIDENT if example.head == INCIDENT else example.corpus


def _rule(learned: Tree, steps: int) -> Any:
    optax: Any = importlib.import_module("optax")

    def rate(times: float) -> Any:
        peak = _RATE * times
        return optax.warmup_cosine_decay_schedule(0, peak, int(steps * 0.06), steps, peak * 0.03)

    kinds = {"under": optax.adamw(rate(1), weight_decay=0.03), "heads": optax.adam(rate(_QUICKER))}
    labels = {name: "under" if name in TUNED else "heads" for name in learned}
    return optax.chain(optax.clip_by_global_norm(2.0), optax.multi_transform(kinds, labels))


def _loss(learned: Tree, batch: Any, key: Any) -> Any:
    """The weighted mean surprise at the labels of a batch, each corpus with base rates of its own."""
    jnp: Any = importlib.import_module("jax.numpy")
    optax: Any = importlib.import_module("optax")
    gathered, roots, wanted, weights, rates = batch
    own = learned["rates"][rates]
    said = _scores(learned, gathered, roots, key) + own
    surprise = (weights * optax.sigmoid_binary_cross_entropy(said, wanted)).sum()
    return surprise / len(roots) + 1e-3 * jnp.square(learned["rates"]).sum()


def _scores(w: Tree, gathered: Any, roots: Any, key: Any) -> Any:
    """`Sentences.scores` from what was gathered, some of it dropped."""
    jax: Any = importlib.import_module("jax")
    jnp: Any = importlib.import_module("jax.numpy")
    first, second = jax.random.split(key)

    def dropped(x: Any, key: Any) -> Any:
        return x * jax.random.bernoulli(key, _KEPT, x.shape) / _KEPT

    pooled = dropped(gathered, first) @ w["pool"] + roots[:, None] * w["pool.bias"]
    one = jax.nn.relu(pooled @ w["deep0"])
    two = dropped(jax.nn.relu(pooled @ w["skip1"] + one @ w["deep1"]), second)
    out = jnp.tanh(two @ w["skip3"] + jax.nn.relu(two @ w["deep2"]) @ w["deep3"])
    length = jnp.sqrt(jnp.maximum(jnp.square(out).sum(1, keepdims=True), 1e-9))
    return out / length @ w["heads"] + w["heads.bias"]
