"""What reading a file of ground gives, and how a thing of it becomes a feature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tocsin.kernel.errors import Invalid
from tocsin.plan.features import Feature
from tocsin.plan.geometry import Point
from tocsin.plan.terms import LABEL_CAP, POINTS_CAP, AreaKind

SIZE_CAP = 8 * 1024 * 1024
FEATURES_CAP = 2000
_NAMES = ("label", "name", "title", "Name")
_KINDS = ("kind", "type", "class")
_WORDS = {
    **{k.value.lower(): k for k in AreaKind},
    "motorcade": AreaKind.ROUTE,
    "podium": AreaKind.STAGE,
}


@dataclass(slots=True)
class Sheet:
    """Features that can be placed, and [(row, why)] for what cannot; a row counts from 1."""

    features: list[Feature] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)

    def take(
        self, row: int, points: Iterable[Sequence[Any]], props: Mapping[str, Any], *, drawn: str
    ) -> None:
        """Add one thing given as (lat, lon) pairs, or note why it cannot be. `drawn` = POINT, LINE or RING."""
        if len(self.features) >= FEATURES_CAP:
            self.refused.append((row, f"more than {FEATURES_CAP} things: send the rest by itself"))
            return
        try:
            self.features.append(_feature(row, points, props, drawn))
        except Invalid as e:
            self.refused.append((row, f"{e.field}: {e.message}. {e.cure}".strip()))


def _feature(
    row: int, points: Iterable[Sequence[Any]], props: Mapping[str, Any], drawn: str
) -> Feature:
    found = tuple(_point(p) for p in points)
    if drawn == "RING" and len(found) > 3 and found[0] == found[-1]:
        found = found[:-1]
    if not found:
        raise Invalid("has no points", field="shape", cure="Draw it.")
    if len(found) > POINTS_CAP:
        raise Invalid(f"has more than {POINTS_CAP} points", field="shape", cure="Simplify it.")
    default = {"POINT": AreaKind.PLACE, "LINE": AreaKind.ROUTE, "RING": AreaKind.AREA}[drawn]
    said = next((str(props[k]).strip().lower() for k in _KINDS if props.get(k)), "")
    kind = _WORDS.get(said, default)
    least = {AreaKind.ROUTE: 2, AreaKind.PLACE: 1, AreaKind.STAGE: 1}.get(kind, 3)
    if len(found) < least:
        raise Invalid(
            f"a {kind.value.lower()} needs {least} points", field="shape", cure="Draw it."
        )
    label = next((" ".join(str(props[k]).split()) for k in _NAMES if props.get(k)), "")
    return Feature(
        kind.value,
        label[:LABEL_CAP] or f"{kind.value.capitalize()} {row}",
        found,
        _metres(props, ("height_m", "height", "HEIGHT"), "height", 900),
        _metres(props, ("standoff_m", "standoff"), "standoff", 2000),
    )


def _point(pair: Sequence[Any]) -> Point:
    try:
        lat, lon = float(pair[0]), float(pair[1])
    except (TypeError, ValueError, IndexError, OverflowError):
        raise Invalid(
            f"{str(pair)[:40]!r} is no place", field="shape", cure="Give numbers."
        ) from None
    return Point.degrees(lat, lon)


def _metres(props: Mapping[str, Any], names: Sequence[str], field: str, most: int) -> int:
    said = next((props[n] for n in names if props.get(n) not in (None, "")), 0)
    try:
        value = round(float(str(said).strip().removesuffix("m")))
    except (ValueError, OverflowError):
        raise Invalid(
            f"{str(said)[:20]!r} is no length", field=field, cure="Give metres."
        ) from None
    if not 0 <= value <= most:
        raise Invalid(f"{value} m is out of reach", field=field, cure=f"Give 0 to {most}.")
    return value
