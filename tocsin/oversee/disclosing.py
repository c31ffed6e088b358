"""What can be released, and a release as its preparer sees it: texts by reference, marks, the finished document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.oversee import subjects
from tocsin.oversee.models import Finding, Mark, Release
from tocsin.oversee.redaction import gate
from tocsin.oversee.redaction.paper import Frame, Item, Text, Withheld, as_html, as_pdf
from tocsin.people.rules import permit
from tocsin.people.store import agency_names
from tocsin.people.terms import Actor, Permission
from tocsin.record.store import contents
from tocsin.record.terms import stamp, unstamp
from tocsin.retain import held

MOST = 100
"""Subjects of one release."""
_SOURCES: dict[str, tuple[str, str, tuple[tuple[str, str, str], ...]]] = {
    # prefix -> what it is called, the column of its time, [(label, column of the vault id, key in the content)]
    "rpt": ("report", "received_at", (("Text", "content", "text"),)),
    "sit": ("situation", "opened_at", (("Title", "title", "title"), ("Text", "title", "text"))),
    "wrn": ("warning", "drafted_at", (("Title", "content", "title"), ("Text", "content", "text"))),
    "rfi": ("request for information", "asked_at",
            (("Title", "content", "title"), ("Question", "content", "text"), ("Answer", "answer", "text"))),
    "dis": ("concern", "filed_at", (("Text", "content", "text"), ("Answer", "answer", "text"))),
    "fnd": ("finding", "found_at", (("Title", "content", "title"), ("Text", "content", "text"))),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """Title and reference of a release."""

    title: str
    reference: str


def released_of(ids: Sequence[str]) -> dict[str, set[str]]:
    """A release is part of what it was made from: a hold on that keeps the release too."""
    rows = Release.objects.filter(id__in=ids).values_list("id", "items")
    return {i: {item["subject"] for item in items} for i, items in rows}


def finding_of(ids: Sequence[str]) -> dict[str, set[str]]:
    """A finding is part of its report of findings."""
    rows = Finding.objects.filter(id__in=ids).exclude(inquiry="").values_list("id", "inquiry")
    return {i: {inquiry} for i, inquiry in rows}


held.belonging |= {"rel": released_of, "fnd": finding_of}


def release(actor: Actor, release_id: str) -> Release:
    """One release of the actor's own agency. Raises: NotFound, the same for absent and for another's."""
    found: Release | None = releases(actor).filter(id=release_id).first()
    if found is None:
        raise NotFound("there is no such thing, or it is not yours to see")
    return found


def releases(actor: Actor) -> Any:
    """The releases of the actor's agency, newest change first; nobody's without the permission: drafts are for few."""
    rows = Release.objects.order_by("-changed_at", "-id")
    if actor.system:
        return rows
    if Permission.DISCLOSE not in actor.permissions or not actor.agency:
        return rows.none()
    return rows.filter(agency=actor.agency)


def titles(rows: Sequence[Release]) -> dict[str, Words]:
    """Release -> its title and reference. One query; the caller has the rows by `releases`."""
    kept = contents(r.content for r in rows)
    return {
        r.id: Words(
            str((kept.get(r.content) or {}).get("title", "(no longer kept)")),
            str((kept.get(r.content) or {}).get("reference", "")),
        )
        for r in rows
    }


def choose(actor: Actor, ids: Sequence[str]) -> list[dict[str, Any]]:
    """The subjects of a release as its entry names them: by their contents' ids, pinned as they stand now.

    Raises: Forbidden for another agency's; Invalid when there are none, too many, or one is not to be seen.
    """
    permit(actor, Permission.DISCLOSE)
    wanted = list(dict.fromkeys(i for i in ids if i))
    if not wanted:
        raise Invalid("names nothing", field="subjects", cure="Give the id of a report, a warning…")
    if len(wanted) > MOST:
        raise Invalid(f"over {MOST}", field="subjects", cure="Make two releases.")
    rows = subjects.rows([i for i in wanted if i.partition("_")[0] in _SOURCES], actor)
    for i in wanted:
        if i not in rows:
            raise Invalid(
                f"there is no {i[:40]!r}, or it is not yours to see",
                field="subjects",
                cure="Give ids of reports, situations, warnings, requests, concerns or findings.",
            )
        if rows[i].agency != actor.agency:
            raise Forbidden(
                f"{i} belongs to another agency: only its owner releases it. Refer the request to them."
            )
    return [_pinned(i, rows[i]) for i in wanted]


def _pinned(subject: str, row: Any) -> dict[str, Any]:
    kind, at, texts = _SOURCES[subject.partition("_")[0]]
    version = getattr(row, subjects.KINDS[subject.partition("_")[0]].version)
    return {
        "subject": subject,
        "kind": kind,
        "version": version,
        "at": stamp(getattr(row, at)),
        "texts": [
            [label, vault, key] for label, column, key in texts if (vault := getattr(row, column))
        ],
    }


def items(row: Release) -> list[Item]:
    """The documents of a release with their full texts. The caller has the row by `release`.

    Raises: Conflict when a content was purged since: it cannot be released any more.
    """
    kept = contents(t[1] for i in row.items for t in i["texts"])
    out = []
    for number, item in enumerate(row.items, 1):
        at = unstamp(item["at"])
        texts = [
            Text("Heading", f"{item['kind'].capitalize()} of {at.day} {at:%B %Y}, {at:%H:%M} UTC")
        ]
        for label, vault, key in item["texts"]:
            body = kept.get(vault)
            if body is None:
                raise Conflict(
                    f"the words of document {number} were purged since",
                    cure="Withdraw this release and begin one without it.",
                )
            if words := str(body.get(key, "")).strip():
                texts.append(Text(label, words))
        out.append(Item(number, item["kind"], tuple(texts)))
    return out


def marks(row: Release) -> list[tuple[Mark, Withheld]]:
    """The marks in force, in the order of the texts, each with its ground in words."""
    rows = list(
        Mark.objects.filter(release=row.id, dropped_at=None).order_by("item", "field", "start")
    )
    kept = contents({m.note for m in rows})
    return [
        (
            m,
            Withheld(
                m.item,
                m.field,
                m.start,
                m.end,
                m.exemption,
                str((kept.get(m.note) or {}).get("statute", "")),
                str((kept.get(m.note) or {}).get("text", "")),
            ),
        )
        for m in rows
    ]


def withheld_words(found: Sequence[Item], spans: Sequence[Withheld]) -> list[str]:
    """The words behind each mark: what the gate looks for."""
    return [found[m.item].texts[m.field].text[m.start : m.end] for m in spans]


def made(row: Release, at: datetime) -> tuple[bytes, str]:
    """The release as (PDF, HTML), dated `at`, through the gate. Raises: Leaks; CannotTypeset; Conflict."""
    words = titles([row])[row.id]
    agency = agency_names().get(row.agency, row.agency)
    frame = Frame(words.title, words.reference or row.id, agency, at)
    texts, spans = items(row), [w for _, w in marks(row)]
    pdf, html = as_pdf(frame, texts, spans), as_html(frame, texts, spans)
    gate.check(pdf, html, withheld_words(texts, spans))
    return pdf, html
