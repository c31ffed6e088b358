"""How an agency's papers look, and the check of an image before it may be its seal."""

from __future__ import annotations

import io
from dataclasses import dataclass

from tocsin.kernel.errors import Invalid

MOST_UPLOAD = 1_000_000
"""Bytes of an image as it is uploaded."""
MOST_PIXELS = 16_000_000
SIDE = 480
"""Pixels of the longer side of a seal as it is kept: 0.6 inch at 600 to the inch, and some."""
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


@dataclass(frozen=True, slots=True)
class House:
    """How an agency's papers look: its seal (PNG) and its own layout (typst source); empty = ours."""

    seal: bytes = b""
    template: str = ""


def seal(data: bytes) -> bytes:
    """An uploaded image as the PNG that is kept: decoded, made small, drawn anew, so that nothing of the file but
    its picture remains. Raises: Invalid naming what is wrong."""
    from PIL import Image  # noqa: PLC0415 - only where somebody uploads one

    if not data:
        raise Invalid("no image was sent", field="image", cure="Choose a PNG or JPEG file.")
    if len(data) > MOST_UPLOAD:
        raise Invalid(
            f"the image has {len(data) // 1000} kB",
            field="image",
            cure=f"Send one of at most {MOST_UPLOAD // 1000} kB.",
        )
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
        if image.width * image.height > MOST_PIXELS:
            raise Invalid(
                f"the image has {image.width} by {image.height} points",
                field="image",
                cure=f"Send one of at most {SIDE * 4} by {SIDE * 4}.",
            )
        drawn = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Invalid(
            "this is no image that can be read", field="image", cure="Send a PNG or JPEG file."
        ) from error
    if min(drawn.size) < 24:
        raise Invalid(
            f"the image has {drawn.width} by {drawn.height} points",
            field="image",
            cure="Send one of at least 24 by 24; 480 by 480 prints best.",
        )
    drawn.thumbnail((SIDE, SIDE))
    clean = Image.new("RGBA", drawn.size)
    clean.paste(drawn)
    out = io.BytesIO()
    clean.save(out, "PNG", optimize=True)
    return out.getvalue()
