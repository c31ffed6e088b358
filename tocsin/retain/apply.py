"""What the entries of this stage do to its tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tocsin.record.applying import on
from tocsin.record.terms import Change, Entry, Marking, Merge, Put, Set
from tocsin.retain import terms

_KEEPING = "retain_keeping"


def _marks(e: Entry) -> dict[str, str]:
    m = e.marking or Marking("")
    return {"agency": m.agency, "tlp": m.tlp, "operation": m.operation}


@on(terms.POLICY_ADOPTED)
def policy_adopted(e: Entry) -> Iterable[Change]:
    values = {"text": e.data["text"], "since": e.recorded_at}
    yield Merge("retain_schedules", {"version": e.data["version"]}, values)


@on(terms.CONTENT_PURGED)
def purged(e: Entry) -> Iterable[Change]:
    """A tombstone; a report that is gone as a whole also ends in its own table, so that it is owed no more."""
    d = e.data
    yield Put(
        "retain_tombstone",
        {"id": d["id"]},
        {
            **_marks(e),
            "subject": e.subject,
            "part": d["part"],
            "why": d["why"],
            "contents": d["contents"],
            "collected_at": d["collected_at"],
            "purged_at": e.recorded_at,
            "purged_by": e.actor,
            "reason": d["reason"]["vault"] if d["reason"] else "",
        },
    )
    if d["part"] == "all":
        ended: dict[str, Any] = {"keep_until": None, "sealed_at": None, "sealed": []}
        yield Merge(_KEEPING, {"subject": e.subject}, {**_marks(e), **_blank(), **ended})
        if e.subject.startswith("rpt_"):
            yield Set("collect_report", {"id": e.subject}, {"state": "PURGED"})
    elif d["part"].startswith("ref_"):
        yield Set("collect_refused", {"id": d["part"]}, {"state": "PURGED"})
    elif d["part"].startswith("stx_"):
        yield Set("exchange_sharedobject", {"id": d["part"]}, {"removed_at": e.recorded_at})


def _blank() -> dict[str, Any]:
    return {"validated_at": None, "validated_by": "", "reason": ""}


@on(terms.CONTENT_SEALED)
def sealed(e: Entry) -> Iterable[Change]:
    values = {"sealed_at": e.recorded_at, "sealed": e.data["sealed"]}
    until = {"keep_until": e.data["keep_until"]}
    yield Merge(_KEEPING, {"subject": e.subject}, {**_marks(e), **_blank(), **until, **values})


@on(terms.CONTENT_UNSEALED)
def unsealed(e: Entry) -> Iterable[Change]:
    yield Set(_KEEPING, {"subject": e.subject}, {"sealed_at": None, "sealed": []})


@on(terms.VALIDATED)
def validated(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Merge(
        _KEEPING,
        {"subject": e.subject},
        {
            **_marks(e),
            "keep_until": d["keep_until"],
            "validated_at": e.recorded_at,
            "validated_by": e.actor,
            "reason": d["reason"]["vault"],
            "sealed_at": None,
            "sealed": [],
        },
    )


@on(terms.RECIPIENTS_TOLD)
def recipients_told(e: Entry) -> Iterable[Change]:
    """The duty it discharges says it all."""
    return ()


@on(terms.HOLD_PLACED)
def hold_placed(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "retain_legalhold",
        {"id": e.subject},
        {
            "agency": d["agency"],
            "content": d["content"]["vault"],
            "letter": d["letter"]["vault"] if d["letter"] else "",
            "subjects": d["subjects"],
            "operation": d["operation"],
            "of_agency": d["of_agency"],
            "of_role": d["of_role"],
            "people": d["people"],
            "first": d["first"],
            "last": d["last"],
            "placed_at": e.recorded_at,
            "placed_by": e.actor,
            "lifted_at": None,
            "lifted_by": "",
            "lift_reason": "",
            "refused": 0,
        },
    )


@on(terms.HOLD_LIFTED)
def hold_lifted(e: Entry) -> Iterable[Change]:
    values = {
        "lifted_at": e.recorded_at,
        "lifted_by": e.actor,
        "lift_reason": e.data["reason"]["vault"],
    }
    yield Set("retain_legalhold", {"id": e.subject}, values)


@on(terms.HOLD_TESTED)
def hold_tested(e: Entry) -> Iterable[Change]:
    """Somebody tried to remove what a hold covers, and was refused."""
    yield Set("retain_legalhold", {"id": e.subject}, {"refused": e.data["refused"]})


@on(terms.PROMOTED_SAR)
def promoted_sar(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "retain_sar",
        {"id": e.subject},
        {
            **_marks(e),
            "report": d["report"],
            "content": d["content"]["vault"],
            "behaviours": d["behaviours"],
            **_promoted(e),
        },
    )
    yield from _clock(e)


@on(terms.PROMOTED_CRIMINAL)
def promoted_criminal(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "retain_intelligence",
        {"id": e.subject},
        {
            **_marks(e),
            "sar": d["sar"],
            "content": d["content"]["vault"],
            "sensitivity": d["sensitivity"],
            "confidence": d["confidence"],
            **_promoted(e),
        },
    )
    yield from _clock(e)


def _promoted(e: Entry) -> dict[str, Any]:
    return {
        "collected_at": e.data["collected_at"],
        "promoted_at": e.recorded_at,
        "promoted_by": e.actor,
    }


def _clock(e: Entry) -> Iterable[Change]:
    """The clock of a promoted thing runs from collection, not from its promotion."""
    values = {**_marks(e), **_blank(), "sealed_at": None, "sealed": []}
    yield Put(_KEEPING, {"subject": e.subject}, {**values, "keep_until": e.data["keep_until"]})


@on(terms.DISCLOSED)
def disclosed(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "retain_disclosure",
        {"id": d["id"]},
        {
            **_marks(e),
            "subject": e.subject,
            "to_agency": d["to_agency"],
            "to_role": d["to_role"],
            "how": d["how"],
            "routine_use": d["routine_use"],
            "source": d["source"],
            "content": d["content"]["vault"] if d["content"] else "",
            "disclosed_at": e.occurred_at,
            "by": e.actor,
        },
    )


@on(terms.UNMASKING_ASKED)
def unmasking_asked(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "retain_unmasking",
        {"id": d["id"]},
        {
            **_marks(e),
            "report": e.subject,
            "asked_by": e.actor,
            "asked_at": e.recorded_at,
            "reason": d["reason"]["vault"],
            **_undecided("ASKED", looks=0),
        },
    )


def _undecided(state: str, *, looks: int) -> dict[str, Any]:
    decision = {"decided_by": "", "decided_at": None, "decision": "", "until": None}
    return {"state": state, "looks": looks, **decision}


@on(terms.UNMASKING_TAKEN)
def unmasking_taken(e: Entry) -> Iterable[Change]:
    """Somebody who may looked at once; a second person reviews it after."""
    d = e.data
    yield Put(
        "retain_unmasking",
        {"id": d["id"]},
        {
            **_marks(e),
            "report": e.subject,
            "asked_by": e.actor,
            "asked_at": e.recorded_at,
            "reason": d["reason"]["vault"],
            **_undecided("TAKEN", looks=1),
        },
    )


@on(terms.UNMASKING_DECIDED)
def unmasking_decided(e: Entry) -> Iterable[Change]:
    d = e.data
    values = {
        "state": d["state"],
        "decided_by": e.actor,
        "decided_at": e.recorded_at,
        "decision": d["reason"]["vault"] if d["reason"] else "",
        "until": d["until"],
    }
    yield Set("retain_unmasking", {"id": d["id"]}, values)


@on(terms.UNMASKING_LOOKED)
def unmasking_looked(e: Entry) -> Iterable[Change]:
    yield Set("retain_unmasking", {"id": e.data["id"]}, {"looks": e.data["looks"]})
