"""The cascade: cheap stages read every text, dear ones what is left, and one verdict comes out.

1. Every text: folded, its indicators found (`engine`), its words weighed (`classifier`).
2. The likeliest: read by the multilingual model (`sentences`).
3. The likeliest of those in English: read by the fine-tuned transformer (`transformer`).

How many go on is the caller's `Reach`. Each stage is a pure function over a batch. A text is flagged
when its indicators say so or the models' chance passes the line; the score is the higher of both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tocsin.screen import language, normalise, rules
from tocsin.screen.engine import LONGEST_TEXT, Engine, Finding
from tocsin.screen.indicators import Catalogue
from tocsin.screen.masking import masked
from tocsin.screen.models import Models
from tocsin.screen.reach import EVERYTHING, Reach
from tocsin.screen.terms import Priority, Span, Stage, Verdict

READ = 600  # characters that the dear stages look at
_FAMILIAR = 0.5  # share of known words from which a text is taken to be in a language we know
_LIKELY = 0.15  # chance from which a language is worth looking up: it costs more than the words
_THREAT, _INCIDENT = 0, 1
_NAMES = ("reads-as-a-threat", "reads-as-word-of-an-attack")
_WHY = (
    "The models read it as a threat, a plan to harm or a call to violence{words}.",
    "The models read it as urgent word of an attack or a disaster{words}.",
)
_HANDLE = re.compile(r"@\w+|\[USER\]|<user>", re.IGNORECASE)
_LINK = re.compile(r"https?://\S+|\[URL\]|www\.\S+|\bhttp\b", re.IGNORECASE)
_REPEATED = re.compile(r"^\s*rt\s+(@user)?\s*:\s*", re.IGNORECASE)
Floats = NDArray[np.float32]


class Readings(NamedTuple):
    """What became of a batch, one of each per text in the same order.

    `chances` 0..1; `depths` 1..3 (see `Stage`); `languages` only where somebody looked; `unlearned`:
    in a language the models have not learned.
    """

    chances: Floats
    depths: NDArray[np.int8]
    findings: list[Finding | None]
    languages: dict[int, str]
    unlearned: frozenset[int]
    leaning: NDArray[np.int8]

    @property
    def scores(self) -> NDArray[np.int64]:
        """0..1000: the higher of what the indicators and the models say."""
        signs = np.array([finding.score if finding else 0 for finding in self.findings], np.int64)
        chances: NDArray[np.int64] = np.rint(1000 * self.chances.astype(np.float64)).astype(
            np.int64
        )
        return np.maximum(signs, chances)


class Cascade:
    """Screens texts with one version of the catalogue and one of the models. Keeps nothing of them.

    May be shared between threads.
    """

    def __init__(self, engine: Engine, models: Models) -> None:
        self.engine = engine
        self.models = models

    @classmethod
    def load(cls, catalogue: Path | None = None, models: Path | None = None) -> Cascade:
        """Compile the catalogue and load the models (those that ship by default).

        Raises: BadCatalogue; BadModels.
        """
        return cls(Engine.load(catalogue), Models.load(models))

    @property
    def catalogue(self) -> Catalogue:
        return self.engine.catalogue

    @property
    def version(self) -> str:
        """The version of the catalogue."""
        return self.engine.version

    def screen(
        self,
        texts: Sequence[str],
        reach: Reach = EVERYTHING,
        *,
        line: int = rules.FLAGGED_FROM,
    ) -> list[Verdict | None]:
        """One verdict per text in the same order; None where nothing deserves a person's eye.

        `line`: the score from which a text is flagged on the models' word alone.
        """
        readings = self.read(texts, reach)
        flagged = (readings.scores >= line).nonzero()[0].tolist()
        found: list[Verdict | None] = [None] * len(texts)
        for at, verdict in zip(flagged, self.verdicts(texts, readings, flagged), strict=True):
            found[at] = verdict
        return found

    def read(self, texts: Sequence[str], reach: Reach = EVERYTHING) -> Readings:
        """Read a batch as deep as `reach` allows."""
        folded, findings = self.engine.look(texts)
        fast, known = self.models.fast.look(folded)
        count = len(texts)
        signs = np.array([f.score if f else 0 for f in findings], np.float32)
        chances = (
            self.models.blend.chance(signs, [fast], np.zeros(count, bool))
            if count
            else np.zeros(0, np.float32)
        )
        depths = np.ones(count, np.int8)
        leaning = np.argmax(fast, 1).astype(np.int8) if count else np.zeros(0, np.int8)
        looked = np.flatnonzero((known < _FAMILIAR) | (chances > _LIKELY))
        languages = {at: language.language(texts[at]) for at in map(int, looked)}
        stages: list[Floats] = [fast]
        if reach.sentences and self.models.has_sentences:
            chosen = _likeliest(chances, reach.sentences)
            for at in map(int, chosen):
                if at not in languages:
                    languages[at] = language.language(texts[at])
            german = np.array([languages.get(at) == "de" for at in range(count)], bool)
            said = self.models.sentences.scores([plainly(texts[at]) for at in chosen])
            stages.append(_spread(said, chosen, count))
            self._deeper(stages, signs, chosen, german, chances, depths)
        if len(stages) > 1 and reach.transformer and self.models.has_transformer:
            english = np.array([languages.get(int(at), "en") in ("en", "") for at in chosen], bool)
            readable = chosen[english]
            final = readable[_likeliest(chances[readable], reach.transformer, of=count)]
            said = self.models.transformer.scores([plainly(texts[at]) for at in final])
            stages.append(_spread(said, final, count))
            self._deeper(stages, signs, final, german, chances, depths)
        foreign = {at for at, code in languages.items() if code and code not in language.LEARNED}
        followed = {at for at in foreign if depths[at] > 1 and languages[at] in language.FOLLOWED}
        return Readings(
            chances, depths, findings, languages, frozenset(foreign - followed), leaning
        )

    def _deeper(
        self,
        stages: list[Floats],
        signs: Floats,
        chosen: NDArray[np.int64],
        german: NDArray[np.bool_],
        chances: Floats,
        depths: NDArray[np.int8],
    ) -> None:
        """Put in the chances of the texts that a further stage has read."""
        chances[chosen] = self.models.blend.chance(
            signs[chosen], [stage[chosen] for stage in stages], german[chosen]
        )
        depths[chosen] = len(stages)

    def score(self, readings: Readings, at: int) -> int:
        """0..1000: the higher of what the indicators and the models say."""
        finding = readings.findings[at]
        return max(finding.score if finding else 0, round(1000 * float(readings.chances[at])))

    def verdict(self, text: str, readings: Readings, at: int) -> Verdict:
        """The verdict on one text of a batch, whatever its score."""
        return self._verdict(
            text, readings, at, self._words([text], [int(readings.leaning[at])])[0]
        )

    def verdicts(
        self, texts: Sequence[str], readings: Readings, chosen: Sequence[int]
    ) -> list[Verdict]:
        """The verdicts on some texts of a batch, whatever their scores: cheaper than one by one."""
        words = self._words(
            [texts[at] for at in chosen], [int(readings.leaning[at]) for at in chosen]
        )
        return [
            self._verdict(texts[at], readings, at, told)
            for at, told in zip(chosen, words, strict=True)
        ]

    def _verdict(self, text: str, readings: Readings, at: int, words: tuple[str, ...]) -> Verdict:
        text = text[:LONGEST_TEXT]
        finding = readings.findings[at]
        chance = round(1000 * float(readings.chances[at]))
        head = int(readings.leaning[at])
        if finding is None or not finding.counted:
            verdict = self._by_models(text, head, words)
        else:
            verdict = self.engine.verdict(text, finding)
        words = _readable(words, verdict.masked.text)
        score = max(verdict.score, chance)
        lang = readings.languages.get(at)
        return replace(
            verdict,
            score=score,
            priority=rules.priority_of(score) or Priority.ROUTINE,
            models=self.models.version,
            chance=chance,
            stage=list(Stage)[int(readings.depths[at]) - 1],
            words=words,
            lang=language.language(text) if lang is None else lang,
            unknown_language=at in readings.unlearned,
        )

    def _words(self, texts: Sequence[str], heads: Sequence[int]) -> list[tuple[str, ...]]:
        folded = [normalise.plain(_HANDLE.sub("", text[:READ])).text for text in texts]
        return self.models.fast.strongest_of(folded, heads)

    def _by_models(self, text: str, head: int, words: tuple[str, ...]) -> Verdict:
        """A verdict without indicators: the words that weighed most are marked instead."""
        name = f"{_NAMES[head]}@{self.models.version}"
        spans = _marked(text, words, name, _NAMES[head])
        covered = masked(text, spans)
        words = _readable(words, covered.text)
        told = f"; most by the words {', '.join(words)}" if words else ""
        return Verdict(
            score=0,
            priority=Priority.ROUTINE,
            spans=spans,
            indicators=(name,),
            categories=(_NAMES[head],),
            why=(_WHY[head].format(words=told),),
            lowered_by=(),
            masked=covered,
            catalogue=self.version,
        )


def plainly(text: str) -> str:
    """A text as the dear models read it: handles and links made alike, white space squeezed."""
    text = _LINK.sub(" http ", _HANDLE.sub("@user", text[:READ]))
    return " ".join(_REPEATED.sub("", text).split())


def _likeliest(chances: Floats, per_mille: int, of: int | None = None) -> NDArray[np.int64]:
    """Where the highest chances are: so many in a thousand of `of` texts (all given, if not told),
    at least one; in order of place.
    """
    count = min(len(chances), -(-(len(chances) if of is None else of) * per_mille // 1000))
    if count >= len(chances):
        return np.arange(len(chances))
    return np.sort(np.argsort(-chances, kind="stable")[:count])


def _spread(said: Floats, chosen: NDArray[np.int64], count: int) -> Floats:
    out = np.zeros((count, said.shape[1]), np.float32)
    out[chosen] = said
    return out


def _readable(words: Sequence[str], covered: str) -> tuple[str, ...]:
    """The words that masking leaves: a reason must not tell the name that the text no longer shows."""
    left = set(normalise.plain(covered).text.split())
    return tuple(word for word in words if word in left)


def _marked(text: str, words: Sequence[str], name: str, category: str) -> tuple[Span, ...]:
    spans = []
    for word in words:
        found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE)
        if found:
            spans.append(Span(found.start(), found.end(), name, category))
    return tuple(sorted(spans, key=lambda span: (span.start, span.end)))
