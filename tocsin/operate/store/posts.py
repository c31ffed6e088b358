"""Every post of an operation as it is manned now.

The database says how each stands, without a date leaving it: two thousand posts are looked at on every refresh of
every board.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Q, Value, When

from tocsin.operate.store.shared import of
from tocsin.operate.terms import CHECK_IN_EVERY
from tocsin.people.models import Operation
from tocsin.people.store import names
from tocsin.people.terms import Actor
from tocsin.plan.models import Post
from tocsin.plan.store.staffing import holders

_SAYS = {
    "NOBODY": ("red", "nobody is assigned"),
    "LEFT": ("red", "left"),
    "UNHEARD": ("amber", "not checked in"),
    "SILENT": ("amber", "not heard for long"),
    "THERE": ("green", "there"),
    "LATER": ("later", "not yet"),
}
_ORDER = ("red", "amber", "green", "later")


@dataclass(frozen=True, slots=True)
class PostNow:
    """A post: green = somebody is there and was heard; amber = not heard yet, or for long; red = nobody is;
    later = not yet. `person` = who should be there, by name, where it is red or amber."""

    id: str
    label: str
    colour: str
    why: str
    person: str = ""


def posts(actor: Actor, operation: Operation, now: datetime) -> list[PostNow]:
    """Every post with its colour, red first."""
    rows = of(actor, Post, operation).filter(state="LIVE", until_at__gt=now)
    stands = {post: (person, how) for post, person, how in _stands(operation, now)}
    found = []
    later_ = Case(When(from_at__gt=now, then=Value(True)), default=Value(False))
    for post, label, later in rows.values_list("id", "label", later_):
        person, how = stands.get(post, ("", "NOBODY"))
        colour, why = _SAYS["LATER" if later else how]
        found.append(PostNow(post, label, colour, why, person if colour in _ORDER[:2] else ""))
    known = names({p.person for p in found if p.person})
    found.sort(key=lambda p: (_ORDER.index(p.colour), p.label))
    return [_named(p, known) if p.person else p for p in found]


def colours(found: Sequence[PostNow]) -> dict[str, int]:
    """How many posts have each colour."""
    return Counter(p.colour for p in found)


def _stands(operation: Operation, now: datetime) -> Sequence[tuple[str, str, str]]:
    """(post, person, how) of each post that somebody was sent to."""
    how = Case(
        When(~Q(vacated_at=None), then=Value("LEFT")),
        When(checked_in_at=None, then=Value("UNHEARD")),
        When(checked_in_at__lt=now - CHECK_IN_EVERY, then=Value("SILENT")),
        default=Value("THERE"),
    )
    return list(holders(operation.id, now).values_list("post", "person", how))


def _named(p: PostNow, known: dict[str, str]) -> PostNow:
    return PostNow(p.id, p.label, p.colour, p.why, known.get(p.person, p.person))
