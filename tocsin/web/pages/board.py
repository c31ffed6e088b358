"""The command post's screen of an operation, and the page of a sighting: what is open, who knows, what to decide."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_http_methods

from tocsin.deliver.store import roles as role_words
from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid, NotFound
from tocsin.kernel.ids import new_id
from tocsin.operate import actions, rules, store, terms
from tocsin.operate.actions.absences import ends_by
from tocsin.operate.actions.holds import may_decide
from tocsin.operate.models import Absence, Hold, Incident, Question, Sensor, Sighting, Update
from tocsin.people.models import Operation
from tocsin.people.rules import may
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible, visible_to
from tocsin.plan import tiles
from tocsin.plan.actions.comms import gateway_down
from tocsin.plan.geometry import Point
from tocsin.plan.store.comms import gateways
from tocsin.web.middleware import actor
from tocsin.web.pages.plan_shared import Form, Problem, frame, mine, perform

RECEIPTS_SHOWN = 200


@login_required
@require_http_methods(["GET", "POST"])
def board_page(request: HttpRequest, operation: str) -> HttpResponse:
    """The board; and what is done from it."""
    a, row = mine(request, operation)
    problem: Problem | None = None
    if request.method == "POST":
        answer = perform(request, a, row, _ACTS)
        if isinstance(answer, str):
            messages.success(request, answer)
            return redirect("board", operation=row.id)
        problem = answer
    context = {
        **frame(a, row, "board"),
        **_board(a, row),
        "problem": problem,
        "given": problem.given if problem else {},
        "kinds": list(terms.SightingKind),
        "severities": list(terms.Severity),
        "aggravators": list(terms.Aggravator),
        "incident_kinds": list(terms.IncidentKind),
        "things": _things(a, row),
        "tiles": tiles.kind(),
        "key": new_id("key"),
    }
    return render(request, "live/board.html", context, status=422 if problem else 200)


@login_required
@require_GET
def board_part(request: HttpRequest, operation: str) -> HttpResponse:
    """What changes on the board."""
    a, row = mine(request, operation)
    return render(request, "live/board_part.html", {**frame(a, row, "board"), **_board(a, row)})


@login_required
@require_http_methods(["GET", "POST"])
def sighting_page(request: HttpRequest, sighting: str) -> HttpResponse:
    """One sighting: what was seen, version by version; who has it; what to add or decide."""
    found, a, row = _sighting(request, sighting)
    problem: Problem | None = None
    if request.method == "POST":
        answer = perform(request, a, row, _SIGHTING_ACTS)
        if isinstance(answer, str):
            messages.success(request, answer)
            return redirect("sighting", sighting=found.id)
        problem = answer
        found.refresh_from_db()
    context = {
        **frame(a, row, "board"),
        **_about(a, row, found),
        "problem": problem,
        "given": problem.given if problem else {},
        "severities": list(terms.Severity),
        "aggravators": list(terms.Aggravator),
        "key": new_id("key"),
    }
    return render(request, "live/sighting.html", context, status=422 if problem else 200)


@login_required
@require_GET
def sighting_part(request: HttpRequest, sighting: str) -> HttpResponse:
    """What changes on a sighting's page."""
    found, a, row = _sighting(request, sighting)
    return render(
        request, "live/sighting_part.html", {**frame(a, row, "board"), **_about(a, row, found)}
    )


@login_required
@require_GET
def live_subject(request: HttpRequest, subject: str) -> HttpResponse:
    """Where a question, hold question, absence or incident is shown: the board, at its line."""
    model: Any = {"qst": Question, "hlq": Hold, "abs": Absence, "inc": Incident}.get(
        subject.partition("_")[0]
    )
    if model is None:
        raise NotFound("there is no such thing, or it is not yours to see")
    found = get_visible(actor(request), model.objects.all(), id=subject)
    _, row = mine(request, found.operation)
    return redirect(f"{reverse('board', args=[row.id])}#{subject}")


def _sighting(request: HttpRequest, sighting: str) -> tuple[Sighting, Actor, Operation]:
    """The sighting of an address; a duty's own address has the seat behind a point."""
    found = get_visible(actor(request), Sighting.objects.all(), id=sighting.partition(".")[0])
    a, row = mine(request, found.operation)
    return found, a, row


