"""Standard Webhooks by the reference library, CloudEvents by their rules."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from tocsin.formats import cloudevents, webhooks
from tocsin.formats.cloudevents import Event
from tocsin.kernel import clock
from tocsin.kernel.errors import Forbidden, Invalid

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()


@given(st.text().map(str.encode))
def test_the_reference_library_verifies_what_we_sign_and_we_what_it_signs(body: bytes) -> None:
    now = clock.now()
    headers = webhooks.sign(SECRET, "msg_1", now, body)
    theirs = Webhook(SECRET)
    assert headers["webhook-signature"] == theirs.sign("msg_1", now, body.decode())
    assert webhooks.verify(SECRET, headers, body, now=now) == "msg_1"


NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BODY = b'{"a":1}'


@pytest.mark.parametrize(
    ("headers", "body", "late"),
    [
        ({}, b'{"a":2}', 0),
        ({"webhook-id": "other"}, BODY, 0),
        ({"webhook-timestamp": "1772442001"}, BODY, 0),
        ({}, BODY, 301),
        ({}, BODY, -301),
        ({"webhook-signature": "v1,AAAA v2,x"}, BODY, 0),
        ({"webhook-signature": ""}, BODY, 0),
    ],
)
def test_what_was_changed_or_played_again_late_is_refused(
    headers: dict[str, str], body: bytes, late: int
) -> None:
    sent = {**webhooks.sign(SECRET, "msg_1", NOW, BODY), **headers}
    with pytest.raises(Forbidden):
        webhooks.verify(SECRET, sent, body, now=NOW + timedelta(seconds=late))


def test_either_secret_counts_while_one_is_replaced_and_header_names_in_any_case() -> None:
    sent = {k.title(): v for k, v in webhooks.sign(OTHER, "msg_1", NOW, BODY).items()}
    assert webhooks.verify([SECRET, OTHER], sent, BODY, now=NOW + timedelta(minutes=4)) == "msg_1"
    with pytest.raises(Forbidden):
        webhooks.verify([SECRET], sent, BODY, now=NOW)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp"])
def test_a_missing_header_is_named(missing: str) -> None:
    sent = webhooks.sign(SECRET, "msg_1", NOW, BODY)
    del sent[missing]
    with pytest.raises(Invalid) as caught:
        webhooks.verify(SECRET, sent, BODY, now=NOW)
    assert caught.value.field == missing


def test_events_come_back_as_they_went() -> None:
    event = Event("1", "https://x.example", "org.tocsin.warning", {"a": [1]}, "wrn_1", NOW)
    assert cloudevents.read(cloudevents.write(event)) == event


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": ""}, "id"),
        ({"type": 4}, "type"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2026-03-02T09:00:00"}, "time"),
        ({"Bad_Name": "x"}, "Bad_Name"),
        ({"nested": {"a": 1}}, "nested"),
    ],
)
def test_what_is_no_event_is_refused_by_name(changes: dict[str, Any], field: str) -> None:
    body = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", **changes}
    with pytest.raises(Invalid) as caught:
        cloudevents.read(json.dumps(body).encode())
    assert caught.value.field == field
