"""Warnings into each agency's collection as they become theirs to see; and what a fetch of them proves."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tocsin.deliver.actions import machines
from tocsin.exchange import store
from tocsin.exchange.actions.collections import warnings_of
from tocsin.exchange.actions.posting import add_objects
from tocsin.exchange.bulletins import bulletin
from tocsin.exchange.models import Collection, Published
from tocsin.exchange.store import Shared
from tocsin.formats import as_stix, stix
from tocsin.formats.stix import Object
from tocsin.people.rules import permit
from tocsin.people.terms import SYSTEM, Actor, Permission
from tocsin.record.actions import writing
from tocsin.warn.models import Warning

BATCH = 50
_NARROWED = "A newer edition replaces it, which is not for your agency. Ask who sent it."


def publish_due() -> int:
    """Put warnings that an agency may see, and its collection does not hold, into it; returns how many.

    A warning that is shared with an agency later is added later: whoever pages by `added_after` gets it then.
    """
    count = 0
    for agency in store.takers():
        with writing(SYSTEM) as w:
            collection = warnings_of(w, agency)
        for row, occasion in store.unpublished(agency, collection, BATCH):
            count += _publish(collection, row, occasion)
    return count


def fetched(actor: Actor, rows: Iterable[Shared]) -> int:
    """Note what a fetch proves: the account's system has these warnings (DELIVERED), and nothing beyond.

    Returns how many destinations that moved.
    """
    permit(actor, Permission.READ_CONTENT)
    about = {(r.warning, r.occasion) for r in rows if r.warning}
    return machines.taken(actor, about=about, how="taxii") if about else 0


def _publish(collection: str, row: Warning, occasion: str) -> int:
    """One warning, one transaction. Another worker that was quicker leaves nothing to do."""
    b = bulletin(
        row, cancelled=occasion != "release", why=_NARROWED if occasion == "withdraw" else ""
    )
    read = (stix.one(msgspec.json.encode(made)) for made in as_stix.objects(b))
    made = [o for o in read if isinstance(o, Object)]
    with writing(SYSTEM) as w:
        locked = Collection.objects.select_for_update().get(id=collection)
        done = Published.objects.filter(collection=collection, warning=row.id, occasion=occasion)
        if done.exists():
            return 0
        add_objects(w, locked, made, warning=row.id, occasion=occasion)
    return 1
