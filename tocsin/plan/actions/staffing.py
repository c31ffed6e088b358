"""What people do to staffing: posts placed and changed, people assigned and relieved, chairs taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tocsin.kernel.errors import Conflict, Forbidden, Invalid, TocsinError
from tocsin.kernel.ids import new_id
from tocsin.people.models import Member, Operation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible, marking_of
from tocsin.plan import store
from tocsin.plan.actions import shared
from tocsin.plan.models import Assignment, Post, Seat
from tocsin.plan.rules.staffing import currency
from tocsin.plan.terms import comms
from tocsin.plan.terms import staffing as terms
from tocsin.plan.terms.staffing import PostDraft, PostKind
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, Tlp, stamp


def may_staff(actor: Actor, plan: Operation, agency: str) -> bool:
    """An agency's posts are its own to staff; whoever leads the operation may set up anybody's."""
    if actor.system or (actor.agency == agency and Permission.TAKE_PART in actor.permissions):
        return True
    return actor.agency == plan.lead_agency and Permission.MANAGE_OPERATION in actor.permissions


def place_post(actor: Actor, *, operation: str, draft: PostDraft) -> str:
    """Put a post on the plan; returns its id. Raises: Forbidden, NotFound, Invalid."""
    return place_posts(actor, operation=operation, drafts=[draft])[0]


def place_posts(actor: Actor, *, operation: str, drafts: Sequence[PostDraft]) -> list[str]:
    """Put posts on the plan, all of them or none; returns their ids.

    Raises: Forbidden, NotFound; Invalid naming the first that cannot be.
    """
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        if store.posts(operation).count() + len(drafts) > terms.POSTS_CAP:
            raise Invalid(
                f"more than {terms.POSTS_CAP} posts", field="posts", cure="Take some off first."
            )
        return [_place(w, actor, plan, draft) for draft in drafts]


def change_post(actor: Actor, *, post: str, version: int, draft: PostDraft) -> None:
    """Put a post as `draft` has it. Raises: Forbidden, NotFound, Conflict, Invalid."""
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        row, plan = _opened(actor, post, version)
        data = {**_data(plan, draft), "version": row.version + 1}
        _allow(actor, plan, row.agency, draft.agency)
        if draft.agency != row.agency and _in_use(row):
            raise Conflict(
                "people or radios of the agency are at this post",
                field="agency",
                cure="Relieve them and take the radios off first, or place a new post.",
            )
        w.append(terms.POST_CHANGED, row.id, data, marking=_marking(draft.agency, plan))


def remove_post(actor: Actor, *, post: str, version: int) -> None:
    """Take a post off the plan; it stays on the record. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        row, plan = _opened(actor, post, version)
        _allow(actor, plan, row.agency)
        data = {"state": "REMOVED", "version": row.version + 1}
        w.append(terms.POST_CHANGED, row.id, data, marking=marking_of(row))
        for carry in store.carries(plan.id).filter(post=row.id):
            w.append(comms.CARRY_REMOVED, carry.id, {}, marking=marking_of(carry))


def assign(
    actor: Actor,
    *,
    post: str,
    person: str,
    from_at: datetime | None = None,
    until_at: datetime | None = None,
) -> str:
    """Put a person of the post's agency at a post, for its hours or a part of them; returns the assignment's id.

    Raises: Forbidden, NotFound; Invalid when the person is of another agency or the hours are not the post's;
    Conflict when a qualification is lacking or lapses before the end, or the person stands elsewhere then.
    """
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        row, plan = _opened(actor, post, None)
        _allow(actor, plan, row.agency)
        start, end = from_at or row.from_at, until_at or row.until_at
        if not row.from_at <= start < end <= row.until_at:
            raise Invalid(
                "is not within the hours of the post",
                field="from_at",
                cure="Give hours within them.",
            )
        if not Member.objects.filter(person=person, agency=row.agency, left_at=None).exists():
            raise Invalid(
                "is not of the agency that mans this post",
                field="person",
                cure="Choose one who is.",
            )
        found = currency(row.qualification, store.qualified([person]).get(person, []), end)
        if not found.ok:
            raise Conflict(
                found.words, field="person", cure="Renew it first, or choose somebody else."
            )
        held = Assignment.objects.filter(person=person, from_at__lt=end, until_at__gt=start)
        for other in held.filter(operation=plan.id).exclude(relieved_at__lte=start):
            if Post.objects.filter(id=other.post, state="LIVE").exists():
                raise Conflict(
                    "stands at another post in these hours",
                    field="person",
                    cure="Relieve them first.",
                )
        assignment = new_id("asg", w.at)
        data = {"id": assignment, "person": person, "from_at": stamp(start), "until_at": stamp(end)}
        w.append(terms.ASSIGNED, row.id, data, marking=marking_of(row))
    return assignment


