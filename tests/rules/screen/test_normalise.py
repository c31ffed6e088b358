"""Folding undoes tricks of spelling and always knows where a character came from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.screen import normalise

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=80)
TRICKY = st.text(
    st.sampled_from(list("ki1l! .-_aA@$0oöÖ\u0308\u200bßﬁ…кіѕ🔪😂\ud800\n\r|4eE")), max_size=60
)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("KILL", "kill"),
        ("ｋｉｌｌ", "kill"),
        ("𝐤𝐢𝐥𝐥", "kill"),
        ("кіll", "kill"),
        ("k\u200bi\u200dl\u00adl", "kill"),
        ("k\u0336i\u0336l\u0336l\u0336", "kill"),
        ("🅺🅸🅻🅻", "kill"),
        ("töten", "toeten"),
        ("to\u0308ten", "toeten"),
        ("STRASSE Straße", "strasse strasse"),
        ("don’t “stop”", 'don\'t "stop"'),
        ("\ud800kill", "\ufffdkill"),
    ],
)
def test_plain_view(written: str, folded: str) -> None:
    assert normalise.plain(written).text == folded


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("k1ll", "kill"),
        ("ki11", "kill"),
        ("$hoot sh00t", "shoot shoot"),
        ("m@ssacre", "massacre"),
        ("k i l l", "kill"),
        ("k.i.l.l", "kill"),
        ("k - no", "k - no"),
        ("h.a.n.g t.h.e.m", "hang them"),
        ("kiiiilllll", "kill"),
        ("shoooot", "shoot"),
        ("stooorm", "storm"),
    ],
)
def test_tricks_are_undone(written: str, word: str) -> None:
    plain = normalise.plain(written)
    assert word in [plain.text, *(view.text for view in normalise.tricked(plain))]


@pytest.mark.parametrize(
    "written", ["https://t.co/a1b2c3d4", "see www.k1ll.example", "a1b2@c3d4.example"]
)
def test_links_and_addresses_are_not_read_as_tricks(written: str) -> None:
    assert normalise.tricked(normalise.plain(written)) == []


def test_a_span_covers_the_original_letters() -> None:
    text = "so k\u200b1 l l? No: ｋ.１.ｌ.ｌ them"
    for view in normalise.tricked(normalise.plain(text)):
        at = view.text.index("kill")
        start, end = view.span(at, at + 4)
        assert text[start:end] in ("ｋ.１.ｌ.ｌ", "k\u200b1 l l")


@given(ANY_TEXT | TRICKY)
def test_any_text_folds_and_every_span_lies_inside_it_in_order(text: str) -> None:
    plain = normalise.plain(text)
    for view in (plain, *normalise.tricked(plain)):
        before = 0
        for character, start, end in view.offsets():
            assert 0 <= before <= start < end <= len(text)
            assert len(character.encode()) > 0
            before = start
        assert 0 <= view.span(len(view.text), len(view.text))[0] <= len(text)
        if view.text:
            start, end = view.span(0, len(view.text))
            assert 0 <= start < end <= len(text)


@given(ANY_TEXT)
def test_folding_a_folded_text_changes_nothing(text: str) -> None:
    once = normalise.fold(text)
    assert normalise.fold(once) == once


def test_every_code_point_folds() -> None:
    for code in range(0x110000):
        if code % 61 == 0 or code < 0x2100:
            normalise.plain(chr(code)).text.encode()
