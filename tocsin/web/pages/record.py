"""The record: of any subject, and the newest of all of it."""

from __future__ import annotations

import csv
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET

from tocsin.kernel.errors import NotFound
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.record.models import Checkpoint, Pending
from tocsin.record.proof.standing import standing
from tocsin.record.terms import stamp
from tocsin.web import subjects, timeline
from tocsin.web.middleware import actor
from tocsin.web.numbers import number
from tocsin.web.timeline import GAP_FROM, Line

_PERSONS = ("per_",)
_NOTHING = "there is no such thing, or it is not yours to see"


@login_required
@require_GET
def latest(request: HttpRequest) -> HttpResponse:
    """The newest entries, and how far the record is signed."""
    a = actor(request)
    permit(a, Permission.READ_RECORD)
    asked = request.GET.get("subject", "").strip()
    if asked:
        return redirect("record", subject=asked) if _is_id(asked) else redirect("record-latest")
    lines, older = timeline.latest(a, _before(request))
    checkpoint = Checkpoint.objects.order_by("-size").first()
    context = {
        "lines": lines,
        "older": older,
        "newest": "before" not in request.GET,
        "checkpoint": checkpoint,
        "root": bytes(checkpoint.root).hex() if checkpoint else "",
        "standing": standing(),
        "waiting": len(Pending.objects.values_list("n")[:1001]),
    }
    return render(request, "record/latest.html", context)


@login_required
@require_GET
def record(request: HttpRequest, subject: str) -> HttpResponse:
    """One subject from first to last: what happened, when it was recorded, by whom, at which place."""
    a = actor(request)
    lines, older = _read(a, subject, _before(request))
    context = {
        "subject": subject,
        "word": subjects.word(subject),
        "url": subjects.subject_url(
            subject, warning=subjects.warnings_of([subject]).get(subject, "")
        ),
        "events": _with_gaps(lines),
        "lanes": [(e.occurred_at, e.recorded_at, e.what) for e in lines],
        "count": len(lines),
        "older": older,
        "newest": "before" not in request.GET,
    }
    return render(request, "record/page.html", context)


@login_required
@require_GET
def download(request: HttpRequest, subject: str) -> HttpResponse:
    """The subject's entries as CSV, as far as the actor may see them; content is left out."""
    a, before = actor(request), None
    pages: list[list[Line]] = []
    while True:
        lines, before = _read(a, subject, before)
        pages.append(lines)
        if before is None or len(pages) == 100:
            break
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="record-{subject}.csv"'
    out = csv.writer(response)
    out.writerow(
        ["place", "number", "entry", "happened", "recorded", "kind", "what", "who", "agency"]
    )
    for line in (line for page in reversed(pages) for line in page):
        place = "" if line.place is None else line.place
        times = [stamp(line.occurred_at), stamp(line.recorded_at)]
        texts = [_cell(t) for t in (line.kind, line.what, line.who, line.agency)]
        out.writerow([place, line.n, line.id, *times, *texts])
    return response


def _read(a: Actor, subject: str, before: int | None) -> tuple[list[Line], int | None]:
    permit(a, Permission.READ_RECORD)
    if not _is_id(subject) or subject.startswith(_PERSONS):  # nothing here profiles a person
        raise NotFound(_NOTHING)
    lines, older = timeline.of_subject(a, subject, before)
    if not lines and before is None:
        raise NotFound(_NOTHING)
    return lines, older


def _is_id(text: str) -> bool:
    return (
        0 < len(text) <= 64 and text.isascii() and text.replace("_", "").replace("-", "").isalnum()
    )


def _before(request: HttpRequest) -> int | None:
    return number(request.GET.get("before"), None, digits=18)


def _with_gaps(lines: list[Line]) -> list[dict[str, Any]]:
    """Each line, with the silent stretch before it where there was one."""
    found: list[dict[str, Any]] = []
    for before, line in zip([None, *lines], lines, strict=False):
        silent = line.occurred_at - before.occurred_at if before else timedelta()
        found.append(
            {"line": line, "after": before.occurred_at if before and silent >= GAP_FROM else None}
        )
    return found


def _cell(text: str) -> str:
    """A spreadsheet runs a cell that begins like a formula; a quote keeps it text."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


urlpatterns = [
    path("record", latest, name="record-latest"),
    path("record/<str:subject>", record, name="record"),
    path("record/<str:subject>/csv", download, name="record-csv"),
]
