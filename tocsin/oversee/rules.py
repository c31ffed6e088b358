"""Decisions of oversight, pure: what bears on what, who may approve, which waits are worth a mark."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.oversee.terms import EVERY_OPERATION, EXEMPTIONS, Bears, ReleaseState, Verb

WAIT_FROM = timedelta(minutes=5)
"""A shorter wait is not marked on a timeline."""
_WAITS: tuple[tuple[Verb, tuple[Verb, ...]], ...] = (
    (Verb.SENT, (Verb.DELIVERED, Verb.OPENED, Verb.ACKNOWLEDGED)),
    (Verb.DELIVERED, (Verb.OPENED, Verb.ACKNOWLEDGED)),
    (Verb.OPENED, (Verb.ACKNOWLEDGED,)),
    (Verb.CREATED, (Verb.SAW, Verb.DECIDED)),
    (Verb.SUBMITTED, (Verb.DECIDED, Verb.HELD)),
    (Verb.HELD, (Verb.DECIDED, Verb.CHANGED)),
    (Verb.ASKED, (Verb.ANSWERED,)),
)


@dataclass(frozen=True, slots=True)
class Event:
    """One point of a timeline, as the rules see it. `line` = whose ladder it is (a destination, or the subject)."""

    line: str
    verb: Verb
    at: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """How long one thing took to follow another. `until` None = it has not happened yet."""

    line: str
    begin: Verb
    since: datetime
    end: Verb
    until: datetime | None

    def lasted(self, now: datetime) -> timedelta:
        return (self.until or now) - self.since


def waits(events: Iterable[Event], now: datetime, least: timedelta = WAIT_FROM) -> list[Wait]:
    """The waits of `least` or longer, in order: each line's first begin to the first end after it.

    A step that was skipped (no "delivered" between sent and opened) counts to the one that came instead. A wait
    without an end is told only where nothing of its line answered it, once for each line.
    """
    lines: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda e: e.at):
        lines.setdefault(event.line, []).append(event)
    found: list[Wait] = []
    for line, own in lines.items():
        open_: Wait | None = None
        for begin, ends in _WAITS:
            first = next((e for e in own if e.verb is begin), None)
            if first is None:
                continue
            end = next((e for e in own if e.verb in ends and e.at >= first.at), None)
            wait = Wait(
                line, begin, first.at, end.verb if end else ends[0], end.at if end else None
            )
            if wait.lasted(now) < least:
                continue
            if wait.until is None:
                open_ = wait  # the last step reached is the one that waits
            else:
                found.append(wait)
        if open_ is not None:
            found.append(open_)
    return sorted(found, key=lambda w: (w.since, w.line))


def words_of(text: str) -> list[str]:
    """The words of a text as the gate compares them: compatibility forms folded, case and marks dropped."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u00ad", "")
    return re.findall(r"[^\W_]+", folded)


def squeezed(text: str) -> str:
    """A text without anything but letters and digits, so that a line's end, a hyphen or a kerned gap hides nothing."""
    return "".join(words_of(text))


SHORT = 6
"""Letters and digits below which a withheld stretch is only sought as whole words: "at" is in every text."""


def leaks(withheld: str, found: str) -> bool:
    """Whether words that were withheld can be read in a text, also where a line's end splits them."""
    wanted = words_of(withheld)
    if not wanted:
        return False
    if len("".join(wanted)) >= SHORT and "".join(wanted) in squeezed(found):
        return True
    return f" {' '.join(wanted)} " in f" {' '.join(words_of(found))} "


def occurrences(text: str, words: str) -> list[tuple[int, int]]:
    """Every stretch of `text` that says `words`, whatever the spaces and case between: [(start, end)]."""
    parts = [re.escape(p) for p in words.split()]
    if not parts:
        return []
    pattern = r"\s+".join(parts)
    left = r"(?<!\w)" if words.split(maxsplit=1)[0][:1].isalnum() else ""
    right = r"(?!\w)" if words.rsplit(maxsplit=1)[-1][-1:].isalnum() else ""
    return [m.span() for m in re.finditer(left + pattern + right, text, re.IGNORECASE)]


def check_ground(exemption: str, statute: str, harm: str) -> None:
    """A span is withheld on a ground, and with the harm that is foreseen. Raises: Invalid naming the field."""
    ground = EXEMPTIONS.get(exemption)
    if ground is None:
        raise Invalid(
            f"there is no exemption {exemption!r}",
            field="exemption",
            cure="Choose one of the list.",
        )
    if ground.needs_statute and len(statute.strip()) < 4:
        raise Invalid(
            "(b)(3) only works by naming the statute that forbids it",
            field="statute",
            cure="For example: 18 U.S.C. 2510-20.",
        )
    if len(harm.strip()) < 10:
        raise Invalid(
            "say what harm would follow from disclosing it",
            field="harm",
            cure="A sentence is enough: the FOIA Improvement Act asks for foreseeable harm.",
        )


def check_approver(
    state: str, person: str, writers: Collection[str], version: int, seen: int
) -> None:
    """A release is approved, or sent back, by somebody who wrote nothing of it. Raises: Conflict, Forbidden."""
    if state != ReleaseState.PROPOSED:
        raise Conflict("it does not wait for a second person", cure="Reload the page.")
    if version != seen:
        raise Conflict("it was changed since you opened it", cure="Read it again, then decide.")
    if person in writers:
        raise Forbidden(
            "a second person approves: you prepared or marked this release",
            cure="Ask another privacy officer or inspector of your agency.",
        )


def merged(spans: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, tuple[str, ...]]]:
    """Spans (start, end, exemption) with overlaps and neighbours joined: [(start, end, exemptions in order)]."""
    out: list[tuple[int, int, tuple[str, ...]]] = []
    for start, end, code in sorted(spans):
        if out and start <= out[-1][1]:
            a, b, codes = out[-1]
            out[-1] = (a, max(b, end), codes if code in codes else (*codes, code))
        else:
            out.append((start, end, (code,)))
    return out


def bears_on(
    *,
    topic: str,
    venue: str,
    owner: str,
    agencies: Collection[str],
    place: str,
    members: Collection[str],
) -> Bears | None:
    """Why a finding bears on an operation at `place` with `members` taking part; None where it does not."""
    if venue and set(words_of(venue)) and set(words_of(venue)) <= set(words_of(place)):
        return Bears.VENUE
    if topic in EVERY_OPERATION or not venue:
        if owner in members:
            return Bears.OWNER
        if set(agencies) & set(members):
            return Bears.AGENCY
        if not agencies and not venue and topic in EVERY_OPERATION:
            return Bears.GENERAL
    return None


def days_held(holds: Iterable[Mapping[str, Any]], now: datetime) -> dict[str, int]:
    """Whole days a inquiry was held, by the person who held it: [{"by", "at", "lifted_at"}]."""
    out: dict[str, timedelta] = {}
    for hold in holds:
        began = datetime.fromisoformat(str(hold["at"]))
        ended = datetime.fromisoformat(str(hold["lifted_at"])) if hold["lifted_at"] else now
        who = str(hold["by"])
        out[who] = out.get(who, timedelta()) + (ended - began)
    return {who: int(total.total_seconds() // 86_400) for who, total in out.items()}
