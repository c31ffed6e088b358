"""Reading the directory, destinations and deliveries; who may be reached, and how."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.core.signing import BadSignature, Signer
from django.db.models import Count, F, Func, Q, QuerySet, TextField

from tocsin.deliver import rules
from tocsin.deliver.models import (
    Delivery,
    Destination,
    Halt,
    Import,
    Reader,
    Recipient,
    Relay,
    Trial,
)
from tocsin.deliver.receipts import Matrix, build
from tocsin.deliver.terms import (
    CHECKED_EVERY,
    SILENT_AFTER,
    Card,
    Channel,
    Entrant,
    Going,
    Reason,
    State,
    Why,
)
from tocsin.duties.models import Duty
from tocsin.kernel.errors import NotFound
from tocsin.people.models import Account, Agency, Grant, Member, Operation, Participation
from tocsin.people.rules import permit
from tocsin.people.store import agency_names
from tocsin.people.terms import Actor, Permission, Role
from tocsin.people.visibility import get_visible, visible_to
from tocsin.record import store as record
from tocsin.record.models import Vault
from tocsin.warn.models import Warning
from tocsin.warn.terms import Seat

PAGE = 50
_SIGNER = Signer(sep=".", salt="tocsin.deliver.answer")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the directory with its card, as its keeper sees it."""

    row: Recipient
    card: Card

    @property
    def seat(self) -> Seat:
        return Seat(self.row.seat_agency, self.row.seat_role)


def recipients(actor: Actor) -> QuerySet[Recipient]:
    """The lines of the directory the actor may see that are in use, in the order of asking."""
    rows = visible_to(actor, Recipient.objects.filter(active=True))
    return rows.order_by("seat_agency", "seat_role", "rank", "id")


def recipient(actor: Actor, recipient_id: str) -> Recipient:
    """One line of the directory. Raises: NotFound, the same for absent and hidden."""
    return get_visible(actor, Recipient.objects.all(), id=recipient_id)


def lines(rows: Iterable[Recipient]) -> list[Line]:
    """Rows with their cards, in one query. The caller has checked sight."""
    listed = list(rows)
    kept = cards(row.card for row in listed)
    return [Line(row, kept.get(row.card, Card("(name removed)"))) for row in listed]


def cards(vaults: Iterable[str]) -> dict[str, Card]:
    """Vault id -> card, without those that were forgotten."""
    kept = record.contents(set(vaults))
    return {vault: msgspec.convert(body, Card) for vault, body in kept.items()}


def find(actor: Actor, *, agency: str = "", role: str = "", words: str = "") -> QuerySet[Recipient]:
    """Lines of the directory by agency, role, and words in the name or address."""
    rows = recipients(actor)
    if agency:
        rows = rows.filter(seat_agency=agency)
    if role:
        rows = rows.filter(seat_role=role)
    if words.strip():
        said = words.strip()
        named = Q(body__name__icontains=said) | Q(body__ways__icontains=said)
        cards_with = Vault.objects.filter(named, id__in=rows.order_by().values("card"))
        rows = rows.filter(card__in=cards_with.values("id"))
    return rows


def thin_seats(actor: Actor) -> dict[Seat, str]:
    """Seats that must know, or are listed, with nobody or with one way only: what to mend first."""
    wanted = {
        Seat(s["agency"], s["role"])
        for row in Operation.objects.filter(
            Q(lead_agency=actor.agency) | Q(id__in=actor.operations)
        )
        for s in row.must_know
    }
    mine = recipients(actor).filter(agency=actor.agency)
    theirs = Recipient.objects.filter(active=True, agency=F("seat_agency"))
    theirs = theirs.filter(seat_agency__in={s.agency for s in wanted}).exclude(agency=actor.agency)
    return rules.thin_seats({**_ways(mine), **_ways(theirs)}, wanted)


def _ways(rows: QuerySet[Recipient]) -> dict[Seat, set[str]]:
    """The kinds of ways that lead to each seat, those that came back left out."""
    each = rows.filter(bounced_at=None).annotate(
        kind=Func("kinds", function="jsonb_array_elements_text", output_field=TextField())
    )
    found: dict[Seat, set[str]] = defaultdict(set)
    for agency, role, kind in (
        each.order_by().values_list("seat_agency", "seat_role", "kind").distinct()
    ):
        found[Seat(agency, role)].add(kind)
    return found


