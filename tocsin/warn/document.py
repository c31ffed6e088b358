"""A warning as its reader gets it: one value, and its plain text. Pure, so every channel shows the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from tocsin.formats.papers import plain as plain_text
from tocsin.kernel.errors import Invalid
from tocsin.warn import estimates
from tocsin.warn.papers import bulletin
from tocsin.warn.products import Product
from tocsin.warn.terms import Below, Content, Event, Judgment, Spot, State

OUTSIDE = {
    State.CANCELLED: "CANCELLED. Do not act on it.",
    State.SUPERSEDED: "REPLACED by a newer edition.",
    State.EXPIRED: "EXPIRED. It no longer holds.",
}


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

    @property
    def standing_outside(self) -> str:
        """As `standing`, for those who may read only what is below the tearline: that it ended, never why."""
        return OUTSIDE.get(State(self.state), "")


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
        places=tuple(
            Spot(" ".join(p.name.split()), p.lat, p.lon, p.note.strip())
            for p in content.places
            if p != Spot()
        ),
        timeline=tuple(
            sorted(
                (Event(e.at, e.text.strip()) for e in content.timeline if e != Event()),
                key=lambda e: e.at,
            )
        ),
        below=Below(
            content.below.label,
            " ".join(content.below.title.split()),
            content.below.text.strip(),
        ),
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
    parts += [f"Place: {p.name}. {p.note}".removesuffix(". ") for p in content.places]
    parts += [f"{e.at[:16].replace('T', ' ')} UTC: {e.text}" for e in content.timeline]
    if content.would_change:
        parts.append(f"What would change this: {content.would_change}")
    if content.dissent:
        parts.append(f"Seen otherwise: {content.dissent}")
    if content.below.text:
        parts.append(f"Below the tearline, TLP:{content.below.label}: {content.below.title}")
        parts.append(content.below.text)
    return parts


def plain(document: Document, zone: tzinfo) -> str:
    """The whole document as plain text, TLP in header and footer (TLP 2.0), times in `zone`."""
    return plain_text.text(bulletin.paper(document, zone))
