"""What the worksheet's rules recommend, refuse, and send to a second reader."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.assess import rules
from tocsin.assess.behaviours import BEHAVIOURS
from tocsin.assess.terms import (
    LIKELIHOODS,
    Confidence,
    Disposition,
    Judgment,
    Likelihood,
    SecondReading,
    Specific,
    Speech,
    Threshold,
    Thresholds,
    WholeDecision,
    Worksheet,
)
from tocsin.kernel.errors import BadSettings, Invalid

D, S, T = Disposition, Specific, Threshold
NO = Worksheet(speech=Speech.PROTECTED, disposition=D.NO_REPORT, reason="an opinion")
YES = Worksheet(
    speech=Speech.TRUE_THREAT,
    disposition=D.REPORT,
    reason="names the building",
    specifics=frozenset({S.PLACE}),
    likelihood=Likelihood.LIKELY,
    likelihood_percent=60,
    confidence=Confidence.LOW,
    basis="one post, not confirmed elsewhere",
)


@pytest.mark.parametrize(
    ("speech", "specifics", "behaviours", "facts", "disposition", "threshold"),
    [
        (Speech.PROTECTED, [], [], "", D.NO_REPORT, T.PROTECTED),
        (Speech.PROTECTED, [S.PLACE, S.TIME], [], "", D.NO_REPORT, T.PROTECTED),
        (Speech.HYPERBOLE, [], [], "", D.NO_REPORT, T.HYPERBOLE),
        (Speech.HYPERBOLE, [S.PLACE], [], "", D.NO_REPORT, T.HYPERBOLE),
        (Speech.HYPERBOLE, [S.PLACE, S.MEANS], [], "", D.NEEDS_MORE, T.HYPERBOLE_SPECIFIC),
        (Speech.TRUE_THREAT, [], [], "", D.NEEDS_MORE, T.THREAT_VAGUE),
        (Speech.TRUE_THREAT, [S.MEANS], [], "", D.NEEDS_MORE, T.THREAT_VAGUE),
        (Speech.TRUE_THREAT, [S.PLACE], [], "", D.REPORT, T.THREAT_SPECIFIC),
        (Speech.TRUE_THREAT, [S.TARGET], [], "", D.REPORT, T.THREAT_SPECIFIC),
        (Speech.INCITEMENT, [S.TARGET], [], "", D.NEEDS_MORE, T.INCITEMENT_VAGUE),
        (Speech.INCITEMENT, [S.TIME], [], "", D.REPORT, T.INCITEMENT_NEAR),
        (Speech.PLANNING, [], [], "", D.NEEDS_MORE, T.PLANNING_VAGUE),
        (Speech.PLANNING, [S.MEANS], [], "", D.REPORT, T.PLANNING_SPECIFIC),
        (Speech.HYPERBOLE, [], ["threat"], "", D.REPORT, T.CRIMINAL_BEHAVIOUR),
        (Speech.HYPERBOLE, [], ["photography"], "", D.NO_REPORT, T.HYPERBOLE),
        (Speech.HYPERBOLE, [], ["photography"], "of the locks", D.REPORT, T.BEHAVIOUR_WITH_FACTS),
    ],
)
def test_the_table_of_recommendations(
    speech: Speech,
    specifics: list[Specific],
    behaviours: list[str],
    facts: str,
    disposition: Disposition,
    threshold: Threshold,
) -> None:
    found = rules.recommend(speech, specifics, behaviours, facts)
    assert (found.disposition, found.threshold) == (disposition, threshold)


@given(
    st.sampled_from(Speech),
    st.frozensets(st.sampled_from(Specific)),
    st.frozensets(st.sampled_from(Specific)),
)
def test_naming_more_never_lowers_the_recommendation(
    speech: Speech, some: frozenset[Specific], more: frozenset[Specific]
) -> None:
    rank = [D.NO_REPORT, D.NEEDS_MORE, D.REPORT]
    less = rules.recommend(speech, some, [])
    assert rank.index(rules.recommend(speech, some | more, []).disposition) >= rank.index(
        less.disposition
    )


def test_sixteen_behaviours_of_which_nine_need_facts() -> None:
    assert len(BEHAVIOURS) == 16
    assert sum(b.needs_facts for b in BEHAVIOURS.values()) == 9
    assert all(b.source for b in BEHAVIOURS.values())


@pytest.mark.parametrize("code", [c for c, b in BEHAVIOURS.items() if b.needs_facts])
def test_the_nine_are_refused_without_additional_facts(code: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.check(msgspec.structs.replace(YES, behaviours=(code,)))
    assert refused.value.field == "facts"
    rules.check(msgspec.structs.replace(YES, behaviours=(code,), facts="filmed the locks at night"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"reliability": "G"}, "reliability"),
        ({"credibility": 0}, "credibility"),
        ({"behaviours": ("nothing",)}, "behaviours"),
        ({"likelihood": None}, "likelihood"),
        ({"likelihood_percent": 81}, "likelihood_percent"),
        ({"likelihood_percent": None}, "likelihood_percent"),
        ({"confidence": None}, "confidence"),
        ({"basis": "guess"}, "basis"),
        ({"disposition": D.NO_REPORT}, "departure"),
        ({"disposition": D.NEEDS_MORE, "departure": "short"}, "departure"),
        ({"facts": "x" * 20_001}, "facts"),
    ],
)
def test_each_gap_in_a_worksheet_is_named(change: dict[str, Any], field: str) -> None:
    rules.check(YES)
    with pytest.raises(Invalid) as refused:
        rules.check(msgspec.structs.replace(YES, **change))
    assert refused.value.field == field
    assert refused.value.cure


def test_a_departure_with_its_reason_is_accepted() -> None:
    sheet = msgspec.structs.replace(
        YES, disposition=D.NO_REPORT, departure="quoted from a news story of 2011"
    )
    assert rules.check(sheet).disposition is D.REPORT


def test_likelihood_terms_cover_every_percent_without_a_gap() -> None:
    rows = list(LIKELIHOODS.values())
    assert (rows[0].low, rows[-1].high) == (1, 99)
    assert all(a.high == b.low for a, b in pairwise(rows))


def test_keeping_on_watching_needs_a_reason_and_confidence_a_basis() -> None:
    whole = Judgment(
        decision=WholeDecision.KEEP_WATCHING,
        text="Maps, arms and a date, by many hands.",
        likelihood=Likelihood.EVEN,
        likelihood_percent=50,
        confidence=Confidence.LOW,
        basis="eleven posts, none confirmed",
    )
    with pytest.raises(Invalid) as refused:
        rules.check_judgment(whole)
    assert refused.value.field == "reason"
    rules.check_judgment(msgspec.structs.replace(whole, decision=WholeDecision.DRAFT))
    with pytest.raises(Invalid) as refused:
        rules.check_judgment(msgspec.structs.replace(whole, basis=""))
    assert refused.value.field == "basis"


@dataclass(frozen=True)
class Reader:
    novice: bool = False
    current: bool = True


@pytest.mark.parametrize(
    ("sheet", "reader", "drawn", "why"),
    [
        (NO, Reader(novice=True), 99, SecondReading.NOVICE),
        (NO, Reader(current=False), 99, SecondReading.LAPSED),
        (NO, Reader(), 19, SecondReading.SHARE),
        (NO, Reader(), 20, SecondReading.NONE),
        (YES, Reader(novice=True), 0, SecondReading.NONE),
        (
            msgspec.structs.replace(YES, disposition=D.NO_REPORT, departure="a news story, old"),
            Reader(),
            99,
            SecondReading.DEPARTED,
        ),
    ],
)
def test_who_gets_a_second_reader(
    sheet: Worksheet, reader: Reader, drawn: int, why: SecondReading
) -> None:
    found = rules.second_reading(
        sheet,
        rules.recommendation(sheet),
        novice=reader.novice,
        current=reader.current,
        drawn=drawn,
        percent=20,
    )
    assert found is why


def test_the_draw_belongs_to_the_report_and_is_even() -> None:
    drawn = [rules.draw("key", f"rpt_{n}") for n in range(4000)]
    assert drawn == [rules.draw("key", f"rpt_{n}") for n in range(4000)]
    assert all(0 <= d < 100 for d in drawn)
    assert 700 < sum(d < 20 for d in drawn) < 900
    assert drawn != [rules.draw("another key", f"rpt_{n}") for n in range(4000)]


def test_the_policy_is_read_strictly() -> None:
    assert rules.thresholds('version = "1"') == Thresholds()
    assert rules.thresholds("[assess]\nsecond_reading_percent = 5").second_reading_percent == 5
    for bad in ("nonsense = 1", 'undo_seconds = "60"', "second_reading_percent = 101"):
        with pytest.raises(BadSettings):
            rules.thresholds("[assess]\n" + bad)


def test_plain_values_become_a_worksheet_or_the_field_is_named() -> None:
    sheet = rules.convert(
        {"speech": "planning", "disposition": "report", "reason": "x", "credibility": "3"}
    )
    assert sheet.credibility == 3
    for fields, field in (
        ({"speech": "shouting", "disposition": "report", "reason": "x"}, "speech"),
        ({"disposition": "report", "reason": "x"}, "speech"),
        (
            {"speech": "planning", "disposition": "report", "reason": "x", "credibility": "x"},
            "credibility",
        ),
        (
            {"speech": "planning", "disposition": "report", "reason": "x", "specifics": ["who"]},
            "specifics",
        ),
    ):
        with pytest.raises(Invalid) as refused:
            rules.convert(fields)
        assert refused.value.field == field
