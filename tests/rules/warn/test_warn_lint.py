"""The lint: each finding by the smallest draft that earns it, and its cure by the draft that does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.assess.terms import LIKELIHOODS
from tocsin.kernel.errors import Invalid
from tocsin.record.terms import Tlp
from tocsin.warn import estimates
from tocsin.warn.lint import Level, OpenWork, Sheet, lint, refuse_on_stops, stops, texts
from tocsin.warn.products import PRODUCTS, Product
from tocsin.warn.terms import Cited, Content, Judgment, Seat

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SEAT = Seat("capitol", "operation_lead")
SOURCE = Cited("rpt_1", "report", 1, "ab" * 32, "AMBER", "Posts about the doors")
JUDGMENT = Judgment("A group will come.", "likely", "moderate", "Three sources.", ("rpt_1",))
CONTENT = Content(
    title="North doors named for the march",
    summary="Several posts name the north doors.",
    judgments=(JUDGMENT,),
    would_change="The doors are closed.",
    actions=("Man the doors from noon.",),
)
GOOD = {
    "product": PRODUCTS["BULLETIN"],
    "content": CONTENT,
    "label": "AMBER",
    "distribution": (SEAT,),
    "must_know": (SEAT,),
    "expires_at": NOW + timedelta(days=4),
    "operation": "op_1",
    "event_start": NOW + timedelta(days=3),
    "cites": {"rpt_1": SOURCE},
}


def sheet(**changes: Any) -> Sheet:
    """A draft that nothing stands against, but for `changes`; `judgment` and `words` change its content."""
    judgment, words = changes.pop("judgment", {}), changes.pop("words", {})
    fields = {**GOOD, **changes}
    if judgment:
        words = {"judgments": (msgspec.structs.replace(JUDGMENT, **judgment),), **words}
    fields["content"] = msgspec.structs.replace(fields["content"], **words)
    return Sheet(**fields)


def codes(draft: Sheet) -> set[str]:
    return {f.code for f in lint(draft, NOW)}


def test_a_good_draft_has_no_finding() -> None:
    assert lint(sheet(), NOW) == []


STOPS: list[tuple[str, dict[str, Any]]] = [
    ("no_title", {"words": {"title": " "}}),
    ("no_summary", {"words": {"summary": ""}}),
    ("no_judgment", {"words": {"judgments": ()}}),
    ("no_change", {"edition": 2}),
    ("no_operation", {"product": PRODUCTS["EVENT_ASSESSMENT"], "operation": ""}),
    ("empty_judgment", {"judgment": {"text": " "}}),
    ("uncited", {"judgment": {"cites": ()}}),
    ("unknown_source", {"judgment": {"cites": ("rpt_1", "rpt_2")}}),
    (
        "rows_mixed",
        {
            "words": {
                "judgments": (JUDGMENT, msgspec.structs.replace(JUDGMENT, likelihood="probable"))
            }
        },
    ),
    (
        "likelihood_and_confidence",
        {"words": {"summary": "It is likely; we say so with high confidence."}},
    ),
    (
        "likelihood_and_confidence",
        {"judgment": {"text": "We are confident that an attack is improbable."}},
    ),
    ("unknown_likelihood", {"judgment": {"likelihood": "maybe"}}),
    ("unknown_confidence", {"judgment": {"confidence": "total"}}),
    ("no_basis", {"judgment": {"basis": ""}}),
    ("judged_raw", {"product": PRODUCTS["OSIR"]}),
    ("unmasked_handle", {"words": {"summary": "The account @night_owl_77 names the doors."}}),
    ("unmasked_email", {"words": {"actions": ("Write to j.doe@example.org.",)}}),
    ("unmasked_phone", {"words": {"would_change": "He answers at 202-555-0143."}}),
    ("unmasked_address", {"judgment": {"text": "They meet at 412 Elm Street."}}),
    ("no_tlp", {"label": ""}),
    ("no_tlp", {"label": "WHITE"}),
    ("tlp_wider_than_source", {"label": "GREEN"}),
    (
        "tlp_wider_than_source",
        {"cites": {"rpt_1": msgspec.structs.replace(SOURCE, tlp="AMBER+STRICT")}},
    ),
    ("no_expiry", {"expires_at": None}),
    ("expired", {"expires_at": NOW}),
    ("expiry_too_late", {"expires_at": NOW + timedelta(days=181)}),
    ("no_distribution", {"distribution": (), "must_know": ()}),
    ("must_know_missing", {"must_know": (SEAT, Seat("metro", "partner"))}),
    ("not_an_all_clear", {"product": PRODUCTS["NO_THREAT"], "open_work": OpenWork(reports=1)}),
    ("not_an_all_clear", {"product": PRODUCTS["NO_THREAT"], "open_work": OpenWork(situations=1)}),
    ("not_an_all_clear", {"product": PRODUCTS["NO_THREAT"], "open_work": OpenWork(warnings=2)}),
]
ADVICE: list[tuple[str, dict[str, Any]]] = [
    ("no_action", {"words": {"actions": ()}}),
    ("no_would_change", {"words": {"would_change": ""}}),
    ("too_long", {"product": PRODUCTS["ROLL_CALL"], "words": {"summary": "word " * 400}}),
    ("outdated_source", {"outdated": frozenset({"rpt_1"})}),
    ("dissent_not_noted", {"dissents": 1}),
    ("off_scale", {"words": {"summary": "They might come."}}),
    ("off_scale", {"judgment": {"text": "An attack is possible."}}),
    ("no_likelihood", {"judgment": {"likelihood": ""}}),
    ("no_confidence", {"judgment": {"confidence": ""}}),
    ("two_likelihoods", {"judgment": {"text": "It is very likely that they come."}}),
    ("expires_before_event", {"expires_at": NOW + timedelta(days=1)}),
    ("unmasked_name", {"words": {"summary": "Senator Margaret Holloway is named in the posts."}}),
    ("unmasked_link", {"words": {"summary": "See https://example.org/thread/9."}}),
]


@pytest.mark.parametrize(
    ("code", "changes"), STOPS, ids=[f"{c}-{i}" for i, (c, _) in enumerate(STOPS)]
)
def test_what_stops_release(code: str, changes: dict[str, Any]) -> None:
    found = {f.code: f for f in lint(sheet(**changes), NOW)}
    assert code in found
    assert found[code].level is Level.STOP
    assert found[code].cure
    with pytest.raises(Invalid) as refused:
        refuse_on_stops(lint(sheet(**changes), NOW))
    assert refused.value.field
    assert refused.value.cure


@pytest.mark.parametrize(
    ("code", "changes"), ADVICE, ids=[f"{c}-{i}" for i, (c, _) in enumerate(ADVICE)]
)
def test_what_is_advice(code: str, changes: dict[str, Any]) -> None:
    found = {f.code: f for f in lint(sheet(**changes), NOW)}
    assert code in found
    assert found[code].level is Level.ADVICE
    assert found[code].cure
    refuse_on_stops(f for f in found.values() if f.code == code)  # advice never refuses


FINE: list[dict[str, Any]] = [
    {"words": {"summary": "It is likely. Our confidence is high."}},  # two sentences
    {
        "judgment": {"text": "It is unlikely that they turn back.", "likelihood": "unlikely"}
    },  # not read as "likely"
    {"words": {"summary": "⟦handle⟧ and ⟦handle #2⟧ name the doors."}},  # masked already
    {"judgment": {"basis": "Nobody could be identified."}},  # a basis is no estimate
    {"words": {"dissent": "One office says that it might be talk."}, "dissents": 1},
    {
        "words": {"summary": "Doors open at 9.30. The march is likely to be early."}
    },  # a point inside a number
    {"label": "RED"},  # narrower than its sources
    {"product": PRODUCTS["NOTE"], "expires_at": None},
    {"edition": 2, "words": {"changed": "A time is named: noon."}},
]


@pytest.mark.parametrize("changes", FINE, ids=range(len(FINE)))
def test_what_is_fine(changes: dict[str, Any]) -> None:
    assert lint(sheet(**changes), NOW) == []


def test_a_raw_report_carries_its_banner_and_no_likelihood() -> None:
    raw = sheet(
        product=PRODUCTS["OSIR"], judgment={"likelihood": "", "confidence": "", "basis": ""}
    )
    assert lint(raw, NOW) == []
    assert all(("UNEVALUATED" in p.banner) == p.raw for p in PRODUCTS.values())


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=list(PRODUCTS))
def test_every_product_says_where_it_comes_from(product: Product) -> None:
    assert product.source
    assert product.use
    assert not (product.raw and product.null)
    assert product.max_life is None or product.needs_expiry


def test_a_finding_names_the_place_of_the_text() -> None:
    two = sheet(
        words={
            "judgments": (JUDGMENT, msgspec.structs.replace(JUDGMENT, basis="Ask @night_owl_77"))
        }
    )
    assert [f.field for f in stops(lint(two, NOW))] == ["judgments.1.basis"]


def test_stops_come_first() -> None:
    found = lint(sheet(words={"title": "", "actions": ()}), NOW)
    assert [f.stops for f in found] == [True, False]


@given(
    st.sampled_from(sorted(estimates.ROW_OF)),
    st.sampled_from(["low", "moderate", "high"]),
    st.booleans(),
)
def test_every_term_beside_every_level_is_found(term: str, level: str, capital: bool) -> None:
    word = term.capitalize() if capital else term
    one = sheet(words={"summary": f"{word} to come, we judge with {level} confidence."})
    assert "likelihood_and_confidence" in codes(one)
    assert estimates.likelihoods(f"It is {word}.") == [term]


@given(st.sampled_from(list(Tlp)), st.lists(st.sampled_from(list(Tlp)), min_size=1, max_size=4))
def test_a_document_never_travels_farther_than_any_source(label: Tlp, marks: list[Tlp]) -> None:
    order = [Tlp.RED, Tlp.AMBER_STRICT, Tlp.AMBER, Tlp.GREEN, Tlp.CLEAR]
    cites = {
        f"rpt_{i}": msgspec.structs.replace(SOURCE, id=f"rpt_{i}", tlp=t.value)
        for i, t in enumerate(marks)
    }
    draft = sheet(label=label.value, cites=cites, judgment={"cites": tuple(cites)})
    wider = order.index(label) > min(order.index(t) for t in marks)
    assert ("tlp_wider_than_source" in codes(draft)) == wider


@given(
    st.text(max_size=80), st.text(max_size=80), st.sampled_from([*estimates.ROW_OF, "", "maybe"])
)
def test_any_words_give_findings_and_never_an_error(title: str, text: str, term: str) -> None:
    draft = sheet(
        words={"title": title, "summary": text}, judgment={"text": text, "likelihood": term}
    )
    for finding in lint(draft, NOW):
        assert finding.words
        assert finding.cure


def test_the_scale_is_that_of_the_standard() -> None:
    assert [estimates.percent(t.likelihood) for t in LIKELIHOODS.values()] == [
        "1–5 %",
        "5–20 %",
        "20–45 %",
        "45–55 %",
        "55–80 %",
        "80–95 %",
        "95–99 %",
    ]


def test_the_texts_are_all_looked_at() -> None:
    content = Content("t", "s", (Judgment("j", basis="b"),), "w", "d", ("a", "b"), "c")
    assert [name for name, _ in texts(content)] == [
        "title",
        "changed",
        "summary",
        "judgments.0.text",
        "judgments.0.basis",
        "would_change",
        "dissent",
        "actions.0",
        "actions.1",
    ]
