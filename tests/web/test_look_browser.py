"""The frame in a real browser: fuses, keys, colours, the live feed, under the content policy."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.template import Context, Template
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tocsin.kernel import clock
from tocsin.kernel.clock import VirtualClock

pytestmark = pytest.mark.browser

NOW = datetime(2021, 1, 5, 23, 2, tzinfo=UTC)
STATIC = Path(__file__).parents[2] / "tocsin" / "web" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'"
)
PAGE = Template("""{% extends "base.html" %}{% load tocsin %}
{% block title %}Try{% endblock %}{% block heading %}Try{% endblock %}
{% block main %}
<div id="long">{% fuse opened due %}</div><div id="short">{% fuse opened soon %}</div>
<p>{% when opened %}</p>
<label for="find">Find</label><input id="find" data-key="/" data-key-label="Search">
<button id="go" type="button" data-key="r">Release to 14 agencies <kbd>r</kbd></button>
<label><input type="radio" name="kind" data-key="1"> <span>Hyperbole</span> <kbd>1</kbd></label>
<ul data-list="focus"><li data-item><a href="#1">one</a></li>
<li data-item><a href="#2">two</a></li></ul>
{{ part|safe }}
{% endblock %}""")
PART = (
    '<div id="owed" data-live="owed" hx-get="/part" hx-trigger="tocsin:refresh">'
    '<b id="count">{}</b> <a href="#kept">kept</a> <input name="note" aria-label="Note"></div>'
)

RELEASED = (
    """void (document.getElementById("go").onclick = () => { document.title = "released" })"""
)


class Site:
    """A far end: the page, its part, and a feed that says what the test tells it to."""

    def __init__(self) -> None:
        self.served = 0
        self.feed: queue.Queue[str | None] = queue.Queue()
        self.asked: list[str] = []
        self.up = True
        self.server = ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(_Handler, directory=str(STATIC.parent), site=self)
        )
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def page(self) -> str:
        nav = [{"label": "Owed", "url": "#owed-page", "key": "o", "count": 2, "current": True}]
        nav += [
            {"label": name, "url": "#" + name, "key": "", "count": 0}
            for name in ("Queue", "Record")
        ]
        with clock.use(VirtualClock(NOW)):
            return PAGE.render(
                Context(
                    {
                        "opened": NOW - timedelta(minutes=30),
                        "due": NOW + timedelta(minutes=30),
                        "soon": NOW + timedelta(seconds=3),
                        "actor": {"name": "Dana", "agency": "Center", "role": "Watch analyst"},
                        "nav": nav,
                        "part": PART.format(0),
                    }
                )
            )


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args: object, site: Site, directory: str) -> None:
        self.site = site
        super().__init__(*args, directory=directory)  # type: ignore[arg-type]

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/":
            self._send(self.site.page())
        elif path == "/part":
            self.site.served += 1
            self._send(PART.format(self.site.served))
        elif path == "/live":
            self._live()
        else:
            super().do_GET()

    def _send(self, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _live(self) -> None:
        self.site.asked.append(self.headers.get("Last-Event-ID") or "")
        if not self.site.up:
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"retry: 200\nevent: ping\ndata:\n\n")
        self.wfile.flush()
        while (event := self.site.feed.get()) is not None:
            self.wfile.write(event.encode())
            self.wfile.flush()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.feed.put(None)
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(8000)
    opened = context.new_page()
    refused: list[str] = []
    opened.on("console", lambda m: refused.append(m.text) if "Content Security" in m.text else None)
    opened.on("pageerror", lambda e: refused.append(str(e)))
    opened.goto(site.url)
    yield opened
    context.close()
    assert refused == []


def changed(topic: str, event_id: int) -> str:
    return f"id: {event_id}\nevent: changed\ndata: {json.dumps({'topic': topic})}\n\n"


def test_fuses_burn_by_the_servers_clock_and_go_out(page: Page) -> None:
    long, short = page.locator("#long .fuse"), page.locator("#short .fuse")
    expect(long.locator(".fuse-words")).to_have_text("29 min left")
    expect(short).to_have_attribute("data-tone", "out")
    expect(short.locator(".fuse-words")).to_contain_text("due")
    assert short.locator(".fuse-left").get_attribute("width") == "0.00%"
    assert page.locator("time.when").inner_text().startswith("17:32 ET · 30 min ago")


def test_keys_press_focus_move_and_explain(page: Page) -> None:
    page.evaluate(RELEASED)
    page.keyboard.press("r")
    expect(page).to_have_title("released")
    page.keyboard.press("1")
    expect(page.get_by_label("Hyperbole")).to_be_checked()
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type("r?j")
    expect(page.locator("#find")).to_have_value("r?j")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="one")).to_be_focused()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="two")).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page).to_have_url(f"{page.url.split('#')[0]}#owed-page")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog")
    expect(sheet).to_be_visible()
    assert sheet.locator("dd").all_inner_texts() == [
        "Go to Owed",
        "Search",
        "Release to 14 agencies",
        "Hyperbole",
        "Next in the list",
        "Previous in the list",
        "This sheet",
    ]


def test_single_keys_can_be_switched_off_and_stay_off(page: Page) -> None:
    page.keyboard.press("?")
    page.get_by_label("Single keys are on").uncheck()
    page.get_by_role("button", name="Close").first.click()
    page.reload()
    page.evaluate(RELEASED)
    page.keyboard.press("r")
    expect(page).not_to_have_title("released")


def test_colours_are_remembered(page: Page) -> None:
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Night colours").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "night"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


def test_a_change_refreshes_its_part_and_keeps_the_focus(page: Page, site: Site) -> None:
    page.get_by_role("link", name="kept").focus()
    site.feed.put(changed("warnings", 1))
    site.feed.put(changed("owed", 2))
    site.feed.put(changed("owed", 3))
    expect(page.locator("#count")).to_have_text("1")
    page.wait_for_timeout(700)  # longer than gathering and jitter together
    assert site.served == 1  # two changes at once are one request
    expect(page.get_by_role("link", name="kept")).to_be_focused()


def test_a_part_somebody_types_in_waits(page: Page, site: Site) -> None:
    page.get_by_label("Note").fill("half a sen")
    site.feed.put(changed("owed", 1))
    site.feed.put(changed("owed", 2))
    page.keyboard.type("tence")
    page.wait_for_timeout(900)  # longer than gathering and jitter together
    expect(page.get_by_label("Note")).to_have_value("half a sentence")
    assert site.served == 0
    page.locator("#find").focus()
    expect(page.locator("#count")).to_have_text("1")


def test_a_lost_link_says_so_then_takes_up_where_it_was(page: Page, site: Site) -> None:
    site.feed.put(changed("owed", 41))
    expect(page.locator("#count")).to_have_text("1")
    bar = page.locator("#link-lost")
    expect(bar).to_be_hidden()
    site.up = False
    site.feed.put(None)
    expect(bar).to_be_visible()
    expect(bar).to_contain_text("What you see is from")
    site.up = True
    expect(bar).to_be_hidden()
    expect(page.locator("#count")).to_have_text("2")  # refreshed once when the link is back
    assert "41" in site.asked


def test_paper_is_white_by_night_and_without_the_frame(page: Page) -> None:
    page.get_by_role("button", name="Night colours").click()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.locator(".top")).to_be_hidden()
    expect(page.locator("h1")).to_be_visible()


def test_a_phone_has_a_menu_and_no_sideways_scroll(browser: Browser, site: Site) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    phone = context.new_page()
    phone.goto(site.url)
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    expect(phone.get_by_role("link", name="Record")).to_be_hidden()
    phone.get_by_role("button", name="Menu").tap()
    link = phone.get_by_role("link", name="Record")
    expect(link).to_be_visible()
    box = link.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    context.close()
