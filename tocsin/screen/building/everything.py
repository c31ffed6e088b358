"""Building all models: what `tocsin screen build DATA` does, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from tocsin.kernel.errors import Invalid
from tocsin.screen import models
from tocsin.screen.building import (
    blend,
    data,
    fast,
    sentence_base,
    sentence_heads,
    sentence_tuning,
)
from tocsin.screen.cascade import plainly
from tocsin.screen.classifier import Classifier
from tocsin.screen.engine import Engine
from tocsin.screen.sentences import Sentences
from tocsin.screen.tensors import packed, unpacked
from tocsin.screen.transformer import Transformer

_AT_ONCE = 1000
Floats = NDArray[np.float32]


def build_all(
    folder: Path, into: Path, *, transformer: bool = True, keep: bool = False
) -> Iterator[str]:
    """Build into a folder, saying after each step what was done. The same data gives the same models.

    `transformer`: fine-tune one too; `keep`: use the one that is in the folder instead.

    Raises: Invalid when data, base weights or the transformer to keep are missing.
    """
    into.mkdir(parents=True, exist_ok=True)
    examples = data.examples(folder)
    texts = [plainly(e.text) for e in examples]
    held = [at for at, e in enumerate(examples) if data.lent(e)]
    chosen = [examples[at] for at in held]
    yield f"{len(examples):,} labelled texts, {len(held):,} of those held back lent to the blend"
    np.savez_compressed(into / models.FAST, **fast.fit(examples))  # type: ignore[arg-type]
    classifier = Classifier(models.table(into / models.FAST))
    yield "the fast classifier"
    stages = [_in_parts(classifier.scores, fast.folded([e.text for e in chosen]))]
    sentences = _sentences(into, texts, examples)
    yield "the multilingual model"
    stages.append(_in_parts(sentences.scores, [texts[at] for at in held]))
    if transformer or keep:
        last = _kept(into) if keep else _fine_tuned(into, texts, examples)
        yield "the transformer"
        stages.append(_in_parts(last.scores, [texts[at] for at in held]))
    else:
        stages.append(stages[-1][:, :2])
    signs = signs_of(Engine.load(), [e.text for e in chosen])
    votes = blend.fit(chosen, signs, stages)
    (into / models.BLEND).write_bytes(msgspec.json.format(msgspec.json.encode(votes)))
    yield f"the blend; models {models.Models(into).version} are in {into}"


def _fine_tuned(into: Path, texts: Sequence[str], examples: Sequence[data.Example]) -> Transformer:
    from tocsin.screen.building import transformer as tuning  # noqa: PLC0415 - needs JAX

    tensors, pieces = tuning.fit(texts, examples)
    np.savez_compressed(into / models.TRANSFORMER, **tensors)  # type: ignore[arg-type]
    (into / models.VOCABULARY).write_text("\n".join(pieces) + "\n", "utf-8")
    return Transformer(tensors, pieces)


def _kept(into: Path) -> Transformer:
    if not (into / models.TRANSFORMER).is_file() or not (into / models.VOCABULARY).is_file():
        raise Invalid(
            f"there is no transformer in {into} to keep",
            field="--keep-transformer",
            cure=f"Copy {models.TRANSFORMER} and {models.VOCABULARY} there first, or let one be fine-tuned.",
        )
    return models.transformer(into)


def signs_of(engine: Engine, texts: Sequence[str]) -> Floats:
    """What the indicators alone make of texts, 0..1000."""
    _, findings = engine.look(texts)
    return np.array([found.score if found else 0 for found in findings], np.float32)


def _sentences(into: Path, texts: Sequence[str], examples: Sequence[data.Example]) -> Sentences:
    tensors, pieces = sentence_base.base(texts)
    base = Sentences({**tensors, **sentence_heads.NONE}, pieces)
    parts = [base.gathered(texts[at : at + _AT_ONCE]) for at in range(0, len(texts), _AT_ONCE)]
    gathered, roots = (np.concatenate(part) for part in zip(*parts, strict=True))
    heads = sentence_heads.fit(base.directed(gathered, roots), examples)
    under = unpacked({name: t for name, t in tensors.items() if "pieces" not in name})
    tuned = sentence_tuning.tune(gathered, roots, under, heads, examples)
    heads = {name: tuned.pop(name) for name in heads}
    tensors |= {**packed(tuned), **heads}
    np.savez_compressed(into / models.SENTENCES, **tensors)  # type: ignore[arg-type]
    lines = "".join(f"{piece}\t{score:.5g}\n" for piece, score in pieces)
    (into / models.PIECES).write_text(lines, "utf-8")
    return Sentences(tensors, pieces)


def _in_parts(scores: object, texts: Sequence[object]) -> Floats:
    if not callable(scores):
        raise TypeError("scores must be callable")
    parts = [scores(texts[at : at + _AT_ONCE]) for at in range(0, len(texts), _AT_ONCE)]
    return np.concatenate(parts).astype(np.float32)
