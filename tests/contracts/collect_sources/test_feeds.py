"""Feeds against a real local server: read, empty, not modified and failed are told apart."""

import gzip
import threading
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.collect.sources import feeds
from tocsin.collect.sources.batch import Batch, Broken
from tocsin.collect.sources.feeds import FeedSource
from tocsin.collect.sources.web import Document
from tocsin.collect.terms import FailReason, FeedState, Item, Permanence, Refused

RSS = b"""<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:thr="http://purl.org/syndication/thread/1.0"
     xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>News</title>
<language>en-us</language>
<item><title>Road &amp;amp; rail</title><link>https://example.org/1?utm_source=rss</link>
<guid isPermaLink="false">id-1</guid><dc:creator>Desk</dc:creator>
<pubDate>Wed, 06 Jan 2021 13:00:00 -0500</pubDate>
<description>&lt;p&gt;First &lt;b&gt;line&lt;/b&gt;&lt;/p&gt;&lt;script&gt;bad()&lt;/script&gt;
&lt;p&gt;Second &amp;amp; last&lt;/p&gt;</description></item>
<item><title></title><description></description><guid>id-2</guid></item>
<item><title>Only a title</title><guid>id-3</guid><pubDate>some time ago</pubDate></item>
</channel></rss>"""

ATOM = b"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:thr="http://purl.org/syndication/thread/1.0"
      xml:lang="de"><title>Meldungen</title><id>urn:f</id><updated>2021-01-06T18:00:00Z</updated>
