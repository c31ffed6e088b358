"""The models as they are stored: one folder, read offline, named by a hash of everything in it.

    fast.npz  sentences.npz  pieces.tsv  transformer.npz  vocabulary.txt  blend.json  card.md

`fast.npz` and `blend.json` must be there; the dear stages are used where their files are.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from importlib import resources
from pathlib import Path

import msgspec
import numpy as np
import threadpoolctl  # type: ignore[import-untyped]
from numpy.typing import NDArray

from tocsin.kernel.errors import TocsinError
from tocsin.screen.blending import Blend
from tocsin.screen.classifier import Classifier, Table
from tocsin.screen.sentences import Sentences
from tocsin.screen.transformer import Transformer

FAST, SENTENCES, TRANSFORMER = "fast.npz", "sentences.npz", "transformer.npz"
PIECES, VOCABULARY, BLEND, CARD = "pieces.tsv", "vocabulary.txt", "blend.json", "card.md"
_FILES = (BLEND, FAST, PIECES, SENTENCES, TRANSFORMER, VOCABULARY)


class BadModels(TocsinError):
    """A folder of models cannot be used; says which file is wrong and the cure."""

    code = "bad_models"


class Models:
    """The models of one folder. The dear ones are loaded when first asked for."""

    def __init__(self, folder: Path) -> None:
        """Raises: BadModels."""
        self.folder = folder
        _one_thread()
        try:
            files = {n: (folder / n).read_bytes() for n in _FILES if (folder / n).is_file()}
            self.version = _version(files)
            self.blend = msgspec.json.decode(files[BLEND], type=Blend)
            self.fast = Classifier(table(folder / FAST))
        except (OSError, KeyError, ValueError, msgspec.MsgspecError) as wrong:
            raise BadModels(
                f"the models in {folder} cannot be read: {wrong}",
                field=str(folder),
                cure="Build them again with `tocsin screen build`, or give another folder.",
            ) from wrong
        self.has_sentences = {SENTENCES, PIECES} <= set(files)
        self.has_transformer = self.has_sentences and {TRANSFORMER, VOCABULARY} <= set(files)

    @classmethod
    def load(cls, folder: Path | None = None) -> Models:
        """The models in `folder`, those that ship by default. Raises: BadModels."""
        return cls(folder or Path(str(resources.files("tocsin.screen").joinpath("weights"))))

    @cached_property
    def sentences(self) -> Sentences:
        """The multilingual model: a second to load."""
        lines = (self.folder / PIECES).read_text("utf-8").split("\n")
        pieces = [line.rsplit("\t", 1) for line in lines if line]
        return Sentences(
            _arrays(self.folder / SENTENCES), [(piece, float(score)) for piece, score in pieces]
        )

    @cached_property
    def transformer(self) -> Transformer:
        """The fine-tuned transformer."""
        return transformer(self.folder)


def _one_thread() -> None:
    """Matrices this small are no quicker on several cores, and processes share the work (see `filter`): each
    calculates on one, however it was started.
    """
    threadpoolctl.threadpool_limits(1, user_api="blas")


def _version(files: dict[str, bytes]) -> str:
    """16 hex digits over all files; the card is about them and not one of them."""
    digest = hashlib.sha256()
    for name, raw in files.items():
        digest.update(f"{name}\0{len(raw)}\0".encode() + raw)
    return digest.hexdigest()[:16]


def _arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def transformer(folder: Path) -> Transformer:
    """The transformer in a folder."""
    pieces = (folder / VOCABULARY).read_text("utf-8").split("\n")
    return Transformer(_arrays(folder / TRANSFORMER), [piece for piece in pieces if piece])


def table(path: Path) -> Table:
    """The fast classifier's table in a file."""
    stored = _arrays(path)
    return Table(
        places=np.cumsum(stored["steps"], dtype=np.uint64).astype(np.uint32),
        weights=stored["weights"].astype(np.int8),
        counts=stored["counts"].astype(np.uint8),
        step=float(stored["step"]),
        scale=stored["scale"].astype(np.float32),
        base=stored["base"].astype(np.float32),
    )
