"""The indicators' part of the engine: which of the catalogue's signs a text shows, where, and how many.

How a batch is read, cheapest step first, because nearly all texts stop at step 2:

1. fold every text (plain view) and look which indicators may be in it, in one pass over all (`prefilter`);
2. nothing, or nothing that could reach the flagging score: no verdict;
3. only if a text shows a spelling trick: fold it again with the trick undone, and look again;
4. find the exact places with Python's `re`, void what context voids, lower what it lowers, score.

Step 1 may report too much, never too little; step 4 decides. `cascade` adds what the models make of
the text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import count, islice
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from tocsin.screen import indicators, normalise, rules
from tocsin.screen.indicators import Catalogue, Context, Indicator, Rule
from tocsin.screen.masking import masked
from tocsin.screen.normalise import View
from tocsin.screen.prefilter import Prefilter
from tocsin.screen.terms import Priority, Span, Verdict
from tocsin.screen.tricks import Tricks

LONGEST_TEXT = 100_000  # characters looked at; a post is a few hundred, and cost must stay bounded
_MOST_SPANS = 20  # per expression and view: enough to highlight
Places = dict[int, set[tuple[int, int]]]  # rule index → spans in the original
Looked = tuple[
    View, set[int]
]  # a view of a text, and the numbers of the expressions that may match there


class Finding(NamedTuple):
    """What indicators and context say of one text: rule indexes, strongest first, and their places."""

    score: int
    counted: tuple[int, ...]
    contexts: tuple[int, ...]
    places: Places


class Engine:
    """Screens texts against one version of the catalogue.

    May be shared between threads; one batch runs at a time. Keeps nothing about the texts it
    has seen.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.version = catalogue.version
        self._rules = (*catalogue.indicators, *catalogue.contexts)
        self._expressions = [
            (index, text) for index, rule in enumerate(self._rules) for text in rule.expressions
        ]
        signs = sum(len(rule.expressions) for rule in catalogue.indicators)
        self._signs = self._prefilter(0, signs)
        self._contexts = self._prefilter(signs, len(self._expressions))
        self._first_context = signs
        self._tricks = Tricks()
        self._places: dict[int, re.Pattern[str]] = {}  # by expression; compiled when first needed
        self._lock = Lock()

    def _prefilter(self, start: int, end: int) -> Prefilter:
        """Of some expressions, numbered from 0."""
        chosen = self._expressions[start:end]
        return Prefilter([text for _, text in chosen], [self._rules[of].ref for of, _ in chosen])

    @classmethod
    def load(cls, folder: Path | None = None) -> Engine:
        """Compile the catalogue in `folder` (the bundled one by default): half a second of CPU.

        Raises: BadCatalogue, naming file, indicator, field and cure.
        """
        return cls(indicators.load(folder))

    def screen(self, texts: Sequence[str]) -> list[Verdict | None]:
        """One verdict per text in the same order; None where nothing deserves a person's eye.

        Only the first 100,000 characters of a text are looked at. Any `str` is fine, lone
        surrogates included.
        """
        _, findings = self.look(texts)
        return [
            self.verdict(text[:LONGEST_TEXT], finding)
            if finding and finding.score >= rules.FLAGGED_FROM
            else None
            for text, finding in zip(texts, findings, strict=True)
        ]

    def look(self, texts: Sequence[str]) -> tuple[list[bytes], list[Finding | None]]:
        """Each text folded, in UTF-8, and what was found in it; None where nothing could flag it."""
        texts = [text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] for text in texts]
        folded = list(map(normalise.folded, texts))
        findings: list[Finding | None] = [None] * len(texts)
        with self._lock:
            seen, tricky = self._signs.seen(folded), self._tricks.shown(folded)
            looked = {
                at: self._views(texts[at], seen.get(at, set()), tricky=at in tricky)
                for at in seen.keys() | tricky
            }
            likely = {at: views for at, views in looked.items() if self._could_flag(views)}
            for at, views in zip(likely, self._in_context(likely.values()), strict=True):
                findings[at] = self._finding(views)
        return folded, findings

    def counting(self, text: str) -> set[int]:
        """Indexes into `catalogue.indicators` of those that count in a text, whatever its score:
        for checking them.
        """
        return self._weighed(self._found(self._looked(text[:LONGEST_TEXT])))[0]

    def possible(self, text: str) -> set[str]:
        """The expressions that may match in a text or in a view of it, contexts included: for checking
        that none is missed.
        """
        views = self._looked(text[:LONGEST_TEXT])
        return {self._expressions[number][1] for _, numbers in views for number in numbers}

    def scan_only(self, texts: Sequence[str]) -> int:
        """Fold and scan and look no further: the least that any screening costs, for measuring. How
        many texts may hold something.
        """
        folded = list(map(normalise.folded, texts))
        with self._lock:
            return len(self._signs.seen(folded).keys() | self._tricks.shown(folded))

    def _looked(self, text: str) -> list[Looked]:
        folded = [normalise.folded(text)]
        with self._lock:
            seen, tricky = self._signs.seen(folded), self._tricks.shown(folded)
            views = self._views(text, seen.get(0, set()), tricky=bool(tricky))
            return self._in_context([views])[0]

    def _views(self, text: str, seen: set[int], *, tricky: bool) -> list[Looked]:
        """The views of a text, each with the indicators' expressions that may match there."""
        view = normalise.plain(text)
        views = [(view, seen)]
        if tricky:
            others = normalise.tricked(view)
            found = self._signs.seen([other.text.encode() for other in others])
            views += [(other, found.get(at, set())) for at, other in enumerate(others)]
        return views

    def _in_context(self, looked: Collection[list[Looked]]) -> list[list[Looked]]:
        """The views of several texts with the expressions of contexts put in."""
        every = [view.text.encode() for views in looked for view, _ in views]
        found = self._contexts.seen(every)
        at = count()
        return [
            [
                (view, seen | {self._first_context + number for number in found.get(next(at), ())})
                for view, seen in views
            ]
            for views in looked
        ]

    def _could_flag(self, views: list[Looked]) -> bool:
        possible = {self._expressions[number][0] for _, numbers in views for number in numbers}
        return self._score(possible, ()) >= rules.FLAGGED_FROM

    def _finding(self, views: list[Looked]) -> Finding | None:
        places = self._found(views)
        counted, contexts = self._weighed(places)
        if self._score(counted, ()) < rules.FLAGGED_FROM:
            return None
        order = sorted(counted, key=lambda index: (-self._weight(index), self._rules[index].ref))
        score = self._score(counted, contexts)
        return Finding(score, tuple(order), tuple(contexts), places)

    def verdict(self, text: str, finding: Finding) -> Verdict:
        """The verdict on a text by its indicators alone, masked."""
        order = finding.counted
        spans = self._spans(order, finding.places)
        return Verdict(
            score=finding.score,
            priority=rules.priority_of(finding.score) or Priority.ROUTINE,
            spans=spans,
            indicators=tuple(self._rules[index].ref for index in order),
            categories=tuple(dict.fromkeys(self._rules[index].category for index in order)),
            why=tuple(self._rules[index].body.why for index in order),
            lowered_by=tuple(sorted(self._rules[index].ref for index in finding.contexts)),
            masked=masked(text, spans),
            catalogue=self.version,
        )

    def _found(self, views: list[Looked]) -> Places:
        """Where each rule matches, in the original text."""
        places: Places = {}
        for view, numbers in views:
            for number in numbers:
                for start, end in self._matches(view, number):
                    places.setdefault(self._expressions[number][0], set()).add(
                        view.span(start, end)
                    )
        return places

    def _matches(self, view: View, number: int) -> Iterable[tuple[int, int]]:
        place = self._places.get(number)
        if place is None:
            place = self._places[number] = re.compile(self._expressions[number][1], re.ASCII)
        for match in islice(place.finditer(view.text), _MOST_SPANS):
            yield _trimmed(view.text, *match.span())

    def _weighed(self, places: Places) -> tuple[set[int], set[int]]:
        """Drops what context voids from `places`; returns the indicators that still count and the
        lowering contexts.
        """
        found = [(index, self._rules[index]) for index in places]
        voids = [(rule.body, places[index]) for index, rule in found if _effect(rule) == "voids"]
        counted: set[int] = set()
        for index, rule in found:
            if not isinstance(rule.body, Indicator):
                continue
            for body, around in voids:
                if _applies(body, rule.category):
                    places[index] = {span for span in places[index] if not _overlaps(span, around)}
            if places[index]:
                counted.add(index)
        return counted, {index for index, rule in found if _effect(rule) == "lowers"}

    def _weight(self, index: int) -> int:
        body = self._rules[index].body
        return body.weight if isinstance(body, Indicator) else 0

    def _score(self, counted: Iterable[int], contexts: Iterable[int]) -> int:
        strongest: dict[str, int] = {}
        for index in counted:
            category = self._rules[index].category
            strongest[category] = max(strongest.get(category, 0), self._weight(index))
        lowered: dict[str, int] = {}
        for index in contexts:
            body = self._rules[index].body
            for category in strongest:
                if isinstance(body, Context) and _applies(body, category):
                    lowered[category] = min(lowered.get(category, 1000), body.leaves)
        return rules.scored(strongest, lowered)

    def _spans(self, order: Sequence[int], places: Places) -> tuple[Span, ...]:
        spans = [
            Span(start, end, self._rules[index].ref, self._rules[index].category)
            for index in order
            for start, end in places[index]
        ]
        return tuple(sorted(spans, key=lambda span: (span.start, span.end, span.indicator)))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The match without the punctuation around it, which only showed where it begins."""
    while start < end - 1 and not text[start].isalnum():
        start += 1
    while end > start + 1 and not text[end - 1].isalnum():
        end -= 1
    return start, end


def _effect(rule: Rule) -> str:
    return rule.body.effect if isinstance(rule.body, Context) else ""


def _applies(body: Indicator | Context, category: str) -> bool:
    return isinstance(body, Context) and (not body.on or category in body.on)


def _overlaps(span: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    return any(start < span[1] and span[0] < end for start, end in others)
