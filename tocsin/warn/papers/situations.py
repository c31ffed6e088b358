"""A situation report: the signs as they stand, when the alarm rang, what was judged of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from tocsin.assess import worklist
from tocsin.assess.models import Situation
from tocsin.assess.terms import LIKELIHOODS, Likelihood, SituationKind, WholeDecision
from tocsin.collect.store import texts
from tocsin.formats.papers.paper import (
    Block,
    Fact,
    Judged,
    Judgments,
    Moment,
    Paper,
    Reference,
    References,
    Table,
    Timeline,
    Words,
)
from tocsin.kernel import clock
from tocsin.people.store import agency_names
from tocsin.people.terms import Actor
from tocsin.warn.papers.references import as_wide, described
from tocsin.warn.papers.words import estimate, local_time, marking
from tocsin.warn.sources import short

NAME = "Situation report"
REPORTS = 40
"""So many of the newest reports are listed; how many there are is said."""
WHOLES = 3


def paper(actor: Actor, situation: str, zone: tzinfo) -> tuple[Situation, Paper]:
    """The situation as it stands now, for one reader. Raises: NotFound."""
    now = clock.now()
    found = worklist.situation(actor, situation, now)
    row, event = found.row, found.operation
    agency = agency_names().get(row.agency, row.agency)
    facts = [Fact("From", agency)]
    if event:
        facts += [Fact("About", event.name), Fact("It starts", local_time(event.starts_at, zone))]
    facts.append(Fact("As of", local_time(now, zone)))
    if row.kind == SituationKind.PICTURE:
        there, wanted, k = found.signs.there, found.signs.wanted, found.signs.k
        facts.append(Fact("Signs", f"{there} of {wanted} kinds; the alarm rings at {k}"))
    elif row.categories:
        facts.append(Fact("Signs", _kinds(row.categories)))
    made = Paper(
        number=row.id,
        kind=NAME,
        title=found.title or "(no title)",
        marking=marking(row.tlp),
        issuer=agency,
        at=now,
        standing="" if row.state == "OPEN" else "CLOSED. It is no longer watched.",
        facts=tuple(facts),
        blocks=tuple(_blocks(actor, found, zone)),
    )
    return row, made


def _blocks(actor: Actor, found: worklist.Situated, zone: tzinfo) -> Iterator[Block]:
    row = found.row
    if found.wholes:
        newest = found.wholes[:WHOLES]
        yield Judgments(
            "What we judge of the whole",
            tuple(
                Judged(
                    n,
                    str(body.get("text", "")) or "(the words were forgotten)",
                    (),
                    estimate(LIKELIHOODS[Likelihood(whole.likelihood)].likelihood),
                    whole.confidence,
                    str(body.get("basis", "")),
                    f"{local_time(whole.at, zone)}: {WholeDecision(whole.decision).plain.lower()}",
                )
                for n, (whole, body) in enumerate(newest, 1)
            ),
        )
    if row.kind == SituationKind.PICTURE and found.signs.lines:
        yield _signs(found.signs, zone)
    if found.alarms:
        rang = [
            Moment(
                local_time(alarm.raised_at, zone),
                f"The alarm rang at {alarm.k} kinds of sign; new: {_kinds(alarm.added)}.",
            )
            for alarm in reversed(found.alarms)
        ]
        yield Timeline("When the alarm rang", tuple(rang))
    yield from _open(actor, row, zone)
    yield from _reports(actor, row, zone)


def _signs(signs: worklist.Signs, zone: tzinfo) -> Table:
    rows = [
        (
            _kind(line.category),
            "yes" if line.listed else "no",
            "yes" if line.active else "no",
            str(line.total),
            local_time(line.last, zone) if line.last else "never",
        )
        for line in signs.lines
    ]
    columns = ("Kind of sign", "On the checklist", "Seen lately", "Reports", "Last seen")
    return Table(f"Signs over the last {len(signs.days)} days", columns, tuple(rows))


def _open(actor: Actor, row: Situation, zone: tzinfo) -> Iterator[Block]:
    """Questions and concerns that wait, as far as this reader and this marking let them be told."""
    asked = [
        r for r in worklist.rfis(actor, about=row.id, state="OPEN")[:20] if as_wide(r.tlp, row.tlp)
    ]
    if asked:
        titles = worklist.titles(asked)
        rows = [
            (str(titles.get(r.id, {}).get("title", r.id)), local_time(r.due_at, zone))
            for r in asked
        ]
        yield Table("Questions not answered yet", ("Question", "Due"), tuple(rows))
    held = [d for d in worklist.dissents(actor, about=row.id)[:20] if as_wide(d.tlp, row.tlp)]
    if held:
        bodies = worklist.titles(held)
        said = [str(bodies.get(d.id, {}).get("text", "")) for d in held]
        yield Words("Seen otherwise", tuple(s for s in said if s), boxed=True)


def _reports(actor: Actor, row: Situation, zone: tzinfo) -> Iterator[Block]:
    newest = list(worklist.reports_of(actor, row)[: REPORTS + 1])
    shown = [r for r in newest[:REPORTS] if as_wide(r.tlp, row.tlp)]
    if not newest:
        return
    bodies = texts(shown)
    items = [
        Reference(
            n,
            "Report",
            short(bodies.get(report.id, {})),
            (
                *described(report, zone),
                f"version {report.version}",
                f"TLP:{report.tlp}",
                _kinds(report.categories),
            ),
        )
        for n, report in enumerate(shown, 1)
    ]
    heading = f"Reports (the newest {REPORTS})" if len(newest) > REPORTS else "Reports"
    if items:
        yield References(heading, tuple(items))
    if len(shown) < len(newest[:REPORTS]):
        kept = len(newest[:REPORTS]) - len(shown)
        words = f"{kept} more {'is' if kept == 1 else 'are'} marked more narrowly than this report."
        yield Words("", (words,))


def _kinds(categories: list[str]) -> str:
    return ", ".join(_kind(c).lower() for c in categories) or "none"


def _kind(category: str) -> str:
    return category.replace("-", " ").replace("_", " ").capitalize()
