"""Reading collections and what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from tocsin.collect.pseudonyms import pseudonym
from tocsin.deliver.models import FanOut
from tocsin.deliver.store import reader_at
from tocsin.exchange import rules
from tocsin.exchange.models import Collection, PostStatus, Published
from tocsin.exchange.rules import Rights
from tocsin.exchange.terms import CollectionKind
from tocsin.formats.taxii import Query
from tocsin.kernel.errors import NotFound
from tocsin.people.models import ApiToken, Member
from tocsin.people.terms import Actor
from tocsin.people.visibility import marking_of, visible_to
from tocsin.warn.models import Warning
from tocsin.warn.terms import State

_PAGE = """
SELECT coalesce(v.body->>%s, ''), to_char(o.added_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    to_char(o.version, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), o.warning, o.occasion
FROM exchange_sharedobject o LEFT JOIN record_vault v ON v.id = o.vault WHERE
"""
"""Times as `formats.taxii.stamp` writes them (connections are in UTC): cheaper here than two hundred times there."""


@dataclass(frozen=True, slots=True)
class Open:
    """A collection and what the account may do with it."""

    row: Collection
    rights: Rights


class Shared(NamedTuple):
    """One version of an object as it is handed out; '' as `body` = it was forgotten.

    `body` = its JSON, or its id where only that was asked for. `added`, `version` = times as TAXII writes them.
    """

    body: str
    added: str
    version: str
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
    # Plain SQL: writing this query anew costs the ORM more than it costs the database, at each page.
    rows = Collection.objects.raw(
        "SELECT * FROM exchange_collection WHERE id = %s", [collection_id]
    )
    row = next(iter(rows), None)
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
    chosen = " AND ".join(where) + _versions(query, values)
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_PAGE} {chosen} ORDER BY o.added_at LIMIT %s",
            ["stix" if bodies else "id", *values, query.limit + 1],
        )
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
    return [r for r in rows if r.body and (not r.warning or r.warning in able)]


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


def unpublished(agency: str, collection_id: str, limit: int) -> list[tuple[Warning, str]]:
    """(warning, occasion) an agency may see that its collection does not hold yet, oldest first.

    `withdraw`: its next edition is out, and goes to others only; who has this one must not go on believing it.
    """
    done = Published.objects.filter(collection=collection_id, warning=OuterRef("id"))
    rows = visible_to(reader_at(agency), Warning.objects.filter(released_at__isnull=False))
    fresh = rows.filter(~Exists(done.filter(occasion="release")), state=State.RELEASED.value)
    ended = rows.filter(
        Exists(done.filter(occasion="release")),
        ~Exists(done.filter(occasion="cancel")),
        state=State.CANCELLED.value,
    )
    newer = Warning.objects.filter(series=OuterRef("series"), edition__gt=OuterRef("edition"))
    here = Published.objects.filter(collection=collection_id).values("warning")
    out = FanOut.objects.filter(occasion="release").values("warning")
    narrowed = rows.filter(
        Exists(done.filter(occasion="release")),
        ~Exists(done.filter(occasion="withdraw")),
        ~Exists(newer.filter(id__in=here)),
        Exists(newer.filter(id__in=out)),
        state=State.SUPERSEDED.value,
    )
    found = {"release": fresh, "cancel": ended, "withdraw": narrowed}
    return [(r, occasion) for occasion, some in found.items() for r in _oldest(some, limit)]


def _oldest(rows: QuerySet[Warning], limit: int) -> QuerySet[Warning]:
    return rows.order_by("released_at", "id")[:limit]
