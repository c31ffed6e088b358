"""Every address there is, tried by nobody, by the outsider, by an administrator, and by those who may.

New pages are walked as soon as they are in `urls.py`; a new kind of subject needs a line in `Stage.subjects`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.web.stage import Stage, make_stage
from tocsin.kernel.clock import VirtualClock

OPEN_TO_ALL = re.compile(
    r"/(accounts/|tip(/|$)|a/|welcome$|healthz$|api/|field($|/)|sensors/heard$)"
)
"""What needs no signing in: the door itself, tips from the public, one-tap answers by token, the API (own keys),
the field app and sensors (own keys)."""
SUBJECTS = {
    "report",
    "situation",
    "warning",
    "rfi",
    "dissent",
    "source",
    "operation",
    "release",
    "finding",
}
SUBJECTS |= {"hold", "sar", "entry", "request_id"}
SHUT = {403, 404, 405}
ODD = [
    "/record/%00",
    "/record/../etc",
    "/owed/never",
    "/owed/later?from=-1",
    "/search?q=%00",
    "/search?since=soon",
    "/search?before=x&q=a&kind=reports",
    "/record?before=99999999999999999999",
]


def addresses(stage: Stage) -> Iterator[tuple[str, set[str]]]:
    """(address, names of its parameters) of every pattern but allauth's, filled with the stage's subjects."""
    for route in _routes(get_resolver().url_patterns):
        names = set(re.findall(r"<(?:\w+:)?(\w+)>", route))
        known = {**stage.subjects, "warning": stage.draft if "edit" in route else stage.warning}
        filled = route
        for name in names:
            filled = re.sub(rf"<(?:\w+:)?{name}>", known.get(name, "no-such-id"), filled)
        yield f"/{filled}", names


def _routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if route.startswith(("accounts/", "api/", "taxii2/", "^")):
            continue
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield route


@pytest.fixture
def stage(db: None, virtual: VirtualClock) -> Stage:
    return make_stage()


def as_(stage: Stage, name: str) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(stage.cast.account(name))
    return client


def test_there_is_something_to_walk(stage: Stage) -> None:
    found = {address for address, _ in addresses(stage)}
    assert {"/", f"/warnings/{stage.warning}", "/search", f"/record/{stage.warning}"} <= found


def test_nobody_is_sent_to_the_door(stage: Stage) -> None:
    client = Client(raise_request_exception=False)
    for address, _ in addresses(stage):
        if OPEN_TO_ALL.match(address):
            continue
        for answer in (client.get(address), client.post(address)):
            if answer.status_code == 405:
                continue
            where = answer.headers.get("Location", "")
            assert answer.status_code == 302, f"{address} answered {answer.status_code} to nobody"
            assert where.startswith("/accounts/login/"), f"{address} sent nobody to {where}"


def test_the_outsider_finds_every_subject_absent(stage: Stage) -> None:
    otto = as_(stage, "otto")
    tried = 0
    for address, names in addresses(stage):
        if OPEN_TO_ALL.match(address) or not (names & SUBJECTS or "subject" in names):
            continue
        for answer in (otto.get(address), otto.post(address)):
            assert answer.status_code in SHUT, (
                f"{address} answered {answer.status_code} to the outsider"
            )
        tried += 1
    assert tried >= 10


def test_lists_show_the_outsider_nothing_of_others(stage: Stage) -> None:
    otto = as_(stage, "otto")
    words = ["north", "march", "roof", "tunnels", stage.warning, stage.report, "City posts"]
    for address, names in addresses(stage):
        if names or OPEN_TO_ALL.match(address):
            continue
        answer = otto.get(address)
        if answer.status_code != 200:
            continue
        text = answer.content.decode()
        shown = [w for w in words if w in text.replace('placeholder="', "")]
        assert not shown, f"{address} shows the outsider {shown}"


def test_no_address_breaks_for_anybody(stage: Stage) -> None:
    for name in ("ada", "ana", "rhea", "lou", "paul", "pia", "ines"):
        client = as_(stage, name)
        for address, _ in addresses(stage):
            answer = client.get(address)
            assert answer.status_code < 500, f"{address} broke for {name}: {answer.status_code}"


def test_an_administrator_sees_no_content(stage: Stage) -> None:
    ada = as_(stage, "ada")
    for address, names in addresses(stage):
        if OPEN_TO_ALL.match(address) or not names & (SUBJECTS - {"operation", "source"}):
            continue
        answer = ada.get(address)
        assert answer.status_code in SHUT, (
            f"{address} answered {answer.status_code} to the administrator"
        )


def test_odd_input_gets_an_answer(stage: Stage) -> None:
    ana = as_(stage, "ana")
    for address in ODD:
        assert ana.get(address).status_code in {200, 400, 404, 422}, address
