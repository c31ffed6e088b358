"""The API itself: who may call, what is refused before it reaches an endpoint, and how errors are told."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DataError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import HttpBearer

from tocsin import __version__
from tocsin.api.problems import problem
from tocsin.kernel.errors import TocsinError
from tocsin.people.terms import Actor
from tocsin.people.tokens import holder

log = logging.getLogger("tocsin.api")


class Key(HttpBearer):
    """`Authorization: Bearer …`. Session cookies do not count here, so there is nothing to forge."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        return holder(token)


api = NinjaAPI(
    title="Tocsin",
    version=__version__,
    description="Reports in, warnings and acknowledgements out. Every call acts as the person its key belongs to.",
    auth=Key(),
    urls_namespace="api",
    docs_url=None,
)


def actor_of(request: HttpRequest) -> Actor:
    """The actor the key belongs to."""
    found: Actor = request.auth  # type: ignore[attr-defined]  # set by ninja once Key has agreed
    return found


@api.exception_handler(TocsinError)
def _ours(request: HttpRequest, error: TocsinError) -> HttpResponse:
    return problem(error.status, error.message, code=error.code, field=error.field, cure=error.cure)


@api.exception_handler(AuthenticationError)
def _nobody(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    answer = problem(
        401, "this key is unknown or ended", cure="Send Authorization: Bearer and a key in force."
    )
    answer["WWW-Authenticate"] = "Bearer"
    return answer


@api.exception_handler(ValidationError)
def _shape(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    return problem(
        422,
        first["msg"],
        code="invalid",
        field=where or "body",
        cure="See the schema at /api/v1/openapi.json.",
    )


@api.exception_handler(HttpError)
def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(error.status_code, error.message)


@api.exception_handler(DataError)
def _unstorable(request: HttpRequest, error: DataError) -> HttpResponse:
    log.warning("not stored at %s: %s", request.path, error)
    return problem(
        400,
        "something in it cannot be stored",
        cure="Leave out NUL characters, and numbers beyond what the schema at /api/v1/openapi.json allows.",
    )


@api.exception_handler(RequestDataTooBig)
def _large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return problem(413, f"send at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes at a time")
