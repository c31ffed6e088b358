"""A partner's own page: what waits for me, what I was sent, passing it to my people, my contacts and rota."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.deliver import actions, rules, store
from tocsin.deliver.actions.directory import keeps
from tocsin.deliver.actions.relaying import token
from tocsin.deliver.channels import push
from tocsin.deliver.models import Destination, Push, Relay
from tocsin.deliver.terms import Channel, Reason
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import Forbidden, Invalid, NotFound, TocsinError
from tocsin.people import actions as people
from tocsin.people.models import Grant, Shift
from tocsin.people.store import names
from tocsin.people.terms import Actor, Permission, Role
from tocsin.people.visibility import get_visible
from tocsin.warn import store as warnings
from tocsin.warn.models import Warning
from tocsin.web.middleware import actor
from tocsin.web.pages.codes import picture
from tocsin.web.pages.receipts import standing_lists
from tocsin.web.pages.warning_times import read_local

_SHOWN = 20


def _partner(request: HttpRequest) -> Actor:
    """Who is asked for answers, or keeps their agency's contacts. Raises: Forbidden."""
    a = actor(request)
    if not a.permissions & {Permission.ACKNOWLEDGE, Permission.KEEP_CONTACTS}:
        raise Forbidden("this page is for those whom warnings are sent to")
    return a


@login_required
@require_GET
def portal(request: HttpRequest) -> HttpResponse:
    """Everything a partner needs, what is owed first."""
    a = _partner(request)
    context = {
        **standing_lists(a),
        **_passed_on(a),
        **_reached(a),
        "rota": _rota(a),
        "push_key": push.public_key(settings.current().data_dir),
        "pushes": Push.objects.filter(person=a.person).count(),
    }
    return render(request, "portal/home.html", context)


@login_required
@require_GET
def portal_part(request: HttpRequest) -> HttpResponse:
    """What waits, by itself; it follows what comes in."""
    return render(request, "portal/waiting.html", standing_lists(_partner(request)))


def _passed_on(a: Actor) -> dict[str, Any]:
    rows = list(store.relays(a)[:_SHOWN])
    heard = store.heard([r.id for r in rows])
    titles = _titles({r.warning for r in rows})
    return {
        "relays": [(r, titles.get(r.warning, ""), *heard.get(r.id, (0, 0))) for r in rows],
    }


def _titles(ids: set[str]) -> dict[str, str]:
    return warnings.titles(Warning.objects.in_bulk(ids).values())


def _reached(a: Actor) -> dict[str, Any]:
    """How warnings reach the actor's agency, line by line, and what is wrong with each."""
    rows = list(store.contacts(a)[:100])
    silent, tried, roles = store.silent(rows), store.trials(rows), store.roles()
    return {
        "contacts": [
            {
                "line": line,
                "role": roles.get(line.row.seat_role, line.row.seat_role),
                "ways": [(Channel(w.kind).words, w.address) for w in line.card.ways],
                "mine": keeps(a, line.row.agency, line.row.seat_agency),
                "silent": line.row.id in silent,
                "trials": [
                    (Channel(t.kind).words, t, Reason[t.reason].value if t.reason else "")
                    for t in tried.get(line.row.id, [])
                ],
            }
            for line in store.lines(rows)
        ],
        "thin": [
            (roles.get(s.role, s.role), why)
            for s, why in store.thin_seats(a).items()
            if s.agency == a.agency
        ],
        "may_add": keeps(a, a.agency, a.agency),
    }


def _rota(a: Actor) -> dict[str, Any]:
    now = clock.now()
    rows = list(Shift.objects.filter(agency=a.agency, ends_at__gt=now).order_by("starts_at")[:50])
    held = Grant.objects.filter(agency=a.agency, revoked_at=None).order_by("role")
    seats = list(held.values_list("person", "role"))
    known = names({s.person for s in rows} | {p for p, _ in seats})
    return {
        "shifts": [
            (known.get(s.person, s.person), Role(s.role).title, s, s.starts_at <= now) for s in rows
        ],
        "seats": [(f"{p}:{r}", f"{known.get(p, p)}, {Role(r).title}") for p, r in seats],
        "may": bool(a.permissions & {Permission.KEEP_CONTACTS, Permission.MANAGE_SHIFTS}),
    }


@login_required
@require_POST
def portal_rota(request: HttpRequest) -> HttpResponse:
    """Put somebody of one's own agency on call."""
    a = _partner(request)
    person, _, role = request.POST.get("seat", "").partition(":")
    try:
        starts = read_local(request.POST.get("starts_at", ""), "starts_at")
        ends = read_local(request.POST.get("ends_at", ""), "ends_at")
        held = Grant.objects.filter(person=person, role=role, agency=a.agency, revoked_at=None)
        if not held.exists():
            raise Invalid("choose somebody of your own agency", field="seat")
        if starts is None or ends is None:
            raise Invalid("say from when until when", field="starts_at")
        people.plan_shift(a, person=person, role=Role(role), starts_at=starts, ends_at=ends)
        messages.success(request, "On the rota. Duties go to who is on call.")
    except Invalid as e:
        messages.error(request, f"Not done: {e.message}. {e.cure}".strip())
    return redirect("/partner#rota")


@login_required
@require_POST
def portal_test(request: HttpRequest) -> HttpResponse:
    """Send a test by every way of a line."""
    try:
        n = actions.test_ways(_partner(request), recipient=request.POST.get("recipient", ""))
        ways = "1 way" if n == 1 else f"{n} ways"
        messages.success(
            request, f"A test is on its way by {ways}. Press the link in it when it comes."
        )
    except TocsinError as e:
        messages.error(request, f"Not sent: {e.message}. {e.cure}".strip())
    return redirect("/partner#contacts")


