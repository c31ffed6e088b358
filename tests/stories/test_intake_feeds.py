"""Feeds and mailboxes on their clocks: failed, empty and not modified are three different things."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.cast import Cast, make_cast
from tocsin.collect import actions as collect
from tocsin.collect import health
from tocsin.collect.models import Progress, Report, Run, Source, Tally
from tocsin.collect.terms import Health, SourceKind
from tocsin.duties.models import Duty
from tocsin.kernel import settings
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.people.terms import SYSTEM
from tocsin.screen import store
from tocsin.screen.actions import poll_due, poll_now, polling, read_file, reading

pytestmark = pytest.mark.usefixtures("db")
THREAT = "We are going to shoot the senators when they come out of the Capitol"
DAY = timedelta(days=1)


@dataclass
class Site:
    """A web server whose answer each test sets: status, entries, etag."""

    url: str = ""
    status: int = 200
    entries: list[tuple[str, str]] = field(default_factory=list)
    etag: str = ""
    asked: int = 0

    def body(self) -> bytes:
        items = "".join(
            f"<item><guid>{k}</guid><description>{t}</description></item>" for k, t in self.entries
        )
        return f'<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>{items}</channel></rss>'.encode()


@pytest.fixture
def site() -> Iterator[Site]:
    here = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here.asked += 1
            same = here.etag and self.headers.get("If-None-Match") == here.etag
            status = 304 if same and here.status == 200 else here.status
            self.send_response(status)
            if here.etag:
                self.send_header("ETag", here.etag)
            self.send_header("Content-Type", "application/rss+xml")
            self.end_headers()
            if status == 200:
                self.wfile.write(here.body())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.url = f"http://127.0.0.1:{server.server_address[1]}/feed"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    yield here
    server.shutdown()
    server.server_close()


@pytest.fixture
def cast(virtual: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """The site lies on this machine: feeds may reach it here."""
    allowing = replace(settings.current(), allow_private_addresses=True)
    monkeypatch.setattr(settings, "current", lambda: allowing)
    polling.forget()
    return make_cast()


def feed(cast: Cast, site: Site, **fields: Any) -> str:
    given = {
        "kind": SourceKind.FEED,
        "name": "City news",
        "authority": "open-source-threat",
        "purpose": "threat-to-life",
        "config": {"url": site.url},
        **fields,
    }
    return collect.add_source(cast.ana, **given)


def later(virtual: VirtualClock, minutes: int = 5) -> int:
    virtual.advance(timedelta(minutes=minutes))
    return poll_due()


def mending(source: str) -> list[Duty]:
    return list(Duty.objects.filter(subject=source, kind="mend_feed", discharged_at=None))


def test_a_feed_is_read_by_its_clock_and_what_is_new_is_taken_in(
    cast: Cast, site: Site, virtual: VirtualClock
) -> None:
    source = feed(cast, site)
    site.entries = [("1", THREAT), ("2", "Bake sale")]
    assert poll_due() == 1
    assert site.asked == 1
    assert poll_due() == 0, "it is not due again"
    assert Report.objects.count() == 1
    site.entries.append(("3", "I will kill the mayor tomorrow, I swear"))
    assert later(virtual) == 1
    assert Report.objects.count() == 2
    tally = Tally.objects.get(source=source)
    assert (tally.screened, tally.seen_again) == (3, 0), (
        "entries of the last reading are not counted again"
    )
    assert Source.objects.get().health == Health.HEALTHY


def test_a_failing_feed_owes_a_mend_until_it_is_read_again_and_a_304_heals_nothing(
    cast: Cast, site: Site, virtual: VirtualClock
) -> None:
    source = feed(cast, site)
    site.entries, site.etag = [("1", THREAT)], '"a"'
    poll_due()
    site.status = 503
    later(virtual)
    row = Source.objects.get()
    assert (row.health, row.health_reason) == (Health.FAILING, "http_server_error")
    assert len(mending(source)) == 1
    site.status = 200
    later(virtual)
    assert Run.objects.latest("id").state == "not_modified"
    assert Source.objects.get().health == Health.FAILING
    assert len(mending(source)) == 1
    site.etag = '"b"'
    later(virtual, 15)
    assert Source.objects.get().health == Health.HEALTHY
    assert mending(source) == []


def test_an_empty_feed_is_not_a_failed_feed(cast: Cast, site: Site, virtual: VirtualClock) -> None:
    source = feed(cast, site)
    poll_due()
    row = Source.objects.get()
    assert row.health == Health.EMPTY
    assert mending(source) == []
    assert Run.objects.get().state == "empty"
    assert not health.overview(cast.ana, virtual.now())[0].failing


def test_one_failing_source_never_stops_the_others(
    cast: Cast, site: Site, virtual: VirtualClock
) -> None:
    bad = feed(cast, site, name="Bad", config={"url": "http://127.0.0.1:1/"})
    box = feed(
        cast,
        site,
        name="Box",
        kind=SourceKind.MAILBOX,
        config={"host": "127.0.0.1", "user": "u", "password_env": "MAILBOX_NOWHERE"},
    )
    good = feed(cast, site, name="Good")
    site.entries = [("1", THREAT)]
    assert poll_due() == 3
    assert Report.objects.get().source == good
    assert len(mending(bad)) == len(mending(box)) == 1
    top = health.overview(cast.ana, virtual.now())
    assert [row.failing for row in top] == [True, True, False]
    assert "MAILBOX_NOWHERE" in next(r.note for r in top if r.source.id == box)


def test_a_source_that_fails_on_is_asked_less_often_and_owes_one_mend(
    cast: Cast, site: Site, virtual: VirtualClock
) -> None:
    source = feed(cast, site)
    site.status = 500
    waits = []
    for _ in range(6):
        poll_due()
        due = Progress.objects.get(source=source, what="").next_at
        assert due is not None
        waits.append((due - virtual.now()).total_seconds() / 60)
        virtual.move_to(due)
    assert waits == [5, 10, 20, 40, 60, 60]
    assert len(mending(source)) == 1


def test_a_lapsed_authority_stops_the_reading_itself(
    cast: Cast, site: Site, virtual: VirtualClock
) -> None:
    source = feed(cast, site, valid_until=virtual.now() + DAY)
    site.entries = [("1", THREAT)]
    virtual.advance(2 * DAY)
    poll_due()
    assert site.asked == 0
    assert not Report.objects.exists()
    assert Source.objects.get().health_reason == "not_authorised"
    assert len(mending(source)) == 1


def test_a_feed_nobody_reads_goes_stale(cast: Cast, site: Site, virtual: VirtualClock) -> None:
    feed(cast, site)
    site.entries = [("1", THREAT)]
    poll_due()
    virtual.advance(timedelta(hours=3))
    assert health.overview(cast.ana, virtual.now())[0].health is Health.STALE


def test_a_source_claimed_by_a_dead_worker_is_read_by_another_in_time(
    cast: Cast, site: Site, virtual: VirtualClock
) -> None:
    feed(cast, site)
    claimed = store.claim_due(polling.POLLED, virtual.now(), timedelta(minutes=15), 10)
    assert len(claimed) == 1
    assert poll_due() == 0
    assert later(virtual, 16) == 1


def test_a_reading_cut_short_is_taken_up_without_twins(
    cast: Cast, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between storing and noting that it did: the same answer comes again."""
    source = feed(cast, site)
    site.entries, site.etag = [("1", THREAT)], '"a"'
    real: Callable[..., Any] = reading.finish

    def dies(*_: Any, **__: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(polling, "finish", dies)
    with pytest.raises(SystemExit):
        poll_now(cast.ana, source=source)
    monkeypatch.setattr(polling, "finish", real)
    polling.forget()
    Progress.objects.filter(source=source).update(cursor={})
    poll_now(cast.ana, source=source)
    assert Report.objects.count() == 1
    assert Report.objects.get().seen_count == 2


def test_only_its_agency_reads_a_source_now(cast: Cast, site: Site) -> None:
    source = feed(cast, site)
    with pytest.raises(Forbidden):
        poll_now(cast.otto, source=source)


def _lines(path: Path, texts: list[str]) -> Path:
    with path.open("a") as file:
        for text in texts:
            file.write(msgspec.json.encode({"id": text[:30], "text": text}).decode() + "\n")
    return path


def test_a_file_is_read_once_goes_on_where_it_grew_and_says_what_was_refused(
    cast: Cast, tmp_path: Path
) -> None:
    source = collect.add_source(
        cast.ana,
        kind=SourceKind.FILE,
        name="Posts",
        authority="exercise",
        purpose="exercise",
        config={"mapping": {"fields": {"key": "id", "text": "text"}}},
    )
    path = _lines(tmp_path / "posts.jsonl", [THREAT, "Bake sale"])
    with path.open("a") as file:
        file.write("{broken\n")
    outcome, taken = read_file(cast.ana, source=source, path=path)
    assert outcome.state == "ok"
    assert (taken.screened, taken.flagged, taken.refused) == (2, 1, 1)
    _, taken = read_file(cast.ana, source=source, path=path)
    assert taken.read == 0
    _lines(path, ["I will kill the mayor tomorrow, I swear"])
    _, taken = read_file(cast.ana, source=source, path=path)
    assert (taken.read, taken.flagged) == (1, 1)
    _, taken = read_file(SYSTEM, source=source, path=path, again=True)
    assert (taken.flagged, taken.seen_again) == (0, 2)
    with pytest.raises(Invalid) as wrong:
        read_file(cast.ana, source=source, path=tmp_path / "none.jsonl")
    assert wrong.value.field == "path"
    collect.pause_source(cast.ana, source=source, version=1, reason="not now")
    with pytest.raises(Conflict):
        read_file(cast.ana, source=source, path=path)


def test_readings_beyond_the_last_are_forgotten(cast: Cast, virtual: VirtualClock) -> None:
    for source in ("src_a", "src_b"):
        for n in range(5):
            Run.objects.create(
                source=source, at=virtual.now() + timedelta(seconds=n), state="ok", items=n
            )
    assert store.prune_runs(keep=2) == 6
    assert sorted(Run.objects.values_list("source", "items")) == [
        ("src_a", 3),
        ("src_a", 4),
        ("src_b", 3),
        ("src_b", 4),
    ]
