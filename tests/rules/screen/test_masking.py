"""Identifiers of people become tokens, places stay, highlights stay on their words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.screen.masking import masked
from tocsin.screen.terms import Span


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ask @jo_99 about it", "ask ⟦handle⟧ about it"),
        ("@a told @b, not @a", "⟦handle⟧ told ⟦handle #2⟧, not ⟦handle⟧"),
        ("write to jo.doe+x@mail.example.org.", "write to ⟦e-mail⟧."),
        ("call 202-555-0143 now", "call ⟦phone⟧ now"),
        ("call (202) 555-0143, or +49 30 1234567!", "call ⟦phone⟧, or ⟦phone #2⟧!"),
        ("see https://www.Forum.example/t/jo-doe?x=1.", "see ⟦link forum.example⟧."),
        ("ssn 078-05-1120", "ssn ⟦number⟧"),
        ("license plate KXR 4417 white van", "license plate ⟦plate⟧ white van"),
        ("he lives at 12 North Oak Street, Apt 4b", "he lives at ⟦address⟧"),
        ("wohnt Lindenstraße 17", "wohnt ⟦address⟧"),
        ("Judge Harmsworth will pay", "Judge ⟦name⟧ will pay"),
        ("my name is Orla", "my name is ⟦name⟧"),
        ("Produced by Krisztián Szöllösy in Paris", "Produced by ⟦name⟧ in Paris"),
        (
            "They were four: Ann, Kónya, Bo and Siiri.",
            "They were four: ⟦name⟧, ⟦name #2⟧, ⟦name #3⟧ and ⟦name #4⟧.",
        ),
        ("What's your last name? Vasquez", "What's your last name? ⟦name⟧"),
        ("Faina D. Yefremova left; Yefremova knew", "⟦name⟧ left; ⟦name #2⟧ knew"),
        ("follow up with patricia desrosiers soon", "follow up with ⟦name⟧ soon"),
        ("Maika van de Noort lives on Puruntie 82 street", "⟦name⟧ lives on ⟦address⟧ street"),
        ("Send it to Rua do Arenque 1634, Apt. 595", "Send it to ⟦address⟧"),
        ("1668 Glyn St\n Suite 501\n Calgary\n Canada 45818", "⟦address, Calgary, Canada⟧"),
        ("mail PSC 0413, Box 8144\nAPO AA 42323 today", "mail ⟦address⟧ today"),
        (
            "call 60-56-85-91 or 07700 063 966 or 259.735.7502x459",
            "call ⟦phone⟧ or ⟦phone #2⟧ or ⟦phone #3⟧",
        ),
        ("IBAN GB56HXDO88167774656119, card 3474 159779 07943", "IBAN ⟦number⟧, card ⟦number #2⟧"),
        ("from 6e40:4041:c617:e898:c11:40d2:c669:2eb4", "from ⟦number⟧"),
        ("Er heißt Jürgen Brandt und wohnt hier", "Er heißt ⟦name⟧ und wohnt hier"),
        ("I saw Nancy Quillfeather and NANCY", "I saw ⟦name⟧ and ⟦name #2⟧"),
    ],
)
def test_what_is_masked(text: str, shown: str) -> None:
    assert masked(text).text == shown


@pytest.mark.parametrize(
    "text",
    [
        "Storm the Capitol and the Senate",
        "The White House, 1600 Pennsylvania Avenue",
        "Meet at 10:30 on 2021-01-06 at Union Station",
        "Peter Street and the Martin Luther statue",
        "President Will Speak at noon",
        "Meet at Union Station, 50 Massachusetts Ave NE",
        "Antifa and the Proud Boys, Ohio and Germany, Congress and the FBI",
        "Gate 12 opens at 9, Route 66, Section 230, Pier 39 on 6 January 2021",
        "50 people make 1000 dollars in 30 days on Friday",
        "Pray for #StormTheCapitol and #JohnSmith",
        "Die Polizei hat am Montag in Berlin Waffen und Munition gefunden",
        "It cost $1,234,567 in 2020",
    ],
)
def test_places_times_and_sums_stay(text: str) -> None:
    assert masked(text).text == text.replace("Martin Luther", "⟦name⟧")


def test_highlights_move_with_the_text() -> None:
    text = "@verylonghandle says kill Nancy Quillfeather today @x"
    kill = text.index("kill")
    spans = (
        Span(kill, kill + 4, "a@1", "c"),
        Span(kill, text.index(" today"), "b@1", "c"),
        Span(0, 6, "c@1", "c"),
        Span(text.index("today"), len(text), "d@1", "c"),
    )
    result = masked(text, spans)
    assert [result.text[span.start : span.end] for span in result.spans] == [
        "kill",
        "kill ⟦name⟧",
        "⟦handle⟧",
        "today ⟦handle #2⟧",
    ]


@given(
    st.lists(
        st.sampled_from(
            ["@jo ", "Anna Berg ", "kill ", "202-555-0143 ", "x@y.example ", "ä😂", "\ud800", "⟦"]
        )
        | st.text(max_size=8),
        max_size=12,
    ),
    st.data(),
)
def test_masks_and_spans_fit_any_text(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    result = masked(text, [Span(start, end, "a@1", "c")] if start < end else [])
    rebuilt, at = "", 0
    for mask in result.masks:
        rebuilt += result.text[at : mask.start] + text[mask.original_start : mask.original_end]
        assert result.text[mask.start] == "⟦"
        assert result.text[mask.end - 1] == "⟧"
        at = mask.end
    assert rebuilt + result.text[at:] == text
    for span in result.spans:
        assert 0 <= span.start < span.end <= len(result.text)


@pytest.mark.parametrize(
    "piece",
    ["Aaa ", "1 ", "12 Abc ", "a'", "1.", "A\n1\n", "1 St ", "apt 1 ", "Ann Lee, ", "box 1, "],
)
def test_no_text_takes_long(piece: str) -> None:
    """Twice the text may take about twice the time, never four times: the least of three, for the machine is shared."""

    def took(length: int) -> float:
        text = (piece * length)[:length]
        laps = []
        for _ in range(3):
            began = time.process_time()
            masked(text)
            laps.append(time.process_time() - began)
        return min(laps)

    masked("Ann")
    assert took(40_000) < 6 * took(10_000) + 0.1
