"""Writing a warning: draft, revise, hand over, submit to review, abandon; and the next edition of one in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from tocsin.assess.actions import draft_begun
from tocsin.assess.models import Situation
from tocsin.duties import actions as duties
from tocsin.duties import terms as duty_terms
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.people.actions import share
from tocsin.people.rules import permit
from tocsin.people.store import actor as actor_named
from tocsin.people.store import names
from tocsin.people.terms import Actor, Permission, Role
from tocsin.people.visibility import get_visible
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import stamp
from tocsin.warn import document as documents
from tocsin.warn import lint, rules, sources, store, terms
from tocsin.warn.actions.locking import (
    about,
    draft_marking,
    event_start,
    locked,
    marking,
    operation_for,
    precedence,
)
from tocsin.warn.models import Warning
from tocsin.warn.products import product
from tocsin.warn.terms import UNDECIDED, Act, Cited, Content


@dataclass(frozen=True, slots=True)
class Given:
    """What a draft consists of, checked enough to be kept (a draft may be unfinished; `lint` says how)."""

    type: str
    content: Content
    label: str
    precedence: str
    distribution: tuple[terms.Seat, ...]
    expires_at: datetime | None


def draft(
    actor: Actor,
    *,
    type: str,
    content: Content,
    situation: str = "",
    operation: str = "",
    label: str = "",
    precedence: str = Precedence.ROUTINE.value,
    distribution: Iterable[Mapping[str, str]] | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Begin a warning, from a situation where there is one; returns its id. The author owes to finish it.

    `distribution` None = the operation's must-know roles. Each judgment's `cites` are ids of reports,
    situations or released warnings; they are pinned as they stand now.
    Raises: Forbidden; NotFound for a situation that is not yours to see; Invalid naming the field.
    """
    permit(actor, Permission.DRAFT)
    with writing(actor) as w:
        if situation:
            row = get_visible(actor, Situation.objects.all(), id=situation)
            operation = operation or row.operation
        event = operation_for(actor, operation)
        if distribution is None:
            distribution = event.must_know if event else []
        given = _given(type, content, label, precedence, distribution, expires_at)
        warning = new_id("wrn", w.at)
        data = _data(w, actor, warning, given, {})
        data |= {"series": warning, "edition": 1, "supersedes": "", "situation": situation}
        w.append(
            terms.WARNING_DRAFTED,
            warning,
            data,
            marking=draft_marking(actor.agency, label, operation),
        )
        _owe_finishing(w, warning)
        if situation:
            draft_begun(w, situation=situation, warning=warning)
    return warning


def revise(
    actor: Actor,
    *,
    warning: str,
    version: int,
    type: str | None = None,
    content: Content | None = None,
    label: str | None = None,
    precedence: str | None = None,
    distribution: Iterable[Mapping[str, str]] | None = None,
    expires_at: datetime | None = None,
    no_expiry: bool = False,
) -> int:
    """Save a draft anew; the saving before is kept. What is not given stays. Returns the revision's number.

    Raises: Forbidden when another has it in hand; Conflict; NotFound; Invalid naming the field.
    """
    permit(actor, Permission.DRAFT)
    with writing(actor) as w:
        row = locked(actor, warning, version, Act.SUBMITTED)
        _in_hand(actor, row)
        given = _given(
            type or row.type,
            store.content(row) if content is None else content,
            row.label if label is None else label,
            precedence or row.precedence,
            row.distribution if distribution is None else distribution,
            None if no_expiry else expires_at or row.expires_at,
        )
        data = _data(w, actor, warning, given, store.pinned(row) if content is None else {})
        data |= {
            "revision": row.revision + 1,
            "version": version + 1,
            "authors": list(dict.fromkeys([*row.authors, actor.person])),
        }
        mark = draft_marking(row.agency, given.label, row.operation)
        w.append(terms.WARNING_REVISED, warning, data, marking=mark)
        return row.revision + 1


