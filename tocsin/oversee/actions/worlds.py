"""Asking for a past world, and building it in the background."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, NotFound, TocsinError
from tocsin.kernel.ids import new_id
from tocsin.oversee import past, terms
from tocsin.oversee.models import World
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.record import checking, database
from tocsin.record.actions import writing
from tocsin.record.models import Heartbeat
from tocsin.record.terms import Marking, stamp

log = logging.getLogger("tocsin.oversee")
_UNBUILT = ("WAITS", "BUILDS")
LOOP = "past"
"""The worker's loop that builds; its heartbeat is kept alive while a build takes its minute."""


def ask_past(actor: Actor, *, at: datetime) -> str:
    """Ask for the world at `at`; the worker builds it. Returns its id; one that stands ready is used again.

    Raises: Forbidden; Invalid for a moment that is not past.
    """
    permit(actor, Permission.OVERSEE)
    past.check_moment(at, clock.now())
    same = World.objects.filter(at=at).exclude(state="FAILED").first()
    if same is not None:
        return same.id
    world = new_id("pst")
    with transaction.atomic():
        World.objects.create(id=world, at=at, asked_by=actor.person, asked_at=clock.now())
    return world


def enter_past(actor: Actor, *, world: str) -> World:
    """Step into a world that stands ready; that somebody did is on the record.

    Raises: Forbidden, NotFound; Conflict when it is not ready.
    """
    permit(actor, Permission.OVERSEE)
    row = World.objects.filter(id=world).first()
    if row is None:
        raise NotFound("there is no such world")
    if row.state != "READY":
        raise Conflict("that world is not built yet", cure="Wait until it is ready.")
    try:
        with past.standing(row):
            pass  # it is really there
    except Conflict:
        World.objects.filter(id=world).update(state="WAITS", done=0)
        raise
    with writing(actor) as w:
        data = {"at": stamp(row.at), "entries": row.entries}
        w.append(terms.STOOD, row.id, data, marking=Marking(actor.agency))
        World.objects.filter(id=world).update(used_at=w.at)
    return row


def build_past(world: str, progress: Callable[[int], None] | None = None) -> World:
    """Build one world now, in the caller's process (`tocsin oversee as-of`, the worker).

    Raises: NotFound; BadSettings where the owner's database address is not known.
    """
    row = World.objects.filter(id=world).first()
    if row is None:
        raise NotFound("there is no such world")
    with past.building(wait=True):
        _build(row, database.owner_url(), progress)
    row.refresh_from_db()
    return row


def _build(row: World, url: str, progress: Callable[[int], None] | None) -> None:
    world, done = row.id, 0
    checking.place_pending()
    World.objects.filter(id=world).update(state="BUILDS", entries=past.place_at(row.at), done=0)

    def step(more: int) -> None:
        nonlocal done
        done += more
        World.objects.filter(id=world).update(done=done)
        Heartbeat.objects.filter(name=LOOP).update(at=clock.now())  # at work, not dead
        if progress:
            progress(more)

    entries, took = past.timed(lambda: past.build(url, world, row.at, step))
    World.objects.filter(id=world).update(
        state="READY",
        entries=entries,
        done=entries,
        built_at=clock.now(),
        took_ms=int(took.total_seconds() * 1000),
        failure="",
    )
    _make_room(url, keep=world)


def build_due() -> int:
    """Build the world that was asked for first and is not there; returns 1, or 0 where none waits. The worker's loop.

    One at a time, by an advisory lock that ends with its connection: so a world that is marked as being built while
    nobody holds the lock was left by a builder that died, and is built again.
    """
    if not World.objects.filter(state__in=_UNBUILT).exists():
        return 0
    with past.building(wait=False) as mine:
        waiting = World.objects.filter(state__in=_UNBUILT).order_by("asked_at").first()
        if not mine or waiting is None:
            return 0
        try:
            _build(waiting, database.owner_url(), None)
        except TocsinError as e:
            log.warning("the world %s was not built: %s", waiting.id, e)
            World.objects.filter(id=waiting.id).update(state="FAILED", failure=str(e))
        except Exception:
            World.objects.filter(id=waiting.id).update(
                state="FAILED", failure="it could not be built; the server's log says why"
            )
            raise
    return 1


def forget_past(actor: Actor, *, world: str) -> None:
    """Take a world down; it can be built again from the record at any time. Raises: Forbidden."""
    permit(actor, Permission.OVERSEE)
    past.drop(database.owner_url(), world)
    World.objects.filter(id=world).delete()


def _make_room(url: str, keep: str) -> None:
    ready = World.objects.filter(state="READY").exclude(id=keep)
    for row in ready.order_by("-used_at", "-built_at")[past.KEPT - 1 :]:
        past.drop(url, row.id)
        row.delete()


__all__ = ["ask_past", "build_due", "build_past", "enter_past", "forget_past"]
