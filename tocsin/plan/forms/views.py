"""What each form says, read from the plan and the record as one person may see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tocsin.kernel import clock
from tocsin.kernel.errors import NotFound
from tocsin.people.models import Operation
from tocsin.people.store import names
from tocsin.people.terms import Actor, Role
from tocsin.plan import store
from tocsin.plan.forms.desk import Desk, Live
from tocsin.plan.forms.log import LOG_CAP, lines
from tocsin.plan.forms.paper import Block, Paper
from tocsin.plan.notation import write_point
from tocsin.plan.reds import of as reds_of
from tocsin.plan.rules import Sweep, standing, sweep_standing
from tocsin.plan.terms import AreaKind, PostKind
from tocsin.plan.terms.brief import KINDS
from tocsin.record import store as record

_MEDICAL = ("medic", "ambulance", "first aid", "hospital", "paramedic", "emt")

_UNWRITTEN = "Nobody has written it yet."

TITLES = {
    "201": "Incident briefing",
    "202": "Incident objectives",
    "203": "Organization assignment list",
    "204": "Assignment list",
    "205": "Radio communications plan",
    "205A": "Communications list",
    "206": "Medical plan",
    "209": "Status summary",
    "214": "Activity log",
    "215A": "Safety analysis",
}


Boxes = Callable[[Desk], Iterable[Block]]


def make(actor: Actor, operation: Operation, code: str, *, live: Live | None = None) -> Paper:
    """One form as the actor may see it, with what a later stage adds.

    Raises: NotFound for a code that is no form here.
    """
    if code not in _BLOCKS:
        raise NotFound(
            f"there is no form {code[:10]!r}", cure=f"Choose one of {', '.join(TITLES)}."
        )
    desk = Desk(actor, operation, clock.now(), live)
    return Paper(
        code=f"ICS {code}",
        title=TITLES[code],
        operation=f"{operation.name}{', ' + operation.place if operation.place else ''}",
        period=desk.hours(operation.starts_at, operation.ends_at),
        made=f"{desk.clock(desk.now)} by {actor.name or actor.person}",
        marking="TLP:AMBER",
        blocks=tuple(_BLOCKS[code](desk)),
        at=desk.now,
    )


def _briefing(d: Desk) -> Iterable[Block]:
    areas = [
        (
            AreaKind(a.kind).words,
            a.label,
            "; ".join(write_point(p) for p in store.points(a.shape)[:2]),
        )
        for a in store.areas(d.operation.id, d.actor)
    ]
    yield Block(
        "Map: what lies where", ("Kind", "Name", "First points"), tuple(areas), widths=(2, 3, 3)
    )
    yield from _reached(d)
    yield _reds(d)
    yield Block("Actions", ("Time", "By", "What"), tuple(lines(d, 20)), widths=(2, 3, 8))
    yield _command(d)
    yield _resources(d)


def _objectives(d: Desk) -> Iterable[Block]:
    must = [
        (d.agency(m["agency"]), str(Role(m["role"]).title) if m["role"] in set(Role) else m["role"])
        for m in d.operation.must_know
    ]
    yield from _reached(d)
    yield Block("Who must know of every threat", ("Agency", "Role"), tuple(must))
    yield _reds(d)
    yield _approvals(d)


def _reached(d: Desk) -> Iterable[Block]:
    words = store.brief(d.operation.id, d.actor)
    numbered = "\n".join(f"{n}. {o}" for n, o in enumerate(words.objectives, 1))
    yield Block("Objectives", text=numbered, empty=_UNWRITTEN)
    if words.emphasis:
        yield Block("What comes first", text=words.emphasis)


def _organization(d: Desk) -> Iterable[Block]:
    yield _command(d)
    taken = {s.seat_agency: s for s in store.seats(d.operation.id, d.actor)}
    called = names(s.person for s in taken.values())
    chairs = [
        (
            d.agency(a),
            called.get(taken[a].person, "") if a in taken else "nobody",
            d.clock(taken[a].taken_at) if a in taken else "",
        )
        for a in store.agencies(d.operation.id)
    ]
    yield Block("Agency representatives in the room", ("Agency", "Who", "Since"), tuple(chairs))
    yield _resources(d)


def _assignments(d: Desk) -> Iterable[Block]:
    for agency in sorted({p.agency for p in d.posts}, key=d.agency):
        rows = tuple(
            (
                p.label,
                p.role_title,
                d.who(p) or "nobody",
                d.hours(p.from_at, p.until_at),
                ", ".join(d.carried[p.id]),
                "; ".join(p.equipment),
            )
            for p in d.posts
            if p.agency == agency
        )
        columns = ("Post", "Role", "Who", "Hours", "Communications", "Equipment")
        yield Block(d.agency(agency), columns, rows, widths=(3, 2, 3, 3, 3, 2))
    if not d.posts:
        yield Block("Posts", empty="No post is on the plan.")


def _radio(d: Desk) -> Iterable[Block]:
    columns = (
        "Zone / group", "Ch. no.", "Function", "Channel name / talkgroup", "Assignment",
        "RX freq. N or W", "RX tone / NAC", "TX freq. N or W", "TX tone / NAC", "Mode (A, D, M)", "Remarks",
    )  # fmt: skip
    rows = tuple(
        (c.zone, c.number, c.function, c.label, c.assignment, f"{c.rx} {c.rx_width}".strip(), c.rx_tone,
         f"{c.tx} {c.tx_width}".strip(), c.tx_tone, c.mode, "; ".join(filter(None, (c.remarks, c.source))))
        for c in d.channels.values()
    )  # fmt: skip
    yield Block("Basic radio channel use", columns, rows, widths=(3, 2, 4, 4, 4, 4, 3, 4, 3, 2, 6))
    joined = tuple(
        (
            g.label,
            d.channels[g.a].label if g.a in d.channels else "",
            d.channels[g.b].label if g.b in d.channels else "",
            g.state.lower(),
        )
        for g in store.gateways(d.operation.id, d.actor)
    )
    yield Block(
        "Special instructions: what joins channels", ("Gateway", "Between", "And", "State"), joined
    )


def _list(d: Desk) -> Iterable[Block]:
    rows = tuple(
        (p.label, d.agency(p.agency), d.who(p) or "nobody", ", ".join(d.carried[p.id]))
        for p in d.posts
    )
    desks = tuple(
        (f"Desk of {d.agency(a)}", d.agency(a), "", ", ".join(d.carried[a]))
        for a in store.agencies(d.operation.id)
        if d.carried.get(a)
    )
    yield Block(
        "Basic local communications information",
        ("Assigned position", "Agency", "Name", "Channels"),
        rows + desks,
    )


def _medical(d: Desk) -> Iterable[Block]:
    found = [
        (
            p.label,
            d.agency(p.agency),
            d.who(p) or "nobody",
            d.hours(p.from_at, p.until_at),
            "; ".join(p.equipment),
        )
        for p in d.posts
        if any(
            w in " ".join((p.label, p.role_title, p.qualification, *p.equipment)).casefold()
            for w in _MEDICAL
        )
    ]
    yield Block(
        "Posts with medical aid",
        ("Station", "Agency", "Who", "Hours", "Equipment"),
        tuple(found),
        empty="No post of the plan is named as medical aid.",
    )
    words = store.brief(d.operation.id, d.actor)
    for kind, (title, _) in KINDS.items():
        rows = tuple((c.name, c.place, c.phone, c.note) for c in getattr(words, kind))
        columns = ("Name", "Where", "Telephone", "What they can do")
        yield Block(title, columns, rows, empty=_UNWRITTEN, widths=(3, 4, 2, 4))
    yield Block("Medical emergency procedures", text=words.procedures, empty=_UNWRITTEN)


def _status(d: Desk) -> Iterable[Block]:
    manned = store.manning(d.operation.id, d.now)
    rows = list(store.positions(d.operation.id, d.actor))
    held = store.held(rows)
    zones = list(store.zones(d.operation.id, d.actor))
    swept = sum(not sweep_standing(Sweep(z.state, z.team, z.expires_at), d.now).red for z in zones)
    figures = (
        ("Posts manned now", f"{sum(map(bool, manned.values()))} of {len(manned)}"),
        (
            "Positions with line of sight held",
            f"{sum(not standing(held[p.id], d.now).red for p in rows)} of {len(rows)}",
        ),
        ("Zones whose sweep holds", f"{swept} of {len(zones)}"),
        ("Agencies that take part", str(len(store.agencies(d.operation.id)))),
    )
    yield Block("Where it stands", ("What", "How many"), figures)
    decided = [
        ("go" if g.go else "no go", d.clock(g.decided_at), str(len(g.reds)))
        for g in store.going(d.operation.id)[:5]
    ]
    yield Block("Decisions to go", ("Decision", "When", "Red at that moment"), tuple(decided))
    if d.live:
        yield from d.live.now(d)
    yield _reds(d)
    yield _resources(d)


def _activity(d: Desk) -> Iterable[Block]:
    """Box 6 of the form: who was there; box 7: what was done, each line with whose it is."""
    people = tuple(
        (d.names.get(a.person, a.person), p.role_title or p.label, d.agency(p.agency))
        for p in d.posts
        for a in d.held[p.id]
    )
    yield Block("Resources assigned", ("Name", "Position", "Home agency"), people)
    said = tuple(lines(d))
    more = f" (the newest {LOG_CAP})" if len(said) == LOG_CAP else ""
    yield Block(f"Activity log{more}", ("Time", "By", "Notable activity"), said, widths=(2, 3, 8))


def _safety(d: Desk) -> Iterable[Block]:
    rows = list(store.positions(d.operation.id, d.actor))
    held = store.held(rows)
    kept = record.contents(p.mitigation for p in rows if p.mitigation)
    hazards = tuple(
        (p.label, f"{p.metres} m" if p.metres >= 0 else "", kept.get(p.mitigation, {}).get("text", "") or "none",
         d.agency(p.accepting) or "nobody", standing(held[p.id], d.now).why.value)
        for p in rows
    )  # fmt: skip
    yield Block(
        "Positions with line of sight",
        ("Hazard", "Distance", "Mitigation", "Held by", "Standing"),
        hazards,
        widths=(3, 1, 4, 2, 3),
    )
    zones = tuple(
        (
            z.label,
            d.agency(z.team) or "nobody",
            d.clock(z.expires_at),
            sweep_standing(Sweep(z.state, z.team, z.expires_at), d.now).why.value,
        )
        for z in store.zones(d.operation.id, d.actor)
    )
    yield Block("Sweeps", ("Zone", "Team", "Holds until", "Standing"), zones)
    gaps = tuple(
        (g["near"] or ", ".join(g["holds"]), f"{g['area_m2']} m²", f"{g['metres']} m")
        for c in store.coverage(d.operation.id, d.actor)
        for g in c.gaps[:40]
    )
    yield Block(
        "Ground within standoff that nobody swept",
        ("Where", "How much", "From the route"),
        gaps,
        empty="None.",
    )


def _command(d: Desk) -> Block:
    rows = tuple(
        (PostKind(p.kind).words, p.label, d.agency(p.agency), d.who(p) or "nobody")
        for p in d.posts
        if p.command
    )
    return Block("Command", ("What", "Post", "Agency", "Who"), rows)


def _resources(d: Desk) -> Block:
    rows = tuple(
        (
            p.label,
            d.agency(p.agency),
            p.role_title,
            d.who(p) or "nobody",
            d.hours(p.from_at, p.until_at),
            "; ".join(p.equipment),
        )
        for p in d.posts
    )
    return Block(
        "Posts",
        ("Post", "Agency", "Role", "Who", "Hours", "Equipment"),
        rows,
        widths=(3, 2, 2, 3, 3, 2),
    )


def _reds(d: Desk) -> Block:
    rows = tuple((r.words, r.owner, d.clock(r.due)) for r in reds_of(d.operation, d.now))
    return Block(
        "What is red", ("What", "Whose", "By"), rows, empty="Nothing is red.", widths=(7, 2, 2)
    )


def _approvals(d: Desk) -> Block:
    rows = store.approvals(d.operation.id)
    called = names(r.person for r in rows)
    found = tuple(
        (called.get(r.person, r.person), d.agency(r.by_agency), d.clock(r.approved_at))
        for r in rows
    )
    return Block(
        "Approved by", ("Name", "Agency", "When"), found, empty="Nobody has approved the plan."
    )


_BLOCKS: dict[str, Boxes] = {
    "201": _briefing,
    "202": _objectives,
    "203": _organization,
    "204": _assignments,
    "205": _radio,
    "205A": _list,
    "206": _medical,
    "209": _status,
    "214": _activity,
    "215A": _safety,
}

__all__ = ["TITLES", "make"]
