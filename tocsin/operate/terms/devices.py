"""Devices that joined an operation, and photos of what was seen: kinds of entries, states, limits."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

DEVICE_ISSUED = "device.issued"
DEVICE_JOINED = "device.joined"
DEVICE_REVOKED = "device.revoked"
PHOTO_ADDED = "photo.added"

CODE_HOLDS = timedelta(minutes=15)
"""How long a code to join may be scanned: long enough to hand over a phone, too short to be found later."""
AFTER_THE_END = timedelta(hours=2)
"""How long past the end of an operation a device is good for, where nobody said otherwise: people walk off posts."""
LONGEST = timedelta(hours=24)
"""The longest that anybody may choose past the end."""
TOKEN_HOLDS = timedelta(minutes=10)
"""How far the time in a device's signed token may be from ours, either way."""
PHOTO_SENT_CAP = 4 * 1024 * 1024
"""Bytes of a photo as sent. A phone makes it smaller before it sends it; see `field/photo.js`."""
PHOTO_PIXELS_CAP = 40_000_000
"""Pixels a photo may claim to have before it is unpacked."""
PHOTO_SIDE_PX = 1600
THUMB_SIDE_PX = 240


class DeviceState(StrEnum):
    """Where a device stands. Whether one that JOINED is still good also depends on the hour; see `rules.devices`."""

    ISSUED = "ISSUED"
    JOINED = "JOINED"
    KEPT = "KEPT"
    REVOKED = "REVOKED"

    @property
    def words(self) -> str:
        return {
            "ISSUED": "code not scanned yet",
            "JOINED": "joined",
            "KEPT": "shut out; a legal hold keeps what is on it",
            "REVOKED": "shut out",
        }[self.value]
