"""Template tags of the look: fuse, times, badges, receipts, marks, small charts, form fields."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.forms import BoundField
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from tocsin.kernel import clock
from tocsin.kernel.settings import current
from tocsin.web.templatetags import _marks, _shapes, _times

register = template.Library()

_STATIC = Path(__file__).resolve().parent.parent / "static" / "tocsin"

PRECEDENCES = ("ROUTINE", "PRIORITY", "IMMEDIATE", "FLASH")

TLP = {
    "RED": "Only the persons named. Pass to nobody else.",
    "AMBER+STRICT": "Only inside your own agency.",
    "AMBER": "Inside your agency and with those it serves who must act.",
    "GREEN": "Inside your community, not in public.",
    "CLEAR": "May be passed to anyone.",
}

# Each state's word, icon, and how many of the six rungs it stands on.
RECEIPTS = {
    "queued": ("queued", "clock", 1),
    "sent": ("sent", "arrow", 2),
    "delivered": ("delivered", "inbox", 3),
    "opened": ("opened", "eye", 4),
    "acknowledged": ("acknowledged", "check", 5),
    "acted": ("acted", "checks", 6),
    "failed_temporary": ("failed, trying again", "retry", 0),
    "failed_permanent": ("failed, cannot reach", "cross", 0),
}
_RECEIPT_ALIASES = {
    "temporary": "failed_temporary",
    "permanent": "failed_permanent",
    "failed": "failed_permanent",
}


def zone() -> ZoneInfo:
    """The zone in which times are shown."""
    return ZoneInfo(current().timezone)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _word(value: Any) -> str:
    """A plain string of a string or an enum's value."""
    return str(getattr(value, "value", value) or "")


@register.simple_tag
def asset(path: str) -> str:
    """URL of one of our static files, with its version, so that it may be cached for ever."""
    file = _file(path)
    return f"{static('tocsin/' + path)}?v={_version(path, file.stat().st_mtime_ns)}"


def _file(path: str) -> Path:
    return _STATIC.joinpath(*path.split("/"))  # split: a template's SafeString is no path part


@lru_cache(maxsize=64)
def _version(path: str, _changed: int) -> str:
    return hashlib.sha256(_file(path).read_bytes()).hexdigest()[:10]


@register.simple_tag
def now_iso() -> str:
    """The clock's time, for `data-now`: fuses follow it, also in an exercise on another date."""
    return _iso(clock.now())


@register.simple_tag
def fuse(
    opened: datetime,
    due: datetime,
    now: datetime | None = None,
    *,
    ended: datetime | None = None,
) -> SafeString:
    """The line that burns down from `opened` to `due`; with `ended` it stands still."""
    now = now or clock.now()
    shown = _times.ended(opened, due, ended) if ended else _times.fuse(opened, due, now)
    live = format_html(
        ' data-fuse data-opened="{}" data-due="{}" data-now="{}"',
        _iso(opened),
        _iso(due),
        _iso(now),
    )
    return format_html(
        '<span class="fuse" data-tone="{}"{}><span class="fuse-words">{}</span>'
        '<time class="fuse-due" datetime="{}"><span class="unseen">due </span>{}</time>{}</span>',
        shown.tone,
        "" if ended else live,
        shown.words,
        _iso(due),
        _times.day_and_time(due, now, zone(), named=False),
        _shapes.fuse_line(shown.percent),
    )


@register.simple_tag
def when(at: datetime | None, form: str = "full") -> SafeString:
    """A time: `full` = `14:02 ET · 3 min ago`, `clock` = `14:02 ET`, `ago`, `day` = `5 Jan 2021`.

    None shows a dash. The browser keeps the words up to date.
    """
    if at is None:
        return mark_safe('<span class="quiet">–</span>')
    now = clock.now()
    local = at.astimezone(zone())
    stamp, ago = _times.day_and_time(at, now, zone()), _times.ago(at, now)
    full = f"{local.day} {local:%b %Y %H:%M:%S} {_times.zone_name(local)}"
    if form == "day":
        words = format_html("{} {}", local.day, f"{local:%b %Y}")
    elif form == "clock":
        words = format_html("{}", stamp)
    elif form == "ago":
        words = format_html('<span data-ago="{}">{}</span>', _iso(at), ago)
    else:
        words = format_html('{} · <span data-ago="{}">{}</span>', stamp, _iso(at), ago)
    return format_html(
        '<time class="when" datetime="{}" title="{}">{}</time>', _iso(at), full, words
    )


