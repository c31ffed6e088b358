"""What other agencies' systems get and send: addresses, collections, files of a warning, passing on a message."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.collect import store as collect
from tocsin.collect.terms import SourceKind
from tocsin.exchange import actions, store
from tocsin.exchange.terms import Format
from tocsin.kernel import settings
from tocsin.kernel.errors import Invalid, NotFound, TocsinError
from tocsin.people.models import Agency
from tocsin.people.store import agency_names
from tocsin.people.terms import Actor, Permission
from tocsin.web.middleware import actor


class InboxForm(forms.Form):
    """A collection partners may send to."""

    title = forms.CharField(
        label="Title", max_length=120, help_text="As partners' systems show it."
    )
    source = forms.ChoiceField(
        label="Read by which source",
        help_text="One of kind “other system”: its authority, purpose and marking hold for what comes.",
    )
    writers = forms.MultipleChoiceField(
        label="Who may send", widget=forms.CheckboxSelectMultiple, help_text="Agencies by name."
    )

    def __init__(self, a: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = collect.sources(a).filter(kind=SourceKind.API, agency=a.agency)
        self.fields["source"].choices = list(mine.values_list("id", "name"))  # type: ignore[attr-defined]
        others = (
            Agency.objects.filter(removed_at=None)
            .exclude(id=a.agency)
            .order_by("name")
            .values_list("id", "name")
        )
        self.fields["writers"].choices = list(others)  # type: ignore[attr-defined]


@login_required
@require_http_methods(["GET", "POST"])
def sharing(request: HttpRequest) -> HttpResponse:
    """Where a partner's system connects, what is there for this agency, and opening an inbox."""
    a = actor(request)
    may_open = Permission.MANAGE_SOURCES in a.permissions
    form = InboxForm(a, request.POST or None) if may_open else None
    if request.method == "POST" and form is not None and form.is_valid():
        try:
            actions.add_inbox(a, **form.cleaned_data)
        except TocsinError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            messages.success(request, "The collection is open.")
            return redirect("sharing")
    known = agency_names()
    base = settings.current().base_url.rstrip("/")
    listed = [
        {
            "row": o.row,
            "rights": o.rights,
            "keeper": known.get(o.row.agency, o.row.agency),
            "writers": [known.get(w, w) for w in o.row.writers],
            "address": f"{base}/taxii2/root/collections/{o.row.id}/",
        }
        for o in store.collections(a)
    ]
    context = {"collections": listed, "form": form, "base": base}
    return render(
        request, "sharing/page.html", context, status=422 if form and form.errors else 200
    )


@login_required
@require_GET
def export(request: HttpRequest, warning: str, format: str) -> HttpResponse:
    """A released warning as a file for another system."""
    from tocsin.exchange.actions.exporting import take_export  # noqa: PLC0415 - XML: few pages need it

    if format not in list(Format):
        raise NotFound("there is no such format", cure=f"Choose of {', '.join(Format)}.")
    cancelled = request.GET.get("cancelled") == "1"
    made = take_export(actor(request), warning=warning, format=Format(format), cancelled=cancelled)
    answer = HttpResponse(made.body, content_type=made.media_type)
    answer["Content-Disposition"] = f'attachment; filename="{made.filename}"'
    return answer


@login_required
@require_POST
def relay(request: HttpRequest, report: str) -> HttpResponse:
    """Begin a warning that passes on the message a report came as."""
    try:
        draft = actions.relay(actor(request), report=report)
    except Invalid as error:
        messages.error(request, str(error))
        return redirect("report", report)
    messages.success(
        request, "A draft with their message is begun. Say what your readers should do."
    )
    return redirect("warning-edit", draft)


urlpatterns = [
    path("sharing", sharing, name="sharing"),
    path("warnings/<str:warning>/export/<str:format>", export, name="warning-export"),
    path("reports/<str:report>/relay", relay, name="report-relay"),
]
