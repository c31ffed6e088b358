"""Pictures under the map: a site picture or a floor plan, made anew from what was sent, so that nothing rides along."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Sequence

from tocsin.kernel.errors import Conflict, Invalid
from tocsin.kernel.ids import new_id
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible
from tocsin.plan import terms
from tocsin.plan.actions import shared
from tocsin.plan.geometry import E7
from tocsin.plan.models import Picture
from tocsin.record.actions import writing

SENT_CAP = 16 * 1024 * 1024
PIXELS_CAP = 60_000_000
"""Pixels a picture may claim to have before it is unpacked."""
SIDE_PX = 2400
PICTURES_CAP = 12


def place_picture(
    actor: Actor, *, operation: str, label: str, image: bytes, bounds: Sequence[int]
) -> str:
    """Lay a picture under the map between [south, west, north, east] (1e-7 degrees); returns its id.

    Raises: Forbidden, NotFound, Invalid.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    south, west, north, east = _bounds(bounds)
    made, width, height = remake(image)
    picture = new_id("pic")
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        if Picture.objects.filter(operation=operation, state="LIVE").count() >= PICTURES_CAP:
            raise Invalid("there are enough pictures", field="image", cure="Take one off first.")
        data = {
            "label": shared.label(label),
            "image": w.keep(picture, {"webp": base64.b64encode(made).decode()}, sealed=True),
            "sha256": hashlib.sha256(made).hexdigest(),
            "width": width,
            "height": height,
            "bounds": [south, west, north, east],
        }
        w.append(terms.PICTURE_PLACED, picture, data, marking=shared.marking(plan))
    return picture


def remove_picture(actor: Actor, *, picture: str) -> None:
    """Take a picture off the map. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        row = get_visible(actor, Picture.objects.all(), id=picture)
        plan = shared.plan_of(actor, row.operation)
        if row.state != "LIVE":
            raise Conflict("it was taken off already")
        w.append(terms.PICTURE_REMOVED, picture, {}, marking=shared.marking(plan))


def remake(sent: bytes) -> tuple[bytes, int, int]:
    """A picture drawn anew as WebP, at most 2400 pixels a side: (bytes, width, height). Raises: Invalid."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 - heavy; only uploads pay

    if len(sent) > SENT_CAP:
        raise Invalid("is larger than 16 MB", field="image", cure="Send a smaller one.")
    try:
        with Image.open(io.BytesIO(sent), formats=["PNG", "JPEG", "WEBP", "GIF"]) as opened:
            if opened.width * opened.height > PIXELS_CAP:
                raise Invalid("has too many pixels", field="image", cure="Send a smaller one.")
            upright = ImageOps.exif_transpose(opened).convert("RGB")
            upright.thumbnail((SIDE_PX, SIDE_PX))
            out = io.BytesIO()
            upright.save(out, "WEBP", quality=80)
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
    ) as e:
        raise Invalid(
            "is no picture we can read", field="image", cure="Send a PNG, JPEG or WebP."
        ) from e
    return out.getvalue(), upright.width, upright.height


def _bounds(bounds: Sequence[int]) -> tuple[int, int, int, int]:
    if len(bounds) != 4:
        raise Invalid("are not four", field="bounds", cure="Give south, west, north, east.")
    south, west, north, east = bounds
    if not (-90 * E7 <= south < north <= 90 * E7 and -180 * E7 <= west < east <= 180 * E7):
        raise Invalid(
            "do not hold a picture", field="bounds", cure="Give south, west, north, east."
        )
    return south, west, north, east
