"""Reading: what waits, what was warned, who has it, and the record."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from ninja import Query, Router

from tocsin import __version__
from tocsin.api import shapes
from tocsin.api.intake import shown
from tocsin.api.site import actor_of
from tocsin.assess import worklist
from tocsin.deliver import actions as deliver
from tocsin.deliver.models import Destination
from tocsin.duties import store as duties
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import Invalid, NotFound
from tocsin.people.models import Share
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import visible_to
from tocsin.record import store as record
from tocsin.record.models import Pending
from tocsin.record.terms import Entry
from tocsin.warn import document, entries
from tocsin.warn import store as warn
from tocsin.warn.models import Warning

router = Router()
PAGE = 50
FEED = 500
_MAX_PLACE = 2**53 - 1

Limit = Annotated[int, Query(ge=1, le=PAGE)]
After = Annotated[str, Query(max_length=20)]


@router.get(
    "/health", auth=None, response=shapes.Health, tags=["system"], summary="Is the server well"
)
def health(request: HttpRequest) -> shapes.Health:
    """For monitors: no key, no content."""
    audit = duties.audit(clock.now())
    waiting = Pending.objects.count()
    return shapes.Health(
        well=audit.well, duties_on_time=audit.well, entries_waiting=waiting, version=__version__
    )


@router.get(
    "/queue", response=shapes.Queue, tags=["reports"], summary="Reports that wait for a decision"
)
def queue(request: HttpRequest, after: After = "", limit: Limit = PAGE) -> shapes.Queue:
    """Your agency's flagged reports without a decision: most urgent first, then least time left."""
    actor = actor_of(request)
    permit(actor, Permission.ASSESS)
    first = _offset(after)
    rows = worklist.queue(actor, "assess", first=first)[:limit]
    items = [shown(item.report, dict(item.content)) for item in rows]
    return shapes.Queue(items=items, next=str(first + limit) if len(rows) == limit else "")


@router.get(
    "/situations", response=shapes.Situations, tags=["situations"], summary="Open situations"
)
def situations(request: HttpRequest, after: After = "", limit: Limit = PAGE) -> shapes.Situations:
    """What belongs together, for each operation, newest change first."""
    first = _offset(after)
    rows = list(worklist.situations(actor_of(request))[first : first + limit])
    titles = worklist.titles(rows)
    items = [
        shapes.SituationOut(
            **{f: getattr(r, f) for f in shapes.SituationOut.model_fields if f != "title"},
            title=str(titles.get(r.id, {}).get("title") or titles.get(r.id, {}).get("text", "")),
        )
        for r in rows
    ]
    return shapes.Situations(items=items, next=str(first + limit) if len(rows) == limit else "")


@router.get(
    "/warnings", response=shapes.Warnings, tags=["warnings"], summary="Warnings you may see"
)
def warnings(request: HttpRequest, after: After = "", limit: Limit = PAGE) -> shapes.Warnings:
    """Newest change first. A partner sees what was released to its agency."""
    first = _offset(after)
    rows = list(warn.warnings(actor_of(request))[first : first + limit])
    titles = warn.titles(rows)
    items = [_listed(row, titles[row.id]) for row in rows]
    return shapes.Warnings(items=items, next=str(first + limit) if len(rows) == limit else "")


@router.get(
    "/warnings/{warning_id}", response=shapes.WarningText, tags=["warnings"], summary="One warning"
)
def warning(request: HttpRequest, warning_id: str) -> shapes.WarningText:
    """A warning with its words; 404 for one that is not there or not yours to see."""
    row = warn.warning(actor_of(request), warning_id)
    written = warn.document(row)
    text = document.plain(written, ZoneInfo(settings.current().timezone))
    return shapes.WarningText(**_listed(row, written.title).model_dump(), text=text)


@router.get(
    "/warnings/{warning_id}/receipts",
    response=list[shapes.SeatOut],
    tags=["warnings"],
    summary="Who has it",
)
def receipts(request: HttpRequest, warning_id: str) -> list[shapes.SeatOut]:
    """For each role at each agency how far the warning has got. A partner sees its own agency's."""
    actor = actor_of(request)
    row = warn.warning(actor, warning_id)
    found = visible_to(actor, Destination.objects.filter(warning=row.id), subject="warning")
    if actor.agency != row.agency:
        found = found.filter(seat_agency=actor.agency)
    return [
        shapes.SeatOut(
            destination=d.id,
            agency=d.seat_agency,
            role=d.seat_role,
            **{
                f: getattr(d, f)
                for f in shapes.SeatOut.model_fields
                if f not in ("destination", "agency", "role")
            },
        )
        for d in found.order_by("seat_agency", "seat_role", "id")
    ]


