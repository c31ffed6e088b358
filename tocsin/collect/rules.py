"""Decisions of collecting, pure: which report an item is, whether it may come in, feed health.

`now` is always passed in; every answer is a named reason with words for the screen.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from tocsin.collect.addresses import canonical_url
from tocsin.collect.terms import (
    AUTHORITIES,
    PURPOSES,
    Attempt,
    Authority,
    Charter,
    FeedHealth,
    FeedState,
    Health,
    Item,
    PurposeReason,
    RevisionReason,
    Ruling,
    Scope,
)

_SPACES = re.compile(r"\s+")


def identity(item: Item) -> str:
    """Name the report an item belongs to, the same across edits and tracking parameters.

    The source's own key comes first, because several items may point at one page; a key that is
    an address is cleaned like one. Without a key, the canonical address; without either, author,
    time and text, in which case an edit is a new report. Unique within one source. 64 hex digits.
    """
    if item.key:
        key = canonical_url(item.key) if "://" in item.key else item.key
        return _digest("key", key)
    if item.url:
        return _digest("url", canonical_url(item.url))
    posted = item.at.isoformat() if item.at else ""
    return _digest("text", item.author, posted, _squeezed(item.title), _squeezed(item.text))


def content_hash(item: Item) -> str:
    """Tell an edited post from an unchanged one: hash of title and text, spacing aside.

    Same identity with another content hash is a new version of the same report. 64 hex digits.
    """
    return _digest("content", _squeezed(item.title), _squeezed(item.text))


def _squeezed(text: str) -> str:
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()


def _digest(*parts: str) -> str:
    """Hash parts with their lengths, so that no two lists of parts run together."""
    hashed = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        hashed.update(b"%d:" % len(data) + data)
    return hashed.hexdigest()


def within_purpose(
    item: Item, charter: Charter, *, purpose: str, operation: str = "", now: datetime
) -> Ruling:
    """Decide whether an item may be collected from its source for this purpose, now.

    Checked in order: the authority and its dates, the purpose, the operation, then the scope:
    language, date posted (`now` where the source gives none), places, keywords. An unknown
    language is let through: it is not outside, and screening settles it.
    """
    return (
        _authority_ruling(charter, now)
        or _purpose_ruling(charter, purpose, operation)
        or _scope_ruling(item, charter.scope, now)
        or Ruling(PurposeReason.WITHIN)
    )


def in_order(charter: Charter, *, purpose: str, operation: str = "", now: datetime) -> Ruling:
    """Decide whether a source may be read at all: its authority, dates, purpose and operation."""
    return (
        _authority_ruling(charter, now)
        or _purpose_ruling(charter, purpose, operation)
        or Ruling(PurposeReason.WITHIN)
    )


def _authority_ruling(charter: Charter, now: datetime) -> Ruling | None:
    if charter.authority not in AUTHORITIES:
        return _unknown_authority(charter)
    if charter.valid_from and now < charter.valid_from:
        return Ruling(
            PurposeReason.AUTHORITY_NOT_YET,
            "valid_from",
            f"The authority for this source starts on {charter.valid_from:%d %b %Y %H:%M} UTC.",
            "Wait until then, or correct the start date.",
        )
    if charter.valid_until and now >= charter.valid_until:
        return Ruling(
            PurposeReason.AUTHORITY_EXPIRED,
            "valid_until",
            f"The authority for this source ended on {charter.valid_until:%d %b %Y %H:%M} UTC.",
            "Have the authority renewed, then try again.",
        )
    return None


def _unknown_authority(charter: Charter) -> Ruling:
    return Ruling(
        PurposeReason.AUTHORITY_UNKNOWN,
        "authority",
        f"There is no authority called {charter.authority!r}.",
        f"Choose one of: {', '.join(AUTHORITIES)}.",
    )


def _purpose_ruling(charter: Charter, purpose: str, operation: str) -> Ruling | None:
    if purpose not in PURPOSES:
        return _unknown_purpose(purpose)
    if purpose not in charter.purposes:
        return Ruling(
            PurposeReason.PURPOSE_NOT_IN_CHARTER,
            "purpose",
            f"This source may not be used to: {PURPOSES[purpose].plain.lower()}.",
            "Use a source meant for it, or have the source's purposes widened.",
        )
    authority = AUTHORITIES[charter.authority]
    if purpose not in authority.purposes:
        return _not_allowed(authority, purpose)
    if purpose == "protect-event" and not operation:
        return Ruling(
            PurposeReason.OPERATION_MISSING,
            "operation",
            "Collecting to protect an event needs the event named.",
            "Name the operation this is collected for.",
        )
    allowed = charter.scope.operations
    if allowed and operation not in allowed:
        return Ruling(
            PurposeReason.OPERATION_OUTSIDE,
            "operation",
            f"This source is limited to: {', '.join(sorted(allowed))}.",
            "Use it for one of those operations, or have its limits widened.",
        )
    return None


def _unknown_purpose(purpose: str) -> Ruling:
    return Ruling(
        PurposeReason.PURPOSE_UNKNOWN,
        "purpose",
        f"There is no purpose called {purpose!r}.",
        f"Choose one of: {', '.join(PURPOSES)}.",
    )


def _not_allowed(authority: Authority, purpose: str) -> Ruling:
    return Ruling(
        PurposeReason.PURPOSE_NOT_ALLOWED,
        "purpose",
        f"The authority {authority.code!r} does not cover: {PURPOSES[purpose].plain.lower()}.",
        f"It covers: {', '.join(sorted(authority.purposes))}. Choose another authority.",
    )


def _scope_ruling(item: Item, scope: Scope, now: datetime) -> Ruling | None:
    language = item.lang.replace("_", "-").split("-")[0].lower()
    if scope.languages and language and language not in scope.languages:
        return Ruling(
            PurposeReason.LANGUAGE_OUTSIDE,
            "lang",
            f"The language {item.lang!r} is outside this source's limits.",
            f"It takes: {', '.join(sorted(scope.languages))}.",
        )
    posted = item.at or now
    if scope.not_before and posted < scope.not_before:
        return Ruling(
            PurposeReason.POSTED_TOO_EARLY,
            "at",
            f"Posted before {scope.not_before:%d %b %Y %H:%M} UTC, the first moment covered.",
            "Nothing to do, unless the source's dates are wrong.",
        )
    if scope.not_after and posted > scope.not_after:
        return Ruling(
            PurposeReason.POSTED_TOO_LATE,
            "at",
            f"Posted after {scope.not_after:%d %b %Y %H:%M} UTC, the last moment covered.",
            "Nothing to do, unless the source's dates are wrong.",
        )
    return _words_ruling(item, scope)


def _words_ruling(item: Item, scope: Scope) -> Ruling | None:
    if scope.places and not _mentions(item, scope.places):
        return Ruling(
            PurposeReason.PLACE_OUTSIDE,
            "text",
            "It names none of the places this source is limited to.",
            "Nothing to do, unless the source's places are wrong.",
        )
    if scope.keywords and not _mentions(item, scope.keywords):
        return Ruling(
            PurposeReason.KEYWORD_OUTSIDE,
            "text",
            "It has none of the words this source is limited to.",
            "Nothing to do, unless the source's words are wrong.",
        )
    return None


def _mentions(item: Item, phrases: tuple[str, ...]) -> bool:
    return bool(_any_of(phrases).search(f"{item.title}\n{item.text}".casefold()))


@lru_cache(maxsize=256)
def _any_of(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Whole words only, with any spacing between them."""
    spelt = (r"\s+".join(map(re.escape, phrase.casefold().split())) for phrase in phrases)
    return re.compile(rf"(?<!\w)(?:{'|'.join(filter(None, spelt))})(?!\w)")


