"""Letting a phone join an operation, and shutting it out."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec

from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.kernel.ids import new_id
from tocsin.operate.models.devices import Device, JoinCode
from tocsin.operate.store.devices import Session, actor_of, signed, unpack
from tocsin.operate.terms import devices as terms
from tocsin.operate.terms.devices import DeviceState
from tocsin.people.models import Member, Operation, Participation
from tocsin.people.rules import may, permit
from tocsin.people.store import operations_of
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible, marking_of
from tocsin.plan.actions.staffing import may_staff
from tocsin.record.actions import writing
from tocsin.record.holds import Removal, UnderHold, may_remove
from tocsin.record.terms import Marking, Tlp, stamp


def issue_device(
    actor: Actor, *, operation: str, person: str, expires_at: datetime | None = None
) -> tuple[str, str]:
    """Make a code with which one phone joins for `person`: (device id, code). The code is not kept and works once.

    Raises: Forbidden for another agency's people; NotFound; Invalid naming the field.
    """
    permit(actor, Permission.TAKE_PART)
    plan = operations_of(actor).filter(id=operation).first()
    if plan is None:
        raise NotFound("there is no such operation, or your agency takes no part in it")
    member = _member(plan, person)
    if not may_staff(actor, plan, member.agency):
        raise Forbidden(
            "this is another agency's person",
            cure="Ask that agency, or whoever leads the operation.",
        )
    with writing(actor) as w:
        until = _until(plan, expires_at, w.at)
        device, code = new_id("dev", w.at), secrets.token_urlsafe(32)
        data = {"person": person, "expires_at": stamp(until)}
        w.append(
            terms.DEVICE_ISSUED,
            device,
            data,
            marking=Marking(member.agency, Tlp.AMBER.value, plan.id),
        )
        JoinCode.objects.create(
            device=device, digest=_digest(code), expires_at=min(w.at + terms.CODE_HOLDS, until)
        )
    return device, code


def join_device(*, code: str, key: str, proof: str) -> Session:
    """A phone joins by its code: from now on it signs as this device. `proof` = its signature over the code and key.

    The code is the authority; who asks is the person it was made for. Raises: Forbidden when the code is unknown,
    used or too old; Invalid when the key is none, or not its own.
    """
    used = Forbidden(
        "this code was used, or is too old", cure="Ask for a new one: it is good for 15 minutes."
    )
    row = JoinCode.objects.filter(digest=_digest(code)).first()
    device = Device.objects.filter(id=row.device).first() if row else None
    if row is None or device is None:
        raise used
    _check_key(key, f"tocsin-join\n{code}\n{key}", proof)
    session = Session(device.person, device.operation, device.id, device.expires_at)
    with writing(actor_of(session)) as w:
        # One conditional update decides which of two phones that scan at once may join.
        fresh = JoinCode.objects.filter(
            device=row.device, used_at=None, expires_at__gt=w.at
        ).update(used_at=w.at)
        locked = Device.objects.select_for_update().get(id=device.id)
        if not fresh or locked.state != DeviceState.ISSUED:
            raise used
        w.append(terms.DEVICE_JOINED, device.id, {"key": key}, marking=marking_of(device))
    return session


def revoke_device(actor: Actor, *, device: str) -> None:
    """Shut a device out, at once. Its person may, and whoever staffs its agency.

    A phone that is shut out forgets what it holds. Where a legal hold keeps that, a lost phone is shut out all the
    same but told nothing to forget; once the hold is lifted, shutting it out again lets it. Its own person, who
    only asks to forget, is refused.
    Raises: Forbidden, NotFound; Conflict when it is shut out already; UnderHold.
    """
    permit(actor, Permission.READ_CONTENT)
    found = get_visible(actor, Device.objects.all(), id=device)
    plan = Operation.objects.get(id=found.operation)
    if found.person != actor.person:
        permit(actor, Permission.TAKE_PART)
        if not may_staff(actor, plan, found.agency):
            raise Forbidden(
                "this is another agency's device",
                cure="Ask that agency, or whoever leads the operation.",
            )
    kept = False
    if found.state in (DeviceState.JOINED, DeviceState.KEPT):
        try:
            may_remove(actor, Removal("device", device, found.person, found.agency))
        except UnderHold:
            if found.person == actor.person or found.state == DeviceState.KEPT:
                raise
            kept = True
    with writing(actor) as w:
        row = Device.objects.select_for_update().get(id=device)
        if row.state == DeviceState.REVOKED:
            raise Conflict("it is shut out already", cure="Reload and look again.")
        w.append(terms.DEVICE_REVOKED, device, {"kept": kept}, marking=marking_of(row))
        JoinCode.objects.filter(device=device).update(expires_at=w.at)
        _tell(row.operation, device)


def may_issue(actor: Actor, plan: Operation) -> bool:
    """Whether the actor may let phones of their own agency join."""
    return may(actor, Permission.TAKE_PART) and may_staff(actor, plan, actor.agency)


def _tell(operation: str, device: str) -> None:
    """The feed that this device holds ends when this commits."""
    from tocsin.operate.actions import feed  # noqa: PLC0415

    feed.tell(operation, "revoked", device)


def _member(plan: Operation, person: str) -> Member:
    member = Member.objects.filter(person=person, left_at=None).first()
    if (
        member is None
        or not Participation.objects.filter(operation=plan.id, agency=member.agency).exists()
    ):
        raise Invalid(
            "is of no agency that takes part", field="person", cure="Choose somebody who is."
        )
    return member


def _until(plan: Operation, given: datetime | None, now: datetime) -> datetime:
    until = given or plan.ends_at + terms.AFTER_THE_END
    if until <= now:
        raise Invalid("is over already", field="expires_at", cure="Give a time to come.")
    if until > plan.ends_at + terms.LONGEST:
        raise Invalid(
            "is more than a day past the end", field="expires_at", cure="Give an earlier time."
        )
    return until


def _check_key(key: str, message: str, proof: str) -> None:
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unpack(key))
    except ValueError as e:
        raise Invalid("is no P-256 key", field="key", cure="Let the app make it.") from e
    if not signed(key, message, proof):
        raise Invalid("is not by the key that was sent", field="proof", cure="Let the app make it.")


def _digest(code: str) -> str:
    # A fast hash is enough: the code is 256 random bits, not a password.
    return hashlib.sha256(code.encode()).hexdigest()


__all__ = ["issue_device", "join_device", "may_issue", "revoke_device"]
