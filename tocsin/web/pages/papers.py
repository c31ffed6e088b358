"""Products on paper: how one reads, taking a copy out, an agency's seal and its own layouts."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.deliver import store as deliver
from tocsin.deliver.models import Destination
from tocsin.duties.store import open_duties
from tocsin.exchange.terms import Format
from tocsin.formats import typeset
from tocsin.formats.papers import markup
from tocsin.kernel.errors import NotFound, TocsinError
from tocsin.people.rules import permit
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import visible_to
from tocsin.record import store as record
from tocsin.warn import actions, store
from tocsin.warn.actions.correcting import KIND as CORRECT
from tocsin.warn.models import BelowTearline, Copy, Template, Warning
from tocsin.warn.papers import gather, house
from tocsin.warn.products import PRODUCTS
from tocsin.warn.terms import Form, Part, TemplateState
from tocsin.web.middleware import actor
from tocsin.web.numbers import number

SHOWN = 50
_FORMS = (
    (Form.PDF, "PDF", "prints as shown, tagged for readers that speak"),
    (Form.HTML, "Web page", "one file; reads well on a phone"),
    (Form.TEXT, "Plain text", "for a terminal or an old mail system"),
)
_FORM_WORDS = {form.value: name for form, name, _ in _FORMS}
_FORM_WORDS |= {form.value: form.words for form in Format}
_PLACES = {
    "wrn": ("warning", "Warning"),
    "sit": ("situation", "Situation"),
    "rfi": ("rfi", "Question"),
}
_OTHERS = {"": "Every product", "RFI": "Request for information", "SITUATION": "Situation report"}


@login_required
@require_GET
def paper(request: HttpRequest, subject: str) -> HttpResponse:
    """A product as it prints, and the buttons to take it along."""
    return _paper(request, subject)


def _paper(
    request: HttpRequest, subject: str, *, status: int = 200, error: TocsinError | None = None
) -> HttpResponse:
    a = actor(request)
    part = Part.BELOW if request.GET.get("part") == Part.BELOW else Part.WHOLE
    found = gather.product(a, subject, part)
    back, kind = _PLACES[subject.partition("_")[0]]
    whole = part is Part.WHOLE or _may_read_whole(a, subject)
    torn = BelowTearline.objects.filter(id=subject).first() if whole else None
    context = {
        "subject": subject,
        "paper": found.paper,
        "shown": mark_safe(markup.body(found.paper, seal=found.house.seal)),  # noqa: S308 - all text in it is escaped
        "part": part.value,
        "whole": whole,
        "torn": torn,
        "forms": _FORMS,
        "back": reverse(back, args=[subject]) if whole else reverse("warnings"),
        "kind": kind if whole else "Warnings",
        "copies": _copies(a, subject) if found.marking.agency == a.agency else [],
        "replace": _to_replace(a, subject),
        "own": found.marking.agency == a.agency,
        "may_house": Permission.RELEASE in a.permissions,
        "error": error,
        "typed": request.POST,
    }
    return render(request, "papers/paper.html", context, status=status)


def _may_read_whole(a: Actor, subject: str) -> bool:
    return store.warnings(a).filter(id=subject).exists()


def _copies(a: Actor, subject: str) -> list[dict[str, Any]]:
    """Who took copies of what is this agency's, newest first: the accounting of disclosures."""
    rows = list(
        Copy.objects.filter(subject=subject, agency=a.agency).order_by("-at", "-id")[:SHOWN]
    )
    known = names(r.person for r in rows)
    notes = record.contents(r.note for r in rows if r.note)
    return [
        {
            "row": r,
            "who": known.get(r.person, r.person),
            "part": "below the tearline" if r.part == Part.BELOW else "all of it",
            "form": _FORM_WORDS.get(r.form, r.form),
            **{k: notes.get(r.note, {}).get(k, "") for k in ("to", "purpose")},
        }
        for r in rows
    ]