@router.post(
    "/warnings/{warning_id}/acknowledge",
    response=shapes.AcknowledgeOut,
    tags=["warnings"],
    summary="Acknowledge a warning",
)
def acknowledge(
    request: HttpRequest, warning_id: str, body: shapes.Acknowledge
) -> shapes.AcknowledgeOut:
    """A person has it. Do not call this when a machine has: the sender reads it as a human answer."""
    actor = actor_of(request)
    permit(actor, Permission.ACKNOWLEDGE)
    row = warn.warning(actor, warning_id)
    if not Destination.objects.filter(id=body.destination, warning=row.id).exists():
        raise NotFound("this warning has no such destination", field="destination")
    first = deliver.acknowledge(actor, destination=body.destination)
    if body.acted:
        deliver.act(actor, destination=body.destination, text=body.acted)
    return shapes.AcknowledgeOut(acknowledged=True, first=first)


@router.get("/duties", response=shapes.Duties, tags=["duties"], summary="What you owe")
def owed(request: HttpRequest, after: After = "", limit: Limit = PAGE) -> shapes.Duties:
    """What the key's person owes now, soonest due first."""
    first = _offset(after)
    actor = actor_of(request)
    rows = list(duties.owed_by(actor, clock.now())[first : first + limit])
    items = [
        shapes.DutyOut(**{f: getattr(r, f) for f in shapes.DutyOut.model_fields}) for r in rows
    ]
    return shapes.Duties(items=items, next=str(first + limit) if len(rows) == limit else "")


@router.get(
    "/record/{subject}",
    response=list[shapes.EntryOut],
    tags=["record"],
    summary="The record of a subject",
)
def of_subject(request: HttpRequest, subject: str) -> list[shapes.EntryOut]:
    """Every entry on a subject that you may see, oldest first; 404 where there is none."""
    actor = actor_of(request)
    permit(actor, Permission.READ_RECORD)
    rows = [(seq, e) for _, seq, e in record.of_subject(subject)]
    seen = _visible(actor, rows)
    if not seen:
        raise NotFound("there is no such thing, or it is not yours to see")
    return seen


@router.get("/feed", response=shapes.FeedOut, tags=["record"], summary="The record as it grows")
def feed(
    request: HttpRequest,
    after: Annotated[int, Query(ge=-1, le=_MAX_PLACE)] = -1,
    limit: Annotated[int, Query(ge=1, le=FEED)] = FEED,
) -> shapes.FeedOut:
    """Entries you may see after a place in the record, in order and without a gap; `next` says where to go on."""
    actor = actor_of(request)
    permit(actor, Permission.READ_RECORD)
    end = min(record.size(), after + 1 + limit)
    rows: list[tuple[int | None, Entry]] = list(record.entries(after + 1, end))
    last = max(after, end - 1)
    return shapes.FeedOut(entries=_visible(actor, rows), next=last, more=record.size() > last + 1)


def _visible(actor: Actor, rows: list[tuple[int | None, Entry]]) -> list[shapes.EntryOut]:
    subjects = {e.subject for _, e in rows}
    shared = set(
        Share.objects.filter(agency=actor.agency, subject__in=subjects).values_list(
            "subject", flat=True
        )
    )
    hidden = entries.withheld(actor, (e for _, e in rows))
    return [
        shapes.EntryOut(
            place=seq,
            **{f: getattr(e, f) for f in shapes.EntryOut.model_fields if f != "place"},
        )
        for seq, e in rows
        if entries.seen(actor, e, shared) and e.id not in hidden
    ]


def _listed(row: Warning, title: str) -> shapes.WarningOut:
    return shapes.WarningOut(
        **{f: getattr(row, f) for f in shapes.WarningOut.model_fields if f != "title"}, title=title
    )


def _offset(after: str) -> int:
    if after and not (after.isascii() and after.isdigit() and len(after) < 8):
        raise Invalid(
            "this is no cursor of ours", field="after", cure="Send the `next` of the page before."
        )
    return int(after or 0)
