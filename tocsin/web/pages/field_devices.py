"""The telephones of an operation: letting one join by a code to be scanned, and shutting it out."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid, NotFound, TocsinError
from tocsin.kernel.settings import current
from tocsin.operate.actions.devices import issue_device, may_issue, revoke_device
from tocsin.operate.rules.devices import Facts, Standing, standing
from tocsin.operate.store import devices as store
from tocsin.operate.terms.devices import CODE_HOLDS, DeviceState
from tocsin.people.models import Operation
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor
from tocsin.plan.actions.staffing import may_staff
from tocsin.plan.models import Post
from tocsin.plan.store import standing as standing_at
from tocsin.web.pages import codes
from tocsin.web.pages.plan_shared import frame, members, mine, taking_part

SHOWN = 200


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def field_devices(request: HttpRequest, operation: str) -> HttpResponse:
    """Who carries which telephone; a code for one more."""
    a, row = mine(request, operation)
    error: TocsinError | None = None
    if request.method == "POST":
        try:
            if request.POST.get("act") == "revoke":
                _revoke(a, row, request.POST.get("device", ""))
                messages.success(request, "Shut out. What it had already sent stays.")
                return redirect("field-devices", operation=row.id)
            return _code(request, a, row, request.POST.get("person", ""))
        except NotFound:
            raise
        except TocsinError as e:
            error = e
    context = {
        **frame(a, row, "devices"),
        "devices": _rows(a, row),
        "people": _people(a, row),
        "may_issue": may_issue(a, row),
        "error": error,
    }
    return render(request, "field/devices.html", context, status=error.status if error else 200)


def _code(request: HttpRequest, a: Actor, row: Operation, person: str) -> HttpResponse:
    """The code, shown once. Its secret stands behind the #: no server and no log ever sees it in an address."""
    if not person:
        raise Invalid("is missing", field="person", cure="Choose who carries the telephone.")
    device, code = issue_device(a, operation=row.id, person=person)
    link = f"{current().base_url}/field/#join={code}"
    context = {
        **frame(a, row, "devices"),
        "code": codes.picture(link),
        "link": link,
        "device": device,
        "person": names([person]).get(person, person),
        "minutes": CODE_HOLDS.seconds // 60,
    }
    return render(request, "field/code.html", context)


def _revoke(a: Actor, row: Operation, device: str) -> None:
    if not store.devices(row.id, a).filter(id=device).exists():
        raise NotFound("there is no such telephone in this operation, or it is not yours to see")
    revoke_device(a, device=device)


def _rows(a: Actor, row: Operation) -> list[dict[str, Any]]:
    now = clock.now()
    found = list(store.devices(row.id, a)[:SHOWN])
    called, shorts = names(d.person for d in found), agency_names()
    at = {s.person: s.post for s in standing_at(row.id, now)}
    posts = dict(Post.objects.filter(id__in=set(at.values())).values_list("id", "label"))
    return [
        {
            "id": d.id,
            "name": called.get(d.person, d.person),
            "agency": shorts.get(d.agency, d.agency),
            "post": posts.get(at.get(d.person, ""), ""),
            "words": _words(d.state, standing(Facts(d.state, d.expires_at, True), now, now)),
            "good": standing(Facts(d.state, d.expires_at, True), now, now) is Standing.GOOD,
            "issued_at": d.issued_at,
            "joined_at": d.joined_at,
            "expires_at": d.expires_at,
            "may_revoke": d.state != DeviceState.REVOKED
            and (d.person == a.person or may_staff(a, row, d.agency)),
        }
        for d in found
    ]


def _words(state: str, found: Standing) -> str:
    return "time is over" if found is Standing.EXPIRED else DeviceState(state).words


def _people(a: Actor, row: Operation) -> list[tuple[str, list[tuple[str, str]]]]:
    """Those the actor may hand a telephone to, by agency."""
    return [
        (short, members(agency)) for agency, short in taking_part(row) if may_staff(a, row, agency)
    ]


urlpatterns = [path("operations/<str:operation>/devices", field_devices, name="field-devices")]