def _board(a: Actor, row: Operation) -> dict[str, Any]:
    now = clock.now()
    found = store.board(a, row, now)
    return {
        "board": found,
        "now": now,
        "decisions": terms.CHOICES,
        "answers": list(terms.Whose),
        "holds": [
            (
                h,
                next((s for s in found.sightings if s.row.id == h.sighting), None),
                may_decide(a, h, row, now),
                _asked(h),
            )
            for h in found.holds
        ],
        "reds": [p for p in found.posts if p.colour == "red"],
        "ambers": [p for p in found.posts if p.colour == "amber"],
        "greens": found.colours.get("green", 0),
        "missing": [(x, terms.AbsenceKind(x.kind).words, ends_by(x)) for x in found.absences],
    }


def _asked(h: Hold) -> str:
    """Who was asked, in words."""
    if h.decider_person:
        return names([h.decider_person]).get(h.decider_person, "")
    agency = agency_names().get(h.decider_agency, h.decider_agency)
    return f"the {role_words().get(h.decider_role, h.decider_role)} of {agency}"


def _about(a: Actor, row: Operation, found: Sighting) -> dict[str, Any]:
    updates = list(Update.objects.filter(sighting=found.id).order_by("-version"))
    told = list(store.told_of(found.id))
    waiting = {
        r.seat for r in rules.unanswered([store.as_rule(r) for r in told], found.must_version)
    }
    told.sort(key=lambda r: r.seat not in waiting)  # who has it not, first: they are what is owed
    people = names({u.by for u in updates} | {r.person for r in told})
    seats = list(dict.fromkeys(r.seat for r in told))
    labels = dict(zip(seats, store.seat_names(seats), strict=True))
    kept = store.texts(u.what for u in updates)
    shorts = agency_names()
    mine_ = [r for r in told if r.person == a.person]
    return {
        "s": found,
        "what": store.said([found.id]).get(found.id, ""),
        "words": store.sighting_words(found.severity, found.aggravators),
        "informed": found.informed_version >= found.must_version,
        "hold": Hold.objects.filter(sighting=found.id).order_by("-asked_at").first(),
        "updates": [
            {
                "row": u,
                "who": people.get(u.by, u.by),
                "agency": shorts.get(u.by_agency, u.by_agency),
                "said": _CHANGES[u.change],
                "words": store.sighting_words(u.severity, u.added),
                "removed": [terms.Aggravator(x).words for x in u.removed],
                "what": kept.get(u.what, ""),
                "lowered": u.severity < u.before,
                "before": terms.Severity(u.before).words if u.before else "",
            }
            for u in updates
        ],
        "receipts": [
            {
                "row": r,
                "seat": labels[r.seat],
                "who": people.get(r.person, ""),
                "open": r.seat in waiting,
            }
            for r in told[:RECEIPTS_SHOWN]
        ],
        "more": max(0, len(told) - RECEIPTS_SHOWN),
        "seats_waiting": len(waiting),
        "seats": len(seats),
        "to_me": bool(mine_)
        and min(r.version for r in mine_) < found.must_version
        and found.state != "RESOLVED",
        "may_lower": may(a, Permission.MANAGE_OPERATION),
    }


_CHANGES = {
    terms.SIGHTING_REPORTED: "Reported",
    terms.SIGHTING_UPDATED: "Added",
    terms.SIGHTING_LOWERED: "Lowered",
    terms.SIGHTING_LOST: "Track lost",
    terms.SIGHTING_RESOLVED: "Over",
}


def _point(form: Form) -> Point | None:
    """ "40.857, -79.97" as a point; None for nothing. Raises: Invalid."""
    text = form["point"].replace(",", " ").replace(";", " ").split()
    if not text:
        return None
    try:
        lat, lon = map(float, text)
    except ValueError:
        raise Invalid(
            "is no point", field="point", cure="Write latitude, longitude: 40.857, -79.970."
        ) from None
    return Point.degrees(lat, lon)


def _report(a: Actor, row: Operation, form: Form) -> str:
    actions.report_sighting(
        a, operation=row.id, text=form["text"], kind=form["kind"] or "PERSON", severity=form.number("severity") or 1,
        aggravators=form.post.getlist("aggravators"), place=form["place"], at_point=_point(form), key=form["key"],
    )  # fmt: skip
    return "Reported. Everybody who must know is told now."


def _ask(a: Actor, row: Operation, form: Form) -> str:
    q = actions.ask(
        a,
        operation=row.id,
        text=form["text"],
        place=form["place"],
        at_point=_point(form),
        key=form["key"],
    )
    return "; ".join(q.register)


def _answer(a: Actor, row: Operation, form: Form) -> str:
    actions.answer_question(a, question=form["subject"], whose=form["whose"], text=form["text"])
    return "Answered."


