"""Whether the protected person holds, goes on or is moved: asked by rule, of a named decider, with a clock."""

from __future__ import annotations

from datetime import datetime

from tocsin.duties.actions import act, discharge, open_duty
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.operate import rules, store, terms
from tocsin.operate.actions import shared
from tocsin.operate.actions.feed import tell
from tocsin.operate.models import Hold, Sighting, Update
from tocsin.operate.rules.hold import ASKED
from tocsin.operate.terms import CHOICES, DECIDE_IN, Decision, HoldState
from tocsin.people.models import Member, Operation
from tocsin.people.rules import may, permit
from tocsin.people.store import on_duty
from tocsin.people.store import operation as operation_of
from tocsin.people.terms import Actor, Permission, Role
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import stamp

DECIDE = "decide_hold"


def ask_hold(w: Writing, plan: Operation, row: Sighting) -> str:
    """Ask the decider, where the rules say so and nobody is asked yet; returns the question's id, or ''."""
    why = rules.asks_hold(
        state=row.state,
        aggravators=row.aggravators,
        placed=row.lat is not None or bool(row.place or row.area or row.position),
        last_seen_at=row.last_seen_at,
        now=w.at,
    )
    if why not in ASKED:
        return ""
    last = Hold.objects.filter(sighting=row.id).order_by("-asked_at", "-decided_version").first()
    if last is not None and last.state != HoldState.DECIDED:
        return ""
    again = _again(w, row, last) if last is not None else None
    if again is rules.Again.STANDS:
        return ""
    hold = new_id("hlq", w.at)
    agency, role, person = store.decider(plan)
    data = {
        "sighting": row.id,
        "sighting_version": row.must_version,
        "why": f"{again.value}; {why.value}" if again else why.value,
        "decider_agency": agency,
        "decider_role": role,
        "decider_person": person,
        "due_at": stamp(w.at + DECIDE_IN),
    }
    w.append(terms.HOLD_ASKED, hold, data, marking=shared.marking(plan))
    title = f"Hold, go on or move? Sighting {row.number}"
    open_duty(
        w,
        DECIDE,
        hold,
        f"{title}, {again.value}" if again else title,
        shared.marking(plan),
        owner_agency=agency,
        owner_role=role,
        owner_person=person,
        precedence=Precedence.FLASH,
    )
    tell(plan.id, "hold", hold)
    return hold


def _again(w: Writing, row: Sighting, last: Hold) -> rules.Again:
    """Whether the last decision no longer holds, by what was known when it was made."""
    version = last.sighting_version if last.decided_version is None else last.decided_version
    updates = Update.objects.filter(sighting=row.id)
    then = updates.filter(version__lte=version).order_by("-version").first()
    # Lost once more, without having been seen meanwhile, is no news.
    lost = updates.filter(change=terms.SIGHTING_LOST, occurred_at__gte=row.last_seen_at)
    gone = lost.order_by("version").first()
    settled = rules.Settled(
        last.decision, last.decided_at or last.asked_at, version, then.severity if then else 0
    )
    return rules.asks_again(
        settled,
        severity=row.severity,
        must_version=row.must_version,
        lost_version=gone.version if gone else 0,
        last_seen_at=row.last_seen_at,
        now=w.at,
    )


def close_holds(w: Writing, sighting: str) -> None:
    """What was seen is over: whoever was asked about it owes no answer, and the record says that none was given."""
    for row in Hold.objects.select_for_update().filter(sighting=sighting):
        if row.state != HoldState.DECIDED:
            w.append(terms.HOLD_OVER, row.id, {}, marking=marking_of(row))
            discharge(w, row.id, DECIDE, Decision.OVER.words)
            tell(row.operation, "hold", row.id)


