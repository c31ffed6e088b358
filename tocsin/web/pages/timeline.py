"""Who knew what, when: of a subject, a topic, or asked the other way, of a role. As a page, a chart and a table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET

from tocsin.kernel import clock
from tocsin.kernel.errors import NotFound
from tocsin.oversee import knowing, subjects
from tocsin.oversee.knowing import Point, Seat, Timeline
from tocsin.oversee.rules import Wait
from tocsin.people.rules import permit
from tocsin.people.store import agency_names, names, operations_of
from tocsin.people.terms import Actor, Permission, Role
from tocsin.record.terms import stamp
from tocsin.web import searching, told
from tocsin.web import subjects as words_for
from tocsin.web.middleware import actor
from tocsin.web.numbers import number
from tocsin.web.pages import knowing_view as view
from tocsin.web.pages.record import _cell, _is_id
from tocsin.web.pages.warning_times import read_local
from tocsin.web.searching import Asked

PAGE = 100
SPAN_DAYS = 400
_NOTHING = "there is no such thing, or it is not yours to see"


@login_required
@require_GET
def timeline(request: HttpRequest, subject: str) -> HttpResponse:
    """Everything that hangs on one subject, and who knew of it."""
    a = actor(request)
    about = _about(a, subject)
    found = _read(a, about, request)
    if not found.points:
        raise NotFound(_NOTHING)
    warnings = words_for.warnings_of([subject])
    context = {
        **_shown(a, found, request),
        "subject": subject,
        "word": words_for.word(subject),
        "url": words_for.subject_url(subject, warning=warnings.get(subject, "")),
        "record_url": words_for.record_url(subject),
        "linked": len(about) - 1,
        "slider": view.slider(a, subject, request.GET.get("step", "")),
        "csv": f"{request.path}/csv",
    }
    return render(request, "timeline/page.html", context)


@login_required
@require_GET
def at(request: HttpRequest, subject: str) -> HttpResponse:
    """The part under the slider: the subject as it stood at one of its moments."""
    a = actor(request)
    permit(a, Permission.READ_RECORD)
    _check(subject)
    slider = view.slider(a, subject, request.GET.get("step", ""))
    if slider is None:
        raise NotFound(_NOTHING)
    return render(request, "timeline/at.html", {"slider": slider, "subject": subject})


@login_required
@require_GET
def topic(request: HttpRequest) -> HttpResponse:
    """Who knew of a topic: words that are searched for, a kind of sign, or an event."""
    a = actor(request)
    permit(a, Permission.READ_RECORD)
    q, sign, operation = (request.GET.get(k, "").strip()[:200] for k in ("q", "sign", "operation"))
    if operation and not q and not sign and _is_id(operation):
        return redirect("timeline", subject=operation)
    about = _topic(a, q, sign, operation)
    found = _read(a, about, request) if about else Timeline([], [])
    context = {
        **_shown(a, found, request),
        "q": q,
        "sign": sign,
        "operation": operation,
        "operations": list(operations_of(a).values_list("id", "name")),
        "signs": view.signs(),
        "asked": bool(q or sign or operation),
        "linked": len(about),
        "csv": f"/timeline/csv?{request.GET.urlencode()}",
    }
    return render(request, "timeline/topic.html", context)


@login_required
@require_GET
def role(request: HttpRequest) -> HttpResponse:
    """The other way: what a role at an agency had been sent, or had seen, by a moment. Never a person."""
    a, now = actor(request), clock.now()
    permit(a, Permission.OVERSEE)
    typed = {k: request.GET.get(k, "") for k in ("agency", "role", "by", "since")}
    until = read_local(typed["by"], "by") or now
    since = read_local(typed["since"], "since") or until - timedelta(days=SPAN_DAYS)
    seat = Seat(typed["agency"], typed["role"])
    found = knowing.by(a, seat, until, since) if seat.agency and seat.role else None
    if found is not None and request.GET.get("as") == "csv":
        return _role_csv(found, seat)
    context = {
        "typed": typed,
        "until": until,
        "agencies": sorted(agency_names().items(), key=lambda i: i[1]),
        "roles": [(r.value, r.title) for r in Role if r is not Role.ADMINISTRATOR],
        "seat_words": view.seat_words(seat, agency_names()) if found is not None else "",
        "found": None if found is None else [(k, view.url(k.subject), words_for.word(k.subject)) for k in found],
        "csv": f"{request.path}?{request.GET.urlencode()}&as=csv",
    }  # fmt: skip
    return render(request, "timeline/role.html", context)


@login_required
@require_GET
def download(request: HttpRequest, subject: str) -> HttpResponse:
    """One subject's timeline as a table."""
    a = actor(request)
    found = _read(a, _about(a, subject), request)
    if not found.points:
        raise NotFound(_NOTHING)
    return _csv(a, found, f"who-knew-{subject}")


