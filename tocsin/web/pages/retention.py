"""Oversight at a glance; how long one thing is kept; the schedules; the account of disclosures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.duties.models import Duty
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Invalid, NotFound, TocsinError
from tocsin.people.rules import permit
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor, Permission, Role
from tocsin.record.models import Vault
from tocsin.record.store import content, contents
from tocsin.retain import actions, store
from tocsin.retain.actions.holding import now_held
from tocsin.retain.actions.purging import told
from tocsin.retain.models import Disclosure, Schedules, Tombstone
from tocsin.retain.terms import KIND_WORDS, TELL, VALIDATE, Then
from tocsin.web import subjects
from tocsin.web.middleware import actor
from tocsin.web.pages.admin_forms import blame
from tocsin.web.pages.retention_forms import DisclosureForm, ReasonForm

SHOWN = 50
GLANCE = 10
LATELY = timedelta(days=30)


@login_required
@require_GET
def oversight(request: HttpRequest) -> HttpResponse:
    """What is overdue to be forgotten, what is held, who asked to look behind a mask, who was given what."""
    a, now = actor(request), clock.now()
    permit(a, Permission.OVERSEE)
    disclosed = store.disclosures(a)
    context = {
        "standing": store.standing(now, a.agency),
        "asked": store.to_validate(a)[:GLANCE],
        "asked_count": store.to_validate(a).count(),
        "holds": hold_lines(a, lifted=False)[:GLANCE],
        "requests": unmasking_lines(
            store.unmaskings(a).filter(state__in=["ASKED", "TAKEN"])[:GLANCE]
        ),
        "disclosures": disclosure_lines(list(disclosed[:GLANCE])),
        "lately": disclosed.filter(disclosed_at__gte=now - LATELY).count(),
        "stones": stone_lines(list(store.tombstones(a)[:GLANCE])),
        "may_hold": Permission.HOLD in a.permissions,
    }
    return render(request, "retention/oversight.html", context)


@login_required
@require_GET
def retention(request: HttpRequest, subject: str) -> HttpResponse:
    """How long one thing is kept, and why; what holds it; who was given it; what was purged of it."""
    return _retention(request, subject)


def _retention(request: HttpRequest, subject: str, status: int = 200, **more: Any) -> HttpResponse:
    a, now = actor(request), clock.now()
    permit(a, Permission.READ_RECORD)
    marking = store.markings([subject]).get(subject)
    if marking is None or marking.agency != a.agency or subject.startswith("per_"):
        raise NotFound("there is no such thing, or it is not your agency's")
    spec, until = store.ends(subject)
    row, made = store.keeping(subject), store.things([subject])[subject].made_at
    held = now_held(subject)
    left = Vault.objects.filter(subject=subject).count()
    duty = Duty.objects.filter(subject=subject, kind=VALIDATE, discharged_at=None).first()
    decides = Permission.RETAIN in a.permissions and spec.then is not Then.KEEP
    context = {
        "subject": subject,
        "word": subjects.word(subject),
        "url": subjects.subject_url(subject),
        "spec": spec,
        "made": made,
        "until": until,
        "over": until is not None and until <= now,
        "row": row,
        "validated_by": names([row.validated_by]).get(row.validated_by, "") if row else "",
        "why": content(row.reason).get("text", "") if row and row.reason else "",
        "held": held,
        "left": left,
        "duty": duty,
        "may_validate": decides and left and spec.then is Then.VALIDATE,
        "may_purge": decides and left and not held,
        "tells": decides
        and Duty.objects.filter(subject=subject, kind=TELL, discharged_at=None).exists(),
        "stones": stone_lines(list(store.tombstones(a, subject))),
        "disclosures": disclosure_lines(list(store.disclosures(a, subject)[:SHOWN])),
        "form": ReasonForm(),
        **more,
    }
    return render(request, "retention/subject.html", context, status=status)


@login_required
@require_POST
def decide(request: HttpRequest, subject: str) -> HttpResponse:
    """Validate or purge a thing, or say that those who were given it have been told."""
    a, act = actor(request), request.POST.get("act", "")
    permit(a, Permission.RETAIN)
    reason = request.POST.get("reason", "")
    try:
        if act == "validate":
            actions.validate(a, subject=subject, reason=reason)
            messages.success(request, "Kept for another term. Your reason is on the record.")
        elif act == "purge":
            count = actions.purge(a, subject=subject, reason=reason)
            words = f"{count} piece{'s' * (count != 1)} of content"
            messages.success(
                request, f"Purged: {words}. What was here can no longer be read by anybody."
            )
        elif act == "told":
            told(a, subject=subject, reason=reason)
            messages.success(request, "Noted that they were told.")
        else:
            raise Invalid("is none of those", field="act", cure="Press one of the buttons.")
    except (Invalid, Conflict) as e:
        form = ReasonForm({"reason": reason})
        form.is_valid()
        blame(form, e)
        return _retention(request, subject, e.status, form=form, tried=act)
    return redirect("retention", subject)


@login_required
@require_GET
def schedules(request: HttpRequest) -> HttpResponse:
    """How long each kind of thing is kept, and by what rule."""
    a = actor(request)
    permit(a, Permission.READ_RECORD)
    policy = store.policy()
    context = {
        "policy": policy,
        "rows": [
            (s, KIND_WORDS.get(s.kind, s.kind), _long(s.term), _long(s.ahead))
            for s in policy.schedules.values()
        ],
        "sources": sorted(policy.sources.items()),
        "since": Schedules.objects.filter(version=policy.version).first(),
    }
    return render(request, "retention/schedules.html", context)


@login_required
@require_GET
def disclosures(request: HttpRequest) -> HttpResponse:
    """Who was given what, newest first."""
    a = actor(request)
    permit(a, Permission.OVERSEE)
    page = Paginator(store.disclosures(a), SHOWN).get_page(request.GET.get("page"))
    context = {"page": page, "lines": disclosure_lines(list(page))}
    return render(request, "retention/disclosures.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def disclosure_new(request: HttpRequest) -> HttpResponse:
    """Enter by hand that somebody outside was given a thing."""
    a = actor(request)
    permit(a, Permission.READ_RECORD)
    form = DisclosureForm(request.POST or None, initial={"subject": request.GET.get("subject", "")})
    if request.method == "POST" and form.is_valid():
        try:
            actions.disclose(a, **form.cleaned_data)
        except TocsinError as e:
            blame(form, e)
        else:
            messages.success(request, "Entered into the account.")
            return redirect("retention", form.cleaned_data["subject"])
    status = 422 if form.is_bound else 200
    return render(request, "retention/disclosure_new.html", {"form": form}, status=status)


def _long(term: timedelta) -> str:
    """`5 years`, `180 days`: leap days are not counted out to people."""
    years, rest = divmod(term.days, 365)
    return f"{years} years" if years > 1 and rest <= years else f"{term.days} days"


def hold_lines(a: Actor, *, lifted: bool | None = None) -> list[dict[str, Any]]:
    """Holds with their titles and bounds in words."""
    rows = store.holds(a)
    if lifted is not None:
        rows = rows.filter(lifted_at__isnull=not lifted)
    listed = list(rows)
    texts = contents(r.content for r in listed)
    known = names({r.placed_by for r in listed} | {r.lifted_by for r in listed})
    return [
        {
            "row": r,
            "title": texts.get(r.content, {}).get("title", r.id),
            "by": known.get(r.placed_by, r.placed_by),
            "lifted_by": known.get(r.lifted_by, r.lifted_by),
            "bounds": bounds(r),
        }
        for r in listed
    ]


def bounds(row: Any) -> list[str]:
    """What a hold covers, in words."""
    from tocsin.people.models import Operation  # noqa: PLC0415

    found = []
    if row.operation:
        event = Operation.objects.filter(id=row.operation).values_list("name", flat=True).first()
        found.append(f"everything about {event or row.operation}")
    if row.subjects:
        found.append(f"{len(row.subjects)} named")
    if row.of_role:
        found.append(f"what a {Role(row.of_role).title} did")
    if row.of_agency:
        found.append(f"of {agency_names().get(row.of_agency, row.of_agency)}")
    if row.people:
        found.append("what named people did")
    if row.first or row.last:
        found.append("by date of collection")
    return found


def unmasking_lines(rows: Any) -> list[dict[str, Any]]:
    """Requests with who asked, who decided, and both reasons."""
    listed = list(rows)
    texts = contents([r.reason for r in listed] + [r.decision for r in listed])
    known = names({r.asked_by for r in listed} | {r.decided_by for r in listed})
    return [
        {
            "row": r,
            "by": known.get(r.asked_by, r.asked_by),
            "decided_by": known.get(r.decided_by, r.decided_by),
            "reason": texts.get(r.reason, {}).get("text", ""),
            "decision": texts.get(r.decision, {}).get("text", ""),
        }
        for r in listed
    ]


def disclosure_lines(rows: list[Disclosure]) -> list[dict[str, Any]]:
    """Disclosures with whom, why and the routine use in words."""
    texts, agencies = contents(r.content for r in rows), agency_names()
    uses, known = store.policy().routine_uses, names({r.by for r in rows})
    roles = {r.value: r.title for r in Role}
    return [
        {
            "row": r,
            "word": subjects.word(r.subject),
            "to": texts.get(r.content, {}).get("to")
            or (f"{roles.get(r.to_role, r.to_role)} of " if r.to_role else "")
            + agencies.get(r.to_agency, r.to_agency),
            "why": texts.get(r.content, {}).get("text", ""),
            "use": uses[r.routine_use].plain if r.routine_use in uses else "",
            "by": known.get(r.by, r.by),
        }
        for r in rows
    ]


def stone_lines(rows: list[Tombstone]) -> list[dict[str, Any]]:
    """Tombstones with who purged and why."""
    texts, known = contents(r.reason for r in rows), names({r.purged_by for r in rows})
    return [
        {
            "row": r,
            "word": subjects.word(r.subject),
            "by": known.get(r.purged_by, r.purged_by),
            "reason": texts.get(r.reason, {}).get("text", ""),
        }
        for r in rows
    ]


urlpatterns = [
    path("oversight", oversight, name="oversight"),
    path("retention", schedules, name="schedules"),
    path("retention/<str:subject>", retention, name="retention"),
    path("retention/<str:subject>/decide", decide, name="retention-decide"),
    path("disclosures", disclosures, name="disclosures"),
    path("disclosures/new", disclosure_new, name="disclosure-new"),
]
