"""Who has it, who has not; the acknowledgement link; what waits for my answer."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.deliver import actions, rules, store
from tocsin.deliver.models import Destination
from tocsin.kernel.errors import Forbidden, Invalid, NotFound, TocsinError
from tocsin.people.store import agency_names
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible, visible_to
from tocsin.record import store as record
from tocsin.warn import document as documents
from tocsin.warn import store as warnings
from tocsin.warn.document import Document
from tocsin.warn.models import Warning
from tocsin.web.middleware import actor


@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def acknowledge(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the link in a message. Reading changes nothing; only its buttons do.

    Mail scanners and previews open links, so a GET neither answers nor counts as opened. The token is the
    authority, and no cookie is: so there is nothing for a forged request to borrow, and a mail program that
    keeps no cookies can still answer.
    """
    link = actions.follow(token)
    if request.method == "POST":
        return _answered(request, token)
    return _by_link(request, token, link)


def _answered(request: HttpRequest, token: str) -> HttpResponse:
    what, text = request.POST.get("do", ""), request.POST.get("text", "")
    try:
        if what == "acknowledge":
            actions.acknowledge_by_link(token)
        elif what == "act":
            actions.act_by_link(token, text)
        elif what == "pass":
            actions.pass_by_link(token, text)
        elif what in ("show", "seen"):
            actions.opened_by_link(token)
            if what == "seen":
                return HttpResponse(status=204)
        else:
            raise Invalid("says nothing we know", field="do", cure="Use the buttons of the page.")
    except TocsinError as e:
        return _by_link(request, token, actions.follow(token), error=e, what=what, text=text)
    if what == "show":
        return _by_link(request, token, actions.follow(token), shown=True)
    return _private(redirect("acknowledge", token))


def _by_link(
    request: HttpRequest,
    token: str,
    link: actions.Link,
    *,
    shown: bool = False,
    error: TocsinError | None = None,
    what: str = "",
    text: str = "",
) -> HttpResponse:
    document = warnings.document(link.warning)
    open_text = rules.text_in_mail(document.label) or link.destination.acknowledged_at is not None
    visible = shown or bool(what) or open_text
    context = {
        **_to_read(document),
        **_standing(link.destination),
        "visible": visible,
        "post_to": reverse("acknowledge", args=[token]),
        "seen_to": reverse("acknowledge", args=[token]) if visible else "",
        "name": link.name,
        "passed": link.delivery.state == "PASSED",
        "error": error,
        "tried": what,
        "typed": text,
    }
    return _private(
        render(request, "receipts/acknowledge.html", context, status=error.status if error else 200)
    )


def _private(response: HttpResponse) -> HttpResponse:
    """A page whose address is a secret: no other site learns it, no search engine keeps it."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def _to_read(document: Document) -> dict[str, Any]:
    return {
        "document": document,
        "judgments": [(j.text, documents.sentence(j)) for j in document.content.judgments],
    }


def _standing(row: Destination) -> dict[str, Any]:
    """What the buttons of an answer depend on."""
    titles = store.roles()
    return {
        "row": row,
        "seat_role": titles.get(row.seat_role, row.seat_role),
        "seat_agency": agency_names().get(row.seat_agency, row.seat_agency),
        "answered": row.acknowledged_at is not None,
        "acted": record.content(row.acted).get("text", "") if row.acted else "",
        "over": row.closed_at is not None,
        "cancel": row.occasion in ("cancel", "purge"),
        "purge": row.occasion == "purge",
    }


@login_required
@require_GET
def answers(request: HttpRequest) -> HttpResponse:
    """What waits for my answer, and what I answered last."""
    a = actor(request)
    return render(request, "receipts/answers.html", standing_lists(a))


@login_required
@require_GET
def answers_part(request: HttpRequest) -> HttpResponse:
    """The list by itself; it follows what comes in."""
    return render(request, "receipts/answers_part.html", standing_lists(actor(request)))


def standing_lists(a: Actor) -> dict[str, Any]:
    """What waits for this actor's answer, and what they answered last."""
    waiting = list(store.waiting(a)[: store.PAGE])
    done = list(store.answered(a)[: store.PAGE])
    rows = Warning.objects.in_bulk({r.warning for r in (*waiting, *done)})
    titles = warnings.titles(rows.values())
    due = store.due({r.id for r in waiting})
    names = agency_names()

    def line(r: Destination) -> dict[str, Any]:
        return {
            "row": r,
            "title": titles.get(r.warning, ""),
            "sender": names.get(r.sender, r.sender),
            "role": store.roles().get(r.seat_role, r.seat_role),
            "label": rows[r.warning].label,
            "duty": due.get(r.id),
        }

    return {"waiting": [line(r) for r in waiting], "done": [line(r) for r in done]}


@login_required
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, destination: str) -> HttpResponse:
    """One warning to read and answer; for its sender, every try to reach that role."""
    a = actor(request)
    row = get_visible(a, Destination.objects.all(), id=destination)
    if request.method == "GET":
        return _answer(request, a, row)
    what, text = request.POST.get("do", ""), request.POST.get("text", "")
    try:
        done = _do(a, row, what, text, request.POST.get("who", ""))
    except TocsinError as e:
        if isinstance(e, NotFound):
            raise
        return _answer(request, a, row, error=e, what=what, text=text)
    if done:
        messages.success(request, done)
    return redirect("answer", destination)


