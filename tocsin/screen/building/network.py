"""The transformer once more, in JAX, which can learn. `screen.transformer` is how it is read."""

from __future__ import annotations

import importlib
from typing import Any

jax: Any = importlib.import_module("jax")
jnp: Any = importlib.import_module("jax.numpy")
optax: Any = importlib.import_module("optax")

_LANES = 12
_KEPT = 0.9  # share of what a layer found that is not dropped while learning
Tree = dict[str, Any]


def loss_of(learned: Tree, fixed: Tree, batch: Any, key: Any) -> Any:
    """The weighted mean surprise at the labels of a batch."""
    ids, counts, wanted, weight, group, incident = batch
    out = scores(learned, fixed, ids, counts, key)
    said = jnp.where(incident, out[:, 1], out[:, 0]) + learned["G"][group]
    return (weight * optax.sigmoid_binary_cross_entropy(said, wanted)).sum() / weight.sum()


def scores(learned: Tree, fixed: Tree, ids: Any, counts: Any, key: Any) -> Any:
    """Log-odds, texts x heads."""
    width = ids.shape[1]
    there = jnp.arange(width)[None] < counts[:, None]
    away = jnp.where(there, 0.0, -1e9)
    x = _normed(fixed["word"][ids] + fixed["pos"][:width], fixed["eg"], fixed["eb"])
    for layer in fixed["layers"]:
        x = _layer(layer, x, away, None)
    x = jax.lax.stop_gradient(x)
    for number, layer in enumerate(learned["layers"]):
        x = _layer(layer, x, away, jax.random.fold_in(key, number))
    pooled = (x * there[..., None]).sum(1) / counts[:, None]
    return pooled @ learned["W"] + learned["B"]


def _layer(of: Tree, x: Any, away: Any, key: Any) -> Any:
    texts, width, size = x.shape
    query, key_, value = (
        part.reshape(texts, width, _LANES, size // _LANES).transpose(0, 2, 1, 3)
        for part in jnp.split(x @ of["qkv"] + of["bqkv"], 3, -1)
    )
    heed = jax.nn.softmax(
        query @ key_.transpose(0, 1, 3, 2) * (size // _LANES) ** -0.5 + away[:, None, None, :], -1
    )
    met = (heed @ value).transpose(0, 2, 1, 3).reshape(texts, width, size) @ of["o"] + of["bo"]
    x = _normed(x + _dropped(met, key, 0), of["g1"], of["b1"])
    inner = jax.nn.gelu(x @ of["u"] + of["bu"], approximate=False) @ of["d"] + of["bd"]
    return _normed(x + _dropped(inner, key, 1), of["g2"], of["b2"])


def _dropped(x: Any, key: Any, number: int) -> Any:
    if key is None:
        return x
    return x * jax.random.bernoulli(jax.random.fold_in(key, number), _KEPT, x.shape) / _KEPT


def _normed(x: Any, gain: Any, bias: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    spread = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(spread + 1e-12) * gain + bias
