"""Words of estimation in running text: which terms of likelihood and confidence a sentence holds."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from tocsin.assess.terms import LIKELIHOODS, Confidence, Likelihood

ROWS: Final = (
    tuple(term.likelihood for term in LIKELIHOODS.values()),
    tuple(term.probability for term in LIKELIHOODS.values()),
)
"""The two rows of equal terms of the standard; a document keeps to one of them."""
ROW_OF: Final = MappingProxyType({term: row for row, terms in enumerate(ROWS) for term in terms})
STEP_OF: Final = MappingProxyType(
    {word: step for step, t in LIKELIHOODS.items() for word in (t.likelihood, t.probability)}
)
LEVELS: Final = tuple(level.value for level in Confidence)


def percent(term: str) -> str:
    """The range of a term, as `55–80 %`; '' for a word that is no term."""
    step: Likelihood | None = STEP_OF.get(term)
    return f"{LIKELIHOODS[step].low}–{LIKELIHOODS[step].high} %" if step else ""


# Adverbs are the same step; the longest is found first, so "unlikely" is never read as "likely".
_SAME = {"probably": "probable", "improbably": "improbable", "almost certainly": "almost certain"}
_SAME["highly likely"] = "very likely"
_SAME["highly unlikely"] = "very unlikely"
_WORDS = sorted([*ROW_OF, *_SAME], key=len, reverse=True)
_LIKELIHOOD = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, _WORDS)) + r")(?!\w)", re.I)
_CONFIDENCE = re.compile(
    r"(?<!\w)(?:(?:low|moderate|medium|high)(?:[- ](?:to|or)[- ]\w+)?[- ]confidence|confiden(?:t|ce|tly))(?!\w)",
    re.I,
)
_OFF_SCALE = re.compile(
    r"(?<!\w)(?:may(?! \d)|might|could|possib(?:le|ly)|perhaps|conceivabl[ey]|plausibl[ey]|potentially"
    r"|cannot (?:be )?rule[d]? out|can't rule out|chances are|good chance|fair chance|doubtful|presumably"
    r"|surely|certainly|definitely|undoubtedly|appears? to|seems? to|suggests? that)(?!\w)",
    re.I,
)
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?=\d)[^.!?\n]*)*[.!?]?")


def sentences(text: str) -> list[str]:
    """The sentences of a text, roughly: what lies between full stops, marks and line ends."""
    return [s for m in _SENTENCE.finditer(text) if (s := m.group().strip())]


def likelihoods(text: str) -> list[str]:
    """The terms of the scale in a text, in order, each as the scale spells it."""
    found = (m.group().lower() for m in _LIKELIHOOD.finditer(text))
    return [_SAME.get(word, word) for word in found]


def confidences(text: str) -> list[str]:
    """The words of confidence in a text, as written."""
    return [m.group() for m in _CONFIDENCE.finditer(text)]


def off_scale(text: str) -> list[str]:
    """Words of likelihood that stand on no step of the scale, as written (`may`, `possible`…)."""
    bare = _LIKELIHOOD.sub(" ", text)
    return [m.group() for m in _OFF_SCALE.finditer(bare)]
