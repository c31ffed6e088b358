"""The main job in a real browser: a report is decided by keys, a warning written, released on a phone,
sent, and acknowledged by its link; whoever watches the receipts sees it happen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.stories.posting import Taken
from tests.web.conftest import WIDTHS, SignIn
from tests.web.stage import Stage
from tests.web.test_shell_browser import check, place
from tocsin.assess.models import Situation
from tocsin.deliver import actions as deliver
from tocsin.deliver.models import Destination
from tocsin.kernel import clock, settings
from tocsin.warn.models import Warning
from tocsin.web.pages.warning_times import FORM, zone

pytestmark = pytest.mark.browser

DESK = "desk@metro.example"
TITLE = "North doors named for Wednesday"


@pytest.fixture
def broken() -> Iterator[list[str]]:
    """Script errors and refused contents of every page that is watched: none, at the end."""
    found: list[str] = []
    yield found
    assert not found


def watched(page: Page, broken: list[str]) -> Page:
    page.set_default_timeout(8000)
    page.on("pageerror", lambda e: broken.append(str(e)))
    page.on(
        "console",
        lambda m: broken.append(m.text) if "Content Security" in m.text else None,
    )
    return page


def work() -> None:
    """What the worker does, in this process: whom to ask, send, place on the record."""
    deliver.fan_out()
    while deliver.send_due(threads=0):
        pass
    place()


def link_to(address: str) -> str:
    """The path of the link in the newest mail to an address."""
    folder = settings.current().data_dir / "mail"
    for file in sorted(folder.glob("*.eml"), key=lambda f: f.stat().st_mtime_ns, reverse=True):
        raw = file.read_bytes()
        if address in str(message_from_bytes(raw, policy=policy.default)["To"]):
            return f"/a/{Taken(address, raw).token}"
    raise AssertionError(f"no mail to {address} in {folder}")


def metro(warning: str) -> Destination:
    return Destination.objects.get(warning=warning, seat_agency="metro", occasion="release")


def decide_by_keys(page: Page, stage: Stage) -> str:
    """Decide the most urgent report without a mouse; the situation that it opened."""
    page.goto("/queue")
    items = page.locator("a.queue-item")
    count = items.count()
    assert count >= 2
    expect(items.nth(0)).to_have_attribute("href", re.compile(stage.report))
    expect(items.nth(0)).to_have_attribute("aria-current", "true")
    page.keyboard.press("j")
    expect(items.nth(1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("k")
    expect(items.nth(0)).to_have_attribute("aria-current", "true")
    for key in ("5", "a", "s"):
        page.keyboard.press(key)
    expect(page.locator("#worksheet [name=specifics]:checked")).to_have_count(2)
    expect(page.locator(".advice")).to_contain_text("The rules recommend report it: ")
    page.keyboard.press("r")
    expect(page.locator("#fold-likelihood")).to_have_attribute("open", "")
    page.keyboard.press("t")
    page.keyboard.type("Names a place and a day, and asks others to come.")
    for typed in ("", "likely", "70", "moderate", "Two authors who do not know each other."):
        page.keyboard.press("Tab")
        page.keyboard.type(typed)
    page.keyboard.press("Enter")
    expect(page.locator(f"a.queue-item[href*={stage.report}]")).to_have_count(0)
    expect(items).to_have_count(count - 1)
    return Situation.objects.order_by("-opened_at")[0].id


def write(page: Page, situation: str) -> str:
    """Write a warning from a situation until nothing stands against it, and send it to review."""
    page.goto(f"/situations/{situation}")
    page.get_by_role("link", name="Draft a warning").click()
    expect(page).to_have_url(re.compile(rf"/warnings/new\?situation={situation}"))
    stops = page.locator("#lint .count")
    expect(stops).to_be_visible()
    page.get_by_label("Kind of warning").select_option("BULLETIN")
    page.get_by_label("Title", exact=True).fill(TITLE)
    page.get_by_label("Summary").fill("Posts name the north doors and ask readers to come.")
    page.get_by_label("What is so").fill("A group will try the north doors during the march.")
    page.get_by_label("How likely").select_option("likely")
    page.get_by_label("How sure").select_option("moderate")
    page.get_by_label("Why so sure").fill("Unconnected authors, none identified.")
    page.locator(".warn-cites label").first.click()
    page.get_by_label("What you ask the reader to do").fill("Man the north doors from noon.")
    page.get_by_label("What would change this").fill("The doors are closed, and this is said.")
    page.get_by_label("TLP: how far it may travel").select_option("AMBER")
    until = (clock.now() + timedelta(days=4)).astimezone(zone())
    page.get_by_label("Holds until").fill(until.strftime(FORM))
    expect(page.locator("#id_distribution input:checked")).to_have_count(2)  # who must know
    expect(stops).to_have_count(0)
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("button", name="Send to review").click()
    expect(page.get_by_role("button", name="Send to review")).to_have_count(0)
    return page.url.rpartition("/")[2].partition("?")[0]


def release(page: Page, warning: str) -> None:
    """Release it from the front page of a phone."""
    page.goto("/")
    row = page.locator(".owed-row", has=page.locator(f"a[href='/warnings/{warning}']"))
    row.locator(".owed-act").get_by_role("link", name="Review").tap()
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    expect(page).to_have_url(re.compile(warning))
    assert Warning.objects.get(id=warning).state == "IN_REVIEW"
    page.get_by_role("button", name="Release to 2 agencies").tap()
    expect(page.locator(".warn-state")).to_contain_text("Rhea Ross")
    assert Warning.objects.get(id=warning).state == "RELEASED"


def acknowledge(page: Page, link: str, warning: str) -> list[str]:
    """Open the link and press its one button; what is wrong with the page, before and after."""
    found = check(page, link)
    expect(page.get_by_text("A group will try the north doors")).to_be_visible()
    assert metro(warning).acknowledged_at is None
    press = page.get_by_role("button", name="Acknowledge")
    expect(press).to_have_count(1)
    press.tap()
    expect(page.locator(".rcp-said")).to_contain_text("Acknowledged")
    assert metro(warning).acknowledged_at is not None
    page.set_viewport_size(WIDTHS["desk"])
    return found + check(page, link)


def test_from_a_report_to_an_acknowledged_warning(
    sign_in: SignIn, stage: Stage, chromium: Browser, server: str, broken: list[str]
) -> None:
    deliver.add_recipient(
        stage.cast.rhea, agency="metro", role="partner", name="Desk", ways=[("email", DESK)]
    )
    desk = watched(sign_in("ana").new_page(), broken)
    situation = decide_by_keys(desk, stage)
    warning = write(desk, situation)
    place()
    release(watched(sign_in("rhea", width="phone").new_page(), broken), warning)
    work()

    with desk.expect_response(lambda r: "/live" in r.url):
        desk.goto(f"/warnings/{warning}/receipts")
    line = desk.locator("#receipts tr", has_text="Metro police")
    state = line.locator("td[data-label='Partner' i] .receipt")
    expect(state).to_have_attribute("data-state", "sent")
    desk.evaluate("window.sameDocument = true")

    stranger = chromium.new_context(base_url=server, viewport=WIDTHS["phone"], has_touch=True)
    found = acknowledge(watched(stranger.new_page(), broken), link_to(DESK), warning)
    assert "sessionid" not in {c.get("name") for c in stranger.cookies()}
    stranger.close()
    place()
    expect(state).to_have_attribute("data-state", "acknowledged")
    assert desk.evaluate("window.sameDocument")

    for size in WIDTHS:
        desk.set_viewport_size(WIDTHS[size])
        for address in ("/queue", f"/situations/{situation}", f"/warnings/{warning}"):
            found += [f"{size} {f}" for f in check(desk, address)]
        found += [f"{size} {f}" for f in check(desk, f"/warnings/{warning}/receipts")]
    assert not found
