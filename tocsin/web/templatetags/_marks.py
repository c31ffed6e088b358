"""Reports with the words that caused the flag marked, and the numbered reasons beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of text, in characters, with the reasons it was flagged for."""

    start: int
    end: int
    labels: tuple[str, ...]


def merge(spans: Iterable[Any], length: int) -> list[Mark]:
    """Spans in order, cut to the text, overlapping ones made one with all their labels.

    A span is a `(start, end, label)` tuple, a mapping or an object with those names; an empty or
    inverted one is left out.
    """
    found = sorted((_read(s, length) for s in spans), key=lambda m: (m.start, m.end))
    merged: list[Mark] = []
    for mark in found:
        if mark.start >= mark.end:
            continue
        if merged and mark.start < merged[-1].end:
            last = merged.pop()
            labels = tuple(dict.fromkeys(last.labels + mark.labels))
            mark = Mark(last.start, max(last.end, mark.end), labels)
        merged.append(mark)
    return merged


def numbers(marks: Iterable[Mark]) -> dict[str, int]:
    """Each label's number, in the order of the text."""
    labels = dict.fromkeys(label for mark in marks for label in mark.labels if label)
    return {label: n for n, label in enumerate(labels, start=1)}


def marked(text: str, spans: Iterable[Any]) -> SafeString:
    """The text, escaped, each span in a `<mark>` with its reasons as title and as small numbers."""
    marks = merge(spans, len(text))
    number = numbers(marks)
    parts: list[str] = []  # plain parts are escaped by the join, marks are safe already
    at = 0
    for mark in marks:
        parts.append(text[at : mark.start])
        parts.append(_wrap(text[mark.start : mark.end], mark.labels, number))
        at = mark.end
    parts.append(text[at:])
    return format_html_join("", "{}", ((part,) for part in parts))


def reasons(text: str, spans: Iterable[Any]) -> SafeString:
    """The numbered list that belongs to `marked`, so that nothing needs a pointer to be read."""
    number = numbers(merge(spans, len(text)))
    if not number:
        return mark_safe("")
    items = format_html_join("", "<li>{}</li>", ((label,) for label in number))
    return format_html('<ol class="reasons">{}</ol>', items)


def _wrap(words: str, labels: tuple[str, ...], number: dict[str, int]) -> str:
    named = [label for label in labels if label]
    if not named:
        return format_html("<mark>{}</mark>", words)
    return format_html(
        '<mark title="{}">{}<sup aria-hidden="true">{}</sup>'
        '<span class="unseen"> ({})</span></mark>',
        "; ".join(named),
        words,
        ",".join(str(number[label]) for label in named),
        "; ".join(named),
    )


def _read(span: Any, length: int) -> Mark:
    if isinstance(span, Mapping):
        start, end, label = span["start"], span["end"], span.get("label", "")
    elif isinstance(span, tuple | list):
        start, end, *rest = span
        label = rest[0] if rest else ""
    else:
        start, end, label = span.start, span.end, getattr(span, "label", "")
    return Mark(max(0, int(start)), min(length, int(end)), (str(label),))
