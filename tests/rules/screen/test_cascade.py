"""What the models add: depth by load, one chance at any depth, languages, and lines nobody can break."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import threadpoolctl  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.screen import evaluation, features
from tocsin.screen.blending import Blend, Votes
from tocsin.screen.cascade import Cascade
from tocsin.screen.filter import run
from tocsin.screen.models import Models
from tocsin.screen.reach import EVERYTHING, WORDS_ONLY, Reach, for_batch, pace, reach
from tocsin.screen.terms import Stage

THREAT = "someone should put a bullet in that bitch"


def test_a_text_says_how_far_it_was_read_and_why(cascade: Cascade) -> None:
    verdict = cascade.screen([THREAT])[0]
    assert verdict is not None
    assert verdict.stage is Stage.TRANSFORMER
    assert verdict.lang == "en"
    assert "bullet" in verdict.words
    assert verdict.models == cascade.models.version
    assert verdict.chance > 300


def test_the_models_flag_what_no_indicator_names_and_mark_the_words(cascade: Cascade) -> None:
    text = "I want to punch her right now so hard"
    assert cascade.engine.screen([text]) == [None]
    verdict = cascade.screen([text], line=100)[0]
    assert verdict is not None
    assert verdict.categories == ("reads-as-a-threat",)
    assert {text[s.start : s.end] for s in verdict.spans} & {"punch", "hard"}


@pytest.mark.parametrize(
    "idiom", ["My mom is going to kill me", "this heat is killing me", "I could murder a pizza"]
)
def test_idioms_stay_below_the_line(cascade: Cascade, idiom: str) -> None:
    assert cascade.screen([idiom]) == [None]


def test_less_reach_reads_less_deep_and_the_likeliest_first(cascade: Cascade) -> None:
    texts = ["what a nice day", "the bus is late again", THREAT, "we had soup for dinner"]
    assert set(cascade.read(texts, WORDS_ONLY).depths) == {1}
    some = cascade.read(texts, Reach(500, 250))
    assert some.depths[2] == 3
    assert sorted(some.depths) == [1, 1, 2, 3]
    assert set(cascade.read(texts, EVERYTHING).depths) == {3}


def test_german_is_read_by_the_multilingual_model_only(cascade: Cascade) -> None:
    read = cascade.read(
        ["Ich werde euch alle umbringen, ihr Schweine", "Heute scheint die Sonne über Berlin"]
    )
    assert list(read.depths) == [2, 2]
    assert read.chances[0] > 0.5 > read.chances[1]


def test_an_unlearned_language_says_so(cascade: Cascade) -> None:
    finnish = "Huomenna menemme metsään keräämään mustikoita ja sieniä"
    read = cascade.read([finnish, "a plain English sentence about the weather"])
    assert read.unlearned == {0}
    out = io.BytesIO()
    tally = run(
        io.BytesIO(json.dumps({"text": finnish}).encode()), out, cascade=cascade, scores=True
    )
    assert json.loads(out.getvalue())["unknown_language"] == "fi"
    assert tally.unlearned == 1


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_the_more_wait_the_faster_and_the_shallower(one: int, other: int) -> None:
    few, many = sorted((one, other))
    assert pace(few) <= pace(many)
    shallow, deep = reach(pace(many), 2), reach(pace(few), 2)
    assert shallow.sentences <= deep.sentences
    assert shallow.transformer <= deep.transformer
    assert pace(0) == 200
    assert for_batch(few) == for_batch(few)


def test_scores_has_a_row_for_every_line(cascade: Cascade) -> None:
    lines = [
        b'{"id": 1, "text": "hello"}',
        b"junk",
        json.dumps({"id": "b", "text": THREAT}).encode(),
    ]
    out = io.BytesIO()
    run(io.BytesIO(b"\n".join(lines)), out, cascade=cascade, scores=True)
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    by = {row["id"]: row for row in rows}
    assert set(by) == {1, "b", None}
    assert by["b"]["score"] > by[1]["score"]
    assert by[None]["refused"] == "not-json"


def test_keep_all_keeps_all_with_group_and_story(cascade: Cascade) -> None:
    text = "Fire crews at the old mill on Harbour Road, smoke all over town"
    rows = [{"text": text}, {"text": "RT @x: " + text}, {"text": "nice cat"}]
    data = "\n".join(map(json.dumps, rows)).encode()
    out = io.BytesIO()
    run(io.BytesIO(data), out, cascade=cascade, keep_all=True, per_second=60_000)
    found = [json.loads(line)["screen"] for line in out.getvalue().splitlines()]
    assert len(found) == 3
    assert found[0]["group"] == found[1]["group"] != found[2]["group"]
    assert found[0]["story"] == found[1]["story"]


def test_several_processes_say_what_one_says(cascade: Cascade) -> None:
    data = b"".join(
        json.dumps({"id": at, "text": THREAT if at % 7 == 0 else f"nice day number {at}"}).encode()
        + b"\n"
        for at in range(4000)
    )
    outs = []
    for processes in (1, 2):
        out = io.BytesIO()
        run(io.BytesIO(data), out, cascade=cascade, processes=processes, per_second=200_000)
        outs.append(out.getvalue())
    assert outs[0] == outs[1]
    assert outs[0].count(b"\n") > 500


@settings(max_examples=30)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=6))
def test_features_of_a_text_do_not_depend_on_its_neighbours(texts: list[str]) -> None:
    raw = [text.lower().encode("utf-8", "replace") for text in texts]
    together = features.read(raw)
    for at, text in enumerate(raw):
        alone = features.read([text])
        for kind, own in zip(
            (together.words, together.pairs, *together.runs),
            (alone.words, alone.pairs, *alone.runs),
            strict=True,
        ):
            mine = kind.places[kind.starts[at] : kind.ends[at]]
            assert np.array_equal(mine, own.places[own.starts[0] : own.ends[0]])


def test_figures_by_hand() -> None:
    found = evaluation.figures([900, 800, 700, 100], [True, False, True, False], 750)
    assert found.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert found.found == 0.5
    assert found.false_alarms == 500
    tied = evaluation.average_precision(np.ones(4), np.array([True, False, False, False]))
    assert tied == 0.25


def test_a_reason_tells_no_name_that_masking_hides(cascade: Cascade) -> None:
    texts = [
        "I am going to beat Sandra Miller with a bat",
        "Hang Alexander Hunter tomorrow",
        "somebody punch Anna Schmidt in the face so hard",
    ]
    heard = {word for t in texts for word in cascade.models.fast.strongest(t.lower(), 0)}
    names = {"sandra", "miller", "alexander", "hunter", "anna", "schmidt"}
    assert heard & names, "none of these names weighs anything, so nothing could leak"
    for text, verdict in zip(texts, cascade.screen(texts, line=1), strict=True):
        assert verdict is not None
        assert "⟦name⟧" in verdict.masked.text, text
        assert not names & set(" ".join((*verdict.words, *verdict.why)).lower().split(" "))


def test_word_of_a_disaster_is_asked_another_question_than_a_quarrel() -> None:
    even = Votes(0.0, 0.0, (1.0, 1.0))
    blend = Blend((even,) * 3, (even,) * 3, (even, even), lift=0.0, about=(1.0, 0.0))
    signs, nobody = np.zeros(2, np.float32), np.zeros(2, bool)
    said = np.array([[2.0, -2.0], [2.0, -2.0]], np.float32)  # both read as a threat
    about = np.array([[0.0, 0.0, 0.0, 6.0], [0.0, 0.0, 0.0, -6.0]], np.float32)
    disaster, quarrel = blend.chance(signs, [said, about], nobody)
    assert disaster < 0.2 < 0.8 < quarrel
    german = np.ones(2, bool)
    assert np.ptp(blend.chance(signs, [said, about], german)) == 0  # its subject is not known


def test_every_process_calculates_on_one_core(cascade: Cascade) -> None:
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        assert _blas_threads() == {2}
        Models.load()
        assert _blas_threads() == {1}


def _blas_threads() -> set[int]:
    told = threadpoolctl.threadpool_info()
    return {one["num_threads"] for one in told if one["user_api"] == "blas"}
