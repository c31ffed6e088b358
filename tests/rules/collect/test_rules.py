"""Which report an item is, whether it may come in, and how a source is doing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.collect.addresses import canonical_url
from tocsin.collect.rules import (
    charter_problems,
    content_hash,
    feed_health,
    identity,
    within_purpose,
)
from tocsin.collect.terms import (
    AUTHORITIES,
    PURPOSES,
    Attempt,
    Charter,
    FailReason,
    FeedState,
    Fetched,
    Health,
    Item,
    Permanence,
    PurposeReason,
    Scope,
)

NOW = datetime(2021, 1, 5, 12, tzinfo=UTC)
PAGE = "https://example.org/posts/17?page=2"


@pytest.mark.parametrize(
    "spelt",
    [
        "https://example.org/posts/17?page=2&utm_source=mail&utm_campaign=x",
        "http://EXAMPLE.org:80/posts/17?page=2",
        "https://example.org/posts/17?fbclid=abc&page=2&gclid=9&ref=home",
        "https://user:secret@example.org./posts/17?page=2#:~:text=roof",
        "https://example.org/posts/17?fbclid=a&page=2#utm_source=x",
        "  https://example.org/%70osts/17?page=2 ",
    ],
)
def test_an_address_is_one_report_however_it_was_shared(spelt: str) -> None:
    assert identity(Item("", "text", url=spelt)) == identity(Item("", "text", url=PAGE))


def test_the_order_of_parameters_does_not_matter() -> None:
    one, other = "https://example.org/?a=1&b=2&b=1", "https://example.org/?b=2&b=1&a=1"
    assert canonical_url(one) == canonical_url(other)
    assert canonical_url(one) != canonical_url("https://example.org/?a=1&b=1&b=2")


@pytest.mark.parametrize(
    "other",
    [
        "https://example.org/posts/18?page=2",
        "https://example.org/posts/17?page=3",
        "https://example.org/posts/17?page=2#comment-4",
        "https://example.org:8443/posts/17?page=2",
        "https://example.com/posts/17?page=2",
    ],
)
def test_another_address_is_another_report(other: str) -> None:
    assert identity(Item("", "text", url=other)) != identity(Item("", "text", url=PAGE))


@pytest.mark.parametrize("odd", ["http://[::1", "tag:example.org,2021:1", "not an address", ""])
def test_what_is_no_web_address_is_left_alone(odd: str) -> None:
    assert canonical_url(odd) == odd


@given(st.text(max_size=60) | st.text(max_size=40).map("https://example.org/a?".__add__))
def test_cleaning_an_address_twice_changes_nothing(url: str) -> None:
    assert canonical_url(canonical_url(url)) == canonical_url(url)


def test_a_key_outweighs_the_address_and_is_cleaned_like_one() -> None:
    channel = "https://example.org/channel"
    first, second = Item("1", "a", url=channel), Item("2", "b", url=channel)
    assert identity(first) != identity(second)
    guid = "https://example.org/p/1"
    assert identity(Item(f"{guid}?utm_medium=rss", "a")) == identity(Item(guid, "a"))


def test_an_edit_is_the_same_report_with_other_content() -> None:
    before = Item("7", "Meet at the north gate", title="Plan")
    after = Item("7", "Meet at the south gate", title="Plan")
    assert identity(before) == identity(after)
    assert content_hash(before) != content_hash(after)


def test_spacing_and_composition_are_no_edit() -> None:
    assert content_hash(Item("7", "caf\u00e9  is\nopen ")) == content_hash(
        Item("7", "cafe\u0301 is open")
    )


def test_without_key_and_address_author_time_and_text_tell() -> None:
    item = Item("", "same words", author="a", at=NOW)
    assert identity(item) == identity(Item("", "same  words", author="a", at=NOW))
    assert identity(item) != identity(Item("", "same words", author="b", at=NOW))
    assert identity(Item("", "c", author="ab")) != identity(Item("", "bc", author="a"))


def charter(**bounds: object) -> Charter:
    return Charter(
        "open-source-event",
        frozenset({"protect-event"}),
        scope=Scope(**bounds),  # type: ignore[arg-type]
        valid_from=NOW - timedelta(days=30),
        valid_until=NOW + timedelta(days=3),
    )


def ruled(
    item: Item | None = None,
    bounds: Charter | None = None,
    purpose: str = "protect-event",
    operation: str = "session",
    now: datetime = NOW,
) -> PurposeReason:
    ruling = within_purpose(
        item or Item("1", "x", at=NOW),
        bounds or charter(),
        purpose=purpose,
        operation=operation,
        now=now,
    )
    assert ruling.allowed == (ruling.reason is PurposeReason.WITHIN)
    assert ruling.allowed or (ruling.plain and ruling.cure and ruling.field)
    return ruling.reason


def test_a_report_within_its_charter_comes_in() -> None:
    assert ruled() is PurposeReason.WITHIN


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (NOW - timedelta(days=31), PurposeReason.AUTHORITY_NOT_YET),
        (NOW + timedelta(days=3), PurposeReason.AUTHORITY_EXPIRED),
        (NOW + timedelta(days=3, seconds=-1), PurposeReason.WITHIN),
    ],
)
def test_authority_has_a_start_and_an_end(now: datetime, reason: PurposeReason) -> None:
    assert ruled(now=now) is reason


def test_purposes_are_held_to() -> None:
    assert ruled(purpose="curiosity") is PurposeReason.PURPOSE_UNKNOWN
    assert ruled(purpose="threat-to-place") is PurposeReason.PURPOSE_NOT_IN_CHARTER
    wide = Charter("exercise", frozenset({"protect-event"}))
    assert ruled(bounds=wide) is PurposeReason.PURPOSE_NOT_ALLOWED
    assert ruled(bounds=Charter("because", frozenset())) is PurposeReason.AUTHORITY_UNKNOWN


def test_an_event_must_be_named_and_be_one_of_the_sources() -> None:
    assert ruled(operation="") is PurposeReason.OPERATION_MISSING
    bound = charter(operations=frozenset({"parade"}))
    assert ruled(bounds=bound) is PurposeReason.OPERATION_OUTSIDE
    assert ruled(bounds=bound, operation="parade") is PurposeReason.WITHIN


@pytest.mark.parametrize(
    ("lang", "reason"),
    [
        ("en-US", PurposeReason.WITHIN),
        ("EN", PurposeReason.WITHIN),
        ("", PurposeReason.WITHIN),
        ("de", PurposeReason.LANGUAGE_OUTSIDE),
    ],
)
def test_language_bounds(lang: str, reason: PurposeReason) -> None:
    assert ruled(Item("1", "x", lang=lang), charter(languages=frozenset({"en"}))) is reason


def test_date_bounds_use_the_posting_time_and_else_now() -> None:
    bound = charter(not_before=NOW - timedelta(days=2), not_after=NOW - timedelta(hours=1))
    early, late = NOW - timedelta(days=3), NOW
    assert ruled(Item("1", "x", at=early), bound) is PurposeReason.POSTED_TOO_EARLY
    assert ruled(Item("1", "x", at=late), bound) is PurposeReason.POSTED_TOO_LATE
    assert ruled(Item("1", "x"), bound) is PurposeReason.POSTED_TOO_LATE
    assert ruled(Item("1", "x", at=NOW - timedelta(days=1)), bound) is PurposeReason.WITHIN


def test_places_and_words_match_whole_words_in_text_or_title() -> None:
    bound = charter(places=("Union  Station", "Capitol"), keywords=("march",))
    assert ruled(Item("1", "We MARCH to the capitol!"), bound) is PurposeReason.WITHIN
    assert ruled(Item("1", "march", title="union station"), bound) is PurposeReason.WITHIN
    assert ruled(Item("1", "march on capitolism"), bound) is PurposeReason.PLACE_OUTSIDE
    assert ruled(Item("1", "marching to the Capitol"), bound) is PurposeReason.KEYWORD_OUTSIDE


def test_every_authority_serves_known_purposes_and_is_sound() -> None:
    for authority in AUTHORITIES.values():
        assert authority.purposes <= set(PURPOSES)
        assert charter_problems(Charter(authority.code, authority.purposes)) == ()


def test_charter_problems_are_all_told_at_once() -> None:
    bad = Charter(
        "public-tip",
        frozenset({"exercise", "curiosity"}),
        retention=timedelta(days=181),
        valid_from=NOW,
        valid_until=NOW,
    )
    assert [p.reason for p in charter_problems(bad)] == [
        PurposeReason.PURPOSE_UNKNOWN,
        PurposeReason.PURPOSE_NOT_ALLOWED,
        PurposeReason.RETENTION_TOO_LONG,
        PurposeReason.DATES_REVERSED,
    ]
    none = Charter("public-tip", frozenset(), retention=timedelta(0))
    assert [p.reason for p in charter_problems(none)] == [
        PurposeReason.NO_PURPOSE,
        PurposeReason.RETENTION_MISSING,
    ]
    assert charter_problems(Charter("none", frozenset()))[0].reason.value == "authority_unknown"


OK, EMPTY = Fetched(FeedState.OK, items=3), Fetched(FeedState.EMPTY)
SAME = Fetched(FeedState.NOT_MODIFIED)
DOWN = Fetched(FeedState.FAILED, FailReason.TIMED_OUT, Permanence.TEMPORARY, "No answer.")


def history(*outcomes: Fetched) -> list[Attempt]:
    """One attempt every ten minutes, the last one just now."""
    count = len(outcomes)
    return [
        Attempt(NOW - timedelta(minutes=10 * (count - 1 - i)), outcome)
        for i, outcome in enumerate(outcomes)
    ]


@pytest.mark.parametrize(
    ("outcomes", "health", "since_minutes"),
    [
        ([OK], Health.HEALTHY, 0),
        ([OK, OK, SAME], Health.HEALTHY, 20),
        ([SAME], Health.HEALTHY, 0),
        ([OK, EMPTY, EMPTY], Health.EMPTY, 10),
        ([EMPTY, SAME], Health.EMPTY, 10),
        ([OK, DOWN, DOWN], Health.FAILING, 10),
        ([DOWN, SAME, SAME], Health.FAILING, 20),
        ([DOWN, SAME, DOWN], Health.FAILING, 20),
        ([DOWN, EMPTY], Health.EMPTY, 0),
        ([DOWN, OK], Health.HEALTHY, 0),
    ],
)
def test_feed_health(outcomes: list[Fetched], health: Health, since_minutes: int) -> None:
    found = feed_health(history(*outcomes), NOW)
    assert found.health is health
    assert found.since == NOW - timedelta(minutes=since_minutes)
    assert found.plain


def test_failing_tells_why_and_how_often() -> None:
    found = feed_health(history(OK, DOWN, SAME, DOWN), NOW)
    assert (found.failures, found.reason) == (2, FailReason.TIMED_OUT)
    assert found.permanence is Permanence.TEMPORARY
    assert "2 times" in found.plain
    assert "No answer." in found.plain


def test_nobody_asked_is_stale_and_never_is_never() -> None:
    later = NOW + timedelta(minutes=61)
    assert feed_health(history(OK), later).health is Health.STALE
    assert feed_health(history(OK), later, stale_after=timedelta(hours=2)).health is Health.HEALTHY
    assert feed_health(history(DOWN), later).health is Health.FAILING
    assert feed_health([], NOW).health is Health.NEVER_FETCHED
