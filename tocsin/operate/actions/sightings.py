"""One sighting, however many report it: reported, added to, lost, over. A lead alone lowers it, by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.operate import rules, store, terms
from tocsin.operate.actions import shared
from tocsin.operate.actions.feed import tell
from tocsin.operate.actions.holds import ask_hold, close_holds
from tocsin.operate.actions.knowing import close_duties, owe, say_informed
from tocsin.operate.models import Receipt, Sighting
from tocsin.operate.terms import PHOTOS_CAP, Severity, SightingKind, SightingState
from tocsin.people.models import Operation
from tocsin.people.rules import may, permit
from tocsin.people.terms import Actor, Permission
from tocsin.plan.geometry import Point
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import stamp


def report_sighting(
    actor: Actor,
    *,
    operation: str,
    text: str,
    kind: str = SightingKind.PERSON.value,
    severity: int = Severity.INFO,
    aggravators: Sequence[str] = (),
    at_point: Point | None = None,
    place: str = "",
    area: str = "",
    position: str = "",
    bearing: int | None = None,
    post: str = "",
    device: str = "",
    photos: Sequence[str] = (),
    seen_at: datetime | None = None,
    key: str = "",
) -> str:
    """Report what was seen; returns the sighting's id. Everybody who must know, and every manned post, is told at once.

    `seen_at` = by the reporter's own clock; `photos` = hashes of photos kept before.
    Raises: Forbidden, NotFound, Invalid.
    """
    permit(actor, Permission.READ_CONTENT)

    def do() -> str:
        sighting = new_id("sgt")
        with writing(actor) as w:
            plan = shared.operation_for(actor, operation)
            shared.lock(plan)
            found = shared.aggravators(aggravators)
            grave = shared.chosen(Severity, severity, "severity")
            raised, _ = rules.raised_to(grave, (), 1, found)
            seats = store.seats(plan, w.at)
            data: dict[str, Any] = {
                "number": shared.number(Sighting, plan.id),
                "kind": shared.chosen(SightingKind, kind, "kind").value,
                "what": shared.words(w, sighting, text),
                "severity": int(raised),
                "aggravators": found,
                **shared.point(at_point),
                "bearing": _bearing(bearing),
                "place": shared.label(place),
                "area": area,
                "position": position,
                "post": post,
                "device": device,
                "photos": _photos(photos),
                "told": _told(seats),
                "key": key,
            }
            at = shared.when(w, seen_at)
            mark = shared.marking(plan)
            w.append(terms.SIGHTING_REPORTED, sighting, data, marking=mark, occurred_at=at)
            owe(w, plan, sighting, data["number"], _others(seats, actor))
            _then(w, plan, sighting)
            tell(plan.id, "sighting", sighting)
        return sighting

    return shared.once(actor, key, do)


def update_sighting(
    actor: Actor,
    *,
    sighting: str,
    text: str = "",
    severity: int = 0,
    aggravators: Sequence[str] = (),
    at_point: Point | None = None,
    place: str = "",
    bearing: int | None = None,
    photos: Sequence[str] = (),
    seen_at: datetime | None = None,
    key: str = "",
) -> int:
    """Add to a sighting; returns its new version. Severity and aggravators only grow by it, and a raise asks everybody
    to acknowledge anew. A place, a bearing or `seen_at` says that it was seen again.

    Raises: Forbidden, NotFound, Conflict when it is over, Invalid.
    """
    permit(actor, Permission.READ_CONTENT)

    def do() -> str:
        with writing(actor) as w:
            row, plan = _open(actor, sighting)
            found = shared.aggravators(aggravators)
            stated = int(shared.chosen(Severity, severity, "severity")) if severity else 0
            raised, every = rules.raised_to(row.severity, row.aggravators, stated, found)
            added = [a for a in every if a not in row.aggravators]
            seen = bool(seen_at or at_point or place.strip() or bearing is not None)
            at = shared.when(w, seen_at)
            up = raised > row.severity or bool(added)
            seats = store.seats(plan, w.at) if up else []
            data: dict[str, Any] = {
                "version": row.version + 1,
                "severity": int(raised),
                "before": row.severity,
                "aggravators": every,
                "added": added,
                "raised": up,
                "seen": seen,
                "last_seen_at": stamp(max(at, row.last_seen_at)),
                "photos": _photos([*row.photos, *photos]),
                "told": _newly_told(row, seats),
                "own": _own(row, actor),
                "key": key,
            }
            if at_point is not None:
                data |= shared.point(at_point)
            if place.strip():
                data["place"] = shared.label(place)
            if bearing is not None:
                data["bearing"] = _bearing(bearing)
            if text.strip():
                data["what"] = shared.words(w, sighting, text)
            mark = shared.marking(plan)
            w.append(terms.SIGHTING_UPDATED, sighting, data, marking=mark, occurred_at=at)
            if up:
                close_duties(w, sighting, "there is worse: asked anew")
                owe(w, plan, sighting, row.number, _others(seats, actor), raised=True)
            _then(w, plan, sighting)
            tell(plan.id, "sighting", sighting)
        return str(row.version + 1)

    return int(shared.once(actor, key, do))


def lower_sighting(
    actor: Actor,
    *,
    sighting: str,
    version: int,
    severity: int,
    reason: str,
    aggravators_off: Sequence[str] = (),
) -> int:
    """Say by name, with a reason, that a sighting is less grave than reported; it is shown as such from then on.

    Raises: Forbidden, NotFound, Conflict when it changed since it was looked at, Invalid.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        row, plan = _open(actor, sighting)
        if row.version != version:
            raise Conflict(
                "it was added to since you looked", cure="Read what is new, then decide again."
            )
        grave = shared.chosen(Severity, severity, "severity")
        off = shared.aggravators(aggravators_off)
        left = [a for a in row.aggravators if a not in off]
        least, _ = rules.raised_to(grave, (), 1, left)
        if least > grave:
            raise Invalid(
                "is less than what was seen asks for",
                field="severity",
                cure="Say also what turned out not to be so.",
            )
        if grave >= row.severity and not set(off) & set(row.aggravators):
            raise Invalid("lowers nothing", field="severity", cure="Add to the sighting instead.")
        data = {
            "version": row.version + 1,
            "severity": int(grave),
            "before": row.severity,
            "aggravators": left,
            "added": [],
            "removed": [a for a in row.aggravators if a in off],
            "what": shared.words(w, sighting, reason, "reason", least=5),
        }
        w.append(terms.SIGHTING_LOWERED, sighting, data, marking=shared.marking(plan))
        tell(plan.id, "sighting", sighting)
    return row.version + 1


