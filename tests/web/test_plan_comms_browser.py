"""Staffing and communications in a real browser: two officers check their radios by a word; desk and phone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import SignIn
from tests.web.stage import Stage
from tocsin.plan.actions import comms, staffing
from tocsin.plan.models import Carry
from tocsin.plan.terms.comms import ChannelDraft
from tocsin.plan.terms.staffing import PostDraft

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
    """Posts of three agencies on two channels that nothing joins but a patch; nothing tested yet."""
    cast = stage.cast
    op = cast.march
    police, service = comms.add_channels(
        cast.lou,
        operation=op,
        drafts=[
            ChannelDraft("POLICE 1", function="tactical", assignment="local units"),
            ChannelDraft("SERVICE 4", function="command", assignment="protective detail"),
        ],
    )
    for label, agency, kind, on in (
        ("Sniper, north window", "metro", "POST", (police,)),
        ("East gate", "metro", "POST", (police,)),
        ("Security room", "fusion", "ROOM", (police, service)),
        ("Trailer", "metro", "ROOM", (police,)),
        ("Detail leader", "capitol", "DETAIL", (service,)),
    ):
        post = staffing.place_post(
            cast.lou, operation=op, draft=PostDraft(label, agency, kind=kind)
        )
        for channel in on:
            carry = comms.plan_carry(cast.lou, channel=channel, post=post)
            if label != "East gate":
                comms.issue_carry(cast.lou, carry=carry)
    comms.add_gateway(cast.lou, operation=op, label="Patch 1", kind="PATCH", a=police, b=service)
    return op


def shot(page: Page, name: str) -> None:
    if not SHOTS:
        return
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(150)
        page.screenshot(path=str(Path(SHOTS) / f"{name}-{width}.png"), full_page=True)
    page.set_viewport_size({"width": 1440, "height": 900})


def test_two_officers_check_their_radios_by_a_word(
    stage: Stage, sign_in: SignIn, broken: list[str]
) -> None:
    op = laid_out(stage)
    mona = watched(sign_in("mona").new_page(), broken)
    mona.goto(f"/operations/{op}/comms")
    expect(mona.get_by_text("planned, never tested").first).to_be_visible()
    shot(mona, "comms")
    mona.get_by_label("From which set").select_option(label="Sniper, north window, POLICE 1")
    mona.get_by_label("Over which gateway").select_option(label="Patch 1")
    mona.get_by_role("button", name="Show me a word").click()
    word = mona.locator(".comms-word").inner_text()
    shot(mona, "comms-word")
    olga = watched(sign_in("olga").new_page(), broken)
    olga.goto(f"/operations/{op}/comms")
    assert word.lower() not in olga.content().lower()
    olga.get_by_label("The word").fill(word.lower())
    olga.get_by_role("button", name="Answer").click()
    expect(olga.get_by_text("Right: both sets are tested.")).to_be_visible()
    assert Carry.objects.filter(state="TESTED").count() == 2
    olga.get_by_label("From the post").select_option(label="Sniper, north window")
    olga.get_by_label("To the post").select_option(label="Detail leader")
    olga.get_by_role("button", name="Show the way").click()
    expect(olga.locator("#pair")).to_contain_text(re.compile("Broken by the loss of: .*Patch 1"))
    shot(olga, "comms-pair")


@pytest.mark.parametrize("page", ["posts", "comms", "comms/channels", "forms"])
def test_a_page_fits_a_phone(stage: Stage, sign_in: SignIn, broken: list[str], page: str) -> None:
    op = laid_out(stage)
    lou = watched(sign_in("lou").new_page(), broken)
    lou.goto(f"/operations/{op}/{page}")
    shot(lou, page.replace("/", "-"))
    lou.set_viewport_size({"width": 390, "height": 844})
    assert lou.evaluate("document.documentElement.scrollWidth") <= 390
    if SHOTS:
        lou.emulate_media(color_scheme="dark")
        lou.set_viewport_size({"width": 1440, "height": 900})
        lou.reload()
        lou.screenshot(path=str(Path(SHOTS) / f"{page.replace('/', '-')}-dark.png"), full_page=True)