@login_required
@require_GET
def download_topic(request: HttpRequest) -> HttpResponse:
    """A topic's timeline as a table."""
    a = actor(request)
    permit(a, Permission.READ_RECORD)
    q, sign, operation = (request.GET.get(k, "").strip()[:200] for k in ("q", "sign", "operation"))
    return _csv(a, _read(a, _topic(a, q, sign, operation), request), "who-knew")


def _check(subject: str) -> None:
    if not _is_id(subject) or subject.startswith("per_"):  # nothing here profiles a person
        raise NotFound(_NOTHING)


def _about(a: Actor, subject: str) -> list[str]:
    permit(a, Permission.READ_RECORD)
    _check(subject)
    return subjects.linked(a, subject)


def _topic(a: Actor, q: str, sign: str, operation: str) -> list[str]:
    found: list[str] = []
    if q:
        groups = searching.search(a, Asked(words=q, operation=operation), "")
        for hit in (h for g in groups for h in g.hits):
            found += subjects.linked(a, hit.id)
    if sign:
        found += subjects.with_indicator(a, sign)
    return list(dict.fromkeys(found))[: subjects.MOST]


def _read(a: Actor, about: Sequence[str], request: HttpRequest) -> Timeline:
    return knowing.of(a, about, clock.now(), number(request.GET.get("after"), 0, digits=18) or 0)


def _shown(a: Actor, found: Timeline, request: HttpRequest) -> dict[str, Any]:
    """The context that page and topic share: lines of one page, waits, the chart, where to read on."""
    first = number(request.GET.get("first"), 0) or 0
    agencies = agency_names()
    page = found.points[first : first + PAGE]
    known = names({p for point in page for p in (point.person, *point.told) if p})
    now = clock.now()
    return {
        "lines": [_line(p, known, agencies) for p in page],
        "waits": [_wait(w, found, agencies, now) for w in found.waits][:20],
        "chart": view.chart(found, agencies, now),
        "count": len(found.points),
        "earlier": max(0, first - PAGE) if first else None,
        "later": first + PAGE if len(found.points) > first + PAGE else None,
        "after": found.after,
    }


def _line(p: Point, known: dict[str, str], agencies: dict[str, str]) -> dict[str, Any]:
    late = p.recorded_at - p.at
    return {
        "point": p,
        "what": p.words or told.words(p.entry, known, agencies),
        "who": known.get(p.person, ""),
        "seat": _seat(p, agencies),
        "subject": p.entry.subject,
        "word": words_for.word(p.entry.subject),
        "url": words_for.record_url(p.entry.subject),
        "late": late if late >= timedelta(minutes=5) else None,
        "shape": view.SHAPES[p.verb],
    }


def _seat(p: Point, agencies: dict[str, str]) -> str:
    """Whose role it is; for what the system did, to whom."""
    words = view.seat_words(p.seat, agencies)
    if p.person:
        return words
    return f"to the {words}" if words else "Tocsin"


def _wait(w: Wait, found: Timeline, agencies: dict[str, str], now: datetime) -> dict[str, Any]:
    seat = found.seats.get(w.line)
    return {
        "wait": w,
        "lasted": w.lasted(now),
        "who": view.seat_words(seat, agencies) if seat else words_for.word(w.line).capitalize(),
        "begin": w.begin.value,
        "end": w.end.value,
    }


def _csv(a: Actor, found: Timeline, name: str) -> HttpResponse:
    agencies = agency_names()
    known = names({p for point in found.points for p in (point.person, *point.told) if p})
    waits: dict[tuple[str, str, datetime], Wait] = {
        (w.line, w.end.value, w.until): w for w in found.waits if w.until
    }
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    out = csv.writer(response)
    out.writerow(
        ["happened", "recorded", "verb", "what", "who", "role and agency", "subject", "entry", "place", "waited_s"]
    )  # fmt: skip
    for p in found.points:
        wait = waits.get((p.line, p.verb.value, p.at))
        words = (
            p.words or told.words(p.entry, known, agencies),
            known.get(p.person, p.person),
            view.seat_words(p.seat, agencies),
        )
        waited = int(wait.lasted(p.at).total_seconds()) if wait else ""
        times = [stamp(p.at), stamp(p.recorded_at), p.verb.value]
        where = [p.entry.subject, p.entry.id, "" if p.place is None else p.place, waited]
        out.writerow([*times, *map(_cell, words), *where])
    return response


def _role_csv(found: list[knowing.Knew], seat: Seat) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = (
        f'attachment; filename="had-seen-{seat.agency}-{seat.role}.csv"'
    )
    out = csv.writer(response)
    out.writerow(["subject", "title", "strongest", "first", "at"])
    for k in found:
        out.writerow([k.subject, _cell(k.title), k.verb.value, stamp(k.first_at), stamp(k.at)])
    return response


urlpatterns = [
    path("timeline", topic, name="timeline-topic"),
    path("timeline/csv", download_topic, name="timeline-topic-csv"),
    path("timeline/role", role, name="timeline-role"),
    path("timeline/<str:subject>", timeline, name="timeline"),
    path("timeline/<str:subject>/at", at, name="timeline-at"),
    path("timeline/<str:subject>/csv", download, name="timeline-csv"),
]
