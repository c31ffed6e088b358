"""What people do to people: agencies, accounts, roles, operations, shifts, unmasking."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db.models import Q

from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.kernel.ids import new_id
from tocsin.people import terms
from tocsin.people.models import (
    Account,
    Agency,
    ApiToken,
    Grant,
    Handover,
    Member,
    Operation,
    Participation,
)
from tocsin.people.rules import may, permit
from tocsin.people.terms import Actor, Permission, Role
from tocsin.record.actions import Writing, writing
from tocsin.record.holds import Removal, may_remove
from tocsin.record.models import Vault
from tocsin.record.terms import Marking, Tlp, stamp


def add_agency(actor: Actor, *, agency: str, name: str, short: str = "", kind: str = "") -> str:
    """Add or rename an agency under a short stable id such as `uscp`; one that was removed is back by it.

    Raises: Forbidden, Invalid.
    """
    permit(actor, Permission.ADMINISTER)
    if not agency.isidentifier():
        raise Invalid(
            "use letters, digits and underscores", field="agency", cure="For example: metro_police."
        )
    with writing(actor) as w:
        name = _one_line(name, "name")
        data = {"name": name, "short": " ".join(short.split()) or name, "kind": kind}
        w.append(terms.AGENCY_ADDED, agency, data, marking=None)
    return agency


def remove_agency(actor: Actor, *, agency: str) -> None:
    """Take an agency out: nobody joins it, and nothing new is begun with it. What it did and owns stays.

    Raises: Forbidden, NotFound; UnderHold; Conflict while people of it have accounts, or it is in an operation.
    """
    permit(actor, Permission.ADMINISTER)
    if not Agency.objects.filter(id=agency, removed_at=None).exists():
        raise NotFound(f"there is no agency {agency!r}", field="agency")
    may_remove(actor, Removal("agency", agency, agency=agency))
    with writing(actor) as w:
        Agency.objects.select_for_update().get(id=agency)
        if people := Member.objects.filter(agency=agency, left_at=None).count():
            raise Conflict(
                f"{people} people of it have accounts", field="agency",
                cure="End their membership first: tocsin people leave.",
            )  # fmt: skip
        parts = Participation.objects.filter(agency=agency).values("operation")
        running = Operation.objects.filter(Q(lead_agency=agency) | Q(id__in=parts))
        if running.filter(ends_at__gt=w.at).exists():
            raise Conflict(
                "it leads, or takes part in, an operation that is not over", field="agency",
                cure="Remove it when the operation has ended.",
            )  # fmt: skip
        w.append(terms.AGENCY_REMOVED, agency, {}, marking=None)


def add_person(
    actor: Actor,
    *,
    username: str,
    name: str,
    agency: str,
    roles: list[Role],
    email: str = "",
    password: str | None = None,
    novice: bool = False,
) -> str:
    """Add a person with an account and roles; returns the person's id.

    Raises: Forbidden; Invalid when the agency is unknown or the user name is taken.
    """
    permit(actor, Permission.ADMINISTER)
    if not Agency.objects.filter(id=agency, removed_at=None).exists():
        raise Invalid(
            f"there is no agency {agency!r}", field="agency", cure="Add the agency first."
        )
    if Account.objects.filter(username__iexact=username).exists():
        raise Invalid(f"{username!r} is taken", field="username", cure="Choose another user name.")
    person = new_id("per")
    with writing(actor) as w:
        Account.objects.create(
            username=username,
            name=name,
            email=email,
            person=person,
            password=make_password(password),
        )
        w.append(terms.PERSON_ADDED, person, {"agency": agency, "novice": novice}, marking=None)
        for role in roles:
            _grant(w, person, agency, role)
    return person


def grant_role(actor: Actor, *, person: str, role: Role) -> None:
    """Give a person a role at their agency. Nobody grants a role to themselves. Raises: Forbidden, Invalid."""
    permit(actor, Permission.ADMINISTER)
    if person == actor.person:
        raise Forbidden("nobody grants a role to themselves", cure="Ask another administrator.")
    with writing(actor) as w:
        _grant(w, person, _member(person).agency, role)


def revoke_role(actor: Actor, *, person: str, role: Role) -> None:
    """Take a role from a person. Raises: Forbidden; Conflict when it is not held."""
    permit(actor, Permission.ADMINISTER)
    if not Grant.objects.filter(person=person, role=role, revoked_at=None).exists():
        raise Conflict("the person does not hold that role", field="role")
    with writing(actor) as w:
        w.append(terms.ROLE_REVOKED, person, {"role": role.value}, marking=None)


def leave(actor: Actor, *, person: str) -> None:
    """End a person's membership: roles and keys end, the account can no longer sign in; what they did stays.

    Raises: Forbidden; Invalid when unknown or already gone; UnderHold when a legal hold says that it must stay.
    """
    permit(actor, Permission.ADMINISTER)
    if person == actor.person:
        raise Forbidden("nobody ends their own membership", cure="Ask another administrator.")
    may_remove(actor, Removal("person", person, person, _member(person).agency))
    with writing(actor) as w:
        for role in Grant.objects.filter(person=person, revoked_at=None).values_list(
            "role", flat=True
        ):
            w.append(terms.ROLE_REVOKED, person, {"role": role}, marking=None)
        w.append(terms.PERSON_LEFT, person, {}, marking=None)
        Account.objects.filter(person=person).update(is_active=False)
        keys = ApiToken.objects.select_for_update().filter(person=person, revoked_at=None)
        for token in keys.values_list("id", flat=True):
            w.append(terms.TOKEN_REVOKED, person, {"token": token}, marking=None)
        keys.update(revoked_at=w.at)


def set_password(actor: Actor, *, person: str, password: str) -> None:
    """Give a person a new password; sessions made with the old one end. That it was done is on the record.

    Raises: Forbidden; NotFound when there is no such account.
    """
    permit(actor, Permission.ADMINISTER)
    with writing(actor) as w:
        if not Account.objects.filter(person=person).update(password=make_password(password)):
            raise NotFound(f"there is no person {person!r}", field="person")
        w.append(terms.PASSWORD_SET, person, {}, marking=None)


def mark_novice(actor: Actor, *, person: str, novice: bool) -> None:
    """Mark a person as new to the work, or no longer so. Raises: Forbidden, Invalid."""
    permit(actor, Permission.MANAGE_SHIFTS)
    _theirs(actor, _member(person))
    with writing(actor) as w:
        w.append(terms.NOVICE_MARKED, person, {"novice": novice}, marking=None)


def qualify(actor: Actor, *, person: str, name: str, expires_at: datetime) -> None:
    """Record a qualification and when it lapses. Raises: Forbidden, Invalid."""
    permit(actor, Permission.MANAGE_SHIFTS)
    _theirs(actor, _member(person))
    with writing(actor) as w:
        data = {"id": new_id("qual"), "name": name, "expires_at": stamp(expires_at)}
        w.append(terms.QUALIFICATION_GRANTED, person, data, marking=None)


def open_operation(
    actor: Actor,
    *,
    name: str,
    lead_agency: str,
    starts_at: datetime,
    ends_at: datetime,
    place: str = "",
    agencies: list[str] | None = None,
    checklist: list[str] | None = None,
    must_know: list[dict[str, str]] | None = None,
    keywords: list[str] | None = None,
    k: int = 3,
) -> str:
    """Open an operation (a protected event); returns its id.

    `checklist` = indicator categories that count for it; `k` of them raise the duty to assess the whole.
    `must_know` = [{"agency", "role"}], those without whom nobody may call a warning "informed".
    Raises: Forbidden; Invalid naming the field.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    _check_operation(starts_at, ends_at, k)
    known = set(Agency.objects.values_list("id", flat=True))
    members = list(dict.fromkeys([lead_agency, *(agencies or [])]))
    for agency in members:
        if agency not in known:
            raise Invalid(
                f"there is no agency {agency!r}", field="agencies", cure="Add the agency first."
            )
    operation = new_id("op")
    marking = Marking(lead_agency, Tlp.AMBER.value, operation)
    with writing(actor) as w:
        data = {
            "name": _one_line(name, "name"),
            "place": place,
            "lead_agency": lead_agency,
            "starts_at": stamp(starts_at),
            "ends_at": stamp(ends_at),
            "k": k,
            "checklist": checklist or [],
            "must_know": must_know or [],
            "keywords": keywords or [],
        }
        w.append(terms.OPERATION_OPENED, operation, data, marking=marking)
        for agency in members:
            w.append(terms.OPERATION_JOINED, operation, {"agency": agency}, marking=marking)
    return operation


