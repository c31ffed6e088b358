"""Keys, collections and callers for tests of what other systems get and send."""

from __future__ import annotations

import base64
import json
from typing import Any

from django.test import Client

from tests.cast import Cast
from tocsin.collect.actions import add_source
from tocsin.collect.terms import SourceKind
from tocsin.exchange.actions import add_inbox
from tocsin.formats.taxii import MEDIA_TYPE
from tocsin.people import tokens
from tocsin.people.terms import SYSTEM

THREAT = "We will storm the capitol building on saturday, bring your rifle and kill the senators"
QUIET = "The bakery on Main Street has fresh bread again, and the dog likes it."
ROOT = "/taxii2/root"
CREATED = "2026-03-01T08:00:00.000Z"


class System:
    """Partners' systems: each of the cast with a key, and an inbox of the fusion centre's for Capitol and Metro."""

    def __init__(self, cast: Cast, *, tlp: str = "AMBER") -> None:
        self.cast = cast
        self.keys = {
            name: tokens.issue(SYSTEM, person=cast.people[name], name="system")
            for name in ("ana", "rhea", "lou", "paul", "olga", "mona", "otto", "ada")
        }
        self.source = add_source(
            cast.ana,
            kind=SourceKind.API,
            name="Partners by TAXII",
            authority="partner-report",
            purpose="protect-event",
            operation=cast.march,
            tlp=tlp,
        )
        self.inbox = add_inbox(
            cast.ana, source=self.source, title="Reports for the march", writers=["capitol"]
        )

    def headers(self, who: str, **more: str) -> dict[str, str]:
        key = f"Bearer {self.keys[who]}" if who else ""
        return {k: v for k, v in {"Accept": MEDIA_TYPE, "Authorization": key, **more}.items() if v}

    def basic(self, who: str) -> str:
        return "Basic " + base64.b64encode(f"system:{self.keys[who]}".encode()).decode()

    def get(self, who: str, path: str, headers: dict[str, str] | None = None, **query: str) -> Any:
        return Client().get(path, query, headers={**self.headers(who), **(headers or {})})

    def post(self, who: str, objects: list[dict[str, Any]], collection: str = "") -> Any:
        body = json.dumps({"objects": objects})
        return self.send(who, body, collection=collection)

    def send(
        self, who: str, body: str | bytes, *, collection: str = "", kind: str = MEDIA_TYPE
    ) -> Any:
        path = f"{ROOT}/collections/{collection or self.inbox}/objects/"
        return Client().post(path, body, content_type=kind, headers=self.headers(who))

    def objects(self, who: str, collection: str = "", **query: str) -> Any:
        path = f"{ROOT}/collections/{collection or self.inbox}/objects/"
        return self.get(who, path, None, **query)


def report(n: int, text: str = QUIET, **more: Any) -> dict[str, Any]:
    """A STIX report with an id made of a number."""
    return {
        "type": "report",
        "spec_version": "2.1",
        "id": f"report--00000000-0000-4000-8000-{n:012x}",
        "created": CREATED,
        "modified": CREATED,
        "name": f"Report {n}",
        "description": text,
        "published": CREATED,
        "object_refs": ["identity--00000000-0000-4000-8000-000000000001"],
        **more,
    }