def decide_hold(
    actor: Actor, *, hold: str, decision: str, reason: str, version: int = 0, key: str = ""
) -> None:
    """Decide: hold, go on, or move the protected person; the reason is on the record.

    The named decider does, whoever leads the operation, and the detail leader always. `version` = of the sighting, as
    it stood before their eyes (0 = as it stands): what got worse since is asked at once.
    Raises: Forbidden, NotFound, Conflict when it is decided, Invalid.
    """
    permit(actor, Permission.READ_CONTENT)

    def do() -> str:
        with writing(actor) as w:
            # The sighting first, as whoever adds to it does: neither waits for the other, and nothing comes between.
            about = Hold.objects.filter(id=hold).values("sighting")
            seen = Sighting.objects.select_for_update().filter(id__in=about).first()
            row, plan = shared.opened(actor, Hold, hold)
            if seen is None or not may_decide(actor, row, plan, w.at):
                raise Forbidden(
                    "the named decider, whoever leads the operation or the detail leader decides this"
                )
            if row.state == HoldState.DECIDED:
                raise Conflict(
                    "it is decided", cure="Look at the decision; a worse sighting asks anew."
                )
            if decision not in CHOICES:
                options = ", ".join(CHOICES)
                raise Invalid(f"{decision!r} is unknown", field="decision", cure=f"Use {options}.")
            data = {
                "decision": decision,
                "version": min(version or seen.version, seen.version),
                "reason": shared.words(w, hold, reason, "reason", least=3),
                "key": key,
            }
            w.append(terms.HOLD_DECIDED, hold, data, marking=marking_of(row))
            discharge(w, hold, DECIDE, f"decided: {Decision(decision).words}")
            tell(plan.id, "hold", hold)
            w.flush()
            ask_hold(w, plan, seen)
        return hold

    shared.once(actor, key, do)


def name_decider(
    actor: Actor, *, operation: str, agency: str, role: str = "", person: str = ""
) -> None:
    """Name who decides whether to hold: a role at an agency that takes part, or one person of it.

    Raises: Forbidden, NotFound, Invalid when nobody would be asked.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        plan = shared.operation_for(actor, operation)
        if actor.agency != plan.lead_agency and not actor.system:
            raise Forbidden("whoever leads the operation names who decides")
        if (
            person
            and not Member.objects.filter(person=person, agency=agency, left_at=None).exists()
        ):
            raise Invalid("is not of that agency", field="person", cure="Name a person of it.")
        if not person and not on_duty(agency, role, w.at):
            raise Invalid(
                "nobody holds this role", field="role", cure="Name a person, or another role."
            )
        data = {"agency": agency, "role": role, "person": person}
        w.append(terms.DECIDER_NAMED, operation, data, marking=shared.marking(plan))


@act("hold_unanswered")
def hold_unanswered(w: Writing, duties: list[Duty]) -> None:
    """The decider's clock ran out: said to everybody, and asked of the detail leader at once."""
    for duty in duties:
        row = Hold.objects.select_for_update().filter(id=duty.subject).first()
        if row is None or row.state != HoldState.ASKED:
            continue
        plan = operation_of(row.operation)
        w.append(
            terms.HOLD_UNANSWERED,
            row.id,
            {"asked_at": stamp(row.asked_at)},
            marking=marking_of(row),
        )
        number = Sighting.objects.get(id=row.sighting).number
        title = f"Nobody has decided: hold, go on or move? Sighting {number}"
        for person in store.detail_leaders(plan, w.at):
            member = Member.objects.filter(person=person).first()
            open_duty(
                w,
                DECIDE,
                row.id,
                title,
                marking_of(row),
                owner_agency=member.agency if member else plan.lead_agency,
                owner_person=person,
                owner_role=Role.OPERATION_LEAD.value,
                precedence=Precedence.FLASH,
            )
        tell(plan.id, "hold", row.id)


def may_decide(actor: Actor, row: Hold, plan: Operation, now: datetime) -> bool:
    """Whether the actor is the one who was asked, leads the operation, or is the detail leader."""
    if actor.system or actor.person == row.decider_person:
        return True
    if actor.agency == plan.lead_agency and may(actor, Permission.MANAGE_OPERATION):
        return True
    if (
        not row.decider_person
        and actor.agency == row.decider_agency
        and row.decider_role in actor.roles
    ):
        return True
    return actor.person in store.detail_leaders(plan, now)
