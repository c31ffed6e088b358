"""The TAXII server: objects sent and read, at a hundred thousand; other servers beside it, where they are installed
(see `taxii_peers`)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from tocsin.cli.benches import Measure, fresh_database, percentile, taxii_peers

if TYPE_CHECKING:
    from django.test import Client

_OBJECTS = 100_000
_BATCH = 1000
_READS = 200
_WORDS = (
    "the library on main street is open late again and the bakery beside it has fresh bread".split()
)


def run(*, quick: bool = False) -> Iterator[Measure]:
    """POST in batches of a thousand until there are 100,000 (`quick`: 5,000), then pages of a hundred by `next`,
    by `added_after`, by id, and the manifest."""
    total = 5_000 if quick else _OBJECTS
    with fresh_database("taxii"):
        client, path, headers = _server()
        yield from _posts(client, path, headers, total)
        yield from _reads(client, path, headers, total)
    yield from taxii_peers.run()


def _server() -> tuple[Client, str, dict[str, str]]:
    from django.conf import settings as django  # noqa: PLC0415 - after Django is set up
    from django.test import Client  # noqa: PLC0415

    from tocsin.collect.actions import add_source  # noqa: PLC0415
    from tocsin.collect.terms import SourceKind  # noqa: PLC0415
    from tocsin.exchange.actions import add_inbox  # noqa: PLC0415
    from tocsin.people import actions as people  # noqa: PLC0415
    from tocsin.people import tokens  # noqa: PLC0415
    from tocsin.people.store import actor  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM, Role  # noqa: PLC0415
    from tocsin.screen.memory import engine  # noqa: PLC0415

    engine()  # compiled once a process: not what is measured
    django.ALLOWED_HOSTS = ["*"]
    people.add_agency(SYSTEM, agency="fusion", name="Fusion centre")
    ana = people.add_person(
        SYSTEM, username="ana", name="Ana", agency="fusion", roles=[Role.COLLECTOR]
    )
    source = add_source(
        actor(ana),
        kind=SourceKind.API,
        name="Bench",
        authority="exercise",
        purpose="exercise",
    )
    inbox = add_inbox(actor(ana), source=source, title="Bench", writers=["fusion"])
    key = tokens.issue(SYSTEM, person=ana, name="bench")
    media = "application/taxii+json;version=2.1"
    headers = {"Authorization": f"Bearer {key}", "Accept": media}
    return Client(), f"/taxii2/root/collections/{inbox}/", headers


def report(n: int) -> dict[str, Any]:
    """A STIX report of a few words, about 600 bytes."""
    words = " ".join(_WORDS[(n + i * (n % 7 + 1)) % len(_WORDS)] for i in range(24))
    return {
        "type": "report",
        "spec_version": "2.1",
        "id": f"report--{uuid.UUID(int=(4 << 76) | (2 << 62) | n)}",
        "created": "2026-03-01T08:00:00.000Z",
        "modified": "2026-03-01T08:00:00.000Z",
        "name": f"Report number {n}",
        "description": words,
        "report_types": ["threat-report"],
        "published": "2026-03-01T08:00:00.000Z",
        "object_refs": ["identity--00000000-0000-4000-8000-000000000001"],
    }


def _posts(client: Client, path: str, headers: dict[str, str], total: int) -> Iterator[Measure]:
    laps, spent = [], 0.0
    for first in range(0, total, _BATCH):
        body = msgspec.json.encode({"objects": [report(first + i) for i in range(_BATCH)]})
        began = time.perf_counter()
        answer = client.post(f"{path}objects/", body, headers["Accept"], headers=headers)
        laps.append(time.perf_counter() - began)
        spent += laps[-1]
        if answer.status_code != 202:
            raise RuntimeError(answer.content)
    said = f"{total:,} objects in POSTs of {_BATCH:,}, each kept, on the record and screened"
    yield Measure("taxii.post.objects_per_s", round(total / spent), "1/s", said)
    last = laps[-max(1, len(laps) // 10) :]
    yield Measure(
        "taxii.post.objects_per_s_at_the_end",
        round(_BATCH * len(last) / sum(last)),
        "1/s",
        f"the last tenth, with {total:,} there",
    )


def _reads(client: Client, path: str, headers: dict[str, str], total: int) -> Iterator[Measure]:
    import random  # noqa: PLC0415

    from tocsin.exchange.models import SharedObject  # noqa: PLC0415
    from tocsin.formats.taxii import stamp, token  # noqa: PLC0415

    times = list(SharedObject.objects.order_by("added_at").values_list("added_at", flat=True))
    rng = random.Random(1)
    places = [rng.choice(times) for _ in range(_READS)]
    asked = {
        "next": [("objects/", {"next": token(stamp(t))}) for t in places],
        "added_after": [("objects/", {"added_after": stamp(t)}) for t in places],
        "by_id": [("objects/", {"match[id]": report(rng.randrange(total))["id"]}) for _ in places],
        "by_type": [
            ("objects/", {"match[type]": "report", "next": token(stamp(t))}) for t in places
        ],
        "manifest": [("manifest/", {"next": token(stamp(t))}) for t in places],
    }
    for name, calls in asked.items():
        laps = []
        for where, query in calls:
            began = time.perf_counter()
            answer = client.get(f"{path}{where}", {"limit": "100", **query}, headers=headers)
            laps.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                raise RuntimeError(answer.content)
        said = f"{len(calls)} pages of 100 anywhere in {total:,}, through the whole web stack"
        yield Measure(f"taxii.page.{name}.p50", round(percentile(laps, 0.5), 2), "ms", said)
        yield Measure(f"taxii.page.{name}.p95", round(percentile(laps, 0.95), 2), "ms", said)
