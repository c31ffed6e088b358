"""The API keeps its own contract: no call, however odd, crashes it; every error is a problem with a cure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
)

from tests.cast import Cast, make_cast
from tocsin.collect.actions import add_source
from tocsin.collect.models import Report
from tocsin.collect.terms import SourceKind
from tocsin.people import actions as people
from tocsin.people import tokens
from tocsin.people.models import ApiToken
from tocsin.people.terms import SYSTEM, Role
from tocsin.record.actions import writing
from tocsin.record.models import Entry, Vault
from tocsin.record.sequencer import Sequencer
from tocsin.record.terms import Marking

pytestmark = pytest.mark.usefixtures("db")
THREAT = "We will storm the capitol building on saturday, bring your rifle and kill the senators"
QUIET = "The bakery on Main Street has fresh bread again, and the dog likes it."


class Caller:
    """The cast's keys, and a client that uses one."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.keys = {
            name: tokens.issue(SYSTEM, person=cast.people[name], name="test")
            for name in ("ana", "rhea", "paul", "otto", "ada")
        }
        self.source = add_source(
            cast.ana,
            kind=SourceKind.API,
            name="County system",
            authority="open-source-threat",
            purpose="protect-event",
            operation=cast.march,
        )

    def get(self, who: str, path: str, **query: Any) -> Any:
        return Client().get(f"/api/v1{path}", query, headers=self._headers(who))

    def post(self, who: str, path: str, body: Any, **headers: str) -> Any:
        raw = body if isinstance(body, str | bytes) else json.dumps(body)
        given = {"content-type": "application/json", **self._headers(who), **headers}
        kind = given.pop("content-type")
        return Client().post(f"/api/v1{path}", raw, content_type=kind, headers=given)

    def send(self, who: str, *texts: str, **headers: str) -> Any:
        body = {
            "source": self.source,
            "items": [{"text": t, "key": f"k{i}"} for i, t in enumerate(texts)],
        }
        return self.post(who, "/reports", body, **headers)

    def _headers(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[who]}"} if who else {}


@pytest.fixture
def caller(virtual: Any) -> Caller:
    return Caller(make_cast())


def test_each_item_gets_its_own_answer_and_the_quiet_one_leaves_nothing(caller: Caller) -> None:
    answer = caller.send("ana", THREAT, QUIET)
    assert answer.status_code == 200, answer.content
    assert [i["result"] for i in answer.json()["items"]] == ["flagged", "counted"]
    assert Report.objects.count() == 1
    assert not Vault.objects.filter(body__icontains="bakery").exists()
    [item] = caller.get("ana", "/queue").json()["items"]
    assert caller.get("ana", f"/reports/{item['id']}").json()["precedence"]


def test_the_same_call_again_is_answered_the_same_and_another_is_refused(caller: Caller) -> None:
    first = caller.send("ana", THREAT, **{"Idempotency-Key": "one"})
    again = caller.send("ana", THREAT, **{"Idempotency-Key": "one"})
    other = caller.send("ana", QUIET, **{"Idempotency-Key": "one"})
    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 409)
    assert first.json() == again.json()
    assert other.json()["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("{", "application/json", 400),
        ("[" * 100_000, "application/json", 400),
        (b"\xff\xfe{}", "application/json", 400),
        ("{}", "text/plain", 415),
        ("{}", "application/json", 422),
        (
            '{"source": "src_00000000000000000000", "items": [], "colour": 1}',
            "application/json",
            422,
        ),
        ("x" * (9 * 1024 * 1024), "application/json", 413),
    ],
)
def test_bad_bodies_are_problems_with_a_status(
    caller: Caller, body: Any, kind: str, status: int
) -> None:
    answer = caller.post("ana", "/reports", body, **{"content-type": kind})
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_a_wrong_method_says_which_are_right(caller: Caller) -> None:
    answer = Client().delete("/api/v1/queue", headers=caller._headers("ana"))
    assert answer.status_code == 405
    assert "GET" in answer["Allow"]
    assert answer["Content-Type"] == "application/problem+json"