@register.filter
def span(value: timedelta | None) -> str:
    """A length of time in words: `42 min`, `3 h 10 min`."""
    return "–" if value is None else _times.span(value)


@register.simple_tag
def precedence(p: Any) -> SafeString:
    """ROUTINE, PRIORITY, IMMEDIATE or FLASH: word, shape and colour. None shows nothing."""
    word = _word(p).upper()
    if not word:
        return mark_safe("")
    if word not in PRECEDENCES:
        return format_html('<span class="badge">{}</span>', word)
    return format_html(
        '<span class="badge precedence" data-precedence="{}">{}{}</span>',
        word.lower(),
        _shapes.icon(word.lower()),
        word,
    )


@register.simple_tag
def tlp(x: Any) -> SafeString:
    """A Traffic Light Protocol 2.0 label in FIRST's colours, with what it allows as its title."""
    word = _word(x).upper().replace("_", "+").removeprefix("TLP:")
    if not word:
        return mark_safe("")
    return format_html(
        '<span class="badge tlp" data-tlp="{}" title="{}">TLP:{}</span>',
        word.lower().replace("+", "-"),
        TLP.get(word, ""),
        word,
    )


@register.simple_tag
def receipt(state: Any, at: datetime | None = None, who: str = "", note: str = "") -> SafeString:
    """How far up the ladder a delivery is: rungs, word, time; `who` did it, `note` why it failed.

    No state shows a dash (read out as `not on the list`), which is not the same as queued.
    """
    key = _word(state).lower().replace(" ", "_").replace("-", "_")
    key = _RECEIPT_ALIASES.get(key, key)
    if key not in RECEIPTS:
        return mark_safe(
            '<span class="receipt quiet" data-state="none"><span aria-hidden="true">–</span>'
            '<span class="unseen">not on the list</span></span>'
        )
    word, icon_name, rung = RECEIPTS[key]
    glyph = _shapes.rungs(rung) if rung else _shapes.icon(icon_name)
    done = _shapes.icon(icon_name) if rung >= 5 else ""
    rest = [part for part in (_stamp(at), format_html("{}", who) if who else "") if part]
    return format_html(
        '<span class="receipt" data-state="{}">{}<span class="receipt-word">{}{}</span>'
        '<span class="receipt-at">{}</span>{}</span>',
        key.replace("_", "-"),
        glyph,
        word,
        done,
        format_html_join(mark_safe(" · "), "{}", ((part,) for part in rest)) if rest else "",
        format_html('<span class="receipt-note">{}</span>', note) if note else "",
    )


def _stamp(at: datetime | None) -> SafeString | str:
    if at is None:
        return ""
    return format_html(
        '<time datetime="{}">{}</time>',
        _iso(at),
        _times.day_and_time(at, clock.now(), zone(), named=False),
    )


@register.simple_tag
def icon(name: str) -> SafeString:
    """One icon, hidden from screen readers; put the word beside it."""
    return _shapes.icon(name)


@register.simple_tag
def marked(text: str, spans: Iterable[Any] = ()) -> SafeString:
    """Text with its flagged spans marked and numbered; overlapping ones become one mark."""
    return _marks.marked(text, spans)


@register.simple_tag
def reasons(text: str, spans: Iterable[Any] = ()) -> SafeString:
    """The numbered list of reasons that goes with `marked`."""
    return _marks.reasons(text, spans)


@register.simple_tag
def bar(value: float, max: float = 1, label: str = "") -> SafeString:
    """A small bar beside its number; `label` replaces the number."""
    share = value / max if max else 0.0
    return format_html(
        '<span class="bar-cell"><span class="bar-words">{}</span>{}</span>',
        label or value,
        _shapes.bar(share),
    )


@register.simple_tag
def spark(values: Sequence[float], label: str = "") -> SafeString:
    """A small line of values, oldest first, with a text that says what it shows."""
    return format_html(
        '<span class="spark-cell">{}<span class="unseen">{}</span></span>',
        _shapes.spark(list(values)),
        label,
    )


