"""A link as a picture to be scanned: QR, as the numbers of one SVG path, so that a page needs no image file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """`size` = modules a side, its quiet border included; `path` = the SVG path of the dark ones."""

    size: int
    path: str


def picture(link: str) -> Picture:
    """The code of a link, readable when a quarter of it is dirty."""
    import segno  # noqa: PLC0415 - only these pages need it

    code = segno.make(link, error="q", micro=False)
    border = 4
    rows = [bytes(r) for r in code.matrix]
    steps = []
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            end = x
            while end < len(row) and row[end]:
                end += 1
            if end > x:
                steps.append(f"M{x + border} {y + border}h{end - x}v1h-{end - x}z")
            x = max(end, x + 1)
    return Picture(len(rows) + 2 * border, "".join(steps))
