"""Icons and shapes, drawn for this project on a 16 by 16 grid; stroked in the colour of the text."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

_STROKES = {
    "bell": "M4 11V7.5a4 4 0 0 1 8 0V11l1.2 1.5H2.8zM6.7 14.5h2.6M8 3.5V2",
    "menu": "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
    "sun": "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.2v1.6M8 13.2v1.6M1.2 8h1.6M13.2 8h1.6"
    "M3.2 3.2l1.1 1.1M11.7 11.7l1.1 1.1M3.2 12.8l1.1-1.1M11.7 4.3l1.1-1.1",
    "moon": "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z",
    "half": "M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2zM8 2.2v11.6M8 5l3.5-1M8 8h5.8M8 11l3.5 1",
    "person": "M8 2.5a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2M2.8 13.8c.5-2.7 2.5-4 5.2-4s4.7 1.3 5.2 4",
    "check": "M3 8.5l3.3 3.3L13 4.5",
    "checks": "M1 8.7l2.9 2.9 5.4-6.4M7.4 11l.7.7 6.4-7",
    "cross": "M4 4l8 8M12 4l-8 8",
    "retry": "M12.8 6.2A5.2 5.2 0 1 0 13.2 9M13 2.5v3.8H9.2",
    "arrow": "M2.5 8h10.5M9 4l4 4-4 4",
    "back": "M13.5 8H3M7 4L3 8l4 4",
    "up": "M8 13.5V3M4 7l4-4 4 4",
    "dots": "M3 8h.01M8 8h.01M13 8h.01",
    "inbox": "M2 9.5l2-6.5h8l2 6.5v4H2zM2 9.5h3.5l1 2h3l1-2H14",
    "eye": "M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6",
    "hand": "M3 8.2l2.6 4.2c.6.9 1.4 1.4 2.5 1.4h1.2a3 3 0 0 0 3-3V5.2a.9.9 0 0 0-1.8 0V7.5M10.5 7.3V3.4"
    "a.9.9 0 0 0-1.8 0v3.8M8.7 7V2.9a.9.9 0 0 0-1.8 0V7.6M6.9 7.4V4.2a.9.9 0 0 0-1.8 0v5.6",
    "clock": "M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2M8 4.8V8l2.2 1.6",
    "search": "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.3 10.3l3.4 3.4",
    "doc": "M3.8 1.8h5.4l3 3v9.4H3.8zM9.2 1.8v3h3M6 8h4M6 10.8h4",
    "note": "M2.5 3h11v8H8l-3 2.8V11H2.5z",
    "link": "M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.2-2.2a2.6 2.6 0 0 0-3.7-3.7l-.7.7M9.2 6.8a2.6 2.6 0 0 0-3.7 0L3.3 9"
    "A2.6 2.6 0 0 0 7 12.7l.7-.7",
    "place": "M8 14.2S3.2 9.8 3.2 6.6a4.8 4.8 0 0 1 9.6 0c0 3.2-4.8 7.6-4.8 7.6zM8 5.2a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3",
    "flag": "M3.5 14.2V2.2M3.5 3h8.8l-2 2.9 2 2.9H3.5",
    "shield": "M8 1.8l5 1.8v4c0 3.3-2 5.4-5 6.6-3-1.2-5-3.3-5-6.6v-4z",
    "lock": "M3.5 7.2h9v6.3h-9zM5.3 7.2V5a2.7 2.7 0 0 1 5.4 0v2.2",
    "key": "M5.2 5.4a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8.2 8.4h6v2.4M11.6 8.4v1.8",
    "people": "M6 3a2.2 2.2 0 1 0 0 4.4A2.2 2.2 0 0 0 6 3M1.6 13c.4-2.4 2.1-3.6 4.4-3.6s4 1.2 4.4 3.6"
    "M10.6 3.4a2.2 2.2 0 0 1 0 3.8M12 9.8c1.4.5 2.2 1.6 2.5 3.2",
    "feed": "M3 12.8h.01M3 8.4a4.6 4.6 0 0 1 4.6 4.6M3 3.8a9.2 9.2 0 0 1 9.2 9.2",
    "print": "M4.5 6V2.2h7V6M4.5 11.5h-2V6h11v5.5h-2M4.5 9.2h7v4.6h-7z",
    "undo": "M3 6.2h6.6a3.4 3.4 0 0 1 0 6.8H6M6 3.2l-3 3 3 3",
    "plus": "M8 3v10M3 8h10",
    "filter": "M2 3.2h12L9.4 8.6v4.8l-2.8-1.6V8.6z",
    "stop": "M5.2 1.8h5.6l3.4 3.4v5.6l-3.4 3.4H5.2l-3.4-3.4V5.2zM8 4.8v4M8 11h.01",
    "warn": "M8 2.2l6.2 11.3H1.8zM8 6.4v3.4M8 11.7h.01",
    "info": "M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2M8 7.4v3.6M8 5.2h.01",
    "keyboard": "M1.5 4h13v8h-13zM4 6.6h.01M6.7 6.6h.01M9.3 6.6h.01M12 6.6h.01M5 9.4h6",
    "next": "M6 3.5L10.5 8 6 12.5",
    "previous": "M10 3.5L5.5 8 10 12.5",
    "out": "M9.5 2.5h-7v11h7M6 8h8M11 5l3 3-3 3",
}

_FILLED = {
    "routine": '<circle cx="8" cy="8" r="5.2" fill="none" stroke="currentColor" stroke-width="1.8"/>',
    "priority": '<path d="M8 1.6 14.4 8 8 14.4 1.6 8z" fill="none" stroke="currentColor" stroke-width="1.8"/>'
    '<path d="M8 4.9 11.1 8 8 11.1 4.9 8z" fill="currentColor"/>',
    "immediate": '<path d="M8 1.8 15 14.2H1z" fill="currentColor"/>',
    "flash": '<path d="M9.8.8 2.6 9.4h4.3L5.9 15.2l7.5-9H8.9z" fill="currentColor"/>',
}

_OPEN = '<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">'

NAMES = frozenset(_STROKES) | frozenset(_FILLED)
"""Every icon there is."""


def icon(name: str) -> SafeString:
    """One icon as SVG, hidden from screen readers: the word stands beside it.

    Raises: ValueError for a name that is not in `NAMES`.
    """
    if name in _FILLED:
        return mark_safe(f"{_OPEN}{_FILLED[name]}</svg>")
    if name not in _STROKES:
        raise ValueError(f"icon: no icon {name!r}. Use one of {', '.join(sorted(NAMES))}.")
    return mark_safe(f'{_OPEN}<path class="stroke" d="{_STROKES[name]}"/></svg>')


def rungs(reached: int, of: int = 6) -> SafeString:
    """The receipt ladder as rising bars, filled up to `reached`."""
    bars = "".join(
        f'<rect class="{"rung on" if n < reached else "rung"}" x="{n * 3.4:.1f}" '
        f'y="{12 - (n + 1) * 2}" width="2.4" height="{(n + 1) * 2}"/>'
        for n in range(of)
    )
    return mark_safe(
        f'<svg class="rungs" viewBox="0 0 20 12" width="20" height="12" aria-hidden="true">{bars}</svg>'
    )


def fuse_line(percent: str) -> SafeString:
    """The burning line: a track, what is left, and its end. Widths are attributes, so no inline style."""
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
        '<rect class="bar-track" width="100%" height="8"/><rect class="bar-part" width="{}%" height="8"/></svg>',
        f"{max(0.0, min(1.0, share)) * 100:.1f}",
    )


def spark(values: list[float]) -> SafeString:
    """A small line of values, oldest first, scaled from zero (or the lowest) to the highest."""
    if not values:
        return mark_safe('<svg class="spark" width="96" height="24" aria-hidden="true"></svg>')
    low, high = min(0.0, *values), max(values)
    height = (high - low) or 1.0
    step = 92 / max(1, len(values) - 1)
    points = [(2 + n * step, 22 - (v - low) / height * 20) for n, v in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return mark_safe(
        '<svg class="spark" viewBox="0 0 96 24" width="96" height="24" aria-hidden="true" focusable="false">'
        f'<polyline points="{line}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2"/></svg>'
    )