def thin_of(operation: Operation) -> dict[Seat, str]:
    """Roles that must know of an operation and cannot be reached in two independent ways: to mend before it."""
    wanted = set(seats_of(operation.must_know))
    keepers = {s.agency for s in wanted} | {operation.lead_agency}
    rows = Recipient.objects.filter(active=True, agency__in=keepers)
    rows = rows.filter(seat_agency__in={s.agency for s in wanted})
    found = rules.thin_seats(_ways(rows), wanted)
    return {s: why for s, why in found.items() if s in wanted}


def unproved(now: datetime) -> QuerySet[Recipient]:
    """Lines in use that nothing has proved for long, or to which something sent came back."""
    since = now - CHECKED_EVERY
    old = Q(verified_at__lt=since) | Q(verified_at=None, changed_at__lt=since)
    return Recipient.objects.filter(active=True).filter(old | Q(bounced_at__isnull=False))


def wanting(now: datetime) -> dict[str, int]:
    """Agency that keeps lines -> how many of them are to be checked."""
    counted = unproved(now).order_by().values_list("agency").annotate(n=Count("id"))
    return dict(counted)


def contacts(actor: Actor) -> QuerySet[Recipient]:
    """The lines that lead to the actor's own agency, whoever keeps them: it may know how it is reached."""
    permit(actor, Permission.READ_CONTENT)
    if not actor.agency:
        return Recipient.objects.none()
    rows = Recipient.objects.filter(active=True, seat_agency=actor.agency)
    return rows.order_by("seat_role", "rank", "id")


def relays(actor: Actor, destinations: Collection[str] | None = None) -> QuerySet[Relay]:
    """What the actor's agency passed on to its people, newest first."""
    rows = Relay.objects.filter(agency=actor.agency)
    if destinations is not None:
        rows = rows.filter(destination__in=destinations)
    return visible_to(actor, rows).order_by("-made_at", "-id")


def readers(relay: Relay) -> list[tuple[Reader, Card]]:
    """The people a warning was passed on to, who has not read it first. The caller has checked sight."""
    rows = list(
        Reader.objects.filter(relay=relay.id).order_by(F("read_at").asc(nulls_first=True), "id")
    )
    kept = cards(r.card for r in rows)
    return [(r, kept.get(r.card, Card("(name removed)"))) for r in rows]


def heard(relays: Collection[str]) -> dict[str, tuple[int, int]]:
    """Relay -> how many said they have read it, of how many."""
    counted = (
        Reader.objects.filter(relay__in=relays)
        .order_by()
        .values_list("relay")
        .annotate(read=Count("id", filter=Q(read_at__isnull=False)), n=Count("id"))
    )
    return {relay: (read, n) for relay, read, n in counted}


def trials(rows: Iterable[Recipient]) -> dict[str, list[Trial]]:
    """Line -> its newest test, a row for each way."""
    found: dict[str, list[Trial]] = defaultdict(list)
    for row in Trial.objects.filter(recipient__in=[r.id for r in rows]).order_by("-at", "place"):
        if not found[row.recipient] or found[row.recipient][0].at == row.at:
            found[row.recipient].append(row)
    return found


def silent(rows: Iterable[Recipient]) -> set[str]:
    """Of these lines, those whose last messages were all neither opened nor answered. One query."""
    found = Delivery.objects.raw(
        """
        SELECT r.id FROM unnest(%s::text[]) AS r(id) CROSS JOIN LATERAL (
            SELECT count(*) AS n, count(read_at) + count(acknowledged_at) AS heard FROM (
                SELECT read_at, acknowledged_at FROM deliver_delivery
                WHERE recipient = r.id AND (sent_at IS NOT NULL OR delivered_at IS NOT NULL)
                ORDER BY queued_at DESC LIMIT %s) AS last) AS told
        WHERE told.n >= %s AND told.heard = 0
        """,
        [[r.id for r in rows], SILENT_AFTER, SILENT_AFTER],
    )
    return {row.id for row in found}


def keeper_role(agency: str) -> str:
    """Which role of an agency checks its lines: the first that somebody holds; '' = nobody."""
    held = set(Grant.objects.filter(agency=agency, revoked_at=None).values_list("role", flat=True))
    order = (Role.RELEASE_AUTHORITY, Role.OPERATION_LEAD, Role.PARTNER)
    return next((r.value for r in order if r.value in held), "")


def halted() -> list[str]:
    """Warnings that their sender has paused or taken back: nothing of them leaves."""
    rows = Halt.objects.exclude(state=Going.GOING.value)
    return list(rows.values_list("warning", flat=True))