def hand_over(actor: Actor, *, warning: str, version: int, to: str, reason: str = "") -> None:
    """Give a draft to a colleague of the same agency, or take it over (`to` = yourself).

    Raises: Forbidden when it is neither in your hand nor to be in yours; Invalid when `to` cannot draft.
    """
    permit(actor, Permission.DRAFT)
    with writing(actor) as w:
        row = locked(actor, warning, version, Act.HANDED_OVER)
        if actor.agency != row.agency or (actor.person not in (row.holder, to)):
            raise Forbidden(
                "this draft is not in your hand", field="to", cure="Take it over yourself first."
            )
        receiver = actor_named(to)
        if receiver.agency != row.agency or Permission.DRAFT not in receiver.permissions:
            raise Invalid(
                "they cannot draft for your agency", field="to", cure="Choose a colleague who can."
            )
        if to == row.holder:
            raise Conflict("they have it in hand already", field="to")
        data: dict[str, Any] = {"to": to, "version": version + 1}
        if reason.strip():
            data["reason"] = w.keep(warning, {"text": reason.strip()})
        w.append(terms.WARNING_HANDED_OVER, warning, data, marking=marking(row))
        owed = Duty.objects.select_for_update().filter(
            subject=warning, kind="finish_draft", discharged_at=None
        )
        for duty in owed:
            moved = {"id": duty.id, "owner_person": to, "owner_role": "", "why": "handed over"}
            w.append(duty_terms.DUTY_MOVED, warning, moved, marking=marking(row))


def submit(actor: Actor, *, warning: str, version: int) -> None:
    """Send a draft to review; the release authorities of the agency owe an answer before the event.

    A finding that stops release stops this too: a reviewer cannot mend it, and the way back costs time.
    From here on the agency that leads the operation sees it, because its lead is next on the ladder.
    Raises: Forbidden; Conflict; NotFound; Invalid with the first finding.
    """
    permit(actor, Permission.DRAFT)
    with writing(actor) as w:
        row = locked(actor, warning, version, Act.SUBMITTED)
        _in_hand(actor, row)
        lint.refuse_on_stops(store.findings(row, w.at))
        w.append(terms.WARNING_SUBMITTED, warning, {"version": version + 1}, marking=marking(row))
        operation = store.operation_of(row)
        if operation and operation.lead_agency != row.agency:
            share(w, subject=warning, agencies=[operation.lead_agency], marking=marking(row))
        duties.discharge(w, warning, "finish_draft", "sent to review")
        duties.open_duty(
            w,
            "review",
            warning,
            f"Review the {about(row)}",
            marking(row),
            owner_agency=row.agency,
            owner_role=Role.RELEASE_AUTHORITY,
            precedence=precedence(row),
            event_start=operation.starts_at if operation else None,
        )


def abandon(actor: Actor, *, warning: str, version: int, reason: str) -> None:
    """End a draft without release, by a recorded decision: whoever has it in hand, or a release authority.

    Raises: Forbidden; Conflict; NotFound; Invalid when no reason is given.
    """
    permit(actor, Permission.DRAFT)
    with writing(actor) as w:
        row = locked(actor, warning, version, Act.ABANDONED)
        if actor.agency != row.agency or (
            actor.person != row.holder and Permission.RELEASE not in actor.permissions
        ):
            raise Forbidden(
                "another has this draft in hand",
                cure="Take it over first, or ask a release authority.",
            )
        kept = w.keep(warning, {"text": rules.check_reason(reason, "reason")})
        w.append(
            terms.WARNING_ABANDONED,
            warning,
            {"version": version + 1, "reason": kept},
            marking=marking(row),
        )
        duties.discharge(w, warning, "finish_draft", "abandoned, with the reason on record")


