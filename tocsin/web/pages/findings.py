"""The register of findings, reports of findings under review, and what bears on an operation."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid, NotFound, TocsinError
from tocsin.oversee import actions, lessons, rules
from tocsin.oversee.models import Finding, Inquiry
from tocsin.oversee.terms import TOPICS, UNRESOLVED, FindingState, InquiryState
from tocsin.people.rules import permit
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor, Permission, Role
from tocsin.record.store import contents
from tocsin.record.terms import unstamp
from tocsin.web.middleware import actor
from tocsin.web.numbers import number
from tocsin.web.pages.warning_times import read_local

SHOWN = 50
_FILE = (
    "title",
    "text",
    "source",
    "topic",
    "venue",
    "owner_agency",
    "owner_role",
    "due_at",
    "found_at",
    "tlp",
    "inquiry",
)
_ROLES = [(r.value, r.title) for r in Role if r is not Role.ADMINISTRATOR]


@login_required
@require_GET
def findings(request: HttpRequest) -> HttpResponse:
    """What is to be put right, by whom, since when; and the reports of findings on their way out."""
    a, now = actor(request), clock.now()
    permit(a, Permission.READ_CONTENT)
    show, topic = request.GET.get("show", ""), request.GET.get("topic", "")
    rows = lessons.findings(a)
    rows = (
        rows.filter(state=FindingState.CLOSED.value)
        if show == "closed"
        else rows.filter(state__in=UNRESOLVED)
    )
    if topic in TOPICS:
        rows = rows.filter(topic=topic)
    first = number(request.GET.get("first")) or 0
    page = list(rows[first : first + SHOWN + 1])
    inquiries = list(lessons.inquiries(a).exclude(state=InquiryState.PUBLISHED.value)[:SHOWN])
    agencies = agency_names()
    context = {
        "lines": [_line(f, w, agencies, now) for f, w in _worded(page[:SHOWN])],
        "inquiries": [_inquiry_line(p, w, agencies, now) for p, w in _worded(inquiries)],
        "older": first + SHOWN if len(page) > SHOWN else None,
        "newer": max(0, first - SHOWN) if first else None,
        "show": show,
        "topic": topic,
        "topics": [(k, t.title) for k, t in TOPICS.items()],
        "may_file": Permission.OVERSEE in a.permissions,
    }
    return render(request, "findings/list.html", context)


def _worded(rows: list[Any]) -> list[tuple[Any, dict[str, Any]]]:
    kept = lessons.words(rows)
    return [(r, kept[r.id]) for r in rows]


def _line(
    f: Finding, words: dict[str, Any], agencies: dict[str, str], now: datetime
) -> dict[str, Any]:
    return {
        "row": f,
        "title": words.get("title") or "(no longer kept)",
        "topic": TOPICS[f.topic].title,
        "owner": f"{_role(f.owner_role)}, {agencies.get(f.owner_agency, f.owner_agency)}",
        "state": FindingState(f.state).words,
        "overdue": f.state == FindingState.OPEN and f.due_at < now,
    }


def _inquiry_line(
    p: Inquiry, words: dict[str, Any], agencies: dict[str, str], now: datetime
) -> dict[str, Any]:
    held = rules.days_held(p.holds, now)
    known = names(held)
    return {
        "row": p,
        "title": words.get("title") or "(no longer kept)",
        "reviewer": f"{_role(p.reviewer_role)}, {agencies.get(p.reviewer_agency, p.reviewer_agency)}",
        "state": InquiryState(p.state).words,
        "days": (now - p.submitted_at).days,
        "held": [(known.get(who, who), days) for who, days in held.items()],
    }


def _role(role: str) -> str:
    return Role(role).title


@login_required
@require_http_methods(["GET", "POST"])
def finding_new(request: HttpRequest) -> HttpResponse:
    """File a finding."""
    a = actor(request)
    permit(a, Permission.OVERSEE)
    typed = {k: request.POST.get(k, request.GET.get(k, "")) for k in _FILE}
    typed["agencies"] = request.POST.getlist("agencies")  # type: ignore[assignment]
    error: TocsinError | None = None
    if request.method == "POST":
        try:
            return redirect("finding", finding=_file(a, typed))
        except TocsinError as e:
            error = e
    context = {
        "typed": typed,
        "error": error,
        "topics": [(k, t.title) for k, t in TOPICS.items()],
        "agencies": sorted(agency_names().items(), key=lambda i: i[1]),
        "roles": _ROLES,
    }
    return render(request, "findings/new.html", context, status=error.status if error else 200)


def _file(a: Actor, typed: dict[str, Any]) -> str:
    due = _day(typed["due_at"], "due_at")
    if due is None:
        raise Invalid(
            "is empty", field="due_at", cure="Give the day by which it is to be put right."
        )
    keys = (
        "title",
        "text",
        "source",
        "topic",
        "venue",
        "owner_agency",
        "owner_role",
        "agencies",
        "inquiry",
    )
    return actions.file_finding(
        a,
        **{k: typed[k] for k in keys},
        due_at=due,
        found_at=_day(typed["found_at"], "found_at"),
        tlp=typed["tlp"] or "GREEN",
    )


def _day(text: str, field: str) -> datetime | None:
    return read_local(f"{text.strip()}T12:00" if len(text.strip()) == 10 else text, field)


@login_required
@require_GET
def finding(request: HttpRequest, finding: str) -> HttpResponse:
    """One finding: what, whose, by when, the evidence, and what operations do about it."""
    return _finding(request, finding)


def _finding(
    request: HttpRequest, finding_id: str, error: TocsinError | None = None
) -> HttpResponse:
    a, now = actor(request), clock.now()
    permit(a, Permission.READ_CONTENT)
    row = lessons.finding(a, finding_id)
    words = lessons.words([row])[row.id]
    people = names({row.filed_by, row.answered_by, row.closed_by} - {""})
    mine = a.agency == row.owner_agency and row.owner_role in {r.value for r in a.roles}
    checks = (
        Permission.OVERSEE in a.permissions
        and a.agency == row.agency
        and a.person != row.answered_by
    )
    agencies = agency_names()
    context = {
        **_line(row, words, agencies, now),
        "words": words,
        "evidence": contents([row.evidence]).get(row.evidence, {}).get("text", "") if row.evidence else "",
        "people": {k: people.get(getattr(row, k), "") for k in ("filed_by", "answered_by", "closed_by")},
        "agencies": [agencies.get(i, i) for i in row.agencies],
        "filer": agencies.get(row.agency, row.agency),
        "may_answer": mine and row.state == FindingState.OPEN,
        "may_check": checks and row.state in (FindingState.ANSWERED, FindingState.DECLINED),
        "declined": row.state == FindingState.DECLINED,
        "error": error,
        "typed": {k: request.POST.get(k, "") for k in ("evidence", "note", "due_at")},
    }  # fmt: skip
    return render(request, "findings/page.html", context, status=error.status if error else 200)


@login_required
@require_POST
def finding_act(request: HttpRequest, finding: str) -> HttpResponse:
    """Answer, decline, check or send back; or say what an operation does about it."""
    a, post = actor(request), request.POST
    try:
        messages.success(request, _do(a, finding, number(post.get("version")) or 0, post))
    except NotFound:
        raise
    except TocsinError as e:
        if post.get("do") == "consider":
            raise
        return _finding(request, finding, e)
    if post.get("do") == "consider":
        return redirect("operation", operation=post.get("operation", ""))
    return redirect("finding", finding=finding)


def _do(a: Actor, finding: str, version: int, post: Any) -> str:
    what = post.get("do", "")
    if what in ("answer", "decline"):
        actions.answer_finding(
            a,
            finding=finding,
            version=version,
            evidence=post.get("evidence", ""),
            declined=what == "decline",
        )
        return "Answered. Somebody else checks it."
    if what == "close":
        actions.close_finding(a, finding=finding, version=version, note=post.get("note", ""))
        return "Done and checked. It no longer shows on operations."
    if what == "return":
        due = _day(post.get("due_at", ""), "due_at") or clock.now() + timedelta(days=30)
        actions.return_finding(
            a, finding=finding, version=version, note=post.get("note", ""), due_at=due
        )
        return "Open again. Its owner is asked anew."
    if what == "consider":
        actions.consider_finding(
            a, finding=finding, operation=post.get("operation", ""), text=post.get("text", "")
        )
        return "What this operation does about it is on the record."
    raise NotFound("there is no such act")


@login_required
@require_http_methods(["GET", "POST"])
def inquiry_new(request: HttpRequest) -> HttpResponse:
    """Hand a report of findings to whoever must clear it."""
    a = actor(request)
    permit(a, Permission.OVERSEE)
    typed = {
        k: request.POST.get(k, "")
        for k in ("title", "text", "reviewer_agency", "reviewer_role", "due_at")
    }
    error: TocsinError | None = None
    if request.method == "POST":
        try:
            due = _day(typed["due_at"], "due_at")
            if due is None:
                raise Invalid(
                    "is empty", field="due_at", cure="Give the day by which it is to be cleared."
                )
            made = actions.submit_inquiry(a, **{**typed, "due_at": due})  # type: ignore[arg-type]
            return redirect("inquiry", inquiry=made)
        except TocsinError as e:
            error = e
    context = {
        "typed": typed,
        "error": error,
        "agencies": sorted(agency_names().items(), key=lambda i: i[1]),
        "roles": _ROLES,
    }
    return render(
        request, "findings/inquiry_new.html", context, status=error.status if error else 200
    )


@login_required
@require_GET
def inquiry(request: HttpRequest, inquiry: str) -> HttpResponse:
    """One report of findings: its clock, who held it, for how long and why."""
    return _inquiry(request, inquiry)


def _inquiry(
    request: HttpRequest, inquiry_id: str, error: TocsinError | None = None
) -> HttpResponse:
    a, now = actor(request), clock.now()
    permit(a, Permission.READ_CONTENT)
    row = lessons.inquiry(a, inquiry_id)
    words = lessons.words([row])[row.id]
    kept = contents(h["reason"]["vault"] for h in row.holds)
    people = names(
        {h["by"] for h in row.holds} | ({row.submitted_by, row.cleared_by, row.published_by} - {""})
    )
    author = a.agency == row.agency and Permission.OVERSEE in a.permissions
    mine = a.agency == row.reviewer_agency and row.reviewer_role in {r.value for r in a.roles}
    found = list(lessons.findings(a).filter(inquiry=row.id))
    agencies = agency_names()
    context = {
        **_inquiry_line(row, words, agencies, now),
        "words": words,
        "holds": [
            {
                "who": people.get(h["by"], h["by"]),
                "agency": agencies.get(h["agency"], h["agency"]),
                "at": unstamp(h["at"]),
                "until": unstamp(h["until"]),
                "lifted": unstamp(h["lifted_at"]) if h["lifted_at"] else None,
                "reason": (kept.get(h["reason"]["vault"]) or {}).get("text", "(no longer kept)"),
                "lasted": (unstamp(h["lifted_at"]) if h["lifted_at"] else now) - unstamp(h["at"]),
            }
            for h in row.holds
        ],
        "by": {k: people.get(getattr(row, k), "") for k in ("submitted_by", "cleared_by", "published_by")},
        "author": agencies.get(row.agency, row.agency),
        "findings": [_line(f, w, agencies, now) for f, w in _worded(found)],
        "may_review": mine and row.state in (InquiryState.REVIEW, InquiryState.HELD),
        "held_now": row.state == InquiryState.HELD,
        "may_publish": row.state == InquiryState.CLEARED and author,
        "may_file": author,
        "error": error,
        "typed": {k: request.POST.get(k, "") for k in ("reason", "until")},
    }  # fmt: skip
    return render(request, "findings/inquiry.html", context, status=error.status if error else 200)


@login_required
@require_POST
def inquiry_act(request: HttpRequest, inquiry: str) -> HttpResponse:
    """Hold, lift, clear or publish."""
    a, post = actor(request), request.POST
    version = number(post.get("version")) or 0
    try:
        if post.get("do") == "hold":
            until = _day(post.get("until", ""), "until")
            if until is None:
                raise Invalid("is empty", field="until", cure="Say until when you hold it.")
            actions.hold_inquiry(
                a, inquiry=inquiry, version=version, reason=post.get("reason", ""), until=until
            )
            messages.success(request, "Held, under your name. Its clock goes on.")
        elif post.get("do") == "lift":
            actions.lift_inquiry(a, inquiry=inquiry, version=version)
            messages.success(request, "No longer held.")
        elif post.get("do") == "clear":
            actions.clear_inquiry(a, inquiry=inquiry, version=version)
            messages.success(request, "Cleared. Its author is asked to publish it.")
        elif post.get("do") == "publish":
            actions.publish_inquiry(a, inquiry=inquiry, version=version)
            messages.success(request, "Published.")
        else:
            raise NotFound("there is no such act")
    except NotFound:
        raise
    except TocsinError as e:
        return _inquiry(request, inquiry, e)
    return redirect("inquiry", inquiry=inquiry)


urlpatterns = [
    path("findings", findings, name="findings"),
    path("findings/new", finding_new, name="finding-new"),
    path("findings/<str:finding>", finding, name="finding"),
    path("findings/<str:finding>/act", finding_act, name="finding-act"),
    path("inquiries/new", inquiry_new, name="inquiry-new"),
    path("inquiries/<str:inquiry>", inquiry, name="inquiry"),
    path("inquiries/<str:inquiry>/act", inquiry_act, name="inquiry-act"),
]
