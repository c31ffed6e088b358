"""The forms of the incident command system: each a view of the record, as PDF and as spreadsheet."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from tocsin.kernel.errors import NotFound
from tocsin.plan.sheets import XLSX
from tocsin.web.pages.plan_posts import attachment
from tocsin.web.pages.plan_shared import frame, mine


@login_required
@require_GET
def forms_page(request: HttpRequest, operation: str) -> HttpResponse:
    """Every form there is, to take along."""
    from tocsin.operate.forms import TITLES  # noqa: PLC0415 - spreadsheets and papers, which few pages need

    a, row = mine(request, operation)
    return render(request, "plan/forms.html", {**frame(a, row, "forms"), "forms": TITLES.items()})


@login_required
@require_GET
def form_file(request: HttpRequest, operation: str, code: str, form: str) -> HttpResponse:
    """One form as a file."""
    from tocsin.operate import forms  # noqa: PLC0415

    a, row = mine(request, operation)
    paper = forms.make(a, row, code)
    name = paper.code.replace(" ", "-").lower()
    if form == "pdf":
        answer = attachment(forms.pdf(paper), f"{name}.pdf", "application/pdf")
        answer["Content-Disposition"] = f'inline; filename="{name}.pdf"'
        return answer
    if form == "xlsx":
        return attachment(forms.xlsx(paper), f"{name}.xlsx", XLSX)
    raise NotFound("there is no such file", cure="Choose pdf or xlsx.")


urlpatterns = [
    path("operations/<str:operation>/forms", forms_page, name="plan-forms"),
    path("operations/<str:operation>/forms/<str:code>.<str:form>", form_file, name="plan-form"),
]
