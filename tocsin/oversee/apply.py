"""What the entries of this stage do to its tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tocsin.oversee import terms
from tocsin.oversee.terms import FindingState, InquiryState, ReleaseState
from tocsin.record.applying import on
from tocsin.record.terms import Change, Entry, Marking, Merge, Put, Set

_RELEASE, _FINDING, _INQUIRY = "oversee_release", "oversee_finding", "oversee_inquiry"


def _marks(e: Entry) -> dict[str, str]:
    m = e.marking or Marking("")
    return {"agency": m.agency, "tlp": m.tlp, "operation": m.operation}


@on(terms.SEEN)
def seen(e: Entry) -> Iterable[Change]:
    """Merge, not Put: after a loss of the operational rows a sight may be noted a second time."""
    yield Merge(
        "oversee_viewing",
        {"subject": e.subject, "person": e.actor, "version": e.data["version"]},
        {**_marks(e), "viewer_agency": e.agency, "roles": e.data["roles"], "at": e.occurred_at},
    )


@on(terms.STOOD)
def stood(e: Entry) -> Iterable[Change]:
    return ()


@on(terms.RELEASE_BEGUN)
def release_begun(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        _RELEASE,
        {"id": e.subject},
        {
            **_marks(e),
            "state": ReleaseState.DRAFT.value,
            "version": 1,
            "content": d["content"]["vault"],
            "items": d["items"],
            "begun_by": e.actor,
            "writers": [e.actor],
            "begun_at": e.recorded_at,
            "proposed_by": "",
            "proposed_at": None,
            "reason": "",
            "approved_by": "",
            "approved_at": None,
            "document": "",
            "sha256": "",
            "withheld": 0,
            "changed_at": e.recorded_at,
        },
    )


@on(terms.RELEASE_MARKED)
def release_marked(e: Entry) -> Iterable[Change]:
    d = e.data
    for mark in d["marks"]:
        yield Put(
            "oversee_mark",
            {"id": mark["id"]},
            {
                "release": e.subject,
                **{k: mark[k] for k in ("item", "field", "start", "end")},
                "exemption": d["exemption"],
                "note": d["note"]["vault"],
                "person": e.actor,
                "at": e.recorded_at,
                "dropped_at": None,
            },
        )
    yield _release(e, writers=d["writers"], withheld=d["withheld"])


@on(terms.RELEASE_UNMARKED)
def release_unmarked(e: Entry) -> Iterable[Change]:
    for mark in e.data["marks"]:
        yield Set("oversee_mark", {"id": mark}, {"dropped_at": e.recorded_at})
    yield _release(e, writers=e.data["writers"], withheld=e.data["withheld"])


@on(terms.RELEASE_PROPOSED)
def release_proposed(e: Entry) -> Iterable[Change]:
    yield _release(
        e,
        state=ReleaseState.PROPOSED.value,
        proposed_by=e.actor,
        proposed_at=e.recorded_at,
        reason="",
    )


@on(terms.RELEASE_RETURNED)
def release_returned(e: Entry) -> Iterable[Change]:
    yield _release(e, state=ReleaseState.DRAFT.value, reason=e.data["reason"]["vault"])


@on(terms.RELEASE_APPROVED)
def release_approved(e: Entry) -> Iterable[Change]:
    d = e.data
    yield _release(
        e,
        state=ReleaseState.APPROVED.value,
        approved_by=e.actor,
        approved_at=e.recorded_at,
        document=d["document"]["vault"],
        sha256=d["sha256"],
    )


@on(terms.RELEASE_WITHDRAWN)
def release_withdrawn(e: Entry) -> Iterable[Change]:
    reason = e.data["reason"]["vault"]
    yield _release(e, state=ReleaseState.WITHDRAWN.value, reason=reason)


def _release(e: Entry, **values: Any) -> Set:
    changed = {"version": e.data["version"], "changed_at": e.recorded_at}
    return Set(_RELEASE, {"id": e.subject}, {**values, **changed})


@on(terms.FINDING_FILED)
def finding_filed(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        _FINDING,
        {"id": e.subject},
        {
            **_marks(e),
            **{k: d[k] for k in ("topic", "venue", "agencies", "owner_agency", "owner_role")},
            "state": FindingState.OPEN.value,
            "version": 1,
            "inquiry": d["inquiry"],
            "content": d["content"]["vault"],
            "found_at": e.occurred_at,
            "filed_by": e.actor,
            "filed_at": e.recorded_at,
            "due_at": d["due_at"],
            "evidence": "",
            "answered_by": "",
            "answered_at": None,
            "closed_by": "",
            "closed_at": None,
        },
    )


@on(terms.FINDING_ANSWERED)
def finding_answered(e: Entry) -> Iterable[Change]:
    declined = e.data["declined"]
    yield _finding(
        e,
        state=(FindingState.DECLINED if declined else FindingState.ANSWERED).value,
        evidence=e.data["evidence"]["vault"],
        answered_by=e.actor,
        answered_at=e.recorded_at,
    )


@on(terms.FINDING_RETURNED)
def finding_returned(e: Entry) -> Iterable[Change]:
    yield _finding(e, state=FindingState.OPEN.value, due_at=e.data["due_at"])


@on(terms.FINDING_CLOSED)
def finding_closed(e: Entry) -> Iterable[Change]:
    yield _finding(e, state=FindingState.CLOSED.value, closed_by=e.actor, closed_at=e.recorded_at)


@on(terms.FINDING_CONSIDERED)
def finding_considered(e: Entry) -> Iterable[Change]:
    yield Merge(
        "oversee_considered",
        {"finding": e.subject, "operation": e.data["operation"]},
        {"person": e.actor, "at": e.recorded_at, "text": e.data["text"]["vault"]},
    )


def _finding(e: Entry, **values: Any) -> Set:
    return Set(_FINDING, {"id": e.subject}, {**values, "version": e.data["version"]})


@on(terms.INQUIRY_SUBMITTED)
def inquiry_submitted(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        _INQUIRY,
        {"id": e.subject},
        {
            **_marks(e),
            "state": InquiryState.REVIEW.value,
            "version": 1,
            "content": d["content"]["vault"],
            "reviewer_agency": d["reviewer_agency"],
            "reviewer_role": d["reviewer_role"],
            "submitted_by": e.actor,
            "submitted_at": e.occurred_at,
            "due_at": d["due_at"],
            "holds": [],
            "cleared_by": "",
            "cleared_at": None,
            "published_by": "",
            "published_at": None,
        },
    )


@on(terms.INQUIRY_HELD)
def inquiry_held(e: Entry) -> Iterable[Change]:
    yield _inquiry(e, state=InquiryState.HELD.value, holds=e.data["holds"])


@on(terms.INQUIRY_HOLD_LIFTED)
def inquiry_hold_lifted(e: Entry) -> Iterable[Change]:
    yield _inquiry(e, state=InquiryState.REVIEW.value, holds=e.data["holds"])


@on(terms.INQUIRY_CLEARED)
def inquiry_cleared(e: Entry) -> Iterable[Change]:
    yield _inquiry(
        e,
        state=InquiryState.CLEARED.value,
        holds=e.data["holds"],
        cleared_by=e.actor,
        cleared_at=e.recorded_at,
    )


@on(terms.INQUIRY_PUBLISHED)
def inquiry_published(e: Entry) -> Iterable[Change]:
    yield _inquiry(
        e, state=InquiryState.PUBLISHED.value, published_by=e.actor, published_at=e.recorded_at
    )


def _inquiry(e: Entry, **values: Any) -> Set:
    return Set(_INQUIRY, {"id": e.subject}, {**values, "version": e.data["version"]})