@login_required
@require_POST
def portal_push(request: HttpRequest) -> HttpResponse:
    """Let this browser show when something waits, or no longer."""
    a = _partner(request)
    try:
        sent = msgspec.json.decode(request.body, type=_Subscription)
    except msgspec.DecodeError as e:
        raise Invalid(str(e), field="body", cure="Use the button of the page.") from e
    if not sent.endpoint.startswith("https://") or len(sent.endpoint) > 2000:
        raise Invalid("no address of a push service", field="endpoint")
    if sent.off:
        Push.objects.filter(endpoint=sent.endpoint, person=a.person).delete()
    elif Push.objects.filter(person=a.person).count() < _SHOWN:
        keys = {"p256dh": sent.p256dh[:200], "auth": sent.auth[:100]}
        Push.objects.update_or_create(
            endpoint=sent.endpoint, defaults={"person": a.person, "at": clock.now(), **keys}
        )
    return HttpResponse(status=204)


class _Subscription(msgspec.Struct):
    endpoint: str
    p256dh: str = ""
    auth: str = ""
    off: bool = False


@login_required
@require_http_methods(["GET", "POST"])
def portal_pass(request: HttpRequest, destination: str) -> HttpResponse:
    """Pass a warning to one's own people: by mail to each, or as a sheet to be signed by scanning."""
    a = _partner(request)
    row = get_visible(a, Destination.objects.all(), id=destination)
    if not store.is_for(a, row):
        raise NotFound("there is no such thing, or it is not yours to see")
    typed = {k: request.POST.get(k, "") for k in ("people", "note")}
    error: TocsinError | None = None
    if request.method == "POST":
        try:
            relay = actions.pass_to(
                a,
                destination=destination,
                people=_people(typed["people"]),
                sheet=request.POST.get("sheet") == "yes",
                note=typed["note"],
            )
        except (Invalid, Forbidden) as e:
            error = e
        else:
            messages.success(request, "Passed on. Each of them shows here when they have read it.")
            return redirect("portal-relay", relay)
    document = warnings.document(Warning.objects.get(id=row.warning))
    context = {
        "row": row,
        "document": document,
        "allowed": rules.relay_allowed(document.label),
        "typed": typed,
        "error": error,
        "earlier": _passed_on(a)["relays"],
    }
    return render(request, "portal/pass.html", context, status=422 if error else 200)


def _people(text: str) -> list[tuple[str, str]]:
    """One a line: an address, or a name and an address in any usual spelling. Raises: Invalid naming the line."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = re.fullmatch(r"\s*(.*?)[\s,;<]*([^\s,;<>]+@[^\s,;<>]+)[>\s,;]*", line)
        if match is None or not rules.is_email(match[2]):
            raise Invalid(
                f"line {number} holds no e-mail address: {line.strip()[:60]!r}",
                field="people",
                cure="Write one person a line, like Ana Alvarez ana@example.org.",
            )
        found.append((match[1].strip(" \"'"), match[2]))
    return found


def _relay(a: Actor, relay: str) -> Relay:
    return get_visible(a, Relay.objects.filter(agency=a.agency), id=relay)


@login_required
@require_GET
def portal_relay(request: HttpRequest, relay: str) -> HttpResponse:
    """Who of one's people has read what was passed on."""
    a = _partner(request)
    row = _relay(a, relay)
    read, total = store.heard([row.id]).get(row.id, (0, 0))
    context = {
        "relay": row,
        "title": _titles({row.warning}).get(row.warning, ""),
        "by": names([row.person]).get(row.person, row.person),
        "note": store.words_of(row.note),
        "readers": [
            (card.name, r, Reason[r.reason].value if r.reason else "")
            for r, card in store.readers(row)
        ],
        "read": read,
        "total": total,
    }
    return render(request, "portal/relay.html", context)


@login_required
@require_GET
def portal_sheet(request: HttpRequest, relay: str) -> HttpResponse:
    """The sheet for roll call: the warning, and a code that each officer scans to say it was read."""
    a = _partner(request)
    row = _relay(a, relay)
    if not row.sheet:
        raise NotFound("this was passed on by mail only")
    warning = Warning.objects.get(id=row.warning)
    link = f"{settings.current().base_url}/a/p/{token(row.id)}"
    document = warnings.document(warning)
    context = {"document": document, "relay": row, "code": picture(link), "link": link}
    return render(request, "portal/sheet.html", context)


@login_required
@require_GET
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script that shows a push; it may look after `/partner` and nothing else."""
    response = render(request, "portal/sw.js", content_type="text/javascript")
    response["Service-Worker-Allowed"] = "/partner"
    response["Cache-Control"] = "no-cache"
    return response


urlpatterns = [
    path("partner", portal, name="portal"),
    path("partner/part", portal_part, name="portal-part"),
    path("partner/rota", portal_rota, name="portal-rota"),
    path("partner/test", portal_test, name="portal-test"),
    path("partner/push", portal_push, name="portal-push"),
    path("partner/<str:destination>/pass", portal_pass, name="portal-pass"),
    path("partner/passed/<str:relay>", portal_relay, name="portal-relay"),
    path("partner/passed/<str:relay>/sheet", portal_sheet, name="portal-sheet"),
    path("sw.js", service_worker, name="service-worker"),
]
