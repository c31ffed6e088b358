"""What the entries of devices and photos do to their tables."""

from __future__ import annotations

from collections.abc import Iterable

from tocsin.operate.apply.sightings import act, marks
from tocsin.operate.terms import devices as terms
from tocsin.record.applying import on
from tocsin.record.terms import Change, Entry, Put, Set

_DEVICE = "operate_device"


@on(terms.DEVICE_ISSUED)
def issued(e: Entry) -> Iterable[Change]:
    row = {
        "person": e.data["person"],
        "state": terms.DeviceState.ISSUED.value,
        "key": "",
        "issued_by": e.actor,
        "issued_at": e.recorded_at,
        "expires_at": e.data["expires_at"],
        "joined_at": None,
        "revoked_at": None,
        "revoked_by": "",
    }
    yield Put(_DEVICE, {"id": e.subject}, row | marks(e))


@on(terms.DEVICE_JOINED)
def joined(e: Entry) -> Iterable[Change]:
    row = {
        "state": terms.DeviceState.JOINED.value,
        "key": e.data["key"],
        "joined_at": e.recorded_at,
    }
    yield Set(_DEVICE, {"id": e.subject}, row)


@on(terms.DEVICE_REVOKED)
def revoked(e: Entry) -> Iterable[Change]:
    kept = e.data.get("kept")
    row = {
        "state": (terms.DeviceState.KEPT if kept else terms.DeviceState.REVOKED).value,
        "revoked_at": e.recorded_at,
        "revoked_by": e.actor,
    }
    yield Set(_DEVICE, {"id": e.subject}, row)


@on(terms.PHOTO_ADDED)
def photo_added(e: Entry) -> Iterable[Change]:
    d = e.data
    row = {
        "sha256": d["sha256"],
        "sighting": d["sighting"],
        "image": d["image"]["vault"],
        "thumb": d["thumb"]["vault"],
        "width": d["width"],
        "height": d["height"],
        "by": e.actor,
        "device": d["device"],
        "taken_at": e.occurred_at,
    }
    yield Put("operate_photo", {"id": e.subject}, row | marks(e))
    yield from act(e, d["sha256"])
