"""What the entries of this stage do to its tables, and to the state of the reports it decides
on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tocsin.assess import terms
from tocsin.record.applying import on
from tocsin.record.terms import Add, Change, Entry, Marking, Merge, Put, Set


def _marks(e: Entry) -> dict[str, str]:
    m = e.marking or Marking("")
    return {"agency": m.agency, "tlp": m.tlp, "operation": m.operation}


@on(terms.REPORT_ASSESSED)
def assessed(e: Entry) -> Iterable[Change]:
    """One reader's decision: the row, the standing of the report and its near-copies, their
    state.
    """
    d = e.data
    copied = (
        "report_version",
        "reading",
        "speech",
        "specifics",
        "behaviours",
        "reliability",
        "credibility",
        "likelihood",
        "likelihood_percent",
        "confidence",
        "disposition",
        "recommended",
        "threshold",
        "departed",
        "second",
        "covers",
        "effects",
    )
    yield Put(
        "assess_assessment",
        {"id": d["id"]},
        {
            **{name: d[name] for name in copied},
            **_marks(e),
            "report": e.subject,
            "person": e.actor,
            "decided_at": e.recorded_at,
            "content": d["content"]["vault"],
            "undone_at": None,
        },
    )
    for report in [e.subject, *d["covers"]]:
        standing = {**d["standing"], "changed_at": e.recorded_at}
        if d["reading"] == terms.Reading.FIRST:
            yield Merge(
                "assess_standing", {"report": report}, {**_blank(), **_marks(e), **standing}
            )
        else:
            yield Set("assess_standing", {"report": report}, standing)
        yield from _reports(report, d)


@on(terms.ASSESSMENT_UNDONE)
def undone(e: Entry) -> Iterable[Change]:
    """Everything back as it was before the decision; the decision itself stays, marked undone."""
    d = e.data
    yield Set("assess_assessment", {"id": d["id"]}, {"undone_at": e.recorded_at})
    for report in [e.subject, *d["covers"]]:
        standing = {**d["standing"], "changed_at": e.recorded_at}
        yield Set("assess_standing", {"report": report}, standing)
        yield from _reports(report, d)


def _blank() -> dict[str, Any]:
    texts = ("disposition", "speech", "first", "first_reader", "second", "second_reader", "settled")
    return {**dict.fromkeys(texts, ""), "needs_more": 0}


def _reports(report: str, d: dict[str, Any]) -> Iterable[Change]:
    values = {"state": d["report_state"]} if d["report_state"] else {}
    if report in d["retention"]:
        values["retention_until"] = d["retention"][report]
    if values:
        yield Set("collect_report", {"id": report}, values)


@on(terms.SITUATION_OPENED)
def situation_opened(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "assess_situation",
        {"id": e.subject},
        {
            **_marks(e),
            "kind": d["kind"],
            "title": d["title"]["vault"],
            "state": terms.SituationState.OPEN.value,
            "version": 1,
            "categories": d["categories"],
            "seen": {},
            "alarmed": [],
            "alarms": 0,
            "alarm_at": None,
            "reports": len(d["reports"]),
            "k": d["k"],
            "opened_by": e.actor,
            "opened_at": e.recorded_at,
            "changed_at": e.recorded_at,
            "warning": "",
        },
    )
    yield from _members(e, d["reports"])


@on(terms.SITUATION_CHANGED)
def situation_changed(e: Entry) -> Iterable[Change]:
    """`set` holds new values of columns; `added` and `removed` reports; `reason` lies in the
    vault.
    """
    d = e.data
    values = {**d["set"], "version": d["version"], "changed_at": e.recorded_at}
    yield Set("assess_situation", {"id": e.subject}, values)
    yield from _members(e, d["added"])
    for report in d["removed"]:
        key = {"situation": e.subject, "report": report}
        yield Set("assess_membership", key, {"ended_at": e.recorded_at})


def _members(e: Entry, reports: Iterable[str]) -> Iterable[Change]:
    for report in reports:
        key = {"situation": e.subject, "report": report}
        values = {"added_by": e.actor, "added_at": e.recorded_at, "ended_at": None}
        yield Merge("assess_membership", key, values)


@on(terms.SITUATION_COUNTED)
def situation_counted(e: Entry) -> Iterable[Change]:
    """Reports were flagged for an operation, or taken out of the sum: `seen` and `categories` as
    they now are.
    """
    d = e.data
    values = {"seen": d["seen"], "categories": sorted(d["seen"]), "reports": d["reports"]}
    yield Set("assess_situation", {"id": e.subject}, {**values, "changed_at": e.recorded_at})
    operation = (e.marking or Marking("")).operation
    for category, count in d["signs"].items():
        key = {"operation": operation, "day": d["day"], "category": category}
        yield Add("assess_sign", key, {"reports": count})
    if hour := d.get("hour"):  # entries from before the surge test have none
        for category, count in {**d["signs"], "": d["flagged"]}.items():
            key = {"operation": operation, "hour": hour, "category": category}
            yield Add("assess_hour", key, {"reports": count})


@on(terms.SITUATION_SURGED)
def situation_surged(e: Entry) -> Iterable[Change]:
    """Far more than usual: the row, and the picture's version."""
    d = e.data
    copied = {name: d[name] for name in ("category", "hour", "count", "usual", "bar")}
    values = {**_marks(e), **copied, "situation": e.subject, "raised_at": e.recorded_at}
    yield Put("assess_surge", {"id": d["id"]}, values)
    changed = {"version": d["version"], "changed_at": e.recorded_at}
    yield Set("assess_situation", {"id": e.subject}, changed)


