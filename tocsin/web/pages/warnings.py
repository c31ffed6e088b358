"""Warnings: the list, the document under the clock, review and release, revisions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from tocsin.deliver import store as deliver
from tocsin.duties.models import Duty
from tocsin.exchange.terms import Format
from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid, NotFound, TocsinError
from tocsin.people.models import Operation
from tocsin.people.store import agency_names, names, operations_of
from tocsin.people.terms import Actor, Permission
from tocsin.record import store as record
from tocsin.warn import actions, changes, store
from tocsin.warn.lint import lint
from tocsin.warn.models import Warning
from tocsin.warn.papers import gather
from tocsin.warn.products import PRODUCTS
from tocsin.warn.terms import INSIDE, UNDECIDED, UNDER_REVIEW, WAS_RELEASED, State
from tocsin.web.middleware import actor
from tocsin.web.numbers import number
from tocsin.web.pages import warning_editor, warning_view
from tocsin.web.pages.warning_times import read_local

SHOWN = 50


@login_required
@require_GET
def warning_list(request: HttpRequest) -> HttpResponse:
    """Drafts under the clock, what is held and why, what is in force; what has ended, by page."""
    a, now = actor(request), clock.now()
    asked = {k: request.GET.get(k, "").strip() for k in ("q", "operation", "type", "show")}
    rows = _asked(a, asked)
    context: dict[str, Any] = {
        "asked": asked,
        "products": warning_view.product_choices(),
        "operations": list(operations_of(a).values_list("id", "name")),
        "may_draft": Permission.DRAFT in a.permissions,
        "filtered": any(asked[k] for k in ("q", "operation", "type")),
    }
    live = [s.value for s in UNDECIDED | {State.RELEASED}]
    if asked["show"] == "ended":
        page = Paginator(rows.exclude(state__in=live), SHOWN).get_page(request.GET.get("page"))
        context |= {"page": page, "ended": _lines(a, list(page), now)}
    else:
        lines = _lines(a, list(rows.filter(state__in=[s.value for s in UNDECIDED])[:SHOWN]), now)
        lines.sort(key=lambda line: line["duty"].due_at if line["duty"] else now)
        force = rows.filter(state=State.RELEASED.value).order_by("-released_at", "-id")
        context |= {
            "running": [line for line in lines if line["row"].state != State.HELD],
            "held": [line for line in lines if line["row"].state == State.HELD],
            "in_force": _lines(a, list(force[:SHOWN]), now),
            "torn": _torn(a) if not context["filtered"] else [],
        }
    part = "warnings/list_part.html" if request.headers.get("HX-Request") else "warnings/list.html"
    return render(request, part, context)


def _torn(a: Actor) -> list[dict[str, Any]]:
    """Parts below a tearline that may be read by those who may not read the rest."""
    rows = gather.torn_off(a)
    bodies, agencies = record.contents(r.content for r in rows), agency_names()
    return [
        {
            "row": r,
            "title": str(bodies.get(r.content, {}).get("title", "")) or r.id,
            "product": PRODUCTS[r.type].short if r.type in PRODUCTS else r.type,
            "agency": agencies.get(r.agency, r.agency),
        }
        for r in rows
    ]


def _asked(a: Actor, asked: dict[str, str]) -> QuerySet[Warning]:
    rows = store.find(a, asked["q"]) if asked["q"] else store.warnings(a)
    if asked["operation"]:
        rows = rows.filter(operation=asked["operation"])
    if asked["type"]:
        rows = rows.filter(type=asked["type"])
    return rows.defer("cites", "distribution", "authors")


def _lines(a: Actor, rows: list[Warning], now: datetime) -> list[dict[str, Any]]:
    """Rows with what the list shows beside them: a fixed number of queries, however many rows."""
    titles = store.titles(rows)
    owed: dict[str, Duty] = {}
    wanted = Duty.objects.filter(subject__in=[r.id for r in rows], discharged_at=None)
    for duty in wanted.filter(kind__in=("review", "finish_draft", "review_after")).order_by(
        "-due_at"
    ):
        owed[duty.subject] = duty
    agencies = agency_names()
    known = names({r.holder for r in rows} | {r.held_by for r in rows if r.held_by})
    reasons = record.contents([r.hold_reason for r in rows] + [r.end_reason for r in rows])
    return [
        {
            "row": row,
            "title": titles[row.id],
            "duty": owed.get(row.id),
            "agency": agencies.get(row.agency, row.agency),
            "product": PRODUCTS[row.type].short if row.type in PRODUCTS else row.type,
            "state": State(row.state).words,
            "holder": known.get(row.holder, row.holder),
            "held_by": known.get(row.held_by, row.held_by),
            "reason": str(reasons.get(_reason(a, row), {}).get("text", "")),
        }
        for row in rows
    ]


def _reason(a: Actor, row: Warning) -> str:
    """The reason shown in the list: why a draft was refused or abandoned is its own agency's business."""
    told = a.agency == row.agency or row.state in WAS_RELEASED
    return row.hold_reason or (row.end_reason if told else "")


