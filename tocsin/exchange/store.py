"""Reading collections and what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from tocsin.collect.pseudonyms import pseudonym
from tocsin.exchange import rules
from tocsin.exchange.models import Collection, PostStatus, Published
from tocsin.exchange.rules import Rights
from tocsin.exchange.terms import CollectionKind
from tocsin.formats.taxii import Query
from tocsin.kernel.errors import NotFound
from tocsin.people.models import ApiToken, Member, Participation
from tocsin.people.terms import Actor, Role
from tocsin.people.visibility import marking_of, visible_to
from tocsin.warn.models import Warning
from tocsin.warn.terms import State


@dataclass(frozen=True, slots=True)
class Open:
    """A collection and what the account may do with it."""

    row: Collection
    rights: Rights


@dataclass(frozen=True, slots=True)
class Shared:
    """One object as it is handed out. `stix` = its JSON, '' where it was not asked for or was forgotten."""

    id: str
    stix_id: str
    stix: str
    added_at: datetime
    version: datetime
    warning: str
    occasion: str


def collections(actor: Actor) -> list[Open]:
    """The collections the account may read or write, by title."""
    if actor.system or not actor.agency:
        return []
    rows = Collection.objects.filter(
        Q(agency=actor.agency)
        | Q(operation__in=list(actor.operations))
        | Q(tlp__in=("GREEN", "CLEAR"), kind=CollectionKind.INBOX)
        | Q(writers__contains=[actor.agency])
    )
    found = [Open(row, rights_of(actor, row)) for row in rows.order_by("title", "id")]
    return [o for o in found if o.rights.read or o.rights.write]


def collection(actor: Actor, collection_id: str) -> Open:
    """One collection. Raises: NotFound, the same for absent and for one that is not this account's."""
    row = Collection.objects.filter(id=collection_id).first()
    found = rights_of(actor, row) if row else Rights(read=False, write=False)
    if row is None or not (found.read or found.write):
        raise NotFound("there is no such collection, or it is not yours", field="collection")
    return Open(row, found)


def rights_of(actor: Actor, row: Collection) -> Rights:
    """What the account may do with a collection."""
    inbox = row.kind == CollectionKind.INBOX
    return rules.rights(actor, marking_of(row), inbox=inbox, writers=row.writers)


def page(collection_id: str, query: Query, *, bodies: bool = True) -> tuple[list[Shared], bool]:
    """(objects in the order they were added, whether there are more) that a query asks for."""
    where = ["o.collection = %s", "o.removed_at IS NULL"]
    values: list[Any] = [collection_id]
    if query.after:
        where.append("o.added_at > %s")
        values.append(query.after)
    if query.ids:
        where.append("o.digest = ANY(%s)")
        values.append([digest(i) for i in query.ids])
    if query.types:
        where.append("o.type = ANY(%s)")
        values.append(list(query.types))
    if query.spec_versions and "2.1" not in query.spec_versions:
        return [], False
    statement = (
        "SELECT o.id, coalesce(v.body->>'id', ''), "
        + ("coalesce(v.body->>'stix', '')" if bodies else "''")
        + ", o.added_at, o.version, o.warning, o.occasion "
        "FROM exchange_sharedobject o LEFT JOIN record_vault v ON v.id = o.vault WHERE "
        + " AND ".join(where)
        + _versions(query, values)
        + " ORDER BY o.added_at LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, query.limit + 1])
        rows = [Shared(*row) for row in cursor.fetchall()]
    return rows[: query.limit], len(rows) > query.limit


def _versions(query: Query, values: list[Any]) -> str:
    """The clause that picks versions: the newest, the oldest, those named, or all."""
    if query.all:
        return ""
    parts = [name for name, asked in (("latest", query.last), ("first", query.first)) if asked]
    parts = [f"o.{name}" for name in parts]
    if query.versions:
        parts.append("o.version = ANY(%s)")
        values.append(list(query.versions))
    return " AND (" + " OR ".join(parts) + ")"


def seen(actor: Actor, rows: Sequence[Shared]) -> list[Shared]:
    """The objects that are still there and still in the account's sight: need to know is asked at each fetch."""
    about = {r.warning for r in rows if r.warning}
    able = set()
    if about:
        found = visible_to(actor, Warning.objects.filter(id__in=about))
        able = set(found.values_list("id", flat=True))
    return [r for r in rows if r.stix_id and (not r.warning or r.warning in able)]


def digest(stix_id: str) -> str:
    """The keyed pseudonym a STIX id is found by."""
    return pseudonym("stix", stix_id)


def existing(collection_id: str, digests: Iterable[str]) -> dict[str, dict[datetime, str]]:
    """Digest -> the versions of it that a collection holds -> their rows' ids. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT digest, version, id FROM exchange_sharedobject "
            "WHERE collection = %s AND digest = ANY(%s) AND removed_at IS NULL",
            [collection_id, list(digests)],
        )
        found: dict[str, dict[datetime, str]] = {}
        for key, version, row in cursor.fetchall():
            found.setdefault(key, {})[version] = row
    return found


def status(actor: Actor, status_id: str) -> dict[str, Any]:
    """The status of a POST of the account's agency. Raises: NotFound."""
    row = PostStatus.objects.filter(id=status_id, agency=actor.agency).first()
    if row is None or not actor.agency:
        raise NotFound("there is no such status", field="status")
    return dict(row.body)


def takers() -> list[str]:
    """Agencies that have a system with a key in force: those whose warnings are worth putting out."""
    people = ApiToken.objects.filter(revoked_at=None).values("person")
    rows = Member.objects.filter(person__in=people, left_at=None)
    return sorted(set(rows.values_list("agency", flat=True)))


def reader_at(agency: str) -> Actor:
    """An account that reads for an agency and holds no post there: what it may see, every reader there may."""
    operations = Participation.objects.filter(agency=agency).values_list("operation", flat=True)
    return Actor(
        person="exchange",
        agency=agency,
        roles=frozenset({Role.PARTNER}),
        operations=frozenset(operations),
    )


def unpublished(agency: str, collection_id: str, limit: int) -> list[tuple[Warning, str]]:
    """(warning, occasion) an agency may see that its collection does not hold yet, oldest first."""
    done = Published.objects.filter(collection=collection_id, warning=OuterRef("id"))
    rows = visible_to(reader_at(agency), Warning.objects.filter(released_at__isnull=False))
    fresh = rows.filter(~Exists(done.filter(occasion="release")), state=State.RELEASED.value)
    ended = rows.filter(
        Exists(done.filter(occasion="release")),
        ~Exists(done.filter(occasion="cancel")),
        state=State.CANCELLED.value,
    )
    return [(r, "release") for r in _oldest(fresh, limit)] + [
        (r, "cancel") for r in _oldest(ended, limit)
    ]


def _oldest(rows: QuerySet[Warning], limit: int) -> QuerySet[Warning]:
    return rows.order_by("released_at", "id")[:limit]