@on(terms.ALARM_RAISED)
def alarm_raised(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "assess_alarm",
        {"id": d["id"]},
        {
            **_marks(e),
            "situation": e.subject,
            "raised_at": e.recorded_at,
            "reason": d["reason"],
            "k": d["k"],
            "categories": d["categories"],
            "added": d["added"],
        },
    )
    yield Set(
        "assess_situation",
        {"id": e.subject},
        {
            "alarmed": d["categories"],
            "alarms": d["n"],
            "alarm_at": e.recorded_at,
            "version": d["version"],
            "k": d["k"],
            "changed_at": e.recorded_at,
        },
    )


@on(terms.WHOLE_ASSESSED)
def whole_assessed(e: Entry) -> Iterable[Change]:
    d = e.data
    copied = ("decision", "likelihood", "likelihood_percent", "confidence", "categories")
    yield Put(
        "assess_whole",
        {"id": d["id"]},
        {
            **{name: d[name] for name in copied},
            **_marks(e),
            "situation": e.subject,
            "person": e.actor,
            "at": e.recorded_at,
            "content": d["content"]["vault"],
        },
    )
    yield Set(
        "assess_situation",
        {"id": e.subject},
        {"version": d["version"], "changed_at": e.recorded_at},
    )


@on(terms.DRAFT_BEGUN)
def draft_begun(e: Entry) -> Iterable[Change]:
    values = {"warning": e.data["warning"], "changed_at": e.recorded_at}
    yield Set("assess_situation", {"id": e.subject}, values)


@on(terms.DISSENT_FILED)
def dissent_filed(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "assess_dissent",
        {"id": e.subject},
        {
            **_marks(e),
            "about": d["about"],
            "person": e.actor,
            "person_agency": e.agency,
            "owner_agency": d["owner_agency"],
            "filed_at": e.occurred_at,
            "state": terms.Asked.OPEN.value,
            "version": 1,
            "content": d["content"]["vault"],
            "answer": "",
            "answered_by": "",
            "answered_at": None,
        },
    )


@on(terms.DISSENT_ANSWERED)
def dissent_answered(e: Entry) -> Iterable[Change]:
    yield Set("assess_dissent", {"id": e.subject}, _answered(e))


@on(terms.RFI_ASKED)
def rfi_asked(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "assess_rfi",
        {"id": e.subject},
        {
            **_marks(e),
            "about": d["about"],
            "person": e.actor,
            "person_agency": e.agency,
            "to_agency": d["to_agency"],
            "to_role": d["to_role"],
            "asked_at": e.occurred_at,
            "due_at": d["due_at"],
            "state": terms.Asked.OPEN.value,
            "version": 1,
            "content": d["content"]["vault"],
            "answer": "",
            "answered_by": "",
            "answered_at": None,
            "extensions": [],
        },
    )


@on(terms.RFI_EXTENDED)
def rfi_extended(e: Entry) -> Iterable[Change]:
    d = e.data
    values = {"due_at": d["due_at"], "extensions": d["extensions"], "version": d["version"]}
    yield Set("assess_rfi", {"id": e.subject}, values)


@on(terms.RFI_ANSWERED)
def rfi_answered(e: Entry) -> Iterable[Change]:
    yield Set("assess_rfi", {"id": e.subject}, _answered(e))


@on(terms.RFI_WITHDRAWN)
def rfi_withdrawn(e: Entry) -> Iterable[Change]:
    yield Set(
        "assess_rfi", {"id": e.subject}, {**_answered(e), "state": terms.Asked.WITHDRAWN.value}
    )


def _answered(e: Entry) -> dict[str, Any]:
    return {
        "state": terms.Asked.ANSWERED.value,
        "answer": e.data["content"]["vault"],
        "answered_by": e.actor,
        "answered_at": e.recorded_at,
        "version": e.data["version"],
    }
