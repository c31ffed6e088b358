"""Errors of the API as RFC 9457 `application/problem+json`, whatever part of the server they come from."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

PREFIX = "/api/"
MEDIA_TYPE = "application/problem+json"
_TAKEN = {"/api/v1/cap": "application/cap+xml"}
"""What is sent in elsewhere than as JSON."""


def problem(
    status: int, detail: str, *, code: str = "", field: str = "", cure: str = ""
) -> HttpResponse:
    """One problem: `type`, `title`, `status`, `detail`, and ours: `code`, `field`, `cure`."""
    title = HTTPStatus(status).phrase
    name = code or title.lower().replace(" ", "_").replace("-", "_")
    body = {
        "type": f"urn:tocsin:problem:{name}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": name,
    }
    if field:
        body["field"] = field
    if cure:
        body["cure"] = cure
    return HttpResponse(json.dumps(body), status=status, content_type=MEDIA_TYPE)


def _has_nul(request: HttpRequest) -> bool:
    """An address with a NUL: no name contains one, and no column of the database holds it."""
    return "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", "")


class ProblemMiddleware:
    """Turns what Django or a parser answers under `/api/` (405, 404, 400, 500) into a problem too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            request.path.startswith(PREFIX)
            and request.method in {"POST", "PUT", "PATCH"}
            and request.content_type != _TAKEN.get(request.path, "application/json")
        ):
            return problem(
                415,
                "this is not the media type taken here",
                field="Content-Type",
                cure=f"Say Content-Type: {_TAKEN.get(request.path, 'application/json')}.",
            )
        if request.path.startswith(PREFIX) and _has_nul(request):
            return problem(400, "the address has a NUL in it", cure="Leave out %00.")
        response = self.get_response(request)
        if (
            not request.path.startswith(PREFIX)
            or response.status_code < HTTPStatus.BAD_REQUEST
            or response.headers.get("Content-Type", "").startswith(MEDIA_TYPE)
        ):
            return response
        made = problem(
            response.status_code, HTTPStatus(response.status_code).description or "refused"
        )
        for name in ("Allow", "Retry-After", "WWW-Authenticate"):
            if name in response.headers:
                made[name] = response.headers[name]
        return made
