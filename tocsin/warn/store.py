"""Reading warnings: lists, one document, what it is judged by, its history, the plans that cite it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.contrib.postgres.search import SearchQuery
from django.db.models import QuerySet

from tocsin.assess.models import Dissent, Situation
from tocsin.assess.terms import Asked, SituationKind, SituationState
from tocsin.collect.models import Report
from tocsin.duties.models import Duty, Notice
from tocsin.people.models import Grant, Operation
from tocsin.people.store import agency_names, names, on_duty, operations_of
from tocsin.people.terms import GRANTS, Actor, Permission, Role
from tocsin.people.visibility import get_visible, visible_to
from tocsin.record import store as record
from tocsin.record.models import Vault
from tocsin.warn import document as documents
from tocsin.warn import rules, sources
from tocsin.warn.document import Document
from tocsin.warn.lint import Finding, OpenWork, Sheet, lint
from tocsin.warn.models import (
    Citation,
    Note,
    Revision,
    Warning,
)
from tocsin.warn.products import product
from tocsin.warn.rules import Standing
from tocsin.warn.terms import UNDECIDED, Act, Cited, Content, State

OUT_OF_DATE = (
    "OUT OF DATE. Since this was released something was flagged for this event. It is no all-clear."
)


def warnings(actor: Actor) -> QuerySet[Warning]:
    """Every warning and draft the actor may see, newest change first."""
    return visible_to(actor, Warning.objects.all()).order_by("-changed_at", "-id")


def warning(actor: Actor, warning_id: str) -> Warning:
    """One warning. Raises: NotFound, the same for absent and hidden."""
    return get_visible(actor, Warning.objects.all(), id=warning_id)


def editions(actor: Actor, row: Warning) -> list[Warning]:
    """Every edition of a warning the actor may see, oldest first."""
    found = visible_to(actor, Warning.objects.filter(series=row.series))
    return list(found.order_by("edition", "drafted_at"))


def undecided(operation: str) -> QuerySet[Warning]:
    """Drafts of an operation without a signed decision: at the event there must be none. For the system's
    own measures: the caller answers for sight."""
    return Warning.objects.filter(operation=operation, state__in=[s.value for s in UNDECIDED])


def content(row: Warning | Revision) -> Content:
    """The words of a warning, or of one of its revisions; empty where they were forgotten."""
    return documents.read(record.content(row.content))


def titles(rows: Iterable[Warning]) -> dict[str, str]:
    """Warning id -> title, in one query. The caller has checked sight."""
    listed = list(rows)
    wanted = Vault.objects.filter(id__in=[row.content for row in listed])
    kept = dict(wanted.values_list("id", "body__title"))  # the title alone: a list needs no bodies
    return {row.id: str(kept.get(row.content) or "(no title yet)") for row in listed}


@dataclass(frozen=True, slots=True)
class Opened:
    """One warning with what its page and its rules ask for, read once. `told` = whom its duty reached."""

    row: Warning
    operation: Operation | None
    content: Content
    duty: Duty | None
    told: tuple[str, ...]


def opened(row: Warning) -> Opened:
    """A warning with what hangs on it: four queries at most. The caller has checked sight."""
    duty = duty_of(row)
    return Opened(row, operation_of(row), content(row), duty, tuple(told(duty)))


def document(row: Warning) -> Document:
    """The warning as its reader gets it."""
    return document_of(row, content(row), operation_of(row))


def document_of(row: Warning, words: Content, operation: Operation | None) -> Document:
    """The warning as its reader gets it, of what was read already."""
    return Document(
        id=row.id,
        series=row.series,
        edition=row.edition,
        product=product(row.type),
        content=words,
        label=row.label,
        precedence=row.precedence,
        agency=agency_names().get(row.agency, row.agency),
        operation=operation.name if operation else "",
        state=row.state,
        released_at=row.released_at,
        expires_at=row.expires_at,
        commitment=row.commitment,
        not_reviewed=row.review_after and row.confirmed_at is None and row.state == State.RELEASED,
        end_words=_end_words(row),
    )


def _end_words(row: Warning) -> str:
    if row.state == State.CANCELLED:
        reason = record.content(row.end_reason).get("text", "")
        return f"CANCELLED. Do not act on it. Reason: {reason}"
    if row.state == State.SUPERSEDED:
        return f"REPLACED by {row.superseded_by}. Read that instead."
    if row.state == State.EXPIRED:
        return "EXPIRED. It no longer holds."
    if row.state == State.RELEASED and product(row.type).null and row.operation:
        # What it says stopped being so; it stays in force until a person replaces or cancels it.
        return OUT_OF_DATE if open_work(row.operation, row.series) != OpenWork() else ""
    return ""


def pinned(row: Warning | Revision) -> dict[str, Cited]:
    """The sources a draft cites, by id, as they stood when it was saved."""
    return {c["id"]: msgspec.convert(c, Cited) for c in row.cites}


def operation_of(row: Warning) -> Operation | None:
    """The operation a warning is about, where it is about one."""
    return Operation.objects.filter(id=row.operation).first() if row.operation else None


def sheet(row: Warning) -> Sheet:
    """Everything the draft is judged by, as it stands."""
    return sheet_of(row, content(row), operation_of(row))


def sheet_of(row: Warning, words: Content, operation: Operation | None) -> Sheet:
    """Everything a draft is judged by, of what was read already; also of a row that is not saved."""
    kind, cites = product(row.type), pinned(row)
    about = [a for a in (*cites, row.situation) if a]
    null = kind.null and operation is not None
    return Sheet(
        product=kind,
        content=words,
        label=row.label,
        distribution=rules.seats(row.distribution),
        must_know=rules.seats(operation.must_know) if operation else (),
        expires_at=row.expires_at,
        operation=operation.id if operation else "",
        event_start=operation.starts_at if operation else None,
        edition=row.edition,
        cites=cites,
        outdated=sources.outdated(cites),
        open_work=open_work(row.operation, row.series) if null else OpenWork(),
        dissents=Dissent.objects.filter(about__in=about, state=Asked.OPEN.value).count(),
    )


def open_work(operation: str, but_series: str = "") -> OpenWork:
    """What is open for an operation. Counted over all agencies, whoever asks: a null report that does not
    know of another's RED report is the false all-clear itself, and a number tells nothing of its content."""
    flagged = Report.objects.filter(operation=operation, flagged=True, leader="")
    situations = Situation.objects.filter(operation=operation, state=SituationState.OPEN.value)
    owing = ("assess_whole", "draft_warning")
    alarms = Duty.objects.filter(operation=operation, kind__in=owing, discharged_at=None)
    live = [s.value for s in UNDECIDED | {State.RELEASED}]
    warnings = Warning.objects.filter(operation=operation, state__in=live).exclude(
        series=but_series
    )
    return OpenWork(
        reports=flagged.exclude(state="DECIDED").count(),
        situations=situations.filter(kind=SituationKind.TOPIC.value).count()
        + alarms.values("subject").distinct().count(),
        warnings=warnings.exclude(type="NO_THREAT").count(),
    )


