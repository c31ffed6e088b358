"""Search, and the searches a person saved."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_POST

from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Invalid
from tocsin.people.models import SavedSearch
from tocsin.people.rules import permit
from tocsin.people.store import operations_of
from tocsin.people.terms import Permission
from tocsin.web import searching
from tocsin.web.middleware import actor
from tocsin.web.pages.warning_times import read_local
from tocsin.web.searching import KINDS, Asked

_FIELDS = ("q", "kind", "operation", "since", "until", "precedence", "state")
SAVED_AT_MOST = 30
LONGEST = 200


@login_required
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """What matches, by kind; with no words or filter, how to search."""
    a = actor(request)
    permit(a, Permission.READ_CONTENT)
    error, found = "", []
    asked = Asked()
    try:
        asked = _asked(request.GET)
        found = searching.search(a, asked, request.GET.get("before", "").replace("\x00", ""))
    except Invalid as e:
        error = str(e)
    events = list(operations_of(a).values_list("id", "name"))
    one = found[0] if len(found) == 1 and asked.kind else None
    context = {
        "typed": {name: request.GET.get(name, "") for name in _FIELDS},
        "asked": asked,
        "found": found,
        "error": error,
        "kinds": [(key, kind.label) for key, kind in KINDS.items()],
        "operations": events,
        "names": dict(events),
        "precedences": [p.value for p in Precedence],
        "saved": [
            (s, f"{reverse('search')}?{urlencode(s.query)}")
            for s in SavedSearch.objects.filter(person=a.person).order_by("name")[:SAVED_AT_MOST]
        ],
        "older": one.hits[-1].cursor if one and one.more else "",
    }
    return render(request, "search/page.html", context, status=422 if error else 200)


def _asked(typed: QueryDict) -> Asked:
    """Raises: Invalid naming the field."""
    words = typed.get("q", "").strip().replace("\x00", "")
    if len(words) > LONGEST:
        raise Invalid(f"over {LONGEST} characters", field="words", cure="Search for a few words.")
    since, until = (_day(typed.get(name, ""), name) for name in ("since", "until"))
    return Asked(
        words=words,
        kind=typed.get("kind", ""),
        operation=typed.get("operation", "").replace("\x00", ""),
        since=since,
        until=until + timedelta(days=1) if until else None,
        precedence=typed.get("precedence", "").replace("\x00", ""),
        state=typed.get("state", ""),
    )


def _day(text: str, field: str) -> datetime | None:
    return read_local(f"{text.strip()}T00:00", field) if text.strip() else None


@login_required
@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keep a search under a name; convenience of one person, so not on the record."""
    a = actor(request)
    permit(a, Permission.READ_CONTENT)
    name = request.POST.get("name", "").strip().replace("\x00", "")[:80]
    query = {k: v.replace("\x00", "")[:LONGEST] for k in _FIELDS if (v := request.POST.get(k, ""))}
    if not name or not query:
        raise Invalid(
            "the search has no name, or asks for nothing",
            field="name",
            cure="Search first, then name it.",
        )
    if SavedSearch.objects.filter(person=a.person).count() >= SAVED_AT_MOST:
        raise Invalid(
            f"you keep {SAVED_AT_MOST} searches already", field="name", cure="Forget one first."
        )
    SavedSearch.objects.update_or_create(person=a.person, name=name, defaults={"query": query})
    messages.success(request, f"Kept as “{name}”.")
    return redirect(f"{reverse('search')}?{urlencode(query)}")


@login_required
@require_POST
def forget(request: HttpRequest, number: int) -> HttpResponse:
    """Forget one of my own saved searches; another's is not touched."""
    SavedSearch.objects.filter(person=actor(request).person, id=number).delete()
    return redirect("search")


urlpatterns = [
    path("search", search, name="search"),
    path("search/save", save, name="search-save"),
    path("search/<int:number>/forget", forget, name="search-forget"),
]
