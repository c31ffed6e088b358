"""Refitting the models in force on decisions: a correction of the words, then how much each stage counts.

Everything starts from what is there and is pulled back to it: with few decisions little changes. Seconds, in numpy
and scipy; the dear models are read, not trained.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tocsin.screen import language, models
from tocsin.screen.blending import Blend, Votes
from tocsin.screen.building.fast import _matrices, _normed
from tocsin.screen.cascade import plainly
from tocsin.screen.classifier import Table
from tocsin.screen.engine import Engine
from tocsin.screen.learning import Forgotten
from tocsin.screen.models import Models

_PULL_WORDS = 2.0
_PULL_VOTES = 4.0
_SEEN = 3  # texts a word must be in to be learned anew
Floats = NDArray[np.float32]
Wide = NDArray[np.float64]


@dataclass(slots=True)
class Read:
    """What the stages in force say of some texts. `stages`: log-odds; the last is only of `english` ones."""

    folded: list[bytes]
    signs: Floats
    stages: list[Floats]
    german: NDArray[np.bool_]
    english: NDArray[np.bool_]

    def chances(self, blend: Blend) -> Wide:
        """Each text's chance as deep as it can be read."""
        out = np.zeros(len(self.folded), np.float64)
        for depth in range(1, len(self.stages) + 1):
            use = self.english if depth == 3 else np.ones(len(out), bool)
            if use.any():
                said = [stage[use] for stage in self.stages[:depth]]
                out[use] = blend.chance(self.signs[use], said, self.german[use])
        return out


def read(engine: Engine, of: Models, texts: Sequence[str]) -> Read:
    """Read texts by every stage."""
    folded, findings = engine.look(texts)
    told = [language.language(text) for text in texts]
    english = np.array([code in ("en", "") for code in told], bool)
    plain = [plainly(text) for text in texts]
    stages: list[Floats] = [of.fast.look(folded)[0]]
    if of.has_sentences:
        stages.append(of.sentences.scores(plain))
    if of.has_transformer:
        chosen = [text for text, yes in zip(plain, english, strict=True) if yes]
        last = np.zeros((len(texts), 2), np.float32)
        if chosen:
            last[english] = of.transformer.scores(chosen)[:, :2]
        stages.append(last)
    signs = np.array([f.score if f else 0 for f in findings], np.float32)
    return Read(list(folded), signs, stages, np.array([c == "de" for c in told], bool), english)


def refit(
    of: Models, said: Read, wanted: NDArray[np.bool_], forgotten: Sequence[Forgotten], into: Path
) -> Models:
    """Write refitted models to a new folder `into` and load them. Raises: OSError; BadModels."""
    table = models.table(of.folder / models.FAST)
    weight = float(np.mean([votes.stages[0] for votes in of.blend.threat]))
    words = _Words(table, said.folded)
    before = _odds(said.chances(of.blend))
    shift = words.crossed(before, wanted) / weight
    unseen = Read(
        said.folded,
        said.signs,
        [_moved(said.stages[0], shift), *said.stages[1:]],
        said.german,
        said.english,
    )
    blend = _blend(of.blend, unseen, wanted, forgotten)
    corrected = words.corrected(words.fit(before, wanted, np.ones(len(wanted), bool)) / weight)
    into.mkdir(parents=True)
    for name in (models.SENTENCES, models.PIECES, models.TRANSFORMER, models.VOCABULARY):
        if (of.folder / name).is_file():
            shutil.copyfile(of.folder / name, into / name)
    np.savez_compressed(into / models.FAST, **corrected)  # type: ignore[arg-type]
    (into / models.BLEND).write_bytes(msgspec.json.encode(blend))
    return Models(into)