def relieve(actor: Actor, *, assignment: str, at: datetime | None = None) -> None:
    """End an assignment, now or at a time: the person is relieved. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        row, plan = _assigned(actor, assignment)
        _allow(actor, plan, row.agency)
        data = {"id": row.id, "at": stamp(at or w.at)}
        w.append(terms.ASSIGNMENT_ENDED, row.post, data, marking=marking_of(row))


def check_in_post(actor: Actor, *, assignment: str, occurred_at: datetime | None = None) -> None:
    """The person is at the post. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row = _own(actor, assignment)
        checked_in(w, row, occurred_at or w.at)


def vacate_post(actor: Actor, *, assignment: str, occurred_at: datetime | None = None) -> None:
    """The person leaves the post and says so. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row = _own(actor, assignment)
        vacated(w, row, occurred_at or w.at)


def checked_in(w: Writing, row: Assignment, at: datetime) -> None:
    """Note, within the caller's transaction and authority, that the person of `row` is at the post."""
    w.append(
        terms.POST_CHECKED_IN, row.post, {"id": row.id}, marking=marking_of(row), occurred_at=at
    )


def vacated(w: Writing, row: Assignment, at: datetime) -> None:
    """Note, within the caller's transaction and authority, that the person of `row` left the post."""
    w.append(terms.POST_VACATED, row.post, {"id": row.id}, marking=marking_of(row), occurred_at=at)


def take_seat(actor: Actor, *, room: str, agency: str, person: str) -> str:
    """Seat a person for an agency in the room; whoever sat for it there before leaves. Returns the seat's id.

    Raises: Forbidden, NotFound; Invalid when it is no room, or the person is of another agency.
    """
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        row, plan = _opened(actor, room, None)
        if row.kind != PostKind.ROOM:
            raise Invalid(
                "is no room from which the operation is commanded",
                field="room",
                cure="Choose the room.",
            )
        _allow(actor, plan, shared.takes_part(plan, agency, "agency"))
        if not Member.objects.filter(person=person, agency=agency, left_at=None).exists():
            raise Invalid("is not of that agency", field="person", cure="Choose one who is.")
        marking = shared.marking(plan)
        for before in Seat.objects.filter(room=room, seat_agency=agency, left_at=None):
            w.append(terms.SEAT_LEFT, room, {"id": before.id}, marking=marking)
        seat = new_id("sea", w.at)
        w.append(
            terms.SEAT_TAKEN,
            room,
            {"id": seat, "agency": agency, "person": person},
            marking=marking,
        )
    return seat


