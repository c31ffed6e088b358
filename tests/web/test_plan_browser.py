"""The plan in a real browser: drawn by clicks and by keys, on a desk and a phone, nothing refused by the policy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.stories.fairground import at, lay_out
from tests.web.conftest import SignIn
from tests.web.stage import Stage
from tocsin.kernel import clock
from tocsin.plan import actions, store
from tocsin.plan.models import Area, Position, Zone
from tocsin.plan.terms import Method

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("PLAN_SHOTS", "")


@pytest.fixture
def broken() -> Iterator[list[str]]:
    """Script errors and what the content policy refused: none, at the end."""
    found: list[str] = []
    yield found
    assert not found


def watched(page: Page, broken: list[str]) -> Page:
    page.set_default_timeout(8000)
    page.on("pageerror", lambda e: broken.append(str(e)))
    page.on("console", lambda m: broken.append(m.text) if "Content Security" in m.text else None)
    return page


def laid_out(stage: Stage) -> str:
    """A plan with something of every tone; the id of the operation."""
    cast = stage.cast
    ground = lay_out(cast)
    fields: dict[str, Any] = {"operation": cast.march, "height_m": 8}
    roof = actions.list_position(
        cast.lou, label="Roof of building 6", at=at(0, 135), accepting="metro", **fields
    )
    actions.list_position(
        cast.lou, label="Water tower", at=at(180, 90), accepting="capitol", **fields
    )
    actions.accept_position(
        cast.mona, position=roof, version=1, person=cast.people["mona"], check_in_every_s=1800,
        mitigation="Two officers.",
    )  # fmt: skip
    made = actions.cut_zones(cast.lou, operation=cast.march, area=ground.route, every_m=120)
    actions.assign_zone(
        cast.lou, zone=made[0], version=1, team="metro", method=Method.CANINE, due_at=None
    )
    now = clock.now()
    actions.end_sweep(
        cast.mona, zone=made[0], version=2, start=now - timedelta(minutes=30), end=now, found=False,
        holds=timedelta(hours=8), method=Method.CANINE, track=[at(-300, -55), at(-180, -55)],
    )  # fmt: skip
    return cast.march


def ready(page: Page) -> None:
    expect(page.locator("#map[data-ready=true]")).to_be_visible()


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.wait_for_timeout(200)
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def test_the_map_is_drawn_by_clicks_and_by_keys(
    stage: Stage, sign_in: SignIn, broken: list[str]
) -> None:
    operation = laid_out(stage)
    page = watched(sign_in("lou").new_page(), broken)
    page.goto(f"/operations/{operation}/map")
    ready(page)
    for tone in (
        "map-gap",
        "map-zone-good",
        "map-position-good",
        "map-position-bad",
        "map-area-building",
    ):
        assert page.locator(f"path.{tone}").count() >= 1, tone
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.select_option("[data-map-kind]", "AREA")
    for x, y in ((0.3, 0.2), (0.4, 0.2), (0.4, 0.3), (0.45, 0.35)):
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        page.wait_for_timeout(300)  # two clicks at once would be a double click, which zooms
    points = page.locator("[data-map-points]")
    assert len(points.input_value().splitlines()) == 4
    page.get_by_role("button", name="Take back the last point").click()
    assert len(points.input_value().splitlines()) == 3
    expect(page.locator("path.map-sketch").first).to_be_visible()
    shot(page, "map-desk")
    page.get_by_label("Name", exact=True).first.fill("Car park")
    page.get_by_role("button", name="Put it on the map").click()
    expect(page.get_by_role("button", name="Show Car park on the map")).to_be_visible()
    ready(page)
    assert Area.objects.filter(label="Car park", kind="AREA").exists()
    # The same by keys alone: the form takes coordinates.
    page.locator("#k-new").focus()
    page.keyboard.press("b")
    page.keyboard.press("Tab")
    page.keyboard.type("Barn")
    page.keyboard.press("Tab")
    page.keyboard.type("6")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("38.8905, -77.0360\n38.8905, -77.0358\n38.8907, -77.0358")
    page.get_by_role("button", name="Put it on the map").press("Enter")
    expect(page.get_by_role("button", name="Show Barn on the map")).to_be_visible()
    ready(page)
    assert Area.objects.get(label="Barn").height_dm == 60
    page.get_by_role("button", name="Show Barn on the map").click()
    expect(page.locator(".leaflet-tooltip:not(.plan-name)", has_text="Barn")).to_be_visible()


def test_a_partner_accepts_on_a_phone(stage: Stage, sign_in: SignIn, broken: list[str]) -> None:
    operation = laid_out(stage)
    page = watched(sign_in("paul", "phone").new_page(), broken)
    page.goto(f"/operations/{operation}/positions")
    shot(page, "positions-phone")
    page.get_by_text("Accept for Capitol police").click()
    page.get_by_label("What is done about it").fill("Ladder locked, one officer at its foot.")
    page.get_by_label("Who holds it").select_option(label="Paul Price")
    page.get_by_role("button", name="Accept it").click()
    expect(page.locator("main")).to_contain_text("Paul Price, checks in every 30 min")
    assert Position.objects.get(label="Water tower").state == "ACCEPTED"
    wide = page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    assert not wide


def test_the_decision_names_what_is_red(stage: Stage, sign_in: SignIn, broken: list[str]) -> None:
    operation = laid_out(stage)
    page = watched(sign_in("lou").new_page(), broken)
    page.goto(f"/operations/{operation}/ready")
    count = len(store.reds(operation))
    expect(page.locator("#reds")).to_contain_text(f"{count} red")
    page.get_by_label("Your reason").fill("A drone watches the water tower until the doors open.")
    shot(page, "ready-desk")
    page.get_by_role("button", name=f"Go ahead with {count} red").click()
    expect(page.locator("main")).to_contain_text(f"go with {count} red")
    page.goto(f"/operations/{operation}/sweeps")
    expect(page.locator("main")).to_contain_text("Bench by the ramp")
    shot(page, "sweeps-desk")
    assert Zone.objects.filter(state="SWEPT").count() == 1


@pytest.mark.skipif(not SHOTS, reason="set PLAN_SHOTS to a folder to look at the pages")
def test_look(stage: Stage, sign_in: SignIn, broken: list[str]) -> None:
    operation = laid_out(stage)
    for width, colours in (("desk", "dark"), ("desk", "light"), ("phone", "light")):
        context = sign_in("lou", width, colours)
        page = watched(context.new_page(), broken)
        for name in ("map", "positions", "sweeps", "ready"):
            page.goto(f"/operations/{operation}/{name}")
            if name == "map":
                ready(page)
            shot(page, f"{name}-{width}-{colours}")
