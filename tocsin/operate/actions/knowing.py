"""What is owed for a sighting: each seat that must know its acknowledgement, and all the posts together theirs.

Unanswered in thirty seconds: another way to the same people, then other people, then up. One entry for all of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from tocsin.deliver.store import roles as role_words
from tocsin.duties.actions import act, discharge_rows, open_duty
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.operate import rules, store, terms
from tocsin.operate.actions import shared
from tocsin.operate.actions.sending import queue
from tocsin.operate.models import Receipt, Sighting
from tocsin.people.models import Operation
from tocsin.people.store import agency_names, on_duty
from tocsin.people.store import operation as operation_of
from tocsin.people.terms import Role
from tocsin.record.actions import Writing

ACKNOWLEDGE = "acknowledge_sighting"
POSTS = "reach_posts"
HOLDER = "fill_seat"
KINDS = (ACKNOWLEDGE, POSTS, HOLDER)


def owe(
    w: Writing,
    plan: Operation,
    sighting: str,
    number: int,
    seats: Sequence[store.Seat],
    *,
    raised: bool = False,
) -> None:
    """Open what is owed: a duty for each seat that must know, one for all the other posts."""
    what = f"sighting {number}, which got worse" if raised else f"sighting {number}"
    mark = shared.marking(plan)
    for seat in seats:
        if not seat.must:
            continue
        common: dict[str, Any] = {"owner_role": seat.role, "precedence": Precedence.FLASH}
        if seat.people:
            person = seat.people[0] if seat.id.startswith("post:") else ""
            title = f"Acknowledge {what} ({name(seat)})"
            common |= {"owner_agency": seat.agency, "owner_person": person}
            open_duty(w, ACKNOWLEDGE, _of(sighting, seat.id), title, mark, **common)
        else:
            title = f"Nobody holds {name(seat)}: tell them of {what} yourself"
            common |= {"owner_agency": plan.lead_agency, "owner_role": Role.OPERATION_LEAD.value}
            open_duty(w, HOLDER, _of(sighting, seat.id), title, mark, **common)
    if any(not s.must for s in seats):
        open_duty(
            w,
            POSTS,
            sighting,
            f"See that every post has {what}",
            mark,
            owner_agency=plan.lead_agency,
            owner_role=Role.OPERATION_LEAD.value,
            precedence=Precedence.IMMEDIATE,
        )


def _of(sighting: str, seat: str) -> str:
    """What an acknowledgement is owed for: the sighting, and the seat behind a point."""
    return f"{sighting}.{seat}"


def name(seat: store.Seat) -> str:
    """A seat in words: "operation lead, Capitol police"; a post by its label."""
    if not seat.id.startswith("role:"):
        return seat.label
    agency = agency_names().get(seat.agency, seat.agency)
    return f"{role_words().get(seat.role, seat.role)}, {agency}"


def close_duties(
    w: Writing, sighting: str, outcome: str, seats: Iterable[str] | None = None
) -> None:
    """End what is owed for a sighting: for some seats ("" = the posts together), or for all of it (None)."""
    w.flush()
    if seats is None:
        known = Receipt.objects.filter(sighting=sighting, must=True).values_list("seat", flat=True)
        seats = ["", *known.distinct()]
    subjects = [_of(sighting, s) if s else sighting for s in seats]
    rows = Duty.objects.select_for_update().filter(
        subject__in=subjects, kind__in=KINDS, discharged_at=None
    )
    discharge_rows(w, rows.order_by("id"), outcome)


def say_informed(w: Writing, plan: Operation, row: Sighting) -> bool:
    """Say that everybody who must know does, once that is so and was not said of this version."""
    if row.informed_version >= row.must_version:
        return False
    musts = store.musts([row.id]).get(row.id, [])
    if not rules.informed_version(musts, row.must_version):
        return False
    w.append(
        terms.SIGHTING_INFORMED, row.id, {"version": row.must_version}, marking=shared.marking(plan)
    )
    return True


@act("sighting_channel")
def another_way(w: Writing, duties: list[Duty]) -> None:
    """Nobody answered: the same people again, by another way."""
    for sighting, rows in _waiting(duties):
        tried = queue(w, sighting, rows)
        if tried:
            data = {"tried": [[r.seat, r.person, via, tries, r.must] for r, via, tries in tried]}
            w.append(
                terms.SIGHTING_RETRIED,
                sighting.id,
                data,
                marking=shared.marking(operation_of(sighting.operation)),
            )


@act("sighting_person")
def somebody_else(w: Writing, duties: list[Duty]) -> None:
    """Still nobody: whoever else can answer for the seat's agency is told, here and by every way there is."""
    for sighting, rows in _waiting(duties):
        plan = operation_of(sighting.operation)
        told = Receipt.objects.filter(sighting=sighting.id, seat__in={r.seat for r in rows})
        known = set(told.values_list("seat", "person"))
        fresh = [
            rules.Receipt(seat, person, must)
            for seat, must in {r.seat: r.must for r in rows}.items()
            for person in _others(plan, seat, w)
            if (seat, person) not in known
        ]
        if fresh:
            data = {"tried": [[r.seat, r.person, "app", 1, r.must] for r in fresh]}
            w.append(terms.SIGHTING_RETRIED, sighting.id, data, marking=shared.marking(plan))
            w.flush()
            queue(w, sighting, fresh)


def _others(plan: Operation, seat: str, w: Writing) -> list[str]:
    """Who else may answer for a seat: the others of its agency who lead, release or take part."""
    from tocsin.plan.models import Post  # noqa: PLC0415

    kind, _, rest = seat.partition(":")
    if kind == "role":
        agency, _, role = rest.partition(":")
    elif kind == "post":
        agency, role = Post.objects.get(id=rest).agency, ""
    else:
        agency, role = plan.lead_agency, ""
    wanted = (Role.OPERATION_LEAD.value, Role.PARTNER.value, Role.RELEASE_AUTHORITY.value)
    found = [s.person for r in wanted if r != role for s in on_duty(agency, r, w.at)]
    return list(dict.fromkeys(found))[:5]


def _waiting(duties: Iterable[Duty]) -> list[tuple[Sighting, list[rules.Receipt]]]:
    """The sightings of some duties, and the receipts that are still wanted, each sighting once."""
    seats: dict[str, set[str]] = defaultdict(set)
    for duty in duties:
        sighting, _, seat = duty.subject.partition(".")
        seats[sighting].add(seat)
    found = []
    for row in Sighting.objects.filter(id__in=seats).order_by("id"):
        rows, wanted = store.unanswered(row.id, row.must_version), seats[row.id]
        mine = [r for r in rows if r.seat in wanted or ("" in wanted and not r.must)]
        found.append((row, mine))
    return found
