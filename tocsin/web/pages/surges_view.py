"""The chart of reports by the hour, with what was usual and from where on it is a surge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tocsin.assess import store
from tocsin.assess.models import Situation, Surge
from tocsin.screen.surge import Hour, Reading
from tocsin.web.pages.report_view import category_name

_SHOWN = 96  # hours
_HIGH, _STEP = 72, 6  # pixels
_CHARTS = 4


def surges_of(row: Situation, now: datetime) -> dict[str, Any]:
    """What the page of a picture shows: the surges, newest first, and a chart of all reports and of each kind that
    surged."""
    rows = list(Surge.objects.filter(situation=row.id).order_by("-raised_at", "-id")[:20])
    judged = store.hours(row.operation, now)
    wanted = ["", *dict.fromkeys(r.category for r in rows if r.category)][:_CHARTS]
    charts = [_chart(c, judged[c][-_SHOWN:]) for c in wanted if c in judged]
    return {"surges": [(r, _name(r.category)) for r in rows], "hour_charts": charts}


def _name(category: str) -> str:
    return category_name(category) if category else "All kinds"


def _chart(category: str, hours: Sequence[Hour]) -> dict[str, Any]:
    top = max(4, *(h.count for h in hours), *(round(h.usual) for h in hours))
    bars = [
        {
            "x": n * _STEP,
            "y": _HIGH - _pixels(h.count, top),
            "h": _pixels(h.count, top),
            "hour": h,
            "surge": h.reading is Reading.SURGE,
        }
        for n, h in enumerate(hours)
    ]
    usual = " ".join(
        f"{n * _STEP + _STEP // 2},{_HIGH - _pixels(h.usual, top)}" for n, h in enumerate(hours)
    )
    told = [
        {
            "at": h.at,
            "count": h.count,
            "usual": round(h.usual),
            "bar": round(h.bar),
            "why": h.reading.value,
        }
        for h in reversed(hours)
        if h.count
    ]
    return {
        "category": category,
        "name": _name(category),
        "bars": bars,
        "usual": usual,
        "width": max(1, len(hours)) * _STEP,
        "high": _HIGH,
        "bar_width": _STEP - 1,
        "top": top,
        "now": hours[-1] if hours else None,
        "rows": told[:48],
    }


def _pixels(count: float, top: int) -> int:
    return min(_HIGH, round(_HIGH * count / top))