def _to_replace(a: Actor, subject: str) -> dict[str, Any] | None:
    """What this person owes to copies of a warning that no longer holds, and the edition in force, if any."""
    owed = open_duties(a).filter(subject=subject, kind=CORRECT, owner_agency=a.agency)
    if Permission.RELEASE not in a.permissions:
        owed = owed.filter(owner_person=a.person)
    duty = owed.first()
    if duty is None:
        return None
    copies = Copy.objects.filter(subject=subject).order_by("at", "id")
    if duty.owner_person:
        copies = copies.filter(person=duty.owner_person)
    notes = record.contents(c.note for c in copies if c.note)
    newer = Warning.objects.filter(supersedes=subject, released_at__isnull=False).first()
    seen = newer is not None and store.warnings(a).filter(id=newer.id).exists()
    return {
        "title": duty.title,
        "newer": newer.id if newer and seen else "",
        "copies": [
            (c, _FORM_WORDS.get(c.form, c.form), notes.get(c.note, {}).get("to", ""))
            for c in copies
        ],
    }


@login_required
@require_POST
def corrected(request: HttpRequest, subject: str) -> HttpResponse:
    """Say that the copies one took are replaced."""
    actions.copies_corrected(actor(request), warning=subject)
    messages.success(request, "Noted: the copies are replaced, and who has one was told.")
    return redirect("paper", subject)


@login_required
@require_POST
def take(request: HttpRequest, subject: str) -> HttpResponse:
    """A copy, as a file. It is a disclosure: the record has who took what, when, and for whom."""
    try:
        taken = actions.take_copy(
            actor(request),
            subject=subject,
            form=request.POST.get("form", ""),
            part=request.POST.get("part", Part.WHOLE),
            to=request.POST.get("to", ""),
            purpose=request.POST.get("purpose", ""),
        )
    except NotFound:
        raise
    except TocsinError as error:
        return _paper(request, subject, status=error.status, error=error)
    answer = HttpResponse(taken.data, content_type=taken.media_type)
    answer["Content-Disposition"] = f'attachment; filename="{taken.filename}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@login_required
@require_GET
def say_so(request: HttpRequest, warning: str) -> HttpResponse:
    """Where the code on a printed sheet leads: to this person's own answer, where one is asked of them."""
    a = actor(request)
    row = store.warning(a, warning)
    mine = visible_to(a, Destination.objects.filter(warning=row.id, seat_agency=a.agency))
    for destination in mine.order_by("acknowledged_at", "id"):
        if deliver.is_for(a, destination):
            return redirect("answer", destination.id)
    return redirect("warning", row.id)


@login_required
@require_GET
def style(request: HttpRequest) -> HttpResponse:
    """The style of papers: the one their files carry."""
    answer = HttpResponse(markup.style(), content_type="text/css; charset=utf-8")
    answer["Cache-Control"] = "private, max-age=3600"
    return answer


@login_required
@require_http_methods(["GET", "POST"])
def layouts(request: HttpRequest) -> HttpResponse:
    """An agency's seal and its own layouts."""
    a = actor(request)
    permit(a, Permission.RELEASE)
    if request.method == "GET":
        return _layouts(request, a)
    given = request.POST
    try:
        actions.propose_template(
            a,
            product=given.get("product", ""),
            name=given.get("name", ""),
            source=given.get("source", "").replace("\r\n", "\n"),
        )
    except TocsinError as error:
        return _layouts(request, a, status=error.status, error=error)
    messages.success(request, "Proposed. Open its preview, then put it into use.")
    return redirect("layouts")


