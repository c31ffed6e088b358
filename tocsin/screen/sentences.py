"""The multilingual model: what a text says as 512 numbers, whatever the words, and heads that read them.

A convolutional sentence encoder trained on sixteen languages (Google's Universal Sentence Encoder,
multilingual, version 3), its vocabulary cut to the word pieces that matter here. About a
millisecond a text on one core. Slower than counting words and much faster than a transformer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from tocsin.screen.tensors import unpacked

LONGEST = 96  # word pieces read of a text
_AT_ONCE = 384  # pieces a batch: what stays in the cache
_WINDOWS = ((2, 0), (3, 1), (5, 2))  # pieces looked at together, and how many of them lie before
_BEFORE, _BEHIND = 2, 2
_BRANCH = 256
_BEGIN, _END = 1, 2
Floats = NDArray[np.float32]
Lengths = NDArray[np.int64]


class Sentences:
    """Scores texts by four heads: threat, incident, threat in German, and whether a text is about an
    attack or a disaster at all. Safe to share between threads.
    """

    def __init__(
        self,
        tensors: Mapping[str, NDArray[np.generic]],
        pieces: Sequence[tuple[str, float]],
    ) -> None:
        from tokenizers import Regex, Tokenizer  # noqa: PLC0415 - costs start-up time
        from tokenizers.models import Unigram  # noqa: PLC0415
        from tokenizers.normalizers import NFKC, Nmt, Replace  # noqa: PLC0415
        from tokenizers.normalizers import Sequence as Steps  # noqa: PLC0415
        from tokenizers.pre_tokenizers import Metaspace  # noqa: PLC0415

        self._pieces = Tokenizer(Unigram(list(pieces), unk_id=0, byte_fallback=False))
        squeezed = Replace(Regex(r"\s+"), " ")
        self._pieces.normalizer = Steps([Nmt(), NFKC(), squeezed])
        self._pieces.pre_tokenizer = Metaspace()
        self._pieces.enable_truncation(LONGEST)
        self._table = tensors["pieces"]
        self._table_scale = tensors["pieces|scale"].astype(np.float32)
        self._of = unpacked({name: t for name, t in tensors.items() if "pieces" not in name})

    def scores(self, texts: Sequence[str]) -> Floats:
        """Log-odds, texts x heads, of texts as they were written (handles and links made alike)."""
        if not texts:
            return np.zeros((0, self._of["heads"].shape[1]), np.float32)
        out: Floats = self.meaning(texts) @ self._of["heads"] + self._of["heads.bias"]
        return out

    def meaning(self, texts: Sequence[str]) -> Floats:
        """Texts x 512, each of length one."""
        return self.directed(*self.gathered(texts))

    def directed(self, gathered: Floats, roots: Floats) -> Floats:
        """`meaning` from what was `gathered`."""
        pooled = gathered @ self._of["pool"] + roots[:, None] * self._of["pool.bias"]
        return _direction(pooled, self._of)

    def gathered(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """What was gathered of each text, texts x 1280: the sum over its pieces, divided by the root of
        their number; and that root.
        """
        read = [[_BEGIN, *e.ids, _END] for e in self._pieces.encode_batch(list(texts))]
        counts = np.array([len(ids) for ids in read], np.int64)
        out = np.zeros((len(texts), len(self._of["every.gain"])), np.float32)
        for chosen in _batches(read):
            flat = np.fromiter(chain.from_iterable(read[at] for at in chosen), np.int64)
            out[chosen] = self._summed(flat, counts[chosen])
        roots = np.sqrt(counts).astype(np.float32)
        return out / roots[:, None], roots

    def _summed(self, flat: Lengths, lengths: Lengths) -> Floats:
        w = self._of
        starts = np.cumsum(lengths) - lengths
        near = _neighbours(starts, lengths)
        raw: Floats = self._table[flat].astype(np.float32) * self._table_scale[flat]
        branches = _normed(
            raw @ w["project"] + w["project.bias"], w["project.gain"], w["project.shift"]
        )
        found = [raw]
        for number, (size, before) in enumerate(_WINDOWS):
            seen = near[:, _BEFORE - before : _BEFORE - before + size]
            x = branches[:, number * _BRANCH : (number + 1) * _BRANCH]
            for step in ("1", "2"):
                x = x + _convolved(
                    x, seen, w[f"window{size}.{step}"], w[f"window{size}.{step}.bias"]
                )
            found.append(x)
        every = _normed(
            np.concatenate(found, 1).astype(np.float32, copy=False),
            w["every.gain"],
            w["every.shift"],
        )
        out: Floats = np.add.reduceat(every, starts, axis=0)
        return out


def _convolved(x: Floats, seen: Lengths, weights: Floats, bias: Floats) -> Floats:
    padded = np.concatenate([x, np.zeros((1, x.shape[1]), np.float32)])
    out: Floats = np.maximum(padded[seen].reshape(len(x), -1) @ weights + bias, 0)
    return out


def _direction(pooled: Floats, w: Mapping[str, Floats]) -> Floats:
    first = np.maximum(pooled @ w["deep0"], 0)
    second = np.maximum(pooled @ w["skip1"] + first @ w["deep1"], 0)
    third = np.maximum(second @ w["deep2"], 0)
    out = np.tanh(second @ w["skip3"] + third @ w["deep3"])
    length = np.sqrt(np.maximum((out * out).sum(1, keepdims=True), np.float32(1e-9)))
    last: Floats = out / length
    return last


def _neighbours(starts: Lengths, lengths: Lengths) -> Lengths:
    """For each piece the pieces two before to two behind it in its own text; outside: one past all."""
    total = int(lengths.sum())
    near = np.arange(total)[:, None] + np.arange(-_BEFORE, _BEHIND + 1)
    first = np.repeat(starts, lengths)[:, None]
    behind = np.repeat(starts + lengths, lengths)[:, None]
    return np.where((near >= first) & (near < behind), near, total)


def _normed(x: Floats, gain: Floats, shift: Floats) -> Floats:
    x = x - x.mean(-1, keepdims=True)
    spread = np.einsum("ij,ij->i", x, x)[:, None] / np.float32(x.shape[1])
    out: Floats = x * (gain / np.sqrt(spread + np.float32(1e-6))) + shift
    return out


def _batches(read: list[list[int]]) -> Iterator[list[int]]:
    chosen: list[int] = []
    pieces = 0
    for at, ids in enumerate(read):
        if chosen and pieces + len(ids) > _AT_ONCE:
            yield chosen
            chosen, pieces = [], 0
        chosen.append(at)
        pieces += len(ids)
    if chosen:
        yield chosen
