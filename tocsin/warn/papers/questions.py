"""A request for information as a paper: what is asked of whom by when, and what was answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any

from tocsin.assess import store as assess
from tocsin.assess.models import Rfi
from tocsin.assess.terms import Asked
from tocsin.formats.papers.paper import Block, Fact, Moment, Paper, Timeline, Words
from tocsin.kernel import clock
from tocsin.people.store import agency_names
from tocsin.people.terms import Actor, Role
from tocsin.record.store import contents
from tocsin.warn.papers.words import local_time, marking, paragraphs

NAME = "Request for information"


def paper(actor: Actor, rfi: str, zone: tzinfo) -> tuple[Rfi, Paper]:
    """The question as it stands now. Raises: NotFound."""
    row = assess.rfi(actor, rfi)
    agencies, now = agency_names(), clock.now()
    bodies = contents([row.content, row.answer, *(step["reason"] for step in row.extensions)])
    event = assess.operation_or_none(row.operation)
    issuer = agencies.get(row.person_agency, row.person_agency)
    role = Role(row.to_role).title if row.to_role in list(Role) else row.to_role
    facts = [
        Fact("From", issuer),
        Fact("To", f"{agencies.get(row.to_agency, row.to_agency)} ({role})"),
        *([Fact("About", event.name)] if event else []),
        Fact("Asked", local_time(row.asked_at, zone)),
        Fact("Answer due", local_time(row.due_at, zone)),
    ]
    made = Paper(
        number=row.id,
        kind=NAME,
        title=str(bodies.get(row.content, {}).get("title", "")) or "(no title)",
        marking=marking(row.tlp),
        issuer=issuer,
        at=now,
        standing=_standing(row, now),
        facts=tuple(facts),
        blocks=tuple(_blocks(row, bodies, zone)),
    )
    return row, made


def _standing(row: Rfi, now: datetime) -> str:
    if row.state == Asked.OPEN:
        return "OVERDUE. It is not answered yet." if now > row.due_at else ""
    return "" if row.answer else "TAKEN BACK. No answer is needed."


def _blocks(row: Rfi, bodies: Mapping[str, Mapping[str, Any]], zone: tzinfo) -> Iterator[Block]:
    yield Words("What is asked", paragraphs(str(bodies.get(row.content, {}).get("text", ""))))
    if row.extensions:
        steps = [
            Moment(
                local_time(datetime.fromisoformat(step["at"]), zone),
                f"Due {local_time(datetime.fromisoformat(step['due_at']), zone)} instead. "
                + str(bodies.get(step["reason"], {}).get("text", "")),
            )
            for step in row.extensions
        ]
        yield Timeline("More time was given", tuple(steps))
    if row.answer:
        when = f" ({local_time(row.answered_at, zone)})" if row.answered_at else ""
        said = paragraphs(str(bodies.get(row.answer, {}).get("text", "")))
        yield Words(f"The answer{when}", said)
