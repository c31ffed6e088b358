"""A warning as a paper: the order in which every one of its renderings says it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from tocsin.formats.papers.paper import (
    Answer,
    Block,
    Fact,
    Judged,
    Judgments,
    Layout,
    Moment,
    Paper,
    Place,
    Reference,
    References,
    Sketch,
    Steps,
    Table,
    Tear,
    Timeline,
    Words,
)
from tocsin.record.terms import unstamp
from tocsin.warn.papers.words import estimate, local_time, marking, paragraphs
from tocsin.warn.terms import Below, Judgment

if TYPE_CHECKING:
    from tocsin.warn.document import Document

_MILLION = 1_000_000
_WRITTEN = datetime(2000, 1, 1, tzinfo=UTC)
"""The date of a paper that was never released and is rendered without a time: any, but always the same."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a paper adds to the words of a warning, for one reader.

    `references` = its sources as that reader may know them; `cites` = their numbers by id. `changes` = what is
    new of a judgment, by its place; `gone` = judgments of the edition before that this one no longer makes;
    `frame` = (name, before, after) of what else changed. `concerns` = dissent on record, finished words.
    """

    references: tuple[Reference, ...] = ()
    cites: Mapping[str, int] = field(default_factory=dict)
    changes: Mapping[int, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    frame: tuple[tuple[str, str, str], ...] = ()
    since: str = ""
    concerns: tuple[str, ...] = ()
    distribution: str = ""
    answer: Answer | None = None
    copy: str = ""
    at: datetime | None = None


def paper(document: Document, zone: tzinfo, around: Around | None = None) -> Paper:
    """The whole warning, above and below its tearline. On one page there is no room for what the reader does
    not act on: to whom it goes, how its frame changed, and the version below the tearline, which is printed by
    itself."""
    known = around or Around()
    content, product = document.content, document.product
    if product.one_page:
        known = replace(known, frame=(), distribution="")
    else:
        known = replace(known, answer=None)
    return Paper(
        number=document.id,
        kind=product.name,
        title=content.title or "(no title yet)",
        marking=marking(document.label),
        issuer=document.agency,
        at=known.at or document.released_at or _WRITTEN,
        precedence=document.precedence,
        edition=document.edition,
        layout=Layout.SHEET if product.one_page else Layout.PAPER,
        banner=product.banner,
        standing=document.standing,
        facts=tuple(_facts(document, zone, known)),
        blocks=tuple(_blocks(document, zone, known)),
        tear=None if product.one_page else _tear(content.below),
        answer=known.answer,
        copy=known.copy,
    )


def below(document: Document, zone: tzinfo, around: Around | None = None) -> Paper:
    """Only what stands below the tearline, under its own marking: nothing of what is above it, its title,
    judgments, sources and distribution included. The caller has checked that there is one."""
    known, part = around or Around(), document.content.below
    facts = [Fact("From", document.agency)]
    if document.released_at:
        facts.append(Fact("Released", local_time(document.released_at, zone)))
    if document.expires_at:
        facts.append(Fact("Holds until", local_time(document.expires_at, zone)))
    return Paper(
        number=document.id,
        kind=document.product.name,
        title=part.title or "(the text was removed)",
        marking=marking(part.label),
        issuer=document.agency,
        at=known.at or document.released_at or _WRITTEN,
        precedence=document.precedence,
        edition=document.edition,
        banner=document.product.banner,
        standing=document.standing_outside,
        facts=tuple(facts),
        blocks=(Words("", paragraphs(part.text)),),
        copy=known.copy,
    )


def _facts(document: Document, zone: tzinfo, known: Around) -> Iterator[Fact]:
    yield Fact("From", document.agency)
    if document.operation:
        yield Fact("About", document.operation)
    if document.released_at:
        yield Fact("Released", local_time(document.released_at, zone))
    if document.expires_at:
        yield Fact("Holds until", local_time(document.expires_at, zone))
    if known.distribution:
        yield Fact("Goes to", known.distribution)


def _blocks(document: Document, zone: tzinfo, known: Around) -> Iterator[Block]:
    content = document.content
    if content.changed or known.changes or known.gone or known.frame:
        yield from _changed(content.changed, known)
    if content.summary:
        yield Words("", paragraphs(content.summary))
    if content.actions:
        yield Steps("What you are asked to do", content.actions)
    if content.judgments:
        heading = "What was seen" if document.product.raw else "What we judge"
        yield Judgments(heading, tuple(_judged(content.judgments, known)))
    yield from _where_and_when(document, zone)
    if content.would_change:
        yield Words("What would change this", paragraphs(content.would_change))
    otherwise = (*paragraphs(content.dissent), *known.concerns)
    if otherwise:
        yield Words("Seen otherwise", otherwise, boxed=True)
    if known.references:
        yield References("Sources", known.references)


def beside(document: Document, zone: tzinfo) -> tuple[Block, ...]:
    """What stands beside the words, for pages that lay out the words themselves: places and times."""
    return tuple(_where_and_when(document, zone))


def tearline(document: Document) -> Tear | None:
    """The part below the tearline, for the same pages."""
    return _tear(document.content.below)


def _where_and_when(document: Document, zone: tzinfo) -> Iterator[Block]:
    content = document.content
    if content.places:
        yield Sketch("Places", tuple(_places(document)))
    if content.timeline:
        moments = (Moment(local_time(unstamp(e.at), zone), e.text) for e in content.timeline)
        yield Timeline("What happened", tuple(moments))


def _changed(said: str, known: Around) -> Iterator[Block]:
    heading = f"What changed since {known.since}" if known.since else "What changed"
    gone = [f"No longer judged: {text}" for text in known.gone]
    if said or gone:
        yield Words(heading, (*paragraphs(said), *gone), boxed=True)
    if known.frame:
        yield Table("" if said or gone else heading, ("What", "Before", "Now"), known.frame)


def _judged(judgments: tuple[Judgment, ...], known: Around) -> Iterator[Judged]:
    for i, j in enumerate(judgments):
        yield Judged(
            number=i + 1,
            text=j.text,
            cites=tuple(known.cites[c] for c in j.cites if c in known.cites),
            estimate=estimate(j.likelihood),
            confidence=j.confidence,
            basis=j.basis,
            change=known.changes.get(i, ""),
        )


def _places(document: Document) -> Iterator[Place]:
    for n, spot in enumerate(document.content.places, 1):
        yield Place(n, spot.name, spot.lat / _MILLION, spot.lon / _MILLION, spot.note)


def _tear(part: Below) -> Tear | None:
    if not part.text:
        return None
    return Tear(marking(part.label), part.title, paragraphs(part.text))
