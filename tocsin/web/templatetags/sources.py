"""The chart of the sources' pages: what was screened and flagged, hour by hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from tocsin.web.templatetags.tocsin import zone

register = template.Library()

_WIDTH, _PLOT, _FLAGS = 960, 96, 32
_HOUR = timedelta(hours=1)


@register.simple_tag
def hours(screened: Sequence[int], flagged: Sequence[int], last: datetime) -> SafeString:
    """Bars an hour, oldest first, `last` = start of the newest: screened above, flagged below on a scale of its own.

    Two scales, because the flagged are a few in ten thousand: on one they could not be seen.
    """
    step = _WIDTH / max(1, len(screened))
    first = last - (len(screened) - 1) * _HOUR
    return format_html(
        '<figure class="hours"><svg viewBox="0 0 {0} {1}" width="100%" height="{1}" '
        'preserveAspectRatio="none" role="img" aria-label="{2}">{3}{4}'
        '<line class="hours-base" x1="0" x2="{0}" y1="{5}" y2="{5}"/></svg>'
        '<figcaption>{6}<span class="hours-key"><i class="key-screened"></i>screened, at most {7} '
        'an hour <i class="key-flagged"></i>flagged, at most {8} an hour</span></figcaption></figure>',
        _WIDTH,
        _PLOT + _FLAGS + 2,
        f"In {len(screened)} hours {sum(screened):,} screened, {sum(flagged):,} flagged.",
        _bars(screened, "bar-screened", step, _PLOT, up=True, first=first),
        _bars(flagged, "bar-flagged", step, _FLAGS, up=False, first=first),
        _PLOT + 1,
        _marks(first, last),
        f"{max(screened, default=0):,}",
        f"{max(flagged, default=0):,}",
    )


def _bars(
    values: Sequence[int], name: str, step: float, height: int, *, up: bool, first: datetime
) -> SafeString:
    most = max(values, default=0) or 1
    rows = []
    for n, value in enumerate(values):
        if not value:
            continue
        size = max(2.0, value / most * height)
        at = (first + n * _HOUR).astimezone(zone())
        y = _PLOT - size if up else _PLOT + 2
        place = (f"{n * step + 1:.1f}", f"{y:.1f}", f"{step - 2:.1f}", f"{size:.1f}")
        rows.append((name, *place, f"{at:%a %H:%M}: {value:,} {name.removeprefix('bar-')}"))
    return format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        rows,
    )


def _marks(first: datetime, last: datetime) -> SafeString:
    ends = [first, first + (last - first) // _HOUR // 2 * _HOUR, last]
    return format_html(
        '<span class="hours-axis">{}</span>',
        format_html_join(
            "", "<span>{}</span>", ((f"{e.astimezone(zone()):%a %H:%M}",) for e in ends)
        ),
    )
