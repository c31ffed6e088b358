"""The frame on the real server, in a real browser: signing in, the live feed, keys, width, axe."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.cast import PASSWORD
from tests.stories.flagged import flag
from tests.web.conftest import SignIn
from tests.web.stage import Stage
from tocsin.people.models import Account
from tocsin.record.sequencer import Sequencer

pytestmark = pytest.mark.browser

PAGES = [
    *("/", "/owed/later", "/shifts", "/notices?show=all", "/search?q=north"),
    *("/record/{warning}", "/record", "/me", "/welcome", "/nowhere"),
]
HEARD = """document.addEventListener("tocsin:changed", (e) => {
  document.body.dataset.heard = `${document.body.dataset.heard || ""} ${e.detail.topic}`;
})"""
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
}


def place() -> None:
    sequencer = Sequencer()
    while sequencer.step():
        pass


def test_sign_in_see_what_is_owed_and_leave(server: str, chromium: Browser, stage: Stage) -> None:
    account = Account.objects.get(person=stage.cast.people["ana"])
    account.set_password(PASSWORD)
    account.save()
    page = chromium.new_page(base_url=server)
    page.goto("/search")
    expect(page).to_have_title("Sign in · Tocsin")
    page.locator("input[name=login]").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Search", exact=True)).to_be_visible()
    page.goto("/")
    expect(page.get_by_text("Assess a flagged report").first).to_be_visible()
    page.get_by_label("Ana Alvarez: your account").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/")
    expect(page).to_have_title("Sign in · Tocsin")
    page.close()


def test_what_others_do_shows_up_without_reloading(sign_in: SignIn, stage: Stage) -> None:
    page = sign_in("ana").new_page()
    with page.expect_response(lambda r: "/live" in r.url):
        page.goto("/")
    expect(page.locator(".owed-row")).to_have_count(3)
    flag(stage.cast, ["weapons"])
    place()
    expect(page.get_by_role("link", name="Assess 4 flagged reports", exact=True)).to_be_visible()


def test_the_outsider_hears_nothing(sign_in: SignIn, stage: Stage) -> None:
    page = sign_in("otto").new_page()
    page.add_init_script(HEARD)
    with page.expect_response(lambda r: "/live" in r.url):
        page.goto("/")
    flag(stage.cast, ["weapons"])
    place()
    flag(stage.cast, ["weapons"], agency="other", operation="", tlp="AMBER+STRICT")
    place()
    expect(page.locator("body")).to_have_attribute("data-heard", re.compile("owed"))
    heard = page.locator("body").get_attribute("data-heard") or ""
    assert heard.count("subject:rpt_") == 1


def test_keys_lead_everywhere(sign_in: SignIn) -> None:
    page = sign_in("ana").new_page()
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("f")
    expect(page.get_by_role("heading", name="Search", exact=True)).to_be_visible()
    page.get_by_role("heading", name="Search", exact=True).click()
    page.keyboard.press("/")
    expect(page.get_by_label("Words")).to_be_focused()
    page.keyboard.type("north")
    page.keyboard.press("Enter")
    expect(page.locator("mark").first).to_have_text("north", ignore_case=True)


def check(page: Page, address: str) -> list[str]:
    page.goto(address)
    result = Axe().run(page, options=RULES)
    found = [f"{v['id']} at {v['nodes'][0]['target']}" for v in result.response["violations"]]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("wider than the screen")
    return [f"{address}: {f}" for f in found]


@pytest.mark.parametrize(("width", "colours"), [("desk", "light"), ("phone", "dark")])
def test_everybody_can_use_the_pages(
    sign_in: SignIn, stage: Stage, width: str, colours: str
) -> None:
    page = sign_in("ana", width, colours).new_page()
    broken: list[str] = []
    page.on("pageerror", lambda e: broken.append(str(e)))
    shown = PAGES if width == "desk" else PAGES[::2]
    found = [f for address in shown for f in check(page, address.format(**stage.subjects))]
    assert not found
    assert not broken
