"""What is red in comms: sets not collected or not tested, pairs without a proved way, gateways that do not work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import combinations

from tocsin.people.models import Operation
from tocsin.people.store import agency_names
from tocsin.plan import store
from tocsin.plan.network import Level
from tocsin.plan.reds.registry import Red, source
from tocsin.plan.store.comms import Proofs
from tocsin.plan.terms import CarryState, GatewayKind, GatewayState

PAGE = "plan-comms"


@source
def sets(operation: Operation, now: datetime) -> Iterator[Red]:
    """For each agency and channel: what was not collected, or collected and never tested."""
    names = agency_names()
    labels = {c.id: c.label for c in store.channels(operation.id)}
    posts = dict(store.posts(operation.id).values_list("id", "label"))
    wanting: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for c in store.carries(operation.id).exclude(state=CarryState.TESTED):
        if c.channel in labels:
            wanting[c.agency, c.channel, c.state].append(posts.get(c.post, "the agency's desk"))
    for (agency, channel, state), places in sorted(wanting.items()):
        kind, said = (
            ("uncollected_radio", "not collected")
            if state == CarryState.PLANNED
            else ("untested_radio", "never tested")
        )
        owner = names.get(agency, agency)
        words = f"{owner}, {labels[channel]}: {said} at {_some(places)}."
        yield Red(kind, f"{channel}/{agency}", words, owner, None, PAGE)


@source
def gateways(operation: Operation, now: datetime) -> Iterator[Red]:
    """Gateways that are down or were never tested, and people who are to relay without the sets to do it."""
    lead = agency_names().get(operation.lead_agency, operation.lead_agency)
    held: dict[str, set[str]] = defaultdict(set)
    for c in store.carries(operation.id):
        held[c.post].add(c.channel)
    for g in store.gateways(operation.id):
        if g.kind == GatewayKind.RELAY_PERSON and not {g.a, g.b} <= held[g.post]:
            words = f"{g.label}: whoever relays does not carry both channels."
            yield Red("relay_without_radio", g.id, words, lead, None, PAGE)
        elif g.state != GatewayState.TESTED:
            words = f"{g.label}: {GatewayState(g.state).words}."
            yield Red("gateway", g.id, words, lead, None, PAGE)


@source
def pairs(operation: Operation, now: datetime) -> Iterator[Red]:
    """Agencies, and posts, between which no message was proved to travel."""
    taking_part = store.agencies(operation.id)
    names = agency_names()
    lead = names.get(operation.lead_agency, operation.lead_agency)
    if len(taking_part) > 1 and not store.channels(operation.id).exists():
        words = "No channel is on the plan: nothing says how the agencies speak with each other."
        yield Red("no_channel", operation.id, words, lead, None, PAGE)
        return
    found = store.proofs(operation.id)
    for a, b in combinations(taking_part, 2):
        who = f"{names.get(a, a)} and {names.get(b, b)}"
        if words := _agencies(found, a, b):
            yield Red("untested_pair", f"{a}/{b}", f"{who}: {words}", lead, None, PAGE)
    grouped = found.tally[Level.TESTED].grouped
    for (a, b), counts in sorted(grouped.items()):
        if counts[0]:
            who = (
                f"Posts of {names.get(a, a)} and {names.get(b, b)}"
                if a != b
                else f"Posts of {names.get(a, a)}"
            )
            words = f"{who}: {counts[0]} of {sum(counts)} pairs have no tested way to each other."
            yield Red("untested_posts", f"{a}/{b}", words, lead, None, PAGE)


def _agencies(found: Proofs, a: str, b: str) -> str:
    """What is wrong between two agencies; '' = a tested way."""
    if found.agencies[Level.TESTED].linked(a, b):
        return ""
    if found.agencies[Level.PLANNED].linked(a, b):
        return "a way is planned, and was never tested."
    return "no way is planned."


def _some(places: list[str]) -> str:
    shown = ", ".join(sorted(places)[:3])
    return f"{shown} and {len(places) - 3} more" if len(places) > 3 else shown