def leave_seat(actor: Actor, *, seat: str) -> None:
    """A chair is empty from now on. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        row = get_visible(actor, Seat.objects.all(), id=seat)
        plan = shared.plan_of(actor, row.operation)
        _allow(actor, plan, row.seat_agency)
        if not Seat.objects.filter(id=seat, left_at=None).exists():
            raise Conflict("the chair is empty already", cure="Reload and look again.")
        w.append(terms.SEAT_LEFT, row.room, {"id": seat}, marking=shared.marking(plan))


def _place(w: Writing, actor: Actor, plan: Operation, draft: PostDraft) -> str:
    data = _data(plan, draft)
    _allow(actor, plan, draft.agency)
    post = new_id("post", w.at)
    w.append(terms.POST_PLACED, post, data, marking=_marking(draft.agency, plan))
    return post


def _data(plan: Operation, d: PostDraft) -> dict[str, Any]:
    shared.takes_part(plan, d.agency, "agency")
    if d.kind not in set(PostKind):
        raise Invalid(
            f"{d.kind!r} is no kind of post", field="kind", cure=f"Use {', '.join(PostKind)}."
        )
    start, end = d.from_at or plan.starts_at, d.until_at or plan.ends_at
    if end <= start:
        raise Invalid("ends before it begins", field="until_at", cure="Give a later end.")
    things = [shared.label(e, "equipment") for e in d.equipment if e.strip()]
    if len(things) > terms.EQUIPMENT_CAP:
        raise Invalid(
            f"more than {terms.EQUIPMENT_CAP}", field="equipment", cure="Name what matters."
        )
    return {
        "label": shared.label(d.label),
        "kind": str(PostKind(d.kind).value),
        "command": d.kind != PostKind.POST,
        "lat": d.at.lat if d.at else None,
        "lon": d.at.lon if d.at else None,
        "floor": _short(d.floor, "floor"),
        "from_at": stamp(start),
        "until_at": stamp(end),
        "equipment": things,
        "qualification": _short(d.qualification, "qualification"),
        "role_title": _short(d.role_title, "role_title"),
    }


def _short(text: str, name: str) -> str:
    return shared.label(text, name) if text.strip() else ""


def _in_use(row: Post) -> bool:
    held = Assignment.objects.filter(post=row.id, relieved_at=None)
    return held.exists() or store.carries(row.operation).filter(post=row.id).exists()


def _marking(agency: str, plan: Operation) -> Marking:
    return Marking(agency, Tlp.AMBER.value, plan.id)


def _allow(actor: Actor, plan: Operation, *agencies: str) -> None:
    if not all(may_staff(actor, plan, agency) for agency in agencies):
        raise Forbidden(
            "this is another agency's to staff",
            cure="Ask that agency, or whoever leads the operation.",
        )


def _opened(actor: Actor, post: str, version: int | None) -> tuple[Post, Operation]:
    found = get_visible(actor, Post.objects.all(), id=post)
    plan = shared.plan_of(actor, found.operation)
    row = Post.objects.select_for_update().get(id=post)
    if version is not None and row.version != version:
        raise Conflict("somebody changed this since you opened it", cure="Reload and look again.")
    if row.state != "LIVE":
        raise Conflict("it was taken off the plan", cure="Put it on again as a new one.")
    return row, plan


def _assigned(actor: Actor, assignment: str) -> tuple[Assignment, Operation]:
    found = get_visible(actor, Assignment.objects.all(), id=assignment)
    plan = shared.plan_of(actor, found.operation)
    row = Assignment.objects.select_for_update().get(id=assignment)
    if row.relieved_at is not None:
        raise Conflict("this assignment was ended already", cure="Reload and look again.")
    return row, plan


def _own(actor: Actor, assignment: str) -> Assignment:
    """The actor's own assignment, or one of a post the actor may staff. Raises: Forbidden, NotFound, Conflict."""
    row, plan = _assigned(actor, assignment)
    if row.person != actor.person and not may_staff(actor, plan, row.agency):
        raise Forbidden("somebody else stands at this post", cure="They say so themselves.")
    return row


def import_posts(
    actor: Actor, *, operation: str, content: bytes
) -> tuple[list[str], list[tuple[int, str]]]:
    """Put the posts of a spreadsheet on the plan; returns the ids made, and (row, why) of each that was refused.

    Raises: Forbidden, NotFound; Invalid when the file as a whole cannot be read.
    """
    from tocsin.plan import sheets  # noqa: PLC0415 - reads spreadsheets, and names the drafts of this module

    permit(actor, Permission.TAKE_PART)
    made: list[str] = []
    refused: list[tuple[int, str]] = []
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        known = {
            (label.casefold(), agency)
            for label, agency in store.posts(operation).values_list("label", "agency")
        }
        for number, draft in sheets.posts(content):
            try:
                if isinstance(draft, sheets.Refused):
                    refused.append((number, draft.why))
                    continue
                if (draft.label.casefold(), draft.agency) in known:
                    raise Conflict("is on the plan already", field="post", cure="Change it there.")
                if len(known) >= terms.POSTS_CAP:
                    raise Conflict(
                        f"more than {terms.POSTS_CAP} posts",
                        field="post",
                        cure="Take some off first.",
                    )
                made.append(_place(w, actor, plan, draft))
                known.add((draft.label.casefold(), draft.agency))
            except TocsinError as e:
                refused.append((number, str(e)))
    return made, refused
