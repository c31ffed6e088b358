"""A partner's page in a real browser, on a phone and at a desk: one press answers, and nothing breaks the policy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.stories.posting import Taken
from tests.web.conftest import SignIn
from tests.web.stage import Stage
from tests.web.test_shell_browser import RULES, place
from tests.web.test_walk import watched, work
from tocsin.deliver import actions
from tocsin.deliver.models import Destination, Reader, Recipient
from tocsin.kernel import settings
from tocsin.people.store import actor

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("TEST_SHOTS", "")


@pytest.fixture
def broken() -> Iterator[list[str]]:
    """Script errors and refused contents of every page that is watched: none, at the end."""
    found: list[str] = []
    yield found
    assert not found


def look(page: Page, name: str) -> None:
    """Check a page, and keep its picture where somebody asked for pictures."""
    result = Axe().run(page, options=RULES)
    found = [f"{v['id']} at {v['nodes'][0]['target']}" for v in result.response["violations"]]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("wider than the screen")
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)
    assert not found, f"{page.url}: {found}"


def mailed(address: str) -> str:
    """The path of the link in the newest mail to an address."""
    folder = settings.current().data_dir / "mail"
    for file in sorted(folder.glob("*.eml"), key=lambda f: f.stat().st_mtime_ns, reverse=True):
        letter = Taken(address, file.read_bytes())
        if address in str(letter.message["To"]):
            return urlsplit(str(re.findall(r"http\S+", letter.text)[0])).path
    raise AssertionError(f"no mail to {address} in {folder}")


@pytest.fixture
def listed(stage: Stage) -> str:
    """Metro is reached by mail, by a text message, and by Mona's page; nothing has gone out yet."""
    person = stage.cast.people["mona"]
    mona = actor(person)
    ways = [("inapp", ""), ("email", "desk@metro.example"), ("sms", "+12025550123")]
    return actions.add_recipient(
        mona, agency="metro", role="partner", name="Duty desk", ways=ways, person=person
    )


def test_a_partner_answers_passes_on_and_tests_their_ways(
    stage: Stage, listed: str, sign_in: SignIn, broken: list[str]
) -> None:
    work()
    context = sign_in("mona", width="phone")
    page = watched(context.new_page(), broken)
    page.goto("/partner")
    look(page, "portal-phone")
    page.get_by_role("button", name="Test these ways").click()
    expect(page.get_by_text("A test is on its way by 3 ways")).to_be_visible()
    actions.send_trials()
    page.get_by_role("button", name="Acknowledge").first.click()
    expect(page.get_by_text("Acknowledged. The sender sees it.")).to_be_visible()
    assert Destination.objects.filter(seat_agency="metro").exclude(acknowledged_at=None).exists()
    page.get_by_role("link", name="Pass to my people").click()
    look(page, "pass-phone")
    page.get_by_label("By e-mail, one person a line").fill("Sgt Bo bo@metro.example")
    page.get_by_text("Also make a sheet").click()
    page.get_by_role("button", name="Pass it on").click()
    expect(page.get_by_role("heading", name="0 of 1 have read it")).to_be_visible()
    actions.send_relays()
    page.get_by_role("link", name="Sheet for roll call").click()
    look(page, "sheet-phone")
    code = page.get_by_role("img", name="Code that leads to the warning")
    box = code.bounding_box()
    assert box is not None
    assert box["width"] > 150
    stranger = watched(context.browser.new_context(base_url=page.url).new_page(), broken)  # type: ignore[union-attr]
    stranger.goto(mailed("bo@metro.example"))
    look(stranger, "passed-phone")
    stranger.get_by_role("button", name="I have read it").click()
    expect(stranger.get_by_text("Noted: you have read it.")).to_be_visible()
    assert Reader.objects.get().state == "READ"
    place()
    page.goto("/partner")
    look(page, "portal-after-phone")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_pages_at_a_desk(
    stage: Stage, listed: str, sign_in: SignIn, broken: list[str], colours: str
) -> None:
    work()
    mona = watched(sign_in("mona", colours=colours).new_page(), broken)
    mona.goto("/partner")
    look(mona, f"portal-desk-{colours}")
    mona.goto("/directory/new?agency=metro")
    look(mona, f"contact-desk-{colours}")
    rhea = watched(sign_in("rhea", colours=colours).new_page(), broken)
    for name, address in {
        "matrix": f"/warnings/{stage.warning}/receipts",
        "directory": "/directory",
        "checks": "/directory/checks/dir_fusion",
        "operation": f"/operations/{stage.cast.march}",
    }.items():
        answer = rhea.goto(address)
        assert answer is not None
        if answer.status == 404:
            continue
        look(rhea, f"{name}-desk-{colours}")
    assert Recipient.objects.exists()


def test_the_door(sign_in: SignIn, server: str, broken: list[str]) -> None:
    context = sign_in("mona", width="phone")
    context.clear_cookies()
    page = watched(context.new_page(), broken)
    page.goto("/accounts/login/")
    look(page, "door-phone")
    page.get_by_role("link", name="Send me a link by e-mail").click()
    page.get_by_label("Your e-mail address").fill("mona@metro.example")
    look(page, "ask-phone")
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("heading", name="Look at your mail")).to_be_visible()
    actions.send_links()
    page.goto(mailed("mona@metro.example"))
    look(page, "enter-phone")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{server}/partner")


def test_a_passkey_is_added_and_signs_in(
    stage: Stage, sign_in: SignIn, server: str, broken: list[str]
) -> None:
    """With a virtual authenticator, as a telephone has a real one. A passkey needs a name, so: localhost."""
    site = server.replace("127.0.0.1", "localhost")
    context = sign_in("mona")
    page = watched(context.new_page(), broken)
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    context.clear_cookies()
    actions.ask_for_link("mona@metro.example")
    actions.send_links()
    page.goto(site + mailed("mona@metro.example"))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site}/partner")
    page.goto(f"{site}/accounts/2fa/webauthn/add/")
    look(page, "passkey-add")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_url(lambda url: not url.endswith("/webauthn/add/"))
    context.clear_cookies()
    page.goto(f"{site}/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{site}/")
