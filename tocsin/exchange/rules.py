"""Who may read and write a collection, and what may be put into it: decided purely."""

from __future__ import annotations

from collections.abc import Collection as Many
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.formats.stix_terms import STRICTEST
from tocsin.people.rules import SEEN, sight
from tocsin.people.terms import Actor, Permission
from tocsin.record.terms import Marking

_STEP = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Rights:
    """What an account may do with a collection. Neither = the collection is not there for it."""

    read: bool
    write: bool


def rights(actor: Actor, marking: Marking, *, inbox: bool, writers: Many[str]) -> Rights:
    """The rights of an account, by its agency, its roles and the collection's marking.

    Warnings: the agency they are for. An inbox: whoever may see its marking reads; the agencies named write.
    """
    may_read = Permission.READ_CONTENT in actor.permissions
    if not inbox:
        return Rights(may_read and bool(actor.agency) and actor.agency == marking.agency, False)
    return Rights(
        read=may_read and sight(actor, marking) in SEEN,
        write=may_read and bool(actor.agency) and actor.agency in writers,
    )


def next_places(count: int, last: datetime | None, now: datetime) -> list[datetime]:
    """Times for `count` objects, each later than any before: the caller holds the collection's lock.

    So the order in which objects become visible is the order of their times, and a client that asks for what was
    added after the last it saw misses nothing and gets nothing twice.
    """
    first = now if last is None else max(now, last + _STEP)
    return [first + _STEP * n for n in range(count)]


def too_strict(label: str, collection_tlp: str) -> bool:
    """Whether an object's own label forbids the readers of a collection to have it."""
    if label not in STRICTEST or collection_tlp not in STRICTEST:
        return False
    return STRICTEST.index(label) < STRICTEST.index(collection_tlp)
