"""A warning as its reader gets it: one value, and its plain text. Pure, so every channel shows the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from tocsin.kernel.errors import Invalid
from tocsin.warn import estimates
from tocsin.warn.products import Product
from tocsin.warn.terms import Content, Judgment


@dataclass(frozen=True, slots=True)
class Document:
    """What a reader sees. `agency` and `operation` are names; times are aware; '' = not stated."""

    id: str
    series: str
    edition: int
    product: Product
    content: Content
    label: str
    precedence: str
    agency: str
    operation: str
    state: str
    released_at: datetime | None
    expires_at: datetime | None
    commitment: str
    not_reviewed: bool = False
    end_words: str = ""

    @property
    def title(self) -> str:
        return self.content.title

    @property
    def standing(self) -> str:
        """What the reader must know before reading: cancelled, replaced, expired, not reviewed yet; or ''."""
        if self.end_words:
            return self.end_words
        return "Released before review; the review is owed." if self.not_reviewed else ""


def read(body: Mapping[str, Any]) -> Content:
    """The content of a vault body; an empty one where it was forgotten.

    Raises: Invalid when the body is no content of a warning.
    """
    words = {k: v for k, v in body.items() if k != "text"}
    try:
        return msgspec.convert(words, Content)
    except msgspec.ValidationError as e:
        raise Invalid(
            str(e), field="content", cure="Send title, summary and judgments as documented."
        ) from e


def body(content: Content) -> dict[str, Any]:
    """The vault body of a content: its fields, and `text` by which it is found in a search."""
    return {**msgspec.to_builtins(content), "text": "\n\n".join(paragraphs(content))}


def tidy(content: Content) -> Content:
    """The content without blanks around texts, and without rows that hold nothing at all."""
    judgments = tuple(
        Judgment(
            j.text.strip(),
            j.likelihood,
            j.confidence,
            j.basis.strip(),
            tuple(dict.fromkeys(j.cites)),
        )
        for j in content.judgments
    )
    return Content(
        title=" ".join(content.title.split()),
        summary=content.summary.strip(),
        judgments=tuple(j for j in judgments if j != Judgment()),
        would_change=content.would_change.strip(),
        dissent=content.dissent.strip(),
        actions=tuple(a for raw in content.actions if (a := raw.strip())),
        changed=content.changed.strip(),
    )


def sentence(judgment: Judgment) -> str:
    """How likely and how sure, in two sentences, as the tradecraft standard asks; '' when neither is said."""
    parts = []
    if judgment.likelihood:
        parts.append(
            f"Likelihood: {judgment.likelihood} ({estimates.percent(judgment.likelihood)})."
        )
    if judgment.confidence:
        parts.append(f"Confidence: {judgment.confidence}. {judgment.basis}".strip())
    return " ".join(parts)


def paragraphs(content: Content) -> list[str]:
    """The words of a document without its frame, paragraph by paragraph."""
    parts = []
    if content.changed:
        parts.append(f"What changed: {content.changed}")
    if content.summary:
        parts.append(content.summary)
    if content.actions:
        parts.append("What you are asked to do:\n" + "\n".join(f"- {a}" for a in content.actions))
    for i, judgment in enumerate(content.judgments, 1):
        said = sentence(judgment)
        parts.append(f"{i}. {judgment.text}" + (f"\n   {said}" if said else ""))
    if content.would_change:
        parts.append(f"What would change this: {content.would_change}")
    if content.dissent:
        parts.append(f"Seen otherwise: {content.dissent}")
    return parts


def plain(document: Document, zone: tzinfo) -> str:
    """The whole document as plain text, TLP in header and footer (TLP 2.0), times in `zone`."""
    marking = f"TLP:{document.label}" if document.label else "TLP: not set"
    head = [f"{marking}   {document.precedence}   {document.product.name.upper()}"]
    if document.edition > 1:
        head[0] += f", edition {document.edition}"
    head += [f"From: {document.agency}"]
    if document.operation:
        head.append(f"About: {document.operation}")
    if document.released_at:
        head.append(f"Released: {_time(document.released_at, zone)}")
    if document.expires_at:
        head.append(f"Holds until: {_time(document.expires_at, zone)}")
    notes = [note for note in (document.standing, document.product.banner) if note]
    foot = f"{marking}   {document.id}"
    parts = ["\n".join(head), *notes, document.content.title, *paragraphs(document.content), foot]
    return "\n\n".join(part for part in parts if part) + "\n"


def _time(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y %H:%M} {local.tzname()}"
