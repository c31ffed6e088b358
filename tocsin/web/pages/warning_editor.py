"""Writing a warning: one form that works without scripts, and a lint that follows what is typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import msgspec
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from tocsin.assess.models import Situation
from tocsin.deliver import store as deliver
from tocsin.deliver.models import Recipient
from tocsin.duties.terms import Precedence
from tocsin.kernel import clock
from tocsin.kernel.errors import TocsinError
from tocsin.people.models import Operation, Participation
from tocsin.people.rules import permit
from tocsin.people.store import agency_names, operations_of
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible
from tocsin.warn import actions, rules, sources, store
from tocsin.warn import document as documents
from tocsin.warn.estimates import LEVELS, ROWS, percent
from tocsin.warn.lint import lint, stops
from tocsin.warn.models import Warning
from tocsin.warn.products import PRODUCTS
from tocsin.warn.terms import Cited, Content, Judgment, Seat
from tocsin.web.middleware import actor
from tocsin.web.pages import warning_view
from tocsin.web.pages.warning_times import LocalTimeField

MOST_JUDGMENTS = 30
_TLP_WORDS = {
    "": "Not chosen yet",
    "RED": "RED: only the people named",
    "AMBER+STRICT": "AMBER+STRICT: only inside each agency it goes to",
    "AMBER": "AMBER: those agencies, and whom they must tell",
    "GREEN": "GREEN: the whole community, not the public",
    "CLEAR": "CLEAR: anybody",
}


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class DraftForm(forms.Form):
    """The plain fields of a draft. Nothing is required: a draft may be unfinished, the lint says how."""

    type = forms.ChoiceField(label="Kind of warning")
    operation = forms.ChoiceField(label="About which event", required=False)
    label = forms.ChoiceField(label="TLP: how far it may travel", required=False)
    precedence = forms.ChoiceField(
        label="How urgent", choices=[(p.value, p.value) for p in Precedence]
    )
    expires_at = LocalTimeField(label="Holds until", required=False)
    title = forms.CharField(label="Title", required=False, max_length=300)
    changed = forms.CharField(
        label="What changed since the edition before", required=False, widget=_area(2)
    )
    summary = forms.CharField(
        label="Summary",
        required=False,
        widget=_area(4),
        help_text="The main point, first. Two or three sentences.",
    )
    would_change = forms.CharField(label="What would change this", required=False, widget=_area(2))
    dissent = forms.CharField(
        label="Who sees it otherwise",
        required=False,
        widget=_area(2),
        help_text="Agencies and offices, never names.",
    )
    actions = forms.CharField(
        label="What you ask the reader to do",
        required=False,
        widget=_area(3),
        help_text="One request a line.",
    )

    use_required_attribute = False

    def __init__(
        self, *args: Any, events: list[tuple[str, str]], fixed: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (
            ("type", warning_view.product_choices()),
            ("operation", [("", "No single event"), *events]),
            ("label", list(_TLP_WORDS.items())),
        ):
            cast(forms.ChoiceField, self.fields[name]).choices = choices
        if (
            fixed
        ):  # the event of a saved draft does not change: its clock and its readers hang on it
            self.fields["operation"].disabled = True


@dataclass(slots=True)
class Typed:
    """What stands in the editor: as saved, or as typed and not saved yet."""

    judgments: list[Judgment] = field(default_factory=list)
    seats: list[Seat] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)

    @classmethod
    def of_post(cls, post: QueryDict) -> Typed:
        """Read the rows of judgments, the ticked roles, and sources added by id."""
        count = min(
            int(post.get("judgments") or 0) if (post.get("judgments") or "").isdecimal() else 0,
            MOST_JUDGMENTS,
        )
        judgments = [
            Judgment(
                text=post.get(f"j{i}-text", ""),
                likelihood=post.get(f"j{i}-likelihood", ""),
                confidence=post.get(f"j{i}-confidence", ""),
                basis=post.get(f"j{i}-basis", ""),
                cites=tuple(post.getlist(f"j{i}-cites")),
            )
            for i in range(count)
        ]
        ticked = [str(value).partition("|") for value in post.getlist("seat")]
        seats = [Seat(str(agency), str(role)) for agency, _, role in ticked if agency and role]
        return cls(judgments, seats, [str(e) for e in post.getlist("extra") if e])

    def adjust(self, post: QueryDict) -> bool:
        """Add or remove a row, a role or a source, where such a button was pressed."""
        pressed = post.get("row", "")
        if pressed == "add":
            self.judgments.append(Judgment())
        elif pressed.startswith("remove-") and pressed[7:].isdecimal():
            at = int(pressed[7:])
            self.judgments = [j for i, j in enumerate(self.judgments) if i != at]
        elif pressed == "seat":
            if post.get("seat_agency") and post.get("seat_role"):
                self.seats.append(Seat(str(post["seat_agency"]), str(post["seat_role"])))
        elif pressed == "source":
            self.extra.append(post.get("source_id", "").strip())
        return bool(pressed)

    def content(self, cleaned: Mapping[str, Any]) -> Content:
        """The words of the document as typed."""
        return documents.tidy(
            Content(
                title=cleaned.get("title") or "",
                summary=cleaned.get("summary") or "",
                judgments=tuple(self.judgments),
                would_change=cleaned.get("would_change") or "",
                dissent=cleaned.get("dissent") or "",
                actions=tuple((cleaned.get("actions") or "").splitlines()),
                changed=cleaned.get("changed") or "",
            )
        )


@login_required
@require_http_methods(["GET", "POST"])
def warning_new(request: HttpRequest) -> HttpResponse:
    """Begin a warning; `?situation=` brings its event and what it may cite."""
    a = actor(request)
    permit(a, Permission.DRAFT)
    given = request.POST if request.method == "POST" else request.GET
    situation = given.get("situation", "")
    row = get_visible(a, Situation.objects.all(), id=situation) if situation else None
    operation = given.get("operation") or (row.operation if row else "")
    events = _events(a)
    if request.method == "GET":
        event = Operation.objects.filter(id=operation, pk__in=[e for e, _ in events]).first()
        kind = given.get("type", "")
        initial = {
            "operation": operation,
            "type": kind if kind in PRODUCTS else "NOTE",
            "precedence": Precedence.PRIORITY.value,
        }
        typed = Typed([Judgment()], list(rules.seats(event.must_know)) if event else [])
        return _editor(
            request, a, DraftForm(events=events, initial=initial), typed, None, situation, operation
        )
    form, typed = DraftForm(request.POST, events=events), Typed.of_post(request.POST)
    if typed.adjust(request.POST):
        return _editor(request, a, _again(form, events), typed, None, situation, operation)
    if form.is_valid():
        cleaned = form.cleaned_data
        try:
            made = actions.draft(
                a,
                type=cleaned["type"],
                content=typed.content(cleaned),
                situation=situation,
                operation=cleaned["operation"],
                label=cleaned["label"],
                precedence=cleaned["precedence"],
                distribution=_rows(typed.seats),
                expires_at=cleaned["expires_at"],
            )
        except TocsinError as error:
            _show(form, error)
        else:
            messages.success(request, "Saved. It is yours to finish; the clock is running.")
            return redirect("warning", warning=made)
    return _editor(request, a, form, typed, None, situation, operation, status=422)


@login_required
@require_http_methods(["GET", "POST"])
def warning_edit(request: HttpRequest, warning: str) -> HttpResponse:
    """Go on writing a draft that is in your hand. Each saving is kept."""
    a = actor(request)
    row = store.warning(a, warning)
    events = _events(a)
    if request.method == "GET":
        content = store.content(row)
        initial = {
            **{
                k: getattr(content, k)
                for k in ("title", "summary", "would_change", "dissent", "changed")
            },
            "actions": "\n".join(content.actions),
            **{
                k: getattr(row, k)
                for k in ("type", "operation", "label", "precedence", "expires_at")
            },
        }
        typed = Typed(list(content.judgments) or [Judgment()], list(rules.seats(row.distribution)))
        form = DraftForm(events=events, fixed=True, initial=initial)
        return _editor(request, a, form, typed, row, row.situation, row.operation)
    form = DraftForm(request.POST, events=events, fixed=True, initial={"operation": row.operation})
    typed = Typed.of_post(request.POST)
    if typed.adjust(request.POST):
        return _editor(
            request, a, _again(form, events, fixed=True), typed, row, row.situation, row.operation
        )
    status = 422
    if form.is_valid():
        cleaned = form.cleaned_data
        version = request.POST.get("version", "")
        try:
            actions.revise(
                a,
                warning=row.id,
                version=int(version) if version.isdecimal() else -1,
                type=cleaned["type"],
                content=typed.content(cleaned),
                label=cleaned["label"],
                precedence=cleaned["precedence"],
                distribution=_rows(typed.seats),
                expires_at=cleaned["expires_at"],
                no_expiry=cleaned["expires_at"] is None,
            )
        except TocsinError as error:
            _show(form, error)
            status = error.status
        else:
            messages.success(request, "Saved. The saving before is kept.")
            return redirect("warning", warning=row.id)
    return _editor(request, a, form, typed, row, row.situation, row.operation, status=status)


@login_required
@require_POST
def warning_lint(request: HttpRequest) -> HttpResponse:
    """What the lint finds in what is typed now; nothing is saved."""
    a = actor(request)
    permit(a, Permission.DRAFT)
    row = store.warning(a, request.POST["warning"]) if request.POST.get("warning") else None
    form = DraftForm(
        request.POST, events=_events(a), initial={"operation": row.operation if row else ""}
    )
    form.is_valid()
    checks = _checks(a, form, Typed.of_post(request.POST), row, request.POST.get("situation", ""))
    return render(request, "warnings/lint_part.html", checks)


def _checks(
    a: Actor, form: DraftForm, typed: Typed, row: Warning | None, situation: str
) -> dict[str, Any]:
    given = form.cleaned_data if form.is_bound else form.initial
    kind = given.get("type") or (row.type if row else "NOTE")
    expires = given.get("expires_at")
    cited = [c for j in typed.judgments for c in j.cites]
    pinned = sources.pin(a, cited) | {
        i: c for i, c in (store.pinned(row) if row else {}).items() if i in cited
    }
    typed_row = Warning(
        id=row.id if row else "",
        type=kind if kind in PRODUCTS else "NOTE",
        label=given.get("label") or "",
        distribution=_rows(typed.seats),
        expires_at=expires if isinstance(expires, datetime) else None,
        operation=row.operation if row else given.get("operation") or "",
        edition=row.edition if row else 1,
        situation=situation,
        series=row.series if row else "",
        cites=[msgspec.to_builtins(c) for c in pinned.values()],
    )  # a row in memory only: judged, never saved
    sheet = store.sheet_of(typed_row, typed.content(given), store.operation_of(typed_row))
    found = lint(sheet, clock.now())
    return {"checks": warning_view.checks(found), "stops": len(stops(found))}


def _editor(
    request: HttpRequest,
    a: Actor,
    form: DraftForm,
    typed: Typed,
    row: Warning | None,
    situation: str,
    operation: str,
    *,
    status: int = 200,
) -> HttpResponse:
    for name in ("title", "summary", "label", "changed"):
        form.fields[
            name
        ].required = True  # for release, not for saving: it only is not called optional
    listed = _listed(a, typed, row, situation, operation)
    numbers = {c.id: n for n, c in enumerate(listed, 1)}
    chosen = form.data.get("type") if form.is_bound else form.initial.get("type")
    context = {
        "form": form,
        "row": row,
        "title": store.titles([row])[row.id] if row else "",
        "situation": situation,
        "product": PRODUCTS.get(str(chosen)),
        "judgments": [
            {
                "i": i,
                "n": i + 1,
                "judgment": j,
                "cites": [(n, c, c.id in j.cites) for n, c in enumerate(listed, 1)],
                "unknown": [c for c in j.cites if c not in numbers],
            }
            for i, j in enumerate(typed.judgments)
        ],
        "listed": [
            {"number": n, "cited": c, "kind": c.kind, "url": warning_view.url_of(c.id)}
            for n, c in enumerate(listed, 1)
        ],
        "extra": typed.extra,
        "scale": [[(term, percent(term)) for term in terms] for terms in ROWS],
        "levels": LEVELS,
        "room": len(typed.judgments) < MOST_JUDGMENTS,
        **_recipients(a, typed, operation),
        **_checks(a, form, typed, row, situation),
    }
    return render(request, "warnings/editor.html", context, status=status)


def _listed(
    a: Actor, typed: Typed, row: Warning | None, situation: str, operation: str
) -> list[Cited]:
    """What may be cited: what is cited already first, then what the situation offers, then ids added by hand."""
    cited = [c for j in typed.judgments for c in j.cites]
    kept = store.pinned(row) if row else {}
    seen = sources.pin(a, [*cited, *typed.extra])
    offered = {c.id: c for c in sources.candidates(a, situation, operation)}
    order = dict.fromkeys([*cited, *offered, *typed.extra])
    known = {**kept, **offered, **seen}
    return [known[i] for i in order if i in known]


def _recipients(a: Actor, typed: Typed, operation: str) -> dict[str, Any]:
    """The roles to tick: those that must know, those ticked, and those the directory has at agencies taking part."""
    event = Operation.objects.filter(id=operation).first() if operation else None
    must = list(rules.seats(event.must_know)) if event else []
    agencies = agency_names()
    part = (
        Participation.objects.filter(operation=operation).values_list("agency", flat=True)
        if event
        else []
    )
    filled = (
        deliver.recipients(a).filter(seat_agency__in=list(part))
        if event
        else Recipient.objects.none()
    )
    known = {Seat(*seat) for seat in filled.values_list("seat_agency", "seat_role")}
    order = dict.fromkeys([*must, *typed.seats, *sorted(known)])
    return {
        "seats": [
            {
                "value": f"{seat.agency}|{seat.role}",
                "agency": agencies.get(seat.agency, seat.agency),
                "role": warning_view.role_title(seat.role),
                "must": seat in must,
                "on": seat in typed.seats,
            }
            for seat in order
        ],
        "agencies": sorted(agencies.items(), key=lambda item: item[1]),
        "roles": list(deliver.roles().items()),
    }


def _again(form: DraftForm, events: list[tuple[str, str]], *, fixed: bool = False) -> DraftForm:
    """The same form with what was typed, and nothing marked as wrong: a row was added, not a draft saved."""
    form.is_valid()
    typed = {name: form.data.get(name, "") for name in form.fields}
    return DraftForm(events=events, fixed=fixed, initial={**typed, **form.cleaned_data})


def _show(form: DraftForm, error: TocsinError) -> None:
    """Put an error beside its field; one about no single field stands on top."""
    where = error.field if error.field in form.fields else None
    words = f"{error.message[:1].upper()}{error.message[1:]}"
    form.add_error(where, f"{words.rstrip('.')}. {error.cure}".strip())


def _rows(seats: list[Seat]) -> list[dict[str, str]]:
    return [{"agency": seat.agency, "role": seat.role} for seat in seats]


def _events(a: Actor) -> list[tuple[str, str]]:
    return [
        (o.id, o.name)
        for o in operations_of(a)
        if o.id in a.operations or o.lead_agency == a.agency
    ]
