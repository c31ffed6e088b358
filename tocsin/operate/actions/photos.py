"""Photos of what was seen. They follow the report, never hold it up, and are fetched by their hash."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from tocsin.kernel.ids import new_id
from tocsin.operate.actions import shared
from tocsin.operate.actions.sightings import update_sighting
from tocsin.operate.imaging import redraw
from tocsin.operate.models import Sighting
from tocsin.operate.terms import SightingState
from tocsin.operate.terms.devices import PHOTO_ADDED
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.record.actions import writing


def add_photo(
    actor: Actor,
    *,
    sighting: str,
    sent: bytes,
    taken_at: datetime | None = None,
    device: str = "",
    key: str = "",
) -> str:
    """Add a photo to a sighting; returns the hash by which it is fetched. One that comes late is kept all the same.

    Raises: Forbidden, NotFound; Invalid when it is no picture.
    """
    permit(actor, Permission.READ_CONTENT)
    drawn = redraw(sent)

    def do() -> str:
        photo = new_id("pho")
        with writing(actor) as w:
            row, plan = shared.opened(actor, Sighting, sighting)
            data: dict[str, Any] = {
                "sighting": sighting,
                "sha256": drawn.sha256,
                "image": w.keep(
                    photo, {"webp": base64.b64encode(drawn.image).decode()}, sealed=True
                ),
                "thumb": w.keep(
                    photo, {"webp": base64.b64encode(drawn.thumb).decode()}, sealed=True
                ),
                "width": drawn.width,
                "height": drawn.height,
                "device": device,
                "key": key,
            }
            at = shared.when(w, taken_at)
            w.append(PHOTO_ADDED, photo, data, marking=shared.marking(plan), occurred_at=at)
            if row.state != SightingState.RESOLVED:
                update_sighting(actor, sighting=sighting, photos=[drawn.sha256])
        return drawn.sha256

    return shared.once(actor, key, do)