@register.simple_tag
def gap(start: datetime, end: datetime, minute_px: float = 0.5) -> SafeString:
    """A silent stretch of a timeline, to scale (at most 240 px high) and in words."""
    minutes = (end - start).total_seconds() / 60
    height = max(8, min(240, round(minutes * minute_px)))
    return format_html(
        '<li class="tl-gap"><svg width="2" height="{0}" aria-hidden="true">'
        '<rect width="2" height="{0}"/></svg>'
        "<span>{1} with nothing</span></li>",
        height,
        _times.span(end - start),
    )


@register.simple_tag
def lanes(events: Iterable[tuple[datetime, datetime, str]], label: str = "") -> SafeString:
    """Two lanes to scale, happened above and recorded below; a line joins an event's two times.

    Each event is `(occurred_at, recorded_at, label)`; a list on the same page carries the words.
    """
    found = list(events)
    if not found:
        return mark_safe("")
    first = min(min(o, r) for o, r, _ in found)
    last = max(max(o, r) for o, r, _ in found)
    whole = (last - first).total_seconds() or 1.0

    def x(at: datetime) -> str:
        return f"{2 + (at - first).total_seconds() / whole * 96:.2f}%"

    joins = format_html_join(
        "",
        '<line class="lane-join" x1="{0}" y1="16" x2="{1}" y2="56"/>'
        '<circle class="lane-dot" cx="{0}" cy="16" r="4"/>'
        '<rect class="lane-dot" x="{1}" y="52" width="8" height="8" transform="translate(-4 0)"/>',
        ((x(o), x(r)) for o, r, _ in found),
    )
    now = clock.now()
    ends = [_times.day_and_time(at, now, zone()) for at in (first, last)]
    return format_html(
        '<figure class="lanes"><figcaption><span>happened</span><span>recorded</span></figcaption>'
        '<svg width="100%" height="72" role="img" aria-label="{}">'
        '<line class="lane" x1="0" y1="16" x2="100%" y2="16"/>'
        '<line class="lane" x1="0" y1="56" x2="100%" y2="56"/>{}</svg>'
        '<div class="lane-ends"><span>{}</span><span>{}</span></div></figure>',
        label or f"{len(found)} events, when each happened and when it was recorded",
        joins,
        *ends,
    )


@register.simple_tag
def key(keys: str) -> SafeString:
    """Keys to press, as `<kbd>`: `{% key "g o" %}`."""
    return format_html_join(mark_safe(" "), "<kbd>{}</kbd>", ((k,) for k in keys.split()))


@register.simple_tag
def ident(value: Any, keep: int = 8) -> SafeString:
    """An id or a hash in monospace, its first `keep` characters; the whole as its title."""
    text = str(value)
    cut = text if len(text) <= keep + 2 else f"{text[:keep]}…"
    return format_html('<code class="id" title="{}">{}</code>', text, cut)


@register.inclusion_tag("parts/field.html")
def field(bound: BoundField, cure: str = "") -> dict[str, Any]:
    """A form field: label, control, help, and its errors; `cure` says what to do about them."""
    attrs: dict[str, Any] = {}
    described = []
    if bound.help_text:
        described.append(f"{bound.auto_id}-help")
    if bound.errors:
        described.append(f"{bound.auto_id}-error")
        attrs["aria-invalid"] = "true"
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if bound.field.widget.attrs.get("placeholder") == bound.label:
        attrs["placeholder"] = False  # the label says it already
    kind = getattr(bound.field.widget, "input_type", "") or "text"
    many = bound.use_fieldset
    return {
        "field": bound,
        "control": bound.as_widget(attrs=attrs),
        "kind": kind,
        "many": many,
        "inline": kind == "checkbox" and not many,
        "cure": cure,
    }


@register.simple_tag
def zone_key() -> str:
    """The zone's name for the browser, such as America/New_York."""
    return zone().key


@register.simple_tag
def zone_short() -> str:
    """The zone's short name now, such as ET."""
    return _times.zone_name(clock.now().astimezone(zone()))


@register.simple_tag
def wall_clock() -> str:
    """The time now, such as `14:02 ET`."""
    now = clock.now()
    return _times.day_and_time(now, now, zone())
