"""Who may decide on a warning, from which state, and how it reads."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.people.terms import Actor, Role
from tocsin.warn import changes, document, rules
from tocsin.warn.document import Document
from tocsin.warn.products import PRODUCTS
from tocsin.warn.rules import MAY, Right, Standing
from tocsin.warn.terms import UNDECIDED, WAS_RELEASED, Act, Content, Judgment, Seat, State

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def someone(*roles: Role, person: str = "per_x", agency: str = "fusion") -> Actor:
    return Actor(person=person, agency=agency, roles=frozenset(roles))


def standing(**changes: object) -> Standing:
    fields: dict[str, object] = {
        "agency": "fusion",
        "lead_agency": "fusion",
        "authors": frozenset({"per_author"}),
        "told": frozenset(),
    }
    return Standing(**{**fields, **changes})  # type: ignore[arg-type]


RA, LEAD = Role.RELEASE_AUTHORITY, Role.OPERATION_LEAD
TABLE = [
    # actor, standing -> review, release now
    (someone(RA), standing(), Right.RELEASE_AUTHORITY, Right.RELEASE_AUTHORITY),
    (someone(RA, person="per_author"), standing(), Right.AUTHOR, Right.AUTHOR),
    (
        someone(LEAD, person="per_author"),
        standing(told=frozenset({"per_author"})),
        Right.AUTHOR,
        Right.AUTHOR,
    ),
    (someone(LEAD), standing(), Right.NOT_REACHED, Right.LEAD),
    (someone(LEAD), standing(told=frozenset({"per_x"})), Right.REACHED, Right.REACHED),
    (someone(LEAD, agency="capitol"), standing(), Right.NOT_REACHED, Right.NOT_REACHED),
    (
        someone(LEAD, agency="capitol"),
        standing(lead_agency="capitol"),
        Right.NOT_REACHED,
        Right.LEAD,
    ),
    (someone(RA, agency="other"), standing(), Right.NOT_REACHED, Right.NOT_REACHED),
    (
        someone(RA, agency="other"),
        standing(told=frozenset({"per_x"})),
        Right.REACHED,
        Right.REACHED,
    ),
    (
        someone(Role.COLLECTOR),
        standing(told=frozenset({"per_x"})),
        Right.NOT_PERMITTED,
        Right.NOT_PERMITTED,
    ),
    (someone(Role.PARTNER), standing(), Right.NOT_PERMITTED, Right.NOT_PERMITTED),
]


@pytest.mark.parametrize(("actor", "warning", "review", "at_once"), TABLE, ids=range(len(TABLE)))
def test_rights(actor: Actor, warning: Standing, review: Right, at_once: Right) -> None:
    assert rules.right_to_review(actor, warning) is review
    assert rules.right_to_release_now(actor, warning) is at_once


@given(
    st.sets(st.sampled_from(list(Role))),
    st.sampled_from(["fusion", "capitol", "other"]),
    st.booleans(),
    st.booleans(),
)
def test_an_author_never_decides_whatever_the_role(
    roles: set[Role], agency: str, told: bool, led: bool
) -> None:
    actor = someone(*roles, person="per_author", agency=agency)
    warning = standing(
        told=frozenset({"per_author"} if told else ()),
        lead_agency=agency if led else "fusion",
        releaser="per_author",
    )
    for right in (rules.right_to_review, rules.right_to_release_now, rules.right_to_confirm):
        assert right(actor, warning) not in MAY
        with pytest.raises(Forbidden):
            rules.demand(right(actor, warning))


def test_who_released_first_does_not_confirm() -> None:
    warning = standing(releaser="per_x")
    assert rules.right_to_confirm(someone(RA), warning) is Right.RELEASED_IT
    assert rules.right_to_confirm(someone(RA, person="per_y"), warning) is Right.RELEASE_AUTHORITY


def test_every_state_allows_what_it_should() -> None:
    for state, act in itertools.product(State, Act):
        if act in rules.allowed(state):
            rules.from_state(state, act)
        else:
            with pytest.raises(Conflict):
                rules.from_state(state, act)
    assert all(rules.allowed(s) for s in UNDECIDED | {State.RELEASED})
    ended = set(State) - UNDECIDED - {State.RELEASED}
    assert not any(rules.allowed(s) for s in ended)
    assert all(Act.RELEASED not in rules.allowed(s) for s in WAS_RELEASED)
    assert Act.SUBMITTED not in rules.allowed(State.RELEASED)


@pytest.mark.parametrize(
    ("until", "start", "fine"),
    [
        (timedelta(hours=1), None, True),
        (timedelta(hours=1), timedelta(hours=2), True),
        (timedelta(hours=2), timedelta(hours=2), True),
        (timedelta(hours=3), timedelta(hours=2), False),
        (timedelta(hours=3), timedelta(hours=-1), True),
        (timedelta(0), None, False),
    ],
)
def test_a_hold_ends_before_the_event(
    until: timedelta, start: timedelta | None, fine: bool
) -> None:
    event = NOW + start if start is not None else None
    if fine:
        rules.check_hold(NOW + until, NOW, event)
        return
    with pytest.raises(Invalid) as refused:
        rules.check_hold(NOW + until, NOW, event)
    assert refused.value.field == "until"


def test_the_alternate_is_somebody_new_and_never_an_author() -> None:
    assert rules.next_releaser(["a", "b"], ["l"], {"x"}, {"a"}) == "b"
    assert rules.next_releaser(["a", "b"], ["l"], {"b"}, {"a"}) == "l"
    assert rules.next_releaser(["a"], ["l"], set(), {"a", "l"}) == ""


def test_seats_are_whole_and_once() -> None:
    row = {"agency": "metro", "role": "partner"}
    assert rules.seats([row, row]) == (Seat("metro", "partner"),)
    with pytest.raises(Invalid, match="agency and a role"):
        rules.seats([{"agency": "metro"}])


def made(**changes: object) -> Document:
    fields: dict[str, object] = {
        "id": "wrn_1",
        "series": "wrn_1",
        "edition": 1,
        "product": PRODUCTS["OSIR"],
        "content": Content("Title", "Summary.", (Judgment("Seen.", "likely", "low", "One post."),)),
        "label": "AMBER",
        "precedence": "FLASH",
        "agency": "Fusion centre",
        "operation": "The march",
        "state": "RELEASED",
        "released_at": NOW,
        "expires_at": None,
        "commitment": "ab",
    }
    return Document(**{**fields, **changes})  # type: ignore[arg-type]


def test_plain_text_carries_marking_urgency_and_banner() -> None:
    text = document.plain(made(), ZoneInfo("America/New_York"))
    lines = text.strip().splitlines()
    assert lines[0].startswith("TLP:AMBER   FLASH   OPEN SOURCE INFORMATION REPORT")
    assert lines[-1] == "TLP:AMBER   wrn_1"
    assert "UNEVALUATED" in text
    assert "Released: 2 Mar 2026 09:00 EST" in text
    assert "Likelihood: likely (55–80 %). Confidence: low. One post." in text


def test_a_cancelled_one_says_so_before_its_title() -> None:
    text = document.plain(made(end_words="CANCELLED. Do not act on it. Reason: x"), ZoneInfo("UTC"))
    assert text.index("CANCELLED") < text.index("Title")


@given(st.text(max_size=60), st.text(max_size=60))
def test_words_rebuild_both_texts(before: str, after: str) -> None:
    runs = list(changes.words(before, after))
    assert "".join(r.text for r in runs if r.kind != "removed") == after
    assert "".join(r.text for r in runs if r.kind != "added") == before


CONTENTS = st.builds(
    Content,
    title=st.text(max_size=20),
    summary=st.text(max_size=20),
    judgments=st.lists(
        st.builds(
            Judgment,
            text=st.text(max_size=20),
            cites=st.lists(st.just("rpt_1"), max_size=1).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    actions=st.lists(st.text(max_size=10), max_size=3).map(tuple),
)


@given(CONTENTS)
def test_what_is_kept_is_what_is_read(content: Content) -> None:
    tidy = document.tidy(content)
    assert document.read(document.body(tidy)) == tidy
    assert document.tidy(tidy) == tidy


def test_a_body_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="judgments"):
        document.read({"judgments": "none"})
    assert document.read({}) == Content()
