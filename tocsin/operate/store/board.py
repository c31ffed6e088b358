"""The command post's screen: what is open, who knows, who is there, who is saturated, and the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, QuerySet

from tocsin.operate import rules, terms
from tocsin.operate.models import (
    Absence,
    Answer,
    Hold,
    Incident,
    Question,
    Receipt,
    Sighting,
    Update,
)
from tocsin.operate.store.knowing import as_rule
from tocsin.operate.store.snapshots import said, sighting_words, texts
from tocsin.operate.terms import CHECK_IN_EVERY, SATURATED
from tocsin.people.models import Operation
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor
from tocsin.people.visibility import visible_to
from tocsin.plan.models import Assignment, Carry, Channel, Gateway, Post
from tocsin.plan.store.staffing import standing

OPEN_CAP = 50
LOG_CAP = 60


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
class PostNow:
    """A post: green = somebody is there and was heard; amber = not heard yet, or for long; red = nobody is."""

    row: Post
    colour: str
    why: str
    person: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log."""

    at: datetime
    who: str
    words: str
    url: str = ""
    late_s: int = 0


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
        return Counter(p.colour for p in self.posts)


def board(actor: Actor, operation: Operation, now: datetime) -> Board:
    """The board of an operation, for an actor who takes part."""
    sightings = list(
        _of(actor, Sighting.objects.all(), operation)
        .exclude(state="RESOLVED")
        .order_by("-severity", "-last_seen_at")[:OPEN_CAP]
    )
    holds = list(
        _of(actor, Hold.objects.all(), operation)
        .exclude(state="DECIDED")
        .order_by("asked_at")[:OPEN_CAP]
    )
    incidents = list(
        _of(actor, Incident.objects.all(), operation)
        .filter(state="OPEN")
        .order_by("-noted_at")[:OPEN_CAP]
    )
    absences = list(
        _of(actor, Absence.objects.all(), operation)
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


def posts(actor: Actor, operation: Operation, now: datetime) -> list[PostNow]:
    """Every post with its colour, red first."""
    rows = list(
        visible_to(
            actor, Post.objects.filter(operation=operation.id, state="LIVE", until_at__gt=now)
        )
    )
    here: dict[str, Assignment] = {}
    for a in standing(operation.id, now):
        before = here.get(a.post)
        if before is None or before.vacated_at is not None or a.checked_in_at is not None:
            here[a.post] = a
    known = names({a.person for a in here.values()})
    found = [_post(p, here.get(p.id), known, now) for p in rows]
    order = {"red": 0, "amber": 1, "green": 2, "later": 3}
    return sorted(found, key=lambda p: (order[p.colour], p.row.label))


def _post(p: Post, a: Assignment | None, known: dict[str, str], now: datetime) -> PostNow:
    if p.from_at > now:
        return PostNow(p, "later", "not yet", "")
    if a is None:
        return PostNow(p, "red", "nobody is assigned", "")
    person = known.get(a.person, a.person)
    if a.vacated_at is not None:
        return PostNow(p, "red", "left", person)
    if a.checked_in_at is None:
        return PostNow(p, "amber", "not checked in", person)
    if now - a.checked_in_at > CHECK_IN_EVERY:
        return PostNow(p, "amber", "not heard for long", person)
    return PostNow(p, "green", "there", person)


def _seen(rows: list[Sighting], holds: list[Hold]) -> list[Seen]:
    receipts: dict[str, list[rules.Receipt]] = {}
    for r in Receipt.objects.filter(sighting__in=[s.id for s in rows], must=True):
        receipts.setdefault(r.sighting, []).append(as_rule(r))
    asked, words = {h.sighting: h for h in holds}, said(s.id for s in rows)
    found = []
    for s in rows:
        musts = receipts.get(s.id, [])
        seats = {r.seat for r in musts}
        waiting = {r.seat for r in rules.unanswered(musts, s.must_version)}
        found.append(
            Seen(
                s,
                sighting_words(s.severity, s.aggravators),
                words.get(s.id, ""),
                len(seats) - len(waiting),
                len(seats),
                seat_names(sorted(waiting)),
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
        _of(actor, Question.objects.all(), operation)
        .exclude(state="ANSWERED")
        .order_by("-asked_at")[:OPEN_CAP]
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


_CHANGES = {
    terms.SIGHTING_REPORTED: "reported",
    terms.SIGHTING_UPDATED: "added to",
    terms.SIGHTING_LOWERED: "LOWERED",
    terms.SIGHTING_LOST: "lost",
    terms.SIGHTING_RESOLVED: "over",
}


def log(actor: Actor, operation: Operation, limit: int = LOG_CAP) -> list[Line]:
    """What happened, newest first, as it was recorded: nobody writes it by hand (ICS 214)."""
    updates = list(
        _of(actor, Update.objects.all(), operation, "sighting").order_by("-recorded_at")[:limit]
    )
    questions = list(_of(actor, Question.objects.all(), operation).order_by("-asked_at")[:limit])
    holds = list(_of(actor, Hold.objects.all(), operation).order_by("-asked_at")[:limit])
    absences = list(_of(actor, Absence.objects.all(), operation).order_by("-found_at")[:limit])
    incidents = list(_of(actor, Incident.objects.all(), operation).order_by("-noted_at")[:limit])
    numbers = dict(
        Sighting.objects.filter(
            id__in={u.sighting for u in updates} | {h.sighting for h in holds}
        ).values_list("id", "number")
    )
    people = names(
        {u.by for u in updates} | {q.by for q in questions} | {h.decided_by for h in holds}
        | {a.covered_by for a in absences} | {i.noted_by for i in incidents}
    )  # fmt: skip
    lines: list[Line] = []
    for u in updates:
        late = int((u.recorded_at - u.occurred_at).total_seconds())
        what = ", ".join(sighting_words(u.severity, u.added))
        words = f"sighting {numbers.get(u.sighting, '')} {_CHANGES[u.change]}: {what}"
        if u.severity < u.before:
            words += f" (was: {terms.Severity(u.before).words})"
        lines.append(
            Line(
                u.recorded_at,
                people.get(u.by, u.by),
                words,
                f"/sightings/{u.sighting}",
                max(0, late),
            )
        )
    lines += [
        Line(
            q.asked_at,
            people.get(q.by, q.by),
            f"question {q.number}: whose is that at {q.place or 'the map point'}? {''.join(q.register[:1])}",
            "",
        )
        for q in questions
    ]
    for h in holds:
        n = numbers.get(h.sighting, "")
        lines.append(
            Line(
                h.asked_at,
                "Tocsin",
                f"hold, go on or move? asked for sighting {n}: {h.why}",
                f"/sightings/{h.sighting}",
            )
        )
        if h.unanswered_at:
            lines.append(
                Line(
                    h.unanswered_at,
                    "Tocsin",
                    f"hold question for sighting {n} UNANSWERED; detail leader asked",
                    f"/sightings/{h.sighting}",
                )
            )
        if h.decided_at:
            lines.append(
                Line(
                    h.decided_at,
                    people.get(h.decided_by, h.decided_by),
                    f"decided for sighting {n}: {terms.Decision(h.decision).words.upper()}",
                    f"/sightings/{h.sighting}",
                )
            )
    for a in absences:
        lines.append(Line(a.found_at, "", f"{a.label}: {terms.AbsenceKind(a.kind).words}"))
        if a.covered_at:
            lines.append(
                Line(
                    a.covered_at, people.get(a.covered_by, a.covered_by), f"{a.label}: made up for"
                )
            )
        if a.ended_at:
            lines.append(Line(a.ended_at, "", f"{a.label}: there again"))
    lines += [
        Line(
            i.noted_at,
            people.get(i.noted_by, i.noted_by),
            f"{terms.IncidentKind(i.kind).words}{' at ' + i.place if i.place else ''}",
        )
        for i in incidents
    ]
    lines.sort(key=lambda li: li.at)
    return lines[::-1][:limit]


def _of(actor: Actor, rows: QuerySet, operation: Operation, subject: str = "id") -> QuerySet:  # type: ignore[type-arg]
    return visible_to(actor, rows.filter(operation=operation.id), subject=subject)
