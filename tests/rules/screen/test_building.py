"""What building models promises: languages and events do not drown each other, and what is missing is named."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tocsin.kernel.errors import Invalid
from tocsin.screen import models
from tocsin.screen.building import everything, fast, sentence_tuning
from tocsin.screen.building.data import INCIDENT, Example
from tocsin.screen.classifier import Classifier


def fitted(examples: list[Example], folder: Path) -> Classifier:
    np.savez(folder / models.FAST, **fast.fit(examples))  # type: ignore[arg-type]
    return Classifier(models.table(folder / models.FAST))


def threat(text: str, corpus: str, *, wanted: bool) -> Example:
    return Example(text, "threat", wanted, 1.0, corpus, held_out=False)


def test_words_of_german_weigh_what_german_texts_taught(tmp_path: Path) -> None:
    english = [threat(f"met a friend {n % 7} at noon", "edos", wanted=False) for n in range(60)]
    english += [threat(f"shoot them {n % 7} at noon", "edos", wanted=True) for n in range(20)]
    german = [threat(f"heute wetter {n % 5} schön", "german", wanted=False) for n in range(60)]
    german += [threat(f"galgen heute {n % 5} für alle", "german", wanted=True) for n in range(20)]
    of = fitted(english + german, tmp_path)
    said = of.scores([b"galgen heute", b"wetter heute", b"shoot them", b"met friend"])[:, 0]
    assert said[0] > said[1] + 0.2
    assert said[2] > said[3] + 0.2


def test_an_event_with_many_urgent_texts_does_not_make_its_name_urgent(tmp_path: Path) -> None:
    def event(name: str, share: int) -> list[Example]:
        told = []
        for n in range(120):
            wanted = n % 10 < share
            sign = "trapped" if wanted and n % 3 else "watching"
            text = f"{name} storm {sign} here {n % 6}"
            told.append(Example(text, INCIDENT, wanted, 1.0, name, held_out=False))
        return told

    others = [threat(f"good morning {n % 9}", "edos", wanted=n % 9 == 0) for n in range(90)]
    of = fitted(event("alberta", 8) + event("zagreb", 1) + others, tmp_path)
    said = of.scores([b"alberta", b"zagreb", b"trapped", b"watching"])[:, 1]
    assert said[2] - said[3] > 2 * (said[0] - said[1])


@pytest.mark.skipif(find_spec("jax") is not None, reason="JAX is installed")
def test_what_tuning_needs_is_named() -> None:
    none = np.zeros((0, 1280), np.float32)
    with pytest.raises(Invalid, match="jax"):
        sentence_tuning.tune(none, np.zeros(0, np.float32), {}, {}, [])


def test_a_transformer_that_is_not_there_cannot_be_kept(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no transformer"):
        everything._kept(tmp_path)