def _do(a: Actor, row: Destination, what: str, text: str, who: str) -> str:
    if what == "acknowledge":
        new = actions.acknowledge(a, destination=row.id)
        return "Acknowledged. The sender sees it." if new else "It was acknowledged before."
    if what == "act":
        actions.act(a, destination=row.id, text=text)
        return "What you did is on the record, and the sender sees it."
    if what == "pass":
        actions.pass_on(a, destination=row.id, text=text)
        return "Passed on. The next person is asked now."
    if what == "voice":
        new = actions.acknowledge_by_voice(a, destination=row.id, who=who, text=text)
        return "Noted. The role counts as reached." if new else "It was acknowledged before."
    raise Invalid("says nothing we know", field="do", cure="Use the buttons of the page.")


def _answer(
    request: HttpRequest,
    a: Actor,
    row: Destination,
    *,
    error: TocsinError | None = None,
    what: str = "",
    text: str = "",
) -> HttpResponse:
    warning = Warning.objects.get(id=row.warning)
    mine, sender = store.is_for(a, row), a.agency == row.sender
    if not mine and not sender:
        raise NotFound("there is no such thing, or it is not yours to see")
    document = warnings.document(warning)
    context = {
        **_to_read(document),
        **_standing(row),
        "visible": True,
        "mine": mine,
        "may_answer": mine and Permission.ACKNOWLEDGE in a.permissions,
        "may_pass": mine and store.sent_to(a, row.id),
        "may_relay": mine
        and row.closed_at is None
        and row.occasion == "release"
        and Permission.ACKNOWLEDGE in a.permissions
        and rules.relay_allowed(document.label),
        "sender": sender,
        "may_voice": sender and Permission.DRAFT in a.permissions,
        "tries": store.tries(row.id) if sender else [],
        "duty": store.due({row.id}).get(row.id),
        "post_to": reverse("answer", args=[row.id]),
        "seen_to": reverse("answer-seen", args=[row.id]) if mine else "",
        "error": error,
        "tried": what,
        "typed": text,
    }
    return render(request, "receipts/answer.html", context, status=error.status if error else 200)


@login_required
@require_POST
def answer_seen(request: HttpRequest, destination: str) -> HttpResponse:
    """The page was visibly open: counts as opened for whom it was sent to."""
    a = actor(request)
    row = get_visible(a, Destination.objects.all(), id=destination)
    actions.see(a, warning=row.warning)
    return HttpResponse(status=204)


@login_required
@require_GET
def matrix(request: HttpRequest, warning: str) -> HttpResponse:
    """Agencies by roles: who has the warning, since when, and what happens next."""
    return render(request, "receipts/matrix.html", _matrix(actor(request), warning))


@login_required
@require_GET
def matrix_part(request: HttpRequest, warning: str) -> HttpResponse:
    """The matrix by itself; it follows the receipts."""
    return render(request, "receipts/matrix_part.html", _matrix(actor(request), warning))


def _matrix(a: Actor, warning: str) -> dict[str, Any]:
    if Permission.READ_CONTENT not in a.permissions:
        raise Forbidden("your role carries no content")
    row = get_visible(a, Warning.objects.all(), id=warning)
    mine = visible_to(a, Destination.objects.filter(warning=warning, seat_agency=a.agency))
    return {
        "row": row,
        "document": warnings.document(row),
        "matrix": store.matrix(a, row),
        "may_halt": row.agency == a.agency and Permission.RELEASE in a.permissions,
        "to_answer": next((d for d in mine if store.is_for(a, d) and not d.acknowledged_at), None),
    }


@login_required
@require_POST
def sending(request: HttpRequest, warning: str) -> HttpResponse:
    """Hold a release up, let it go on, or take back what has not left."""
    a, what = actor(request), request.POST.get("do", "")
    get_visible(a, Warning.objects.all(), id=warning)
    if what == "pause":
        actions.pause(a, warning=warning)
        messages.success(request, "Paused. Nothing more leaves until you let it go on.")
    elif what == "go_on":
        actions.go_on(a, warning=warning)
        messages.success(request, "It goes on.")
    elif what == "take_back":
        actions.take_back_rest(a, warning=warning)
        messages.success(
            request,
            "What had not left stays here. Who has it keeps it: cancel the warning to tell them.",
        )
    else:
        raise Invalid("says nothing we know", field="do", cure="Use the buttons of the page.")
    return redirect("matrix", warning)


urlpatterns = [
    path("a/<str:token>", acknowledge, name="acknowledge"),
    path("answers", answers, name="answers"),
    path("answers/part", answers_part, name="answers-part"),
    path("answers/<str:destination>", answer, name="answer"),
    path("answers/<str:destination>/seen", answer_seen, name="answer-seen"),
    path("warnings/<str:warning>/receipts", matrix, name="matrix"),
    path("warnings/<str:warning>/receipts/sending", sending, name="sending"),
    path("warnings/<str:warning>/receipts/part", matrix_part, name="matrix-part"),
]
