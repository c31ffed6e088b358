"""Setting the stage in an empty site: agencies, people, the operation, the directory, and the plan as history had it.

Everything goes through the same actions as on a real site. Both columns get the same plan; what the product makes of
it (what is red, who owes what) nobody is shown in the control.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from math import dist

from tocsin.deliver.actions import add_recipient
from tocsin.duties.actions import adopt_policy
from tocsin.exercise.cast import ROLES
from tocsin.exercise.live.terms import CarrySpec, FieldStory, Metres, Player, PositionSpec
from tocsin.exercise.world import Line
from tocsin.operate import actions as operate
from tocsin.operate.rules.straying import AWAY
from tocsin.people import actions as people
from tocsin.people import store
from tocsin.people.terms import SYSTEM, Actor, Role
from tocsin.plan import actions as plan
from tocsin.plan.actions import comms, staffing
from tocsin.plan.geometry import Point
from tocsin.plan.models import Position, Zone
from tocsin.plan.terms import ChannelDraft, Method, PostDraft


@dataclass(frozen=True, slots=True)
class Handed:
    """Something reached a person: of which thing, with which facts in it. `inject` '' = it came by Tocsin."""

    inject: str
    of: str
    to: str
    at: datetime
    keeps: tuple[str, ...]
    words: str = ""


@dataclass(slots=True)
class Stage:
    """The ids of one run: the story's name of a thing -> its id in the system; and what happened beside the record."""

    story: FieldStory
    people: dict[str, str] = field(default_factory=dict)
    agencies: dict[str, str] = field(default_factory=dict)
    operation: str = ""
    areas: dict[str, str] = field(default_factory=dict)
    positions: dict[str, str] = field(default_factory=dict)
    posts: dict[str, str] = field(default_factory=dict)
    zones: dict[str, str] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=dict)
    carries: dict[tuple[str, str], str] = field(default_factory=dict)
    sightings: dict[str, str] = field(default_factory=dict)
    absences: dict[str, str] = field(default_factory=dict)
    questions: dict[str, str] = field(default_factory=dict)
    incidents: dict[str, str] = field(default_factory=dict)
    answered_in: dict[str, float] = field(default_factory=dict)
    handed: list[Handed] = field(default_factory=list)
    log: list[Line] = field(default_factory=list)
    places: dict[str, Point] = field(default_factory=dict)
    played: frozenset[str] = frozenset()
    _who: dict[str, Player] = field(default_factory=dict)

    def player(self, person: str) -> Player | None:
        """The scripted person behind an id of the system; None for anybody else."""
        return self._who.get(person)

    def actor(self, player: str) -> Actor:
        """The scripted person as an actor."""
        return store.actor(self.people[player])

    def know(self, player: Player, id: str) -> None:
        """Note which account plays whom."""
        self.people[player.id] = id
        self._who[id] = player

    def point(self, at: Metres) -> Point:
        """A place of the story on the globe."""
        return Point.degrees(*self.story.operation.origin).moved(*at)


Accounts = Mapping[str, tuple[str, str]]


def build(
    story: FieldStory, *, accounts: Accounts | None = None, played: Iterable[str] = ()
) -> Stage:
    """Put the cast and the plan of `story` into an empty site, as of now; returns who and what is where.

    `accounts` = person -> (user name, password) of those who can sign in; `played` = those whom a team plays.
    """
    stage = Stage(story, played=frozenset(played))
    adopt_policy(SYSTEM)
    for a in story.agencies:
        id = a.id.replace("-", "_")
        stage.agencies[a.id] = people.add_agency(SYSTEM, agency=id, name=a.name, short=a.short)
    domains = {a.id: a.domain for a in story.agencies}
    for p in story.people:
        username, password = (accounts or {}).get(p.id, (p.id, None))
        id = people.add_person(
            SYSTEM,
            username=username,
            name=p.role,
            agency=stage.agencies[p.agency],
            roles=[ROLES[seat] for seat in p.seats],
            email=f"{p.id}@{domains[p.agency]}",
            password=password,
        )
        stage.know(p, id)
    stage.operation = _operation(stage)
    _directory(stage, domains)
    _ground(stage)
    _posts(stage)
    _comms(stage)
    check_radios(stage)
    return stage


def must_know(stage: Stage) -> list[tuple[str, Role, Player]]:
    """(agency, role, person) of everybody who must know: the role is the first seat of the person."""
    named = [(a.id, stage.story.player(id)) for a in stage.story.agencies for id in a.must_know]
    return [(stage.agencies[agency], ROLES[p.seats[0]], p) for agency, p in named]


def _operation(stage: Stage) -> str:
    spec = stage.story.operation
    asked = dict.fromkeys((agency, role.value) for agency, role, _ in must_know(stage))
    return people.open_operation(
        SYSTEM,
        name=spec.name,
        place=spec.place,
        lead_agency=stage.agencies[spec.lead_agency],
        agencies=list(stage.agencies.values()),
        starts_at=spec.starts,
        ends_at=spec.ends,
        must_know=[{"agency": agency, "role": role} for agency, role in asked],
    )