def findings(row: Warning, now: datetime) -> list[Finding]:
    """What the lint finds on a warning now, those that stop release first."""
    return lint(sheet(row), now)


def duty_of(row: Warning) -> Duty | None:
    """The open duty that carries the clock of this warning: review, finish the draft, or review after."""
    kinds = ("review", "finish_draft", "review_after")
    return (
        Duty.objects.filter(subject=row.id, kind__in=kinds, discharged_at=None)
        .order_by("due_at")
        .first()
    )


def told(duty: Duty | None) -> list[str]:
    """The people a duty has reached so far, in the order told."""
    if duty is None:
        return []
    people = Notice.objects.filter(duty=duty.id).order_by("rung").values_list("person", flat=True)
    return list(dict.fromkeys(people))


def standing(row: Warning) -> Standing:
    """What a person's right to decide on this warning is judged by."""
    return standing_of(row, operation_of(row), told(duty_of(row)))


def standing_of(row: Warning, operation: Operation | None, reached: Iterable[str]) -> Standing:
    """What a person's right to decide is judged by, of what was read already."""
    return Standing(
        agency=row.agency,
        lead_agency=operation.lead_agency if operation else row.agency,
        authors=frozenset(row.authors),
        told=frozenset(reached),
        releaser=row.releaser,
    )


def alternates(duty: Duty, now: datetime) -> tuple[list[str], list[str]]:
    """(release authorities of the owner's agency, those on shift first; leads of the operation)."""
    role = Role.RELEASE_AUTHORITY.value
    on_shift = [s.person for s in on_duty(duty.owner_agency, role, now)]
    held = Grant.objects.filter(agency=duty.owner_agency, role=role, revoked_at=None).order_by(
        "person"
    )
    holders = list(dict.fromkeys([*on_shift, *held.values_list("person", flat=True)]))
    lead = Operation.objects.filter(id=duty.operation).values_list("lead_agency", flat=True).first()
    leads = on_duty(lead or duty.owner_agency, Role.OPERATION_LEAD.value, now)
    return holders, [s.person for s in leads]


