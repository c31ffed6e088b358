"""Placing and lifting legal holds, and refusing what they forbid: a refused attempt is on the record too."""

from __future__ import annotations

import base64
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.people.models import Member, Operation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.record import holds as door
from tocsin.record.actions import Writing, writing
from tocsin.record.holds import HELD, Removal, UnderHold
from tocsin.record.models import Vault
from tocsin.record.terms import Author, Marking, Tlp, stamp
from tocsin.retain import rules, store, terms
from tocsin.retain.models import Keeping, LegalHold
from tocsin.retain.terms import LETTER_MOST, Hold

_LOCK = 0x686F6C64  # advisory, of the transaction: "hold"


@dataclass(frozen=True, slots=True)
class Scope:
    """What to keep, as a person says it. Bounds left empty do not limit."""

    subjects: tuple[str, ...] = ()
    operation: str = ""
    agency: str = ""
    role: str = ""
    people: tuple[str, ...] = ()
    first: datetime | None = None
    last: datetime | None = None
    letter: tuple[str, bytes] = field(default=("", b""))


def place_hold(actor: Actor, *, title: str, text: str, scope: Scope) -> str:
    """Order that something be kept, with the letter that asks for it; returns the hold's id.

    From this commit on nothing it covers is purged, and no account it concerns is removed.
    Raises: Forbidden; Invalid naming the field.
    """
    permit(actor, Permission.HOLD)
    title = " ".join(title.split())
    if not title:
        raise Invalid("is empty", field="title", cure="Name the matter, as the letter does.")
    scope_agency = _own_bounds(actor, scope)
    given = Hold(
        "", frozenset(scope.subjects), scope.operation, scope_agency, scope.role,
        frozenset(scope.people), scope.first, scope.last,
    )  # fmt: skip
    rules.check_hold(given)
    name, content = _checked_letter(*scope.letter)
    hold = new_id("hld")
    with writing(actor) as w:
        lock(exclusive=True)
        data = {
            "agency": actor.agency or scope.agency,
            "content": w.keep(hold, {"title": title[:200], "text": text.strip()}),
            "letter": w.keep(
                hold, {"name": name, "base64": base64.b64encode(content).decode()}, sealed=True
            ),
            "subjects": sorted(given.subjects),
            "operation": given.operation,
            "of_agency": given.agency,
            "of_role": given.role,
            "people": sorted(given.people),
            "first": stamp(given.first) if given.first else None,
            "last": stamp(given.last) if given.last else None,
        }
        w.append(terms.HOLD_PLACED, hold, data, marking=_marking(actor.agency or scope.agency))
    return hold


def lift_hold(actor: Actor, *, hold: str, reason: str) -> int:
    """End a hold; clocks go on. What was sealed because of it, and no other hold covers, is unsealed, and goes
    with the next sweep where its time is over. Returns how many things that were.

    Raises: Forbidden, NotFound, Invalid; Conflict when it was lifted already.
    """
    permit(actor, Permission.HOLD)
    reason = rules.check_reason(reason)
    store.hold(actor, hold)
    with writing(actor) as w:
        lock(exclusive=True)
        row = LegalHold.objects.select_for_update().get(id=hold)
        if row.lifted_at is not None:
            raise Conflict("this hold was lifted already")
        data = {"reason": w.keep(hold, {"text": reason})}
        w.append(terms.HOLD_LIFTED, hold, data, marking=_marking(row.agency))
        w.flush()
        return _unseal(w)


def letter(actor: Actor, hold: str) -> tuple[str, bytes]:
    """The letter of a hold: its file name and bytes. Raises: Forbidden, NotFound."""
    permit(actor, Permission.OVERSEE)
    row = store.hold(actor, hold)
    body = Vault.objects.filter(id=row.letter).values_list("body", flat=True).first() or {}
    return str(body.get("name", "letter")), base64.b64decode(body.get("base64", ""))


def lock(*, exclusive: bool) -> None:
    """Placing a hold and purging never cross: who purges shares the lock, who places a hold has it alone."""
    name = "pg_advisory_xact_lock" if exclusive else "pg_advisory_xact_lock_shared"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {name}(%s)", [_LOCK])


def refuse(author: Author, holds: Collection[str], what: str, about: str) -> None:
    """Put a refused attempt on the record, then refuse. Call it outside any transaction. Raises: UnderHold."""
    with writing(author) as w:
        rows = LegalHold.objects.select_for_update().filter(id__in=holds).order_by("id")
        for row in rows:
            data = {"what": what, "about": about, "refused": row.refused + 1}
            w.append(terms.HOLD_TESTED, row.id, data, marking=_marking(row.agency))
    raise UnderHold(
        f"a legal hold covers it ({', '.join(sorted(holds))}); the attempt is on the record",
        field=what,
        cure="It can be removed when every hold on it is lifted. "
        "A person who should no longer act can have their roles taken instead.",
    )


