"""From the rows of a communications plan to the nets that are proved: as planned, and as tested."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tocsin.plan.connect import MANY, Net
from tocsin.plan.terms.comms import CarryState, GatewayKind, GatewayState

RELAY = "relay:"
"""What the name of a person who relays begins with; the id of the post follows."""


@dataclass(frozen=True, slots=True)
class Held:
    """A way onto a channel: of a post, or with `post` '' of the agency's own desk."""

    id: str
    agency: str
    post: str
    channel: str
    device: str
    state: str


@dataclass(frozen=True, slots=True)
class Way:
    """A gateway between channels `a` and `b`."""

    id: str
    kind: str
    a: str
    b: str
    post: str
    state: str


@dataclass(frozen=True, slots=True)
class Layout:
    """A communications plan: live channels, post -> its agency, agencies, who holds what, what joins what."""

    channels: tuple[str, ...]
    posts: Mapping[str, str]
    agencies: tuple[str, ...]
    holds: tuple[Held, ...]
    ways: tuple[Way, ...]


class Level(StrEnum):
    """What counts: all that is planned, or only what was tested."""

    PLANNED = "PLANNED"
    TESTED = "TESTED"


def of_posts(layout: Layout, level: Level) -> Net:
    """The net whose ends are the posts."""
    ends: dict[str, dict[str, str]] = {post: {} for post in layout.posts}
    for h in _counted(layout, level):
        if h.post in ends:
            ends[h.post][h.channel] = _device(ends[h.post], h)
    return Net(layout.channels, ends, gateways(layout, level))


def of_agencies(layout: Layout, level: Level) -> Net:
    """The net whose ends are the agencies: an agency is reached where one of its posts or its desk is."""
    ends: dict[str, dict[str, str]] = {agency: {} for agency in layout.agencies}
    for h in _counted(layout, level):
        agency = layout.posts.get(h.post, "") if h.post else h.agency
        if agency in ends:
            ends[agency][h.channel] = _device(ends[agency], h)
    return Net(layout.channels, ends, gateways(layout, level))


def gateways(layout: Layout, level: Level) -> dict[str, tuple[str, ...]]:
    """Gateway -> what it joins. Whoever relays must hold every channel they relay between."""
    holds = defaultdict(set)
    for h in _counted(layout, level):
        holds[h.post].add(h.channel)
    found: dict[str, tuple[str, ...]] = {}
    live = set(layout.channels)
    for w in layout.ways:
        if w.state in (GatewayState.DOWN, GatewayState.REMOVED) or not {w.a, w.b} <= live:
            continue
        if level is Level.TESTED and w.state != GatewayState.TESTED:
            continue
        if w.kind == GatewayKind.RELAY_PERSON:
            if {w.a, w.b} <= holds[w.post]:
                name = RELAY + w.post
                found[name] = tuple(dict.fromkeys((*found.get(name, ()), w.a, w.b)))
        else:
            found[w.id] = (w.a, w.b)
    return found


def _counted(layout: Layout, level: Level) -> Iterable[Held]:
    live = set(layout.channels)
    wanted = (
        {CarryState.TESTED} if level is Level.TESTED else set(CarryState) - {CarryState.REMOVED}
    )
    return [h for h in layout.holds if h.state in wanted and h.channel in live]


def _device(carried: Mapping[str, str], h: Held) -> str:
    """The set by which an end has a channel: its own name where it has one; MANY from the second on."""
    own = f"{h.post}/{h.device}" if h.device else h.id
    before = carried.get(h.channel)
    return own if before is None or before == own else MANY
