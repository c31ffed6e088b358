"""The command post's screen: what is open, who knows, who is there, who is saturated, and the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count

from tocsin.operate import rules, terms
from tocsin.operate.models import Absence, Answer, Hold, Incident, Question, Sighting
from tocsin.operate.store.knowing import musts
from tocsin.operate.store.log import Line, log
from tocsin.operate.store.posts import PostNow, colours, posts
from tocsin.operate.store.shared import of
from tocsin.operate.store.snapshots import said, sighting_words, texts
from tocsin.operate.terms import SATURATED
from tocsin.people.models import Operation
from tocsin.people.store import agency_names
from tocsin.people.terms import Actor
from tocsin.people.visibility import visible_to
from tocsin.plan.models import Carry, Channel, Gateway, Post

OPEN_CAP = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """An open sighting as the board shows it. `knows` of `must` seats that must know have acknowledged."""

    row: Sighting
    words: list[str]
    what: str
    knows: int
    must: int
    waiting: list[str]
    hold: Hold | None

    @property
    def informed(self) -> bool:
        return self.row.informed_version >= self.row.must_version


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that nobody has settled. `plan` = what the plan says to do."""

    row: Question
    words: str
    plan: str
    answers: list[str]


@dataclass(frozen=True, slots=True)
class Board:
    """Everything the screen shows, of one moment."""

    operation: Operation
    at: datetime
    sightings: list[Seen] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    questions: list[Asked] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    incidents: list[tuple[Incident, str]] = field(default_factory=list)
    posts: list[PostNow] = field(default_factory=list)
    load: list[tuple[str, int, bool]] = field(default_factory=list)
    comms: list[tuple[str, str, str]] = field(default_factory=list)
    log: list[Line] = field(default_factory=list)

    @property
    def worst(self) -> int:
        """The severity for which the screen may sound: the highest that not everybody knows of."""
        return max((s.row.severity for s in self.sightings if not s.informed), default=0)

    @property
    def colours(self) -> dict[str, int]:
        return colours(self.posts)


def board(actor: Actor, operation: Operation, now: datetime) -> Board:
    """The board of an operation, for an actor who takes part."""
    sightings = list(
        of(actor, Sighting, operation)
        .exclude(state="RESOLVED")
        .order_by("-severity", "-last_seen_at")[:OPEN_CAP]
    )
    holds = list(
        of(actor, Hold, operation).exclude(state="DECIDED").order_by("asked_at")[:OPEN_CAP]
    )
    incidents = list(
        of(actor, Incident, operation).filter(state="OPEN").order_by("-noted_at")[:OPEN_CAP]
    )
    absences = list(
        of(actor, Absence, operation)
        .exclude(state="ENDED")
        .order_by("state", "-found_at")[:OPEN_CAP]
    )
    kept = texts(i.words for i in incidents)
    return Board(
        operation,
        now,
        sightings=_seen(sightings, holds),
        holds=holds,
        questions=_questions(actor, operation),
        absences=absences,
        incidents=[(i, kept.get(i.words, "")) for i in incidents],
        posts=posts(actor, operation, now),
        load=_load(sightings, incidents),
        comms=_comms(actor, operation),
        log=log(actor, operation),
    )


def _seen(rows: list[Sighting], holds: list[Hold]) -> list[Seen]:
    ids = [s.id for s in rows]
    asked, words, receipts = {h.sighting: h for h in holds}, said(ids), musts(ids)
    waits = {
        s.id: sorted({r.seat for r in rules.unanswered(receipts.get(s.id, ()), s.must_version)})
        for s in rows
    }
    every = list(dict.fromkeys(seat for seats in waits.values() for seat in seats))
    called = dict(zip(every, seat_names(every), strict=True))
    found = []
    for s in rows:
        must = len({r.seat for r in receipts.get(s.id, ())})
        found.append(
            Seen(
                s,
                sighting_words(s.severity, s.aggravators),
                words.get(s.id, ""),
                must - len(waits[s.id]),
                must,
                [called[seat] for seat in waits[s.id]],
                asked.get(s.id),
            )
        )
    return found


def seat_names(seats: Iterable[str]) -> list[str]:
    """Seats in words: "partner, Metro police"; a post by its label."""
    from tocsin.people.terms import Role  # noqa: PLC0415

    wanted = list(seats)
    labels = dict(
        Post.objects.filter(id__in=[s[5:] for s in wanted if s.startswith("post:")]).values_list(
            "id", "label"
        )
    )
    shorts = agency_names()
    titles = {r.value: r.title for r in Role}
    found = []
    for seat in wanted:
        kind, _, rest = seat.partition(":")
        if kind == "role":
            agency, _, role = rest.partition(":")
            found.append(f"{titles.get(role, role)}, {shorts.get(agency, agency)}")
        else:
            found.append(labels.get(rest, "detail leader"))
    return found


def _questions(actor: Actor, operation: Operation) -> list[Asked]:
    rows = list(
        of(actor, Question, operation).exclude(state="ANSWERED").order_by("-asked_at")[:OPEN_CAP]
    )
    kept = texts([q.words for q in rows] + [q.plan for q in rows])
    given: dict[str, list[str]] = {}
    for a in Answer.objects.filter(question__in=[q.id for q in rows]).order_by("at"):
        given.setdefault(a.question, []).append(terms.Whose(a.whose).words)
    return [
        Asked(q, kept.get(q.words, ""), kept.get(q.plan, ""), given.get(q.id, [])) for q in rows
    ]


def _load(sightings: list[Sighting], incidents: list[Incident]) -> list[tuple[str, int, bool]]:
    """Open things in each agency's hands: (short name, how many, whether that is too many), the fullest first."""
    count = Counter([s.by_agency for s in sightings] + [i.by_agency for i in incidents])
    shorts = agency_names()
    return [(shorts.get(a, a), n, n >= SATURATED) for a, n in count.most_common() if a]


def _comms(actor: Actor, operation: Operation) -> list[tuple[str, str, str]]:
    """Each channel: (label, colour, words); a gateway that is down by itself."""
    rows = visible_to(actor, Channel.objects.filter(operation=operation.id, state="LIVE")).order_by(
        "label"
    )
    states = Carry.objects.filter(operation=operation.id).exclude(state="REMOVED")
    count: dict[str, Counter[str]] = {}
    for channel, state, n in states.values_list("channel", "state").annotate(n=Count("id")):
        count.setdefault(channel, Counter())[state] += n
    found = []
    for c in rows[:OPEN_CAP]:
        held = count.get(c.id, Counter())
        tested, every = held["TESTED"], sum(held.values())
        colour = "green" if every and tested == every else "amber" if tested else "red"
        found.append((c.label, colour, f"{tested} of {every} tested"))
    down = visible_to(actor, Gateway.objects.filter(operation=operation.id, state="DOWN"))
    return [(g.label, "red", "gateway down") for g in down[:OPEN_CAP]] + found
