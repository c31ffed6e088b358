"""The field app's addresses. The page itself holds nothing: what it shows comes as JSON to a device that signs for it.

No cookie is read here, so no other site can make a phone act; that is why these views need no CSRF token.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.templatetags.static import static
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid, TocsinError
from tocsin.operate.actions.devices import join_device, revoke_device
from tocsin.operate.actions.photos import add_photo
from tocsin.operate.devices import Session, Standing, actor_of, look, token_of
from tocsin.operate.store import devices as store
from tocsin.operate.store import field
from tocsin.operate.terms.devices import PHOTO_SENT_CAP
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.record.terms import stamp
from tocsin.web.pages.field_acts import ACTS_CAP, Said, here, perform, refusal, which
from tocsin.web.pages.plan_shared import mine

PARTS = (
    "app.css", "app.js", "acts.js", "draw.js", "ground.js",
    "icon.svg", "keep.js", "link.js", "outbox.js", "photo.js",
)  # fmt: skip
"""The app's own files, in `static/tocsin/field/`: what a phone keeps so that it opens without a line."""
BODY_CAP = 512 * 1024
_CURES = {
    Standing.KEPT: "Hand this phone to whoever leads the operation, as it is.",
    Standing.REVOKED: "Ask whoever leads the operation if this is wrong.",
    Standing.EXPIRED: "The operation is over for this phone. Ask for a new code if you go on.",
    Standing.GONE: "Ask whoever leads the operation.",
    Standing.WRONG_TIME: "Sign anew by our clock.",
}
View = Callable[..., HttpResponse]


def device(view: Callable[[HttpRequest, Session, Actor], HttpResponse] | View) -> View:
    """The door of every address a phone speaks to: a token of a device that may act now, or 401 with the reason."""

    @csrf_exempt
    @functools.wraps(view)
    def guarded(request: HttpRequest, **names: str) -> HttpResponse:
        standing, session = look(token_of(request.headers.get("Authorization", "")))
        if session is None:
            cure = _CURES.get(standing, "Join by a code from whoever leads the operation.")
            said = {"code": standing.code, "field": "", "message": standing.value, "cure": cure}
            return _answer(said, 401)
        try:
            return view(request, session, actor_of(session), **names)
        except TocsinError as e:
            return _answer(refusal(e), e.status)

    return guarded


@csp_update({"img-src": ["blob:"], "worker-src": ["'self'"]})
@require_GET
def app(request: HttpRequest) -> HttpResponse:
    """The page: the same for everybody, and empty until a device has joined."""
    response = render(request, "field/app.html", {"version": version()})
    response["Cache-Control"] = "no-cache"
    response["Permissions-Policy"] = (
        "camera=(self), geolocation=(self), microphone=(), payment=(), usb=()"
    )
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_GET
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker: keeps the app's own files on the phone, never what they show."""
    files = ("tocsin.css", "theme.js", *(f"field/{p}" for p in PARTS))
    keep = ["/field/", *(static(f"tocsin/{f}") for f in files)]
    context = {"version": version(), "keep": json.dumps(keep)}
    response = render(request, "field/sw.js", context, content_type="application/javascript")
    response["Cache-Control"] = "no-cache"
    return response


@require_GET
def manifest(request: HttpRequest) -> HttpResponse:
    """What a phone shows on its home screen."""
    icon = {"src": static("tocsin/field/icon.svg"), "sizes": "any", "type": "image/svg+xml"}
    said = {
        "name": "Tocsin field", "short_name": "Tocsin", "start_url": "/field/", "scope": "/field/",
        "display": "standalone", "background_color": "#15181c", "theme_color": "#15181c", "icons": [icon],
    }  # fmt: skip
    return JsonResponse(said, content_type="application/manifest+json")


@csrf_exempt
@require_POST
def join(request: HttpRequest) -> HttpResponse:
    """A phone joins by the code it scanned."""
    try:
        given = _body(request)
        said = Said(given)
        session = join_device(code=said.text("code"), key=said.key, proof=said.text("proof"))
    except TocsinError as e:
        return _answer(refusal(e), e.status)
    return _answer({"device": session.device, "expires_at": stamp(session.expires_at)}, 201)


@device
@require_GET
def state(request: HttpRequest, session: Session, actor: Actor) -> HttpResponse:
    """Everything the app shows."""
    permit(actor, Permission.READ_CONTENT)
    found = field.state(actor, session, clock.now(), ground=request.GET.get("ground", ""))
    return _answer(found)


