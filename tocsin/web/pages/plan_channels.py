"""Channels (ICS-205), who carries what, gateways."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods

from tocsin.kernel.errors import Invalid
from tocsin.people.models import Operation
from tocsin.people.terms import Actor
from tocsin.plan import interop, sheets, store
from tocsin.plan.actions import comms, staffing
from tocsin.plan.models import Carry
from tocsin.plan.terms.comms import CarryState, ChannelDraft, ChannelKind, GatewayKind, GatewayState
from tocsin.record.store import contents
from tocsin.web.pages.plan_comms import Labels
from tocsin.web.pages.plan_posts import attachment, imported
from tocsin.web.pages.plan_shared import Act, Form, Problem, frame, mine, perform, taking_part

SHOWN = 200
_MODES = (("", "not said"), ("A", "analog"), ("D", "digital"), ("M", "mixed"))


@login_required
@require_http_methods(["GET", "POST"])
def channels_page(request: HttpRequest, operation: str) -> HttpResponse:
    """The radio communications plan as a table, the sets of an agency, the gateways."""
    a, row = mine(request, operation)
    problem: Problem | None = None
    if request.method == "POST":
        answer = perform(request, a, row, _ACTS)
        if isinstance(answer, str):
            messages.success(request, answer)
            back = redirect("plan-channels", operation=row.id)
            chosen = request.POST.get("of", "")
            if chosen in dict(taking_part(row)):
                back["Location"] += f"?agency={chosen}#sets"
            return back
        problem = answer
    agencies = taking_part(row)
    chosen = request.GET.get("agency") or (
        a.agency if a.agency in dict(agencies) else row.lead_agency
    )
    carries = list(store.carries(row.id, a))
    labels = Labels.of(row.id, carries)
    rows = list(store.channels(row.id, a))
    context = {
        **frame(a, row, "comms"),
        "channels": rows,
        "editing": next((c for c in rows if c.id == request.GET.get("channel")), None),
        "sets": _sets([c for c in carries if c.agency == chosen][:SHOWN], labels),
        "may_sets": staffing.may_staff(a, row, chosen),
        "chosen": chosen,
        "chosen_name": labels.agencies.get(chosen, chosen),
        "chosen_posts": list(
            store.posts(row.id, a).filter(agency=chosen).values_list("id", "label")
        ),
        "all_posts": sorted(labels.posts.items(), key=lambda x: x[1]),
        "agencies": agencies,
        "gateways": _gateways(a, row, labels),
        "kinds": [(k.value, k.words) for k in ChannelKind],
        "ways": [(k.value, k.words) for k in GatewayKind],
        "modes": _MODES,
        "interop": interop.channels(),
        "problem": problem,
        "given": problem.given if problem else request.GET,
    }
    return render(request, "plan/channels.html", context, status=422 if problem else 200)


def _sets(rows: list[Carry], labels: Labels) -> list[dict[str, Any]]:
    tones = {CarryState.TESTED: "good", CarryState.ISSUED: "warn", CarryState.PLANNED: "bad"}
    return [
        {
            "row": c,
            "where": labels.posts.get(c.post, "the agency's desk"),
            "channel": labels.channels.get(c.channel, "?"),
            "words": CarryState(c.state).words,
            "tone": tones[CarryState(c.state)],
            "with": labels.sets.get(c.with_whom, ""),
        }
        for c in rows
    ]


def _gateways(a: Actor, row: Operation, labels: Labels) -> list[dict[str, Any]]:
    rows = list(store.gateways(row.id, a))
    kept = contents(g.reason for g in rows if g.reason)
    return [
        {
            "row": g,
            "words": GatewayState(g.state).words,
            "kind": GatewayKind(g.kind).words,
            "tone": "good" if g.state == GatewayState.TESTED else "bad",
            "a": labels.channels.get(g.a, "?"),
            "b": labels.channels.get(g.b, "?"),
            "post": labels.posts.get(g.post, ""),
            "reason": kept.get(g.reason, {}).get("text", ""),
        }
        for g in rows
    ]


def _draft(form: Form) -> ChannelDraft:
    return ChannelDraft(**{f.name: form[f.name] for f in fields(ChannelDraft)})


def _add(a: Actor, row: Operation, form: Form) -> str:
    comms.add_channel(a, operation=row.id, draft=_draft(form))
    return "The channel is on the plan."


def _change(a: Actor, row: Operation, form: Form) -> str:
    comms.change_channel(a, channel=form["subject"], version=form.version, draft=_draft(form))
    return "Changed. Where a frequency or tone changed, its radios have to be tested again."


def _remove(a: Actor, row: Operation, form: Form) -> str:
    comms.remove_channel(a, channel=form["subject"], version=form.version)
    return "Taken off the plan, with the radios on it. It stays on the record."


def _copy(a: Actor, row: Operation, form: Form) -> str:
    edition = interop.channels()
    found = next((c for c in edition.channels if c.name == form["name"]), None)
    if found is None:
        raise Invalid("is not in the list", field="name", cure="Choose one of it.")
    draft = ChannelDraft(
        label=found.name,
        function=found.use,
        rx=found.rx,
        tx=found.tx,
        mode="A",
        source=f"NIFOG; list of {edition.edition}",
    )
    comms.add_channel(a, operation=row.id, draft=draft)
    return f"{found.name} is on the plan. Check it against your state's field guide."


def _carry(a: Actor, row: Operation, form: Form) -> str:
    who = form["post"]
    agency = "" if who else form["of"]
    comms.plan_carry(a, channel=form["channel"], post=who, agency=agency, device=form["device"])
    return "Planned. It counts once it is collected and tested."


def _collect(a: Actor, row: Operation, form: Form) -> str:
    comms.issue_carry(a, carry=form["subject"])
    return "Collected. Now test it: begin a radio check."


def _lose(a: Actor, row: Operation, form: Form) -> str:
    comms.lose_carry(a, carry=form["subject"])
    return "No longer in hand. What was proved with it no longer holds."


def _drop(a: Actor, row: Operation, form: Form) -> str:
    comms.remove_carry(a, carry=form["subject"])
    return "Taken off the plan."


def _join(a: Actor, row: Operation, form: Form) -> str:
    comms.add_gateway(
        a,
        operation=row.id,
        label=form["label"],
        kind=form["kind"],
        a=form["a"],
        b=form["b"],
        post=form["post"],
    )
    return "Planned. It counts once a radio check went over it."


def _down(a: Actor, row: Operation, form: Form) -> str:
    comms.gateway_down(a, gateway=form["subject"], reason=form["reason"])
    return "Down. Every pair that hung on it is red now."


def _part(a: Actor, row: Operation, form: Form) -> str:
    comms.remove_gateway(a, gateway=form["subject"])
    return "Taken off the plan."


def _import(a: Actor, row: Operation, form: Form) -> str:
    sent = form.files.get("file")
    if sent is None:
        raise Invalid("is missing", field="file", cure="Choose a spreadsheet.")
    made, refused = comms.import_channels(a, operation=row.id, content=sent.read(6_000_000))
    return imported(made, refused, "channel")


@login_required
@require_GET
def channels_file(request: HttpRequest, operation: str) -> HttpResponse:
    """The channels as a spreadsheet; filled in, it can be sent back."""
    a, row = mine(request, operation)
    return attachment(sheets.channels_file(store.channels(row.id, a)), "channels.xlsx", sheets.XLSX)


_ACTS: dict[str, Act] = {
    "add": _add,
    "change": _change,
    "remove": _remove,
    "copy": _copy,
    "carry": _carry,
    "collect": _collect,
    "lose": _lose,
    "drop": _drop,
    "join": _join,
    "down": _down,
    "part": _part,
    "import": _import,
}

urlpatterns = [
    path("operations/<str:operation>/comms/channels", channels_page, name="plan-channels"),
    path(
        "operations/<str:operation>/comms/channels.xlsx", channels_file, name="plan-channels-file"
    ),
]
