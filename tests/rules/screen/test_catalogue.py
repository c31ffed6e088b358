"""The bundled catalogue proves itself, and a bad one is refused with file, place and cure."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import pytest

from tocsin.screen import compiled, indicators, normalise, prefilter
from tocsin.screen.checking import check
from tocsin.screen.engine import Engine
from tocsin.screen.indicators import BadCatalogue
from tocsin.screen.prefilter import alternatives

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
    texts = [
        text for rule in engine.catalogue.indicators for text in rule.body.must + rule.body.must_not
    ]
    for text in texts:
        view = normalise.plain(text)
        sure = {
            index
            for index, rule in enumerate((*engine.catalogue.indicators, *engine.catalogue.contexts))
            if any(re.search(expression, view.text, re.ASCII) for expression in rule.expressions)
        }
        possible = set[int]().union(*(candidates for _, candidates in engine._scanned(text)))
        assert sure <= possible, text


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the matcher ships for x86-64 only")
def test_the_matcher_that_ships_is_that_of_the_catalogue(engine: Engine) -> None:
    raw = compiled.shipped(engine.prefilter.about)
    assert raw is not None, "run: python -m tocsin.screen.building.matcher"
    matcher = prefilter.loaded(raw)
    assert matcher is not None
    seen: list[int] = []
    matcher.scan(b"we will kill the governor tomorrow\n", lambda number, *_: seen.append(number))
    assert seen


def test_a_matcher_that_does_not_fit_is_compiled_anew(tmp_path: Path) -> None:
    file = tmp_path / "matcher.xz"
    file.write_bytes(compiled.packed(b"other expressions", b"a matcher"))
    assert compiled.shipped(b"these expressions", file) is None
    assert compiled.shipped(b"other expressions", file) == b"a matcher"
    assert prefilter.loaded(b"not a matcher") is None
    file.write_bytes(compiled.packed(b"these expressions", b"x")[:40])
    assert compiled.shipped(b"these expressions", file) is None


def test_parts_of_a_pattern() -> None:
    ways = alternatives(
        r"(?<!\w)(?:kill|maim)\s+(?:\w+\s+){0,2}senators?(?!\w)|(?<!\w)bomb(?! cyclone)(?!\w)"
    )
    assert ways == [[r"(?:^|\W)(?:kill|maim)\s+", r"senators?\W"], [r"(?:^|\W)bomb\W"]]


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
