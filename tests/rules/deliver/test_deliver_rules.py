"""Whom to try next, when again, who counts as informed: tables of cases and properties, no database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.deliver import rules
from tocsin.deliver.channels.letters import Letter, Sender, _cut, _header
from tocsin.deliver.terms import GIVE_UP_AFTER, Entrant, Hop, State, Why
from tocsin.kernel.errors import Invalid
from tocsin.warn.terms import Seat

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANN, BOB = Entrant("ann", 1, 2), Entrant("bob", 2, 1)

seats = st.sets(st.builds(Seat, st.sampled_from("abcd"), st.sampled_from("xyz")))
entrants = st.lists(
    st.builds(
        Entrant, st.sampled_from([f"r{i}" for i in range(6)]), st.integers(1, 3), st.integers(0, 3)
    ),
    unique_by=lambda e: e.id,
)


@given(required=seats, acknowledged=seats)
def test_informed_never_shows_early(required: set[Seat], acknowledged: set[Seat]) -> None:
    found = rules.informed(required, acknowledged)
    assert found.yes == (bool(required) and all(s in acknowledged for s in required))
    assert found.acknowledged == len([s for s in required if s in acknowledged])
    assert found.required == len(required)
    assert found.reason


@given(required=seats, acknowledged=seats, more=seats)
def test_asking_for_more_roles_never_makes_it_informed(
    required: set[Seat], acknowledged: set[Seat], more: set[Seat]
) -> None:
    if required and not rules.informed(required, acknowledged).yes:
        assert not rules.informed(required | more, acknowledged).yes


def test_nobody_named_is_not_informed() -> None:
    assert not rules.informed([], []).yes
    assert not rules.informed([], [Seat("a", "x")]).yes


@given(listed=entrants, flash=st.booleans())
def test_the_first_try_goes_to_the_first_who_can_be_reached(
    listed: list[Entrant], flash: bool
) -> None:
    hops = rules.first_hops(listed, flash=flash)
    able = [e for e in listed if e.ways]
    assert bool(hops) == bool(able)
    if flash:
        assert {h.recipient for h in hops} == {e.id for e in able}
    elif hops:
        best = min(able, key=lambda e: (e.rank, e.id))
        assert [h.recipient for h in hops] == [best.id]


@given(listed=entrants, steps=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30))
def test_every_way_of_everybody_is_tried_once_before_giving_up(
    listed: list[Entrant], steps: list[tuple[bool, bool]]
) -> None:
    """Whatever mixture of steps, no way is used twice, and [] comes only when none is left."""
    ways = {(e.id, p) for e in listed for p in range(e.ways)}
    hops = rules.first_hops(listed, flash=False)
    used: list[tuple[str, int]] = [(h.recipient, h.place) for h in hops]
    current = hops[0].recipient if hops else ""
    for same_person, failed in [*steps, *[(True, False)] * 20]:
        hops = rules.next_hops(listed, set(used), current, same_person=same_person, failed=failed)
        assert bool(hops) == bool(ways - set(used))
        for hop in hops:
            assert (hop.recipient, hop.place) in ways - set(used)
            used.append((hop.recipient, hop.place))
            current = hop.recipient
    assert len(used) == len(set(used))


def test_the_order_is_next_way_then_next_person() -> None:
    tried = {("ann", 0)}
    assert rules.next_hops([BOB, ANN], tried, "ann", same_person=True) == [
        Hop("ann", 1, Why.NEXT_WAY.name)
    ]
    assert rules.next_hops([BOB, ANN], tried, "ann", same_person=False) == [
        Hop("bob", 0, Why.NEXT_PERSON.name)
    ]
    tried = {("ann", 0), ("bob", 0)}
    assert rules.next_hops([BOB, ANN], tried, "bob", same_person=False) == [
        Hop("ann", 1, Why.LEFT_OVER.name)
    ]


def test_a_flash_that_fails_for_one_does_not_trouble_the_others() -> None:
    three = [ANN, BOB, Entrant("cy", 3, 2)]
    tried = {("ann", 0), ("bob", 0), ("cy", 0)}
    hops = rules.next_hops(three, tried, "cy", same_person=True, everyone=True, failed=True)
    assert hops == [Hop("cy", 1, Why.FAILED_WAY.name)]
    hops = rules.next_hops(three, tried, "", same_person=True, everyone=True)
    assert [h.recipient for h in hops] == ["ann", "cy"]


def test_an_update_goes_to_those_who_got_the_first() -> None:
    assert rules.again_hops([ANN, BOB], {"ann": 1, "bob": 0}) == [
        Hop("ann", 1, Why.GOT_THE_LAST.name),
        Hop("bob", 0, Why.GOT_THE_LAST.name),
    ]
    assert rules.again_hops([ANN], {"ann": 7}) == [Hop("ann", 0, Why.GOT_THE_LAST.name)]
    assert rules.again_hops([BOB], {"gone": 0}) == [Hop("bob", 0, Why.FIRST.name)]


def test_an_agency_speaks_for_itself_first_and_strangers_never() -> None:
    assert rules.keeper_order("metro", "fusion", "capitol") == ["metro", "fusion", "capitol"]
    assert rules.keeper_order("fusion", "fusion", "") == ["fusion"]


@given(delivery=st.text(min_size=1, max_size=30), attempts=st.integers(1, GIVE_UP_AFTER + 3))
def test_waits_grow_stay_bounded_and_end(delivery: str, attempts: int) -> None:
    wait = rules.wait(delivery, attempts)
    if attempts >= GIVE_UP_AFTER:
        assert wait is None
        return
    assert wait is not None
    usual = min(15 * 2 ** (attempts - 1), 900)
    assert timedelta(seconds=usual * 0.8) <= wait <= timedelta(seconds=usual * 1.2)
    assert wait == rules.wait(delivery, attempts)


def test_those_refused_together_do_not_come_back_together() -> None:
    waits = {rules.wait(f"dlv_{i}", 1) for i in range(200)}
    assert len(waits) > 100


@given(a=st.sampled_from(list(State)), b=st.sampled_from(list(State)))
def test_a_destination_only_ever_rises(a: State, b: State) -> None:
    assert rules.raises(a, b) == (b.rung > a.rung)
    assert not (rules.raises(a, b) and rules.raises(b, a))


def test_every_state_says_what_it_means_in_the_world() -> None:
    assert all(len(s.meaning) > 15 for s in State)
    ladder = [
        State.QUEUED,
        State.SENT,
        State.DELIVERED,
        State.OPENED,
        State.ACKNOWLEDGED,
        State.ACTED,
    ]
    assert [s.rung for s in ladder] == [1, 2, 3, 4, 5, 6]
    assert {s.rung for s in State if s not in ladder} == {0}


@pytest.mark.parametrize(
    ("label", "text", "title"),
    [
        ("CLEAR", True, True),
        ("GREEN", True, True),
        ("AMBER", True, False),
        ("AMBER+STRICT", False, False),
        ("RED", False, False),
        ("", False, False),
    ],
)
def test_what_may_travel_by_mail(label: str, text: bool, title: bool) -> None:
    assert rules.text_in_mail(label) is text
    subject = rules.subject_line(label, "FLASH", "Fusion", "The north doors")
    assert ("The north doors" in subject) is title
    assert "FLASH" in subject
    assert "Fusion" in subject


@pytest.mark.parametrize(
    ("expires", "ended", "days", "works"),
    [
        (None, None, 900, True),
        (4, None, 33, True),
        (4, None, 35, False),
        (None, 1, 30, True),
        (None, 1, 32, False),
        (400, 1, 32, False),
    ],
)
def test_how_long_a_link_works(
    expires: int | None, ended: int | None, days: int, works: bool
) -> None:
    def day(n: int | None) -> datetime | None:
        return None if n is None else NOW + timedelta(days=n)

    assert rules.link_works(NOW + timedelta(days=days), day(expires), day(ended)) is works


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("email", ""),
        ("email", "desk"),
        ("email", "desk@"),
        ("email", "@metro.example"),
        ("email", "desk@metro..example"),
        ("email", "desk@metro.example\r\nBcc: x@y.example"),
        ("email", "a@b.example, c@d.example"),
        ("email", "Desk <desk@metro.example>"),
        ("email", "-oX@metro.example"),
        ("email", "dësk@metro.example"),
        ("email", "a" * 300 + "@metro.example"),
        ("webhook", "http://metro.example/in"),
        ("webhook", "ftp://metro.example"),
        ("webhook", "https://user:pw@metro.example/"),
        ("webhook", "https://"),
        ("webhook", "https://metro.example:port/"),
        ("webhook", "https://metro.example/a b"),
        ("inapp", ""),
        ("pigeon", "x"),
    ],
)
def test_what_is_no_way_to_reach_anybody(kind: str, address: str) -> None:
    with pytest.raises(Invalid) as e:
        rules.way(kind, address)
    assert e.value.field
    assert e.value.cure


def test_roles_with_nobody_or_one_way() -> None:
    a, b, c, d = Seat("a", "x"), Seat("b", "x"), Seat("c", "x"), Seat("d", "x")
    found = rules.thin_seats(
        {a: {"email"}, b: {"email", "webhook"}, d: {"sms", "voice"}}, [a, b, c]
    )
    assert found == {a: "one way", c: "nobody", d: "one way"}


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), max_size=400)


@given(before=texts, after=texts, name=texts, token=st.from_regex(r"\A[A-Za-z0-9_.-]{1,120}\Z"))
def test_a_letter_cut_and_addressed_reads_as_it_was_written(
    before: str, after: str, name: str, token: str
) -> None:
    """The quoted-printable pieces and the link in between decode to exactly the text meant."""
    link = f"https://tocsin.example/a/{token}"
    whole = f"x{before} https://link.invalid/here {after}x"
    letter = Letter(
        warning="wrn_1",
        subject=_header(f"[TLP:GREEN] {before[:80]}"),
        urgent=True,
        text=_cut(whole),
        html=_cut(whole),
        data={},
    )
    raw = letter.to(
        name=" ".join(c for c in name.split() if c.isprintable()),
        address="desk@metro.example",
        sender=Sender.of("Tocsin <tocsin@fusion.example>"),
        link=link,
        key="dlv_1",
        at=NOW,
    )
    assert max(len(line) for line in raw.split(b"\r\n\r\n", 1)[1].split(b"\r\n")) <= 76
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert message["Message-ID"] == "<dlv_1@fusion.example>"
    assert message.get_all("To") == [message["To"]]
    assert "desk@metro.example" in str(message["To"])
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        got = part.get_payload(decode=True)
        assert isinstance(got, bytes)
        meant = whole.replace("https://link.invalid/here", link)
        assert got.decode().replace("\r\n", "\n").rstrip("\n") == meant.strip().rstrip("\n")
