"""The record's tree for strangers' tools (C2SP tlog-tiles): checkpoint and tiles, hashes only.

Entries are not served: they tell across agencies who did what when. `tocsin record tiles` writes them for
those who may know. The tree is for whoever reads the record, and for anybody where `publish_tree` is set.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_safe

from tocsin.kernel import settings
from tocsin.kernel.errors import NotFound
from tocsin.people.rules import permit
from tocsin.people.terms import Permission
from tocsin.record.proof import published
from tocsin.web.middleware import actor

_FOR_EVER = "public, max-age=31536000, immutable"


@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest signed checkpoint, with the witnesses' signatures."""
    if (refused := _refused(request)) is not None:
        return refused
    last = published.newest()
    if last is None:
        raise NotFound("nothing has been signed yet")
    response = HttpResponse(published.signed(last), content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    return response


@require_safe
def tile(request: HttpRequest, where: str) -> HttpResponse:
    """A tile of hashes, whole or partial."""
    if (refused := _refused(request)) is not None:
        return refused
    if where.startswith("entries/"):
        raise NotFound("entries are not served, only their hashes")
    response = HttpResponse(
        published.served(f"tile/{where}"), content_type="application/octet-stream"
    )
    if settings.current().publish_tree:
        response.headers["Cache-Control"] = _FOR_EVER
    return response


def _refused(request: HttpRequest) -> HttpResponse | None:
    if settings.current().publish_tree:
        return None
    if not request.user.is_authenticated:
        return redirect("account_login")
    permit(actor(request), Permission.READ_RECORD)
    return None


urlpatterns = [
    path("tlog/checkpoint", checkpoint, name="tlog-checkpoint"),
    path("tlog/tile/<path:where>", tile, name="tlog-tile"),
]
