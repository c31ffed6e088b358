"""The small fine-tuned transformer: reads whole sentences in English, for the few texts that come this far.

Six layers of 384 numbers (MiniLM), weights kept as 8-bit whole numbers with a scale per column and
unpacked on loading. Plain matrix arithmetic: a few milliseconds a text on one core.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tocsin.screen.tensors import unpacked

LONGEST = 64  # word pieces read of a text
_AT_ONCE = 32
_LANES = 12  # attention heads
_LAYERS = 6
_ROWS = 128
_EPSILON = 1e-12
Floats = NDArray[np.float32]


class Transformer:
    """Scores texts by two heads, threat and incident. Safe to share between threads."""

    def __init__(self, tensors: Mapping[str, NDArray[np.generic]], pieces: Sequence[str]) -> None:
        from tokenizers import Tokenizer  # noqa: PLC0415 - costs start-up time
        from tokenizers.models import WordPiece  # noqa: PLC0415
        from tokenizers.normalizers import BertNormalizer  # noqa: PLC0415
        from tokenizers.pre_tokenizers import BertPreTokenizer  # noqa: PLC0415
        from tokenizers.processors import BertProcessing  # noqa: PLC0415

        vocabulary = {piece: number for number, piece in enumerate(pieces)}
        self._pieces = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106
        self._pieces.normalizer = BertNormalizer(lowercase=True)
        self._pieces.pre_tokenizer = BertPreTokenizer()
        ends = [(piece, vocabulary[piece]) for piece in ("[SEP]", "[CLS]")]
        self._pieces.post_processor = BertProcessing(*ends)
        self._pieces.enable_truncation(LONGEST)
        self._of = unpacked(tensors)

    def scores(self, texts: Sequence[str]) -> Floats:
        """Log-odds, texts x heads, of texts as they were written (handles and links made alike)."""
        read = [found.ids for found in self._pieces.encode_batch(list(texts))]
        scores = np.zeros((len(texts), 2), np.float32)
        for chosen in _alike(read):
            scores[chosen] = self._forward([read[at] for at in chosen])
        return scores

    def _forward(self, read: list[list[int]]) -> Floats:
        of = self._of
        counts = np.array([len(ids) for ids in read])
        width = int(counts.max())
        ids = np.zeros((len(read), width), np.int64)
        for row, found in enumerate(read):
            ids[row, : len(found)] = found
        there = np.arange(width) < counts[:, None]
        x = _normed(of["word"][ids] + of["position"][:width], of["first.gain"], of["first.bias"])
        away = np.where(there, np.float32(0), np.float32(-1e9))[:, None, None, :]
        for number in range(_LAYERS):
            x = self._layer(f"{number}.", x, away)
        pooled = (x * there[:, :, None]).sum(1) / counts[:, None].astype(np.float32)
        out: Floats = pooled @ of["heads"] + of["heads.bias"]
        return out

    def _layer(self, of: str, x: Floats, away: Floats) -> Floats:
        texts, width, size = x.shape
        w = self._of
        asked = (x.reshape(-1, size) @ w[of + "asks"] + w[of + "asks.bias"]).reshape(
            texts, width, 3, _LANES, size // _LANES
        )
        query, key, value = (asked[:, :, at].transpose(0, 2, 1, 3) for at in range(3))
        heed = query @ key.transpose(0, 1, 3, 2) * np.float32((size // _LANES) ** -0.5) + away
        heed -= heed.max(-1, keepdims=True)
        np.exp(heed, out=heed)
        heed /= heed.sum(-1, keepdims=True)
        met = (heed @ value).transpose(0, 2, 1, 3).reshape(-1, size)
        x = x + (met @ w[of + "out"] + w[of + "out.bias"]).reshape(x.shape)
        x = _normed(x, w[of + "mid.gain"], w[of + "mid.bias"])
        x = x + self._inner(of, x.reshape(-1, size)).reshape(x.shape)
        return _normed(x, w[of + "last.gain"], w[of + "last.bias"])

    def _inner(self, of: str, rows: Floats) -> Floats:
        """The wide part of a layer, a few rows at a time: what lies between its two products stays in the cache."""
        w = self._of
        found = np.empty_like(rows)
        for start in range(0, len(rows), _ROWS):
            wide = rows[start : start + _ROWS] @ w[of + "up"]
            wide += w[of + "up.bias"]
            _gelu(wide)
            np.matmul(wide, w[of + "down"], out=found[start : start + _ROWS])
        found += w[of + "down.bias"]
        return found


def _alike(read: list[list[int]]) -> Iterator[list[int]]:
    """Batches of texts of like length, so that little is computed for padding."""
    order = sorted(range(len(read)), key=lambda at: len(read[at]))
    for start in range(0, len(order), _AT_ONCE):
        yield order[start : start + _AT_ONCE]


def _normed(x: Floats, gain: Floats, bias: Floats) -> Floats:
    x = x - x.mean(-1, keepdims=True)
    spread = np.einsum("...i,...i->...", x, x)[..., None] / np.float32(x.shape[-1])
    out: Floats = x * (gain / np.sqrt(spread + np.float32(_EPSILON))) + bias
    return out


def _gelu(x: Floats) -> None:
    """The Gaussian error linear unit, in place, by Abramowitz and Stegun 7.1.26 (error below 2e-7)."""
    size = np.abs(x)
    z = size * np.float32(0.7071067811865476)
    t = z * np.float32(0.3275911)
    t += 1
    np.reciprocal(t, out=t)
    tail = t * np.float32(1.061405429)
    for part in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail += np.float32(part)
        tail *= t
    np.multiply(z, z, out=z)
    np.negative(z, out=z)
    np.exp(z, out=z)
    tail *= z
    tail *= size
    tail *= np.float32(0.5)
    np.maximum(x, 0, out=x)
    x -= tail
