"""Objects sent to an inbox: each kept as it came for its readers, and read as a report by the inbox's source.

Keeping and reading are one transaction, a thousand objects at a time: what a partner sent can not be there and unread.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from tocsin.collect.terms import Item, SourceState
from tocsin.exchange import rules, store, terms
from tocsin.exchange.models import Collection, PostStatus, SharedObject
from tocsin.exchange.terms import STATUS_KEPT
from tocsin.formats import stix, taxii
from tocsin.formats.stix import Failed, Object
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Forbidden, NotFound
from tocsin.kernel.ids import new_id
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import stamp
from tocsin.screen import store as screen
from tocsin.screen.actions import take_chunk
from tocsin.screen.taken import Taken

AT_ONCE = 1000
ENTRY = 80
"""Objects an entry: the longest there can be (a type may have 260 letters) still fit what strangers' tools read."""
_IDS = 1000
"""Ids an entry."""


def post(actor: Actor, *, collection: str, raw: bytes) -> dict[str, Any]:
    """Take in what a partner's system sent; returns TAXII's status of it, which is complete and true.

    1. Each object is checked on its own: a wrong one, or one marked stricter than the collection, fails alone.
    2. A version the collection holds already counts as taken, and nothing is added.
    3. The rest is kept as it came, and what has words is screened as a report with its provenance.
    Raises: Forbidden; NotFound; Invalid when it is no envelope; Conflict while the source is paused.
    """
    permit(actor, Permission.READ_CONTENT)
    row = store.collection(actor, collection)
    if not row.rights.write:
        raise Forbidden("your agency may not send to this collection", cure="Ask who keeps it.")
    source = screen.source(row.row.source)
    if source.state == SourceState.PAUSED:
        raise Conflict("what you send is not read at present", field="source", cure="Send later.")
    at = clock.now()
    good, failed = _checked(stix.read(raw), row.row)
    taken = [(o.id, o.version or at) for o in good]
    objects = iter(good)
    while chunk := list(islice(objects, AT_ONCE)):

        def save(w: Writing, _: Taken, chunk: list[Object] = chunk) -> None:
            _keep(w, row.row.id, chunk, actor.agency)

        items = [_item(o, actor, row.row) for o in chunk if o.text]
        take_chunk(source, items, actor=actor, saving=save)
    body = taxii.status(str(uuid.uuid4()), at, taken=taken, failed=failed)
    _note(body, actor, at)
    return body


def remove(actor: Actor, *, collection: str, stix_id: str, versions: Sequence[datetime]) -> int:
    """Take an object (all its versions, or those named) out of an inbox; returns how many versions.

    Only who sent it may, while they may still send. What it was read as stays: a report is not unsaid by its sender.
    Raises: Forbidden; NotFound.
    """
    permit(actor, Permission.READ_CONTENT)
    row = store.collection(actor, collection)
    if not (row.rights.write and row.rights.read):
        raise Forbidden("removing asks for the right to read and to write this collection")
    with writing(actor) as w:
        _lock(row.row.id)
        rows = SharedObject.objects.filter(
            collection=row.row.id,
            digest=store.digest(stix_id),
            poster=actor.agency,
            removed_at=None,
        )
        if versions:
            rows = rows.filter(version__in=list(versions))
        ids = sorted(rows.values_list("id", flat=True))
        if not ids:
            raise NotFound("there is no such object of yours", field="object")
        key = store.digest(stix_id)
        left = store.existing(row.row.id, [key]).get(key, {})
        left = {version: held for version, held in left.items() if held not in ids}
        for n in range(0, len(ids), _IDS):
            data = {
                "objects": ids[n : n + _IDS],
                "latest": [left[max(left)]] if left else [],
                "first": [left[min(left)]] if left else [],
            }
            w.append(terms.OBJECTS_REMOVED, row.row.id, data, marking=marking_of(row.row))
    return len(ids)


