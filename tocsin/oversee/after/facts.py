"""Reading an operation that ran, for its after-action report: only what the actor may see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import QuerySet

from tocsin.operate import store, terms
from tocsin.operate.models import Absence, Answer, Hold, Question, Sighting, Update
from tocsin.operate.store.board import seat_names
from tocsin.operate.store.snapshots import sighting_words
from tocsin.oversee.after import terms as after
from tocsin.oversee.after.terms import After
from tocsin.people.models import Operation
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor
from tocsin.people.visibility import visible_to
from tocsin.plan import store as plan
from tocsin.record.models import Entry
from tocsin.record.store import contents, decode
from tocsin.record.terms import unstamp

LINES = 2000
"""Lines of one timeline; what is older than the newest so many is left out, and the report says so."""
_RECEIPTS = (
    terms.SIGHTING_REPORTED,
    terms.SIGHTING_UPDATED,
    terms.SIGHTING_RECEIPTS,
    terms.SIGHTING_RETRIED,
)


def gather(actor: Actor, operation: Operation, now: datetime) -> After:
    """Everything the report of an operation says, as of `now`; the caller has checked that the operation is theirs."""
    shorts = agency_names()
    sightings = list(_of(actor, Sighting.objects.all(), operation).order_by("number"))
    hops = tuple(h for s in sightings for h in _hops(s))
    lines = store.log(actor, operation, LINES)
    went = tuple(_went(operation))
    told = [after.Line(li.at, li.who, li.words, li.late_s) for li in lines]
    told += [after.Line(w.at, w.who, _decided(w)) for w in went] + list(_swept(actor, operation))
    return After(
        operation=operation.id,
        name=operation.name,
        place=operation.place,
        lead=shorts.get(operation.lead_agency, operation.lead_agency),
        starts_at=operation.starts_at,
        ends_at=operation.ends_at,
        made_at=now,
        went=went,
        timeline=tuple(sorted(told, key=lambda li: li.at)),
        cut_short=len(lines) >= LINES,
        hops=hops,
        never=tuple(
            (h.sighting, h.added, h.seat) for h in hops if h.must and h.acknowledged is None
        ),
        holds=tuple(_holds(actor, operation, {s.id: s.number for s in sightings})),
        absences=tuple(_absences(actor, operation, shorts)),
        questions=tuple(_questions(actor, operation)),
        uncovered=tuple(_uncovered(actor, operation)),
    )


def _of(actor: Actor, rows: QuerySet, operation: Operation) -> QuerySet:  # type: ignore[type-arg]
    return visible_to(actor, rows.filter(operation=operation.id))


def _went(operation: Operation) -> Iterator[after.Went]:
    rows = list(reversed(plan.going(operation.id)))
    kept, called = contents([g.words for g in rows]), names(g.person for g in rows)
    for g in rows:
        words = kept.get(g.words, {})
        reds = tuple(
            after.RedThing(r["kind"], r["words"], r["owner"]) for r in words.get("reds", ())
        )
        said = words.get("text") or "(no longer kept)"
        yield after.Went(g.decided_at, g.go, called.get(g.person, g.person), said, reds)


def _decided(w: after.Went) -> str:
    return f"decided {'to go' if w.go else 'not to go'}, with {len(w.reds)} things red"


def _swept(actor: Actor, operation: Operation) -> Iterator[after.Line]:
    """The last sweep of each zone."""
    shorts = agency_names()
    for z in plan.zones(operation.id, actor):
        if z.end is not None:
            found = "something found" if z.result == "FOUND" else "nothing found"
            yield after.Line(z.end, shorts.get(z.team, z.team), f"swept {z.label}: {found}")


def _hops(s: Sighting) -> Iterator[after.Hop]:
    """Each raise of a sighting to each seat: read from the receipts as they came in, for the tables keep the last only.

    A seat has a version once anybody of it acknowledged that one or a newer one.
    """
    asked = list(Update.objects.filter(sighting=s.id).order_by("version"))
    raises = [u for u in asked if u.version == 1 or u.added]
    rows = (
        Entry.objects.filter(subject=s.id, kind__in=_RECEIPTS)
        .order_by("n")
        .values_list("body", flat=True)
    )
    entries = list(map(decode, rows))
    seats: dict[str, bool] = {}
    for e in entries:
        for seat, _, must in e.data.get("told", ()):
            seats[seat] = seats.get(seat, False) or must
    labels = dict(zip(seats, seat_names(seats), strict=True))
    for n, u in enumerate(raises):
        until = raises[n + 1].recorded_at if n + 1 < len(raises) else None
        for seat, must in seats.items():
            got = _reached(entries, seat, u.version)
            tries = sum(
                row[0] == seat
                for e in entries
                if e.kind == terms.SIGHTING_RETRIED
                and _within(unstamp(e.recorded_at), u.recorded_at, until)
                for row in e.data["tried"]
            )
            yield after.Hop(
                sighting=s.number,
                version=u.version,
                added=", ".join(sighting_words(u.severity, u.added)),
                seat=labels[seat],
                must=must,
                sent=0,
                delivered=_after(got[0], u.recorded_at) if u.version == 1 else None,
                acknowledged=_after(got[1], u.recorded_at),
                tries=1 + tries,
            )


def _reached(entries: list, seat: str, version: int) -> tuple[datetime | None, datetime | None]:  # type: ignore[type-arg]
    """When a seat first had the sighting on a device, and when it first acknowledged `version`."""
    delivered = acknowledged = None
    for e in entries:
        if e.kind != terms.SIGHTING_RECEIPTS:
            continue
        for told, _, value in e.data["said"]:
            if told != seat:
                continue
            if delivered is None and value.get("delivered_at"):
                delivered = unstamp(value["delivered_at"])
            if acknowledged is None and value["version"] >= version:
                acknowledged = unstamp(e.recorded_at)
    return delivered, acknowledged


def _within(at: datetime, start: datetime, end: datetime | None) -> bool:
    return at >= start and (end is None or at < end)


def _after(at: datetime | None, since: datetime) -> int | None:
    return None if at is None else max(0, round((at - since).total_seconds()))


def _holds(actor: Actor, operation: Operation, numbers: dict[str, int]) -> Iterator[after.Held]:
    rows = list(_of(actor, Hold.objects.all(), operation).order_by("asked_at"))
    called = names(h.decided_by for h in rows)
    for h in rows:
        yield after.Held(
            sighting=numbers.get(h.sighting, 0),
            asked_at=h.asked_at,
            why=h.why,
            answer_s=_after(h.decided_at, h.asked_at),
            decision=terms.Decision(h.decision).words if h.decision else "",
            who=called.get(h.decided_by, ""),
            unanswered=h.unanswered_at is not None,
        )


def _absences(
    actor: Actor, operation: Operation, shorts: dict[str, str]
) -> Iterator[after.Missing]:
    for a in _of(actor, Absence.objects.all(), operation).order_by("found_at"):
        agency = a.by_agency or operation.lead_agency
        yield after.Missing(
            a.label, terms.AbsenceKind(a.kind).words, a.kind, shorts.get(agency, agency), a.found_at,
            _after(a.covered_at, a.found_at),
        )  # fmt: skip


def _questions(actor: Actor, operation: Operation) -> Iterator[after.Question]:
    rows = list(_of(actor, Question.objects.all(), operation).order_by("asked_at"))
    first: dict[str, datetime] = {}
    for a in Answer.objects.filter(question__in=[q.id for q in rows]).order_by("-at"):
        first[a.question] = a.at
    for q in rows:
        said = q.register[0] if q.register else ""
        yield after.Question(q.asked_at, q.place, said, _after(first.get(q.id), q.asked_at))


def _uncovered(actor: Actor, operation: Operation) -> Iterator[str]:
    """Ground that stayed unswept, as it was last reckoned."""
    labels = {a.id: a.label for a in plan.areas(operation.id, actor)}
    for c in plan.coverage(operation.id, actor):
        if c.gaps:
            held = sorted({label for g in c.gaps for label in g["holds"]})
            inside = f", with {', '.join(held[:5])} in it" if held else ""
            where = labels.get(c.area, "A route")
            yield f"{where}: {c.open_m2:,} of {c.whole_m2:,} m² within standoff never swept{inside}"
