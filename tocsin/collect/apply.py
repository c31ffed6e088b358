"""What the entries of collecting and screening do to the tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tocsin.collect import terms
from tocsin.record.applying import on
from tocsin.record.terms import Add, Change, Entry, Marking, Put, Set

_SOURCE = (
    "kind name authority purpose scope valid_from valid_until retention_days reliability config every_s state"
).split()
_VERDICT = "score precedence indicators categories lowered_by spans catalogue".split()
_MODELS = {
    "model_version": "",
    "chance": 0,
    "stage": "",
    "sample": False,
}  # entries before version 0.2 have none
_COUNTS = "screened flagged joined revised seen_again refused outside".split()


def _marks(e: Entry) -> dict[str, str]:
    m = e.marking or Marking("")
    return {"agency": m.agency, "tlp": m.tlp, "operation": m.operation}


@on(terms.SOURCE_ADDED)
def source_added(e: Entry) -> Iterable[Change]:
    yield Put(
        "collect_source",
        {"id": e.subject},
        {
            **{name: e.data[name] for name in _SOURCE},
            **_marks(e),
            "health": terms.Health.NEVER_FETCHED.value,
            "health_reason": "",
            "health_since": None,
            "added_at": e.recorded_at,
            "version": 1,
        },
    )


@on(terms.SOURCE_CHANGED)
def source_changed(e: Entry) -> Iterable[Change]:
    """The data holds the changed columns and the new version; `why` is the vault id of the reason."""
    allowed = {*_SOURCE, "tlp", "operation", "version"}
    yield Set(
        "collect_source", {"id": e.subject}, {k: v for k, v in e.data.items() if k in allowed}
    )


@on(terms.SOURCE_HEALTH)
def source_health(e: Entry) -> Iterable[Change]:
    d = e.data
    values = {"health": d["health"], "health_reason": d["reason"], "health_since": d["since"]}
    yield Set("collect_source", {"id": e.subject}, values)


@on(terms.REPORT_FLAGGED)
def report_flagged(e: Entry) -> Iterable[Change]:
    """A new report, and its place among its near-copies."""
    yield _report(e, state="OPEN", flagged=True)
    yield from _grouped(e)


@on(terms.NEAR_MISS_SAMPLED)
def near_miss_sampled(e: Entry) -> Iterable[Change]:
    """A near miss drawn by lot: stored like a report, but in nobody's count until it is found to matter."""
    d = e.data
    yield _report(e, state=terms.SAMPLE, flagged=False)
    yield from _grouped(e)
    yield Put(
        "collect_sample",
        {"report": e.subject},
        {
            **_marks(e),
            **{name: d[name] for name in ("score", "line", "share")},
            "drawn_at": e.recorded_at,
            "read_at": None,
            "read_by": "",
            "mattered": None,
        },
    )


@on(terms.SAMPLE_KEPT)
def sample_kept(e: Entry) -> Iterable[Change]:
    """A sample becomes an ordinary report, with the ordinary time to be kept."""
    values = {"state": "OPEN", "flagged": True, "retention_until": e.data["retention_until"]}
    yield Set("collect_report", {"id": e.subject}, values)


@on(terms.SAMPLE_READ)
def sample_read(e: Entry) -> Iterable[Change]:
    """A person read it; one that did not matter counts as decided until its content is purged."""
    d = e.data
    values = {"read_at": e.recorded_at, "read_by": e.actor, "mattered": d["mattered"]}
    yield Set("collect_sample", {"report": e.subject}, values)
    if not d["mattered"]:
        yield Set("collect_report", {"id": e.subject}, {"state": "DECIDED"})