class _Words:
    """The correction of the fast classifier's table, for the head of threats."""

    def __init__(self, table: Table, folded: Sequence[bytes]) -> None:
        self.table = table
        words, runs = _matrices(folded)
        self.rarity = np.zeros(words.shape[1], np.float32)
        known = np.sqrt(table.counts.astype(np.float32) * table.step)
        self.rarity[table.places] = known
        seen = np.asarray((words > 0).sum(0) + (runs > 0).sum(0)).ravel()
        fresh = (seen >= _SEEN) & (self.rarity == 0)
        self.rarity[fresh] = np.median(known)
        self.used = np.flatnonzero((seen > 0) & (self.rarity > 0))
        both = _normed(words, self.rarity) + _normed(runs, self.rarity)
        self.matrix: Any = both.tocsr()[:, self.used]

    def fit(self, offset: Wide, wanted: NDArray[np.bool_], use: NDArray[np.bool_]) -> Wide:
        """What the words add to what all stages know: ridge logistic regression with an offset."""
        from scipy.optimize import minimize  # noqa: PLC0415

        matrix, given, truth = self.matrix[use], offset[use], wanted[use].astype(np.float64)

        def loss(found: Wide) -> tuple[float, Wide]:
            odds = given + matrix @ found[:-1] + found[-1]
            miss = 1 / (1 + np.exp(-odds)) - truth
            value = (
                np.logaddexp(0, odds).sum()
                - truth @ odds
                + _PULL_WORDS / 2 * (found[:-1] @ found[:-1])
            )
            return float(value), np.append(matrix.T @ miss + _PULL_WORDS * found[:-1], miss.sum())

        start = np.zeros(len(self.used) + 1)
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 100})
        return np.asarray(found.x[:-1])  # the base rate of decisions is not that of the stream

    def crossed(self, offset: Wide, wanted: NDArray[np.bool_]) -> Wide:
        """What the words add to each text, learned from the other half: no text speaks for itself."""
        half = np.arange(len(wanted)) % 2 == 0
        out = np.zeros(len(wanted))
        for learned in (half, ~half):
            out[~learned] = self.matrix[~learned] @ self.fit(offset, wanted, learned)
        return out

    def corrected(self, added: Wide) -> dict[str, NDArray[np.generic]]:
        """The table with the correction, as arrays to store."""
        old = self.table
        places = np.union1d(old.places, self.used)
        weights = np.zeros((len(places), 2), np.float32)
        weights[np.searchsorted(places, old.places)] = old.weights * old.scale
        weights[np.searchsorted(places, self.used), 0] += added * self.rarity[self.used]
        counts = np.maximum(1, np.rint(self.rarity[places] ** 2 / old.step)).clip(max=255)
        counts[np.searchsorted(places, old.places)] = old.counts
        scale = np.abs(weights).max(0) / 127
        return {
            "steps": np.diff(places, prepend=0).astype(np.uint32),
            "weights": np.rint(weights / scale).astype(np.int8),
            "counts": counts.astype(np.uint8),
            "step": np.array(old.step),
            "scale": scale.astype(np.float32),
            "base": old.base,
        }


def _moved(stage: Floats, shift: Wide) -> Floats:
    out = stage.copy()
    out[:, 0] += shift
    return out


def _blend(
    old: Blend, said: Read, wanted: NDArray[np.bool_], forgotten: Sequence[Forgotten]
) -> Blend:
    """How much each stage counts, depth by depth; depths without a stage, and German, stay as they are."""
    threat, incident = list(old.threat), list(old.incident)
    for depth in range(1, len(said.stages) + 1):
        use = said.english if depth == 3 else ~said.german
        if use.any():
            missed = np.array([f.chance / 1000 for f in forgotten if f.depth == depth])
            found = _depth(old, depth, said, use, wanted[use], _odds(missed))
            threat[depth - 1], incident[depth - 1] = found
    return msgspec.structs.replace(old, threat=tuple(threat), incident=tuple(incident))


def _depth(
    old: Blend,
    depth: int,
    said: Read,
    use: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
    missed: Wide,
) -> tuple[Votes, Votes]:
    from scipy.optimize import minimize  # noqa: PLC0415

    at = depth - 1
    signs, stages = said.signs[use], [stage[use] for stage in said.stages[:depth]]
    nobody = np.zeros(len(signs), bool)
    start = np.array([*_flat(old.threat[at]), *_flat(old.incident[at])])
    size = len(start) // 2

    def loss(found: Wide) -> float:
        threat, incident = list(old.threat), list(old.incident)
        threat[at], incident[at] = (
            _votes(threat[at], found[:size]),
            _votes(incident[at], found[size:]),
        )
        tried = msgspec.structs.replace(old, threat=tuple(threat), incident=tuple(incident))
        told = np.clip(tried.chance(signs, stages, nobody).astype(np.float64), 1e-5, 1 - 1e-5)
        value = -np.where(wanted, np.log(told), np.log(1 - told)).sum()
        value += np.logaddexp(
            0, missed + found[0] - start[0]
        ).sum()  # forgotten ones did not matter
        return float(value + _PULL_VOTES / 2 * ((found - start) ** 2).sum())

    # Votes of a stage, and of the indicators, never count against.
    one = [(None, None), *[(0.0, None)] * (1 + depth)]
    options = {
        "maxiter": 40,
        "eps": 1e-3,
    }  # chances are of single precision: a finer step sees nothing
    found = minimize(loss, start, method="L-BFGS-B", bounds=one * 2, options=options).x
    return _votes(old.threat[at], found[:size]), _votes(old.incident[at], found[size:])


def _flat(votes: Votes) -> list[float]:
    return [votes.bias, votes.indicators, *votes.stages]


def _votes(of: Votes, flat: Wide) -> Votes:
    bias, indicators, *stages = (float(value) for value in flat)
    return msgspec.structs.replace(of, bias=bias, indicators=indicators, stages=tuple(stages))


def _odds(chances: Wide) -> Wide:
    told = np.clip(chances.astype(np.float64), 1e-4, 1 - 1e-4)
    return np.asarray(np.log(told / (1 - told)))
