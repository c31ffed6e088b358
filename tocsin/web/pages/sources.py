"""Sources, how they are doing, and what could not be taken in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.collect import actions, health, store
from tocsin.collect.models import Source
from tocsin.collect.rules import charter_problems, in_order
from tocsin.collect.terms import AUTHORITIES, PURPOSES, PurposeReason, Reliability, SourceKind
from tocsin.kernel import clock
from tocsin.kernel.errors import Forbidden, Invalid, TocsinError
from tocsin.people.models import Operation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.screen.actions import poll_now, retry_refused
from tocsin.web.middleware import actor
from tocsin.web.numbers import number
from tocsin.web.pages.source_form import KINDS, SourceForm, initial

SHOWN = 50
_WHY = {
    "unreadable": "could not be read",
    PurposeReason.LANGUAGE_OUTSIDE: "in another language than the source is limited to",
    PurposeReason.POSTED_TOO_EARLY: "posted before the time it is limited to",
    PurposeReason.POSTED_TOO_LATE: "posted after the time it is limited to",
    PurposeReason.PLACE_OUTSIDE: "names none of the places it is limited to",
    PurposeReason.KEYWORD_OUTSIDE: "holds none of the words it is limited to",
    PurposeReason.AUTHORITY_EXPIRED: "the authority had ended",
    PurposeReason.AUTHORITY_NOT_YET: "the authority had not begun",
    PurposeReason.AUTHORITY_UNKNOWN: "the authority is unknown",
    PurposeReason.PURPOSE_UNKNOWN: "the purpose is unknown",
    PurposeReason.PURPOSE_NOT_IN_CHARTER: "the purpose is not the source's",
    PurposeReason.PURPOSE_NOT_ALLOWED: "the authority does not cover the purpose",
    PurposeReason.OPERATION_MISSING: "no event was named",
    PurposeReason.OPERATION_OUTSIDE: "collected for another event",
}


@login_required
@require_GET
def sources(request: HttpRequest) -> HttpResponse:
    """Every source of the agency: what is failing on top, then what came in, hour by hour."""
    a, now = _reader(request), clock.now()
    ranked = health.ranked(a, now)
    page = Paginator(ranked, SHOWN).get_page(request.GET.get("page"))
    context = {
        "rows": health.of(list(page), now),
        "page": page,
        "totals": health.totals(ranked, now),
        "last_hour": now.replace(minute=0, second=0, microsecond=0),
        "kinds": {k.value: words[0] for k, words in KINDS.items()},
        "may_manage": Permission.MANAGE_SOURCES in a.permissions,
    }
    template = "sources/part.html" if request.headers.get("HX-Request") else "sources/list.html"
    return render(request, template, context)


@login_required
@require_GET
def source(request: HttpRequest, source: str) -> HttpResponse:
    """One source: by what right, how it is doing, what came of it."""
    return _source(request, source)


def _source(
    request: HttpRequest, source_id: str, *, status: int = 200, **more: Any
) -> HttpResponse:
    a, now = _reader(request), clock.now()
    row = store.source(a, source_id)
    charter = store.charter(row)
    ruling = in_order(charter, purpose=row.purpose, operation=row.operation, now=now)
    since = (now - timedelta(days=30)).date().isoformat()
    context = {
        "row": row,
        "glance": health.of([row], now)[0],
        "runs": health.runs(row),
        "left_out": [(_WHY.get(r, r), n) for r, n in health.left_out(row, since)],
        "authority": AUTHORITIES.get(row.authority),
        "purpose": PURPOSES.get(row.purpose),
        "operation": Operation.objects.filter(id=row.operation).first() if row.operation else None,
        "reliability": Reliability(row.reliability).plain,
        "kind": KINDS[SourceKind(row.kind)],
        "limits": _limits(row),
        "address": row.config.get("url") or row.config.get("host") or "",
        "not_allowed": "" if ruling.allowed else f"{ruling.plain} {ruling.cure}",
        "problems": charter_problems(charter),
        "last_hour": now.replace(minute=0, second=0, microsecond=0),
        "every": timedelta(seconds=row.every_s),
        "polled": row.kind in health.POLLED,
        "may_manage": Permission.MANAGE_SOURCES in a.permissions and a.agency == row.agency,
        **more,
    }
    return render(request, "sources/source.html", context, status=status)


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Add a source: first its kind, then its charter and its connector."""
    a = _reader(request)
    permit(a, Permission.MANAGE_SOURCES)
    try:
        kind = SourceKind(request.GET.get("kind", "feed"))
    except ValueError:
        kind = SourceKind.FEED
    form = SourceForm(a, kind, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.add_source(a, kind=kind, **form.values())
        except TocsinError as error:
            form.refuse(error)
        else:
            messages.success(
                request, "The source is added. What it brings in is screened from now on."
            )
            return redirect("source", made)
    context = {
        "form": form,
        "kind": kind,
        "kinds": [(k.value, *w) for k, w in KINDS.items()],
        **_charters(),
    }
    return render(request, "sources/form.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, source: str) -> HttpResponse:
    """Change a source; what is in already keeps what it came in under."""
    a = _reader(request)
    permit(a, Permission.MANAGE_SOURCES)
    row = store.source(a, source)
    kind = SourceKind(row.kind)
    form = SourceForm(a, kind, request.POST or None, initial=initial(row))
    if request.method == "POST" and form.is_valid():
        try:
            values = {k: v for k, v in form.values().items() if _changed(row, k, v)}
            actions.change_source(a, source=source, version=_version(request), **values)
        except TocsinError as error:
            form.refuse(error)
        else:
            messages.success(request, "The source is changed.")
            return redirect("source", source)
    context = {"form": form, "kind": kind, "row": row, **_charters()}
    return render(request, "sources/form.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def act(request: HttpRequest, source: str) -> HttpResponse:
    """Read it now, pause it, or read it again."""
    a = _reader(request)
    row = store.source(a, source)
    what = request.POST.get("act", "")
    try:
        if what == "read":
            outcome = poll_now(a, source=row.id)
            level = messages.WARNING if outcome.state.value == "failed" else messages.SUCCESS
            words = {"ok": f"Read: {outcome.items} items.", "empty": "Read: it held nothing.",
                     "not_modified": "Nothing changed since it was read last."}  # fmt: skip
            messages.add_message(request, level, words.get(outcome.state.value, outcome.note))
        elif what == "pause":
            reason = request.POST.get("reason", "")
            actions.pause_source(a, source=row.id, version=_version(request), reason=reason)
            messages.success(request, "The source is paused. Nothing is read from it.")
        elif what == "resume":
            actions.resume_source(a, source=row.id, version=_version(request))
            messages.success(request, "The source is read again.")
        else:
            raise Invalid("this form says not what to do", cure="Reload the page and try again.")
    except Invalid as error:
        return _source(request, row.id, status=422, error=error, typed=request.POST)
    return redirect("source", row.id)


@login_required
@require_GET
def refused(request: HttpRequest) -> HttpResponse:
    """Input that could not be taken in, with the cure; try it again, or let it go for a reason."""
    return _refused(request)


def _refused(request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    a = _reader(request)
    asked = request.GET.get("source", "") or request.POST.get("source", "")
    page = Paginator(store.refusals(a, source=asked), SHOWN).get_page(request.GET.get("page"))
    rows = list(page)
    said = store.refusal_texts(rows)
    known = store.source_names(r.source for r in rows)
    context = {
        "page": page,
        "asked": asked,
        "sources": list(store.sources(a).values_list("id", "name")),
        "lines": [
            {
                "row": r,
                "said": said.get(r.id, {}),
                "source": known.get(r.source, r.source),
                "why": _WHY.get(r.why, r.why),
            }
            for r in rows
        ],
        "may_act": Permission.COLLECT in a.permissions,
        **more,
    }
    return render(request, "sources/refused.html", context, status=status)


@login_required
@require_POST
def close(request: HttpRequest) -> HttpResponse:
    """Try the chosen refusals again, or let them go."""
    a = _reader(request)
    permit(a, Permission.COLLECT)
    chosen = list(dict.fromkeys(request.POST.getlist("refused")))[:SHOWN]
    reason = request.POST.get("reason", "")
    typed = {"chosen": chosen, "reason": reason}
    try:
        if not chosen:
            raise Invalid("nothing is chosen", cure="Tick what you mean.")
        if request.POST.get("act") == "retry":
            return _retried(request, a, chosen)
        count = actions.dismiss_refused(a, refused=chosen, reason=reason)
    except Invalid as error:
        return _refused(request, status=422, error=error, typed=typed)
    messages.success(request, f"{count} let go. The reason is on the record.")
    return redirect("refused")


def _retried(request: HttpRequest, a: Actor, chosen: list[str]) -> HttpResponse:
    """Try each; those that still cannot be taken in say why."""
    done, still = 0, []
    for one in chosen:
        try:
            retry_refused(a, refused=one)
            done += 1
        except Invalid as error:
            still.append((one, error))
    if done:
        messages.success(request, f"{done} taken in.")
    if not still:
        return redirect("refused")
    return _refused(request, status=422, still=dict(still), typed={"chosen": chosen})


def _reader(request: HttpRequest) -> Actor:
    a = actor(request)
    if not a.permissions & {
        Permission.MANAGE_SOURCES,
        Permission.READ_RECORD,
        Permission.ADMINISTER,
    }:
        raise Forbidden("sources are for those who collect from them, and for oversight")
    return a


def _changed(row: Source, name: str, value: Any) -> bool:
    if name == "scope":
        return bool(value != store.charter(row).scope)
    return bool(getattr(row, name) != value)


def _version(request: HttpRequest) -> int:
    given = number(request.POST.get("version"), None)
    if given is None:
        raise Invalid("the form is incomplete", cure="Reload the page and try again.")
    return given


def _charters() -> dict[str, Any]:
    return {"authorities": AUTHORITIES.values(), "purposes": PURPOSES.values()}


def _limits(row: Source) -> list[tuple[str, str]]:
    names = {"languages": "Languages", "places": "Places", "keywords": "Words",
             "not_before": "Posted from", "not_after": "Posted until"}  # fmt: skip
    found = [(words, row.scope.get(name)) for name, words in names.items()]
    return [(words, ", ".join(v) if isinstance(v, list) else str(v)) for words, v in found if v]


urlpatterns = [
    path("sources", sources, name="sources"),
    path("sources/new", new, name="source-new"),
    path("sources/<str:source>", source, name="source"),
    path("sources/<str:source>/edit", edit, name="source-edit"),
    path("sources/<str:source>/act", act, name="source-act"),
    path("refused", refused, name="refused"),
    path("refused/close", close, name="refused-close"),
]