def charter_problems(charter: Charter) -> tuple[Ruling, ...]:
    """List everything that makes a charter unsound, so that a source is refused at the start."""
    authority = AUTHORITIES.get(charter.authority)
    if authority is None:
        return (_unknown_authority(charter),)
    found: list[Ruling] = []
    if not charter.purposes:
        found.append(
            Ruling(
                PurposeReason.NO_PURPOSE,
                "purposes",
                "A source needs at least one purpose.",
                f"Choose from: {', '.join(sorted(authority.purposes))}.",
            )
        )
    for purpose in sorted(charter.purposes):
        if purpose not in PURPOSES:
            found.append(_unknown_purpose(purpose))
        elif purpose not in authority.purposes:
            found.append(_not_allowed(authority, purpose))
    found.extend(_retention_problems(charter, authority))
    found.extend(_date_problems(charter))
    return tuple(found)


def _retention_problems(charter: Charter, authority: Authority) -> list[Ruling]:
    cure = f"Choose between 1 and {authority.longest_retention.days} days."
    if charter.retention <= timedelta(0):
        plain = "What is collected must have a time after which it is decided on."
        return [Ruling(PurposeReason.RETENTION_MISSING, "retention", plain, cure)]
    if charter.retention > authority.longest_retention:
        plain = f"{charter.retention.days} days is longer than this authority allows."
        return [Ruling(PurposeReason.RETENTION_TOO_LONG, "retention", plain, cure)]
    return []