PATHS = [
    "/queue",
    "/situations",
    "/warnings",
    "/duties",
    "/feed",
    "/record/{op}",
    "/reports/{report}",
    "/warnings/wrn_x",
]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_gets_in_without_a_key_in_force(caller: Caller, path: str) -> None:
    assert caller.get("", path).status_code == 401
    ApiToken.objects.update(revoked_at="2026-01-01T00:00Z")
    answer = caller.get("ana", path)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("who", ["otto", "ada"])
def test_the_outsider_and_the_administrator_see_no_content(caller: Caller, who: str) -> None:
    caller.send("ana", THREAT)
    report = Report.objects.get()
    while Sequencer().step():
        pass
    for path in PATHS:
        answer = caller.get(who, path.format(op=caller.cast.march, report=report.id))
        assert answer.status_code in {200, 403, 404}, path
        if answer.status_code == 200:
            body = answer.json()
            found = body.get("items", body.get("entries", body)) if isinstance(body, dict) else body
            assert found == [], path
    assert caller.send(who, THREAT).status_code in {403, 404}


def test_the_feed_has_no_gap_and_hides_what_is_not_ours(caller: Caller) -> None:
    with writing(SYSTEM) as w:
        for i in range(7):
            agency = "fusion" if i % 2 else "other"
            w.append(
                "vault.unmasked", f"rpt_{i}", {"vault": "", "reason": {}}, marking=Marking(agency)
            )
    while Sequencer().step():
        pass
    seen, after, more = [], -1, True
    while more:
        page = caller.get("ana", "/feed", after=after, limit=3).json()
        seen += [e["place"] for e in page["entries"]]
        assert page["next"] >= after
        after, more = page["next"], page["more"]
    mine = Entry.objects.filter(agency="fusion").count()
    assert len(seen) >= mine
    assert seen == sorted(set(seen))
    others = caller.get("otto", "/feed").json()["entries"]
    assert {e["subject"] for e in others if e["subject"].startswith("rpt_")} == {
        "rpt_0",
        "rpt_2",
        "rpt_4",
        "rpt_6",
    }


def test_a_person_who_left_or_lost_the_role_is_out_at_once(caller: Caller) -> None:
    people.revoke_role(SYSTEM, person=caller.cast.people["ana"], role=Role.COLLECTOR)
    assert caller.get("ana", "/queue").status_code == 403
    assert caller.send("ana", THREAT).status_code == 403


def test_health_needs_no_key_and_tells_no_content() -> None:
    answer = Client().get("/api/v1/health")
    assert answer.status_code == 200
    assert set(answer.json()) == {"well", "duties_on_time", "entries_waiting", "version"}


@pytest.fixture
def openapi(db: None) -> Iterator[Any]:
    # As Django's own test client does: the test's transaction must outlive each request.
    for ended in (request_started, request_finished):
        ended.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    for ended in (request_started, request_finished):
        ended.connect(close_old_connections)


PROBLEMS = {400, 401, 403, 404, 405, 409, 413, 415, 422}


def test_no_generated_call_breaks_it(openapi: Any, caller: Caller) -> None:
    tried = set()
    for operation in (found.ok() for found in openapi.get_all_operations()):
        tried.add(operation.label)

        @settings(
            max_examples=8,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def holds(case: Any) -> None:
            response = case.call(headers={"Authorization": f"Bearer {caller.keys['ana']}"})
            case.validate_response(response, checks=[not_a_server_error])
            if response.status_code in PROBLEMS:
                assert "problem+json" in response.headers["content-type"][0]
                assert response.json()["status"] == response.status_code
            else:
                case.validate_response(
                    response, checks=[content_type_conformance, response_schema_conformance]
                )

        holds()
    assert len(tried) == 16
