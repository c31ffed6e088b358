"""Whether a device may act, decided purely."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.operate.terms.devices import TOKEN_HOLDS, DeviceState


class Standing(StrEnum):
    """Whether, and why not, a device may act."""

    GOOD = "good"
    NOT_JOINED = "the device has not joined"
    KEPT = "the device was shut out, and a legal hold keeps what is on it"
    REVOKED = "the device was shut out"
    EXPIRED = "the device's time is over"
    GONE = "its person, or that person's agency, no longer takes part"
    WRONG_TIME = "the token's time is not now"
    FORGED = "the token is not signed by the device's own key"

    @property
    def code(self) -> str:
        """The stable code by which the app knows what to do: sign anew, or show that it is over."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a device when it knocks."""

    state: str
    expires_at: datetime
    takes_part: bool


def standing(device: Facts, signed_at: datetime, now: datetime) -> Standing:
    """Whether a device with a token signed at `signed_at` may act now. Deny wins; the gravest reason is named."""
    if device.state == DeviceState.REVOKED:
        return Standing.REVOKED
    if device.state == DeviceState.KEPT:
        return Standing.KEPT
    if device.state != DeviceState.JOINED:
        return Standing.NOT_JOINED
    if now >= device.expires_at:
        return Standing.EXPIRED
    if not device.takes_part:
        return Standing.GONE
    if abs(now - signed_at) > TOKEN_HOLDS:
        return Standing.WRONG_TIME
    return Standing.GOOD
