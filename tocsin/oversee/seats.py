"""What one entry about a sighting says of many seats: who was told, who had it on a device, opened, acknowledged it.

A thousand people are told, and answer, in a few entries; a timeline shows each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tocsin.operate import terms
from tocsin.oversee.terms import Verb
from tocsin.plan.models import Post
from tocsin.record.terms import Entry, unstamp

_TIMES = (
    ("delivered_at", Verb.DELIVERED),
    ("opened_at", Verb.OPENED),
    ("acknowledged_at", Verb.ACKNOWLEDGED),
)
_WORDS = {
    Verb.SENT: "Told of the sighting",
    Verb.DELIVERED: "Had it on a device",
    Verb.OPENED: "Opened it",
    Verb.ACKNOWLEDGED: "Acknowledged it",
}
_AGAIN = "Told again, by another way ({})"


@dataclass(frozen=True, slots=True)
class Seat:
    """Whose knowing a point is: a role at an agency, or a post of it (`label`). All empty for the system itself."""

    agency: str = ""
    role: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """One seat's step: `seat` = "role:<agency>:<role>", "post:<id>" or "detail"; `person` '' = nobody held it."""

    seat: str
    person: str
    verb: Verb
    at: datetime
    words: str


def heard(entries: Iterable[Entry]) -> dict[str, list[Heard]]:
    """Entry id -> what it says of seats that no earlier one said. `entries` in the order recorded."""
    said: set[tuple[str, str, str, Verb, datetime]] = set()
    found: dict[str, list[Heard]] = {}
    for e in entries:
        for h in _of(e):
            key = (e.subject, h.seat, h.person, h.verb, h.at)
            if key not in said:
                said.add(key)
                found.setdefault(e.id, []).append(h)
    return found


def _of(e: Entry) -> Iterator[Heard]:
    recorded = unstamp(e.recorded_at)
    if e.kind in (terms.SIGHTING_REPORTED, terms.SIGHTING_UPDATED):
        for seat, person, _ in e.data["told"]:
            if person != e.actor:  # whoever says a thing knows it
                yield Heard(seat, person, Verb.SENT, recorded, _WORDS[Verb.SENT])
    elif e.kind == terms.SIGHTING_RETRIED:
        for seat, person, via, tries, _ in e.data["tried"]:
            words = _WORDS[Verb.SENT] if tries == 1 else _AGAIN.format(via)
            yield Heard(seat, person, Verb.SENT, recorded, words)
    elif e.kind == terms.SIGHTING_RECEIPTS:
        for seat, person, values in e.data["said"]:
            yield from _receipt(seat, person, values)


def _receipt(seat: str, person: str, values: dict[str, Any]) -> Iterator[Heard]:
    for column, verb in _TIMES:
        if at := values.get(column):
            yield Heard(seat, person, verb, unstamp(at), _WORDS[verb])


def named(ids: Iterable[str]) -> dict[str, Seat]:
    """Seat -> whose it is; one query for all posts among them."""
    wanted = set(ids)
    posts = Post.objects.filter(id__in=[s[5:] for s in wanted if s.startswith("post:")])
    found = {
        f"post:{i}": Seat(agency, "", label)
        for i, agency, label in posts.values_list("id", "agency", "label")
    }
    for seat in wanted - set(found):
        kind, _, rest = seat.partition(":")
        agency, _, role = rest.partition(":")
        found[seat] = Seat(agency, role) if kind == "role" else Seat("", "", "detail leader")
    return found
