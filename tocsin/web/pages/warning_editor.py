"""Writing a warning: one form that works without scripts, and a lint that follows what is typed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from tocsin.assess.models import Situation
from tocsin.deliver import store as deliver
from tocsin.deliver.models import Recipient
from tocsin.duties.terms import Precedence
from tocsin.kernel import clock
from tocsin.kernel.errors import TocsinError
from tocsin.people.models import Operation, Participation
from tocsin.people.rules import permit
from tocsin.people.store import agency_names, operations_of
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible
from tocsin.warn import actions, rules, sources, store
from tocsin.warn.estimates import LEVELS, ROWS, percent
from tocsin.warn.lint import lint, stops
from tocsin.warn.models import Warning
from tocsin.warn.products import PRODUCTS
from tocsin.warn.terms import Cited, Judgment, Seat
from tocsin.web.middleware import actor
from tocsin.web.numbers import number
from tocsin.web.pages import warning_view
from tocsin.web.pages.warning_form import MOST_JUDGMENTS, DraftForm, Typed


@login_required
@require_http_methods(["GET", "POST"])
def warning_new(request: HttpRequest) -> HttpResponse:
    """Begin a warning; `?situation=` brings its event and what it may cite."""
    a = actor(request)
    permit(a, Permission.DRAFT)
    given = request.POST if request.method == "POST" else request.GET
    situation = given.get("situation", "")
    row = get_visible(a, Situation.objects.all(), id=situation) if situation else None
    operation = given.get("operation") or (row.operation if row else "")
    events = _events(a)
    if request.method == "GET":
        event = Operation.objects.filter(id=operation, pk__in=[e for e, _ in events]).first()
        kind = given.get("type", "")
        initial = {
            "operation": operation,
            "type": kind if kind in PRODUCTS else "NOTE",
            "precedence": Precedence.PRIORITY.value,
        }
        typed = Typed([Judgment()], list(rules.seats(event.must_know)) if event else [])
        return _editor(
            request, a, DraftForm(events=events, initial=initial), typed, None, situation, operation
        )
    form, typed = DraftForm(request.POST, events=events), Typed.of_post(request.POST)
    if typed.adjust(request.POST):
        return _editor(request, a, _again(form, events), typed, None, situation, operation)
    if form.is_valid():
        cleaned = form.cleaned_data
        try:
            made = actions.draft(
                a,
                type=cleaned["type"],
                content=typed.content(cleaned),
                situation=situation,
                operation=cleaned["operation"],
                label=cleaned["label"],
                precedence=cleaned["precedence"],
                distribution=_rows(typed.seats),
                expires_at=cleaned["expires_at"],
            )
        except TocsinError as error:
            _show(form, error)
        else:
            messages.success(request, "Saved. It is yours to finish; the clock is running.")
            return redirect("warning", warning=made)
    return _editor(request, a, form, typed, None, situation, operation, status=422)


@login_required
@require_http_methods(["GET", "POST"])
def warning_edit(request: HttpRequest, warning: str) -> HttpResponse:
    """Go on writing a draft that is in your hand. Each saving is kept."""
    a = actor(request)
    row = store.warning(a, warning)
    events = _events(a)
    if request.method == "GET":
        content = store.content(row)
        initial = {
            **{
                k: getattr(content, k)
                for k in (
                    *("title", "summary", "would_change", "dissent", "changed"),
                    *("places", "timeline"),
                )
            },
            **{f"below_{k}": getattr(content.below, k) for k in ("label", "title", "text")},
            "actions": "\n".join(content.actions),
            **{
                k: getattr(row, k)
                for k in ("type", "operation", "label", "precedence", "expires_at")
            },
        }
        typed = Typed(list(content.judgments) or [Judgment()], list(rules.seats(row.distribution)))
        form = DraftForm(events=events, fixed=True, initial=initial)
        return _editor(request, a, form, typed, row, row.situation, row.operation)
    form = DraftForm(request.POST, events=events, fixed=True, initial={"operation": row.operation})
    typed = Typed.of_post(request.POST)
    if typed.adjust(request.POST):
        return _editor(
            request, a, _again(form, events, fixed=True), typed, row, row.situation, row.operation
        )
    status = 422
    if form.is_valid():
        cleaned = form.cleaned_data
        try:
            actions.revise(
                a,
                warning=row.id,
                version=number(request.POST.get("version"), -1),
                type=cleaned["type"],
                content=typed.content(cleaned),
                label=cleaned["label"],
                precedence=cleaned["precedence"],
                distribution=_rows(typed.seats),
                expires_at=cleaned["expires_at"],
                no_expiry=cleaned["expires_at"] is None,
            )
        except TocsinError as error:
            _show(form, error)
            status = error.status
        else:
            messages.success(request, "Saved. The saving before is kept.")
            return redirect("warning", warning=row.id)
    return _editor(request, a, form, typed, row, row.situation, row.operation, status=status)


@login_required
@require_POST
def warning_lint(request: HttpRequest) -> HttpResponse:
    """What the lint finds in what is typed now; nothing is saved."""
    a = actor(request)
    permit(a, Permission.DRAFT)
    row = store.warning(a, request.POST["warning"]) if request.POST.get("warning") else None
    form = DraftForm(
        request.POST, events=_events(a), initial={"operation": row.operation if row else ""}
    )
    form.is_valid()
    checks = _checks(a, form, Typed.of_post(request.POST), row, request.POST.get("situation", ""))
    return render(request, "warnings/lint_part.html", checks)


def _checks(
    a: Actor, form: DraftForm, typed: Typed, row: Warning | None, situation: str
) -> dict[str, Any]:
    given = form.cleaned_data if form.is_bound else form.initial
    kind = given.get("type") or (row.type if row else "NOTE")
    expires = given.get("expires_at")
    cited = [c for j in typed.judgments for c in j.cites]
    pinned = sources.pin(a, cited) | {
        i: c for i, c in (store.pinned(row) if row else {}).items() if i in cited
    }
    typed_row = Warning(
        id=row.id if row else "",
        type=kind if kind in PRODUCTS else "NOTE",
        label=given.get("label") or "",
        distribution=_rows(typed.seats),
        expires_at=expires if isinstance(expires, datetime) else None,
        operation=row.operation if row else given.get("operation") or "",
        edition=row.edition if row else 1,
        situation=situation,
        series=row.series if row else "",
        cites=[msgspec.to_builtins(c) for c in pinned.values()],
    )  # a row in memory only: judged, never saved
    sheet = store.sheet_of(typed_row, typed.content(given), store.operation_of(typed_row))
    found = lint(sheet, clock.now())
    return {"checks": warning_view.checks(found), "stops": len(stops(found))}


def _editor(
    request: HttpRequest,
    a: Actor,
    form: DraftForm,
    typed: Typed,
    row: Warning | None,
    situation: str,
    operation: str,
    *,
    status: int = 200,
) -> HttpResponse:
    for name in ("title", "summary", "label", "changed"):
        form.fields[
            name
        ].required = True  # for release, not for saving: it only is not called optional
    listed = _listed(a, typed, row, situation, operation)
    numbers = {c.id: n for n, c in enumerate(listed, 1)}
    chosen = form.data.get("type") if form.is_bound else form.initial.get("type")
    context = {
        "form": form,
        "row": row,
        "title": store.titles([row])[row.id] if row else "",
        "situation": situation,
        "product": PRODUCTS.get(str(chosen)),
        "judgments": [
            {
                "i": i,
                "n": i + 1,
                "judgment": j,
                "cites": [(n, c, c.id in j.cites) for n, c in enumerate(listed, 1)],
                "unknown": [c for c in j.cites if c not in numbers],
            }
            for i, j in enumerate(typed.judgments)
        ],
        "listed": [
            {"number": n, "cited": c, "kind": c.kind, "url": warning_view.url_of(c.id)}
            for n, c in enumerate(listed, 1)
        ],
        "extra": typed.extra,
        "scale": [[(term, percent(term)) for term in terms] for terms in ROWS],
        "levels": LEVELS,
        "room": len(typed.judgments) < MOST_JUDGMENTS,
        **_recipients(a, typed, operation),
        **_checks(a, form, typed, row, situation),
    }
    return render(request, "warnings/editor.html", context, status=status)


def _listed(
    a: Actor, typed: Typed, row: Warning | None, situation: str, operation: str
) -> list[Cited]:
    """What may be cited: what is cited already first, then what the situation offers, then ids added by hand."""
    cited = [c for j in typed.judgments for c in j.cites]
    kept = store.pinned(row) if row else {}
    seen = sources.pin(a, [*cited, *typed.extra])
    offered = {c.id: c for c in sources.candidates(a, situation, operation)}
    order = dict.fromkeys([*cited, *offered, *typed.extra])
    known = {**kept, **offered, **seen}
    return [known[i] for i in order if i in known]


def _recipients(a: Actor, typed: Typed, operation: str) -> dict[str, Any]:
    """The roles to tick: those that must know, those ticked, and those the directory has at agencies taking part."""
    event = Operation.objects.filter(id=operation).first() if operation else None
    must = list(rules.seats(event.must_know)) if event else []
    agencies = agency_names()
    part = (
        Participation.objects.filter(operation=operation).values_list("agency", flat=True)
        if event
        else []
    )
    filled = (
        deliver.recipients(a).filter(seat_agency__in=list(part))
        if event
        else Recipient.objects.none()
    )
    known = {Seat(*seat) for seat in filled.values_list("seat_agency", "seat_role")}
    order = dict.fromkeys([*must, *typed.seats, *sorted(known)])
    return {
        "seats": [
            {
                "value": f"{seat.agency}|{seat.role}",
                "agency": agencies.get(seat.agency, seat.agency),
                "role": warning_view.role_title(seat.role),
                "must": seat in must,
                "on": seat in typed.seats,
            }
            for seat in order
        ],
        "agencies": sorted(agencies.items(), key=lambda item: item[1]),
        "roles": list(deliver.roles().items()),
    }


def _again(form: DraftForm, events: list[tuple[str, str]], *, fixed: bool = False) -> DraftForm:
    """The same form with what was typed, and nothing marked as wrong: a row was added, not a draft saved."""
    form.is_valid()
    typed = {name: form.data.get(name, "") for name in form.fields}
    return DraftForm(events=events, fixed=fixed, initial={**typed, **form.cleaned_data})


def _show(form: DraftForm, error: TocsinError) -> None:
    """Put an error beside its field; one about no single field stands on top."""
    where = error.field if error.field in form.fields else None
    words = f"{error.message[:1].upper()}{error.message[1:]}"
    form.add_error(where, f"{words.rstrip('.')}. {error.cure}".strip())


def _rows(seats: list[Seat]) -> list[dict[str, str]]:
    return [{"agency": seat.agency, "role": seat.role} for seat in seats]


def _events(a: Actor) -> list[tuple[str, str]]:
    return [
        (o.id, o.name)
        for o in operations_of(a)
        if o.id in a.operations or o.lead_agency == a.agency
    ]