def add_objects(
    w: Writing,
    collection: Collection,
    objects: Sequence[Object],
    *,
    poster: str = "",
    warning: str = "",
    occasion: str = "",
) -> int:
    """Put objects the collection does not hold yet into it, in order; the caller holds its lock.

    Returns how many were added.
    """
    digests = [store.digest(o.id) for o in objects]
    held = store.existing(collection.id, digests)
    batch = _Batch(w, warning or collection.id)
    for o, key in zip(objects, digests, strict=True):
        batch.add(o, key, held.setdefault(key, {}))
    places = rules.next_places(len(batch.rows), collection.last_added, w.at)
    listed = [{**row, "added_at": stamp(at)} for row, at in zip(batch.rows, places, strict=True)]
    marking = marking_of(collection)
    for n in range(0, len(listed), ENTRY):
        data = {
            "objects": listed[n : n + ENTRY],
            "no_longer_latest": batch.no_longer_latest[n : n + ENTRY],
            "no_longer_first": batch.no_longer_first[n : n + ENTRY],
            "poster": poster,
            "warning": warning,
            "occasion": occasion,
        }
        w.append(terms.OBJECTS_ADDED, collection.id, data, marking=marking)
    return len(listed)


class _Batch:
    """Rows being added, and which rows (of these, or from before) are no longer the newest or oldest version."""

    def __init__(self, w: Writing, about: str) -> None:
        self.w = w
        self.about = about
        self.rows: list[dict[str, Any]] = []
        self.no_longer_latest: list[str] = []
        self.no_longer_first: list[str] = []
        self._mine: dict[str, dict[str, Any]] = {}

    def add(self, o: Object, key: str, versions: dict[datetime, str]) -> None:
        """One object, unless this version (or, of one without versions, any) is there."""
        version = o.version or self.w.at
        if version in versions or (o.version is None and versions):
            return
        row: dict[str, Any] = {
            "id": new_id("stx", self.w.at),
            "digest": key,
            "type": o.type,
            "version": stamp(version),
            "latest": not versions or version > max(versions),
            "first": not versions or version < min(versions),
            "kept": self.w.keep(self.about, {"stix": o.raw, "id": o.id}, sealed=True),
        }
        if versions and row["latest"]:
            self._unset("latest", versions[max(versions)], self.no_longer_latest)
        if versions and row["first"]:
            self._unset("first", versions[min(versions)], self.no_longer_first)
        versions[version] = row["id"]
        self.rows.append(row)
        self._mine[row["id"]] = row

    def _unset(self, flag: str, row: str, others: list[str]) -> None:
        if row in self._mine:
            self._mine[row][flag] = False
        else:
            others.append(row)


def _keep(w: Writing, collection: str, chunk: Sequence[Object], poster: str) -> None:
    add_objects(w, _lock(collection), chunk, poster=poster)


def _lock(collection: str) -> Collection:
    """The collection, locked and as it stands now: places are given one writer at a time."""
    return Collection.objects.select_for_update().get(id=collection)


def _checked(read: Sequence[Object | Failed], row: Collection) -> tuple[list[Object], list[Failed]]:
    good: list[Object] = []
    failed: list[Failed] = []
    for o in read:
        if isinstance(o, Failed):
            failed.append(o)
        elif rules.too_strict(o.tlp, row.tlp):
            said = f"marked TLP:{o.tlp}, and this collection is for TLP:{row.tlp}"
            failed.append(Failed(o.id, said))
        else:
            good.append(o)
    return good, failed


def _item(o: Object, actor: Actor, row: Collection) -> Item:
    """The object as a report: its words, and where it came from; itself, whole, behind the mask."""
    extra = {
        "format": "stix",
        "identifier": o.id,
        "sender": o.created_by or actor.agency,
        "posted_by": actor.agency,
        "collection": row.id,
        "original": o.raw,
    }
    if o.tlp:
        extra["tlp"] = o.tlp
    return Item(
        key=o.id,
        text=o.text,
        title=o.title,
        author=o.created_by,
        at=o.version,
        extra=extra,
    )


def _note(body: dict[str, Any], actor: Actor, at: datetime) -> None:
    """Keep the status for its sender to ask again; now and then drop those past a week."""
    PostStatus.objects.create(id=body["id"], agency=actor.agency, at=at, body=body)
    PostStatus.objects.filter(at__lt=at - STATUS_KEPT - timedelta(minutes=1)).delete()