def _date_problems(charter: Charter) -> list[Ruling]:
    pairs = (
        ("valid_until", charter.valid_from, charter.valid_until),
        ("scope.not_after", charter.scope.not_before, charter.scope.not_after),
    )
    return [
        Ruling(
            PurposeReason.DATES_REVERSED,
            field,
            "The end comes before the start.",
            "Put the dates in order.",
        )
        for field, start, end in pairs
        if start and end and end <= start
    ]


def feed_health(
    history: Sequence[Attempt], now: datetime, *, stale_after: timedelta = timedelta(hours=1)
) -> FeedHealth:
    """Judge a source from its past attempts, oldest first.

    A failure lasts until an attempt is *read* (ok or empty): "not modified" comes from a cache
    and proves nothing, so it never heals one. An empty feed is not a failed feed. A source that
    nobody has asked for longer than `stale_after` is stale, whatever it said last, unless failing.
    """
    if not history:
        return FeedHealth(Health.NEVER_FETCHED, None, "Nobody has fetched it yet.")
    failures: list[Attempt] = []
    read: list[Attempt] = []
    for attempt in history:
        state = attempt.outcome.state
        if state is FeedState.FAILED:
            failures.append(attempt)
        elif state is not FeedState.NOT_MODIFIED:
            failures.clear()
            read.append(attempt)
    if failures:
        return _failing(failures)
    last = history[-1].at
    if now - last > stale_after:
        return FeedHealth(Health.STALE, last, f"Not fetched since {last:%d %b %H:%M} UTC.")
    if read and read[-1].outcome.state is FeedState.EMPTY:
        since = _start_of_run(read)
        plain = f"Answers, but has held nothing new since {since:%d %b %H:%M} UTC."
        return FeedHealth(Health.EMPTY, since, plain)
    since = _start_of_run(read) if read else history[0].at
    return FeedHealth(Health.HEALTHY, since, f"Last fetched {last:%d %b %H:%M} UTC.")


def _failing(failures: Sequence[Attempt]) -> FeedHealth:
    since, latest = failures[0].at, failures[-1].outcome
    times = "once" if len(failures) == 1 else f"{len(failures)} times"
    return FeedHealth(
        Health.FAILING,
        since,
        f"Failing since {since:%d %b %H:%M} UTC ({times}): {latest.note}".rstrip(": "),
        latest.reason,
        latest.permanence,
        len(failures),
    )


def _start_of_run(read: Sequence[Attempt]) -> datetime:
    """When the current run of equal states began."""
    start = read[-1]
    for attempt in reversed(read):
        if attempt.outcome.state is not start.outcome.state:
            break
        start = attempt
    return start.at


SCOPE_REASONS = frozenset(
    {
        PurposeReason.LANGUAGE_OUTSIDE,
        PurposeReason.POSTED_TOO_EARLY,
        PurposeReason.POSTED_TOO_LATE,
        PurposeReason.PLACE_OUTSIDE,
        PurposeReason.KEYWORD_OUTSIDE,
    }
)
"""Reasons that say the item is none of ours: it is counted and let go. The other reasons say that our own papers
are not in order: the item is kept sealed until somebody decides."""


def named_operation(text: str, keywords: Mapping[str, Sequence[str]]) -> str:
    """The first of the operations (id -> its words) that a text names, or ''. Whole words, any case."""
    folded = text.casefold()
    for operation, words in keywords.items():
        if words and _any_of(tuple(words)).search(folded):
            return operation
    return ""


def revision(
    before_rank: int,
    before_categories: Iterable[str],
    *,
    was_flagged: bool,
    after_rank: int | None,
    after_categories: Iterable[str] = (),
) -> RevisionReason:
    """What an edit changed. Ranks are those of precedence, 0 = ROUTINE; `after_rank` None = no longer flagged.

    A decision stands as long as the flag does: an edit that only rewords must not fill the queue again, and an edit
    that adds a reason to look must not hide behind a decision taken before it.
    """
    if after_rank is None:
        return RevisionReason.NO_LONGER
    if not was_flagged:
        return RevisionReason.FLAGGED_AGAIN
    if set(after_categories) - set(before_categories):
        return RevisionReason.NEW_SIGN
    return RevisionReason.MORE_URGENT if after_rank > before_rank else RevisionReason.SAME_FLAG
