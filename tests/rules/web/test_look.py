"""The tags of the look: words of time, fuses, marks, receipts, fields; and no inline style anywhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kernel import clock
from tocsin.kernel.clock import VirtualClock
from tocsin.web.templatetags import _marks, _times
from tocsin.web.templatetags import tocsin as tags

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2021, 1, 5, 23, 2, tzinfo=UTC)
WEB = Path(__file__).parents[3] / "tocsin" / "web"


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (42 * 60, "42 min"),
        (3600, "1 h"),
        (3 * 3600 + 600, "3 h 10 min"),
        (86400, "1 day"),
        (2 * 86400 + 4 * 3600, "2 days 4 h"),
        (12 * 86400 + 4 * 3600, "12 days"),
    ],
)
def test_lengths_in_words(seconds: int, words: str) -> None:
    assert _times.span(timedelta(seconds=seconds)) == words


def test_times_name_the_day_only_when_it_is_another() -> None:
    assert _times.day_and_time(NOW, NOW, NEW_YORK) == "18:02 ET"
    assert _times.day_and_time(NOW - timedelta(days=1), NOW, NEW_YORK) == "4 Jan 18:02 ET"
    assert _times.day_and_time(NOW - timedelta(days=30), NOW, NEW_YORK) == "6 Dec 2020 18:02 ET"
    summer = datetime(2021, 7, 1, 16, 0, tzinfo=UTC)
    assert _times.day_and_time(summer, summer, NEW_YORK) == "12:00 ET"


@pytest.mark.parametrize(
    ("due_in", "tone", "words", "percent"),
    [
        (30, "calm", "30 min left", "50.00%"),
        (15.1, "calm", "15 min left", "33.48%"),
        (10, "last", "10 min left", "25.00%"),
        (0, "out", "due now", "0.00%"),
        (-12, "out", "due 12 min ago", "0.00%"),
    ],
)
def test_fuse_burns_and_says_how_long_ago(
    due_in: float, tone: str, words: str, percent: str
) -> None:
    fuse = _times.fuse(NOW - minutes(30), NOW + minutes(due_in), NOW)
    assert (fuse.tone, fuse.words, fuse.percent) == (tone, words, percent)


def test_fuse_of_an_answered_duty_stands_still() -> None:
    opened, due = NOW - minutes(60), NOW
    assert _times.ended(opened, due, NOW - minutes(56)).words == "answered in 4 min"
    late = _times.ended(opened, due, NOW + minutes(3))
    assert (late.words, late.tone) == ("answered in 1 h 3 min, 3 min late", "late")


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_fuse_is_never_wider_than_its_track(opened_s: int, due_s: int) -> None:
    fuse = _times.fuse(NOW + timedelta(seconds=opened_s), NOW + timedelta(seconds=due_s), NOW)
    assert 0.0 <= fuse.left <= 1.0
    assert (fuse.tone == "out") == (due_s <= 0)


SPANS = st.lists(
    st.tuples(st.integers(-5, 40), st.integers(-5, 40), st.sampled_from(["a", "b", ""]))
)


@given(st.text(max_size=35), SPANS)
def test_marked_keeps_every_character_and_escapes_it(
    text: str, spans: list[tuple[int, int, str]]
) -> None:
    html = _marks.marked(text, spans)
    bare = re.sub(r'<sup aria-hidden="true">.*?</sup><span class="unseen">.*?</span>', "", html)
    bare = re.sub(r'<mark(?: title="[ab; ]*")?>|</mark>', "", bare)
    from django.utils.html import escape  # noqa: PLC0415

    assert bare == escape(text)


def test_overlapping_spans_become_one_mark_with_both_reasons() -> None:
    text = "bring <b>guns</b> now"
    html = _marks.marked(text, [(0, 9, "asks"), (6, 13, "arms"), (18, 21, "time")])
    assert html.count("<mark") == 2
    assert 'title="asks; arms"' in html
    assert "<b>" not in html
    assert "1,2" in html
    assert "<li>time</li>" in _marks.reasons(text, [(18, 21, "time")])


def test_receipt_says_failure_and_absence_in_words() -> None:
    with clock.use(VirtualClock(NOW)):
        assert "failed, trying again" in tags.receipt("failed_temporary", NOW, "", "mailbox full")
        acted = tags.receipt("acted", NOW, "<Sgt. Lowe>")
    assert "&lt;Sgt. Lowe&gt;" in acted
    assert acted.count('class="rung on"') == 6
    assert tags.receipt("opened").count('class="rung on"') == 4
    assert "not on the list" in tags.receipt(None)


@pytest.mark.parametrize("word", tags.PRECEDENCES)
def test_precedence_is_word_and_shape(word: str) -> None:
    assert word in tags.precedence(word)
    assert "<svg" in tags.precedence(word)


def test_tlp_takes_enum_names_and_prefixes() -> None:
    assert "TLP:AMBER+STRICT" in tags.tlp("amber_strict")
    assert 'data-tlp="amber-strict"' in tags.tlp("TLP:AMBER+STRICT")


def test_an_unknown_icon_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match=r"no icon 'unicorn'.*bell"):
        tags.icon("unicorn")


def test_field_error_names_field_and_cure() -> None:
    class Form(forms.Form):
        url = forms.URLField(label="Address", help_text="Feed or page.", assume_scheme="https")

    html = Template('{% load tocsin %}{% field form.url cure="Write it in full." %}').render(
        Context({"form": Form({"url": "no"})})
    )
    assert "Address: Enter a valid URL. Write it in full." in html
    assert 'aria-describedby="id_url-help id_url-error"' in html
    assert 'aria-invalid="true"' in html


def test_lanes_place_events_by_percent() -> None:
    with clock.use(VirtualClock(NOW)):
        html = tags.lanes([(NOW - minutes(50), NOW - minutes(25), "seen"), (NOW, NOW, "told")])
    assert 'x1="2.00%"' in html
    assert 'x2="50.00%"' in html
    assert 'x1="98.00%"' in html


def test_an_asset_changes_its_address_with_its_content() -> None:
    assert re.fullmatch(r"/static/tocsin/tocsin\.css\?v=[0-9a-f]{10}", tags.asset("tocsin.css"))


PAGES = [  # letters are not pages: mail programs know no style sheet
    path
    for path in sorted((WEB / "templates").rglob("*.html"))
    if "mail" not in path.relative_to(WEB).parts
]


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(WEB / "templates")))
def test_templates_hold_nothing_the_content_policy_refuses(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle\s*=|<style|\son[a-z]+\s*=\s*[\"']|javascript:|hx-on|js:", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)


def test_no_label_fills_with_red_but_flash() -> None:
    css = (WEB / "static" / "tocsin" / "tocsin.css").read_text()
    red = r"([^{}]+)\{([^{}]*background(?:-color)?:[^;{}]*--(?:flash|late)\b[^{}]*)\}"
    assert [selector.strip() for selector, _ in re.findall(red, css)] == [
        '.precedence[data-precedence="flash"]'
    ]