@device
@require_POST
def acts(request: HttpRequest, session: Session, actor: Actor) -> HttpResponse:
    """Acts in the phone's own order, and what came of each; `here` = where the phone is."""
    given = _body(request)
    wanted = given.get("acts", [])
    if not isinstance(wanted, list) or len(wanted) > ACTS_CAP:
        raise Invalid(f"are not up to {ACTS_CAP} acts", field="acts", cure="Send fewer at a time.")
    done = [perform(actor, session, one) for one in wanted]
    if given.get("here"):
        here(session, given["here"])
    return _answer({"done": done})


@device
@require_POST
def send_photo(request: HttpRequest, session: Session, actor: Actor) -> HttpResponse:
    """A photo of a sighting: its bytes are the body; `?sighting=&key=&at=` say of what, which, and when."""
    said = Said(request.GET.dict())
    if int(request.headers.get("Content-Length") or 0) > PHOTO_SENT_CAP:
        raise Invalid("is larger than 4 MB", field="photo", cure="Send a smaller one.")
    sent = request.read(PHOTO_SENT_CAP + 1)
    made = add_photo(
        actor, sighting=_own(session, which(actor, said)), sent=sent, taken_at=said.time(), device=session.device,
        key=said.key,
    )  # fmt: skip
    return _answer({"sha256": made}, 201)


@device
@require_POST
def leave(request: HttpRequest, session: Session, actor: Actor) -> HttpResponse:
    """The phone is given back: it shuts itself out."""
    revoke_device(actor, device=session.device)
    return _answer({})


@device
@require_GET
def photo(request: HttpRequest, session: Session, actor: Actor, sha256: str) -> HttpResponse:
    """A photo by its hash, `?thumb` for the small one."""
    return _picture(request, actor, session.operation, sha256)


@login_required
@require_GET
def operation_photo(request: HttpRequest, operation: str, sha256: str) -> HttpResponse:
    """The same for whoever is signed in and takes part."""
    actor, row = mine(request, operation)
    return _picture(request, actor, row.id, sha256)


@require_GET
def plain(request: HttpRequest) -> HttpResponse:
    """`/field` without its stroke, as people type it."""
    return HttpResponseRedirect("/field/")


def version() -> str:
    """Changes when any of the app's files does: then phones fetch it anew, all of it together."""
    digest = hashlib.sha256(get_template("field/app.html").template.source.encode())  # type: ignore[attr-defined]
    for name in ("tocsin.css", "theme.js", *(f"field/{p}" for p in PARTS)):
        if found := finders.find(f"tocsin/{name}"):
            with open(found, "rb") as f:
                digest.update(f.read())
    return digest.hexdigest()[:12]


def _picture(request: HttpRequest, actor: Actor, operation: str, sha256: str) -> HttpResponse:
    small = "thumb" in request.GET
    row = store.photo(actor, operation, sha256)
    response = HttpResponse(store.image(row, thumb=small), content_type="image/webp")
    response["Cache-Control"] = "private, no-store"
    response["Content-Security-Policy"] = "default-src 'none'"
    return response


def _own(session: Session, sighting: str) -> str:
    """A photo goes to a sighting of the device's own operation. Raises: Invalid."""
    from tocsin.operate.models import Sighting  # noqa: PLC0415
    from tocsin.people.visibility import get_visible  # noqa: PLC0415

    return str(
        get_visible(
            actor_of(session), Sighting.objects.filter(operation=session.operation), id=sighting
        ).id
    )


def _body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of a request. Raises: Invalid."""
    raw = request.read(BODY_CAP + 1)
    if len(raw) > BODY_CAP:
        raise Invalid("is larger than 512 kB", field="body", cure="Send less at a time.")
    try:
        given = json.loads(raw)
    except ValueError as e:
        raise Invalid("is no JSON", field="body", cure="Send a JSON object.") from e
    if not isinstance(given, dict):
        raise Invalid("is no JSON object", field="body", cure="Send a JSON object.")
    return given


def _answer(said: dict[str, Any], status: int = 200) -> HttpResponse:
    """JSON for a phone. It always says what time it is here: phones go wrong, and a token is signed by the clock."""
    response = JsonResponse({"now": stamp(clock.now()), **said}, status=status)
    response["Cache-Control"] = "no-store"
    return response


urlpatterns = [
    path("field", plain, name="field-plain"),
    path("field/", app, name="field"),
    path("field/sw.js", worker, name="field-worker"),
    path("field/manifest.webmanifest", manifest, name="field-manifest"),
    path("field/join", join, name="field-join"),
    path("field/state", state, name="field-state"),
    path("field/acts", acts, name="field-acts"),
    path("field/leave", leave, name="field-leave"),
    path("field/photos", send_photo, name="field-send-photo"),
    path("field/photos/<str:sha256>", photo, name="field-photo"),
    path("operations/<str:operation>/photos/<str:sha256>", operation_photo, name="photo"),
]
