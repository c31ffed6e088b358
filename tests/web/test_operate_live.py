"""The feed of a running operation on a real server, its doors, and the board in a real browser."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from playwright.sync_api import Browser, expect

from tests.stories.running import STAGE, Scene, make_scene
from tests.web.conftest import WIDTHS
from tocsin.kernel import clock
from tocsin.operate.actions import (
    acknowledge,
    ask,
    check_in,
    report_sighting,
    update_sighting,
    vacate,
)
from tocsin.operate.actions.devices import issue_device, join_device, revoke_device
from tocsin.operate.models import Receipt
from tocsin.people.models import Account
from tocsin.record.sequencer import Sequencer


@pytest.fixture
def scene(committed: None) -> Scene:
    return make_scene()


def place_all() -> None:
    while Sequencer().step():
        pass


def token(scene: Scene, post: str) -> tuple[str, str]:
    """(device, token) of a phone that joined for whoever stands at a post, signed as a phone does it."""
    private = ec.generate_private_key(ec.SECP256R1())

    def plain(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def sign(text: str) -> str:
        r, s = decode_dss_signature(private.sign(text.encode(), ec.ECDSA(SHA256())))
        return plain(r.to_bytes(32) + s.to_bytes(32))

    device, code = issue_device(scene.cast.lou, operation=scene.plan, person=scene.people[post])
    key = plain(private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    join_device(code=code, key=key, proof=sign(f"tocsin-join\n{code}\n{key}"))
    at = int(clock.now().timestamp())
    return device, f"{device}.{at}." + sign(f"tocsin-device\n{device}\n{at}")


class Heard:
    """A stream read in a thread: what came, and whether it ended."""

    def __init__(self, server: str, secret: str, after: str = "") -> None:
        self.things: list[dict[str, object]] = []
        self.place, self.status, self.over = "", 0, False
        headers = {"Authorization": f"Device {secret}"} | (
            {"Last-Event-ID": after} if after else {}
        )
        self._thread = threading.Thread(
            target=self._read, args=(f"{server}/field/feed", headers), daemon=True
        )
        self._thread.start()

    def _read(self, url: str, headers: dict[str, str]) -> None:
        event = ""
        with httpx.stream("GET", url, headers=headers, timeout=30) as answer:
            self.status = answer.status_code
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    event = line[7:]
                elif line.startswith("id: "):
                    self.place = line[4:]
                elif line.startswith("data: ") and event in (
                    "sighting",
                    "question",
                    "hold",
                    "absence",
                ):
                    self.things.append(json.loads(line[6:]))
        self.over = True

    def wait(self, until: Callable[[], object], seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if until():
                return
            time.sleep(0.02)
        raise AssertionError(f"not heard: {self.status} {self.things} {self.place}")

    def versions(self, sighting: str) -> list[object]:
        return [t["version"] for t in self.things if t["id"] == sighting]


def test_a_device_hears_a_sighting_whole_and_resumes_without_a_gap(
    server: str, scene: Scene
) -> None:
    _, secret = token(scene, "gate")
    heard = Heard(server, secret)
    heard.wait(lambda: heard.place)
    sighting = report_sighting(
        scene.at("north"), operation=scene.plan, text="rangefinder", aggravators=["rangefinder"]
    )
    heard.wait(lambda: heard.versions(sighting) == [1])
    assert heard.things[-1]["what"] == "rangefinder"
    before = heard.place
    place_all()
    heard.wait(lambda: heard.place != before)
    last = heard.place
    update_sighting(
        scene.at("north"), sighting=sighting, text="on the roof", aggravators=["on_roof"]
    )
    # Not placed yet: whoever resumes from before it gets it all the same (and, where the feed tells it
    # in that moment, once more: a device keeps the highest version).
    again = Heard(server, secret, after=last)
    again.wait(lambda: again.versions(sighting))
    assert set(again.versions(sighting)) == {2}
    assert again.things[-1]["aggravators"] == ["rangefinder", "on_roof"]
    place_all()
    heard.wait(lambda: heard.versions(sighting)[-1] == 2 and heard.place != last)
    third = Heard(server, secret, after=heard.place)
    third.wait(lambda: third.place)
    time.sleep(0.2)
    assert third.versions(sighting) == []  # nothing new: nothing told


def test_answers_are_durable_when_they_are_answered_and_speak_of_this_operation_alone(
    server: str, scene: Scene
) -> None:
    _, secret = token(scene, "gate")
    sighting = report_sighting(scene.at("north"), operation=scene.plan, text="rangefinder")
    said = {"receipts": [{"sighting": sighting, "version": 1, "said": "acknowledged", "key": "r1"}]}
    headers = {"Authorization": f"Device {secret}"}
    for _ in range(2):
        answer = httpx.post(f"{server}/field/receipts", json=said, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"taken": 1})
    assert Receipt.objects.get(sighting=sighting, person=scene.people["gate"]).version == 1
    wrongs: list[Any] = [
        {},
        {"receipts": [{}]},
        {"receipts": 3},
        {"receipts": [{"sighting": 1, "said": "x"}]},
    ]
    for wrong in wrongs:
        assert (
            httpx.post(f"{server}/field/receipts", json=wrong, headers=headers).status_code == 422
        )
    assert (
        httpx.post(f"{server}/field/receipts", data={"a": "b"}, headers=headers).status_code == 415
    )


def test_every_door_of_the_feed_is_shut_to_strangers(server: str, scene: Scene) -> None:
    device, secret = token(scene, "gate")
    heard = Heard(server, secret)
    heard.wait(lambda: heard.place)
    said: dict[str, list[str]] = {"receipts": []}
    for headers in (
        {},
        {"Authorization": "Device nonsense"},
        {"Authorization": f"Device {secret}x"},
    ):
        assert httpx.get(f"{server}/field/feed", headers=headers).status_code == 401
        assert httpx.post(f"{server}/field/receipts", json=said, headers=headers).status_code == 401
    mine = {"Authorization": f"Device {secret}"}
    assert httpx.get(f"{server}/field/feed?operation=op_other", headers=mine).status_code == 404
    assert (
        httpx.get(
            f"{server}/field/feed?operation={scene.plan}",
            headers=session(scene.cast.account("otto")),
        ).status_code
        == 404
    )
    assert (
        httpx.get(
            f"{server}/field/feed?operation={scene.plan}",
            headers=session(scene.cast.account("ada")),
        ).status_code
        == 404
    )
    revoke_device(scene.cast.lou, device=device)
    heard.wait(lambda: heard.over)  # its stream ends at once
    assert httpx.get(f"{server}/field/feed", headers=mine).status_code == 401
    assert httpx.post(f"{server}/field/receipts", json=said, headers=mine).status_code == 401


def session(account: Account) -> dict[str, str]:
    client = Client()
    client.force_login(account)
    return {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}


@pytest.mark.parametrize("width", ["desk", "phone"])
def test_the_board_changes_by_itself(
    server: str, scene: Scene, chromium: Browser, width: str
) -> None:
    for post in ("north", "gate", "detail"):
        check_in(scene.at(post), operation=scene.plan, post=scene.posts[post])
    place_all()
    context = chromium.new_context(
        base_url=server,
        viewport=WIDTHS[width],
        color_scheme="dark" if width == "phone" else "light",
    )
    value = session(scene.cast.account("lou"))["Cookie"].partition("=")[2]
    context.add_cookies([{"name": "sessionid", "value": value, "url": server}])
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.goto(f"/operations/{scene.plan}/board")
    expect(page.get_by_text("Nothing open.")).to_be_visible()
    page.wait_for_timeout(500)
    sighting = report_sighting(
        scene.at("north"), operation=scene.plan, text="man on the roof, grey shirt",
        aggravators=["rangefinder", "on_roof"],
        at_point=STAGE.moved(130, 20), place="roof of building 6",
    )  # fmt: skip
    place_all()
    expect(page.get_by_text("0 of 4 know")).to_be_visible(timeout=10_000)
    expect(page.get_by_role("heading", name="Hold, go on or move? Sighting 1")).to_be_visible()
    for name in ("olga", "mona"):
        acknowledge(scene.cast.actor(name), sighting=sighting)
    for post in ("detail", "room"):
        acknowledge(scene.at(post), sighting=sighting)
    ask(
        scene.at("gate"),
        operation=scene.plan,
        text="whose is he?",
        at_point=STAGE.moved(130, 20),
        place="the roof",
    )
    vacate(scene.at("north"), operation=scene.plan, post=scene.posts["north"])
    place_all()
    expect(page.get_by_text("everybody knows")).to_be_visible(timeout=10_000)
    expect(page.get_by_text("NONE OF OURS").first).to_be_visible()
    update_sighting(scene.at("gate"), sighting=sighting, text="long gun", aggravators=["armed"])
    place_all()
    expect(page.get_by_text("ARMED OR ATTACKING").first).to_be_visible(timeout=10_000)
    if folder := _shots():
        page.screenshot(path=f"{folder}/board-{width}.png", full_page=True)
    page.get_by_label("Reason").fill("nobody of ours is up there")
    page.get_by_role("button", name="Hold", exact=True).click()
    expect(page.get_by_text("Decided: hold.")).to_be_visible()
    page.goto(f"/sightings/{sighting}")
    expect(page.get_by_role("heading", name="Who has it")).to_be_visible()
    if folder := _shots():
        page.screenshot(path=f"{folder}/sighting-{width}.png", full_page=True)
    assert page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1"
    )
    assert not faults, faults
    context.close()


def _shots() -> str:
    return os.environ.get("TEST_SHOTS", "")
