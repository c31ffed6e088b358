"""Proving a catalogue: every example it carries must come true."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tocsin.screen import normalise
from tocsin.screen.engine import Engine


def check(engine: Engine) -> list[str]:
    """Every example of the catalogue that does not come true, as sentences; an empty list means all
    do.
    """
    return [*_broken_indicators(engine), *_broken_contexts(engine), *_broken_cases(engine)]


def _broken_indicators(engine: Engine) -> Iterable[str]:
    for index, rule in enumerate(engine.catalogue.indicators):
        for text in rule.body.must:
            if index not in engine.counting(text):
                yield f"{rule.ref} must count in: {text}"
        for text in rule.body.must_not:
            if index in engine.counting(text):
                yield f"{rule.ref} must not count in: {text}"


def _broken_contexts(engine: Engine) -> Iterable[str]:
    for rule in engine.catalogue.contexts:
        places = [re.compile(text, re.ASCII) for text in rule.expressions]
        for text in rule.body.must + rule.body.must_not:
            matches = any(place.search(normalise.plain(text).text) for place in places)
            if matches != (text in rule.body.must):
                wanted = "match" if text in rule.body.must else "not match"
                yield f"{rule.ref} must {wanted}: {text}"


def _broken_cases(engine: Engine) -> Iterable[str]:
    for case, verdict in zip(
        engine.catalogue.cases,
        engine.screen([case.text for case in engine.catalogue.cases]),
        strict=True,
    ):
        score = verdict.score if verdict else 0
        if case.flagged != (verdict is not None) or score < case.least:
            wanted = f"flagged with at least {case.least}" if case.flagged else "left alone"
            because = f" because of {', '.join(verdict.indicators)}" if verdict else ""
            yield f"case must be {wanted}, but scores {score}{because}: {case.text}"
