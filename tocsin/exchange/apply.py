"""What the entries of this stage do to its tables."""

from __future__ import annotations

from collections.abc import Iterable

from tocsin.exchange import terms
from tocsin.record.applying import on
from tocsin.record.terms import Change, Entry, Marking, Merge, Put, Set

_COLLECTION, _OBJECT = "exchange_collection", "exchange_sharedobject"


@on(terms.COLLECTION_ADDED)
def collection_added(e: Entry) -> Iterable[Change]:
    d, m = e.data, e.marking or Marking("")
    yield Put(
        _COLLECTION,
        {"id": e.subject},
        {
            "agency": m.agency,
            "tlp": m.tlp,
            "operation": m.operation,
            "kind": d["kind"],
            "title": d["title"],
            "source": d["source"],
            "writers": d["writers"],
            "made_at": e.recorded_at,
            "last_added": None,
        },
    )


@on(terms.OBJECTS_ADDED)
def objects_added(e: Entry) -> Iterable[Change]:
    d = e.data
    for o in d["objects"]:
        yield Put(
            _OBJECT,
            {"id": o["id"]},
            {
                "collection": e.subject,
                "digest": o["digest"],
                "type": o["type"],
                "version": o["version"],
                "vault": o["kept"]["vault"],
                "added_at": o["added_at"],
                "warning": d["warning"],
                "occasion": d["occasion"],
                "poster": d["poster"],
                "latest": o["latest"],
                "first": o["first"],
                "removed_at": None,
            },
        )
    for flag in ("latest", "first"):
        for object_ in d[f"no_longer_{flag}"]:
            yield Set(_OBJECT, {"id": object_}, {flag: False})
    yield Set(_COLLECTION, {"id": e.subject}, {"last_added": d["objects"][-1]["added_at"]})
    if d["warning"]:
        key = {"collection": e.subject, "warning": d["warning"], "occasion": d["occasion"]}
        yield Merge("exchange_published", key, {"at": e.recorded_at})


@on(terms.OBJECTS_REMOVED)
def objects_removed(e: Entry) -> Iterable[Change]:
    for object_ in e.data["objects"]:
        yield Set(_OBJECT, {"id": object_}, {"removed_at": e.recorded_at})
    for flag in ("latest", "first"):
        for object_ in e.data[flag]:
            yield Set(_OBJECT, {"id": object_}, {flag: True})


@on(terms.RELAYED)
def relayed(e: Entry) -> Iterable[Change]:
    yield Put(
        "exchange_relay", {"series": e.subject}, {"report": e.data["report"], "at": e.recorded_at}
    )