def entrants(
    seats: Collection[Seat], *, sender: str, lead: str
) -> dict[Seat, list[tuple[Entrant, Recipient]]]:
    """Who may be asked for each seat, from the best keeper of its lines. Two queries at most."""
    keepers = {s.agency for s in seats} | {sender, lead}
    rows = Recipient.objects.filter(
        active=True,
        agency__in=keepers,
        seat_agency__in={s.agency for s in seats},
        seat_role__in={s.role for s in seats},
    ).order_by("rank", "id")
    found: dict[Seat, dict[str, list[Recipient]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[Seat(row.seat_agency, row.seat_role)][row.agency].append(row)
    out: dict[Seat, list[tuple[Entrant, Recipient]]] = {}
    for seat in seats:
        by_keeper = found.get(seat, {})
        order = rules.keeper_order(seat.agency, sender, lead)
        listed = next((by_keeper[k] for k in order if k in by_keeper), [])
        out[seat] = [(Entrant(r.id, r.rank, len(r.kinds)), r) for r in listed]
    return out


def seats_of(entries: Iterable[Mapping[str, str]]) -> list[Seat]:
    """Seats of a stored distribution or must-know list, without doubles, in order."""
    return list(dict.fromkeys(Seat(e["agency"], e["role"]) for e in entries))


def required(operation: Operation | None, rows: Iterable[Destination]) -> set[Seat]:
    """Who must have acknowledged before a warning counts as known: now asked for, or asked for then."""
    asked = set(seats_of(operation.must_know)) if operation else set()
    return asked | {Seat(r.seat_agency, r.seat_role) for r in rows if r.must_know}


def destinations(warning: str) -> list[Destination]:
    """All destinations of one warning edition. The caller has checked sight of the warning."""
    return list(
        Destination.objects.filter(warning=warning).order_by("seat_agency", "seat_role", "id")
    )


def informed(warning: Warning) -> Any:
    """Whether every role that must know has acknowledged this edition (see `rules.informed`)."""
    rows = [d for d in destinations(warning.id) if d.occasion == "release"]
    operation = (
        Operation.objects.filter(id=warning.operation).first() if warning.operation else None
    )
    acknowledged = {Seat(d.seat_agency, d.seat_role) for d in rows if d.acknowledged_at}
    return rules.informed(required(operation, rows), acknowledged)


def matrix(actor: Actor, warning: Warning, now: datetime | None = None) -> Matrix:
    """Who has the warning: agencies and roles, each with its rung, since when, and what happens next.

    The sender's agency sees names and ways; others see rungs only, and their own agency's row in full.
    """
    return build(actor, warning, now)


def waiting(actor: Actor) -> QuerySet[Destination]:
    """What waits for this actor's answer: destinations of the roles they hold, most urgent first."""
    rows = Destination.objects.filter(
        seat_agency=actor.agency,
        seat_role__in=[r.value for r in actor.roles],
        acknowledged_at=None,
        closed_at=None,
    )
    return visible_to(actor, rows).order_by("opened_at", "id")


def answered(actor: Actor) -> QuerySet[Destination]:
    """What the actor's roles answered, newest first."""
    rows = Destination.objects.filter(
        seat_agency=actor.agency, seat_role__in=[r.value for r in actor.roles]
    ).exclude(acknowledged_at=None)
    return visible_to(actor, rows).order_by("-acknowledged_at", "-id")


def due(destinations: Collection[str]) -> dict[str, Duty]:
    """Destination -> the open duty to acknowledge it."""
    rows = Duty.objects.filter(subject__in=destinations, kind="acknowledge", discharged_at=None)
    return {d.subject: d for d in rows}


def sent_to(actor: Actor, destination: str) -> bool:
    """Whether a delivery of this destination went to the actor by name."""
    mine = Recipient.objects.filter(person=actor.person).values("id")
    return Delivery.objects.filter(destination=destination, recipient__in=mine).exists()


@dataclass(frozen=True, slots=True)
class Try:
    """One try as its sender sees it: who, by which way and address, how far, why, what their side said."""

    row: Delivery
    name: str
    way: str
    address: str
    why: str
    reason: str
    said: str
    meaning: str


def tries(destination: str) -> list[Try]:
    """Every try to reach one role, oldest first, with names and addresses: for the sender's eyes only."""
    rows = deliveries(destination)[:200]
    known = cards(r.card for r in rows)
    details = record.contents(r.detail for r in rows)
    out = []
    for r in rows:
        card = known.get(r.card, Card("(removed)"))
        way = card.ways[r.place] if r.place < len(card.ways) else None
        out.append(
            Try(
                row=r,
                name=card.name,
                way=Channel(r.channel).words,
                address=way.address if way else "",
                why=Why[r.why].value,
                reason=Reason[r.reason].value if r.reason else "",
                said=str(details.get(r.detail, {}).get("detail", "")),
                meaning=State(r.state).meaning,
            )
        )
    return out


def is_for(actor: Actor, row: Destination) -> bool:
    """Whether a destination is this actor's to answer: their agency, and a role they hold."""
    held = {r.value for r in actor.roles}
    return bool(actor.agency) and row.seat_agency == actor.agency and row.seat_role in held


def token(delivery: str) -> str:
    """The secret part of an acknowledgement link: the delivery's id, signed (HMAC-SHA-256)."""
    return _SIGNER.sign(delivery)


def delivery_of(token: str) -> Delivery:
    """The delivery a link names. Raises: NotFound, the same for forged, mangled and unknown."""
    try:
        found = Delivery.objects.filter(id=_SIGNER.unsign(token)).first()
    except BadSignature:
        found = None
    if found is None:
        raise NotFound(
            "this link is not complete, or not ours",
            cure="Open it from the message again, or call the agency that sent it.",
        )
    return found


def deliveries(destination: str) -> list[Delivery]:
    """Every try for one destination, oldest first. The caller has checked sight."""
    return list(Delivery.objects.filter(destination=destination).order_by("queued_at", "id"))


def tried(rows: Sequence[Delivery]) -> set[tuple[str, int]]:
    """Which ways were used already: (recipient, place)."""
    return {(r.recipient, r.place) for r in rows}


def member_agency(person: str) -> str:
    """The agency a person belongs to now; '' for nobody."""
    row = Member.objects.filter(person=person, left_at=None).first()
    return row.agency if row else ""


def words_of(vault: str) -> str:
    """The text kept under a vault id; '' where there is none or it was forgotten."""
    return str(record.content(vault).get("text", "")) if vault else ""


def agencies() -> dict[str, str]:
    """Agency id -> full name, by name."""
    return dict(Agency.objects.order_by("name").values_list("id", "name"))


def roles() -> dict[str, str]:
    """Role -> what people call it; administrators carry no content, so nothing is addressed to them."""
    return {r.value: r.title for r in Role if r is not Role.ADMINISTRATOR}


def agency_words() -> dict[str, str]:
    """What people write for an agency, in lower case (id, name, short name) -> its id."""
    rows = Agency.objects.values_list("id", "name", "short")
    return {word.casefold(): row[0] for row in rows for word in reversed(row) if word}


def role_words() -> dict[str, str]:
    """What people write for a role, in lower case -> the role."""
    words = {title.casefold(): role for role, title in roles().items()}
    return words | {role.casefold(): role for role in roles()}


def account_words() -> dict[str, str]:
    """User name in lower case -> person."""
    rows = Account.objects.filter(is_active=True).values_list("username", "person")
    return {name.casefold(): person for name, person in rows}


def accounts() -> dict[str, str]:
    """Person -> name and agency, for those who can sign in: whom a line can lead to on their page here."""
    homes = dict(Member.objects.filter(left_at=None).values_list("person", "agency"))
    short = agency_names()
    rows = Account.objects.filter(is_active=True, person__in=homes).order_by("name")
    return {
        p: f"{n}, {short.get(homes[p], homes[p])}" for p, n in rows.values_list("person", "name")
    }


def imports(actor: Actor) -> QuerySet[Import]:
    """Reports of the imports of the actor's own agency, newest first."""
    permit(actor, Permission.MANAGE_DIRECTORY)
    return Import.objects.filter(agency=actor.agency).order_by("-at")


def pending(states: Iterable[State] = (State.QUEUED, State.RETRYING)) -> QuerySet[Delivery]:
    """Deliveries that have yet to leave."""
    return Delivery.objects.filter(state__in=[s.value for s in states])


def reader_at(agency: str) -> Actor:
    """An account that reads for an agency and holds no post there: what it may see, every reader there may."""
    operations = Participation.objects.filter(agency=agency).values_list("operation", flat=True)
    return Actor(
        person="reader",
        agency=agency,
        roles=frozenset({Role.PARTNER}),
        operations=frozenset(operations),
    )
