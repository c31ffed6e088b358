"""What happens in an exercise in the field: with Tocsin the real action of its stage, in the control what history did.

The same messages by the same people at the same minutes. In the control nothing is put on the record and nobody is
told but those whom history names, with the facts that were still in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tocsin.exercise.live.setting import Handed, Stage
from tocsin.exercise.live.terms import (
    Asked,
    Breached,
    Busy,
    Down,
    Goes,
    Happening,
    Left,
    Lost,
    Mark,
    Over,
    Passed,
    PostSpec,
    Seen,
    Swept,
)
from tocsin.exercise.world import Line
from tocsin.kernel import clock
from tocsin.kernel.errors import TocsinError
from tocsin.operate import actions as operate
from tocsin.operate.actions.places import note_location
from tocsin.operate.models import Sighting
from tocsin.plan import actions as plan
from tocsin.plan.models import Zone
from tocsin.plan.terms import Method


def perform(stage: Stage, inject: Happening) -> None:
    """Let `inject` happen, as of now. What the system refuses is a line of the log; it would be one for a person too.

    Whoever a team plays decides whether to go by themselves.
    """
    if isinstance(inject, Goes) and inject.actor in stage.played:
        return
    try:
        _DO[type(inject)](stage, inject)
    except TocsinError as error:
        who = stage.story.player(inject.actor).role
        stage.log.append(Line(clock.now(), who, f"{inject.id}: {error.message}", refused=True))


def by_hand(stage: Stage, inject: Happening) -> None:
    """What history did with it: it reached whom it reached, later, with what was left of it."""
    for h in getattr(inject, "by_hand", ()):
        stage.handed.append(
            Handed(inject.id, getattr(inject, "of", ""), h.to, h.at, h.keeps, h.words)
        )


def seen(stage: Stage, i: Seen) -> None:
    """Reported by the field app; what is known already is added to."""
    actor, where = stage.actor(i.actor), stage.point(i.where) if i.where else None
    common: dict[str, Any] = {
        "text": i.text,
        "severity": i.severity,
        "aggravators": i.facts,
        "at_point": where,
        "place": i.place,
        "key": f"{i.id}",
    }
    if i.of in stage.sightings:
        if not (where or i.place):
            common["severity"] = 0 if i.severity == 1 else i.severity
        operate.update_sighting(actor, sighting=stage.sightings[i.of], **common)
        return
    stage.sightings[i.of] = operate.report_sighting(
        actor, operation=stage.operation, kind=i.what, **common
    )


def lost(stage: Stage, i: Lost) -> None:
    """Whoever watched says that they do not see it any more."""
    row = Sighting.objects.get(id=stage.sightings[i.of])
    operate.track_lost(stage.actor(i.actor), sighting=row.id, direction=i.direction, key=i.id)


def over(stage: Stage, i: Over) -> None:
    """It is over."""
    operate.resolve(stage.actor(i.actor), sighting=stage.sightings[i.of], reason=i.text, key=i.id)


def passed(stage: Stage, i: Passed) -> None:
    """With Tocsin there is nothing to pass on: the record is with everybody. What was retold is not retold."""
    stage.log.append(
        Line(clock.now(), stage.story.player(i.actor).role, f"{i.id}: it is there already")
    )


def asked(stage: Stage, i: Asked) -> None:
    """The answer of the register is timed by the machine's clock, for the exercise's stands still meanwhile."""
    begun = time.perf_counter()
    row = operate.ask(
        stage.actor(i.actor),
        operation=stage.operation,
        text=i.text,
        at_point=stage.point(i.where),
        place=i.place,
        key=i.id,
    )
    stage.answered_in[i.id] = time.perf_counter() - begun
    stage.questions[i.id] = row.id


def left(stage: Stage, i: Left) -> None:
    """They go, and their phone with them; whether they say so is theirs."""
    stage.places[i.actor] = stage.point(i.to)
    locate(stage, i.actor)
    if i.said:
        operate.vacate(
            stage.actor(i.actor), operation=stage.operation, post=stage.posts[i.post], key=i.id
        )


def down(stage: Stage, i: Down) -> None:
    """Reported once, as out of order."""
    actor = stage.actor(i.actor)
    stage.absences[i.id] = operate.report_absence(
        actor,
        operation=stage.operation,
        kind="DOWN",
        subject=i.about,
        label=i.label,
        agency=stage.agencies[stage.story.player(i.actor).agency],
        key=i.id,
    )


def up(stage: Stage, i: Down) -> None:
    """It works again."""
    operate.end_absence(stage.actor(i.actor), absence=stage.absences[i.id])


def busy(stage: Stage, i: Busy) -> None:
    """Noted on the board."""
    stage.incidents[i.id] = operate.note_incident(
        stage.actor(i.actor),
        operation=stage.operation,
        kind=i.what,
        text=i.text,
        place=i.place,
        key=i.id,
    )


def calm(stage: Stage, i: Busy) -> None:
    """That is over."""
    operate.end_incident(stage.actor(i.actor), incident=stage.incidents[i.id])


def goes(stage: Stage, i: Goes) -> None:
    """Decided on the page that shows all that is red, by name and with a reason."""
    plan.decide(stage.actor(i.actor), operation=stage.operation, go=i.go, reason=i.text)


def swept(stage: Stage, i: Swept) -> None:
    """The team says what it did."""
    row = Zone.objects.get(id=stage.zones[i.zone])
    team = stage.actor(i.actor)
    plan.end_sweep(
        team,
        zone=row.id,
        version=row.version,
        start=i.began,
        end=i.at,
        found=i.found,
        holds=i.holds,
        method=Method(row.method or Method.CANINE.value),
        track=[stage.point(p) for p in i.track],
        note=i.text,
    )


def breached(stage: Stage, i: Breached) -> None:
    """Somebody got in."""
    row = Zone.objects.get(id=stage.zones[i.zone])
    plan.breach(stage.actor(i.actor), zone=row.id, version=row.version, note=i.text)


def mark(stage: Stage, i: Mark) -> None:
    """Nobody's message: nothing to do."""


def locate(stage: Stage, player: str) -> None:
    """A phone says where it is, as the field app does by itself while it is on."""
    point = stage.places.get(player)
    if point is None or stage.story.player(player).phone is None:
        return
    post = next((p.id for p in stage.story.plan.posts if p.person == player), "")
    note_location(
        operation=stage.operation,
        device=f"phone-{player}",
        person=stage.people[player],
        point=point,
        post=stage.posts.get(post, ""),
        accuracy_m=10,
        battery=80,
        at=clock.now(),
    )


def locate_all(stage: Stage) -> None:
    """Every phone that is on says where it is."""
    for player in stage.places:
        locate(stage, player)


def here(stage: Stage, post: PostSpec) -> None:
    """Whoever holds the post taps that they are there; whoever left it does not."""
    if post.person not in stage.played and stage.places.get(post.person) == stage.point(post.at):
        operate.check_in(
            stage.actor(post.person), operation=stage.operation, post=stage.posts[post.id]
        )


_DO: dict[type, Callable[[Stage, Any], None]] = {
    Seen: seen,
    Lost: lost,
    Over: over,
    Passed: passed,
    Asked: asked,
    Left: left,
    Down: down,
    Busy: busy,
    Goes: goes,
    Swept: swept,
    Breached: breached,
    Mark: mark,
}
