"""The report as a paper: the same blocks as a web page, as a PDF and as plain text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from statistics import median

from tocsin.formats.papers.paper import Block, Fact, Moment, Paper, Steps, Table, Timeline, Words
from tocsin.oversee.after.proposing import proposals
from tocsin.oversee.after.terms import After, Hop
from tocsin.oversee.terms import TOPICS

_NEVER = "never"


def paper(a: After, zone: tzinfo) -> Paper:
    """The report, its times in `zone`."""
    never = len({(n, seat) for n, _, seat in a.never})
    count = "Once" if never == 1 else f"{never} times"
    standing = f"{count}, somebody who had to know never said that they did." if never else ""
    return Paper(
        number=a.operation,
        kind="After-action report",
        title=a.name,
        marking="TLP:AMBER",
        issuer=a.lead,
        at=a.made_at,
        standing=standing,
        facts=tuple(_facts(a, zone)),
        blocks=tuple(_blocks(a, zone)),
    )


def _facts(a: After, zone: tzinfo) -> Iterator[Fact]:
    if a.place:
        yield Fact("Place", a.place)
    yield Fact("Began", _time(a.starts_at, zone))
    yield Fact("Ended" if a.over else "Ends", _time(a.ends_at, zone))
    yield Fact("Made from the record", _time(a.made_at, zone))


def _blocks(a: After, zone: tzinfo) -> Iterator[Block]:
    yield _went(a, zone)
    for w in a.went[-1:]:
        if w.reds:
            reds = tuple((r.words, r.owner) for r in w.reds)
            yield Table("What was red when it was decided", ("What", "Whose"), reds)
    yield _latencies(a.hops)
    if a.never:
        silent = tuple((f"{n}", added, seat) for n, added, seat in a.never)
        yield Table(
            "Who had to know and never said so", ("Sighting", "What was new", "Who"), silent
        )
    elif a.hops:
        yield Words(
            "Who had to know and never said so", ("Nobody: everyone acknowledged everything.",)
        )
    if a.holds:
        holds = tuple(
            (
                _time(h.asked_at, zone),
                str(h.sighting),
                h.why,
                f"{h.decision}, {h.who}" if h.decision else "not answered",
                _seconds(h.answer_s),
            )
            for h in a.holds
        )
        columns = ("Asked", "No.", "Why", "Answer", "After")
        yield Table("Hold, go on or move?", columns, holds)
    if a.questions:
        asked = tuple(
            (_time(q.at, zone), q.place, q.register, _seconds(q.answer_s)) for q in a.questions
        )
        yield Table(
            "Whose is that?",
            ("Asked", "Where", "The register said", "A person answered after"),
            asked,
        )
    if a.absences:
        gone = tuple(
            (_time(m.at, zone), m.label, m.what, _seconds(m.covered_s)) for m in a.absences
        )
        yield Table("What was missing", ("Found", "What", "How", "Made up for after"), gone)
    found = proposals(a)
    if found:
        items = tuple(f"{p.title} ({TOPICS[p.topic].title.lower()}). {p.text}" for p in found)
        yield Steps("Proposed findings", items)
    if a.timeline:
        yield Timeline("Timeline", tuple(_moments(a, zone)))
    if a.cut_short:
        yield Words(
            "", ("The timeline holds the newest lines only; the record holds all of them.",)
        )


def _went(a: After, zone: tzinfo) -> Words:
    if not a.went:
        return Words("Going ahead", ("Nobody decided, by name, whether to go.",), boxed=True)
    said = (
        f"{_time(w.at, zone)}: {w.who} decided {'to go' if w.go else 'not to go'} "
        f"with {len(w.reds)} things red. “{w.reason}”"
        for w in a.went
    )
    return Words("Going ahead", tuple(said))


def _latencies(hops: Iterable[Hop]) -> Block:
    """For each raise: how long until half, and until all, of those who must know had it."""
    by: dict[tuple[int, int, str], list[Hop]] = defaultdict(list)
    for h in hops:
        if h.must:
            by[h.sighting, h.version, h.added].append(h)
    rows = []
    for (number, version, added), each in sorted(by.items()):
        done = sorted(h.acknowledged for h in each if h.acknowledged is not None)
        slowest = max(
            (h for h in each if h.acknowledged is not None),
            key=lambda h: h.acknowledged or 0,
            default=None,
        )
        every = len(done) == len(each)
        rows.append(
            (
                f"{number}, version {version}",
                added,
                f"{len(done)} of {len(each)}",
                _seconds(round(median(done)) if done else None),
                _seconds(done[-1]) if every and done else _NEVER,
                slowest.seat if slowest else "",
                str(sum(h.tries - 1 for h in each)),
            )
        )
    if not rows:
        return Words("From sighting to those who must know", ("Nothing was reported.",))
    columns = (
        "Sighting",
        "What was new",
        "Acknowledged",
        "Half after",
        "All after",
        "Slowest",
        "Told again",
    )
    return Table("From sighting to those who must know", columns, tuple(rows))


def _moments(a: After, zone: tzinfo) -> Iterator[Moment]:
    for line in a.timeline:
        late = f" (recorded {line.late_s} s after it happened)" if line.late_s > 1 else ""
        who = f"{line.who}: " if line.who else ""
        yield Moment(_time(line.at, zone), f"{who}{line.words}{late}")


def _seconds(value: int | None) -> str:
    if value is None:
        return _NEVER
    return f"{value} s" if value < 120 else f"{value // 60} min {value % 60} s"


def _time(at: datetime, zone: tzinfo) -> str:
    there = at.astimezone(zone)
    return f"{there.day} {there:%b %Y, %H:%M:%S}"
