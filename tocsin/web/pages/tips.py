"""The public tip page, its way back by receipt code, and the analysts' side of the exchange."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.collect import actions, store
from tocsin.collect.actions.tips import QUESTION_CAP
from tocsin.collect.models import Report, Source
from tocsin.kernel.errors import Invalid, NotFound, TocsinError
from tocsin.people.rules import permit
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Permission
from tocsin.retain.actions import look_now
from tocsin.screen.actions import answer_question, give_tip
from tocsin.screen.actions.tips import CONTACT_CAP, WHAT_CAP, WHEN_CAP, WHERE_CAP
from tocsin.web.middleware import actor


class TipForm(forms.Form):
    """What a person tells. Only the first field is needed; the last must stay empty (programs fill it in)."""

    line = forms.ChoiceField(label="Who should read it")
    what = forms.CharField(
        label="What did you see or hear?",
        max_length=WHAT_CAP,
        widget=forms.Textarea(attrs={"rows": 7}),
        help_text="In your own words. If it was posted somewhere, paste the words or the link.",
    )
    where = forms.CharField(label="Where?", max_length=WHERE_CAP, required=False)
    when = forms.CharField(
        label="When?", max_length=WHEN_CAP, required=False, help_text="As well as you know."
    )
    contact = forms.CharField(
        label="How can we reach you?",
        max_length=CONTACT_CAP,
        required=False,
        help_text="Leave it empty to stay unnamed. It is kept sealed, and opened only for a reason on the record.",
    )
    website = forms.CharField(required=False, max_length=500)

    def __init__(self, lines: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["line"].choices = lines  # type: ignore[attr-defined]
        if len(lines) == 1:
            self.fields["line"].widget = forms.HiddenInput()
            self.fields["line"].initial = lines[0][0]

    def refuse(self, error: TocsinError) -> None:
        """Put a refusal beside its field."""
        said = " ".join(filter(None, [error.message.rstrip(".").capitalize() + ".", error.cure]))
        self.add_error(error.field if error.field in self.fields else None, said)


@never_cache
@sensitive_post_parameters("what", "where", "when", "contact")
@require_http_methods(["GET", "POST"])
def tip(request: HttpRequest) -> HttpResponse:
    """Tell something, without a name."""
    lines = list(store.tip_lines())
    if not lines:
        return render(request, "tips/closed.html", status=404 if request.method == "GET" else 409)
    form = TipForm(_named(lines), request.POST or None)
    if request.method == "POST":
        actions.count_visit(*_visitor(request))
        if form.is_valid():
            return _given(request, form)
    return render(request, "tips/tip.html", {"form": form}, status=422 if form.errors else 200)


def _given(request: HttpRequest, form: TipForm) -> HttpResponse:
    """Take the tip in; a program that filled the hidden field is shown the same page, and nothing is kept."""
    told = form.cleaned_data
    if told["website"]:
        return render(request, "tips/given.html", {"code": "0000-0000-0000-0000"})
    try:
        code = give_tip(
            source=told["line"],
            what=told["what"],
            where=told["where"],
            when=told["when"],
            contact=told["contact"],
        )
    except TocsinError as error:
        form.refuse(error)
        return render(request, "tips/tip.html", {"form": form}, status=error.status)
    return render(request, "tips/given.html", {"code": code})


@never_cache
@sensitive_post_parameters("code", "answer")
@require_http_methods(["GET", "POST"])
def status(request: HttpRequest) -> HttpResponse:
    """Come back with the code: how far the tip is, what is asked, and room to add something."""
    if request.method == "GET":
        return render(request, "tips/status.html")
    actions.count_visit(*_visitor(request))
    code = request.POST.get("code", "")[:100]
    context: dict[str, Any] = {"code": code, "typed": request.POST}
    try:
        found = actions.tip_of(code)
        if request.POST.get("act") == "answer":
            question, text = request.POST.get("question", ""), request.POST.get("answer", "")
            answer_question(code=code, text=text, question=question)
            context |= {"thanks": True, "typed": {}}
    except TocsinError as error:
        context["error"] = error
        if isinstance(error, NotFound) and error.field == "code":
            return render(request, "tips/status.html", context, status=error.status)
    found = actions.tip_of(code)
    report = Report.objects.get(id=found.report)
    exchange = store.tip_exchange(found.report)
    context |= {
        "tip": found,
        "exchange": exchange,
        "asked": [e for e in exchange if e["row"].asked_at and not e["row"].answered_at],
        "read": report.state != "OPEN",
    }
    return render(request, "tips/status.html", context, status=422 if "error" in context else 200)


@login_required
@require_GET
def thread(request: HttpRequest, report: str) -> HttpResponse:
    """A tip's exchange for analysts: the part of the report's page, or a page of its own."""
    return _thread(request, report)


def _thread(request: HttpRequest, report: str, *, status: int = 200, **more: Any) -> HttpResponse:
    a = actor(request)
    found = store.tip(a, report)
    if found is None:
        raise NotFound("this report is no tip", field="report")
    row = store.report(a, report)
    exchange = store.tip_exchange(report)
    people = {e["row"].asked_by for e in exchange} | {e["row"].read_by for e in exchange}
    mine = a.agency == found.agency
    context = {
        "tip": found,
        "report": row,
        "text": store.texts([row])[row.id].get("text", ""),
        "exchange": exchange,
        "people": names(p for p in people if p),
        "unread": any(e["row"].answered_at and not e["row"].read_at for e in exchange),
        "may_ask": mine and Permission.ASSESS in a.permissions,
        "may_unmask": mine and found.contact and Permission.UNMASK in a.permissions,
        "cap": QUESTION_CAP,
        **more,
    }
    part = bool(request.headers.get("HX-Request"))
    return render(request, "tips/part.html" if part else "tips/thread.html", context, status=status)


@login_required
@require_POST
def thread_act(request: HttpRequest, report: str) -> HttpResponse:
    """Ask whoever gave the tip, note that answers were read, or open the sealed contact for a reason."""
    a, what = actor(request), request.POST.get("act", "")
    try:
        if what == "ask":
            actions.ask_tipster(a, report=report, text=request.POST.get("text", ""))
            messages.success(request, "Your question waits for whoever gave the tip.")
        elif what == "read":
            actions.read_answers(a, report=report)
        elif what == "contact":
            return _contact(request, report)
        else:
            raise Invalid("this form says not what to do", cure="Reload the page and try again.")
    except Invalid as error:
        return _thread(request, report, status=422, error=error, typed=request.POST)
    return redirect("tip-thread", report)


def _contact(request: HttpRequest, report: str) -> HttpResponse:
    a = actor(request)
    permit(a, Permission.UNMASK)
    found = store.tip(a, report)
    if found is None or not found.contact:
        raise NotFound("this tip has no contact", field="report")
    reason = request.POST.get("reason", "")
    kept = look_now(a, report=found.report, vault=found.contact, reason=reason)
    return _thread(request, report, contact=kept.get("contact", ""))


def _named(lines: list[Source]) -> list[tuple[str, str]]:
    agencies = agency_names()
    return [(row.id, f"{row.name} ({agencies.get(row.agency, row.agency)})") for row in lines]


def _visitor(request: HttpRequest) -> tuple[str, str]:
    """Address and browser: counted under a keyed mark for a day, never kept."""
    return request.META.get("REMOTE_ADDR", ""), request.headers.get("User-Agent", "")


urlpatterns = [
    path("tip", tip, name="tip"),
    path("tip/status", status, name="tip-status"),
    path("reports/<str:report>/tip", thread, name="tip-thread"),
    path("reports/<str:report>/tip/act", thread_act, name="tip-act"),
]
