"""Communications: whether a message can travel between any two agencies and posts, over what, and what breaks it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods

from tocsin.kernel import clock
from tocsin.people.models import Operation
from tocsin.people.store import agency_names
from tocsin.people.terms import Actor
from tocsin.plan import fixes, store
from tocsin.plan.actions import comms, staffing
from tocsin.plan.connect import Proof, Standing
from tocsin.plan.fixes import Fix, FixKind
from tocsin.plan.models import Carry, RadioCheck
from tocsin.plan.network import RELAY, Level
from tocsin.plan.store.comms import Proofs
from tocsin.plan.terms import CarryState
from tocsin.web.pages.plan_shared import Act, Form, Problem, frame, mine, perform

SHOWN = 12


@dataclass(frozen=True, slots=True)
class Labels:
    """What people call the things of a plan."""

    agencies: dict[str, str]
    posts: dict[str, str]
    channels: dict[str, str]
    gateways: dict[str, str]
    sets: dict[str, str]

    @classmethod
    def of(cls, operation: str, carries: list[Carry]) -> Labels:
        agencies = agency_names()
        posts = dict(store.posts(operation).values_list("id", "label"))
        channels = dict(store.channels(operation).values_list("id", "label"))
        sets = {
            c.id: f"{posts.get(c.post) or agencies.get(c.agency, c.agency)}, {channels.get(c.channel, '?')}"
            for c in carries
        }
        return cls(
            agencies,
            posts,
            channels,
            dict(store.gateways(operation).values_list("id", "label")),
            sets,
        )

    def of_thing(self, name: str) -> str:
        """A channel, a gateway, a person who relays, a set or an end."""
        if name.startswith(RELAY):
            return f"whoever relays at {self.posts.get(name.removeprefix(RELAY), '?')}"
        for known in (self.channels, self.gateways, self.posts, self.agencies, self.sets):
            if name in known:
                return known[name]
        return name.rpartition("/")[2]

    def of_set(self, end: str, device: str) -> str:
        """The one set by which an end is reached."""
        if device in self.sets:
            return f"the set at {self.sets[device]}"
        return f"“{device.rpartition('/')[2]}” of {self.of_thing(end)}"


@login_required
@require_http_methods(["GET", "POST"])
def comms_page(request: HttpRequest, operation: str) -> HttpResponse:
    """The matrix of agencies, what breaks most, the cheapest fixes, and radio checks."""
    a, row = mine(request, operation)
    problem: Problem | None = None
    if request.method == "POST":
        answer = perform(request, a, row, _ACTS)
        if isinstance(answer, str):
            messages.success(request, answer)
            return redirect("plan-comms", operation=row.id)
        problem = answer
    found, carries = store.proofs(row.id), list(store.carries(row.id, a))
    labels = Labels.of(row.id, carries)
    tally = found.tally[Level.TESTED]
    pair = request.GET.get("p", ""), request.GET.get("q", "")
    context = {
        **frame(a, row, "comms"),
        "matrix": _matrix(found, labels),
        "names": [labels.agencies.get(x, x) for x in found.layout.agencies],
        "posts_count": len(found.layout.posts),
        "pairs": _pairs(found, labels),
        "losses": _losses(found, labels),
        "none": tally.counts[Standing.NONE],
        "total": sum(tally.counts.values()),
        "without": [(p, labels.posts[p], q, labels.posts[q]) for p, q in tally.without[:SHOWN]],
        "more_without": max(0, len(tally.without) - SHOWN),
        "fixes": [
            (f, _said(f, labels))
            for f in fixes.ranked(
                found.layout, found.posts[Level.PLANNED], found.posts[Level.TESTED]
            )
        ],
        "pair": _pair(found, labels, *pair),
        "asked": pair,
        "posts": sorted(labels.posts.items(), key=lambda x: x[1]),
        "checks": _checks(a, row, labels, carries),
        "sets": [
            (c.id, labels.sets[c.id])
            for c in carries
            if c.state != CarryState.PLANNED and _hands(a, row, c)
        ],
        "gateways": sorted(labels.gateways.items(), key=lambda x: x[1]),
        "problem": problem,
        "given": problem.given if problem else request.GET,
    }
    return render(request, "plan/comms.html", context, status=422 if problem else 200)


def _hands(a: Actor, row: Operation, carry: Carry) -> bool:
    """Whether the actor may say something of a set here; who stands at the post says it from the field."""
    return staffing.may_staff(a, row, carry.agency)


def _matrix(found: Proofs, labels: Labels) -> list[dict[str, Any]]:
    ids = found.layout.agencies
    grouped = found.tally[Level.TESTED].grouped
    return [
        {
            "name": labels.agencies.get(p, p),
            "cells": [
                None
                if p == q
                else {
                    **_cell(found, p, q),
                    "posts": grouped.get((min(p, q), max(p, q))),
                    "p": p,
                    "q": q,
                }
                for q in ids
            ],
        }
        for p in ids
    ]


def _cell(found: Proofs, p: str, q: str) -> dict[str, str]:
    standing = found.agencies[Level.TESTED].standing(p, q)
    if standing is Standing.TWO_WAYS:
        return {"tone": "good", "words": "two ways or more"}
    if standing is Standing.ONE_LOSS:
        return {"tone": "warn", "words": "one loss breaks it"}
    planned = found.agencies[Level.PLANNED].linked(p, q)
    return {"tone": "bad", "words": "planned, never tested" if planned else "no way"}


def _pairs(found: Proofs, labels: Labels) -> list[dict[str, Any]]:
    """Every two agencies, the worst first: the matrix as a list."""
    order = {"bad": 0, "warn": 1, "good": 2}
    said = []
    for p, q in combinations(found.layout.agencies, 2):
        link = found.agencies[Level.TESTED].link(p, q)
        loss = [labels.of_thing(x) for x in link.losses] + [
            labels.of_set(e, d) for e, d in link.devices
        ]
        cell = _cell(found, p, q)
        names = labels.agencies.get(p, p), labels.agencies.get(q, q)
        hops = [labels.of_thing(x) for x in found.agencies[Level.TESTED].hops(p, q)]
        said.append({**cell, "names": names, "p": p, "q": q, "losses": loss, "hops": hops})
    return sorted(said, key=lambda x: (order[str(x["tone"])], x["names"]))[:200]


def _losses(found: Proofs, labels: Labels) -> list[tuple[str, int]]:
    """What breaks most pairs of posts by itself."""
    tally = found.tally[Level.TESTED]
    things = [(labels.of_thing(x), n) for x, n in tally.losses.items()]
    things += [(labels.of_set(e, d), n) for (e, d), n in tally.devices.items()]
    return sorted(things, key=lambda x: (-x[1], x[0]))[:SHOWN]


def _pair(found: Proofs, labels: Labels, p: str, q: str) -> dict[str, Any] | None:
    """What is proved, and planned, between two ends that were chosen."""
    for proofs in (found.posts, found.agencies):
        ends = proofs[Level.TESTED].net.ends
        if p in ends and q in ends and p != q:
            return {
                "names": (labels.of_thing(p), labels.of_thing(q)),
                "levels": [
                    ("Tested", _way(proofs[Level.TESTED], labels, p, q)),
                    ("Planned", _way(proofs[Level.PLANNED], labels, p, q)),
                ],
            }
    return None


def _way(proof: Proof, labels: Labels, p: str, q: str) -> dict[str, Any]:
    link = proof.link(p, q)
    tones = {Standing.TWO_WAYS: "good", Standing.ONE_LOSS: "warn", Standing.NONE: "bad"}
    return {
        "tone": tones[link.standing],
        "words": link.standing.value,
        "hops": [labels.of_thing(x) for x in proof.hops(p, q)],
        "losses": [labels.of_thing(x) for x in link.losses]
        + [labels.of_set(e, d) for e, d in link.devices],
    }


_TOLD = {
    FixKind.EVERYTHING: "Collect and test all that is planned: each set by a roll call, each gateway by a word.",
    FixKind.ROLL_CALL: "Hold a roll call on {0}: collect and test every set that is planned for it.",
    FixKind.TEST_GATEWAY: "Test {0}: send a word over it.",
    FixKind.RELAY: "Name whoever stands at {0} as the one who relays between {1} and {2}: they carry both.",
    FixKind.GIVE_SET: "Give {0} a set on {1}.",
    FixKind.PATCH: "Join {0} and {1} by a patch.",
}


def _said(fix: Fix, labels: Labels) -> str:
    return _TOLD[fix.kind].format(*(labels.of_thing(x) for x in fix.about))


def _checks(a: Actor, row: Operation, labels: Labels, carries: list[Carry]) -> list[dict[str, Any]]:
    """Radio checks that run: the word for whoever asked, a field for those who may have heard it."""
    rows: list[RadioCheck] = list(store.checks(row.id, clock.now()))
    channel = {c.id: c.channel for c in carries}
    sides = {g.id: (g.a, g.b) for g in store.gateways(row.id, a)}
    found = []
    for check in rows:
        on = channel.get(check.carry, "")
        if check.gateway in sides:
            on = next(c for c in sides[check.gateway] if c != on)
        heard = [
            (c.id, labels.sets[c.id])
            for c in carries
            if c.channel == on and c.id != check.carry and _hands(a, row, c)
        ]
        found.append(
            {
                "row": check,
                "from": labels.sets.get(check.carry, "?"),
                "over": labels.gateways.get(check.gateway, ""),
                "word": check.word if check.asker == a.person else "",
                "heard": [] if check.asker == a.person else heard,
            }
        )
    return found


def _begin(a: Actor, row: Operation, form: Form) -> str:
    made = comms.begin_check(a, carry=form["carry"], gateway=form["gateway"])
    return f"Say the word “{made.word}” once over the channel. Whoever hears it writes it in here within 5 minutes."


def _answer(a: Actor, row: Operation, form: Form) -> str:
    right = comms.answer_check(a, check=form["subject"], carry=form["carry"], word=form["word"])
    return (
        "Right: both sets are tested."
        if right
        else "That was not the word. Ask for it to be said again."
    )


_ACTS: dict[str, Act] = {"begin": _begin, "answer": _answer}

urlpatterns = [
    path("operations/<str:operation>/comms", comms_page, name="plan-comms"),
]