@login_required
@require_GET
def warning_page(request: HttpRequest, warning: str) -> HttpResponse:
    """One warning: the document as it will be read, with sources, lint, clock, decisions, receipts."""
    a = actor(request)
    return render(request, "warnings/page.html", _page(a, store.warning(a, warning)))


@login_required
@require_GET
def warning_side(request: HttpRequest, warning: str) -> HttpResponse:
    """The right side of a warning's page, which follows the clock and what others do."""
    a = actor(request)
    return render(request, "warnings/side.html", _page(a, store.warning(a, warning)))


def _page(a: Actor, row: Warning) -> dict[str, Any]:
    now, o, agencies = clock.now(), store.opened(row), agency_names()
    state = State(row.state)
    undecided = state in UNDECIDED
    sheet = store.sheet_of(row, o.content, o.operation) if undecided else None
    findings = lint(sheet, now) if sheet else []
    document = store.document_of(row, o.content, o.operation)
    numbered = warning_view.listed(a, store.pinned(row))
    disputed = warning_view.concerns(a, [row.id, row.situation, *numbered])
    going_to = warning_view.seats(row, o.operation, agencies)
    may = warning_view.decisions(a, o, findings)
    inside = _inside(a, row, o.operation)
    people = names([row.holder, row.releaser, row.held_by, row.confirmed_by, *row.authors])
    return {
        "row": row,
        "document": document,
        "undecided": undecided,
        "state_words": state.words,
        "sources": list(numbered.values()),
        "judgments": warning_view.shown_judgments(document, numbered, disputed),
        "concerns": disputed.get(row.id, []) + disputed.get(row.situation, []),
        "checks": warning_view.checks(findings, f"/warnings/{row.id}/edit" if may.edit else ""),
        "stops": sum(f.stops for f in findings),
        "clock": warning_view.clock_of(o, now, agencies),
        "inside": inside,
        "own": a.agency == row.agency,
        "hold_reason": store.hold_reason(row) if inside else "",
        "history": [s for s in store.history(row) if inside or s.act not in INSIDE],
        "editions": [e for e in store.editions(a, row) if e.id != row.id],
        "going_to": going_to,
        "operation": o.operation,
        "may": may,
        "colleagues": store.colleagues(row) if may.hand_over else {},
        "people": {k: people.get(getattr(row, k), "") for k in ("holder", "releaser", "held_by")}
        | {"authors": [people.get(p, p) for p in row.authors]},
        "rests": store.resting_names(a, row),
        "formats": list(Format),
        **_receipts(a, row),
    }


def _inside(a: Actor, row: Warning, operation: Operation | None) -> bool:
    """Whether the actor reads how it came about: the writing agency, and the lead's while it is reviewed."""
    if a.agency == row.agency:
        return True
    lead = operation.lead_agency if operation else ""
    return State(row.state) in UNDER_REVIEW and a.agency == lead


def _receipts(a: Actor, row: Warning) -> dict[str, Any]:
    """Who has it, once it was released."""
    return {"matrix": deliver.matrix(a, row) if row.released_at else None}


@login_required
@require_GET
def warning_revisions(request: HttpRequest, warning: str) -> HttpResponse:
    """What changed from one saving to the next, word by word."""
    a = actor(request)
    row = store.warning(a, warning)
    if a.agency != row.agency:
        raise NotFound("there is no such thing, or it is not yours to see")
    saved = store.revisions(row)
    numbers = [r.number for r in saved]
    newest = _one_of(numbers, request.GET.get("to"), numbers[-1])
    oldest = _one_of(numbers, request.GET.get("from"), max(1, newest - 1))
    before, after = saved[oldest - 1], saved[newest - 1]
    known = names(r.author for r in saved)
    context = {
        "row": row,
        "title": store.titles([row])[row.id],
        "saved": [{"row": r, "author": known.get(r.author, r.author)} for r in reversed(saved)],
        "before": before,
        "after": after,
        "fields": changes.fields(before, after),
        "paragraphs": changes.compare(store.content(before), store.content(after)),
    }
    return render(request, "warnings/revisions.html", context)


def _one_of(known: list[int], text: str | None, default: int) -> int:
    asked = number(text, default)
    return asked if asked in known else default


Deed = Callable[[Actor, Warning, dict[str, str]], str]