def _directory(stage: Stage, domains: Mapping[str, str]) -> None:
    keeper = stage.actor(stage.story.operation.lead)
    ranks: dict[tuple[str, str], int] = {}
    for agency, role, p in must_know(stage):
        rank = ranks[agency, role.value] = ranks.get((agency, role.value), 0) + 1
        add_recipient(
            keeper,
            agency=agency,
            role=role.value,
            name=p.role,
            ways=[("email", f"{p.id}@{domains[p.agency]}"), ("inapp", "")],
            rank=rank,
            person=stage.people[p.id],
        )


def _beside(stage: Stage, p: PositionSpec) -> str:
    """Whoever of the agency that accepted stands at a post there the longest: their press there holds it too."""
    posts = [
        post
        for post in stage.story.plan.posts
        if post.person and post.agency == p.accepting and dist(post.at, p.at) <= AWAY
    ]
    ends = stage.story.operation.ends
    return max(posts, key=lambda post: post.closes or ends).person if posts else ""


def _ground(stage: Stage) -> None:
    spec, lead = stage.story.plan, stage.actor(stage.story.operation.lead)
    for a in spec.areas:
        stage.areas[a.id] = plan.place_area(
            lead,
            operation=stage.operation,
            kind=a.kind,
            label=a.label,
            points=[stage.point(p) for p in a.shape],
            height_m=a.height_m,
            standoff_m=a.standoff_m,
        )
    for p in spec.positions:
        id = stage.positions[p.id] = plan.list_position(
            lead,
            operation=stage.operation,
            label=p.label,
            at=stage.point(p.at),
            height_m=p.height_m,
            accepting=stage.agencies.get(p.accepting, ""),
        )
        if p.accepted_by:
            plan.accept_position(
                stage.actor(p.accepted_by),
                position=id,
                version=Position.objects.get(id=id).version,
                person=stage.people[_beside(stage, p) or p.accepted_by],
                check_in_every_s=int(p.every.total_seconds()),
                mitigation=p.mitigation,
            )
    for z in spec.zones:
        id = stage.zones[z.id] = plan.add_zone(
            lead,
            operation=stage.operation,
            label=z.label,
            points=[stage.point(p) for p in z.shape],
            area=stage.areas.get(z.area, ""),
        )
        if z.team:
            version = Zone.objects.get(id=id).version
            team, method = stage.agencies[z.team], Method(z.method)
            plan.assign_zone(lead, zone=id, version=version, team=team, method=method, due_at=z.due)


def _posts(stage: Stage) -> None:
    spec, lead = stage.story.plan, stage.actor(stage.story.operation.lead)
    for p in spec.posts:
        draft = PostDraft(
            label=p.label,
            agency=stage.agencies[p.agency],
            kind=p.kind,
            at=stage.point(p.at),
            floor=p.floor,
            from_at=p.opens,
            until_at=p.closes,
        )
        stage.posts[p.id] = staffing.place_post(lead, operation=stage.operation, draft=draft)
        if p.person:
            staffing.assign(lead, post=stage.posts[p.id], person=stage.people[p.person])
    for s in spec.seats:
        agency = stage.agencies[stage.story.player(s.person).agency]
        staffing.take_seat(
            lead, room=stage.posts[s.room], agency=agency, person=stage.people[s.person]
        )
    if decider := stage.story.operation.decider:
        player = stage.story.player(decider)
        operate.name_decider(
            lead,
            operation=stage.operation,
            agency=stage.agencies[player.agency],
            person=stage.people[decider],
        )


def _comms(stage: Stage) -> None:
    spec, lead = stage.story.plan, stage.actor(stage.story.operation.lead)
    for line in spec.channels:
        draft = ChannelDraft(label=line.label, kind=line.kind, function=line.function)
        stage.channels[line.id] = comms.add_channel(lead, operation=stage.operation, draft=draft)
    for c in spec.carries:
        carry = comms.plan_carry(
            lead, channel=stage.channels[c.channel], post=stage.posts[c.post], device=c.device
        )
        stage.carries[c.post, c.channel] = carry
        if c.state != "planned":
            comms.issue_carry(lead, carry=carry)
    for g in spec.gateways:
        comms.add_gateway(
            lead,
            operation=stage.operation,
            label=g.label,
            kind=g.kind,
            a=stage.channels[g.a],
            b=stage.channels[g.b],
            post=stage.posts.get(g.post, ""),
        )


def check_radios(stage: Stage) -> None:
    """Those who had tested their sets did so: each with the next one on its channel, by a word sent over it."""
    tested: dict[str, list[CarrySpec]] = {}
    for c in stage.story.plan.carries:
        if c.state == "tested":
            tested.setdefault(c.channel, []).append(c)
    holders = {p.id: p.person for p in stage.story.plan.posts}
    for channel, specs in tested.items():
        for a, b in pairwise(specs):
            asks, answers = stage.actor(holders[a.post]), stage.actor(holders[b.post])
            check = comms.begin_check(asks, carry=stage.carries[a.post, channel])
            carry = stage.carries[b.post, channel]
            comms.answer_check(answers, check=check.id, carry=carry, word=check.word)
