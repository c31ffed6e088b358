"""What holds cover: each thing as the rules see it, and who may not be removed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import connection

from tocsin.assess.models import Membership
from tocsin.deliver.models import Destination, Reader, Relay
from tocsin.operate.models import Hold as Asked
from tocsin.operate.models import Photo
from tocsin.people.models import Grant
from tocsin.record.terms import Marking
from tocsin.retain import rules
from tocsin.retain.models import Intelligence, LegalHold, Sar
from tocsin.retain.terms import Hold, Thing
from tocsin.warn.models import Warning

belonging: dict[str, Callable[[Sequence[str]], Mapping[str, set[str]]]] = {}
"""Prefix of an id -> what things of that kind are part of. Stages above this one register what they know."""


def active_holds() -> list[Hold]:
    """Every hold in force, with who is meant by its role and what its warnings rest on."""
    rows = list(LegalHold.objects.filter(lifted_at=None))
    return [_hold(row) for row in rows]


def _hold(row: LegalHold) -> Hold:
    people = set(row.people)
    if row.of_role:
        held = Grant.objects.filter(agency=row.of_agency, role=row.of_role)
        people |= set(held.values_list("person", flat=True))
    subjects = set(row.subjects)
    warnings = [s for s in subjects if s.startswith("wrn_")]
    for cites in Warning.objects.filter(id__in=warnings).values_list("cites", flat=True):
        subjects |= {c["id"] for c in cites}
    return Hold(
        row.id, frozenset(subjects), row.operation, row.of_agency, row.of_role,
        frozenset(people), row.first, row.last,
    )  # fmt: skip


def held_subjects(subjects: Collection[str], holds: Sequence[Hold]) -> dict[str, list[str]]:
    """Subject -> the holds that cover it; those that none covers are left out."""
    found: dict[str, list[str]] = {}
    if not holds:
        return found
    for subject, thing in things(subjects).items():
        if names := [h.id for h in holds if rules.covers(h, thing)]:
            found[subject] = names
    return found


_THINGS = """
SELECT subject, min(recorded_at), array_agg(DISTINCT actor), array_agg(DISTINCT agency),
       array_agg(DISTINCT operation)
FROM record_entry WHERE subject = ANY(%(ids)s) GROUP BY subject
"""
_MARKS = """
SELECT DISTINCT ON (subject) subject, agency, tlp, operation FROM record_entry
WHERE subject = ANY(%(ids)s) AND agency <> '' ORDER BY subject, n DESC
"""


def things(subjects: Collection[str]) -> dict[str, Thing]:
    """Each subject as the rules see it: who acted on it, for whom, what it is part of, when it was collected."""
    ids = sorted(set(subjects))
    belongs = _belongs(ids)
    collected = dict(Sar.objects.filter(id__in=ids).values_list("id", "collected_at"))
    collected |= dict(Intelligence.objects.filter(id__in=ids).values_list("id", "collected_at"))
    return {
        subject: Thing(
            subject,
            collected.get(subject, made),
            frozenset(belongs[subject]),
            frozenset(people),
            frozenset(a for a in agencies if a),
            frozenset(o for o in operations if o),
        )
        for subject, made, people, agencies, operations in read(_THINGS, {"ids": ids})
    }


def _belongs(ids: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    sars = dict(Sar.objects.filter(id__in=ids).values_list("id", "report"))
    entries = dict(Intelligence.objects.filter(id__in=ids).values_list("id", "sar"))
    above = dict(Sar.objects.filter(id__in=entries.values()).values_list("id", "report"))
    reports = {*ids, *sars.values(), *above.values()}
    topics: dict[str, set[str]] = defaultdict(set)
    for report, situation in Membership.objects.filter(report__in=reports).values_list(
        "report", "situation"
    ):
        topics[report].add(situation)
    sent = dict(Destination.objects.filter(id__in=ids).values_list("id", "warning"))
    warnings = {*ids, *sent.values()}
    rows = Warning.objects.filter(id__in=warnings).values_list("id", "situation", "series")
    parts = {i: {situation, series} - {""} for i, situation, series in rows}
    for prefix, part_of in belonging.items():
        if mine := [i for i in ids if i.startswith(prefix + "_")]:
            for i, wholes in part_of(mine).items():
                found[i] |= wholes
    for i in ids:
        report = sars.get(i) or above.get(entries.get(i, ""), i)
        found[i] |= {report, *topics[report]} | parts.get(sent.get(i, i), set())
        found[i] |= {x for x in (entries.get(i), sent.get(i)) if x}
    return found


def _seen_with(ids: Sequence[str]) -> dict[str, set[str]]:
    """Photos and hold questions are part of their sighting."""
    rows = [*Photo.objects.filter(id__in=ids).values_list("id", "sighting")]
    rows += Asked.objects.filter(id__in=ids).values_list("id", "sighting")
    return {i: {sighting} for i, sighting in rows}


def _passed_on(ids: Sequence[str]) -> dict[str, set[str]]:
    """What was passed on is part of the warning, and of how it came."""
    of = dict(Reader.objects.filter(id__in=ids).values_list("id", "relay"))
    rows = Relay.objects.filter(id__in={*ids, *of.values()})
    relays = {i: {i, warning, destination} for i, warning, destination in
              rows.values_list("id", "warning", "destination")}  # fmt: skip
    return {i: relays.get(of.get(i, i), set()) for i in ids}


belonging |= {"pho": _seen_with, "hlq": _seen_with, "rly": _passed_on, "rdr": _passed_on}


def markings(subjects: Iterable[str]) -> dict[str, Marking]:
    """Subject -> its newest marking."""
    rows = read(_MARKS, {"ids": sorted(set(subjects))})
    return {subject: Marking(agency, tlp, operation) for subject, agency, tlp, operation in rows}


_ACTED = """
SELECT EXISTS (SELECT 1 FROM record_entry WHERE {who} = %(id)s
AND (%(subjects)s = '{{}}' OR subject = ANY(%(subjects)s))
AND (%(operation)s = '' OR operation = %(operation)s)
AND (%(first)s::timestamptz IS NULL OR recorded_at >= %(first)s)
AND (%(last)s::timestamptz IS NULL OR recorded_at <= %(last)s))
"""


def removal_held(person: str, agency: str) -> list[str]:
    """The holds because of which a person (or, where `person` is '', an agency) must stay.

    They are named, or something they did, or that is theirs, is under hold.
    """
    found = []
    for hold in active_holds():
        named = rules.names(hold, person, agency)
        bounds = hold.subjects or hold.operation or hold.first or hold.last
        if not named and bounds and not hold.people and not hold.agency:
            query = _ACTED.format(who="actor" if person else "agency")
            values = {
                "id": person or agency, "subjects": sorted(hold.subjects), "operation": hold.operation,
                "first": hold.first, "last": hold.last,
            }  # fmt: skip
            named = bool(read(query, values)[0][0])
        if named:
            found.append(hold.id)
    return found


def read(query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
