"""The bundled catalogue proves itself, and a bad one is refused with file, place and cure."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from tests.rules.screen.matching import matching
from tocsin.screen import indicators, normalise, wording
from tocsin.screen.checking import check
from tocsin.screen.engine import Engine
from tocsin.screen.indicators import BadCatalogue
from tocsin.screen.prefilter import Prefilter
from tocsin.screen.repeats import bounded

AROUND = ("", " ", "\n", "so, ", "... ", "WELL - ", " 中 ", "x ", "\t'", '"')
VOCABULARY = "version = 1\n[words]\nharm = 'kill|hurt'\n"
CASES = "version = 1\n[[case]]\ntext = 'kill them'\nflagged = true\n"
INDICATOR = """version = 3
category = "threats"
title = "A category for the tests"
[[indicator]]
name = "harm-them"
weight = 500
patterns = ['\\b{harm} them\\b']
why = "It speaks of harming people."
must = ["Kill them"]
must_not = ["See them"]
"""


def folder(at: Path, **files: str) -> Path:
    for name, text in {
        "vocabulary": VOCABULARY,
        "cases": CASES,
        "threats": INDICATOR,
        **files,
    }.items():
        (at / f"{name}.toml").write_text(text)
    return at


def test_every_example_of_the_bundled_catalogue_comes_true(engine: Engine) -> None:
    assert check(engine) == []


def test_the_bundled_catalogue_is_worth_proving(engine: Engine) -> None:
    assert sum(len(rule.expressions) for rule in engine.catalogue.indicators) >= 500
    assert len(engine.catalogue.indicators) >= 100
    assert len(engine.catalogue.categories) >= 12
    assert len(engine.catalogue.cases) >= 20


def test_no_pattern_is_missed_by_the_prefilter(engine: Engine) -> None:
    """Every pattern on its own examples and on texts made from the pattern itself, in other words' company."""
    dice = Random(6)
    for rule in (*engine.catalogue.indicators, *engine.catalogue.contexts):
        for expression in rule.expressions:
            place = re.compile(expression, re.ASCII)
            sure = [*rule.body.must]
            for _ in range(300):
                text = f"{dice.choice(AROUND)}{matching(expression, dice)}{dice.choice(AROUND)}"
                sure += [text] if place.search(normalise.plain(text).text) else []
                if len(sure) >= len(rule.body.must) + 8:
                    break
            else:
                pytest.fail(f"too few texts were found for {expression}")
            for text in sure:
                if place.search(normalise.plain(text).text):
                    assert expression in engine.possible(text), text


@pytest.mark.skipif("EVERY_EXAMPLE" not in os.environ, reason="a minute; EVERY_EXAMPLE=1")
def test_no_pattern_is_missed_in_any_example(engine: Engine) -> None:
    rules = (*engine.catalogue.indicators, *engine.catalogue.contexts)
    for text in [text for rule in rules for text in rule.body.must + rule.body.must_not]:
        view = normalise.plain(text).text
        every = {expression for rule in rules for expression in rule.expressions}
        sure = {expression for expression in every if re.search(expression, view, re.ASCII)}
        assert sure <= engine.possible(text), text


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        (r"(?<!\w)kill(?:ing)?\s+them(?!\w)", [[{" kill them ", " killing them "}]]),
        (
            r"(?<!\w)maim\s+(?:\w+\s+){0,2}senators?(?!\w)|(?<!\w)bomb(?! cyclone)(?!\w)",
            [[{" maim "}, {" senator ", " senators "}], [{" bomb "}]],
        ),
        (r"maim[^.!?]{0,40}us", [[{"maim"}, {"us"}]]),
        (r"i(?:'?m|\s+am)\s*so", [[{"imso", "im so", "i mso", "i m so", "i amso", "i am so"}]]),
        (r"[.,\n]\W*mobs?", [[{" mob"}]]),
        (r"(?:lo+l|\w+ish)+", [[{"lo"}, {"l"}], [{"ish"}]]),
        (r"\w*", [[]]),
        (r"(?:run|[;:]\))\W", [[]]),
    ],
)
def test_what_a_pattern_cannot_match_without(expression: str, wanted: list[list[set[str]]]) -> None:
    assert [[set(piece) for piece in way] for way in wording.ways(expression)] == wanted


@pytest.mark.parametrize(
    "expression", [r"(a)\1", "(?P<a>b)", "(?>a)", r"\Ba", "a)", "(a", "(?i:a)"]
)
def test_what_cannot_be_taken_apart_is_refused(expression: str) -> None:
    with pytest.raises(BadCatalogue, match="the matcher cannot use") as refused:
        Prefilter([expression], ["odd@1"])
    assert "odd@1" in str(refused.value)