def _decide(a: Actor, row: Operation, form: Form) -> str:
    actions.decide_hold(
        a,
        hold=form["subject"],
        decision=form["decision"],
        reason=form["reason"],
        version=form.version,
    )
    return f"Decided: {terms.Decision(form['decision']).words}."


def _cover(a: Actor, row: Operation, form: Form) -> str:
    actions.cover_absence(a, absence=form["subject"], measure=form["measure"])
    return "Noted what makes up for it."


def _back(a: Actor, row: Operation, form: Form) -> str:
    actions.end_absence(a, absence=form["subject"])
    return "It works again."


def _things(a: Actor, row: Operation) -> list[tuple[str, str]]:
    """What is known by name and may be out of order: sensors, and what joins channels."""
    sensors = visible_to(a, Sensor.objects.filter(operation=row.id, state="LIVE"))
    ways = gateways(row.id, a).exclude(state="DOWN")
    return [*sensors.order_by("label").values_list("id", "label"), *ways.values_list("id", "label")]


def _down(a: Actor, row: Operation, form: Form) -> str:
    """Something is out of order: a gateway says so on the plan too, so that the ways over it are no longer counted."""
    about, reason = form["about"], form["reason"]
    if about.startswith("gtw_"):
        gateway_down(a, gateway=about, reason=reason)
        return "Down. Every way over it is red, and somebody owes what makes up for it."
    known = Sensor.objects.filter(operation=row.id, id=about, state="LIVE").first()
    if about and known is None:
        raise Invalid("is not known here", field="about", cure="Choose again, or name it.")
    if not reason:
        raise Invalid("is missing", field="reason", cure="Say what happened, in a few words.")
    label = known.label if known else form["label"]
    actions.report_absence(
        a,
        operation=row.id,
        kind="DOWN",
        subject=known.id if known else label.casefold(),
        label=label,
        agency=known.by_agency if known else a.agency,
        reason=reason,
        key=form["key"],
    )
    return "Noted. Somebody owes what makes up for it."


def _incident(a: Actor, row: Operation, form: Form) -> str:
    actions.note_incident(
        a,
        operation=row.id,
        kind=form["kind"],
        text=form["text"],
        place=form["place"],
        key=form["key"],
    )
    return "Noted."


def _end_incident(a: Actor, row: Operation, form: Form) -> str:
    actions.end_incident(a, incident=form["subject"])
    return "It is over."


def _acknowledge(a: Actor, row: Operation, form: Form) -> str:
    everybody = actions.acknowledge(a, sighting=form["subject"], version=form.version, via="page")
    return "Everybody who must know has it now." if everybody else "You have it."


def _update(a: Actor, row: Operation, form: Form) -> str:
    actions.update_sighting(
        a, sighting=form["subject"], text=form["text"], severity=form.number("severity"),
        aggravators=form.post.getlist("aggravators"), place=form["place"], at_point=_point(form), key=form["key"],
        seen_at=_seen(form),
    )  # fmt: skip
    return "Added."


def _seen(form: Form) -> datetime | None:
    return clock.now() if form["seen"] == "yes" else None


def _lost(a: Actor, row: Operation, form: Form) -> str:
    actions.track_lost(a, sighting=form["subject"], direction=form["direction"])
    return "Everybody hears that it was lost."


def _lower(a: Actor, row: Operation, form: Form) -> str:
    actions.lower_sighting(
        a, sighting=form["subject"], version=form.version, severity=form.number("severity"), reason=form["reason"],
        aggravators_off=form.post.getlist("aggravators_off"),
    )  # fmt: skip
    return "Lowered, with your name and reason beside it."


def _resolve(a: Actor, row: Operation, form: Form) -> str:
    actions.resolve(a, sighting=form["subject"], reason=form["reason"])
    return "It is over."


_ACTS = {
    "report": _report,
    "ask": _ask,
    "answer": _answer,
    "decide": _decide,
    "cover": _cover,
    "back": _back,
    "down": _down,
    "incident": _incident,
    "end_incident": _end_incident,
}
_SIGHTING_ACTS = {
    "acknowledge": _acknowledge,
    "update": _update,
    "lost": _lost,
    "lower": _lower,
    "resolve": _resolve,
    "decide": _decide,
}

urlpatterns = [
    path("operations/<str:operation>/board", board_page, name="board"),
    path("operations/<str:operation>/board/part", board_part, name="board-part"),
    path("sightings/<str:sighting>", sighting_page, name="sighting"),
    path("sightings/<str:sighting>/part", sighting_part, name="sighting-part"),
    path("live/<str:subject>", live_subject, name="live-subject"),
]