def change_operation(actor: Actor, *, operation: str, version: int, **changes: Any) -> None:
    """Change fields of an operation you have open at `version`. Raises: Forbidden, Conflict, Invalid."""
    permit(actor, Permission.MANAGE_OPERATION)
    allowed = {"name", "place", "starts_at", "ends_at", "k", "checklist", "must_know", "keywords"}
    if unknown := set(changes) - allowed:
        raise Invalid("cannot be changed", field=", ".join(sorted(unknown)), cure="Leave it out.")
    with writing(actor) as w:
        row = Operation.objects.select_for_update().get(id=operation)
        if row.version != version:
            raise Conflict(
                "somebody changed this operation since you opened it", cure="Reload and try again."
            )
        if actor.agency != row.lead_agency and not actor.system:
            raise Forbidden("only the lead agency changes an operation")
        starts, ends = changes.get("starts_at", row.starts_at), changes.get("ends_at", row.ends_at)
        _check_operation(starts, ends, changes.get("k", row.k))
        if "name" in changes:
            changes["name"] = _one_line(changes["name"], "name")
        data = {k: stamp(v) if isinstance(v, datetime) else v for k, v in changes.items()}
        marking = Marking(row.lead_agency, Tlp.AMBER.value, operation)
        w.append(
            terms.OPERATION_CHANGED, operation, {**data, "version": version + 1}, marking=marking
        )


