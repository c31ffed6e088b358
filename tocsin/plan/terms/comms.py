"""The vocabulary of communications: channels, who carries what, gateways."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

CHANNEL_ADDED = "plan.channel_added"
CHANNEL_CHANGED = "plan.channel_changed"
CARRY_PLANNED = "plan.carry_planned"
CARRY_ISSUED = "plan.carry_issued"
CARRY_LOST = "plan.carry_lost"
CARRY_REMOVED = "plan.carry_removed"
GATEWAY_PLANNED = "plan.gateway_planned"
GATEWAY_DOWN = "plan.gateway_down"
GATEWAY_REMOVED = "plan.gateway_removed"
CHECK_BEGUN = "plan.radio_check_begun"
CHECK_PASSED = "plan.radio_check_passed"
CHECK_FAILED = "plan.radio_check_failed"

CHECK_HOLDS = timedelta(minutes=5)
"""How long the word of a radio check may take to come back."""
CHECK_TRIES = 3
CHANNELS_CAP = 500
CARRIES_CAP = 20_000


class ChannelKind(StrEnum):
    """What a message travels on."""

    RADIO = "RADIO"
    PHONE = "PHONE"
    APP = "APP"
    TAK = "TAK"
    MESSAGE = "MESSAGE"

    @property
    def words(self) -> str:
        return _CHANNELS[self]


_CHANNELS = {
    ChannelKind.RADIO: "radio",
    ChannelKind.PHONE: "phone",
    ChannelKind.APP: "app",
    ChannelKind.TAK: "map app (TAK)",
    ChannelKind.MESSAGE: "text messages",
}


class CarryState(StrEnum):
    """How far a radio, phone or account has come into the hands of those who need it. Only TESTED proves a way."""

    PLANNED = "PLANNED"
    ISSUED = "ISSUED"
    TESTED = "TESTED"
    REMOVED = "REMOVED"

    @property
    def words(self) -> str:
        return _CARRIES[self]


_CARRIES = {
    CarryState.PLANNED: "planned, not collected",
    CarryState.ISSUED: "collected, not tested",
    CarryState.TESTED: "collected and tested",
    CarryState.REMOVED: "taken off the plan",
}


class GatewayKind(StrEnum):
    """What carries a message from one channel to another."""

    PATCH = "PATCH"
    RELAY_PERSON = "RELAY_PERSON"
    BRIDGE = "BRIDGE"

    @property
    def words(self) -> str:
        return _GATEWAYS[self]


_GATEWAYS = {
    GatewayKind.PATCH: "patch",
    GatewayKind.RELAY_PERSON: "person who relays",
    GatewayKind.BRIDGE: "bridge",
}


class GatewayState(StrEnum):
    """Where a gateway stands."""

    PLANNED = "PLANNED"
    TESTED = "TESTED"
    DOWN = "DOWN"
    REMOVED = "REMOVED"

    @property
    def words(self) -> str:
        return _STANDS[self]


_STANDS = {
    GatewayState.PLANNED: "planned, not tested",
    GatewayState.TESTED: "tested",
    GatewayState.DOWN: "down",
    GatewayState.REMOVED: "taken off the plan",
}


@dataclass(frozen=True, slots=True)
class ChannelDraft:
    """One line of the communications plan as somebody would have it; the columns of ICS-205."""

    label: str
    kind: str = ChannelKind.RADIO.value
    zone: str = ""
    number: str = ""
    function: str = ""
    assignment: str = ""
    rx: str = ""
    rx_width: str = ""
    rx_tone: str = ""
    tx: str = ""
    tx_width: str = ""
    tx_tone: str = ""
    mode: str = ""
    remarks: str = ""
    source: str = ""
