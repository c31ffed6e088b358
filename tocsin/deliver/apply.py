"""What the entries of this stage do to its tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tocsin.deliver import terms
from tocsin.deliver.terms import State
from tocsin.record.applying import on
from tocsin.record.terms import Change, Entry, Marking, Merge, Put, Set

_RECIPIENT, _DESTINATION, _DELIVERY = "deliver_recipient", "deliver_destination", "deliver_delivery"
_TIME_OF = {State.SENT: "sent_at", State.DELIVERED: "delivered_at", State.OPENED: "read_at"}


def _marks(e: Entry) -> dict[str, str]:
    m = e.marking or Marking("")
    return {"agency": m.agency, "tlp": m.tlp, "operation": m.operation}


def _card(d: dict[str, Any]) -> dict[str, Any]:
    return {
        "seat_agency": d["seat_agency"],
        "seat_role": d["seat_role"],
        "rank": d["rank"],
        "person": d["person"],
        "card": d["card"]["vault"],
        "kinds": d["kinds"],
    }


@on(terms.RECIPIENT_ADDED)
def recipient_added(e: Entry) -> Iterable[Change]:
    rest = {
        "version": 1,
        "active": True,
        "added_at": e.recorded_at,
        "changed_at": e.recorded_at,
        "verified_at": None,
        "bounced_at": None,
    }
    yield Put(_RECIPIENT, {"id": e.subject}, {**_card(e.data), **_marks(e), **rest})


@on(terms.RECIPIENT_CHANGED)
def recipient_changed(e: Entry) -> Iterable[Change]:
    values = {
        **_card(e.data),
        "version": e.data["version"],
        "changed_at": e.recorded_at,
        "verified_at": None,
        "bounced_at": None,
    }
    yield Set(_RECIPIENT, {"id": e.subject}, values)


@on(terms.RECIPIENT_REMOVED)
def recipient_removed(e: Entry) -> Iterable[Change]:
    values = {"active": False, "version": e.data["version"], "changed_at": e.recorded_at}
    yield Set(_RECIPIENT, {"id": e.subject}, values)


@on(terms.RECIPIENT_VERIFIED)
def recipient_verified(e: Entry) -> Iterable[Change]:
    yield Set(_RECIPIENT, {"id": e.subject}, {"verified_at": e.occurred_at, "bounced_at": None})


@on(terms.FANNED_OUT)
def fanned_out(e: Entry) -> Iterable[Change]:
    key = {"warning": e.subject, "occasion": e.data["occasion"]}
    yield Merge(
        "deliver_fanout", key, {"destinations": e.data["destinations"], "done_at": e.recorded_at}
    )


@on(terms.DESTINATION_OPENED)
def destination_opened(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        _DESTINATION,
        {"id": e.subject},
        {
            **_marks(e),
            "warning": d["warning"],
            "series": d["series"],
            "edition": d["edition"],
            "occasion": d["occasion"],
            "sender": d["sender"],
            "seat_agency": d["seat_agency"],
            "seat_role": d["seat_role"],
            "must_know": d["must_know"],
            "precedence": d["precedence"],
            "state": d["state"],
            "current": "",
            "opened_at": e.recorded_at,
            "sent_at": None,
            "delivered_at": None,
            "read_at": None,
            "acknowledged_at": None,
            "acknowledged_by": "",
            "acknowledged_how": "",
            "acted_at": None,
            "acted": "",
            "exhausted_at": None,
            "closed_at": None,
            "close_reason": "",
        },
    )


@on(terms.DESTINATION_STAFFED)
def destination_staffed(e: Entry) -> Iterable[Change]:
    yield Set(_DESTINATION, {"id": e.subject}, {"state": State.QUEUED.value, "exhausted_at": None})


@on(terms.DESTINATION_EXHAUSTED)
def destination_exhausted(e: Entry) -> Iterable[Change]:
    values = {"exhausted_at": e.recorded_at}
    if e.data["state"]:
        values["state"] = e.data["state"]
    yield Set(_DESTINATION, {"id": e.subject}, values)


@on(terms.DELIVERY_QUEUED)
def delivery_queued(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        _DELIVERY,
        {"id": d["id"]},
        {
            **_marks(e),
            "destination": e.subject,
            "warning": d["warning"],
            "recipient": d["recipient"],
            "card": d["card"],
            "place": d["place"],
            "channel": d["channel"],
            "why": d["why"],
            "urgency": d["urgency"],
            "state": State.QUEUED.value,
            "attempts": 0,
            "next_try_at": e.recorded_at,
            "failure": "",
            "reason": "",
            "detail": "",
            "queued_at": e.recorded_at,
            "sent_at": None,
            "delivered_at": None,
            "read_at": None,
            "acknowledged_at": None,
            "acted_at": None,
            "failed_at": None,
        },
    )
    yield Set(_DESTINATION, {"id": e.subject}, {"current": d["recipient"]})


@on(terms.DELIVERY_SENT)
def delivery_sent(e: Entry) -> Iterable[Change]:
    """It left: `state` says how far (SENT or DELIVERED); `shown` is False where the row already stands higher."""
    d = e.data
    state = State(d["state"])
    column = _TIME_OF[state]
    values = {
        column: e.occurred_at,
        "attempts": d["attempts"],
        "next_try_at": None,
        "failure": "",
        "reason": "",
    }
    if d["shown"]:
        values["state"] = state.value
    yield Set(_DELIVERY, {"id": d["id"]}, values)
    if d["raises"]:
        yield Set(_DESTINATION, {"id": e.subject}, {"state": state.value, column: e.occurred_at})


@on(terms.DELIVERY_FAILED)
def delivery_failed(e: Entry) -> Iterable[Change]:
    d = e.data
    values = {
        "attempts": d["attempts"],
        "next_try_at": d["next_try_at"],
        "failure": d["failure"],
        "reason": d["reason"],
        "detail": d["detail"]["vault"] if d["detail"] else "",
        "failed_at": e.occurred_at,
    }
    if d["state"]:
        values["state"] = d["state"]
    yield Set(_DELIVERY, {"id": d["id"]}, values)
    if d.get("flags"):
        yield Set(_RECIPIENT, {"id": d["flags"]}, {"bounced_at": e.occurred_at})


@on(terms.DELIVERY_BOUNCED)
def delivery_bounced(e: Entry) -> Iterable[Change]:
    """It came back after all: `falls` = where its destination stands without it, '' where that is unchanged."""
    d = e.data
    yield Set(
        _DELIVERY,
        {"id": d["id"]},
        {
            "state": State.FAILED.value,
            "failure": "permanent",
            "reason": d["reason"],
            "detail": d["detail"]["vault"],
            "failed_at": e.occurred_at,
            "next_try_at": None,
        },
    )
    yield Set(_RECIPIENT, {"id": d["recipient"]}, {"bounced_at": e.occurred_at})
    if d["falls"]:
        yield Set(_DESTINATION, {"id": e.subject}, {"state": d["falls"], "sent_at": None})


@on(terms.DELIVERY_SAID)
def delivery_said(e: Entry) -> Iterable[Change]:
    """Words that came back by mail: kept with the try they answer, where its sender reads them."""
    yield Set(_DELIVERY, {"id": e.data["id"]}, {"detail": e.data["said"]["vault"]})


@on(terms.SENDING_CHANGED)
def sending_changed(e: Entry) -> Iterable[Change]:
    values = {"state": e.data["state"], "by": e.actor, "at": e.recorded_at}
    yield Merge("deliver_halt", {"warning": e.subject}, values)


@on(terms.RELAY_MADE)
def relay_made(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "deliver_relay",
        {"id": e.subject},
        {
            **_marks(e),
            "destination": d["destination"],
            "warning": d["warning"],
            "person": e.actor,
            "note": d["note"]["vault"] if d["note"] else "",
            "sheet": d["sheet"],
            "mailed": d["mailed"],
            "made_at": e.recorded_at,
        },
    )


@on(terms.RELAY_READER)
def relay_reader(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "deliver_reader",
        {"id": e.subject},
        {
            **_marks(e),
            "relay": d["relay"],
            "card": d["card"]["vault"],
            "state": d["state"],
            "reason": "",
            "made_at": e.recorded_at,
            "sent_at": None,
            "read_at": e.recorded_at if d["state"] == "READ" else None,
        },
    )


@on(terms.RELAY_MAILED)
def relay_mailed(e: Entry) -> Iterable[Change]:
    """It left by mail, or will not (`reason`). A reader who said so already stays READ."""
    d = e.data
    values: dict[str, Any] = {"reason": d["reason"]}
    if not d["reason"]:
        values["sent_at"] = e.occurred_at
    if d["state"]:
        values["state"] = d["state"]
    yield Set("deliver_reader", {"id": e.subject}, values)


@on(terms.RELAY_READ)
def relay_read(e: Entry) -> Iterable[Change]:
    yield Set("deliver_reader", {"id": e.subject}, {"state": "READ", "read_at": e.recorded_at})


@on(terms.DELIVERY_OPENED)
def delivery_opened(e: Entry) -> Iterable[Change]:
    d = e.data
    values = {"read_at": e.occurred_at}
    if d["shown"]:
        values["state"] = State.OPENED.value
    yield Set(_DELIVERY, {"id": d["id"]}, values)
    if d["raises"]:
        yield Set(
            _DESTINATION, {"id": e.subject}, {"state": State.OPENED.value, "read_at": e.occurred_at}
        )


@on(terms.DELIVERY_PASSED)
def delivery_passed(e: Entry) -> Iterable[Change]:
    yield Set(_DELIVERY, {"id": e.data["id"]}, {"state": State.PASSED.value, "next_try_at": None})


@on(terms.DELIVERY_STOPPED)
def delivery_stopped(e: Entry) -> Iterable[Change]:
    yield Set(_DELIVERY, {"id": e.data["id"]}, {"state": State.STOPPED.value, "next_try_at": None})


@on(terms.DESTINATION_ACKNOWLEDGED)
def destination_acknowledged(e: Entry) -> Iterable[Change]:
    d, at = e.data, e.occurred_at
    state = {"state": State.ACKNOWLEDGED.value, "acknowledged_at": at}
    yield Set(
        _DESTINATION,
        {"id": e.subject},
        {**state, "acknowledged_by": d["by"], "acknowledged_how": d["how"]},
    )
    if d["delivery"]:
        yield Set(_DELIVERY, {"id": d["delivery"]}, {**state, "next_try_at": None})
    if d["verifies"]:
        yield Set(_RECIPIENT, {"id": d["verifies"]}, {"verified_at": at, "bounced_at": None})


@on(terms.DESTINATION_ACTED)
def destination_acted(e: Entry) -> Iterable[Change]:
    d, state = e.data, {"state": State.ACTED.value, "acted_at": e.occurred_at}
    yield Set(_DESTINATION, {"id": e.subject}, {**state, "acted": d["acted"]["vault"]})
    if d["delivery"]:
        yield Set(_DELIVERY, {"id": d["delivery"]}, {**state, "next_try_at": None})


@on(terms.DESTINATION_CLOSED)
def destination_closed(e: Entry) -> Iterable[Change]:
    values = {"closed_at": e.recorded_at, "close_reason": e.data["why"]}
    if e.data["state"]:
        values["state"] = e.data["state"]
    yield Set(_DESTINATION, {"id": e.subject}, values)


@on(terms.DESTINATION_TAKEN)
def destination_taken(e: Entry) -> Iterable[Change]:
    """Their own system has it; no delivery of ours proves it, so only the destination moves."""
    values = {"delivered_at": e.occurred_at}
    if e.data["raises"]:
        values["state"] = State.DELIVERED.value
    yield Set(_DESTINATION, {"id": e.subject}, values)


@on(terms.DESTINATION_NOT_TAKEN)
def destination_not_taken(e: Entry) -> Iterable[Change]:
    """Their own system refused it: the record says so, and the next try is an entry of its own."""
    return ()
