"""Refusals and failures, in plain words with the cure: a page for people, RFC 9457 problem+json for programs."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from tocsin.kernel.errors import TocsinError
from tocsin.web import down

log = logging.getLogger("tocsin.web")
_PROGRAMS = ("/api/", "/taxii2/", "/field/state", "/field/acts")
"""What only programs call: they get JSON, whatever they say they like."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What the page says: a heading, what is wrong, what to do."""

    status: int
    code: str
    heading: str
    message: str
    cure: str = ""
    field: str = ""


_HEADINGS = {
    400: "This request cannot be read",
    403: "This is not yours to do",
    404: "There is nothing here for you",
    409: "Somebody changed this first",
    422: "Something in it is not right",
    500: "Something broke on our side",
    503: "Tocsin cannot reach its database",
}
_NOT_FOUND = Refused(
    404, "not_found", _HEADINGS[404], "There is no such page, or it is not yours to see.",
    "Check the address, or start from what is owed.",
)  # fmt: skip
_FORBIDDEN = Refused(
    403, "forbidden", _HEADINGS[403], "This needs another role, or the page was open for too long.",
    "Reload the page and try again; if it is refused again, ask your administrator for the role.",
)  # fmt: skip
_BAD = Refused(
    400,
    "bad_request",
    _HEADINGS[400],
    "Some part of it is malformed.",
    "Go back, reload the page and try again.",
)
_BROKEN = Refused(
    500, "error", _HEADINGS[500], "Nothing was changed: what was begun was undone.",
    "Try again. If it happens again, tell your administrator the time and what you did.",
)  # fmt: skip


_BUSY = Refused(
    503, "busy", "For a moment Tocsin could not use its database", "What you sent was not confirmed.",
    "Wait a moment, look whether it is there, and try again.",
)  # fmt: skip
_AGAIN = (
    "It goes on by itself when the database is back: try again in a minute. What cannot wait goes by phone or radio. "
    "Your administrator sees what is wrong with `tocsin check`."
)
_RETRY_AFTER_S = 5


def unreachable(request: HttpRequest, *, sure: bool) -> HttpResponse:
    """The database cannot be reached. `sure` = nothing was begun; else its last answer may have got lost."""
    said = "Nothing you sent was kept." if sure else (
        "What you sent was not confirmed: before you send it again, look whether it is there."
    )  # fmt: skip
    response = _answer(request, Refused(503, "database_unreachable", _HEADINGS[503], said, _AGAIN))
    response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    return response


def refusal(request: HttpRequest, error: TocsinError) -> HttpResponse:
    """The answer to a refusal by an action or a read."""
    heading = _HEADINGS.get(error.status, _HEADINGS[500])
    if error.status >= 500:
        log.error("%s at %s", error, request.path)
    return _answer(
        request, Refused(error.status, error.code, heading, error.message, error.cure, error.field)
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, _BAD)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, _FORBIDDEN)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token: an old page, or another site's doing."""
    return _answer(request, _FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, _NOT_FOUND)


def broken(request: HttpRequest) -> HttpResponse:
    if down.lost(sys.exc_info()[1]):
        sure = request.method in {"GET", "HEAD", "OPTIONS"}
        return unreachable(request, sure=sure) if down.outage.begins() else _answer(request, _BUSY)
    return _answer(request, _BROKEN)


def _answer(request: HttpRequest, refused: Refused) -> HttpResponse:
    if _wants_json(request):
        problem = {
            "type": f"about:blank#{refused.code}",
            "title": refused.heading,
            "status": refused.status,
        }
        problem |= {"detail": refused.message, "code": refused.code}
        problem |= {k: v for k, v in (("field", refused.field), ("cure", refused.cure)) if v}
        return JsonResponse(problem, status=refused.status, content_type="application/problem+json")
    if request.headers.get("HX-Request"):
        words = ". ".join(p.rstrip(".") for p in (refused.message, refused.cure) if p) + "."
        words = f"{refused.field}: {words}" if refused.field else words[:1].upper() + words[1:]
        # Answered without a body: the frame shows the words and keeps what was typed.
        status = 400 if refused.status == 422 else refused.status
        return HttpResponse(status=status, headers={"Tocsin-Message": quote(words)})
    # A failed page must not depend on the database: only refusals get the full frame.
    frame = request if refused.status < 500 and hasattr(request, "user") else None
    return HttpResponse(
        render_to_string("error.html", {"error": refused}, frame), status=refused.status
    )


def _wants_json(request: HttpRequest) -> bool:
    if request.path.startswith(_PROGRAMS):
        return True
    return request.get_preferred_type(
        ["text/html", "application/json", "application/problem+json"]
    ) in {
        "application/json",
        "application/problem+json",
    }
