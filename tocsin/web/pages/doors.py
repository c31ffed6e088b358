"""Doors that need no account: a warning passed on, a test that came, a link to sign in by.

Reading changes nothing: mail scanners and previews open links. Only a press does.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from tocsin.deliver import rules, store
from tocsin.deliver.actions import ask_for_link, entering, relaying, trying
from tocsin.deliver.terms import Channel
from tocsin.kernel.errors import Conflict, TocsinError
from tocsin.people.store import agency_names
from tocsin.warn import document as documents
from tocsin.warn import store as warnings


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def passed(request: HttpRequest, token: str) -> HttpResponse:
    """A warning that somebody passed on, and the press that says it was read."""
    found = relaying.follow(token)
    error: TocsinError | None = None
    said, name = False, request.POST.get("name", "")
    if request.method == "POST" and request.POST.get("do") == "read":
        try:
            relaying.read_it(token, name=name)
            said = True
        except TocsinError as e:
            error = e
        else:
            found = relaying.follow(token)
    document = warnings.document(found.warning)
    read_at = found.reader.read_at if found.reader else None
    shown = said or bool(request.POST) or rules.text_in_mail(document.label)
    context = {
        "document": document,
        "judgments": [(j.text, documents.sentence(j)) for j in document.content.judgments],
        "by": agency_names().get(found.relay.agency, found.relay.agency),
        "note": store.words_of(found.relay.note) if shown else "",
        "sheet": found.reader is None,
        "read": said or read_at is not None,
        "shown": shown or read_at is not None,
        "name": name,
        "error": error,
    }
    return _private(
        render(request, "portal/passed.html", context, status=error.status if error else 200)
    )


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def came(request: HttpRequest, token: str) -> HttpResponse:
    """A test of a way, and the press that says it came."""
    found = trying.follow(token)
    done = found.answered_at is not None
    if request.method == "POST":
        trying.it_came(token)
        done = True
    context = {"done": done, "way": Channel(found.kind).words}
    return _private(render(request, "portal/came.html", context))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a link to sign in by. The answer is the same whether the address is known here or not."""
    if request.method == "POST":
        ask_for_link(request.POST.get("email", ""))
        return render(request, "portal/asked.html")
    return render(request, "portal/ask.html")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in by a link: by the press only, and past the second step where the account has one."""
    from allauth.account.internal.flows.login import record_authentication  # noqa: PLC0415
    from allauth.account.utils import perform_login  # noqa: PLC0415 - allauth wants Django ready

    try:
        account = entering.whose(token)
    except Conflict as e:
        messages.error(request, f"{e.message[:1].upper()}{e.message[1:]}. {e.cure}")
        return redirect("sign-in-link")
    if request.method != "POST":
        return _private(render(request, "portal/enter.html", {"name": account.name}))
    # Noted as allauth notes a mailed code: so they may add a passkey without a password.
    record_authentication(request, account, method="code", email=account.email)
    response: HttpResponse = perform_login(
        request, account, email_verification="none", redirect_url="/partner"
    )
    return response


def _private(response: HttpResponse) -> HttpResponse:
    """A page whose address is a secret: no other site learns it, no search engine keeps it."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


urlpatterns = [
    path("a/p/<str:token>", passed, name="passed"),
    path("a/t/<str:token>", came, name="came"),
    path("accounts/link", ask, name="sign-in-link"),
    path("accounts/link/<str:token>", enter, name="sign-in-by-link"),
]
