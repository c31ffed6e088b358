"""The partner directory: who is reached for a role at an agency, in which order, by which ways."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.deliver import actions, roster, store, vcards
from tocsin.deliver.actions import checking
from tocsin.deliver.actions.directory import keeps
from tocsin.deliver.channels.webhook import secret_of
from tocsin.deliver.terms import Channel
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import Invalid, NotFound
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.web.middleware import actor
from tocsin.web.numbers import number


class LineForm(forms.Form):
    """One line of the directory."""

    agency = forms.ChoiceField(label="Agency")
    role = forms.ChoiceField(label="Role")
    name = forms.CharField(
        label="Who", max_length=200, help_text="A post, such as Duty officer, or a name."
    )
    rank = forms.IntegerField(
        label="Order", min_value=1, max_value=999, initial=1, help_text="1 is asked first."
    )
    email = forms.CharField(label="E-mail", required=False, max_length=254)
    email2 = forms.CharField(label="Second e-mail", required=False, max_length=254)
    paper = forms.BooleanField(
        label="Enclose the warning as a PDF",
        required=False,
        help_text="Where its TLP lets the text travel by mail. Otherwise the mail has text and link alone.",
    )
    webhook = forms.CharField(
        label="Their own system",
        required=False,
        max_length=2000,
        help_text="An https address that takes signed events.",
    )
    sms = forms.CharField(
        label="Text message",
        required=False,
        max_length=40,
        help_text="With the country, like +1 202 555 0123.",
    )
    voice = forms.CharField(label="Voice call", required=False, max_length=40)
    service = forms.CharField(
        label="Messaging service",
        required=False,
        max_length=2000,
        help_text="As Apprise writes it, like ntfys://ntfy.sh/a-long-secret-topic. It gets a line and a link.",
    )
    person = forms.ChoiceField(
        label="Account here",
        required=False,
        help_text="Then the warning also appears on their page when they sign in.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = {
            "agency": [("", "Choose an agency"), *store.agencies().items()],
            "role": [("", "Choose a role"), *store.roles().items()],
            "person": [("", "No account"), *store.accounts().items()],
        }
        for name, listed in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
            field.choices = listed

    def line(self) -> dict[str, Any]:
        """What the actions take."""
        d = self.cleaned_data
        ways = [("email", d["email"]), ("email", d["email2"])]
        ways += [(kind, d[kind]) for kind in ("webhook", "sms", "voice", "service")]
        if d["person"]:
            ways.append(("inapp", ""))
        taken = ("agency", "role", "name", "rank", "person", "paper")
        return {**{k: d[k] for k in taken}, "ways": [w for w in ways if w[1] or w[0] == "inapp"]}


_FIELDS = {"account": "person", "inapp": "person", "kind": None}


def _refuse(form: LineForm, error: Invalid) -> None:
    """Show a refusal beside the field it is about."""
    name = _FIELDS.get(error.field, error.field)
    where = name if name in form.fields else None
    form.add_error(where, f"{error.message}. {error.cure}".strip())


@login_required
@require_GET
def directory(request: HttpRequest) -> HttpResponse:
    """The list, filtered; and what to mend first: roles with nobody, or with one way only."""
    a = actor(request)
    asked = {k: request.GET.get(k, "").strip() for k in ("q", "agency", "role")}
    rows = store.find(a, agency=asked["agency"], role=asked["role"], words=asked["q"])
    page = Paginator(rows, store.PAGE).get_page(request.GET.get("page"))
    agencies, roles = store.agencies(), store.roles()
    listed = list(page.object_list)
    silent = store.silent(listed)
    context = {
        "page": page,
        "lines": [
            {
                "line": line,
                "agency": agencies.get(line.seat.agency, line.seat.agency),
                "role": roles.get(line.seat.role, line.seat.role),
                "ways": [(Channel(w.kind).words, w.address) for w in line.card.ways],
                "mine": keeps(a, line.row.agency, line.row.seat_agency),
                "silent": line.row.id in silent,
            }
            for line in store.lines(listed)
        ],
        "thin": [
            (agencies.get(s.agency, s.agency), roles.get(s.role, s.role), why, s)
            for s, why in store.thin_seats(a).items()
        ],
        "asked": asked,
        "filtered": any(asked.values()),
        "agencies": agencies,
        "roles": roles,
        "may": _may(a),
    }
    return render(request, "directory/list.html", context)


def _may(a: Actor) -> bool:
    return Permission.MANAGE_DIRECTORY in a.permissions


@login_required
@require_http_methods(["GET", "POST"])
def directory_new(request: HttpRequest) -> HttpResponse:
    """Add a line."""
    a = actor(request)
    if Permission.KEEP_CONTACTS not in a.permissions:
        permit(a, Permission.MANAGE_DIRECTORY)
    first = {k: request.GET.get(k, "") for k in ("agency", "role")}
    form = LineForm(request.POST or None, initial=first)
    if request.method == "POST" and form.is_valid():
        try:
            actions.add_recipient(a, **form.line())
        except Invalid as e:
            _refuse(form, e)
        else:
            messages.success(request, f"{form.cleaned_data['name']} is in the directory.")
            return redirect(_back(a))
    status = 422 if form.errors else 200
    return render(request, "directory/form.html", {"form": form, "back": _back(a)}, status=status)


def _back(a: Actor) -> str:
    """Where one came from: the directory, or one's own page."""
    return "directory" if _may(a) else "portal"


