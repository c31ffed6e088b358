"""What the entries of this stage do to its tables."""

from __future__ import annotations

from collections.abc import Iterable

from tocsin.people import terms
from tocsin.record.applying import on
from tocsin.record.terms import Change, Entry, Merge, Put, Set


@on(terms.AGENCY_ADDED)
def agency_added(e: Entry) -> Iterable[Change]:
    yield Merge("people_agency", {"id": e.subject}, {**e.data, "removed_at": None})


@on(terms.AGENCY_REMOVED)
def agency_removed(e: Entry) -> Iterable[Change]:
    yield Set("people_agency", {"id": e.subject}, {"removed_at": e.recorded_at})


@on(terms.PERSON_ADDED)
def person_added(e: Entry) -> Iterable[Change]:
    yield Merge("people_member", {"person": e.subject}, {**e.data, "left_at": None})


@on(terms.PERSON_LEFT)
def person_left(e: Entry) -> Iterable[Change]:
    yield Set("people_member", {"person": e.subject}, {"left_at": e.occurred_at})


@on(terms.NOVICE_MARKED)
def novice_marked(e: Entry) -> Iterable[Change]:
    yield Set("people_member", {"person": e.subject}, {"novice": e.data["novice"]})


@on(terms.ROLE_GRANTED)
def role_granted(e: Entry) -> Iterable[Change]:
    yield Merge(
        "people_grant",
        {"person": e.subject, "role": e.data["role"]},
        {"agency": e.data["agency"], "granted_at": e.occurred_at, "revoked_at": None},
    )


@on(terms.ROLE_REVOKED)
def role_revoked(e: Entry) -> Iterable[Change]:
    key = {"person": e.subject, "role": e.data["role"]}
    yield Set("people_grant", key, {"revoked_at": e.occurred_at})


@on(terms.QUALIFICATION_GRANTED)
def qualification_granted(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "people_qualification",
        {"id": d["id"]},
        {
            "person": e.subject,
            "name": d["name"],
            "granted_at": e.occurred_at,
            "expires_at": d["expires_at"],
        },
    )


@on(terms.OPERATION_OPENED)
def operation_opened(e: Entry) -> Iterable[Change]:
    yield Put("people_operation", {"id": e.subject}, {**e.data, "version": 1})


@on(terms.OPERATION_CHANGED)
def operation_changed(e: Entry) -> Iterable[Change]:
    yield Set("people_operation", {"id": e.subject}, e.data)


@on(terms.OPERATION_JOINED)
def operation_joined(e: Entry) -> Iterable[Change]:
    key = {"operation": e.subject, "agency": e.data["agency"]}
    yield Merge("people_participation", key, {"joined_at": e.occurred_at})


@on(terms.SHIFT_PLANNED)
def shift_planned(e: Entry) -> Iterable[Change]:
    yield Put("people_shift", {"id": e.subject}, e.data)


@on(terms.SHIFT_HANDED_OVER)
def shift_handed_over(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "people_handover",
        {"id": e.subject},
        {
            "agency": e.agency,
            "role": d["role"],
            "from_person": e.actor,
            "note": d["note"]["vault"],
            "written_at": e.occurred_at,
            "read_by": "",
            "read_at": None,
        },
    )


@on(terms.HANDOVER_READ)
def handover_read(e: Entry) -> Iterable[Change]:
    yield Set("people_handover", {"id": e.subject}, {"read_by": e.actor, "read_at": e.occurred_at})


@on(terms.SHARED)
def shared(e: Entry) -> Iterable[Change]:
    for agency in e.data["agencies"]:
        yield Merge(
            "people_share", {"subject": e.subject, "agency": agency}, {"shared_at": e.occurred_at}
        )


@on(terms.UNMASKED)
def unmasked(e: Entry) -> Iterable[Change]:
    return ()


@on(terms.TOKEN_ISSUED)
def token_issued(e: Entry) -> Iterable[Change]:
    return ()


@on(terms.TOKEN_REVOKED)
def token_revoked(e: Entry) -> Iterable[Change]:
    return ()


@on(terms.PASSWORD_SET)
def password_set(e: Entry) -> Iterable[Change]:
    return ()
