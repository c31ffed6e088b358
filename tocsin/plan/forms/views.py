"""What each form says, read from the plan and the record as one person may see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from tocsin.kernel import clock, settings
from tocsin.kernel.errors import NotFound
from tocsin.people.models import Operation
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor, Role
from tocsin.people.visibility import visible_to
from tocsin.plan import store
from tocsin.plan.forms.paper import Block, Paper
from tocsin.plan.models import Assignment, Post
from tocsin.plan.notation import write_point
from tocsin.plan.reds import of as reds_of
from tocsin.plan.rules import Sweep, standing, sweep_standing
from tocsin.plan.terms import AreaKind, CarryState, PostKind
from tocsin.record import store as record
from tocsin.record.models import Entry

LOG_CAP = 1000
"""Lines of an activity log; the newest are kept, and the form says so."""
_MEDICAL = ("medic", "ambulance", "first aid", "hospital", "paramedic", "emt")

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


@dataclass
class _Desk:
    """What the forms are made from, each read once."""

    actor: Actor
    operation: Operation
    now: datetime
    agencies: dict[str, str] = field(default_factory=agency_names)

    def __post_init__(self) -> None:
        self.zone = ZoneInfo(settings.current().timezone)
        self.posts = list(store.posts(self.operation.id, self.actor))
        rows = store.assignments(self.operation.id, self.actor).filter(relieved_at=None)
        self.held: dict[str, list[Assignment]] = defaultdict(list)
        for one in rows:
            self.held[one.post].append(one)
        self.names = names(one.person for many in self.held.values() for one in many)
        self.channels = {c.id: c for c in store.channels(self.operation.id, self.actor)}
        self.carried: dict[str, list[str]] = defaultdict(list)
        for c in store.carries(self.operation.id, self.actor):
            if c.channel in self.channels:
                done = "" if c.state == CarryState.TESTED else " (not tested)"
                self.carried[c.post or c.agency].append(f"{self.channels[c.channel].label}{done}")

    def clock(self, at: datetime | None) -> str:
        return at.astimezone(self.zone).strftime("%d %b %H:%M") if at else ""

    def hours(self, start: datetime, end: datetime) -> str:
        return f"{self.clock(start)} to {self.clock(end)}"

    def agency(self, agency: str) -> str:
        return self.agencies.get(agency, agency)

    def who(self, post: Post) -> str:
        return "; ".join(
            f"{self.names.get(a.person, a.person)}"
            + (
                ""
                if (a.from_at, a.until_at) == (post.from_at, post.until_at)
                else f", {self.hours(a.from_at, a.until_at)}"
            )
            for a in self.held[post.id]
        )


def make(actor: Actor, operation: Operation, code: str) -> Paper:
    """One form as the actor may see it. Raises: NotFound for a code that is no form here."""
    if code not in _BLOCKS:
        raise NotFound(
            f"there is no form {code[:10]!r}", cure=f"Choose one of {', '.join(TITLES)}."
        )
    desk = _Desk(actor, operation, clock.now())
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


def _briefing(d: _Desk) -> Iterable[Block]:
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
    yield _reds(d)
    yield Block("Actions", ("Time", "By", "What"), tuple(_log(d, 20)), widths=(2, 3, 8))
    yield _command(d)
    yield _resources(d)


def _objectives(d: _Desk) -> Iterable[Block]:
    must = [
        (d.agency(m["agency"]), str(Role(m["role"]).title) if m["role"] in set(Role) else m["role"])
        for m in d.operation.must_know
    ]
    yield Block(
        "Objectives", empty="To be written by hand: the record holds no objectives of their own."
    )
    yield Block("Who must know of every threat", ("Agency", "Role"), tuple(must))
    yield _reds(d)
    yield _approvals(d)


def _organization(d: _Desk) -> Iterable[Block]:
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


def _assignments(d: _Desk) -> Iterable[Block]:
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


def _radio(d: _Desk) -> Iterable[Block]:
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


def _list(d: _Desk) -> Iterable[Block]:
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


def _medical(d: _Desk) -> Iterable[Block]:
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
        "Medical aid at posts of the plan",
        ("Station", "Agency", "Who", "Hours", "Equipment"),
        tuple(found),
        empty="No post of the plan is named as medical aid.",
    )
    for heading in ("Transportation", "Hospitals", "Medical emergency procedures"):
        yield Block(heading, empty="To be written by hand: the plan does not hold it.")


def _status(d: _Desk) -> Iterable[Block]:
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
    yield _reds(d)
    yield _resources(d)


def _activity(d: _Desk) -> Iterable[Block]:
    lines = tuple(_log(d, LOG_CAP))
    more = f" (the newest {LOG_CAP})" if len(lines) == LOG_CAP else ""
    yield Block(f"Activity log{more}", ("Time", "By", "Notable activity"), lines, widths=(2, 3, 8))


def _safety(d: _Desk) -> Iterable[Block]:
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


def _command(d: _Desk) -> Block:
    rows = tuple(
        (PostKind(p.kind).words, p.label, d.agency(p.agency), d.who(p) or "nobody")
        for p in d.posts
        if p.command
    )
    return Block("Command", ("What", "Post", "Agency", "Who"), rows)


def _resources(d: _Desk) -> Block:
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


def _reds(d: _Desk) -> Block:
    rows = tuple((r.words, r.owner, d.clock(r.due)) for r in reds_of(d.operation, d.now))
    return Block(
        "What is red", ("What", "Whose", "By"), rows, empty="Nothing is red.", widths=(7, 2, 2)
    )


def _approvals(d: _Desk) -> Block:
    rows = store.approvals(d.operation.id)
    called = names(r.person for r in rows)
    found = tuple(
        (called.get(r.person, r.person), d.agency(r.by_agency), d.clock(r.approved_at))
        for r in rows
    )
    return Block(
        "Approved by", ("Name", "Agency", "When"), found, empty="Nobody has approved the plan."
    )


def _log(d: _Desk, most: int) -> list[tuple[str, str, str]]:
    """The newest entries of the operation the actor may see, in order: when it happened, who, what.

    What the clock does about duties is left out: it is no activity of anybody's.
    """
    rows = visible_to(
        d.actor,
        Entry.objects.filter(operation=d.operation.id).exclude(kind__startswith="duty."),
        subject="subject",
    ).order_by("-n")[:most]
    entries = [record.decode(row.body) for row in reversed(rows)]
    called = names(e.actor for e in entries)
    labels = {p.id: p.label for p in d.posts} | {c.id: c.label for c in d.channels.values()}
    labels |= {a.id: a.label for a in store.areas(d.operation.id, d.actor)}
    labels |= {p.id: p.label for p in store.positions(d.operation.id, d.actor)}
    labels |= {z.id: z.label for z in store.zones(d.operation.id, d.actor)}
    labels |= {g.id: g.label for g in store.gateways(d.operation.id, d.actor)}
    labels[d.operation.id] = d.operation.name
    for c in store.carries(d.operation.id, d.actor):
        where = labels.get(c.post) or f"desk of {d.agency(c.agency)}"
        labels[c.id] = f"{labels.get(c.channel, '')} at {where}"
    return [
        (
            d.clock(datetime.fromisoformat(e.occurred_at)),
            called.get(e.actor, e.actor),
            f"{_words(e.kind)}: {labels.get(e.subject) or e.data.get('label') or e.subject}",
        )
        for e in entries
    ]


def _words(kind: str) -> str:
    """`plan.post_placed` as people read it: Post placed."""
    area, _, what = kind.partition(".")
    said = (
        what.replace("carry_", "radio_or_phone_").replace("issued", "collected").replace("_", " ")
    )
    return (said if area in ("plan", "operate") else f"{area} {said}").capitalize()


_BLOCKS: dict[str, Callable[[_Desk], Iterable[Block]]] = {
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
