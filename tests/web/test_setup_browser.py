"""What is settled before it starts, on a phone and by keys alone: who decides, what watches, objectives and care."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.stories.fairground import at
from tests.web.conftest import SignIn
from tests.web.stage import Stage
from tocsin.operate.actions import report_sighting, track_lost
from tocsin.operate.models import Decider, Sensor
from tocsin.plan import store
from tocsin.plan.actions import staffing
from tocsin.plan.terms.staffing import PostDraft

pytestmark = pytest.mark.browser


@pytest.fixture
def lou(stage: Stage, sign_in: SignIn) -> Iterator[Page]:
    """The lead's phone; no script may break on it, and the policy refuses nothing."""
    broken: list[str] = []
    page = sign_in("lou").new_page()
    page.set_default_timeout(8000)
    page.on("pageerror", lambda e: broken.append(str(e)))
    page.on("console", lambda m: broken.append(m.text) if "Content Security" in m.text else None)
    page.set_viewport_size({"width": 390, "height": 844})
    yield page
    assert not broken


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= 390"))


def test_the_decider_is_named_and_a_sensor_registered_from_the_board(
    stage: Stage, lou: Page
) -> None:
    op = stage.cast.march
    post = staffing.place_post(
        stage.cast.lou, operation=op, draft=PostDraft("Detail", "capitol", kind="DETAIL")
    )
    staffing.assign(stage.cast.lou, post=post, person=stage.cast.people["olga"])
    seen = report_sighting(
        stage.cast.olga, operation=op, text="man with a bag", at_point=at(20, 20), place="fence"
    )
    track_lost(stage.cast.olga, sighting=seen, direction="<b>north</b>")
    lou.goto(f"/operations/{op}/board")
    # Its age and which way it went stand on the map, as they were written.
    expect(lou.locator(".board-since")).to_have_text(re.compile(r"lost, .+, went <b>north</b>"))
    # The open tab is in sight, though there are more than fit.
    expect(lou.locator(".tabs [aria-current]")).to_be_in_viewport()
    lou.get_by_role("link", name="Who decides, what watches").click()
    expect(lou.get_by_text("not named")).to_be_visible()
    lou.get_by_label("Who decides").select_option(label="Olga Ortiz")
    lou.get_by_role("button", name="Name them").press("Enter")
    expect(lou.get_by_text("From now on they are asked")).to_be_visible()
    assert Decider.objects.get().person == stage.cast.people["olga"]
    assert fits(lou)
    # By keys alone: from the name through the form to the button.
    lou.get_by_label("Name", exact=True).focus()
    lou.keyboard.type("Counter-drone radar")
    for _ in range(3):
        lou.keyboard.press("Tab")
    lou.keyboard.type("Every minute")
    lou.keyboard.press("Tab")
    lou.keyboard.press("Enter")
    made = lou.locator(".board-made")
    expect(made).to_contain_text(re.compile(r"Authorization: Bearer [\w-]{40,}"))
    assert Sensor.objects.get().every_s == 60
    assert fits(lou)


def test_objectives_and_care_are_written_on_a_phone(stage: Stage, lou: Page) -> None:
    op = stage.cast.march
    lou.goto(f"/operations/{op}/forms")
    lou.get_by_role("link", name="Write objectives and medical care").click()
    lou.get_by_label("Objectives, one a line").fill("Nobody unseen on a roof.")
    lou.get_by_label("Hospitals, row 1: name").fill("County hospital")
    lou.get_by_label("Hospitals, row 1: telephone").fill("555 0199")
    lou.get_by_role("button", name="Save").click()
    expect(lou.get_by_text("Saved. The forms say so from now on.")).to_be_visible()
    expect(lou.get_by_label("Hospitals, row 3: name")).to_be_visible()  # two empty rows wait again
    assert store.brief(op).hospitals[0].phone == "555 0199"
    assert fits(lou)
