"""TAXII 2.1's endpoints: discovery, one API root, status, collections, manifest, objects, versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings as django
from django.http import HttpRequest, HttpResponse

from tocsin.api.taxii.door import answered
from tocsin.exchange import actions, store
from tocsin.exchange.store import Open, Shared
from tocsin.formats import taxii
from tocsin.formats.stix_terms import MEDIA_TYPE
from tocsin.kernel import settings
from tocsin.kernel.errors import Forbidden, NotFound
from tocsin.people.terms import Actor

ROOT = "/taxii2/root/"


def discovery(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What there is here: one API root."""
    root = settings.current().base_url.rstrip("/") + ROOT
    return answered(
        {
            "title": "Tocsin",
            "description": "Warnings for your agency, and inboxes for what you report.",
            "default": root,
            "api_roots": [root],
        }
    )


def api_root(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The API root."""
    return answered(
        {
            "title": "Tocsin",
            "description": "Each account sees what its agency needs to know.",
            "versions": [taxii.MEDIA_TYPE],
            "max_content_length": django.DATA_UPLOAD_MAX_MEMORY_SIZE,
        }
    )


def status(request: HttpRequest, actor: Actor, status_id: str) -> HttpResponse:
    """What became of a POST of the account's agency."""
    return answered(store.status(actor, status_id))


def collections(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The collections of this account."""
    listed = [_shown(o) for o in store.collections(actor)]
    return answered({"collections": listed} if listed else {})


def collection(request: HttpRequest, actor: Actor, collection_id: str) -> HttpResponse:
    """One collection."""
    return answered(_shown(store.collection(actor, collection_id)))


def manifest(request: HttpRequest, actor: Actor, collection_id: str) -> HttpResponse:
    """Ids and versions of what is in a collection, in the order it was added."""
    found = _readable(actor, collection_id)
    query = taxii.query(request.GET.dict())
    rows, more = store.page(found.row.id, query, bodies=False)
    shown = store.seen(actor, rows)
    made = taxii.manifest(
        [(r.body, r.added, r.version) for r in shown], more=more, next_=_next(rows)
    )
    return _dated(answered(made), rows)


def objects(request: HttpRequest, actor: Actor, collection_id: str) -> HttpResponse:
    """A page of objects. That the account's system has the warnings among them is noted, and no more than that."""
    found = _readable(actor, collection_id)
    return _page(actor, found, taxii.query(request.GET.dict()))


def add(request: HttpRequest, actor: Actor, collection_id: str) -> HttpResponse:
    """Objects sent: each taken or refused on its own; 202 with the status, which is complete."""
    return answered(actions.post(actor, collection=collection_id, raw=request.body), 202)


def one(request: HttpRequest, actor: Actor, collection_id: str, object_id: str) -> HttpResponse:
    """The versions of one object that are asked for; the newest, where nothing is said."""
    found = _readable(actor, collection_id)
    given = request.GET.dict() | {"match[id]": object_id}
    answer = _page(actor, found, taxii.query(given))
    if answer.content == b"{}":
        raise NotFound("there is no such object here", field="object")
    return answer


def remove(request: HttpRequest, actor: Actor, collection_id: str, object_id: str) -> HttpResponse:
    """Take an object the account's agency sent out of a collection."""
    asked = taxii.query(request.GET.dict(), versions=False)
    actions.remove(
        actor, collection=collection_id, stix_id=object_id, versions=list(asked.versions)
    )
    return answered({})


def versions(
    request: HttpRequest, actor: Actor, collection_id: str, object_id: str
) -> HttpResponse:
    """The versions of one object in a collection, oldest added first."""
    found = _readable(actor, collection_id)
    given = request.GET.dict() | {"match[id]": object_id}
    query = taxii.query({k: v for k, v in given.items() if k != "match[version]"}, versions=False)
    rows, more = store.page(found.row.id, query, bodies=False)
    shown = store.seen(actor, rows)
    if not shown and not query.after:
        raise NotFound("there is no such object here", field="object")
    listed = [r.version for r in shown]
    made = {"more": more, **({"next": _next(rows)} if more else {}), "versions": listed}
    return _dated(answered(made if listed else {}), rows)


def _page(actor: Actor, found: Open, query: taxii.Query) -> HttpResponse:
    rows, more = store.page(found.row.id, query)
    shown = store.seen(actor, rows)
    actions.fetched(actor, shown)
    body = taxii.envelope([r.body for r in shown], more=more, next_=_next(rows))
    return _dated(answered(body), rows)


def _readable(actor: Actor, collection_id: str) -> Open:
    found = store.collection(actor, collection_id)
    if not found.rights.read:
        raise Forbidden("this collection is for sending only", field="collection")
    return found


def _shown(found: Open) -> dict[str, Any]:
    row = found.row
    return {
        "id": row.id,
        "title": row.title,
        "description": f"TLP:{row.tlp}",
        "can_read": found.rights.read,
        "can_write": found.rights.write,
        "media_types": [MEDIA_TYPE],
    }


def _next(rows: Sequence[Shared]) -> str:
    return taxii.token(rows[-1].added) if rows else ""


def _dated(answer: HttpResponse, rows: Sequence[Shared]) -> HttpResponse:
    """With when the first and the last were added: of all that were looked at, so that nothing is asked for twice."""
    if rows:
        answer["X-TAXII-Date-Added-First"] = rows[0].added
        answer["X-TAXII-Date-Added-Last"] = rows[-1].added
    return answer