def join_operation(actor: Actor, *, operation: str, agency: str) -> None:
    """Bring an agency into an operation: it sees what is shared with the operation from now on.

    Raises: Forbidden; Invalid for an unknown agency; Conflict when it takes part already.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        row = Operation.objects.select_for_update().filter(id=operation).first()
        if row is None:
            raise NotFound(f"there is no operation {operation}", field="operation")
        if actor.agency != row.lead_agency and not actor.system:
            raise Forbidden("only the lead agency changes an operation")
        if not Agency.objects.filter(id=agency).exists():
            raise Invalid(
                f"there is no agency {agency!r}", field="agency", cure="Add the agency first."
            )
        if Participation.objects.filter(operation=operation, agency=agency).exists():
            raise Conflict("the agency takes part already", field="agency")
        marking = Marking(row.lead_agency, Tlp.AMBER.value, operation)
        w.append(terms.OPERATION_JOINED, operation, {"agency": agency}, marking=marking)


def plan_shift(
    actor: Actor, *, person: str, role: Role, starts_at: datetime, ends_at: datetime
) -> str:
    """Put a person of one's own agency on shift in a role they hold.

    Raises: Forbidden for another agency's people; Invalid when the role is not held.
    """
    if not may(actor, Permission.KEEP_CONTACTS):
        permit(actor, Permission.MANAGE_SHIFTS)
    member = _member(person)
    if member.agency != actor.agency and not actor.system:
        raise Forbidden(
            "this is another agency's person", cure="Ask somebody of that agency to plan the shift."
        )
    if not Grant.objects.filter(person=person, role=role, revoked_at=None).exists():
        raise Invalid(
            "the person does not hold this role", field="role", cure="Grant the role first."
        )
    if ends_at <= starts_at:
        raise Invalid("the shift ends before it starts", field="ends_at", cure="Give a later end.")
    shift = new_id("shf")
    with writing(actor) as w:
        data = {
            "person": person,
            "agency": member.agency,
            "role": role.value,
            "starts_at": stamp(starts_at),
            "ends_at": stamp(ends_at),
        }
        w.append(terms.SHIFT_PLANNED, shift, data, marking=None)
    return shift


def hand_over(actor: Actor, *, role: Role, text: str) -> str:
    """Leave a note for the next shift in a role you hold. Raises: Forbidden; Invalid when empty."""
    permit(actor, Permission.HAND_OVER)
    if role not in actor.roles:
        raise Forbidden(f"you do not hold the role {role.title}")
    if not text.strip():
        raise Invalid(
            "the note is empty", field="text", cure="Say what is open, or that nothing is."
        )
    note = new_id("hnd")
    with writing(actor) as w:
        kept = w.keep(note, {"text": text})
        marking = Marking(actor.agency)
        w.append(terms.SHIFT_HANDED_OVER, note, {"role": role.value, "note": kept}, marking=marking)
    return note


def read_handover(actor: Actor, *, handover: str) -> None:
    """Take note of a hand-over note of your own agency. Raises: Forbidden; Conflict when already read."""
    permit(actor, Permission.HAND_OVER)
    with writing(actor) as w:
        row = Handover.objects.select_for_update().filter(id=handover, agency=actor.agency).first()
        if row is None or row.read_by:
            raise Conflict("the note was already read, or is not your agency's")
        w.append(terms.HANDOVER_READ, handover, {}, marking=Marking(actor.agency))


def share(w: Writing, *, subject: str, agencies: list[str], marking: Marking) -> None:
    """Share a subject with agencies by name, within the caller's transaction and authority."""
    if agencies:
        w.append(terms.SHARED, subject, {"agencies": sorted(set(agencies))}, marking=marking)