@door.gate
def before_removal(author: Author, removal: Removal) -> None:
    """Refuse to remove an account, a device or an agency that a hold covers. Raises: UnderHold."""
    person = removal.person or (removal.id if removal.what == "person" else "")
    agency = removal.agency
    if person and not agency:
        agency = Member.objects.filter(person=person).values_list("agency", flat=True).first() or ""
    if held := store.removal_held(person, agency or removal.id):
        refuse(author, held, removal.what, removal.id)


def seal(
    w: Writing, subject: str, ids: Collection[str], marking: Marking, keep_until: datetime | None
) -> int:
    """Take content of a thing out of normal sight, because its time is over and a hold keeps it."""
    rows = Vault.objects.select_for_update().filter(id__in=ids).order_by("id")
    found = list(rows.values_list("id", flat=True))
    if not found:
        return 0
    for vault in found:
        Vault.objects.filter(id=vault).update(id=HELD + vault)
    w.flush()
    before = store.keeping(subject)
    data = {
        "sealed": sorted({*(before.sealed if before else []), *found}),
        "keep_until": stamp(keep_until) if keep_until else None,
    }
    w.append(terms.CONTENT_SEALED, subject, data, marking=marking)
    return len(found)


def open_again(row: Keeping) -> None:
    """Give sealed content its own ids back, in the caller's transaction."""
    for vault in row.sealed:
        Vault.objects.filter(id=HELD + vault).update(id=vault)


def _unseal(w: Writing) -> int:
    """Bring back what no hold covers any more."""
    rows = list(Keeping.objects.select_for_update().exclude(sealed_at=None).order_by("subject"))
    covered = store.held_subjects([r.subject for r in rows], store.active_holds())
    count = 0
    for row in rows:
        if row.subject in covered:
            continue
        open_again(row)
        marking = Marking(row.agency, row.tlp, row.operation)
        w.append(terms.CONTENT_UNSEALED, row.subject, {}, marking=marking)
        count += 1
    return count


def _own_bounds(actor: Actor, scope: Scope) -> str:
    """The agency that bounds the hold: nobody orders another agency to keep what is not shared with them.

    Raises: Invalid, Forbidden.
    """
    if actor.system:
        return scope.agency
    if scope.agency and scope.agency != actor.agency:
        raise Forbidden("a hold on another agency is that agency's to place")
    marks = store.markings(scope.subjects)
    for subject in scope.subjects:
        if subject not in marks or marks[subject].agency != actor.agency:
            raise Invalid(
                f"{subject} is unknown, or not your agency's",
                field="subjects",
                cure="Give whole ids.",
            )
    mine = set(Member.objects.filter(agency=actor.agency).values_list("person", flat=True))
    if set(scope.people) - mine:
        raise Invalid("names a person of another agency", field="people", cure="Leave them out.")
    if scope.operation:
        if scope.operation not in actor.operations:
            raise Invalid("is unknown to you", field="operation", cure="Choose another.")
        leads = Operation.objects.filter(id=scope.operation, lead_agency=actor.agency).exists()
        return scope.agency if leads else actor.agency
    return scope.agency or ("" if scope.subjects or scope.people else _if_dates(actor, scope))


def _if_dates(actor: Actor, scope: Scope) -> str:
    return actor.agency if scope.first or scope.last or scope.role else ""


def _checked_letter(name: str, content: bytes) -> tuple[str, bytes]:
    if not content:
        raise Invalid("is missing", field="letter", cure="Attach the letter that orders the hold.")
    if len(content) > LETTER_MOST:
        raise Invalid(
            f"is larger than {LETTER_MOST // 1_000_000} MB",
            field="letter",
            cure="Attach a smaller scan.",
        )
    tidy = "".join(c for c in name.replace("\\", "/").rsplit("/", 1)[-1] if c.isprintable())
    return tidy.strip(" .\"'")[:120] or "letter", content


def _marking(agency: str) -> Marking:
    return Marking(agency, Tlp.AMBER_STRICT.value)


def now_held(subject: str) -> list[str]:
    """The holds that cover a subject at this moment."""
    return store.held_subjects([subject], store.active_holds()).get(subject, [])


__all__ = ["Scope", "letter", "lift_hold", "lock", "now_held", "place_hold", "refuse", "seal"]