@login_required
@require_http_methods(["GET", "POST"])
def directory_line(request: HttpRequest, recipient: str) -> HttpResponse:
    """One line: change it, note that it was checked, take it out of use."""
    a = actor(request)
    if Permission.KEEP_CONTACTS not in a.permissions:
        permit(a, Permission.MANAGE_DIRECTORY)
    row = store.recipient(a, recipient)
    (line,) = store.lines([row])
    form = LineForm(request.POST or None, initial=_initial(line))
    if request.method == "POST":
        try:
            if done := _line_done(request, a, recipient, form):
                messages.success(request, done)
                return redirect(_back(a))
        except Invalid as e:
            _refuse(form, e)
    key = settings.secret(settings.current(), "webhook_secret")
    context = {
        "form": form,
        "line": line,
        "version": request.POST.get("version", row.version),
        "mine": keeps(a, row.agency, row.seat_agency),
        "back": _back(a),
        "signing": secret_of(key, row.id) if "webhook" in row.kinds else "",
    }
    return render(request, "directory/form.html", context, status=422 if form.errors else 200)


def _line_done(request: HttpRequest, a: Actor, recipient: str, form: LineForm) -> str:
    """Do what was asked of a line; '' when the form is not right yet."""
    version = number(request.POST.get("version", ""))
    what = request.POST.get("do", "change")
    if what == "remove":
        actions.remove_recipient(a, recipient=recipient, version=version)
        return "The line is out of use. What was sent to it stays on the record."
    if what == "test":
        n = actions.test_ways(a, recipient=recipient)
        return f"A test is on its way by {n} {'way' if n == 1 else 'ways'}."
    if what == "verify":
        actions.verify_recipient(a, recipient=recipient, version=version)
        return "Noted: the line was checked today."
    if not form.is_valid():
        return ""
    actions.change_recipient(a, recipient=recipient, version=version, **form.line())
    return f"{form.cleaned_data['name']} is changed."


def _initial(line: store.Line) -> dict[str, Any]:
    mails = [w.address for w in line.card.ways if w.kind == Channel.EMAIL]
    others = {w.kind: w.address for w in reversed(line.card.ways) if w.kind != Channel.EMAIL}
    return {
        "agency": line.seat.agency,
        "role": line.seat.role,
        "name": line.card.name,
        "rank": line.row.rank,
        "email": mails[0] if mails else "",
        "email2": mails[1] if len(mails) > 1 else "",
        **{kind: others.get(kind, "") for kind in ("webhook", "sms", "voice", "service")},
        "person": line.row.person,
        "paper": line.card.paper,
    }


