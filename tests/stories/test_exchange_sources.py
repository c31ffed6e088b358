"""Alerts and events of partners come in as reports: with provenance, as they came, signed where that is asked."""

from __future__ import annotations

import html
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client

from tests.cast import Cast, make_cast
from tests.contracts.formats.vectors import CAP, needs_vectors
from tocsin.collect.actions import add_source, change_source
from tocsin.collect.models import Refusal, Report, Source
from tocsin.collect.terms import FeedState, SourceKind
from tocsin.formats import atom, cap, cap_sign
from tocsin.formats.cap_terms import Alert, Info
from tocsin.kernel import clock, settings
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Invalid
from tocsin.people.models import Account
from tocsin.people.terms import SYSTEM
from tocsin.record.models import Vault
from tocsin.record.store import content
from tocsin.screen.actions import poll_due, poll_now
from tocsin.screen.actions.retrying import retry_refused

pytestmark = pytest.mark.usefixtures("db")
THREAT = "We are going to shoot the senators when they come out of the Capitol"


@dataclass
class Site:
    """A partner's web server: path -> body."""

    url: str = ""
    pages: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    here = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here.asked.append(self.path)
            body = here.pages.get(self.path)
            self.send_response(200 if body is not None else 503)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    changed = replace(settings.current(), allow_private_addresses=True)
    monkeypatch.setattr(settings, "current", lambda: changed)
    yield here
    server.shutdown()
    server.server_close()


@pytest.fixture
def cast(virtual: VirtualClock) -> Cast:
    return make_cast()


def source(cast: Cast, kind: SourceKind, **config: Any) -> str:
    return add_source(
        cast.ana,
        kind=kind,
        name=f"Partner by {kind}",
        authority="partner-report",
        purpose="protect-event",
        operation=cast.march,
        config=config,
    )


def alert(name: str, text: str = THREAT, **changes: Any) -> bytes:
    info = Info(
        ("Security",), "Threat", "Immediate", "Severe", "Likely", headline=name, description=text
    )
    fields: dict[str, Any] = {
        "identifier": name,
        "sender": "alerts@metro.example",
        "sent": clock.now().replace(microsecond=0),
        "status": "Actual",
        "kind": "Alert",
        "scope": "Public",
        "infos": (info,),
    }
    return cap.write(Alert(**{**fields, **changes}))


def feed(site: Site, *names: str) -> bytes:
    entries = [atom.Entry(n, n, clock.now(), f"{site.url}/{n}") for n in names]
    return atom.write(feed_id="f", title="Alerts", link=site.url, entries=entries, at=clock.now())


def test_a_feed_of_alerts_is_read_once_each_and_the_quiet_and_the_drills_leave_nothing(
    cast: Cast, site: Site
) -> None:
    row = source(cast, SourceKind.CAP, url=f"{site.url}/feed")
    quiet = alert("quiet", "Sandbags are handed out at the library on Main Street.")
    site.pages = {
        "/one": alert("one"),
        "/quiet": quiet,
        "/drill": alert("drill", status="Exercise"),
    }
    site.pages["/feed"] = feed(site, "one", "quiet", "drill")
    assert poll_due() == 1
    report = Report.objects.get(source=row)
    assert (report.agency, report.operation) == ("fusion", cast.march)
    extra = content(report.original)["extra"]
    assert extra["original"].encode() == site.pages["/one"]
    assert (extra["sender"], extra["identifier"]) == ("alerts@metro.example", "one")
    assert not Vault.objects.filter(body__icontains="Sandbags").exists()
    assert not Vault.objects.filter(body__icontains="drill").exists()
    site.asked.clear()
    site.pages["/two"] = alert("two", THREAT + " and again")
    site.pages["/feed"] = feed(site, "two", "one", "quiet", "drill")
    poll_now(SYSTEM, source=row)
    assert site.asked == ["/feed", "/two"]
    assert Report.objects.filter(source=row).count() == 2


def test_an_alert_that_cannot_be_fetched_now_is_fetched_later(cast: Cast, site: Site) -> None:
    row = source(cast, SourceKind.CAP, url=f"{site.url}/feed")
    site.pages = {"/one": alert("one"), "/feed": feed(site, "one", "two")}
    assert poll_now(SYSTEM, source=row).state is FeedState.FAILED
    assert Report.objects.count() == 1
    site.pages["/two"] = alert("two", THREAT + " and again")
    assert poll_now(SYSTEM, source=row).state is FeedState.OK
    assert Report.objects.count() == 2


def test_where_signatures_are_asked_for_the_unsigned_and_the_changed_are_refused_and_kept(
    cast: Cast, site: Site
) -> None:
    key, certificate = cap_sign.self_signed("metro", at=clock.now())
    row = source(cast, SourceKind.CAP, url=f"{site.url}/one", certificates=[certificate])
    signed = cap_sign.sign(alert("one"), key=key, certificate=certificate)
    for wrong in (alert("one"), signed.replace(b"Capitol", b"Town hall")):
        site.pages["/one"] = wrong
        poll_now(SYSTEM, source=row)
        assert not Report.objects.exists()
    assert Refusal.objects.filter(source=row).count() == 2
    site.pages["/one"] = signed
    poll_now(SYSTEM, source=row)
    assert Report.objects.count() == 1