def update(actor: Actor, *, warning: str, version: int, changed: str = "") -> str:
    """Begin the next edition of a warning in force, with its words to start from; returns the new draft's id.

    The edition in force stays so, unchanged, until the new one is released.
    Raises: Forbidden; NotFound; Conflict when one is being written already, or it is not in force.
    """
    permit(actor, Permission.DRAFT)
    with writing(actor) as w:
        row = locked(actor, warning, version, Act.SUPERSEDED)
        if actor.agency != row.agency:
            raise Forbidden(
                "another agency wrote this warning",
                cure="Tell them what should change, or write yours.",
            )
        states = [s.value for s in UNDECIDED]
        if other := Warning.objects.filter(series=row.series, state__in=states).first():
            raise Conflict(
                "its next edition is being written already",
                field="warning",
                cure=f"Open {other.id}.",
            )
        content = msgspec.structs.replace(store.content(row), changed=changed)
        given = _given(
            row.type, content, row.label, row.precedence, row.distribution, row.expires_at
        )
        fresh = new_id("wrn", w.at)
        data = _data(w, actor, fresh, given, store.pinned(row))
        data |= {
            "series": row.series,
            "edition": row.edition + 1,
            "supersedes": row.id,
            "situation": row.situation,
        }
        mark = draft_marking(row.agency, row.label, row.operation)
        w.append(terms.WARNING_DRAFTED, fresh, data, marking=mark)
        _owe_finishing(w, fresh)
    return fresh


def owe_finishing(w: Writing, row: Warning, title: str) -> None:
    """Open the duty to finish a draft, in the hand of whoever holds it."""
    duties.open_duty(
        w,
        "finish_draft",
        row.id,
        title,
        marking(row),
        owner_agency=row.agency,
        owner_person=row.holder,
        precedence=precedence(row),
        event_start=event_start(row),
    )


def _owe_finishing(w: Writing, warning: str) -> None:
    w.flush()
    row = Warning.objects.get(id=warning)
    owe_finishing(w, row, f"Finish the {about(row)}")


def _in_hand(actor: Actor, row: Warning) -> None:
    """One pen at a time. Raises: Forbidden naming who has it."""
    if actor.person != row.holder:
        who = names([row.holder]).get(row.holder, "a colleague")
        raise Forbidden(f"{who} has this draft in hand", field="holder", cure="Take it over first.")


def _given(
    kind: str,
    content: Content,
    label: str,
    urgency: str,
    distribution: Iterable[Mapping[str, str]],
    expires_at: datetime | None,
) -> Given:
    product(kind)
    if urgency not in list(Precedence):
        raise Invalid(
            f"{urgency!r} is no precedence",
            field="precedence",
            cure=f"Use {', '.join(Precedence)}.",
        )
    if expires_at is not None and expires_at.tzinfo is None:
        raise Invalid("a time needs a zone", field="expires_at", cure="Add an offset such as Z.")
    return Given(
        kind, documents.tidy(content), label, urgency, rules.seats(distribution), expires_at
    )


def _data(
    w: Writing, actor: Actor, warning: str, given: Given, pinned: Mapping[str, Cited]
) -> dict[str, Any]:
    """The entry of a saving: words to the vault, sources pinned (those already pinned stay as they were)."""
    wanted = [c for j in given.content.judgments for c in j.cites]
    fresh = sources.pin_all(actor, [c for c in wanted if c not in pinned])
    cites = [{**pinned, **fresh}[c] for c in dict.fromkeys(wanted)]
    return {
        "type": given.type,
        "label": given.label,
        "precedence": given.precedence,
        "distribution": [msgspec.to_builtins(seat) for seat in given.distribution],
        "expires_at": stamp(given.expires_at) if given.expires_at else None,
        "cites": [msgspec.to_builtins(msgspec.structs.replace(c, label="")) for c in cites],
        "content": w.keep(warning, documents.body(given.content)),
    }


__all__ = ["abandon", "draft", "hand_over", "owe_finishing", "revise", "submit", "update"]
