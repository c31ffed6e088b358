"""The TAXII server over HTTP: driven by taxii2-client, read by our own source, paged while others write."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import connections
from taxii2client.v21 import Server, as_pages

from tests.api.sharing import THREAT, System, report
from tests.cast import make_cast
from tests.stories.warned import released
from tocsin.collect.actions import add_source
from tocsin.collect.models import Report
from tocsin.collect.terms import SourceKind
from tocsin.exchange import actions, store
from tocsin.exchange.actions import publish_due
from tocsin.formats import stix
from tocsin.formats.taxii import Query
from tocsin.kernel import settings
from tocsin.people.terms import SYSTEM
from tocsin.record import checking
from tocsin.record.store import content
from tocsin.screen.actions import poll_now

pytestmark = pytest.mark.usefixtures("committed")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    changed = replace(settings.current(), allow_private_addresses=True)
    monkeypatch.setattr(settings, "current", lambda: changed)
    return System(make_cast())


@pytest.fixture
def url(system: System, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, get_wsgi_application(), _Server, _Quiet)
    base = f"http://127.0.0.1:{server.server_port}"
    changed = replace(settings.current(), base_url=base)
    monkeypatch.setattr(settings, "current", lambda: changed)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield base
    server.shutdown()
    server.server_close()


def test_taxii2_client_finds_reads_and_writes(system: System, url: str) -> None:
    released(system.cast)
    publish_due()
    server = Server(f"{url}/taxii2/", user="system", password=system.keys["paul"])
    found = {c.title: c for c in server.default.collections}
    assert sorted(found) == ["Reports for the march", "Warnings for your agency"]
    inbox, ours = found["Reports for the march"], found["Warnings for your agency"]
    assert (inbox.can_write, ours.can_read, ours.can_write) == (True, True, False)

    sent = [report(n, THREAT if n == 3 else "A quiet report") for n in range(25)]
    status = inbox.add_objects({"objects": sent})
    assert (status.status, status.success_count, status.failure_count) == ("complete", 25, 0)
    read = [o for page in as_pages(inbox.get_objects, per_request=10) for o in page["objects"]]
    assert read == sent
    listed = [o for page in as_pages(inbox.get_manifest, per_request=10) for o in page["objects"]]
    assert [o["id"] for o in listed] == [o["id"] for o in sent]
    assert inbox.get_object(sent[4]["id"])["objects"] == [sent[4]]
    assert inbox.object_versions(sent[4]["id"])["versions"] == ["2026-03-01T08:00:00.000000Z"]
    inbox.delete_object(sent[4]["id"])
    assert len(inbox.get_objects(limit=100)["objects"]) == 24
    assert any(o["type"] == "report" for o in ours.get_objects()["objects"])
    assert Report.objects.filter(source=system.source).count() == 1


def test_our_own_source_reads_a_partners_collection_and_goes_on_where_it_left_off(
    system: System, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAXII_PARTNER", system.keys["mona"])
    source = add_source(
        system.cast.otto,
        kind=SourceKind.TAXII,
        name="The march's reports",
        authority="partner-report",
        purpose="threat-to-life",
        config={
            "url": f"{url}/taxii2/root/collections/{system.inbox}/",
            "password_env": "TAXII_PARTNER",
            "page": 3,
        },
    )
    sent = [report(n, f"{THREAT} number {n}") for n in range(8)]
    system.post("paul", sent)
    mine = Report.objects.filter(source=source)
    outcome = poll_now(SYSTEM, source=source)
    assert (outcome.items, mine.count()) == (8, 8)
    extra = content(mine.order_by("posted_at", "id")[0].original)["extra"]
    assert (extra["format"], extra["identifier"]) == ("stix", sent[0]["id"])
    assert poll_now(SYSTEM, source=source).items == 0
    system.post(
        "paul",
        [report(9, THREAT), report(0, f"{THREAT} at noon", modified="2026-03-01T09:00:00.000Z")],
    )
    assert poll_now(SYSTEM, source=source).items == 2
    assert mine.count() == 9  # the newer version is the same report, edited
    monkeypatch.setenv("TAXII_PARTNER", "wrong")
    assert "401" in poll_now(SYSTEM, source=source).note


def test_paging_by_date_added_neither_skips_nor_repeats_while_others_write(
    system: System, database_url: str
) -> None:
    """Four writers at once, one reader that knows only the last date it saw."""
    writers, each, at_once = 4, 120, 6
    done = threading.Event()

    def write(w: int) -> None:
        for n in range(0, each, at_once):
            objects = [report(w * 10_000 + n + i) for i in range(at_once)]
            actions.post(
                system.cast.paul,
                collection=system.inbox,
                raw=json.dumps({"objects": objects}).encode(),
            )
        connections.close_all()

    seen: list[str] = []

    def read() -> None:
        after = None
        while True:
            last = done.is_set()
            rows, _ = store.page(system.inbox, Query(after=after, limit=7))
            seen.extend(json.loads(r.body)["id"] for r in rows)
            if rows:
                after = stix.time(rows[-1].added)
            elif last:
                break
        connections.close_all()

    with ThreadPoolExecutor(writers + 1) as pool:
        reader = pool.submit(read)
        for job in [pool.submit(write, w) for w in range(writers)]:
            job.result()
        done.set()
        reader.result()
    assert len(seen) == writers * each
    assert len(set(seen)) == writers * each
    assert checking.fsck(database_url) == []
