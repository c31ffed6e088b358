"""One chance from what several stages said: the sum of their votes, on one scale whatever the depth.

For each depth the weights were fitted on texts that no stage had learned from (`building.blend`), so
that a chance of 300 means the same whether a text was read by the first stage or by all.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_ABOUT = 3  # the multilingual model's head for attacks and disasters


class Votes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much each stage's log-odds count for one head at one depth.

    `indicators` is what an indicator score of 1000 adds. `stages`: one weight a stage, the fast
    classifier first; `other`: what each stage's other head counts, in models of earlier releases.
    """

    bias: float
    indicators: float
    stages: tuple[float, ...]
    other: tuple[float, ...] = ()


class Blend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Per depth (1, 2, 3) the votes for the heads threat and incident; `german`: those for threats in
    German texts, which the transformer does not read.

    `about`: scale and shift that turn what the multilingual model says of a text's subject into the
    chance that it is about an attack or a disaster. Such a text is asked whether it is urgent word of
    one, any other whether it is a threat, and those between are asked both. `lift`: log-odds added to an
    incident's chance where the subject is known.
    """

    threat: tuple[Votes, Votes, Votes]
    incident: tuple[Votes, Votes, Votes]
    german: tuple[Votes, Votes]
    lift: float
    about: tuple[float, float] = (1.0, 3.0)

    def chance(
        self, indicators: Floats, stages: Sequence[Floats], german: NDArray[np.bool_]
    ) -> Floats:
        """Chances 0..1 of texts that all stages given have read. `indicators`: scores 0..1000;
        `stages`: log-odds, texts x heads, of each; the multilingual model has a third head, for
        texts that are `german`, and a fourth that says what a text is about.
        """
        depth = len(stages) - 1
        said = [stage[:, :2] for stage in stages]
        threat = _vote(self.threat[depth], indicators, said, 0)
        if depth < len(self.german) and german.any():
            own = [stage[german][:, [2 if stage.shape[1] > 2 else 0, 1]] for stage in stages]
            threat[german] = _vote(self.german[depth], indicators[german], own, 0)
        incident = _vote(self.incident[depth], indicators, said, 1, self.lift if depth else 0.0)
        if depth and stages[1].shape[1] > _ABOUT:
            scale, shift = self.about
            about = _chance(np.float32(scale) * stages[1][:, _ABOUT] + np.float32(shift))
            about[german] = 0  # learned from English texts alone
            threat, incident = threat * (1 - about), incident * about
        out: Floats = 1 - (1 - threat) * (1 - incident)
        return out


def _vote(
    votes: Votes, indicators: Floats, stages: Sequence[Floats], head: int, lift: float = 0.0
) -> Floats:
    total = votes.bias + lift + np.float32(votes.indicators / 1000) * indicators
    for weight, stage in zip(votes.stages, stages, strict=True):
        total = total + np.float32(weight) * stage[:, head]
    for other, stage in zip(votes.other, stages, strict=False):
        total = total + np.float32(other) * stage[:, 1 - head]
    return _chance(total)


def _chance(odds: Floats) -> Floats:
    out: Floats = (1 / (1 + np.exp(-np.clip(odds, -30, 30)))).astype(np.float32)
    return out