def _layouts(
    request: HttpRequest, a: Actor, *, status: int = 200, error: TocsinError | None = None
) -> HttpResponse:
    rows = list(house.templates(a.agency)[:SHOWN])
    titles = record.contents(r.content for r in rows)
    known = names(r.changed_by for r in rows)
    products = {**_OTHERS, **{p.code: p.name for p in PRODUCTS.values()}}
    context = {
        "agency": agency_names().get(a.agency, a.agency),
        "seal": bool(house.seal_of(a.agency)),
        "products": products.items(),
        "lines": [
            {
                "row": r,
                "name": titles.get(r.content, {}).get("title", r.id),
                "product": products.get(r.product, r.product),
                "state": _STATES[TemplateState(r.state)],
                "who": known.get(r.changed_by, r.changed_by),
            }
            for r in rows
        ],
        "ours": typeset.part("tocsin.formats.papers", "paper.typ"),
        "error": error,
        "typed": request.POST,
    }
    return render(request, "papers/layouts.html", context, status=status)


_STATES = {
    TemplateState.PROPOSED: "proposed; look at its preview first",
    TemplateState.PREVIEWED: "looked at; can be put into use",
    TemplateState.IN_USE: "in use",
    TemplateState.RETIRED: "retired",
}


@login_required
@require_POST
def seal(request: HttpRequest) -> HttpResponse:
    """Give the agency a seal, or take it away."""
    a = actor(request)
    try:
        if request.POST.get("do") == "remove":
            actions.remove_seal(a)
            messages.success(request, "Removed. What was printed keeps its seal.")
        else:
            sent = request.FILES.get("image")
            # One byte more than is allowed is read, so that a file too large is told, and never held.
            actions.set_seal(a, image=sent.read(1_000_001) if sent else b"")
            messages.success(request, "The seal is printed on what you issue from now on.")
    except TocsinError as error:
        permit(a, Permission.RELEASE)
        return _layouts(request, a, status=error.status, error=error)
    return redirect("layouts")


@login_required
@require_GET
def seal_image(request: HttpRequest) -> HttpResponse:
    """The seal of one's own agency."""
    found = house.seal_of(actor(request).agency)
    if not found:
        raise NotFound("your agency has no seal")
    return HttpResponse(found, content_type="image/png")


@login_required
@require_POST
def layout_act(request: HttpRequest, template: str, act: str) -> HttpResponse:
    """Preview a layout (as PDF), put it into use, retire it."""
    a, version = actor(request), number(request.POST.get("version"), -1)
    permit(a, Permission.RELEASE)
    try:
        if act == "preview":
            made = actions.preview_template(a, template=template)
            answer = HttpResponse(made.data, content_type="application/pdf")
            answer["Content-Disposition"] = f'inline; filename="{made.filename}"'
            return answer
        if act == "use":
            actions.use_template(a, template=template, version=version)
            messages.success(request, "In use from now on.")
        elif act == "retire":
            actions.retire_template(a, template=template, version=version)
            messages.success(request, "Retired.")
        else:
            raise NotFound(f"nothing is called {act!r} here")
    except NotFound:
        raise
    except TocsinError as error:
        return _layouts(request, a, status=error.status, error=error)
    return redirect("layouts")


@login_required
@require_GET
def layout_source(request: HttpRequest, template: str) -> HttpResponse:
    """The source of one of the agency's layouts, as it was proposed."""
    a = actor(request)
    permit(a, Permission.RELEASE)
    row = Template.objects.filter(id=template, agency=a.agency).first()
    if row is None:
        raise NotFound("there is no such thing, or it is not yours to see")
    answer = HttpResponse(house.source(row), content_type="text/plain; charset=utf-8")
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


urlpatterns = [
    path("papers/style.css", style, name="paper-style"),
    path("papers/<str:subject>", paper, name="paper"),
    path("papers/<str:subject>/copy", take, name="paper-copy"),
    path("papers/<str:subject>/corrected", corrected, name="paper-corrected"),
    path("warnings/<str:warning>/acknowledge", say_so, name="say-so"),
    path("layouts", layouts, name="layouts"),
    path("layouts/seal", seal, name="seal"),
    path("layouts/seal.png", seal_image, name="seal-image"),
    path("layouts/<str:template>", layout_source, name="layout-source"),
    path("layouts/<str:template>/<str:act>", layout_act, name="layout-act"),
]