def test_what_is_repeated_as_often_as_you_like_is_bounded(engine: Engine) -> None:
    assert bounded(r"(?:all\s+|on\s+the\s+)*x(?:\w+\s+){0,3}(?:y)?[)*]+") == (
        r"(?:all\s+|on\s+the\s+){0,6}x(?:\w+\s+){0,3}(?:y)?[)*]+"
    )
    began = time.process_time()
    for words in ("is being ", "is about to "):
        engine.counting(f"the school {words * 60}x evacuated; the bridge {words * 60}x burst")
    assert time.process_time() - began < 1


def test_a_bomb_of_a_pattern_is_taken_apart_in_no_time() -> None:
    began = time.process_time()
    for bomb in (
        "(?:" * 40 + "a|b" + "){1,2}" * 40,
        "(?:a|b.c|d.e|f)" * 200,
        "".join(f"(?:{chr(97 + n % 26)}|x{n})" for n in range(300)),
        "(?:" * 5000 + "a" + ")" * 5000,
    ):
        with suppress(BadCatalogue):
            Prefilter([bomb], ["bomb@1"])
    assert time.process_time() - began < 2


def test_check_reports_examples_that_do_not_come_true(tmp_path: Path) -> None:
    wrong = INDICATOR.replace("See them", "Do not hurt them")
    cases = CASES + "[[case]]\ntext = 'hurt them'\nflagged = false\n"
    assert check(Engine.load(folder(tmp_path, threats=wrong, cases=cases))) == [
        "harm-them@3 must not count in: Do not hurt them",
        "case must be left alone, but scores 500 because of harm-them@3: hurt them",
    ]


def test_the_version_changes_with_any_file(tmp_path: Path) -> None:
    before = indicators.load(folder(tmp_path)).version
    assert indicators.load(folder(tmp_path)).version == before
    assert indicators.load(folder(tmp_path, cases=CASES + "\n")).version != before


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"threats": INDICATOR + "colour = 1\n"}, ["threats.toml", "harm-them", "colour"]),
        ({"threats": INDICATOR.replace("weight = 500", "weight = 5000")}, ["harm-them", "weight"]),
        ({"threats": INDICATOR.replace("weight = 500\n", "")}, ["threats.toml", "weight"]),
        (
            {"threats": INDICATOR.replace('must = ["Kill them"]', "must = []")},
            ["harm-them", "must"],
        ),
        ({"threats": INDICATOR.replace("{harm}", "{help}")}, ["harm-them", "{help}", "vocabulary"]),
        ({"threats": INDICATOR.replace("{harm}", "(kill")}, ["harm-them", "pattern 1", "regular"]),
        ({"threats": INDICATOR.replace("{harm}", "KILL")}, ["harm-them", "lower-case"]),
        ({"threats": INDICATOR.replace("{harm}", "töten")}, ["harm-them", "ae for ä"]),
        ({"threats": INDICATOR.replace("{harm}", "kill.{0,9}")}, ["harm-them", "{gap}"]),
        ({"threats": INDICATOR.replace("\\b{harm} them\\b", "(?:kill)?")}, ["harm-them", "empty"]),
        ({"threats": INDICATOR.replace("{harm}", "(?:a+)+")}, ["harm-them", "whole words"]),
        ({"threats": INDICATOR.replace("{harm}", "(?:a|aa)*b")}, ["harm-them", "whole words"]),
        ({"threats": INDICATOR.replace("{harm}", "(?:a{1,9}){1,9}")}, ["harm-them", "divided"]),
        ({"threats": INDICATOR.replace("{harm}", "(?:\\w+ ){0,99}")}, ["harm-them", "divided"]),
        ({"threats": INDICATOR.replace("{harm}", "(?:" * 5000)}, ["harm-them", "regular"]),
        ({"threats": INDICATOR + INDICATOR[INDICATOR.index("[[") :]}, ["harm-them", "twice"]),
        ({"more": INDICATOR.replace("harm-them", "other")}, ["threats", "two files"]),
        ({"threats": "version = "}, ["threats.toml", "TOML"]),
        ({"vocabulary": "version = 1\n[words]\na = '{b}'\nb = 'x'\n"}, ["vocabulary.toml", "{b}"]),
    ],
)
def test_a_bad_catalogue_is_refused(tmp_path: Path, files: dict[str, str], said: list[str]) -> None:
    with pytest.raises(BadCatalogue) as refused:
        Engine.load(folder(tmp_path, **files))
    assert refused.value.cure
    for words in said:
        assert words in str(refused.value)


def test_a_context_for_an_unknown_category_is_refused(tmp_path: Path) -> None:
    context = INDICATOR.replace("[[indicator]]", "[[context]]").replace(
        "weight = 500", 'effect = "voids"\non = ["x"]'
    )
    with pytest.raises(BadCatalogue, match="no category 'x'"):
        indicators.load(folder(tmp_path, context=context.replace("harm-them", "joke")))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCatalogue, match=r"vocabulary\.toml"):
        indicators.load(tmp_path)
    with pytest.raises(BadCatalogue, match="no folder"):
        indicators.load(tmp_path / "absent")
