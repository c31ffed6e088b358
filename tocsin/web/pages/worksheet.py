"""The worksheet as a form: what is offered, what was typed, what is recommended."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from tocsin.assess import rules
from tocsin.assess.behaviours import BEHAVIOURS
from tocsin.assess.terms import (
    CREDIBILITY,
    LIKELIHOODS,
    SPEECH,
    Confidence,
    Disposition,
    Specific,
    Speech,
    Worksheet,
)
from tocsin.collect.models import Report
from tocsin.collect.terms import Reliability

_TEXTS = (
    "speech",
    "facts",
    "reliability",
    "credibility",
    "likelihood",
    "likelihood_percent",
    "confidence",
    "basis",
    "disposition",
    "reason",
    "departure",
    "situation",
    "advised",
)
_SPECIFIC_KEYS = ("a", "s", "d", "f")
_DISPOSITIONS = (
    (Disposition.REPORT, "r"),
    (Disposition.NO_REPORT, "x"),
    (Disposition.NEEDS_MORE, "m"),
)


def offered() -> dict[str, Any]:
    """Every choice of the worksheet, with its key where it has one."""
    return {
        "speeches": [(s.value, k.title, k.plain, n) for n, (s, k) in enumerate(SPEECH.items(), 1)],
        "specifics_offered": [
            (s.value, s.plain, key) for s, key in zip(Specific, _SPECIFIC_KEYS, strict=True)
        ],
        "criminal": [b for b in BEHAVIOURS.values() if not b.needs_facts],
        "with_facts": [b for b in BEHAVIOURS.values() if b.needs_facts],
        "reliabilities": [(r.value, r.plain) for r in Reliability],
        "credibilities": [(str(n), plain) for n, plain in CREDIBILITY.items()],
        "likelihoods": [
            (term.value, f"{row.likelihood} ({row.low}–{row.high} %)")
            for term, row in LIKELIHOODS.items()
        ],
        "confidences": [c.value for c in Confidence],
        "dispositions": [(d.value, d.plain, key) for d, key in _DISPOSITIONS],
    }


def blank(report: Report) -> dict[str, Any]:
    """An empty worksheet; the reliability is the source's."""
    empty = dict.fromkeys(_TEXTS, "")
    chosen = {"reliability": report.reliability, "credibility": "6"}
    return {**empty, **chosen, "specifics": [], "behaviours": [], "errors": {}, **offered()}


def read(post: QueryDict) -> dict[str, Any]:
    """What was typed, as typed."""
    typed: dict[str, Any] = {name: post.get(name, "").strip() for name in _TEXTS}
    typed |= {name: post.getlist(name) for name in ("specifics", "behaviours")}
    return {**typed, "errors": {}, **offered()}


def made(typed: dict[str, Any]) -> Worksheet:
    """The worksheet that was typed. Raises: Invalid naming the field."""
    fields = {name: typed[name] for name in (*_TEXTS, "specifics", "behaviours") if typed[name]}
    for name in ("situation", "advised"):
        fields.pop(name, None)
    return rules.convert({"reason": "", **fields})


def advised(typed: dict[str, Any]) -> dict[str, Any]:
    """What was typed, with the rules' recommendation; it is chosen where the person chose nothing.

    `advised` is what an earlier recommendation chose: it counts as no choice of the person's.
    """
    try:
        speech = Speech(typed["speech"])
    except ValueError:
        return typed
    named = [Specific(s) for s in typed["specifics"] if s in set(Specific)]
    found = rules.recommend(speech, named, typed["behaviours"], typed["facts"])
    chosen = "" if typed["disposition"] == typed["advised"] else typed["disposition"]
    return {
        **typed,
        "recommended": found,
        "disposition": chosen or found.disposition.value,
        "advised": "" if chosen else found.disposition.value,
        "departs": chosen not in ("", found.disposition.value),
    }
