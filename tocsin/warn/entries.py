"""Which entries of the record an actor may read: one rule for the pages and for the API."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tocsin.assess.models import Standing
from tocsin.assess.terms import Stage
from tocsin.people.rules import SEEN, sight
from tocsin.people.terms import Actor
from tocsin.record.terms import Entry
from tocsin.warn.terms import DRAFTING

_DECISIONS = frozenset({"report.assessed", "duty.discharged"})


def seen(actor: Actor, entry: Entry, shares: Collection[str]) -> bool:
    """Whether an entry that carries a marking is in the actor's sight.

    `shares` = subjects shared with the actor's agency by name. A warning is shared when it is released,
    so the share opens the release and what came after, never how it was drafted and reviewed.
    """
    if entry.marking is None:
        return False
    shared = entry.subject in shares and entry.kind not in DRAFTING
    return sight(actor, entry.marking, shared=shared) in SEEN


def withheld(actor: Actor, entries: Iterable[Entry]) -> set[str]:
    """Ids of entries that tell what a first reader decided while the second reading is open.

    Until then it is the first reader's alone, so that the second one decides unseen
    (`assess.store.readings` keeps the same rule).
    """
    telling = [e for e in entries if e.kind in _DECISIONS]
    if not telling:
        return set()
    rows = Standing.objects.filter(
        report__in={e.subject for e in telling}, stage=Stage.SECOND_READING
    )
    unread = set(rows.exclude(first_reader=actor.person).values_list("report", flat=True))
    return {e.id for e in telling if e.subject in unread}
