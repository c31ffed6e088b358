"""The activity log: when, who, what, as the record has it."""

from __future__ import annotations

from datetime import datetime

from tocsin.people.store import names
from tocsin.people.terms import SYSTEM
from tocsin.people.visibility import visible_to
from tocsin.plan import store
from tocsin.plan.forms.desk import Desk
from tocsin.plan.terms import COVERAGE_FOUND
from tocsin.record import store as record
from tocsin.record.models import Entry

LOG_CAP = 1000
"""Lines of an activity log; the newest are kept, and the form says so."""
Line = tuple[str, str, str]


def lines(d: Desk, most: int = LOG_CAP) -> list[Line]:
    """The newest entries of the operation the actor may see, in order: when it happened, who, what.

    What the clock does about duties is left out, and what is reckoned: it is no activity of anybody's.
    """
    rows = Entry.objects.filter(operation=d.operation.id).exclude(kind__startswith="duty.")
    rows = rows.exclude(kind__in={COVERAGE_FOUND, *(d.live.silent if d.live else ())})
    newest = visible_to(d.actor, rows, subject="subject").order_by("-n")[:most]
    entries = [record.decode(row.body) for row in reversed(newest)]
    say = d.live.say(d, entries) if d.live else None
    people = {e.actor for e in entries} | {e.data["person"] for e in entries if "person" in e.data}
    called, labels = names(people), _labels(d)
    found = []
    for e in entries:
        words = say(e) if say else None
        if words is None:
            about = [labels.get(e.subject) or e.data.get("label") or e.subject]
            about += [called.get(p, p) for p in [e.data.get("person")] if p]
            about += [d.agency(a) for a in [e.data.get("agency")] if a]
            words = f"{_words(e.kind)}: {', '.join(about)}"
        if words:
            at = datetime.fromisoformat(e.occurred_at)
            by_rule = d.live is not None and e.kind in d.live.by_rule
            who = SYSTEM.name if by_rule else called.get(e.actor, e.actor)
            found.append((d.clock(at), who, words))
    return found


def _labels(d: Desk) -> dict[str, str]:
    """Whatever an entry may be about, by its name on the plan."""
    rows: list[object] = [*d.posts, *d.channels.values()]
    for read in (store.areas, store.positions, store.zones, store.gateways):
        rows += read(d.operation.id, d.actor)
    labels = {row.id: row.label for row in rows}  # type: ignore[attr-defined]
    labels[d.operation.id] = d.operation.name
    for c in store.carries(d.operation.id, d.actor):
        where = labels.get(c.post) or f"desk of {d.agency(c.agency)}"
        labels[c.id] = f"{labels.get(c.channel, '')} at {where}"
    return labels


def _words(kind: str) -> str:
    """`plan.post_placed` as people read it: Post placed."""
    area, _, what = kind.partition(".")
    said = (
        what.replace("carry_", "radio_or_phone_").replace("issued", "collected").replace("_", " ")
    )
    return (said if area in ("plan", "operate") else f"{area} {said}").capitalize()