def _deed(name: str, words: str) -> Deed:
    """An act that takes a reason, or nothing; returns the words that confirm it."""
    act: Callable[..., Any] = getattr(actions, name)
    plain = name in ("submit", "release", "lift_hold")

    def do(a: Actor, row: Warning, given: dict[str, str]) -> str:
        more = {} if plain else {"reason": given.get("reason", "")}
        act(a, warning=row.id, version=_version(given), **more)
        return words

    return do


def _hold(a: Actor, row: Warning, given: dict[str, str]) -> str:
    until = read_local(given.get("until", ""), "until")
    if until is None:
        raise Invalid(
            "until when is missing", field="until", cure="Give the time at which the hold ends."
        )
    actions.hold(
        a, warning=row.id, version=_version(given), reason=given.get("reason", ""), until=until
    )
    return "Held. Everyone whom the review reaches reads your reason; the review clock runs on."


def _hand_over(a: Actor, row: Warning, given: dict[str, str]) -> str:
    actions.hand_over(a, warning=row.id, version=_version(given), to=given.get("to", ""))
    return "Handed over."


def _take(a: Actor, row: Warning, given: dict[str, str]) -> str:
    actions.hand_over(a, warning=row.id, version=_version(given), to=a.person)
    return "You have the draft in hand."


def _cite(a: Actor, row: Warning, given: dict[str, str]) -> str:
    actions.cite(a, operation=given.get("operation", ""), warning=row.id, edition=row.edition)
    return "The plan rests on this edition. If it is replaced, you are told."


_DEEDS: dict[str, Deed] = {
    "submit": _deed("submit", "Sent to review. The clock is running for the release authority."),
    "release": _deed("release", "Released. Receipts appear below as they come in."),
    "release-now": _deed("release_now", "Released. A review of it is owed, and on the clock."),
    "return": _deed("return_", "Returned to be mended."),
    "refuse": _deed("refuse", "Refused; the reason is on the record."),
    "hold": _hold,
    "lift": _deed("lift_hold", "No longer held."),
    "confirm": _deed("confirm", "Confirmed."),
    "cancel": _deed("cancel", "Cancelled. Everyone who got it is told."),
    "abandon": _deed("abandon", "Abandoned; the reason is on the record."),
    "hand-over": _hand_over,
    "take": _take,
    "cite": _cite,
}


@login_required
@require_POST
def warning_act(request: HttpRequest, warning: str, act: str) -> HttpResponse:
    """One act on a warning. What was typed is kept when it is refused."""
    a = actor(request)
    row = store.warning(a, warning)
    given = {k: str(v) for k, v in request.POST.items()}
    deed = _DEEDS.get(act)
    if deed is None:
        raise NotFound(f"nothing is called {act!r} here")
    try:
        words = deed(a, row, given)
    except TocsinError as error:
        tried = {"act": act, "error": error, **given}
        row = store.warning(a, warning)
        return render(
            request, "warnings/page.html", _page(a, row) | {"tried": tried}, status=error.status
        )
    messages.success(request, words)
    return redirect("warning", warning=warning)


@login_required
@require_POST
def warning_update(request: HttpRequest, warning: str) -> HttpResponse:
    """Begin the next edition and open it to be written."""
    a = actor(request)
    row = store.warning(a, warning)
    given = {k: str(v) for k, v in request.POST.items()}
    try:
        fresh = actions.update(a, warning=row.id, version=_version(given))
    except TocsinError as error:
        tried = {"act": "update", "error": error}
        return render(
            request, "warnings/page.html", _page(a, row) | {"tried": tried}, status=error.status
        )
    messages.success(
        request, "The edition in force stays so until you release this one. Say what changed."
    )
    return redirect("warning-edit", warning=fresh)


def _version(given: dict[str, str]) -> int:
    version = number(given.get("version"), None)
    if version is None:
        raise Invalid(
            "the version is missing", field="version", cure="Reload the page and try again."
        )
    return version


urlpatterns = [
    path("warnings", warning_list, name="warnings"),
    path("warnings/new", warning_editor.warning_new, name="warning-new"),
    path("warnings/lint", warning_editor.warning_lint, name="warning-lint"),
    path("warnings/<str:warning>", warning_page, name="warning"),
    path("warnings/<str:warning>/edit", warning_editor.warning_edit, name="warning-edit"),
    path("warnings/<str:warning>/side", warning_side, name="warning-side"),
    path("warnings/<str:warning>/revisions", warning_revisions, name="warning-revisions"),
    path("warnings/<str:warning>/update", warning_update, name="warning-update"),
    path("warnings/<str:warning>/do/<str:act>", warning_act, name="warning-act"),
]
