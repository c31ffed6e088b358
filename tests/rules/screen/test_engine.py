"""What is flagged, how soon, and where the highlights lie."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.screen import rules
from tocsin.screen.engine import Engine
from tocsin.screen.terms import Priority, Verdict


def screened(engine: Engine, text: str) -> Verdict:
    verdict = engine.screen([text])[0]
    assert verdict is not None, text
    return verdict


def highlighted(text: str, verdict: Verdict, category: str) -> list[str]:
    return [text[span.start : span.end] for span in verdict.spans if span.category == category]


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Listen: kill them all now", "kill them"),
        ("Listen: k1ll them all now", "k1ll them"),
        ("Listen: K I L L  them all now", "K I L L  them"),
        ("Listen: k.i.l.l them all now", "k.i.l.l them"),
        ("Listen: kiiiill them all now", "kiiiill them"),
        ("Listen: ｋｉｌｌ them all now", "ｋｉｌｌ them"),
        ("Listen: k\u200bill them all now", "k\u200bill them"),
        ("Listen 😂, ich töte: кіll them all now", "кіll them"),
    ],
)
def test_spans_point_into_the_text_as_written(engine: Engine, text: str, marked: str) -> None:
    assert marked in highlighted(text, screened(engine, text), "threat-to-kill")


def test_a_verdict_says_why_and_can_be_repeated(engine: Engine) -> None:
    verdict = screened(engine, "Storm the state house on Monday and bring your rifles")
    assert verdict.categories[:2] == ("storm-the-building", "weapons")
    assert len(verdict.why) == len(verdict.indicators)
    assert verdict.indicators[0] == "storm-a-public-building@1"
    assert verdict.catalogue == engine.version
    assert verdict == screened(engine, "Storm the state house on Monday and bring your rifles")


def test_several_kinds_of_sign_weigh_more_than_one(engine: Engine) -> None:
    one = screened(engine, "Storm the state house")
    more = screened(engine, "Storm the state house. Bring your rifles. I am ready to die.")
    assert one.score < more.score
    assert more.priority.rank > one.priority.rank


def test_context_lowers_and_is_named(engine: Engine) -> None:
    plain = screened(engine, "I'm going to murder everyone at the office")
    joke = screened(engine, "I'm going to murder everyone at the office lol")
    assert joke.score < plain.score
    assert joke.lowered_by == ("meant-as-a-joke@1",)


@pytest.mark.parametrize(
    "text",
    [
        "This exam is killing me",
        "She killed it on stage last night",
        "Nobody should be shot for what they say",
        "We kill the boss and then the dragon, who has a spare headshot bonus",
        "Shoot me a text when you are home",
        "He is going to hang the pictures in the hall",
        "Vote the senators out. Vote them all out!",
        "",
    ],
)
def test_everyday_speech_and_politics_are_left_alone(engine: Engine, text: str) -> None:
    assert engine.screen([text]) == [None]


def test_a_batch_keeps_its_order(engine: Engine) -> None:
    texts = ["good morning", "kill them all", "good night"] * 50
    assert [verdict is not None for verdict in engine.screen(texts)] == [False, True, False] * 50
    assert engine.screen([]) == []


def test_threads_may_share_an_engine(engine: Engine) -> None:
    texts = ["hang them all", "nice weather", "shoot the senators on Monday"] * 60
    expected = engine.screen(texts)
    results: list[list[Verdict | None]] = []
    threads = [
        threading.Thread(target=lambda: results.append(engine.screen(texts))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=60))
def test_any_text_is_screened(engine: Engine, noise: str) -> None:
    text = f"{noise} kill them all {noise}"
    for verdict in engine.screen([noise, text]):
        for span in verdict.spans if verdict else ():
            assert 0 <= span.start < span.end <= len(text)
        for span in verdict.masked.spans if verdict else ():
            assert 0 <= span.start < span.end <= len(verdict.masked.text if verdict else "")


@pytest.mark.parametrize(
    "unit",
    [
        "kill ",
        "k i l l ",
        "a",
        " ",
        "@",
        "a@",
        "k1",
        "1 ",
        "Anna ",
        "(",
        "hang them all ",
        "we should ",
        "we will kill the governor tomorrow, bring rifles; ",
    ],
)
def test_hostile_long_texts_cost_little(engine: Engine, unit: str) -> None:
    text = (unit * 20_000)[:20_000]
    began = time.process_time()
    engine.screen([text, text + " kill them all"])
    assert time.process_time() - began < 2


def test_scores_by_hand() -> None:
    assert rules.combined([500, 400]) == 500 + 500 * 400 // 1000
    assert rules.combined([]) == 0
    assert rules.combined([1000, 900]) == 1000
    assert rules.scored({"a": 600, "b": 200}, {"a": 500}) == 300 + 700 * 200 // 1000
    assert [rules.priority_of(score) for score in (299, 300, 500, 700, 850)] == [
        None,
        Priority.ROUTINE,
        Priority.PRIORITY,
        Priority.IMMEDIATE,
        Priority.FLASH,
    ]


@given(st.lists(st.integers(0, 1000), max_size=12), st.integers(0, 1000))
def test_more_signs_never_lower_a_score(weights: list[int], one_more: int) -> None:
    assert (
        0 <= rules.combined(weights) <= rules.combined([*weights, one_more]) + len(weights) <= 1012
    )
