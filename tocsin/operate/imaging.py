"""A photo, drawn anew: what comes from a phone is unpacked, turned upright and packed again, so that neither the
place nor the phone it was taken with rides along, nor anything hidden behind the picture."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

from tocsin.kernel.errors import Invalid
from tocsin.operate.terms.devices import (
    PHOTO_PIXELS_CAP,
    PHOTO_SENT_CAP,
    PHOTO_SIDE_PX,
    THUMB_SIDE_PX,
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A photo and its thumbnail as WebP; `sha256` is of `image`."""

    image: bytes
    thumb: bytes
    width: int
    height: int
    sha256: str


def redraw(sent: bytes) -> Drawn:
    """Draw a photo anew, at most 1600 pixels a side, its thumbnail 240. Raises: Invalid."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 - heavy; only photos pay

    if len(sent) > PHOTO_SENT_CAP:
        raise Invalid("is larger than 4 MB", field="photo", cure="Send a smaller one.")
    try:
        with Image.open(io.BytesIO(sent), formats=["PNG", "JPEG", "WEBP"]) as opened:
            if opened.width * opened.height > PHOTO_PIXELS_CAP:
                raise Invalid("has too many pixels", field="photo", cure="Send a smaller one.")
            upright = ImageOps.exif_transpose(opened).convert("RGB")
            # Pixels alone go on: a new image has no camera, no place, no comment, no colour profile.
            clean = Image.frombytes("RGB", upright.size, upright.tobytes())
            clean.thumbnail((PHOTO_SIDE_PX, PHOTO_SIDE_PX))
            small = clean.copy()
            small.thumbnail((THUMB_SIDE_PX, THUMB_SIDE_PX))
            image, thumb = io.BytesIO(), io.BytesIO()
            clean.save(image, "WEBP", quality=78)
            small.save(thumb, "WEBP", quality=60)
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
    ) as e:
        raise Invalid(
            "is no picture we can read", field="photo", cure="Send a JPEG, PNG or WebP."
        ) from e
    made = image.getvalue()
    return Drawn(
        made, thumb.getvalue(), clean.width, clean.height, hashlib.sha256(made).hexdigest()
    )
