"""The indicators' part of the engine: which of the catalogue's signs a text shows, where, and how many.

How a text is read, cheapest step first, because nearly all texts stop at step 2:

1. fold it (plain view) and let Hyperscan look for every pattern of the catalogue at once;
2. nothing found, or nothing that could reach the flagging score: no verdict;
3. only if it shows a spelling trick: fold it again with the trick undone, and look again;
4. find the exact places with Python's `re`, void what context voids, lower what it lowers, score.

Step 1 may report too much, never too little (see `prefilter`); step 4 decides. `cascade` adds what
the models make of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from tocsin.screen import indicators, normalise, rules
from tocsin.screen.indicators import Catalogue, Context, Indicator, Rule
from tocsin.screen.masking import masked
from tocsin.screen.normalise import View
from tocsin.screen.prefilter import Prefilter
from tocsin.screen.terms import Priority, Span, Verdict

LONGEST_TEXT = 100_000  # characters looked at; a post is a few hundred, and cost must stay bounded
_MOST_SPANS = 20  # per indicator and text: enough to highlight
Places = dict[int, set[tuple[int, int]]]  # rule index → spans in the original


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
        self._places: dict[int, list[re.Pattern[str]]] = {}  # compiled when first needed
        self._owner = [index for index, rule in enumerate(self._rules) for _ in rule.expressions]
        self._trick = len(self._owner)
        expressions = [text for rule in self._rules for text in rule.expressions]
        names = [self._rules[index].ref for index in self._owner] + ["spelling tricks"] * len(
            normalise.TRICKS
        )
        self.prefilter = Prefilter([*expressions, *normalise.TRICKS], names)
        self._scan = self.prefilter.scan
        self._hits: list[int] = []
        self._lock = Lock()

    @classmethod
    def load(cls, folder: Path | None = None) -> Engine:
        """Compile the catalogue in `folder` (the bundled one by default): about 3 s of CPU.

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
        folded: list[bytes] = []
        findings: list[Finding | None] = []
        hits, plain, scan, hit = self._hits, normalise.plain, self._scan, self._hit
        with self._lock:
            for whole in texts:
                text = whole if len(whole) <= LONGEST_TEXT else whole[:LONGEST_TEXT]
                view = plain(text)
                raw = view.text.encode()
                folded.append(raw)
                hits.clear()
                scan(raw, hit)
                findings.append(self._finding(self._views(view)) if hits else None)
        return folded, findings

    def counting(self, text: str) -> set[int]:
        """Indexes into `catalogue.indicators` of those that count in a text, whatever its score:
        for checking them.
        """
        with self._lock:
            return self._weighed(self._found(self._scanned(text[:LONGEST_TEXT])))[0]

    def _scanned(self, text: str) -> list[tuple[View, set[int]]]:
        view = normalise.plain(text)
        self._hits.clear()
        self._scan(view.text.encode(), self._hit)
        return self._views(view)

    def _views(self, view: View) -> list[tuple[View, set[int]]]:
        """The views of a text that was just scanned in its plain one, each with the rules that may
        match there.
        """
        hits = self._hits
        if not hits:
            return []
        views = [(view, self._candidates())]
        if max(hits) >= self._trick:
            for other in normalise.tricked(view):
                hits.clear()
                self._scan(other.text.encode(), self._hit)
                views.append((other, self._candidates()))
        return views

    def _hit(self, expression: int, _start: int, _end: int, _flags: int, _context: object) -> None:
        self._hits.append(expression)

    def _candidates(self) -> set[int]:
        """Indexes of the rules that may match; the signs of spelling tricks are not rules."""
        return {self._owner[hit] for hit in self._hits if hit < self._trick}

    def _finding(self, views: list[tuple[View, set[int]]]) -> Finding | None:
        possible = set[int]().union(*(candidates for _, candidates in views))
        if self._score(possible, ()) < rules.FLAGGED_FROM:
            return None
        places = self._found(views)
        counted, contexts = self._weighed(places)
        if not counted:
            return None
        order = sorted(counted, key=lambda index: (-self._weight(index), self._rules[index].ref))
        score = self._score(counted, contexts)
        return Finding(score, tuple(order), tuple(contexts), places)

    def scan_only(self, texts: Sequence[str]) -> int:
        """Fold and scan and look no further: the least that any screening costs, for measuring. How
        many texts may hold something.
        """
        found = 0
        with self._lock:
            for text in texts:
                self._hits.clear()
                self._scan(normalise.plain(text).text.encode(), self._hit)
                found += bool(self._hits)
        return found

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

    def _found(self, views: list[tuple[View, set[int]]]) -> Places:
        """Where each rule matches, in the original text."""
        places: Places = {}
        for view, candidates in views:
            for index in candidates:
                for start, end in self._matches(view, index):
                    places.setdefault(index, set()).add(view.span(start, end))
        return places

    def _matches(self, view: View, index: int) -> Iterable[tuple[int, int]]:
        count = 0
        if index not in self._places:
            expressions = self._rules[index].expressions
            self._places[index] = [re.compile(text, re.ASCII) for text in expressions]
        for place in self._places[index]:
            for match in place.finditer(view.text):
                yield _trimmed(view.text, *match.span())
                count += 1
                if count >= _MOST_SPANS:
                    return

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
