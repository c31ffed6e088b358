"""Keeping the directory: who is reached for a role at an agency, in which order, by which ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tocsin.deliver import rules, store, terms
from tocsin.deliver.models import Recipient
from tocsin.deliver.roster import Refused, Row, Sheet
from tocsin.deliver.terms import Card, Way
from tocsin.kernel import settings
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.people.models import Account
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible, marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, Tlp

_LONGEST_NAME = 200
_MOST_WAYS = 5


def add_recipient(
    actor: Actor,
    *,
    agency: str,
    role: str,
    name: str,
    ways: Sequence[tuple[str, str]],
    rank: int = 1,
    person: str = "",
) -> str:
    """Add a line: at `agency`, `role` is reached through `name` by `ways` [(kind, address)], in that order.

    `rank` = the order within the role; `person` = their account, for the page here. Returns the line's id.
    Raises: Forbidden; Invalid naming the field.
    """
    permit(actor, Permission.MANAGE_DIRECTORY)
    card = checked(agency=agency, role=role, name=name, ways=ways, rank=rank, person=person)
    with writing(actor) as w:
        return _add(w, actor, agency, role, rank, person, card)


def change_recipient(
    actor: Actor,
    *,
    recipient: str,
    version: int,
    agency: str,
    role: str,
    name: str,
    ways: Sequence[tuple[str, str]],
    rank: int = 1,
    person: str = "",
) -> None:
    """Replace what a line says. What is on its way keeps the address it was queued with.

    Raises: Forbidden, NotFound, Invalid; Conflict when it changed since `version`.
    """
    permit(actor, Permission.MANAGE_DIRECTORY)
    card = checked(agency=agency, role=role, name=name, ways=ways, rank=rank, person=person)
    with writing(actor) as w:
        row = _locked(actor, recipient, version)
        _change(w, row, agency, role, rank, person, card)


def remove_recipient(actor: Actor, *, recipient: str, version: int) -> None:
    """Take a line out of use; what was sent to it stays on the record. Raises: as `change_recipient`."""
    permit(actor, Permission.MANAGE_DIRECTORY)
    with writing(actor) as w:
        row = _locked(actor, recipient, version)
        w.append(terms.RECIPIENT_REMOVED, row.id, {"version": version + 1}, marking=marking_of(row))


def verify_recipient(actor: Actor, *, recipient: str, version: int) -> None:
    """Note that somebody checked that this line still reaches them. Raises: as `change_recipient`."""
    permit(actor, Permission.MANAGE_DIRECTORY)
    with writing(actor) as w:
        row = _locked(actor, recipient, version)
        w.append(terms.RECIPIENT_VERIFIED, row.id, {}, marking=marking_of(row))


def import_directory(actor: Actor, *, sheet: Sheet) -> dict[str, Any]:
    """Bring in a read file: new lines are added, known ones changed where they differ, nothing is removed.

    A row is known again by agency, role and e-mail, else by agency, role and order. The same file twice
    changes nothing. Rows with a fault are refused one by one; the others come in.
    Returns {"added", "changed", "same": row numbers, "refused": [Refused]}. Raises: Forbidden.
    """
    permit(actor, Permission.MANAGE_DIRECTORY)
    report: dict[str, Any] = {"added": [], "changed": [], "same": [], "refused": list(sheet.refused)}
    with writing(actor) as w:
        rows = Recipient.objects.select_for_update().filter(active=True, agency=actor.agency)
        known = store.lines(rows.order_by("id"))
        by_mail = {(ln.seat, m): ln for ln in known for m in _mails(ln.card)}
        by_rank = {(ln.seat, ln.row.rank): ln for ln in known}
        people = _people()
        for row in sheet.rows:
            try:
                outcome = _bring_in(w, actor, row, by_mail, by_rank, people)
            except Invalid as e:
                report["refused"].append(Refused(row.number, row.cells, e.field, e.message, e.cure))
            else:
                report[outcome].append(row.number)
    report["refused"].sort(key=lambda r: r.number)
    return report


def _bring_in(
    w: Writing,
    actor: Actor,
    row: Row,
    by_mail: dict[Any, store.Line],
    by_rank: dict[Any, store.Line],
    people: dict[str, str],
) -> str:
    agencies, roles = store.agency_words(), store.role_words()
    agency = agencies.get(row.agency.casefold(), row.agency)
    role = roles.get(row.role.casefold(), row.role)
    person = people.get(row.account.casefold(), "")
    if row.account and not person:
        cure = "Write the user name as it is used to sign in, or leave it empty."
        raise Invalid(f"there is no account {row.account!r}", field="account", cure=cure)
    ways = [*row.ways, *([("inapp", "")] if person else [])]
    card = checked(agency=agency, role=role, name=row.name, ways=ways, rank=row.rank, person=person)
    seat = store.Seat(agency, role)
    found = next((by_mail[seat, m] for m in _mails(card) if (seat, m) in by_mail), None)
    found = found or by_rank.get((seat, row.rank))
    if found is None:
        new = _add(w, actor, agency, role, row.rank, person, card)
        line = store.Line(Recipient(id=new, seat_agency=agency, seat_role=role, rank=row.rank), card)
        outcome = "added"
    elif new_to(found, row.rank, person, card):
        if found.row.version == 0 or found.row.id in w_touched(w):
            raise Invalid("is named twice in this file", field="row", cure="Keep one of the two rows.")
        _change(w, found.row, agency, role, row.rank, person, card)
        line, outcome = store.Line(found.row, card), "changed"
    else:
        line, outcome = found, "same"
    by_rank[seat, row.rank] = line
    by_mail.update({(seat, m): line for m in _mails(card)})
    return outcome
