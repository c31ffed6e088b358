"""Who knew what, when: the entries of a subject and of what hangs on it, read as one timeline; and the other way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from tocsin.deliver.models import Destination
from tocsin.kernel.errors import Forbidden
from tocsin.operate.models import Receipt, Sighting
from tocsin.oversee import meanings, rules, subjects
from tocsin.oversee.models import Viewing
from tocsin.oversee.rules import Event, Wait
from tocsin.oversee.seats import Seat, heard, named
from tocsin.oversee.terms import KNOWING, Verb
from tocsin.people.models import Grant, Share
from tocsin.people.rules import permit
from tocsin.people.terms import SYSTEM, Actor, Permission, Role
from tocsin.people.visibility import visible_to
from tocsin.plan.models import Post
from tocsin.record.store import decode
from tocsin.record.terms import Entry, unstamp
from tocsin.warn import entries as sight

MOST = 2_000
"""Entries of one look; more are read from where it ended."""

_QUERY = """
SELECT e.n, p.seq, e.body
FROM unnest(%s::text[]) AS s(subject) CROSS JOIN LATERAL (
    SELECT n, body FROM record_entry WHERE subject = s.subject AND n > %s AND kind = ANY(%s)
    ORDER BY n LIMIT %s
) e LEFT JOIN record_place p USING (n)
ORDER BY e.n LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Point:
    """One entry as it bears on knowing. `line` = whose ladder it belongs to; `person` = who did it, or whose it was;
    `words` = what it says of one seat among many, '' where the entry's own words do."""

    n: int
    place: int | None
    entry: Entry
    verb: Verb
    at: datetime
    recorded_at: datetime
    person: str
    seat: Seat
    line: str
    told: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The points in the order they happened, the waits between them, and where to read on (None = nothing is left)."""

    points: list[Point]
    waits: list[Wait]
    seats: dict[str, Seat] = field(default_factory=dict)
    after: int | None = None


def of(actor: Actor, about: Sequence[str], now: datetime, after: int = 0) -> Timeline:
    """What an actor may know of who knew, for these subjects; entries past number `after`."""
    permit(actor, Permission.READ_RECORD)
    found, rest = _read(actor, about, after)
    seats = {
        d: Seat(agency, role)
        for d, agency, role in Destination.objects.filter(
            id__in={e.subject for _, _, e in found if e.subject.startswith("dst_")}
        ).values_list("id", "seat_agency", "seat_role")
    }
    roles = _roles(found)
    points = [_point(n, place, e, seats, roles) for n, place, e in found]
    points += _seated(points, seats)
    points.sort(key=lambda p: (p.at, p.n))
    events = [Event(p.line, p.verb, p.at) for p in points]
    return Timeline(points, rules.waits(events, now), seats, rest)


def _read(
    actor: Actor, about: Sequence[str], after: int
) -> tuple[list[tuple[int, int | None, Entry]], int | None]:
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, [list(about), after, list(meanings.telling()), MOST, MOST])
        raw = cursor.fetchall()
    rows = [(n, place, decode(body)) for n, place, body in raw]
    shares = set(
        Share.objects.filter(agency=actor.agency, subject__in=list(about)).values_list(
            "subject", flat=True
        )
    )
    rows_seen = [row for row in rows if actor.system or sight.seen(actor, row[2], shares)]
    hidden = sight.withheld(actor, (e for _, _, e in rows_seen))
    shown = [row for row in rows_seen if row[2].id not in hidden]
    return shown, (raw[-1][0] if len(raw) == MOST else None)


def _roles(found: Iterable[tuple[int, int | None, Entry]]) -> dict[str, list[Grant]]:
    """The roles of those who acted, by person; which of them they held then is decided by its dates."""
    people = {e.actor for _, _, e in found if e.actor.startswith("per_")}
    out: dict[str, list[Grant]] = {}
    for grant in Grant.objects.filter(person__in=people):
        out.setdefault(grant.person, []).append(grant)
    return out


def _point(
    n: int, place: int | None, e: Entry, seats: dict[str, Seat], roles: dict[str, list[Grant]]
) -> Point:
    at = unstamp(e.occurred_at)
    told = e.data.get("told") if e.kind == "duty.fired" else None
    seat = seats.get(e.subject) or _seat(e, at, roles)
    return Point(
        n=n,
        place=place,
        entry=e,
        verb=meanings.verb(e) or Verb.CHANGED,
        at=at,
        recorded_at=unstamp(e.recorded_at),
        person="" if e.actor == SYSTEM.person else e.actor,
        seat=seat,
        line=e.id if e.kind in _ALONE else e.subject,
        told=tuple(told) if told else (),
    )


def _seated(points: Sequence[Point], seats: dict[str, Seat]) -> list[Point]:
    """The points of the many seats that one entry speaks of; `seats` learns whose each line is."""
    said = heard(p.entry for p in points)
    known = named({h.seat for one in said.values() for h in one})
    found = []
    for p in points:
        for h in said.get(p.entry.id, ()):
            line = f"{p.entry.subject}.{h.seat}"
            seats[line] = known[h.seat]
            found.append(replace(
                p, verb=h.verb, at=h.at, person=h.person, seat=known[h.seat], line=line, words=h.words
            ))  # fmt: skip
    return found


_ALONE = frozenset({"subject.shared", "duty.fired", "notice.seen"})
"""Not a rung of the subject's own ladder: nothing waits for what follows it."""


