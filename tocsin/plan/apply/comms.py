"""What the entries of comms do to its tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tocsin.plan.terms import comms as terms
from tocsin.plan.terms.comms import CarryState, GatewayState
from tocsin.record.applying import on
from tocsin.record.terms import Change, Entry, Marking, Put, Set

_CHANNEL, _CARRY, _GATEWAY = "plan_channel", "plan_carry", "plan_gateway"


def _marks(e: Entry) -> dict[str, Any]:
    m = e.marking or Marking("")
    return {"agency": m.agency, "tlp": m.tlp, "operation": m.operation}


@on(terms.CHANNEL_ADDED)
def channel_added(e: Entry) -> Iterable[Change]:
    made = {"version": 1, "state": "LIVE", "made_by": e.actor, "changed_at": e.recorded_at}
    yield Put(_CHANNEL, {"id": e.subject}, {**e.data, **_marks(e), **made})


@on(terms.CHANNEL_CHANGED)
def channel_changed(e: Entry) -> Iterable[Change]:
    yield Set(_CHANNEL, {"id": e.subject}, {**e.data, "changed_at": e.recorded_at})


@on(terms.CARRY_PLANNED)
def carry_planned(e: Entry) -> Iterable[Change]:
    values = {
        **e.data,
        **_marks(e),
        "state": CarryState.PLANNED.value,
        "issued_at": None,
        "issued_by": "",
        "tested_at": None,
        "with_whom": "",
        "changed_at": e.recorded_at,
    }
    yield Put(_CARRY, {"id": e.subject}, values)


@on(terms.CARRY_ISSUED)
def carry_issued(e: Entry) -> Iterable[Change]:
    values = {"state": CarryState.ISSUED.value, "issued_at": e.occurred_at, "issued_by": e.actor}
    yield Set(_CARRY, {"id": e.subject}, {**values, "changed_at": e.recorded_at})


@on(terms.CARRY_LOST)
def carry_lost(e: Entry) -> Iterable[Change]:
    """A set that is gone is planned again, and nothing that was proved with it holds."""
    values = {"state": CarryState.PLANNED.value, "issued_at": None, "issued_by": ""}
    values |= {"tested_at": None, "with_whom": "", "changed_at": e.recorded_at}
    yield Set(_CARRY, {"id": e.subject}, values)


@on(terms.CARRY_REMOVED)
def carry_removed(e: Entry) -> Iterable[Change]:
    values = {"state": CarryState.REMOVED.value, "changed_at": e.recorded_at}
    yield Set(_CARRY, {"id": e.subject}, values)


@on(terms.GATEWAY_PLANNED)
def gateway_planned(e: Entry) -> Iterable[Change]:
    values = {
        "state": GatewayState.PLANNED.value,
        "tested_at": None,
        "reason": "",
        "made_by": e.actor,
    }
    yield Put(
        _GATEWAY, {"id": e.subject}, {**e.data, **_marks(e), **values, "changed_at": e.recorded_at}
    )


@on(terms.GATEWAY_DOWN)
def gateway_down(e: Entry) -> Iterable[Change]:
    values = {
        "state": GatewayState.DOWN.value,
        "tested_at": None,
        "reason": e.data["reason"]["vault"],
    }
    yield Set(_GATEWAY, {"id": e.subject}, {**values, "changed_at": e.recorded_at})


@on(terms.GATEWAY_REMOVED)
def gateway_removed(e: Entry) -> Iterable[Change]:
    values = {"state": GatewayState.REMOVED.value, "changed_at": e.recorded_at}
    yield Set(_GATEWAY, {"id": e.subject}, values)


@on(terms.CHECK_BEGUN)
def check_begun(e: Entry) -> Iterable[Change]:
    return ()


@on(terms.CHECK_FAILED)
def check_failed(e: Entry) -> Iterable[Change]:
    return ()


@on(terms.CHECK_PASSED)
def check_passed(e: Entry) -> Iterable[Change]:
    """Both sets are proved, each with the other; and the gateway between, where the word went over one."""
    asked, answered = e.data["asked"], e.data["answered"]
    at = {"tested_at": e.occurred_at, "changed_at": e.recorded_at}
    for carry, other in ((asked, answered), (answered, asked)):
        yield Set(
            _CARRY, {"id": carry}, {**at, "state": CarryState.TESTED.value, "with_whom": other}
        )
    if gateway := e.data["gateway"]:
        yield Set(
            _GATEWAY, {"id": gateway}, {**at, "state": GatewayState.TESTED.value, "reason": ""}
        )
