"""Markup becomes the text a reader would see, in time that grows with its length only."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.collect.sources.plain import text_of_html


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<!DOCTYPE html><html><head><title>no</title></head><body>yes</body>", "yes"),
        ("one<br/>two<p>three</p>four", "one\ntwo\nthree\nfour"),
        ("<b>bo</b>ld &amp; &lt;tag&gt; &#8364;", "bold & <tag> \u20ac"),
        ("<a href='x>y' title=\"a>b\">link</a>", "link"),
        ("I <3 this, 1 < 2 and </3", "I <3 this, 1 < 2 and </3"),
        ("a<!-- <p>no</p> -->b<!-- never closed", "ab"),
        ("a<SCRIPT>if (a < b) {'</p>'}</Script >b", "ab"),
        ("<style>p{}</style><header>shown</header>", "shown"),
        ("<p>  much \n\n space&nbsp; </p>\n<p></p><div>end</div>", "much space\nend"),
        ("<p unclosed", ""),
        ("a\x00b \ud800", "ab \ufffd"),
    ],
)
def test_text_of_markup(markup: str, text: str) -> None:
    assert text_of_html(markup) == text


@pytest.mark.parametrize(
    "piece",
    ["<div>", "<b>", "<", "</", "<a href='", "<a '\"", '<a ">', "<script>", "<!--", "<p> ", "&#"],
)
def test_markup_made_to_be_slow_is_not(piece: str) -> None:
    started = time.process_time()
    text_of_html(piece * 60_000)
    assert time.process_time() - started < 1


@given(st.text(alphabet="<>!-/\"'ab &;\n", max_size=80) | st.text())
def test_no_text_crashes_the_reader_of_markup(markup: str) -> None:
    found = text_of_html(markup)
    assert found == found.strip()
    found.encode("utf-8")
