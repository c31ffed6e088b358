"""The real server (granian in a process of its own, on the test database) and a real browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, ViewportSize, sync_playwright

from tests.web.stage import Stage, make_stage
from tocsin.record.sequencer import Sequencer

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = (
    "1"  # Playwright runs a loop in this thread; the tests use the database in it
)
WIDTHS: dict[str, ViewportSize] = {
    "desk": {"width": 1440, "height": 900},
    "phone": {"width": 390, "height": 844},
}
SignIn = Callable[..., BrowserContext]
Colours = Literal["light", "dark"]


def browser_path() -> str:
    """The browser that `make test` found; skips, with a word, where there is none."""
    path = os.environ.get("TEST_BROWSER") or "/usr/bin/chromium"
    if not Path(path).exists():
        pytest.skip("no browser: set TEST_BROWSER to Chromium's path")
    return path


def app_url(owner_url: str) -> str:
    return owner_url.replace("postgresql://postgres:", "postgresql://tocsin_app:")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture(scope="session")
def server(django_db_setup: None, database_url: str) -> Iterator[str]:
    """The address of the running server."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {
        **os.environ,
        "TOCSIN_DATABASE_URL": app_url(database_url),
        "TOCSIN_DATABASE_OWNER_URL": database_url,
        "TOCSIN_BASE_URL": url,
    }
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "asgi",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    process = subprocess.Popen([*command, "tocsin.web.asgi:application"], env=environ)
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it answered")
        try:
            urllib.request.urlopen(f"{url}/accounts/login/", timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not answer within 30 s")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser for a module: while it runs, no other test may start an event loop of its own."""
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def stage(committed: None) -> Stage:
    """One of each kind of thing, committed and placed in the tree."""
    made = make_stage()
    while Sequencer().step():
        pass
    return made


@pytest.fixture
def sign_in(server: str, chromium: Browser, stage: Stage) -> Iterator[SignIn]:
    """`sign_in("ana", width="phone")` gives a browser context of that person, by a session made for them."""
    contexts: list[BrowserContext] = []

    def make(name: str, width: str = "desk", colours: Colours = "light") -> BrowserContext:
        context = chromium.new_context(
            base_url=server,
            viewport=WIDTHS[width],
            has_touch=width == "phone",
            color_scheme=colours,
        )
        context.add_cookies(
            [{"name": "sessionid", "value": session_of(stage, name), "url": server}]
        )
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


def session_of(stage: Stage, name: str) -> str:
    """A session key as signing in would leave it, without the slow password."""
    from django.test import Client  # noqa: PLC0415 - after Django is set up

    client = Client()
    client.force_login(stage.cast.account(name))
    return client.cookies["sessionid"].value
