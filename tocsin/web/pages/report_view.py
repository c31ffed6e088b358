"""What the queue and a report's own page show of one report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from tocsin.assess import store, worklist
from tocsin.assess.behaviours import BEHAVIOURS
from tocsin.assess.models import Assessment, Standing
from tocsin.assess.terms import (
    CREDIBILITY,
    LIKELIHOODS,
    Disposition,
    Likelihood,
    Reading,
    SecondReading,
    Specific,
    Speech,
    Stage,
    Threshold,
)
from tocsin.collect import store as collect
from tocsin.collect.models import Report, Source
from tocsin.collect.terms import AUTHORITIES, PURPOSES, SAMPLE, Reliability
from tocsin.duties.models import Duty
from tocsin.exchange.bulletins import original
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor, Permission
from tocsin.record.store import contents
from tocsin.screen import indicators

_READING = {
    Reading.FIRST: "First reading",
    Reading.SECOND: "Second reading",
    Reading.SETTLING: "Settled",
}
_SAMPLE = "A watch analyst of its own agency reads this sample."
_STAGE = {
    Stage.OPEN: "waits for a decision",
    Stage.NEEDS_MORE: "more is needed before it is decided",
    Stage.SECOND_READING: "waits for a second reader",
    Stage.SETTLING: "two readers differ; waits to be settled",
}


@cache
def category_titles() -> dict[str, str]:
    """Category -> what it stands for, in a sentence."""
    return indicators.load().titles


def category_name(category: str) -> str:
    """`storm-the-building` as `Storm the building`."""
    return category.replace("-", " ").replace("_", " ").capitalize()


def spans_of(report: Report, content: Mapping[str, Any]) -> list[tuple[int, int, str]]:
    """The marked stretches of the masked text, each with the reason its indicator gives."""
    why = dict(zip(report.indicators, content.get("why", []), strict=False))
    return [
        (start, end, why.get(indicator) or category_name(category))
        for start, end, indicator, category in report.spans
    ]


def shown(a: Actor, report_id: str, now: datetime, *, alike: bool = True) -> dict[str, Any]:
    """A report, why it was flagged, what is like it, its decisions, and what may be decided now.

    Raises: NotFound.
    """
    row = collect.report(a, report_id)
    content = collect.texts([row]).get(row.id, {})
    found = store.readings_of(a, row.id)
    kind, why_not = worklist.asked_of(a, row, found.standing)
    duty = Duty.objects.filter(
        subject=row.id, kind__in=(*worklist.WORK, "read_sample"), discharged_at=None
    )
    return {
        "report": row,
        "content": content,
        "spans": spans_of(row, content),
        "kinds": [(category_name(c), category_titles().get(c, "")) for c in row.categories],
        "source": Source.objects.filter(id=row.source).first(),
        "authority": AUTHORITIES[row.authority].plain if row.authority in AUTHORITIES else "",
        "purpose": PURPOSES[row.purpose].plain if row.purpose in PURPOSES else "",
        "event": store.operation_or_none(row.operation),
        "owner": agency_names().get(row.agency, row.agency),
        "standing": found.standing,
        "stage": stage_words(row, found.standing),
        "withheld": found.withheld,
        "readings": read(found.shown),
        "kind": kind,
        "why_not": _SAMPLE if row.state == SAMPLE else why_not,
        "may_read_sample": row.state == SAMPLE
        and row.agency == a.agency
        and Permission.ASSESS in a.permissions,
        "duty": duty.order_by("due_at").first(),
        "topics": _topics(a, row.operation) if kind in ("assess", "settle") else [],
        **(_alike(a, row) if alike else {}),
    }


def _topics(a: Actor, operation: str) -> list[tuple[str, str]]:
    rows = worklist.open_topics(a, operation)
    titles = worklist.titles(rows)
    return [(t.id, titles.get(t.id, {}).get("title", t.id)) for t in rows]


def stage_words(report: Report, standing: Standing | None) -> str:
    """How far a report is, in words."""
    if report.state == "PURGED":
        return "purged: its content is no longer kept"
    if report.state == SAMPLE:
        return "a sample that waits to be read"
    if report.state == "OPEN" and (standing is None or standing.stage == Stage.FINAL):
        return _STAGE[Stage.OPEN]
    if standing is None:
        return "decided"
    if standing.stage == Stage.FINAL:
        decided = Disposition(standing.disposition).plain.lower()
        return f"decided: {decided} ({Speech(standing.speech).label.lower()})"
    return _STAGE[Stage(standing.stage)]


def _alike(a: Actor, row: Report) -> dict[str, Any]:
    found = worklist.alike(a, row)

    def lines(reports: Iterable[Report]) -> list[dict[str, Any]]:
        return [
            {
                "report": r,
                "text": found.texts.get(r.id, {}).get("text", ""),
                "stage": stage_words(r, found.standings.get(r.id)),
            }
            for r in reports
        ]

    return {"copies": lines(found.copies), "thread": lines(found.thread)}


def read(rows: list[Assessment]) -> list[dict[str, Any]]:
    """Decisions with their texts, in words."""
    texts = contents([r.content for r in rows])
    known = names({r.person for r in rows})
    return [
        {
            "row": r,
            "reading": _READING[Reading(r.reading)],
            "who": known.get(r.person, r.person),
            "what": Disposition(r.disposition).plain,
            "speech": Speech(r.speech).label,
            "named": [Specific(s).plain for s in r.specifics],
            "behaviours": [BEHAVIOURS[b].title for b in r.behaviours if b in BEHAVIOURS],
            "recommended": Disposition(r.recommended).plain,
            "because": Threshold(r.threshold).plain,
            "reliability": Reliability(r.reliability).plain,
            "credibility": CREDIBILITY[r.credibility],
            "likelihood": LIKELIHOODS[Likelihood(r.likelihood)].likelihood if r.likelihood else "",
            "second": SecondReading(r.second).plain if r.second != SecondReading.NONE else "",
            "text": texts.get(r.content, {}),
        }
        for r in rows
    ]


def about(a: Actor, row: Report) -> dict[str, Any]:
    """What else is on a report's own page: topics, concerns, questions, earlier versions, the mask."""
    topics = worklist.topics_of(a, row.id)
    mine = worklist.open_topics(a, row.operation)
    titles = worklist.titles([*topics, *mine])
    versions = collect.versions(row)
    earlier = contents([v.content for v in versions])
    return {
        "in_topics": [(t, titles.get(t.id, {}).get("title", t.id)) for t in topics],
        "other_topics": [
            (t, titles.get(t.id, {}).get("title", t.id)) for t in mine if t not in topics
        ],
        "may_topic": Permission.ASSESS in a.permissions
        and row.agency == a.agency
        and row.state != SAMPLE,
        "versions": [(v, earlier.get(v.content, {}).get("text", "")) for v in versions],
        "came_as": original(row) if Permission.DRAFT in a.permissions else None,
        "may_unmask": Permission.UNMASK in a.permissions and row.agency == a.agency,
        **concerns_and_questions(a, row.id),
    }


def concerns_and_questions(a: Actor, about: str) -> dict[str, Any]:
    """Concerns voiced, and information asked for, about a subject."""
    concerns = list(worklist.dissents(a, about=about)[: worklist.SHOWN])
    asked = list(worklist.rfis(a, about=about)[: worklist.SHOWN])
    titles = worklist.titles([*concerns, *asked])
    return {
        "about": about,
        "concerns": [(c, titles.get(c.id, {})) for c in concerns],
        "questions": [(q, titles.get(q.id, {})) for q in asked],
        "may_dissent": Permission.DISSENT in a.permissions,
        "may_ask": Permission.ASK in a.permissions,
    }