def track_lost(
    actor: Actor, *, sighting: str, direction: str = "", at: datetime | None = None, key: str = ""
) -> int:
    """Say that nobody sees it any more, and where it went; returns the new version. Its age runs from here.

    Raises: Forbidden, NotFound, Conflict.
    """
    permit(actor, Permission.READ_CONTENT)

    def do() -> str:
        with writing(actor) as w:
            row, plan = _open(actor, sighting)
            data = _same(row, key) | {"direction": shared.label(direction, "direction")}
            at_ = shared.when(w, at)
            w.append(
                terms.SIGHTING_LOST, sighting, data, marking=shared.marking(plan), occurred_at=at_
            )
            _then(w, plan, sighting)
            tell(plan.id, "sighting", sighting)
        return str(row.version + 1)

    return int(shared.once(actor, key, do))


def resolve(actor: Actor, *, sighting: str, reason: str, key: str = "") -> int:
    """Say that it is over, and how; what is owed for it ends. Whoever reported it or leads may say so.

    Raises: Forbidden, NotFound, Conflict, Invalid.
    """
    permit(actor, Permission.READ_CONTENT)

    def do() -> str:
        with writing(actor) as w:
            row, plan = _open(actor, sighting)
            if actor.person != row.reporter and not may(actor, Permission.TAKE_PART):
                raise Forbidden("whoever reported it, or somebody who leads, says that it is over")
            data = _same(row, key) | {"what": shared.words(w, sighting, reason, "reason", least=5)}
            w.append(terms.SIGHTING_RESOLVED, sighting, data, marking=shared.marking(plan))
            close_duties(w, sighting, "it is over")
            close_holds(w, sighting)
            tell(plan.id, "sighting", sighting)
        return str(row.version + 1)

    return int(shared.once(actor, key, do))


def _open(actor: Actor, sighting: str) -> tuple[Sighting, Operation]:
    row, plan = shared.opened(actor, Sighting, sighting)
    if row.state == SightingState.RESOLVED:
        raise Conflict("it is over", cure="Report it as a new sighting.")
    return row, plan


def _same(row: Sighting, key: str) -> dict[str, Any]:
    return {"version": row.version + 1, "severity": row.severity, "added": [], "key": key}


def _told(seats: Sequence[store.Seat]) -> list[list[Any]]:
    """[[seat, person, must]]: everybody on duty for a role, whoever holds a post, '' where nobody does."""
    return [[s.id, p, s.must] for s in seats for p in (s.people or ("",))]


def _newly_told(row: Sighting, seats: Sequence[store.Seat]) -> list[list[Any]]:
    known = set(Receipt.objects.filter(sighting=row.id).values_list("seat", "person"))
    return [t for t in _told(seats) if (t[0], t[1]) not in known]


def _own(row: Sighting, actor: Actor) -> list[str]:
    """The seats for which the actor was told before: whoever says a thing knows it."""
    return sorted(
        Receipt.objects.filter(sighting=row.id, person=actor.person).values_list("seat", flat=True)
    )


def _others(seats: Sequence[store.Seat], actor: Actor) -> list[store.Seat]:
    """The seats that owe an acknowledgement: not that of whoever says it."""
    return [s for s in seats if actor.person not in s.people]


def _then(w: Writing, plan: Operation, sighting: str) -> None:
    """What follows from how a sighting stands now."""
    w.flush()
    row = Sighting.objects.get(id=sighting)
    say_informed(w, plan, row)
    ask_hold(w, plan, row)


def _bearing(degrees: int | None) -> int | None:
    if degrees is not None and not 0 <= degrees < 360:
        raise Invalid(f"{degrees} is no bearing", field="bearing", cure="Give 0 to 359.")
    return degrees


def _photos(hashes: Sequence[str]) -> list[str]:
    given = list(dict.fromkeys(hashes))
    if len(given) > PHOTOS_CAP:
        raise Invalid(f"more than {PHOTOS_CAP} photos", field="photos", cure="Send the best ones.")
    for h in given:
        if len(h) != 64 or not set(h) <= set("0123456789abcdef"):
            raise Invalid("is no photo's hash", field="photos", cure="Send the photo first.")
    return given