<entry><id>urn:e1</id><title>Gr\xc3\xbc\xc3\x9fe</title><updated>2021-01-06T18:00:00Z</updated>
<author><name>Amt</name></author><link href="https://example.org/e1"/>
<thr:in-reply-to ref="urn:e0"/><content type="text">5 &lt; 6 &amp; so on</content></entry></feed>"""

BOMB = gzip.compress(b" " * 20_000_000)
EMPTY = b"<rss version='2.0'><channel><title>Quiet</title></channel></rss>"


class Handler(BaseHTTPRequestHandler):
    """Answers by path; the server keeps what it was asked."""

    def do_GET(self) -> None:
        self.server.asked.append(dict(self.headers))  # type: ignore[attr-defined]
        name = self.path.strip("/").split("?")[0]
        getattr(self, f"page_{name}")()

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def page_rss(self) -> None:
        if self.headers.get("If-None-Match") == '"v1"':
            self.answer(304, ETag='"v1"')
        else:
            self.answer(200, RSS, ETag='"v1"', Last_Modified="Wed, 06 Jan 2021 18:00:00 GMT")

    def page_atom(self) -> None:
        self.answer(200, gzip.compress(ATOM), Content_Encoding="gzip")

    def page_empty(self) -> None:
        self.answer(200, EMPTY)

    def page_html(self) -> None:
        self.answer(200, b"<html><body>Please log in</body></html>", Content_Type="text/html")

    def page_cut(self) -> None:
        self.answer(200, EMPTY[: EMPTY.index(b"</channel")] + b"<it")

    def page_half(self) -> None:
        self.answer(200, RSS[: RSS.index(b"Only a title")])

    def page_missing(self) -> None:
        self.answer(404)

    def page_gone(self) -> None:
        self.answer(410)

    def page_busy(self) -> None:
        self.answer(429)

    def page_error(self) -> None:
        self.answer(500)

    def page_moved(self) -> None:
        self.answer(302, Location="/rss")

    def page_round(self) -> None:
        self.answer(302, Location="/round")

    def page_elsewhere(self) -> None:
        self.answer(302, Location="file:///etc/passwd")

    def page_large(self) -> None:
        self.answer(200, RSS + b" " * 100_000)

    def page_bomb(self) -> None:
        self.answer(200, BOMB, Content_Encoding="gzip")

    def page_packed(self) -> None:
        self.answer(200, b"?", Content_Encoding="br")

    def page_damaged(self) -> None:
        self.answer(200, gzip.compress(RSS)[:200], Content_Encoding="gzip")

    def page_short(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "9999")
        self.end_headers()
        self.wfile.write(RSS)

    def page_silent(self) -> None:
        self.server.stop.wait(5)  # type: ignore[attr-defined]
        self.close_connection = True

    def page_drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while not self.server.stop.wait(0.05):  # type: ignore[attr-defined]
                self.wfile.write(b" ")
        except OSError:
            pass

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        found.asked = []  # type: ignore[attr-defined]
        found.stop = threading.Event()  # type: ignore[attr-defined]
        found.daemon_threads = True
        thread = threading.Thread(target=found.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield found
        found.stop.set()  # type: ignore[attr-defined]
        found.shutdown()
        thread.join()


def fetched(
    server: ThreadingHTTPServer, page: str, cursor: dict[str, str] | None = None, **limits: Any
) -> tuple[Batch, list[Item | Refused]]:
    url = f"http://127.0.0.1:{server.server_port}/{page}"
    limits = {"timeout_seconds": 5.0, **limits}
    batch = feeds.fetch(FeedSource(url, **limits), cursor, allow_private=True)
    return batch, list(batch)


def test_rss_entries_become_items_and_an_empty_one_is_refused(server: ThreadingHTTPServer) -> None:
    batch, found = fetched(server, "rss")
    assert found[0] == Item(
        "id-1",
        "First line\nSecond & last",
        title="Road & rail",
        url="https://example.org/1?utm_source=rss",
        author="Desk",
        at=datetime(2021, 1, 6, 18, tzinfo=UTC),
        lang="en-us",
    )
    assert isinstance(found[1], Refused)
    assert (found[1].where, found[1].field) == ("entry 2", "text")
    assert b"id-2" in found[1].raw
    assert isinstance(found[2], Item)
    assert (found[2].text, found[2].at) == ("Only a title", None)
    assert found[2].extra == {"date_as_written": "some time ago"}
    assert (batch.outcome.state, batch.outcome.items, batch.outcome.refused) == (
        FeedState.OK,
        2,
        1,
    )


def test_atom_with_plain_text_thread_and_language_over_gzip(server: ThreadingHTTPServer) -> None:
    _, found = fetched(server, "atom")
    assert found == [
        Item(
            "urn:e1",
            "5 < 6 & so on",
            title="Gr\u00fc\u00dfe",
            url="https://example.org/e1",
            author="Amt",
            at=datetime(2021, 1, 6, 18, tzinfo=UTC),
            thread="urn:e0",
            lang="de",
        )
    ]


def test_asking_again_is_answered_not_modified(server: ThreadingHTTPServer) -> None:
    first, _ = fetched(server, "rss")
    assert first.cursor["etag"] == '"v1"'
    again, found = fetched(server, "rss", first.cursor)
    assert (again.outcome.state, found) == (FeedState.NOT_MODIFIED, [])
    assert again.cursor == first.cursor
    asked = server.asked[-1]  # type: ignore[attr-defined]
    assert asked["If-Modified-Since"] == "Wed, 06 Jan 2021 18:00:00 GMT"


def test_the_cursor_moves_only_when_every_entry_was_handed_out(
    server: ThreadingHTTPServer,
) -> None:
    url = f"http://127.0.0.1:{server.server_port}/rss"
    batch = feeds.fetch(FeedSource(url), {}, allow_private=True)
    next(iter(batch))
    assert batch.cursor == {}


def test_an_empty_feed_is_not_a_failed_one(server: ThreadingHTTPServer) -> None:
    batch, found = fetched(server, "empty")
    assert (batch.outcome.state, found) == (FeedState.EMPTY, [])


def test_a_feed_that_breaks_off_is_read_as_far_as_it_goes(server: ThreadingHTTPServer) -> None:
    batch, found = fetched(server, "half")
    assert isinstance(found[0], Item)
    assert batch.outcome.state is FeedState.OK
    assert "not well formed" in batch.outcome.note


TEMPORARY, PERMANENT = Permanence.TEMPORARY, Permanence.PERMANENT


@pytest.mark.parametrize(
    ("page", "limits", "reason", "permanence"),
    [
        ("html", {}, FailReason.NOT_A_FEED, TEMPORARY),
        ("cut", {}, FailReason.NOT_A_FEED, TEMPORARY),
        ("missing", {}, FailReason.HTTP_CLIENT_ERROR, PERMANENT),
        ("gone", {}, FailReason.GONE, PERMANENT),
        ("busy", {}, FailReason.HTTP_CLIENT_ERROR, TEMPORARY),
        ("error", {}, FailReason.HTTP_SERVER_ERROR, TEMPORARY),
        ("round", {}, FailReason.TOO_MANY_REDIRECTS, PERMANENT),
        ("moved", {"redirects": 0}, FailReason.TOO_MANY_REDIRECTS, PERMANENT),
        ("elsewhere", {}, FailReason.ADDRESS_REFUSED, PERMANENT),
        ("large", {"size_bytes": 50_000}, FailReason.TOO_LARGE, PERMANENT),
        ("bomb", {"size_bytes": 50_000}, FailReason.TOO_LARGE, PERMANENT),
        ("packed", {}, FailReason.PROTOCOL, PERMANENT),
        ("damaged", {}, FailReason.PROTOCOL, TEMPORARY),
        ("short", {}, FailReason.PROTOCOL, TEMPORARY),
        ("silent", {"timeout_seconds": 0.3}, FailReason.TIMED_OUT, TEMPORARY),
        ("drip", {"timeout_seconds": 0.3}, FailReason.TIMED_OUT, TEMPORARY),
    ],
)
def test_each_failure_has_its_name(
    server: ThreadingHTTPServer,
    page: str,
    limits: dict[str, Any],
    reason: FailReason,
    permanence: Permanence,
) -> None:
    before = {"etag": '"old"'}
    started = time.monotonic()
    batch, found = fetched(server, page, before, **limits)
    assert found == []
    assert batch.outcome.state is FeedState.FAILED
    assert (batch.outcome.reason, batch.outcome.permanence) == (reason, permanence)
    assert batch.outcome.note
    assert batch.cursor == before
    assert time.monotonic() - started < 3


def test_a_packed_answer_is_never_unpacked_whole(server: ThreadingHTTPServer) -> None:
    tracemalloc.start()
    try:
        fetched(server, "bomb", size_bytes=50_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_a_redirect_is_followed_and_nobody_listening_is_unreachable(
    server: ThreadingHTTPServer,
) -> None:
    assert fetched(server, "moved")[0].outcome.state is FeedState.OK
    batch = feeds.fetch(FeedSource("http://127.0.0.1:9/"), allow_private=True)
    assert batch.outcome.reason is FailReason.UNREACHABLE


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/", "file:///etc/passwd", "http://", "http://[::1", "x", "http://a:b/"],
)
def test_only_web_addresses_are_fetched(url: str) -> None:
    batch = feeds.fetch(FeedSource(url))
    assert list(batch) == []
    assert batch.outcome.reason is FailReason.ADDRESS_REFUSED
    assert batch.outcome.permanence is PERMANENT


def test_our_own_network_is_refused_unless_allowed(server: ThreadingHTTPServer) -> None:
    asked = len(server.asked)  # type: ignore[attr-defined]
    for host in ("127.0.0.1", "localhost", "2130706433"):
        batch = feeds.fetch(FeedSource(f"http://{host}:{server.server_port}/rss"))
        assert batch.outcome.reason is FailReason.ADDRESS_REFUSED, host
    assert len(server.asked) == asked  # type: ignore[attr-defined]


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300)
    | st.text(max_size=200).map(
        lambda t: RSS.replace(b"Only a title", t.encode("utf-8", "replace"))
    )
    | st.integers(0, len(RSS)).map(lambda n: RSS[:n])
    | st.tuples(st.integers(0, len(RSS) - 1), st.binary(max_size=4)).map(
        lambda cut: RSS[: cut[0]] + cut[1] + RSS[cut[0] + 1 :]
    )
)
def test_no_bytes_crash_the_feed_reader(body: bytes) -> None:
    try:
        parsed = feeds.parse(Document(200, "http://example.org/", {}, body))
    except Broken:
        return
    for record in feeds.entries_of(parsed):
        assert isinstance(record, Item) or record.reason
