"""What the entries of this stage do to its tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tocsin.record.applying import on
from tocsin.record.terms import Change, Entry, Marking, Merge, Put, Set, Tlp
from tocsin.warn import terms
from tocsin.warn.terms import Act, State, TemplateState

_REVISED = ("type", "label", "precedence", "distribution", "cites", "expires_at")


@on(terms.WARNING_DRAFTED)
def drafted(e: Entry) -> Iterable[Change]:
    d, m = e.data, e.marking or Marking("")
    yield Put(
        "warn_warning",
        {"id": e.subject},
        {
            **{k: d[k] for k in (*_REVISED, "series", "edition", "supersedes", "situation")},
            "agency": m.agency,
            "tlp": m.tlp,
            "operation": m.operation,
            "state": State.DRAFT.value,
            "version": 1,
            "superseded_by": "",
            "author": e.actor,
            "authors": [e.actor],
            "holder": e.actor,
            "revision": 1,
            "content": d["content"]["vault"],
            "commitment": d["content"]["commitment"],
            "drafted_at": e.recorded_at,
            "submitted_at": None,
            "held_until": None,
            "hold_reason": "",
            "held_by": "",
            "releaser": "",
            "released_at": None,
            "review_after": False,
            "confirmed_by": "",
            "confirmed_at": None,
            "ended_at": None,
            "end_reason": "",
            "changed_at": e.recorded_at,
        },
    )
    yield _revision(e, 1)


@on(terms.WARNING_REVISED)
def revised(e: Entry) -> Iterable[Change]:
    d, m = e.data, e.marking or Marking("")
    yield _set(
        e,
        **{k: d[k] for k in _REVISED},
        tlp=m.tlp,
        authors=d["authors"],
        revision=d["revision"],
        content=d["content"]["vault"],
        commitment=d["content"]["commitment"],
    )
    yield _revision(e, d["revision"])


@on(terms.WARNING_HANDED_OVER)
def handed_over(e: Entry) -> Iterable[Change]:
    yield _set(e, holder=e.data["to"])
    yield _note(e, Act.HANDED_OVER, about=e.data["to"])


@on(terms.WARNING_SUBMITTED)
def submitted(e: Entry) -> Iterable[Change]:
    yield _set(e, state=State.IN_REVIEW.value, submitted_at=e.recorded_at)
    yield _note(e, Act.SUBMITTED)


@on(terms.WARNING_HELD)
def held(e: Entry) -> Iterable[Change]:
    d = e.data
    yield _set(
        e,
        state=State.HELD.value,
        held_until=d["until"],
        held_by=e.actor,
        hold_reason=d["reason"]["vault"],
    )
    yield _note(e, Act.HELD, until=d["until"])


@on(terms.WARNING_HOLD_LIFTED)
def hold_lifted(e: Entry) -> Iterable[Change]:
    yield _set(e, state=State.IN_REVIEW.value, **_NO_HOLD)
    yield _note(e, Act.HOLD_LIFTED)


@on(terms.WARNING_RETURNED)
def returned(e: Entry) -> Iterable[Change]:
    yield _set(e, state=State.RETURNED.value, submitted_at=None, **_NO_HOLD)
    yield _note(e, Act.RETURNED)


@on(terms.WARNING_REFUSED)
def refused(e: Entry) -> Iterable[Change]:
    yield _ended(e, State.REFUSED, **_NO_HOLD)
    yield _note(e, Act.REFUSED)


@on(terms.WARNING_ABANDONED)
def abandoned(e: Entry) -> Iterable[Change]:
    yield _ended(e, State.ABANDONED)
    yield _note(e, Act.ABANDONED)


@on(terms.WARNING_RELEASED)
def released(e: Entry) -> Iterable[Change]:
    first = e.data["review_after"]
    yield _set(
        e,
        state=State.RELEASED.value,
        tlp=e.marking.tlp if e.marking else Tlp.RED.value,
        releaser=e.actor,
        released_at=e.recorded_at,
        review_after=first,
        **_NO_HOLD,
    )
    yield _note(e, Act.RELEASED_FIRST if first else Act.RELEASED)
    if part := e.data.get("below"):
        m = e.marking or Marking("")
        yield Put(
            "warn_belowtearline",
            {"id": e.subject},
            {
                "agency": m.agency,
                "tlp": part["tlp"],
                "operation": m.operation,
                "series": part["series"],
                "edition": part["edition"],
                "type": part["type"],
                "content": part["content"]["vault"],
                "commitment": part["content"]["commitment"],
                "released_at": e.recorded_at,
            },
        )


@on(terms.WARNING_CONFIRMED)
def confirmed(e: Entry) -> Iterable[Change]:
    yield _set(e, confirmed_by=e.actor, confirmed_at=e.recorded_at)
    yield _note(e, Act.CONFIRMED)


@on(terms.WARNING_SUPERSEDED)
def superseded(e: Entry) -> Iterable[Change]:
    yield _ended(e, State.SUPERSEDED, superseded_by=e.data["by"])
    yield _note(e, Act.SUPERSEDED, about=e.data["by"])
    yield from _stale(e)


@on(terms.WARNING_CANCELLED)
def cancelled(e: Entry) -> Iterable[Change]:
    yield _ended(e, State.CANCELLED)
    yield _note(e, Act.CANCELLED)
    yield from _stale(e)


@on(terms.WARNING_EXPIRED)
def expired(e: Entry) -> Iterable[Change]:
    yield _ended(e, State.EXPIRED)
    yield _note(e, Act.EXPIRED)
    yield from _stale(e)


@on(terms.PLAN_CITED)
def plan_cited(e: Entry) -> Iterable[Change]:
    d = e.data
    values = {
        "warning": e.subject,
        "edition": d["edition"],
        "cited_by": e.actor,
        "cited_at": e.recorded_at,
        "stale_since": None,
        "dropped_at": None,
    }
    key = {"operation": d["operation"], "series": d["series"]}
    yield (Set if d["again"] else Put)("warn_citation", key, values)


@on(terms.PLAN_CITATION_DROPPED)
def plan_citation_dropped(e: Entry) -> Iterable[Change]:
    key = {"operation": e.data["operation"], "series": e.data["series"]}
    yield Set("warn_citation", key, {"dropped_at": e.recorded_at})


@on(terms.PAPER_TAKEN)
def paper_taken(e: Entry) -> Iterable[Change]:
    d, m = e.data, e.marking or Marking("")
    yield Put(
        "warn_copy",
        {"id": d["id"]},
        {
            "agency": m.agency,
            "tlp": m.tlp,
            "operation": m.operation,
            "subject": e.subject,
            "person": e.actor,
            "at": e.recorded_at,
            "form": d["form"],
            "part": d["part"],
            "digest": d["digest"],
            "size": d["size"],
            "note": d["note"]["vault"] if d.get("note") else "",
        },
    )


@on(terms.SEAL_SET)
def seal_set(e: Entry) -> Iterable[Change]:
    kept = {"content": e.data["content"]["vault"], "digest": e.data["digest"]}
    yield Merge("warn_seal", {"agency": e.data["agency"]}, {**kept, **_by(e, "person")})


@on(terms.SEAL_REMOVED)
def seal_removed(e: Entry) -> Iterable[Change]:
    none = {"content": "", "digest": ""}
    yield Set("warn_seal", {"agency": e.data["agency"]}, {**none, **_by(e, "person")})


@on(terms.TEMPLATE_PROPOSED)
def template_proposed(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "warn_template",
        {"id": e.subject},
        {
            "agency": e.marking.agency if e.marking else "",
            "product": d["product"],
            "state": TemplateState.PROPOSED.value,
            "version": 1,
            "content": d["content"]["vault"],
            "digest": d["digest"],
            "proposed_by": e.actor,
            "proposed_at": e.recorded_at,
            **_by(e, "changed_by"),
        },
    )


@on(terms.TEMPLATE_PREVIEWED)
def template_previewed(e: Entry) -> Iterable[Change]:
    yield _template(e, TemplateState.PREVIEWED)


@on(terms.TEMPLATE_USED)
def template_used(e: Entry) -> Iterable[Change]:
    yield _template(e, TemplateState.IN_USE)


@on(terms.TEMPLATE_RETIRED)
def template_retired(e: Entry) -> Iterable[Change]:
    yield _template(e, TemplateState.RETIRED)


def _template(e: Entry, state: TemplateState) -> Set:
    values = {"state": state.value, "version": e.data["version"], **_by(e, "changed_by")}
    return Set("warn_template", {"id": e.subject}, values)


def _by(e: Entry, who: str) -> dict[str, Any]:
    return {who: e.actor, "changed_at": e.recorded_at}


_NO_HOLD: dict[str, Any] = {"held_until": None, "held_by": "", "hold_reason": ""}


def _set(e: Entry, **values: Any) -> Set:
    changed = {"version": e.data["version"], "changed_at": e.recorded_at}
    return Set("warn_warning", {"id": e.subject}, {**values, **changed})


def _ended(e: Entry, state: State, **values: Any) -> Set:
    reason = e.data["reason"]["vault"] if e.data.get("reason") else ""
    return _set(e, state=state.value, ended_at=e.recorded_at, end_reason=reason, **values)


def _note(e: Entry, act: Act, *, until: str | None = None, about: str = "") -> Put:
    return Put(
        "warn_note",
        {"id": e.id},
        {
            "warning": e.subject,
            "act": act.value,
            "person": e.actor,
            "at": e.recorded_at,
            "text": e.data["reason"]["vault"] if e.data.get("reason") else "",
            "until": until,
            "about": about,
        },
    )


def _revision(e: Entry, number: int) -> Put:
    d = e.data
    return Put(
        "warn_revision",
        {"warning": e.subject, "number": number},
        {
            **{k: d[k] for k in _REVISED},
            "author": e.actor,
            "written_at": e.recorded_at,
            "content": d["content"]["vault"],
            "commitment": d["content"]["commitment"],
        },
    )


def _stale(e: Entry) -> Iterable[Change]:
    """The entry names the plans that rested on this edition: `apply` reads no table."""
    for place in e.data["stale"]:
        key = {"operation": place["operation"], "series": place["series"]}
        yield Set("warn_citation", key, {"stale_since": e.recorded_at})
