"""Making collections: inboxes by hand, those for warnings when an agency's system first asks."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from tocsin.collect import store as collect
from tocsin.collect.terms import SourceKind
from tocsin.exchange import terms
from tocsin.exchange.models import Collection
from tocsin.exchange.terms import CollectionKind
from tocsin.formats.stix_terms import object_id
from tocsin.kernel.errors import Invalid
from tocsin.people.models import Agency
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, Tlp


def add_inbox(actor: Actor, *, source: str, title: str, writers: Iterable[str]) -> str:
    """Open a collection to which the agencies named may send; returns its id.

    A source of kind api of the actor's own agency reads what they send; its marking says who else may read it.
    Raises: Forbidden; NotFound; Invalid naming the field.
    """
    permit(actor, Permission.MANAGE_SOURCES)
    row = collect.source(actor, source)
    named = sorted(set(writers))
    if row.kind != SourceKind.API or row.agency != actor.agency:
        raise Invalid(
            "is no source of kind api of your agency", field="source", cure="Add one first."
        )
    if not title.strip() or len(title) > 120:
        raise Invalid("give it a title of at most 120 characters", field="title", cure="Name it.")
    known = set(Agency.objects.filter(id__in=named).values_list("id", flat=True))
    if not named or set(named) - known:
        wrong = ", ".join(sorted(set(named) - known)) or "nobody"
        raise Invalid(f"names {wrong}", field="writers", cure="Name agencies that are here.")
    made = str(uuid.uuid4())
    with writing(actor) as w:
        _add(w, made, CollectionKind.INBOX, title.strip(), row.id, named, marking_of(row))
    return made


def warnings_of(w: Writing, agency: str) -> str:
    """The collection of the warnings an agency may see, made where it is not there yet; locked."""
    made = object_id("collection", agency).partition("--")[2]
    found = Collection.objects.select_for_update().filter(id=made).exists()
    if not found:
        marking = Marking(agency, Tlp.AMBER_STRICT.value, "")
        title = "Warnings for your agency"
        _add(w, made, CollectionKind.WARNINGS, title, "", [], marking)
        w.flush()
        Collection.objects.select_for_update().get(id=made)
    return made


def _add(
    w: Writing,
    made: str,
    kind: CollectionKind,
    title: str,
    source: str,
    writers: list[str],
    marking: Marking,
) -> None:
    data = {"kind": kind.value, "title": title, "source": source, "writers": writers}
    w.append(terms.COLLECTION_ADDED, made, data, marking=marking)