def _seat(e: Entry, at: datetime, roles: dict[str, list[Grant]]) -> Seat:
    if e.actor == SYSTEM.person:
        return Seat()
    held = e.data.get("roles") or [
        g.role
        for g in roles.get(e.actor, ())
        if g.granted_at <= at and (g.revoked_at is None or g.revoked_at > at)
    ]
    order = [r.value for r in Role]
    first = min(held, key=lambda r: order.index(r) if r in order else 99) if held else ""
    return Seat(e.agency, first)


@dataclass(frozen=True, slots=True)
class Knew:
    """One subject a role had, or had been sent, by a moment. `verb` = the strongest thing that is on record."""

    subject: str
    title: str
    verb: Verb
    first_at: datetime
    at: datetime


def by(actor: Actor, seat: Seat, until: datetime, since: datetime, most: int = 500) -> list[Knew]:
    """What a role at an agency had been sent, had seen or had acknowledged by `until`: newest first.

    For an overseer of that agency, or of the agency whose content it is. Subjects the actor may not see are left
    out. It is asked of a role, never of a person.
    Raises: Forbidden.
    """
    permit(actor, Permission.OVERSEE)
    if not seat.agency or not seat.role:
        raise Forbidden("ask it of a role at an agency")
    times: dict[str, dict[Verb, datetime]] = {}

    def note(subject: str, verb: Verb, at: datetime | None) -> None:
        if at is not None and at <= until:
            known = times.setdefault(subject, {})
            known[verb] = min(at, known.get(verb, at))

    views = Viewing.objects.filter(
        viewer_agency=seat.agency, at__lte=until, at__gte=since, roles__contains=[seat.role]
    )
    if seat.agency != actor.agency and not actor.system:
        views = views.filter(agency=actor.agency)
    for subject, at in views.order_by("-at").values_list("subject", "at")[: most * 4]:
        note(subject, Verb.SAW, at)
    for row in _addressed(actor, seat, since, until)[:most]:
        _ladder(note, row)
    for receipt in _seats_told(actor, seat, since, until)[:most]:
        note(receipt.sighting, Verb.SENT, receipt.sent_at)
        note(receipt.sighting, Verb.DELIVERED, receipt.delivered_at)
        note(receipt.sighting, Verb.OPENED, receipt.opened_at)
        note(receipt.sighting, Verb.ACKNOWLEDGED, receipt.acknowledged_at)
    rows = subjects.rows(times, actor)
    called = subjects.titles(rows)
    known = [_knew(s, called[s], times[s]) for s in times if s in rows]
    return sorted(known, key=lambda k: k.at, reverse=True)[:most]


def _addressed(actor: Actor, seat: Seat, since: datetime, until: datetime) -> Any:
    rows = Destination.objects.filter(
        seat_agency=seat.agency, seat_role=seat.role, opened_at__lte=until, opened_at__gte=since
    )
    return visible_to(actor, rows, subject="warning").order_by("-opened_at")


def _seats_told(actor: Actor, seat: Seat, since: datetime, until: datetime) -> Any:
    """What a role was told of sightings: by its own seat; and whoever is in the field, at the posts of the agency."""
    mine = Q(seat=f"role:{seat.agency}:{seat.role}")
    if seat.role == Role.FIELD:
        posts = Post.objects.filter(agency=seat.agency).values_list("id", flat=True)
        mine |= Q(seat__in=[f"post:{p}" for p in posts])
    rows = Receipt.objects.filter(mine, sent_at__lte=until, sent_at__gte=since)
    if seat.agency != actor.agency and not actor.system:
        ours = Sighting.objects.filter(agency=actor.agency).values("id")
        rows = rows.filter(sighting__in=ours)
    return rows.order_by("-sent_at")


def _ladder(note: Any, row: Destination) -> None:
    note(row.warning, Verb.SENT, row.sent_at)
    note(row.warning, Verb.DELIVERED, row.delivered_at)
    note(row.warning, Verb.OPENED, row.read_at)
    note(row.warning, Verb.ACKNOWLEDGED, row.acknowledged_at)
    note(row.warning, Verb.ACTED, row.acted_at)


def _knew(subject: str, title: str, known: dict[Verb, datetime]) -> Knew:
    strongest = max(known, key=KNOWING.index)
    return Knew(subject, title, strongest, min(known.values()), known[strongest])


__all__ = ["Knew", "Point", "Seat", "Timeline", "by", "of"]