def unmask(actor: Actor, *, vault: str, marking: Marking, reason: str) -> dict[str, Any]:
    """Show an original behind a mask, for a reason that is recorded. Raises: Forbidden, Invalid, NotFound."""
    permit(actor, Permission.UNMASK)
    if actor.agency != marking.agency and not actor.system:
        raise Forbidden("only the agency that collected it may see behind the mask")
    if len(reason.strip()) < 10:
        raise Invalid("say why you need the original", field="reason", cure="A sentence is enough.")
    with writing(actor) as w:
        kept = Vault.objects.filter(id=vault).first()
        if kept is None:
            raise NotFound("the original is no longer kept, or is sealed under a legal hold")
        data = {"vault": vault, "reason": w.keep(kept.subject, {"text": reason})}
        w.append(terms.UNMASKED, kept.subject, data, marking=marking)
        body: dict[str, Any] = kept.body
    return body


def _grant(w: Writing, person: str, agency: str, role: Role) -> None:
    w.append(terms.ROLE_GRANTED, person, {"role": role.value, "agency": agency}, marking=None)


def _theirs(actor: Actor, member: Member) -> None:
    """Raises: Forbidden for another agency's person, unless the actor administers everybody."""
    if member.agency == actor.agency or actor.system or may(actor, Permission.ADMINISTER):
        return
    raise Forbidden("this is another agency's person", cure="Ask somebody of that agency.")


def _one_line(name: str, field: str) -> str:
    """A name on one line: it stands in titles and in the subject of mail. Raises: Invalid when empty."""
    if not (tidy := " ".join(name.split())):
        raise Invalid("is empty", field=field, cure="Give it a name.")
    return tidy


def _check_operation(starts_at: datetime, ends_at: datetime, k: int) -> None:
    if ends_at <= starts_at:
        raise Invalid(
            "it ends before it starts", field="ends_at", cure="Give an end after the start."
        )
    if k < 1:
        raise Invalid(
            "at least one category must raise the alarm", field="k", cure="Use 2 or more."
        )


def _member(person: str) -> Member:
    member = Member.objects.filter(person=person, left_at=None).first()
    if member is None:
        raise Invalid(
            f"there is no person {person!r}", field="person", cure="Add the person first."
        )
    return member
