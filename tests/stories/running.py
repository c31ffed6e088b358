"""An operation that runs: posts with people at them, a detail leader, a room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.cast import Cast, make_cast
from tocsin.kernel import clock
from tocsin.people.actions import add_person
from tocsin.people.store import actor
from tocsin.people.terms import SYSTEM, Actor, Role
from tocsin.plan.actions.staffing import assign, place_post
from tocsin.plan.geometry import Point
from tocsin.plan.terms.staffing import PostDraft
from tocsin.record import applying
from tocsin.record import store as record
from tocsin.record.models import Entry
from tocsin.record.terms import stamp

STAGE = Point.degrees(40.8570, -79.9705)


@dataclass(frozen=True)
class Scene:
    cast: Cast
    plan: str
    posts: dict[str, str]
    people: dict[str, str]

    def at(self, post: str) -> Actor:
        """Whoever stands at a post, as the actor they are at this moment."""
        return actor(self.people[post])


def make_scene(**operation: Any) -> Scene:
    """`north` and `roof` (metro), `gate` (capitol) are manned; `detail` (fusion) leads the detail, `room` commands."""
    cast = make_cast(starts_at=clock.now(), **operation)
    wanted = {
        "north": ("metro", "POST", STAGE.moved(0, 60), "second floor"),
        "roof": ("metro", "POST", STAGE.moved(130, 20), ""),
        "gate": ("capitol", "POST", STAGE.moved(-200, -150), ""),
        "detail": ("fusion", "DETAIL", STAGE, ""),
        "room": ("fusion", "ROOM", STAGE.moved(300, 0), ""),
    }
    posts, people = {}, {}
    for name, (agency, kind, at, floor) in wanted.items():
        person = add_person(
            SYSTEM, username=f"officer-{name}", name=f"Officer {name.title()}", agency=agency, roles=[Role.FIELD],
            email=f"{name}@{agency}.example",
        )  # fmt: skip
        draft = PostDraft(label=f"Post {name}", agency=agency, kind=kind, at=at, floor=floor)
        posts[name] = place_post(SYSTEM, operation=cast.march, draft=draft)
        assign(SYSTEM, post=posts[name], person=person)
        people[name] = person
    return Scene(cast, cast.march, posts, people)


def same_from_the_record(*models: Any) -> None:
    """The entries alone give the same rows of these tables, column by column."""
    rebuilt = applying.fold(record.decode(bytes(e.body)) for e in Entry.objects.order_by("n"))
    for model in models:
        table = model._meta.db_table
        keys = {place[1] for place in rebuilt if place[0] == table}
        assert len(keys) == model.objects.count() > 0, table
        for made in model.objects.all():
            pk = made.pk if isinstance(made.pk, tuple) else (made.pk,)
            for column, value in rebuilt[table, pk].values.items():
                kept = getattr(made, column)
                said = stamp(kept) if isinstance(kept, datetime) else kept
                assert said == value, (table, column)
