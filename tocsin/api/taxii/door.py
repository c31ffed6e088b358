"""Who may come in, what media they must speak, and how errors are told: TAXII's own message, never a page."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from tocsin.formats import taxii
from tocsin.kernel.errors import Invalid, TocsinError
from tocsin.people.terms import Actor
from tocsin.people.tokens import holder

log = logging.getLogger("tocsin.api")
_BAD_JSON = 422

Handler = Callable[..., HttpResponse]


def door(**handlers: Handler) -> Callable[..., HttpResponse]:
    """A view of the methods given (`get=…, post=…`), each called with the actor behind the caller's key.

    1. A key in force, as `Authorization: Bearer` or as the password of `Basic`: else 401.
    2. A method there is: else 405. 3. An Accept we can answer: else 406. 4. A POST in TAXII's media type: else 415.
    """
    by_method = {name.upper(): handler for name, handler in handlers.items()}

    @csrf_exempt  # no session counts here: every call carries its key
    def view(request: HttpRequest, **where: str) -> HttpResponse:
        actor = _caller(request)
        if actor is None:
            answer = refused(401, "Sign in", "Send a key in force, as Bearer or as Basic password.")
            answer["WWW-Authenticate"] = 'Basic realm="Tocsin", Bearer'
            return answer
        handler = by_method.get(request.method or "")
        if handler is None:
            answer = refused(405, "Not a method of this resource")
            answer["Allow"] = ", ".join(sorted(by_method))
            return answer
        if not taxii.acceptable(request.headers.get("Accept", "")):
            return refused(406, "Not acceptable", f"This server sends {taxii.MEDIA_TYPE}.")
        if request.method == "POST" and not taxii.is_ours(request.headers.get("Content-Type", "")):
            return refused(415, "Unsupported media type", f"Send {taxii.MEDIA_TYPE}.")
        return _guarded(handler, request, actor, where)

    return view


def _guarded(
    handler: Handler, request: HttpRequest, actor: Actor, where: dict[str, str]
) -> HttpResponse:
    try:
        return handler(request, actor, **where)
    except Invalid as error:
        status = _BAD_JSON if request.method == "POST" else 400
        return refused(status, error.field or "Invalid", str(error))
    except TocsinError as error:
        return refused(error.status, error.code, str(error))
    except RequestDataTooBig:
        return refused(413, "Too large", "Send fewer objects at a time; see max_content_length.")


def answered(made: Any, status: int = 200) -> HttpResponse:
    """A resource as JSON."""
    body = made if isinstance(made, bytes) else msgspec.json.encode(made)
    return HttpResponse(body, status=status, content_type=taxii.MEDIA_TYPE)


def refused(status: int, title: str, description: str = "") -> HttpResponse:
    """TAXII's error message."""
    return answered(taxii.error(status, title, description), status)


def _caller(request: HttpRequest) -> Actor | None:
    """The actor of the key sent. Names and passwords of people do not count: a system has a key of its own."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    given = given.strip()
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return None
    elif scheme.lower() != "bearer":
        return None
    return holder(given) if given else None


__all__ = ["answered", "door", "refused"]