def colleagues(row: Warning) -> dict[str, str]:
    """Who could take a draft in hand: person -> name, of those who draft for its agency, but its holder."""
    roles = [role.value for role, permissions in GRANTS.items() if Permission.DRAFT in permissions]
    held = Grant.objects.filter(agency=row.agency, role__in=roles, revoked_at=None)
    people = sorted(set(held.values_list("person", flat=True)) - {row.holder})
    known = names(people)
    return {person: known.get(person, person) for person in people}


def find(actor: Actor, words: str) -> QuerySet[Warning]:
    """Warnings and drafts the actor may see whose words match, newest change first."""
    query = SearchQuery(words, config="english", search_type="websearch")
    kept = Vault.objects.filter(subject__startswith="wrn_", sealed=False, words=query).values("id")
    return warnings(actor).filter(content__in=kept)


def dissents(actor: Actor, about: Iterable[str]) -> list[tuple[Dissent, str, str]]:
    """(dissent, its words, the answer's words) the actor may see on any of these subjects."""
    wanted = [subject for subject in about if subject]
    rows = list(visible_to(actor, Dissent.objects.filter(about__in=wanted)).order_by("filed_at"))
    kept = record.contents([i for r in rows for i in (r.content, r.answer)])
    return [
        (
            r,
            str(kept.get(r.content, {}).get("text", "")),
            str(kept.get(r.answer, {}).get("text", "")),
        )
        for r in rows
    ]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a warning's history, with names and reason."""

    act: Act
    person: str
    at: datetime
    text: str
    until: datetime | None
    about: str


def history(row: Warning) -> list[Step]:
    """What was done to a warning, oldest first, with the reasons given. The caller has checked sight."""
    notes = list(Note.objects.filter(warning=row.id).order_by("at", "id"))
    texts = record.contents(n.text for n in notes)
    known = names([n.person for n in notes] + [n.about for n in notes if n.act == Act.HANDED_OVER])
    return [
        Step(
            Act(n.act),
            known.get(n.person, n.person),
            n.at,
            str(texts.get(n.text, {}).get("text", "")),
            n.until,
            known.get(n.about, n.about),
        )
        for n in notes
    ]


def hold_reason(row: Warning) -> str:
    """Why a warning is held; '' when it is not."""
    return str(record.content(row.hold_reason).get("text", "")) if row.hold_reason else ""


def revisions(row: Warning) -> list[Revision]:
    """Every saving of a draft, oldest first."""
    return list(Revision.objects.filter(warning=row.id).order_by("number"))


@dataclass(frozen=True, slots=True)
class Stale:
    """A plan rests on an edition that no longer holds; `newest` is what to cite instead ('' = nothing)."""

    operation: str
    series: str
    warning: str
    edition: int
    since: datetime
    newest: str


def citations(operation: str) -> QuerySet[Citation]:
    """What the plan of an operation rests on."""
    return Citation.objects.filter(operation=operation, dropped_at=None).order_by("series")


def resting(row: Warning) -> list[str]:
    """Operations whose plan rests on this very edition, as ids."""
    rests = Citation.objects.filter(warning=row.id, stale_since=None, dropped_at=None)
    return list(rests.values_list("operation", flat=True))


def resting_names(actor: Actor, row: Warning) -> list[str]:
    """Names of the operations the actor takes part in whose plan rests on this very edition."""
    ids = resting(row)
    return (
        list(operations_of(actor).filter(id__in=ids).values_list("name", flat=True)) if ids else []
    )


def stale_citations(operation: str) -> list[Stale]:
    """Where the plan rests on an edition that was replaced, cancelled or has expired: at the event, none."""
    rows = list(citations(operation).filter(stale_since__isnull=False))
    live = Warning.objects.filter(series__in=[r.series for r in rows], state=State.RELEASED.value)
    newest = dict(live.order_by("edition").values_list("series", "id"))
    return [
        Stale(operation, r.series, r.warning, r.edition, r.stale_since, newest.get(r.series, ""))
        for r in rows
        if r.stale_since
    ]
