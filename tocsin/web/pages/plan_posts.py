"""Posts: where somebody stands, who and when; the one room with a chair for every agency."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods

from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid
from tocsin.people.models import Operation
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor
from tocsin.plan import sheets, store
from tocsin.plan.actions import staffing
from tocsin.plan.geometry import Point
from tocsin.plan.models import Assignment, Post
from tocsin.plan.notation import read_point, write_point
from tocsin.plan.terms.staffing import PostDraft, PostKind
from tocsin.web.pages.plan_shared import (
    Act,
    Form,
    Problem,
    frame,
    members,
    mine,
    perform,
    taking_part,
)
from tocsin.web.pages.warning_times import FORM, read_local, zone

SHOWN = 50


@login_required
@require_http_methods(["GET", "POST"])
def posts_page(request: HttpRequest, operation: str) -> HttpResponse:
    """Every post, red where hours are not covered; the room and its chairs."""
    a, row = mine(request, operation)
    problem: Problem | None = None
    if request.method == "POST":
        answer = perform(request, a, row, _ACTS)
        if isinstance(answer, str):
            messages.success(request, answer)
            return redirect("plan-posts", operation=row.id)
        problem = answer
    wrong: dict[str, list[str]] = defaultdict(list)
    for red in store.reds(row.id):
        if red.page == "plan-posts" and red.kind != "missing_seat":  # chairs show it themselves
            wrong[red.subject.partition("/")[0]].append(red.words)
    rooms = _rooms(a, row, wrong)
    empty = sum(not chair["seat"] for chair in rooms[0]["chairs"]) if rooms else 0
    chosen = request.GET.get("agency", "")
    rows = store.posts(row.id, a)
    after = request.GET.get("after", "")
    shown = rows.filter(agency=chosen) if chosen else rows
    shown = shown.filter(label__gt=after) if after else shown
    page = list(shown[: SHOWN + 1])
    context = {
        **frame(a, row, "posts"),
        "lines": _lines(a, row, page[:SHOWN], wrong),
        "more": page[SHOWN - 1].label if len(page) > SHOWN else "",
        "count": rows.count(),
        "chosen": chosen,
        "reds": sum(map(len, wrong.values())) + empty,
        "wrong": wrong.get(row.id, []),
        "rooms": rooms,
        "agencies": taking_part(row),
        "own": [pair for pair in taking_part(row) if staffing.may_staff(a, row, pair[0])],
        "kinds": [(k.value, k.words) for k in PostKind],
        "problem": problem,
        "given": problem.given if problem else request.GET,
        "now": clock.now(),
    }
    return render(request, "plan/posts.html", context, status=422 if problem else 200)


def _lines(
    a: Actor, row: Operation, page: list[Post], wrong: dict[str, list[str]]
) -> list[dict[str, Any]]:
    by_post: dict[str, list[Assignment]] = defaultdict(list)
    for one in store.assignments(row.id, a).filter(post__in=[p.id for p in page], relieved_at=None):
        by_post[one.post].append(one)
    called = names(one.person for many in by_post.values() for one in many)
    agencies, may = (
        agency_names(),
        {g: staffing.may_staff(a, row, g) for g in {p.agency for p in page}},
    )
    people = {g: members(g) for g, yes in may.items() if yes}
    return [
        {
            "row": p,
            "agency": agencies.get(p.agency, p.agency),
            "kind": PostKind(p.kind).words,
            "at": write_point(Point(p.lat, p.lon))
            if p.lat is not None and p.lon is not None
            else "",
            "red": wrong.get(p.id, []),
            "may": may[p.agency],
            "people": people.get(p.agency, []),
            "from_at": p.from_at.astimezone(zone()).strftime(FORM),
            "until_at": p.until_at.astimezone(zone()).strftime(FORM),
            "equipment": "; ".join(p.equipment),
            "held": [
                {
                    "row": one,
                    "who": called.get(one.person, one.person),
                    "mine": one.person == a.person,
                }
                for one in by_post[p.id]
            ],
        }
        for p in page
    ]


def _rooms(a: Actor, row: Operation, wrong: dict[str, list[str]]) -> list[dict[str, Any]]:
    rooms, seats = list(store.rooms(row.id, a)), list(store.seats(row.id, a))
    called, agencies = names(s.person for s in seats), agency_names()
    found: list[dict[str, Any]] = []
    taking = store.agencies(row.id)
    for room in rooms:  # chairs are counted in the first: a second is one too many
        chairs = []
        for agency in [] if found else taking:
            taken = next((s for s in seats if s.room == room.id and s.seat_agency == agency), None)
            may = staffing.may_staff(a, row, agency)
            chairs.append(
                {
                    "agency": agency,
                    "name": agencies.get(agency, agency),
                    "seat": taken,
                    "who": called.get(taken.person, taken.person) if taken else "",
                    "people": members(agency) if may else [],
                }
            )
        found.append(
            {"row": room, "chairs": chairs, "wrong": wrong.get(room.id, []), "first": not found}
        )
    return found


def _draft(form: Form) -> PostDraft:
    return PostDraft(
        label=form["label"],
        agency=form["agency"],
        kind=form["kind"] or PostKind.POST.value,
        at=read_point(form["at"], "at") if form["at"] else None,
        floor=form["floor"],
        from_at=read_local(form["from_at"], "from_at"),
        until_at=read_local(form["until_at"], "until_at"),
        equipment=tuple(e.strip() for e in form["equipment"].split(";") if e.strip()),
        qualification=form["qualification"],
        role_title=form["role_title"],
    )


def _place(a: Actor, row: Operation, form: Form) -> str:
    staffing.place_post(a, operation=row.id, draft=_draft(form))
    return "The post is on the plan. It is red until somebody is assigned for all its hours."


def _change(a: Actor, row: Operation, form: Form) -> str:
    staffing.change_post(a, post=form["subject"], version=form.version, draft=_draft(form))
    return "Changed."


def _remove(a: Actor, row: Operation, form: Form) -> str:
    staffing.remove_post(a, post=form["subject"], version=form.version)
    return "Taken off the plan. It stays on the record."


def _assign(a: Actor, row: Operation, form: Form) -> str:
    staffing.assign(
        a,
        post=form["subject"],
        person=form["person"],
        from_at=read_local(form["from_at"], "from_at"),
        until_at=read_local(form["until_at"], "until_at"),
    )
    return "Assigned."


def _relieve(a: Actor, row: Operation, form: Form) -> str:
    staffing.relieve(a, assignment=form["subject"])
    return "Relieved."


def _check_in(a: Actor, row: Operation, form: Form) -> str:
    staffing.check_in_post(a, assignment=form["subject"])
    return "Checked in."


def _seat(a: Actor, row: Operation, form: Form) -> str:
    staffing.take_seat(a, room=form["room"], agency=form["agency"], person=form["person"])
    return "Seated."


def _leave(a: Actor, row: Operation, form: Form) -> str:
    staffing.leave_seat(a, seat=form["subject"])
    return "The chair is empty."


def _import(a: Actor, row: Operation, form: Form) -> str:
    sent = form.files.get("file")
    if sent is None:
        raise Invalid("is missing", field="file", cure="Choose a spreadsheet.")
    made, refused = staffing.import_posts(a, operation=row.id, content=sent.read(6_000_000))
    return imported(made, refused, "post")


def imported(made: list[str], refused: list[tuple[int, str]], word: str) -> str:
    """What came of a file, row by row. Raises: Invalid when nothing of it came in."""
    lines = "; ".join(f"row {n}: {why}" for n, why in refused[:20])
    rest = f"; and {len(refused) - 20} more" if len(refused) > 20 else ""
    if not made:
        raise Invalid(
            f"nothing came in. {lines}{rest}",
            field="file",
            cure="Mend these rows and send it again.",
        )
    said = f"{len(made)} {word}{'' if len(made) == 1 else 's'} came in."
    return f"{said} {len(refused)} did not: {lines}{rest}" if refused else said


@login_required
@require_GET
def posts_file(request: HttpRequest, operation: str) -> HttpResponse:
    """The posts as a spreadsheet; filled in, it can be sent back."""
    a, row = mine(request, operation)
    return attachment(sheets.posts_file(store.posts(row.id, a)), "posts.xlsx", sheets.XLSX)


def attachment(body: bytes, filename: str, media_type: str) -> HttpResponse:
    """A file to keep."""
    answer = HttpResponse(body, content_type=media_type)
    answer["Content-Disposition"] = f'attachment; filename="{filename}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


_ACTS: dict[str, Act] = {
    "place": _place,
    "change": _change,
    "remove": _remove,
    "assign": _assign,
    "relieve": _relieve,
    "check_in": _check_in,
    "seat": _seat,
    "leave": _leave,
    "import": _import,
}

urlpatterns = [
    path("operations/<str:operation>/posts", posts_page, name="plan-posts"),
    path("operations/<str:operation>/posts.xlsx", posts_file, name="plan-posts-file"),
]