def _report(e: Entry, *, state: str, flagged: bool) -> Put:
    d = e.data
    return Put(
        "collect_report",
        {"id": e.subject},
        {
            **{name: d[name] for name in _VERDICT},
            **{name: d.get(name, none) for name, none in _MODELS.items()},
            **_marks(e),
            "version": 1,
            "source": d["source"],
            "kind": d["kind"],
            "identity": d["identity"],
            "content_hash": d["hash"],
            "content": d["content"]["vault"],
            "original": d["original"]["vault"],
            "author": d["author"],
            "thread": d["thread"],
            "lang": d["lang"],
            "posted_at": d["posted_at"],
            "received_at": e.recorded_at,
            "edited_at": None,
            "flagged": flagged,
            "group": d["group"],
            "group_size": d["group_size"],
            "leader": d["leader"],
            "state": state,
            "reliability": d["reliability"],
            "authority": d["authority"],
            "purpose": d["purpose"],
            "retention_until": d["retention_until"],
            "seen_count": 1,
            "last_seen": e.recorded_at,
        },
    )


def _grouped(e: Entry) -> Iterable[Change]:
    d = e.data
    size = {"size": d["group_size"], "last_at": e.recorded_at, "leader": d["leader"] or e.subject}
    if d["group_size"] == 1:
        first = {**_marks(e), "seed": d["content"]["vault"], "opened_at": e.recorded_at}
        yield Put("collect_group", {"id": d["group"]}, {**first, **size})
    else:
        yield Set("collect_group", {"id": d["group"]}, size)
    if d["leader"]:
        yield Set("collect_report", {"id": d["leader"]}, {"group_size": d["group_size"]})


@on(terms.REPORT_REVISED)
def report_revised(e: Entry) -> Iterable[Change]:
    """A later version of a known post; the earlier one stays readable beside it."""
    d = e.data
    yield Put("collect_version", {"report": e.subject, "version": d["version"] - 1}, d["before"])
    now: dict[str, Any] = {
        "version": d["version"],
        "content_hash": d["hash"],
        "edited_at": e.recorded_at,
        "flagged": d["flagged"],
        "last_seen": e.recorded_at,
    }
    if d["flagged"]:
        now |= {name: d[name] for name in _VERDICT}
        now |= {name: d.get(name, none) for name, none in _MODELS.items()}
        now |= {"content": d["content"]["vault"], "original": d["original"]["vault"]}
    if d["reopened"]:
        now["state"] = "OPEN"
    if d["leads"]:
        now |= {"leader": "", "group_size": d["group_size"]}
        yield Set("collect_group", {"id": d["group"]}, {"leader": e.subject})
    yield Set("collect_report", {"id": e.subject}, now)


@on(terms.REPORTS_SEEN_AGAIN)
def seen_again(e: Entry) -> Iterable[Change]:
    for report, count in e.data["reports"].items():
        yield Set(
            "collect_report", {"id": report}, {"seen_count": count, "last_seen": e.recorded_at}
        )


@on(terms.SOURCE_GAPPED)
def source_gapped(e: Entry) -> Iterable[Change]:
    """What a stream may have lost is told on the record; it changes no table."""
    return ()


