"""What a report proposes to mend: pure, from what happened. A person files a proposal, or does not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tocsin.oversee.after.terms import After

SLOW_S = 60
"""A seat that must know and needed longer than this is worth asking about."""
_TOPICS = {
    "position": "terrain",
    "building": "terrain",
    "untested_pair": "radio",
    "untested_posts": "radio",
    "untested_radio": "radio",
    "uncollected_radio": "radio",
    "no_channel": "radio",
    "gateway": "radio",
    "relay_without_radio": "radio",
    "second_command_post": "command",
    "missing_seat": "command",
    "no_room": "command",
    "coverage": "sweeps",
    "zone": "sweeps",
    "absence": "sensors",
    "unfilled_post": "posts",
    "lapsed_qualification": "staffing",
    "citation": "warning",
    "way": "warning",
    "must_know": "warning",
}
_TITLES = {
    "terrain": "Positions in sight of the protected person that nobody had accepted",
    "radio": "Radios not collected or not tested before it began",
    "command": "Agencies that did not sit in one room",
    "sweeps": "Ground within standoff that nobody swept",
    "sensors": "Equipment out of order with nothing in its place",
    "posts": "Posts left or never filled",
    "staffing": "People whose qualification did not last",
    "warning": "People who must know and could not be reached",
    "other": "Other things that were red when it began",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something to put right. `key` stays the same each time the report is made; `text` says what it rests on."""

    key: str
    topic: str
    title: str
    text: str


def proposals(a: After) -> tuple[Proposal, ...]:
    """What to mend, the gravest first: who never knew, who was not asked, what was red, what went missing."""
    return (
        *_never(a),
        *_slow(a),
        *_holds(a),
        *_reds(a),
        *_uncovered(a),
        *_missing(a),
        *_questions(a),
    )


def _never(a: After) -> Iterator[Proposal]:
    if not a.never:
        return
    by: dict[str, list[str]] = defaultdict(list)
    for number, added, seat in a.never:
        by[seat].append(f"sighting {number} ({added})")
    text = "; ".join(f"{seat}: {', '.join(things)}" for seat, things in sorted(by.items()))
    yield Proposal(
        "never", "warning", "Some who must know never acknowledged", f"Never acknowledged: {text}."
    )


def _slow(a: After) -> Iterator[Proposal]:
    slow = [h for h in a.hops if h.must and h.acknowledged is not None and h.acknowledged > SLOW_S]
    if not slow:
        return
    worst = sorted(slow, key=lambda h: -(h.acknowledged or 0))[:5]
    text = "; ".join(
        f"{h.seat}, sighting {h.sighting} version {h.version}: {h.acknowledged} s" for h in worst
    )
    title = f"Acknowledgements that took longer than {SLOW_S} seconds"
    yield Proposal("slow", "warning", title, f"{len(slow)} of them. The longest: {text}.")


def _holds(a: After) -> Iterator[Proposal]:
    late = [h for h in a.holds if h.unanswered or h.answer_s is None]
    if late:
        text = "; ".join(f"sighting {h.sighting}: {h.why}" for h in late)
        title = "Whether to hold was asked and not answered in time"
        yield Proposal(
            "holds", "command", title, f"{len(late)} of {len(a.holds)} questions. {text}."
        )


def _reds(a: After) -> Iterator[Proposal]:
    gone = [w for w in a.went if w.go]
    if not gone:
        if not a.went and a.made_at >= a.starts_at:
            title = "Nobody decided, by name, to go ahead"
            yield Proposal(
                "went",
                "command",
                title,
                "No go / no-go decision is on the record of this operation.",
            )
        return
    by: dict[str, list[str]] = defaultdict(list)
    for red in gone[-1].reds:
        by[_TOPICS.get(red.kind, "other")].append(red.words)
    for topic, words in by.items():
        text = f"Red when {gone[-1].who} decided to go: {' '.join(words)}"
        yield Proposal(f"red-{topic}", topic, _TITLES[topic], text)


def _uncovered(a: After) -> Iterator[Proposal]:
    if a.uncovered:
        yield Proposal(
            "uncovered",
            "sweeps",
            _TITLES["sweeps"],
            f"At the last reckoning: {'; '.join(a.uncovered)}.",
        )


def _missing(a: After) -> Iterator[Proposal]:
    for kinds, topic in ((("VACATED", "MISSED"), "posts"), (("DOWN", "BATTERY"), "sensors")):
        rows = [m for m in a.absences if m.kind in kinds]
        if rows:
            bare = sum(m.covered_s is None for m in rows)
            text = "; ".join(f"{m.label} ({m.agency}): {m.what}" for m in rows[:8])
            times = "Once" if len(rows) == 1 else f"{len(rows)} times"
            said = f"{times}; nothing in its place: {bare}. {text}."
            yield Proposal(f"absent-{topic}", topic, _TITLES[topic], said)


def _questions(a: After) -> Iterator[Proposal]:
    silent = [q for q in a.questions if q.answer_s is None]
    if silent:
        text = "; ".join(q.place or "a place on the map" for q in silent)
        yield Proposal(
            "questions",
            "command",
            "“Whose is that?” was asked and no person answered",
            f"At: {text}.",
        )
