"""Gathering what a paper says: the words of a warning, and what of its surroundings this reader may take along.

A copy leaves the system under one marking. So it carries of a source, a concern or an earlier edition only what
that reader may see and what is itself marked to travel at least as far as the paper.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from tocsin.assess.models import Rfi, Situation
from tocsin.formats.papers.paper import Answer, Paper
from tocsin.kernel import settings
from tocsin.kernel.errors import NotFound
from tocsin.people.models import Operation
from tocsin.people.store import agency_names
from tocsin.people.terms import Actor, Role
from tocsin.people.visibility import get_visible, visible_to
from tocsin.record import store as record
from tocsin.record.terms import Marking
from tocsin.warn import changes, rules, store
from tocsin.warn.document import Document
from tocsin.warn.models import BelowTearline, Warning
from tocsin.warn.papers import bulletin, house, questions, references, situations
from tocsin.warn.papers.bulletin import Around
from tocsin.warn.papers.looks import House
from tocsin.warn.papers.words import local_time
from tocsin.warn.products import product as product_of
from tocsin.warn.terms import UNDECIDED, Below, Content, Part, State

DRAFT = "DRAFT, not released. Do not act on it, and do not pass it on."
_GONE = "there is no such thing, or it is not yours to see"


@dataclass(frozen=True, slots=True)
class Found:
    """A paper for one reader, what it is marked, how its agency's papers look, and what its file is called."""

    paper: Paper
    marking: Marking
    house: House
    name: str


def product(
    actor: Actor, subject: str, part: Part, *, copy: str = "", at: datetime | None = None
) -> Found:
    """The paper of a warning, a situation or a question.

    `copy` is the number of a copy that is being taken at `at`; without it the paper is only shown.
    Raises: NotFound, the same for absent and hidden, and for a part that is not there.
    """
    kind = subject.partition("_")[0]
    zone = ZoneInfo(settings.current().timezone)
    line = _copy_line(actor, copy, at, zone) if copy and at else ""
    if kind == "wrn" and part is Part.BELOW:
        return below(actor, subject, zone, copy=line, at=at)
    if part is Part.BELOW:
        raise NotFound(_GONE)
    if kind == "wrn":
        return warning(actor, store.warning(actor, subject), zone, copy=line, at=at)
    row: Situation | Rfi
    if kind == "sit":
        row, made = situations.paper(actor, subject, zone)
    elif kind == "rfi":
        row, made = questions.paper(actor, subject, zone)
    else:
        raise NotFound(_GONE)
    named = replace(made, copy=line, at=at or made.at)
    mark = Marking(row.agency, row.tlp, row.operation)
    file, code = {"sit": ("situation", "SITUATION"), "rfi": ("question", "RFI")}[kind]
    return Found(named, mark, house.of(row.agency, code), f"{file}-{subject[-6:]}")


def warning(
    actor: Actor, row: Warning, zone: tzinfo, *, copy: str = "", at: datetime | None = None
) -> Found:
    """The paper of a warning the actor may see. A draft is marked as a draft travels, and says that it is one."""
    words, operation = store.content(row), store.operation_of(row)
    document = store.document_of(row, words, operation)
    if row.state in UNDECIDED:
        document = replace(document, label=row.tlp, end_words=DRAFT)
    around = replace(
        _around(actor, row, document, words, operation, zone),
        copy=copy,
        at=at,
    )
    name = f"{row.type.lower().replace('_', '-')}-{row.id[-6:]}"
    mark = Marking(row.agency, row.tlp, row.operation)
    return Found(bulletin.paper(document, zone, around), mark, house.of(row.agency, row.type), name)


def below(
    actor: Actor, warning_id: str, zone: tzinfo, *, copy: str = "", at: datetime | None = None
) -> Found:
    """Only what stands below the tearline, for those who may read no more. Raises: NotFound."""
    row = _cleared(actor, warning_id)
    body = record.content(row.content)
    whole = Warning.objects.defer("cites").get(id=row.id)  # its frame only: state, edition, times
    content = Content(below=Below(row.tlp, str(body.get("title", "")), str(body.get("text", ""))))
    document = Document(
        id=row.id,
        series=row.series,
        edition=row.edition,
        product=product_of(row.type),
        content=content,
        label=row.tlp,
        precedence=whole.precedence,
        agency=agency_names().get(row.agency, row.agency),
        operation="",
        state=whole.state,
        released_at=row.released_at,
        expires_at=whole.expires_at,
        commitment=row.commitment,
    )
    made = bulletin.below(document, zone, Around(copy=copy, at=at))
    mark = Marking(row.agency, row.tlp, row.operation)
    name = f"{row.type.lower().replace('_', '-')}-{row.id[-6:]}"
    return Found(made, mark, house.of(row.agency, row.type), name)