@needs_vectors
def test_a_poisoned_alert_is_refused_and_nothing_is_fetched_for_it(cast: Cast, site: Site) -> None:
    row = source(cast, SourceKind.CAP, url=f"{site.url}/one")
    raw = (CAP / "xee.cap").read_bytes().replace(b"http://localhost:8080", site.url.encode())
    site.pages["/one"] = raw
    assert poll_now(SYSTEM, source=row).state is FeedState.FAILED
    assert site.asked == ["/one"]


def misp_event(n: int, text: str) -> dict[str, Any]:
    return {
        "Event": {
            "uuid": f"428e0be1-fb39-5a7e-9fe7-{n:012x}",
            "info": f"Event {n}",
            "timestamp": str(1_772_000_000 + n),
            "Orgc": {"name": "Metro"},
            "Tag": [{"name": "tlp:amber"}],
            "Attribute": [{"type": "comment", "value": text}],
        }
    }


def test_a_misp_feed_is_read_on_from_the_last_change(cast: Cast, site: Site) -> None:
    row = source(cast, SourceKind.MISP, url=f"{site.url}/feed/")

    def publish(*numbers: int) -> None:
        manifest = {}
        for n in numbers:
            event = misp_event(n, THREAT + f" {n}")
            uuid = event["Event"]["uuid"]
            manifest[uuid] = {"timestamp": event["Event"]["timestamp"]}
            site.pages[f"/feed/{uuid}.json"] = json.dumps(event).encode()
        site.pages["/feed/manifest.json"] = json.dumps(manifest).encode()

    publish(1, 2)
    assert poll_now(SYSTEM, source=row).items == 2
    report = Report.objects.filter(source=row).order_by("posted_at")[0]
    extra = content(report.original)["extra"]
    assert json.loads(extra["original"]) == misp_event(1, THREAT + " 1")
    assert (extra["format"], extra["sender"], extra["tlp"]) == ("misp", "Metro", "AMBER")
    publish(1, 2, 3)
    assert poll_now(SYSTEM, source=row).items == 1


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        (SourceKind.CAP, {"url": "ftp://x.example"}),
        (SourceKind.TAXII, {"url": "https://x.example", "password_env": "PATH"}),
        (SourceKind.MISP, {"url": "https://x.example", "password_env": "HOME"}),
        (SourceKind.CAP, {}),
        (SourceKind.CAP, {"url": "https://x.example", "colour": "red"}),
    ],
)
def test_a_source_that_could_not_be_read_is_not_added(
    cast: Cast, kind: SourceKind, config: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        source(cast, kind, **config)


def test_a_refused_alert_is_taken_in_once_its_signer_is_known(cast: Cast, site: Site) -> None:
    key, certificate = cap_sign.self_signed("metro", at=clock.now())
    other = cap_sign.self_signed("other", at=clock.now())[1]
    row = source(cast, SourceKind.CAP, url=f"{site.url}/one", certificates=[other])
    site.pages["/one"] = cap_sign.sign(alert("one"), key=key, certificate=certificate)
    poll_now(SYSTEM, source=row)
    refused = Refusal.objects.get()
    with pytest.raises(Invalid):
        retry_refused(cast.ana, refused=refused.id)
    config = {"url": f"{site.url}/one", "certificates": [certificate]}
    change_source(cast.ana, source=row, version=1, config=config)
    assert retry_refused(cast.ana, refused=refused.id).flagged == 1
    assert Report.objects.count() == 1


def test_the_form_of_a_cap_source_asks_who_signs_and_a_later_change_keeps_it(
    cast: Cast, client: Client
) -> None:
    client.force_login(Account.objects.get(person=cast.ana.person))
    certificate = cap_sign.self_signed("metro", at=clock.now())[1]
    typed = {
        "name": "Metro",
        "authority": "partner-report",
        "purpose": "protect-event",
        "operation": cast.march,
        "tlp": "AMBER",
        "reliability": "B",
        "retention_days": "30",
        "every_minutes": "5",
        "url": "https://metro.example/alerts",
        "certificates": certificate,
        "statuses": ["Actual"],
    }
    page = client.post("/sources/new?kind=cap", {**typed, "certificates": certificate[:200]})
    assert "Paste each whole" in page.content.decode()
    assert client.post("/sources/new?kind=cap", typed).status_code == 302
    row = Source.objects.get(name="Metro")
    assert row.config["certificates"] == [certificate]
    change = html.unescape(client.get(f"/sources/{row.id}/edit").content.decode())
    assert certificate.strip() in change
    again = {**typed, "certificates": certificate, "version": "1", "name": "Metro alerts"}
    assert client.post(f"/sources/{row.id}/edit", again).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.config["certificates"]) == ("Metro alerts", [certificate])