@on(terms.ITEMS_COUNTED)
def counted(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Add(
        "collect_tally",
        {"source": e.subject, "hour": d["hour"]},
        {name: d[name] for name in _COUNTS},
    )
    for reason, items in d["reasons"].items():
        key = {"source": e.subject, "day": d["hour"][:10], "reason": reason}
        yield Add("collect_outside", key, {"items": items})


@on(terms.INPUT_REFUSED)
def refused(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "collect_refused",
        {"id": d["id"]},
        {
            **_marks(e),
            "source": e.subject,
            "field": d["field"],
            "why": d["why"],
            "content": d["content"]["vault"],
            "raw": d["raw"]["vault"] if d["raw"] else "",
            "received_at": e.recorded_at,
            "retention_until": d["retention_until"],
            "state": terms.RefusalState.OPEN.value,
            "version": 1,
            "outcome": "",
            "closed_by": "",
            "closed_at": None,
        },
    )


@on(terms.REFUSAL_CLOSED)
def refusal_closed(e: Entry) -> Iterable[Change]:
    """Retried or dismissed; `outcome` is the report it became, or the vault id of the reason."""
    d = e.data
    yield Set(
        "collect_refused",
        {"id": d["id"]},
        {
            "state": d["state"],
            "version": d["version"],
            "outcome": d["outcome"],
            "closed_by": e.actor,
            "closed_at": e.recorded_at,
        },
    )


@on(terms.TIP_GIVEN)
def tip_given(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "collect_tip",
        {"report": e.subject},
        {
            **_marks(e),
            "code": d["code"],
            "contact": d["contact"]["vault"] if d["contact"] else "",
            "given_at": e.recorded_at,
            "retention_until": d["retention_until"],
        },
    )


@on(terms.TIP_ASKED)
def tip_asked(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "collect_tipquestion",
        {"id": d["id"]},
        {
            **_blank_question(e),
            "question": d["question"]["vault"],
            "asked_by": e.actor,
            "asked_at": e.recorded_at,
        },
    )


@on(terms.TIP_ANSWERED)
def tip_answered(e: Entry) -> Iterable[Change]:
    """An answer to a question, or (`unasked`) something the giver of the tip adds."""
    d = e.data
    answer = {"answer": d["answer"]["vault"], "answered_at": e.recorded_at}
    if d["unasked"]:
        yield Put("collect_tipquestion", {"id": d["id"]}, {**_blank_question(e), **answer})
    else:
        yield Set("collect_tipquestion", {"id": d["id"]}, answer)


@on(terms.TIP_READ)
def tip_read(e: Entry) -> Iterable[Change]:
    for question in e.data["questions"]:
        values = {"read_by": e.actor, "read_at": e.recorded_at}
        yield Set("collect_tipquestion", {"id": question}, values)


@on(terms.BUDGET_SET)
def budget_set(e: Entry) -> Iterable[Change]:
    """The line stays where it is when the number changes: it moves slowly, by what comes."""
    d, key = e.data, _place(e)
    values = {"a_shift": d["a_shift"], "version": d["version"], "set_by": e.actor}
    values |= {"tlp": _marks(e)["tlp"], "set_at": e.recorded_at}
    if d["version"] == 1:
        first = {"line": d["line"], "share": d["share"], "expected": 0, "why": ""}
        yield Put("collect_budget", key, {**values, **first, "moved_at": e.recorded_at})
    else:
        yield Set("collect_budget", key, values)


@on(terms.LINE_MOVED)
def line_moved(e: Entry) -> Iterable[Change]:
    values = {name: e.data[name] for name in ("line", "expected", "share", "why")}
    yield Set("collect_budget", _place(e), {**values, "moved_at": e.recorded_at})


def _place(e: Entry) -> dict[str, str]:
    marks = _marks(e)
    return {"agency": marks["agency"], "operation": marks["operation"]}


@on(terms.MODELS_LEARNED)
def models_learned(e: Entry) -> Iterable[Change]:
    """Learned again from the same decisions they are the same models: the figures are those found last."""
    d = e.data
    values = {name: d[name] for name in ("against", "decisions", "figures", "better")}
    blank = {"promoted_at": None, "promoted_by": "", "reason": ""}
    yield Put("collect_models", {"id": e.subject}, {**values, **blank, "learned_at": e.recorded_at})


@on(terms.MODELS_PROMOTED)
def models_promoted(e: Entry) -> Iterable[Change]:
    """Those that ship have no row of their own: that they are in use again is told by the entry."""
    if e.data["learned"]:
        values = {"promoted_at": e.recorded_at, "promoted_by": e.actor}
        yield Set(
            "collect_models", {"id": e.subject}, {**values, "reason": e.data["reason"]["vault"]}
        )


def _blank_question(e: Entry) -> dict[str, Any]:
    return {
        "report": e.subject,
        "question": "",
        "asked_by": "",
        "asked_at": None,
        "answer": "",
        "answered_at": None,
        "read_by": "",
        "read_at": None,
    }
