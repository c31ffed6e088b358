"""Reading comms: channels, who carries what, and the proof of it, kept until something changes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from tocsin.people.terms import SYSTEM, Actor
from tocsin.people.visibility import visible_to
from tocsin.plan.connect import Proof
from tocsin.plan.models import Carry, Channel, Gateway, RadioCheck
from tocsin.plan.network import Held, Layout, Level, Way, of_agencies, of_posts
from tocsin.plan.store.staffing import agencies, posts
from tocsin.plan.terms import CarryState, GatewayState

if TYPE_CHECKING:
    from tocsin.plan.census import Tally

_KEPT = 16
"""Operations whose proof is kept in memory; the least used goes first."""


@dataclass(frozen=True, slots=True)
class Proofs:
    """What is proved of an operation's communications, by posts and by agencies, planned and tested."""

    layout: Layout
    posts: dict[Level, Proof]
    agencies: dict[Level, Proof]
    tally: dict[Level, Tally]


_proofs: OrderedDict[str, Proofs] = OrderedDict()
_lock = Lock()


def channels(operation: str, actor: Actor = SYSTEM) -> QuerySet[Channel]:
    """The channels of the plan, in the order of their zone and number."""
    rows = visible_to(actor, Channel.objects.filter(operation=operation, state="LIVE"))
    return rows.order_by("zone", "number", "label", "id")


def carries(operation: str, actor: Actor = SYSTEM) -> QuerySet[Carry]:
    """Who carries what."""
    rows = Carry.objects.filter(operation=operation).exclude(state=CarryState.REMOVED)
    return visible_to(actor, rows).order_by("agency", "post", "id")


def gateways(operation: str, actor: Actor = SYSTEM) -> QuerySet[Gateway]:
    """What joins channels."""
    rows = Gateway.objects.filter(operation=operation).exclude(state=GatewayState.REMOVED)
    return visible_to(actor, rows).order_by("label", "id")


def checks(operation: str, now: datetime) -> QuerySet[RadioCheck]:
    """Radio checks that run now."""
    rows = RadioCheck.objects.filter(operation=operation, ended_at=None, expires_at__gt=now)
    return rows.order_by("begun_at", "id")


def proofs(operation: str) -> Proofs:
    """All that is proved of the plan as it is now: from memory where nothing changed, else what changed is proved
    again. The rows themselves are compared: times of commits may come out of order."""
    layout = _layout(operation)
    with _lock:
        kept = _proofs.get(operation)
    if kept is not None and kept.layout == layout:
        return kept
    made = prove(layout, kept)
    with _lock:
        _proofs[operation] = made
        _proofs.move_to_end(operation)
        while len(_proofs) > _KEPT:
            _proofs.popitem(last=False)
    return made


def prove(layout: Layout, before: Proofs | None = None) -> Proofs:
    """What is proved of a layout; `before` = of the same operation before the change."""
    from tocsin.plan.census import take  # noqa: PLC0415 - arrays; only proving pays for them

    by_post, by_agency, tally = {}, {}, {}
    for level in Level:
        net, wide = of_posts(layout, level), of_agencies(layout, level)
        by_post[level] = before.posts[level].after(net) if before else Proof(net)
        by_agency[level] = by_post[level].after(wide)  # the same channels and gateways
        same = (
            before is not None
            and before.posts[level] is by_post[level]
            and before.layout.posts == layout.posts
        )
        tally[level] = (
            before.tally[level] if before and same else take(by_post[level], layout.posts)
        )
    return Proofs(layout, by_post, by_agency, tally)


def _layout(operation: str) -> Layout:
    held = carries(operation).values_list("id", "agency", "post", "channel", "device", "state")
    ways = gateways(operation).values_list("id", "kind", "a", "b", "post", "state")
    return Layout(
        tuple(channels(operation).values_list("id", flat=True)),
        dict(posts(operation).values_list("id", "agency")),
        tuple(agencies(operation)),
        tuple(Held(*row) for row in held),
        tuple(Way(*row) for row in ways),
    )