@login_required
@require_http_methods(["GET", "POST"])
def directory_import(request: HttpRequest) -> HttpResponse:
    """Bring in a file; afterwards, row by row, what happened."""
    a = actor(request)
    permit(a, Permission.MANAGE_DIRECTORY)
    error: Invalid | None = None
    if request.method == "POST":
        try:
            return redirect("directory-report", _import(request, a))
        except Invalid as e:
            error = e
    context = {"error": error, "columns": roster.COLUMNS, "earlier": store.imports(a)[:10]}
    return render(request, "directory/import.html", context, status=422 if error else 200)


def _import(request: HttpRequest, a: Actor) -> str:
    sent = request.FILES.get("file")
    if sent is None or isinstance(sent, list):
        raise Invalid("no file was sent", field="file", cure="Choose a CSV, XLSX or vCard file.")
    content = sent.read(roster.MOST_BYTES + 1)
    reader = vcards if vcards.is_vcard(content) else roster
    sheet = reader.read(sent.name or "file", content)
    return actions.import_directory(a, sheet=sheet)


@login_required
@require_GET
def directory_report(request: HttpRequest, report: str) -> HttpResponse:
    """What an import did; as CSV (`?as=csv`) the refused rows, to be mended and sent again."""
    a = actor(request)
    row = store.imports(a).filter(id=report).first()
    if row is None:
        raise NotFound("there is no such import, or it is not your agency's")
    if request.GET.get("as") == "csv":
        return _file(roster.refused_file(row.refused), "refused-rows.csv")
    return render(request, "directory/report.html", {"report": row})


@login_required
@require_GET
def directory_template(request: HttpRequest) -> HttpResponse:
    """The empty file to fill in."""
    permit(actor(request), Permission.MANAGE_DIRECTORY)
    return _file(roster.template(), "directory-template.csv")


def _file(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@login_required
@require_GET
def directory_checks(request: HttpRequest, subject: str) -> HttpResponse:
    """The lines of one's agency that nothing has proved for long, or to which something came back."""
    a = actor(request)
    if subject != checking.subject(a.agency) or not a.agency:
        raise NotFound("there is no such thing, or it is not yours to see")
    rows = store.unproved(clock.now()).filter(agency=a.agency)
    page = Paginator(rows.order_by("bounced_at", "verified_at", "id"), store.PAGE).get_page(
        request.GET.get("page")
    )
    roles, agencies = store.roles(), store.agencies()
    context = {
        "page": page,
        "lines": [
            (
                line,
                roles.get(line.seat.role, line.seat.role),
                agencies.get(line.seat.agency, line.seat.agency),
                keeps(a, line.row.agency, line.row.seat_agency),
            )
            for line in store.lines(page.object_list)
        ],
    }
    return render(request, "directory/checks.html", context)


@login_required
@require_POST
def directory_verify(request: HttpRequest, recipient: str) -> HttpResponse:
    """Note, from the list, that a line was checked."""
    a = actor(request)
    version = number(request.POST.get("version", ""))
    actions.verify_recipient(a, recipient=recipient, version=version)
    messages.success(request, "Noted: the line was checked today.")
    return redirect("directory")


urlpatterns = [
    path("directory", directory, name="directory"),
    path("directory/new", directory_new, name="directory-new"),
    path("directory/import", directory_import, name="directory-import"),
    path("directory/import/template.csv", directory_template, name="directory-template"),
    path("directory/import/<str:report>", directory_report, name="directory-report"),
    path("directory/checks/<str:subject>", directory_checks, name="directory-checks"),
    path("directory/<str:recipient>", directory_line, name="directory-line"),
    path("directory/<str:recipient>/checked", directory_verify, name="directory-verify"),
]
