"""Reading what was assessed: worklists, a report with all about it, situations, dissent,
requests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from tocsin.assess import rules
from tocsin.assess.models import Assessment, Dissent, Hour, Rfi, Standing
from tocsin.assess.terms import Reading, Speech, Stage, Thresholds
from tocsin.collect.models import Report
from tocsin.duties import store as duties
from tocsin.kernel import clock
from tocsin.kernel.errors import NotFound
from tocsin.people.models import Grant, Member, Operation, Share
from tocsin.people.rules import SEEN, sight
from tocsin.people.terms import Actor, Role
from tocsin.people.visibility import get_visible, visible_to
from tocsin.record.models import Entry
from tocsin.record.store import contents
from tocsin.record.terms import Marking, unstamp
from tocsin.screen import surge

PAST = timedelta(days=28)
"""What the surge test looks back on."""

_HIDDEN = "there is no such thing, or it is not yours to see"
_KINDS = {
    "rpt": "a report",
    "sit": "a situation",
    "wrn": "a warning",
    "rfi": "a question",
    "dis": "a concern",
    "op": "an operation",
}


@cache
def policy() -> Thresholds:
    """The thresholds in force. Raises: BadSettings."""
    return rules.thresholds(duties.policy_text())


def picture_id(operation: str) -> str:
    """The id of the whole picture of an operation: one each, so that two intakes cannot make
    two.
    """
    return "sit_" + operation.partition("_")[2]


def operation_or_none(operation: str) -> Operation | None:
    return Operation.objects.filter(id=operation).first() if operation else None


def operation_of(actor: Actor, operation: str) -> Operation:
    """An operation the actor's agency takes part in. Raises: NotFound, the same for absent and
    hidden.
    """
    found = operation_or_none(operation)
    if found is None or not (
        actor.system or operation in actor.operations or found.lead_agency == actor.agency
    ):
        raise NotFound(_HIDDEN, field="operation")
    return found


def marking_of_subject(actor: Actor, subject: str) -> Marking:
    """The marking of anything on the record that the actor may see, of whatever stage.

    Raises: NotFound, the same for absent and hidden.
    """
    row = Entry.objects.filter(subject=subject).exclude(agency="").order_by("-n").first()
    if row is None:
        raise NotFound(_HIDDEN, field="about")
    marking = Marking(row.agency, row.tlp, row.operation)
    shared = Share.objects.filter(subject=subject, agency=actor.agency).exists()
    if sight(actor, marking, shared=shared) not in SEEN:
        raise NotFound(_HIDDEN, field="about")
    return marking


def called(subject: str, operation: Operation | None) -> str:
    """How a subject is called in the title of a duty: no content, nobody's name."""
    kind = _KINDS.get(subject.partition("_")[0], "something on the record")
    if operation is None:
        return kind
    return operation.name if subject == operation.id else f"{kind} for {operation.name}"


def owes(actor: Actor, subject: str) -> bool:
    """Whether something about the subject is owed by this actor now, in their role or because a
    ladder reached them.
    """
    return duties.owed_by(actor, clock.now()).filter(subject=subject).exists()


def second_reader_role(agency: str, reader: str) -> Role:
    """Collectors read a second time; where there is no other experienced one, the release authority
    does.
    """
    held = Grant.objects.filter(agency=agency, role=Role.COLLECTOR, revoked_at=None).exclude(
        person=reader
    )
    trained = Member.objects.filter(novice=False, left_at=None).values("person")
    return Role.COLLECTOR if held.filter(person__in=trained).exists() else Role.RELEASE_AUTHORITY


def last_sign(operation: str, category: str) -> datetime | None:
    """When a kind of sign was last flagged for an operation, leaving out what is finally protected
    speech.
    """
    protected = Standing.objects.filter(operation=operation, speech=Speech.PROTECTED).values(
        "report"
    )
    rows = Report.objects.filter(operation=operation, categories__contains=[category]).exclude(
        id__in=protected
    )
    return rows.order_by("-received_at").values_list("received_at", flat=True).first()


def hour_key(at: datetime) -> str:
    """An hour (UTC) as the tables keep it."""
    return at.isoformat()[:13]


def hours(operation: str, now: datetime) -> dict[str, list[surge.Hour]]:
    """The last four weeks of an operation by the hour, judged, for each kind of sign; '' = all of them. Hours before
    the first report are not watched."""
    since = hour_key(now - PAST)
    counts: dict[str, dict[datetime, int]] = {}
    for row in Hour.objects.filter(operation=operation, hour__gte=since):
        counts.setdefault(row.category, {})[unstamp(f"{row.hour}:00:00Z")] = row.reports
    if "" not in counts:
        return {}
    first = min(counts[""])
    last = now.replace(minute=0, second=0, microsecond=0)
    return {
        category: surge.readings(surge.filled(found, first, last))
        for category, found in sorted(counts.items())
    }


def reports_and_copies(actor: Actor, reports: Iterable[str], *, with_copies: bool) -> list[Report]:
    """Reports by id, with the near-copies of each, all seen by the actor. Raises: NotFound for one
    that is not.
    """
    wanted = list(dict.fromkeys(reports))
    found = list(visible_to(actor, Report.objects.filter(id__in=wanted)).order_by("id"))
    if len(found) != len(wanted):
        raise NotFound(_HIDDEN, field="reports")
    groups = {r.group for r in found if r.group} if with_copies else set()
    if groups:
        copies = visible_to(actor, Report.objects.filter(group__in=groups).exclude(id__in=wanted))
        found += list(copies.order_by("id")[:20_000])
    return found


def categories_of(reports: list[str]) -> list[str]:
    """The kinds of sign in some reports."""
    rows = Report.objects.filter(id__in=reports).values_list("categories", flat=True)
    return sorted({c for row in rows for c in row})


def headline(report: Report) -> str:
    """A title for a topic made from one report: its masked title, or the first words of its masked
    text.
    """
    body = contents([report.content]).get(report.content, {})
    first = (body.get("title") or body.get("text") or "A report").strip().splitlines()[0]
    return first if len(first) <= 80 else first[:79].rstrip() + "…"


@dataclass(frozen=True, slots=True)
class Readings:
    """The decisions on a report that an actor may see; `withheld`: one is kept from them now."""

    shown: list[Assessment]
    withheld: bool
    standing: Standing | None


def readings(actor: Actor, report: str) -> Readings:
    """The decisions in force on a report, oldest first.

    While a second reading is owed, the first decision is shown to nobody but its reader, so that
    the second one is made unseen.

    Raises: NotFound.
    """
    get_visible(actor, Report.objects.only("id"), id=report)
    return readings_of(actor, report)


def readings_of(actor: Actor, report: str) -> Readings:
    """As `readings`, for a report that the caller has by `visible_to` already."""
    standing = Standing.objects.filter(report=report).first()
    if standing is None:
        return Readings([], False, None)
    ids = [i for i in (standing.first, standing.second, standing.settled) if i]
    found = Assessment.objects.in_bulk(ids)
    rows = [found[i] for i in ids]
    hidden = standing.stage == Stage.SECOND_READING and standing.first_reader != actor.person
    if hidden and not actor.system:
        return Readings([r for r in rows if r.reading != Reading.FIRST], True, standing)
    return Readings(rows, False, standing)


def dissent(actor: Actor, dissent_id: str) -> Dissent:
    """One concern. Raises: NotFound."""
    return get_visible(actor, Dissent.objects.all(), id=dissent_id)


def rfi(actor: Actor, rfi_id: str) -> Rfi:
    """One request for information. Raises: NotFound."""
    return get_visible(actor, Rfi.objects.all(), id=rfi_id)
