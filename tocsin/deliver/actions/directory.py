"""Keeping the directory: who is reached for a role at an agency, in which order, by which ways."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from tocsin.deliver import rules, store, terms
from tocsin.deliver.models import Import, Recipient
from tocsin.deliver.roster import Refused, Row, Sheet
from tocsin.deliver.terms import Card, Way
from tocsin.kernel import settings
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible, marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, Tlp
from tocsin.warn.terms import Seat

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
    paper: bool = False,
) -> str:
    """Add a line: at `agency`, `role` is reached through `name` by `ways` [(kind, address)], in that order.

    `rank` = the order within the role; `person` = their account, for the page here; `paper` = with each mail
    a PDF. Returns the line's id.
    Raises: Forbidden; Invalid naming the field.
    """
    _permit(actor, agency)
    card = checked(
        agency=agency, role=role, name=name, ways=ways, rank=rank, person=person, paper=paper
    )
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
    paper: bool = False,
) -> None:
    """Replace what a line says. What is on its way keeps the address it was queued with.

    Raises: Forbidden, NotFound, Invalid; Conflict when it changed since `version`.
    """
    _permit(actor, agency)
    card = checked(
        agency=agency, role=role, name=name, ways=ways, rank=rank, person=person, paper=paper
    )
    with writing(actor) as w:
        row = _locked(actor, recipient, version)
        _change(w, row, agency, role, rank, person, card)


def remove_recipient(actor: Actor, *, recipient: str, version: int) -> None:
    """Take a line out of use; what was sent to it stays on the record. Raises: as `change_recipient`."""
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row = _locked(actor, recipient, version)
        w.append(terms.RECIPIENT_REMOVED, row.id, {"version": version + 1}, marking=marking_of(row))


def verify_recipient(actor: Actor, *, recipient: str, version: int) -> None:
    """Note that somebody checked that this line still reaches them. Raises: as `change_recipient`."""
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row = _locked(actor, recipient, version)
        w.append(terms.RECIPIENT_VERIFIED, row.id, {}, marking=marking_of(row))


def import_directory(actor: Actor, *, sheet: Sheet) -> str:
    """Bring in a file that was read: new lines are added, known ones changed where they differ.

    Nothing is removed. A row is known again by agency, role and address, else by agency, role and order, so
    the same file twice changes nothing. Rows with a fault are refused one by one and kept with field,
    reason and cure; the others come in. Returns the report's id. Raises: Forbidden.
    """
    permit(actor, Permission.MANAGE_DIRECTORY)
    with writing(actor) as w:
        rows = Recipient.objects.select_for_update().filter(active=True, agency=actor.agency)
        desk = _Desk(w, actor, store.lines(rows.order_by("id")))
        refused = list(sheet.refused)
        for row in sheet.rows:
            try:
                desk.bring_in(row)
            except Invalid as e:
                refused.append(Refused(row.number, row.cells, e.field, e.message, e.cure))
        report = Import.objects.create(
            id=new_id("imp"),
            agency=actor.agency,
            person=actor.person,
            at=w.at,
            filename=sheet.filename,
            added=desk.outcomes["added"],
            changed=desk.outcomes["changed"],
            same=desk.outcomes["same"],
            refused=[msgspec.to_builtins(r) for r in sorted(refused, key=lambda r: r.number)],
        )
    return report.id


class _Desk:
    """One import under way: what the directory holds, by address and by place in the order."""

    def __init__(self, w: Writing, actor: Actor, known: Sequence[store.Line]) -> None:
        self.outcomes: dict[str, list[int]] = {"added": [], "changed": [], "same": []}
        self._w, self._actor = w, actor
        self._agencies, self._roles = store.agency_words(), store.role_words()
        self._people = store.account_words()
        self._known = set(self._agencies.values())
        self._seen: set[str] = set()
        self._by_address: dict[tuple[Seat, Way], store.Line] = {}
        self._by_rank: dict[tuple[Seat, int], store.Line] = {}
        for line in known:
            self._remember(line)

    def bring_in(self, row: Row) -> None:
        """Add, change or leave one line. Raises: Invalid naming the field."""
        agency = self._agencies.get(row.agency.casefold(), row.agency)
        role = self._roles.get(row.role.casefold(), row.role)
        person = self._people.get(row.account.casefold(), "")
        if row.account and not person:
            raise Invalid(
                f"there is no account {row.account!r}",
                field="account",
                cure="Write the user name as it is used to sign in, or leave it empty.",
            )
        ways = [*row.ways, *([("inapp", "")] if person else [])]
        seat = Seat(agency, role)
        found = self._found(seat, row)
        if row.rank == 0:
            rank = (
                found.row.rank
                if found
                else 1 + max((r for s, r in self._by_rank if s == seat), default=0)
            )
            row = msgspec.structs.replace(row, rank=rank)
        card = checked(
            agency=agency,
            role=role,
            name=row.name,
            ways=ways,
            rank=row.rank,
            person=person,
            paper=found is not None and found.card.paper,  # files say nothing of it
            agencies=self._known,
        )
        if found is not None and found.row.id in self._seen:
            raise Invalid(
                "stands twice in this file", field="row", cure="Keep one of the two rows."
            )
        self._settle(row, seat, person, card, found)

    def _found(self, seat: Seat, row: Row) -> store.Line | None:
        """The line a row is about: by one of its addresses, else by its place in the order."""
        for kind, address in row.ways:
            for known in (Way(kind, address), Way(kind, re.sub(r"[ ()./-]", "", address))):
                if (seat, known) in self._by_address:
                    return self._by_address[seat, known]
        return self._by_rank.get((seat, row.rank)) if row.rank else None

    def _settle(
        self, row: Row, seat: Seat, person: str, card: Card, found: store.Line | None
    ) -> None:
        if found is None:
            new = _add(self._w, self._actor, seat.agency, seat.role, row.rank, person, card)
            fresh = Recipient(id=new, seat_agency=seat.agency, seat_role=seat.role, rank=row.rank)
            outcome = "added"
        else:
            fresh = found.row
            same = (fresh.rank, fresh.person, found.card) == (row.rank, person, card)
            outcome = "same" if same else "changed"
            if not same:
                _change(self._w, fresh, seat.agency, seat.role, row.rank, person, card)
        fresh.rank = row.rank
        self._seen.add(fresh.id)
        self._remember(store.Line(fresh, card))
        self.outcomes[outcome].append(row.number)

    def _remember(self, line: store.Line) -> None:
        self._by_rank[line.seat, line.row.rank] = line
        self._by_address.update({(line.seat, w): line for w in line.card.ways if w.address})


def checked(
    *,
    agency: str,
    role: str,
    name: str,
    ways: Sequence[tuple[str, str]],
    rank: int,
    person: str,
    paper: bool = False,
    agencies: Collection[str] | None = None,
) -> Card:
    """The card of a line whose parts all make sense; `agencies` = those known, where they were read before.

    Raises: Invalid naming the field and the cure.
    """
    if agency not in (store.agencies() if agencies is None else agencies):
        cure = "Use an agency's name as this system writes it, or have it added."
        raise Invalid(f"there is no agency {agency!r}", field="agency", cure=cure)
    if role not in store.roles():
        cure = f"Use one of: {', '.join(store.roles().values())}."
        raise Invalid(f"there is no role {role!r}", field="role", cure=cure)
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST_NAME:
        cure = "A post such as Duty officer, or a name, up to 200 characters."
        raise Invalid("say who is reached", field="name", cure=cure)
    if not 1 <= rank <= 999:
        raise Invalid(f"{rank} is no place in an order", field="rank", cure="1 is asked first.")
    if person and store.member_agency(person) != agency:
        cure = "Choose somebody of that agency, or leave it empty."
        raise Invalid("the account belongs to another agency", field="account", cure=cure)
    plain = settings.current().allow_private_addresses
    made = [
        rules.way(k, a, person=person, plain_http=plain)
        for k, a in ways
        if k == "inapp" or a.strip()
    ]
    if not made:
        raise Invalid("there is no way to reach them", field="email", cure="Give at least one.")
    if len(made) > _MOST_WAYS:
        raise Invalid(f"more than {_MOST_WAYS} ways", field="email", cure="Keep the best.")
    return Card(name, tuple(dict.fromkeys(made)), paper)


def _data(
    w: Writing, subject: str, agency: str, role: str, rank: int, person: str, card: Card
) -> dict[str, Any]:
    return {
        "seat_agency": agency,
        "seat_role": role,
        "rank": rank,
        "person": person,
        "card": w.keep(subject, msgspec.to_builtins(card), sealed=True),
        "kinds": [way.kind for way in card.ways],
    }


def _add(
    w: Writing, actor: Actor, agency: str, role: str, rank: int, person: str, card: Card
) -> str:
    new = new_id("rcp", w.at)
    data = _data(w, new, agency, role, rank, person, card)
    w.append(
        terms.RECIPIENT_ADDED, new, data, marking=Marking(actor.agency, Tlp.AMBER_STRICT.value)
    )
    return new


def _change(
    w: Writing, row: Recipient, agency: str, role: str, rank: int, person: str, card: Card
) -> None:
    data = _data(w, row.id, agency, role, rank, person, card)
    data["version"] = row.version + 1
    w.append(terms.RECIPIENT_CHANGED, row.id, data, marking=marking_of(row))


def keeps(actor: Actor, keeper: str, seat_agency: str) -> bool:
    """Whether the actor keeps lines of this keeper for this agency: the directory's keepers all of their
    agency's, a partner those for their own agency."""
    if actor.system:
        return True
    own = keeper == actor.agency and bool(actor.agency)
    contacts = Permission.KEEP_CONTACTS in actor.permissions and seat_agency == actor.agency
    return own and (Permission.MANAGE_DIRECTORY in actor.permissions or contacts)


def _permit(actor: Actor, seat_agency: str) -> None:
    """Raises: Forbidden, unless the actor may keep lines for that agency."""
    if not keeps(actor, actor.agency, seat_agency):
        permit(actor, Permission.MANAGE_DIRECTORY)


def _locked(actor: Actor, recipient: str, version: int) -> Recipient:
    """A line of the actor's own agency, locked, as it stood at `version`."""
    row = get_visible(actor, Recipient.objects.select_for_update(), id=recipient)
    if row.agency != actor.agency and not actor.system:
        raise Forbidden("another agency keeps this line", cure="Ask them to change it.")
    _permit(actor, row.seat_agency)
    if row.version != version or not row.active:
        raise Conflict(
            "somebody changed this line since you opened it", cure="Reload and try again."
        )
    return row
