"""A sketch of places to scale, as SVG: no tiles, no network, the same on paper and on a screen.

Equirectangular about the middle of the places: true enough for a city or a county, said so on the sheet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tocsin.formats.papers.paper import Place

WIDTH, HEIGHT, _EDGE = 340, 190, 30
_KM_A_DEGREE = 111.195  # of latitude, on a sphere of 6 371 km
_SMALLEST_KM = 0.4
_MILE_KM = 1.609344
_NICE = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a sketch: `ink` for marks and words, `line` for the grid (with its strength), `ground` in marks."""

    ink: str = "#1b1f24"
    quiet: str = "#565d66"
    line: str = "#dfdcd5"
    ground: str = "#ffffff"
    strength: float = 1


PAPER = Palette()
SCREEN = Palette(
    ink="currentColor", quiet="currentColor", line="currentColor", ground="none", strength=0.25
)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the middle lies, and how many pixels a kilometre takes."""

    lat: float
    lon: float
    px_a_km: float

    def at(self, place: Place) -> tuple[float, float]:
        east = _turn(place.lon - self.lon) * _KM_A_DEGREE * math.cos(math.radians(self.lat))
        north = (place.lat - self.lat) * _KM_A_DEGREE
        return WIDTH / 2 + east * self.px_a_km, HEIGHT / 2 - north * self.px_a_km


def svg(places: Sequence[Place], palette: Palette = PAPER) -> str:
    """The sketch: numbered marks, a grid line through the middle, north, a bar in kilometres and miles."""
    frame = _frame(places)
    km, px = _bar(frame.px_a_km)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="paper-sketch" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}"><title>{escape(words(places))}</title>',
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" fill="none" '
        f'stroke="{palette.line}" stroke-opacity="{palette.strength:g}"/>',
        *_grid(frame, km, palette),
        *_marks(frame, places, palette),
        *_scale(km, px, palette),
        _north(palette),
        "</svg>",
    ]
    return "".join(parts)


def words(places: Sequence[Place]) -> str:
    """What the sketch shows, for those who do not see it."""
    named = ", ".join(f"{p.number} {p.name}" for p in places)
    reach = scale_words(places)
    return f"Sketch of {len(places)} place{'s'[: len(places) > 1]}, north up: {named}." + (
        f" {reach}" if reach else ""
    )


def scale_words(places: Sequence[Place]) -> str:
    """How far apart the farthest two are; '' for one place."""
    far = max((_km(a, b) for a in places for b in places), default=0.0)
    if far == 0:
        return ""
    return f"The farthest two are {_length(far)} apart."


def degrees(lat: float, lon: float) -> str:
    """`38.88990 N, 77.00910 W`."""
    return f"{abs(lat):.5f} {'N' if lat >= 0 else 'S'}, {abs(lon):.5f} {'E' if lon >= 0 else 'W'}"


def _turn(lon: float) -> float:
    """A difference of longitudes, the short way round."""
    return (lon + 180) % 360 - 180


def _km(a: Place, b: Place) -> float:
    """Great-circle distance (haversine)."""
    p, q = math.radians(a.lat), math.radians(b.lat)
    half = math.sin((q - p) / 2) ** 2
    turn = math.sin(math.radians(_turn(b.lon - a.lon)) / 2) ** 2
    half += math.cos(p) * math.cos(q) * turn
    return 2 * 6371 * math.asin(min(1, math.sqrt(half)))


def _length(km: float) -> str:
    miles = km / _MILE_KM
    if km < 1:
        return f"{km * 1000:.0f} m ({miles * 5280:.0f} ft)"
    return f"{km:.1f} km ({miles:.1f} mi)" if km < 100 else f"{km:.0f} km ({miles:.0f} mi)"


def _frame(places: Sequence[Place]) -> _Frame:
    first = places[0].lon
    east = [_turn(p.lon - first) for p in places]
    lon = _turn(first + (min(east) + max(east)) / 2)
    lat = (min(p.lat for p in places) + max(p.lat for p in places)) / 2
    narrow = max(math.cos(math.radians(lat)), 0.01)
    wide = max((max(east) - min(east)) * _KM_A_DEGREE * narrow, _SMALLEST_KM)
    tall = (max(p.lat for p in places) - min(p.lat for p in places)) * _KM_A_DEGREE
    tall = max(tall, _SMALLEST_KM / 2)
    return _Frame(lat, lon, min((WIDTH - 5 * _EDGE) / wide, (HEIGHT - 2 * _EDGE) / tall))


def _bar(px_a_km: float) -> tuple[float, float]:
    """A round number of kilometres that takes about a fifth of the width; its pixels."""
    wanted = WIDTH / 5 / px_a_km
    power = 10 ** math.floor(math.log10(wanted))
    km = max((n * power for n in _NICE if n * power <= wanted), default=power)
    return km, km * px_a_km


def _grid(frame: _Frame, km: float, palette: Palette) -> list[str]:
    step = km * frame.px_a_km
    lines = []
    for n in range(-math.ceil(WIDTH / step), math.ceil(WIDTH / step) + 1):
        x, y = WIDTH / 2 + n * step, HEIGHT / 2 + n * step
        if 0 < x < WIDTH:
            lines.append(f'<path d="M{x:.1f} 1V{HEIGHT - 1}"/>')
        if 0 < y < HEIGHT:
            lines.append(f'<path d="M1 {y:.1f}H{WIDTH - 1}"/>')
    return [
        f'<g stroke="{palette.line}" stroke-width="0.5" stroke-opacity="{palette.strength * 0.6:g}">',
        *lines,
        "</g>",
    ]


def _marks(frame: _Frame, places: Sequence[Place], palette: Palette) -> list[str]:
    taken: list[tuple[float, float]] = []
    parts = []
    for place in places:
        x, y = frame.at(place)
        # Marks that would cover each other are moved down a line, with a stroke to where they belong.
        tx, ty = x, y
        while any(abs(tx - a) < 17 and abs(ty - b) < 17 for a, b in taken) and ty < HEIGHT - 12:
            ty += 18
        taken.append((tx, ty))
        if ty != y:
            parts.append(f'<path d="M{x:.1f} {y:.1f}L{tx:.1f} {ty:.1f}" stroke="{palette.quiet}"/>')
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{palette.ink}"/>')
        parts.append(
            f'<circle cx="{tx:.1f}" cy="{ty:.1f}" r="8.5" fill="{palette.ground}" '
            f'stroke="{palette.ink}" stroke-width="1.5"/>'
            f'<text x="{tx:.1f}" y="{ty + 3.6:.1f}" text-anchor="middle" {_font(10, 700)} '
            f'fill="{palette.ink}">{place.number}</text>'
        )
        parts.append(_label(place, tx, ty, palette))
    return parts


def _label(place: Place, x: float, y: float, palette: Palette) -> str:
    name = place.name if len(place.name) <= 26 else place.name[:25].rstrip() + "…"
    left = x > WIDTH * 0.68
    at, anchor = (x - 13, "end") if left else (x + 13, "start")
    return (
        f'<text x="{at:.1f}" y="{y + 3.6:.1f}" text-anchor="{anchor}" {_font(10.5)} '
        f'fill="{palette.ink}">{escape(name)}</text>'
    )


def _scale(km: float, px: float, palette: Palette) -> list[str]:
    x, y = 12, HEIGHT - 12
    metric = f"{km:g} km" if km >= 1 else f"{km * 1000:g} m"
    miles = km / _MILE_KM
    customary = f"{miles:.2g} mi" if miles >= 0.2 else f"{miles * 5280:.0f} ft"
    return [
        f'<path d="M{x} {y - 5}V{y}H{x + px:.1f}V{y - 5}" fill="none" stroke="{palette.ink}" stroke-width="1.2"/>',
        f'<text x="{x + px + 6:.1f}" y="{y}" {_font(9)} fill="{palette.quiet}">{metric} · {customary}</text>',
    ]


def _north(palette: Palette) -> str:
    x = WIDTH - 18
    return (
        f'<path d="M{x} 30V12M{x - 4} 18L{x} 11L{x + 4} 18" fill="none" stroke="{palette.ink}" stroke-width="1.2"/>'
        f'<text x="{x}" y="41" text-anchor="middle" {_font(9, 700)} fill="{palette.ink}">N</text>'
    )


def _font(size: float, weight: int = 400) -> str:
    return (
        f'font-family="Libertinus Serif, Georgia, serif" font-size="{size}" font-weight="{weight}"'
    )
