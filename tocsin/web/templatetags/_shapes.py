"""Shapes as SVG: icons, ladder, fuse, bars, lines. Widths are attributes, never inline style."""

from __future__ import annotations

from functools import cache

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from tocsin.web.templatetags._icons import FILLED, STROKES

_OPEN = mark_safe(
    '<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" '
    'focusable="false">'
)

NAMES = frozenset(STROKES) | frozenset(FILLED)
"""Every icon there is."""


@cache
def icon(name: str) -> SafeString:
    """One icon as SVG, hidden from screen readers: the word stands beside it.

    Raises: ValueError for a name that is not in `NAMES`.
    """
    if name in FILLED:
        return format_html("{}{}</svg>", _OPEN, FILLED[name])
    if name not in STROKES:
        raise ValueError(f"icon: no icon {name!r}. Use one of {', '.join(sorted(NAMES))}.")
    return format_html('{}<path class="stroke" d="{}"/></svg>', _OPEN, STROKES[name])


@cache
def rungs(reached: int, of: int = 6) -> SafeString:
    """The receipt ladder as rising bars, filled up to `reached`."""
    bars = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="2.4" height="{}"/>',
        (
            ("rung on" if n < reached else "rung", f"{n * 3.4:.1f}", 12 - (n + 1) * 2, (n + 1) * 2)
            for n in range(of)
        ),
    )
    return format_html(
        '<svg class="rungs" viewBox="0 0 20 12" width="20" height="12" aria-hidden="true">{}</svg>',
        bars,
    )


def fuse_line(percent: str) -> SafeString:
    """The burning line: a track, what is left, and its end."""
    return format_html(
        '<svg class="fuse-line" width="100%" height="8" aria-hidden="true" focusable="false">'
        '<rect class="fuse-track" y="3.5" width="100%" height="1"/>'
        '<rect class="fuse-left" y="2" width="{0}" height="4"/>'
        '<rect class="fuse-end" x="{0}" y="0" width="2" height="8"/></svg>',
        percent,
    )


def bar(share: float) -> SafeString:
    """A small bar, `share` between 0 and 1."""
    return format_html(
        '<svg class="bar" width="100%" height="8" aria-hidden="true" focusable="false">'
        '<rect class="bar-track" width="100%" height="8"/>'
        '<rect class="bar-part" width="{}%" height="8"/></svg>',
        f"{max(0.0, min(1.0, share)) * 100:.1f}",
    )


def spark(values: list[float]) -> SafeString:
    """A small line of values, oldest first, scaled from zero (or the lowest) to the highest."""
    found = values or [0.0]
    low, high = min(0.0, *found), max(found)
    height = (high - low) or 1.0
    step = 92 / max(1, len(found) - 1)
    points = [(2 + n * step, 22 - (v - low) / height * 20) for n, v in enumerate(found)]
    x, y = points[-1]
    return format_html(
        '<svg class="spark" viewBox="0 0 96 24" width="96" height="24" aria-hidden="true" '
        'focusable="false"><polyline points="{}"/><circle cx="{}" cy="{}" r="2"/></svg>',
        " ".join(f"{x:.1f},{y:.1f}" for x, y in points),
        f"{x:.1f}",
        f"{y:.1f}",
    )
