"""Building all models: what `tocsin screen build DATA` does, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from tocsin.screen import models
from tocsin.screen.building import blend, data, fast, sentence_base, sentence_heads
from tocsin.screen.cascade import plainly
from tocsin.screen.classifier import Classifier
from tocsin.screen.engine import Engine
from tocsin.screen.sentences import Sentences
from tocsin.screen.transformer import Transformer

_AT_ONCE = 1000
Floats = NDArray[np.float32]


def build_all(folder: Path, into: Path, *, transformer: bool = True) -> Iterator[str]:
    """Build into a folder, saying after each step what was done. The same data gives the same models.

    Raises: Invalid when data or base weights are missing.
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
    if transformer:
        from tocsin.screen.building import transformer as tuning  # noqa: PLC0415 - needs JAX

        tensors, pieces = tuning.fit(texts, examples)
        np.savez_compressed(into / models.TRANSFORMER, **tensors)  # type: ignore[arg-type]
        (into / models.VOCABULARY).write_text("\n".join(pieces) + "\n", "utf-8")
        yield "the transformer"
        stages.append(_in_parts(Transformer(tensors, pieces).scores, [texts[at] for at in held]))
    else:
        stages.append(stages[-1])
    signs = signs_of(Engine.load(), [e.text for e in chosen])
    votes = blend.fit(chosen, signs, stages)
    (into / models.BLEND).write_bytes(msgspec.json.format(msgspec.json.encode(votes)))
    yield f"the blend; models {models.Models(into).version} are in {into}"


def signs_of(engine: Engine, texts: Sequence[str]) -> Floats:
    """What the indicators alone make of texts, 0..1000."""
    _, findings = engine.look(texts)
    return np.array([found.score if found else 0 for found in findings], np.float32)


def _sentences(into: Path, texts: Sequence[str], examples: Sequence[data.Example]) -> Sentences:
    tensors, pieces = sentence_base.base(texts)
    nothing = {"heads": np.zeros((512, 4), np.float32), "heads.bias": np.zeros(4, np.float32)}
    meaning = _in_parts(Sentences({**tensors, **nothing}, pieces).meaning, texts)
    tensors |= sentence_heads.fit(meaning, examples)
    np.savez_compressed(into / models.SENTENCES, **tensors)  # type: ignore[arg-type]
    lines = "".join(f"{piece}\t{score:.5g}\n" for piece, score in pieces)
    (into / models.PIECES).write_text(lines, "utf-8")
    return Sentences(tensors, pieces)


def _in_parts(scores: object, texts: Sequence[object]) -> Floats:
    if not callable(scores):
        raise TypeError("scores must be callable")
    parts = [scores(texts[at : at + _AT_ONCE]) for at in range(0, len(texts), _AT_ONCE)]
    return np.concatenate(parts).astype(np.float32)