def _cleared(actor: Actor, warning_id: str) -> BelowTearline:
    """The part below the tearline: for whoever it is marked for, and for whoever may read the whole."""
    rows = BelowTearline.objects.filter(id=warning_id)
    seen = visible_to(actor, rows).first()
    if seen is None and (row := rows.first()):
        get_visible(actor, Warning.objects.only("id"), id=warning_id)
        seen = row
    if seen is None:
        raise NotFound(_GONE)
    return seen


def torn_off(actor: Actor) -> list[BelowTearline]:
    """What the actor may read of warnings in force that are otherwise not theirs to read, newest first."""
    live = Warning.objects.filter(state=State.RELEASED.value).values("id")
    rows = visible_to(actor, BelowTearline.objects.filter(id__in=live))
    whole = visible_to(actor, Warning.objects.filter(state=State.RELEASED.value)).values("id")
    return list(rows.exclude(id__in=whole).order_by("-released_at", "-id")[:50])


def _around(
    actor: Actor,
    row: Warning,
    document: Document,
    words: Content,
    operation: Operation | None,
    zone: tzinfo,
) -> Around:
    cites = store.pinned(row)
    found = Around(
        references=tuple(references.listed(actor, cites, document.label, document.agency, zone)),
        cites={cite: n for n, cite in enumerate(cites, 1)},
        concerns=tuple(_concerns(actor, row, list(cites), document.label)),
        distribution=_distribution(row, operation),
    )
    if row.state not in UNDECIDED:
        url = f"{settings.current().base_url}/warnings/{row.id}/acknowledge"
        found = replace(found, answer=Answer(url, "Read it? Say so here."))
    before = _edition_before(actor, row, document.label)
    if before is None:
        return found
    new, gone = changes.judgments(store.content(before), words)
    when = before.released_at or before.drafted_at
    return replace(
        found,
        changes=new,
        gone=tuple(gone),
        frame=tuple(
            f for f in changes.fields(before, row, zone) if f[0] in ("TLP", "precedence", "expires")
        ),
        since=f"edition {before.edition} of {local_time(when, zone)}",
    )


def _edition_before(actor: Actor, row: Warning, label: str) -> Warning | None:
    if not row.supersedes:
        return None
    found = visible_to(actor, Warning.objects.filter(id=row.supersedes)).first()
    return found if found and references.as_wide(found.label, label) else None


def _concerns(actor: Actor, row: Warning, cites: list[str], label: str) -> Iterator[str]:
    agencies = agency_names()
    for dissent, text, answer in store.dissents(actor, [row.id, row.situation, *cites]):
        if references.as_wide(dissent.tlp, label):
            who = agencies.get(dissent.person_agency, dissent.person_agency)
            said = f"On record, by {who}: {text}"
            yield f"{said}\nAnswer: {answer}" if answer else f"{said}\nNot answered yet."


def _distribution(row: Warning, operation: Operation | None) -> str:
    must = rules.seats(operation.must_know) if operation else ()
    agencies = agency_names()
    found: dict[str, list[str]] = {}
    for seat in dict.fromkeys([*rules.seats(row.distribution), *must]):
        words = f"{_title(seat.role)}, must know" if seat in must else _title(seat.role)
        found.setdefault(agencies.get(seat.agency, seat.agency), []).append(words)
    return "; ".join(f"{agency} ({', '.join(roles)})" for agency, roles in sorted(found.items()))


def _title(role: str) -> str:
    return Role(role).title if role in list(Role) else role.replace("_", " ")


def _copy_line(actor: Actor, copy: str, at: datetime, zone: tzinfo) -> str:
    agency = agency_names().get(actor.agency, actor.agency)
    who = f"{actor.name}, {agency}" if agency else actor.name
    return f"Copy {copy}, taken {local_time(at, zone)} by {who}"
