"""The forms of administration and of operations. What they cannot know, the actions refuse."""

from __future__ import annotations

from functools import cache
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from tocsin.kernel.errors import TocsinError
from tocsin.people.models import Agency
from tocsin.people.terms import Role
from tocsin.screen.indicators import load
from tocsin.web.pages.warning_times import LocalTimeField

SEATS = (Role.PARTNER, Role.OPERATION_LEAD, Role.RELEASE_AUTHORITY, Role.COLLECTOR, Role.FIELD)


def agencies() -> list[tuple[str, str]]:
    """Agencies to choose of: id and name."""
    return list(Agency.objects.filter(removed_at=None).order_by("name").values_list("id", "name"))


@cache
def categories() -> tuple[tuple[str, str], ...]:
    """Indicator categories to choose of: id and title."""
    titles = load().titles
    return tuple((name, titles[name]) for name in sorted(titles))


def blame(form: forms.Form, error: TocsinError) -> None:
    """Show an action's refusal beside the field it names, or above the form."""
    words = f"{error.message[:1].upper()}{error.message[1:]}. {error.cure}".strip()
    form.add_error(error.field if error.field in form.fields else None, words)


class AgencyForm(forms.Form):
    agency = forms.CharField(
        label="Id",
        max_length=40,
        help_text="Short and for good, such as metro_police. An id in use changes its names.",
    )
    name = forms.CharField(label="Name", max_length=200)
    short = forms.CharField(
        label="Short name", max_length=40, required=False, help_text="As lists show it."
    )
    kind = forms.CharField(
        label="Kind",
        max_length=40,
        required=False,
        help_text="Such as police, fusion, campus, utility.",
    )


class PersonForm(forms.Form):
    username = forms.CharField(label="User name", max_length=150)
    name = forms.CharField(label="Name", max_length=200, help_text="As colleagues read it.")
    agency = forms.ChoiceField(label="Agency")
    email = forms.EmailField(label="E-mail", required=False, help_text="Where notices go.")
    roles = forms.MultipleChoiceField(
        label="Roles",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[(r.value, r.title) for r in Role],
    )
    novice = forms.BooleanField(
        label="New to the work: a second reader for every no-report", required=False, initial=True
    )
    password = forms.CharField(
        label="First password",
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Without one, the person cannot sign in until you set one.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agency"].choices = agencies()  # type: ignore[attr-defined]

    def clean_password(self) -> str:
        text: str = self.cleaned_data["password"]
        if text:
            validate_password(text)
        return text


class QualificationForm(forms.Form):
    qualification = forms.CharField(label="Qualified in", max_length=200)
    expires_at = LocalTimeField(label="Lapses")


class PasswordForm(forms.Form):
    password = forms.CharField(
        label="New password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password(self) -> str:
        text: str = self.cleaned_data["password"]
        validate_password(text)
        return text


class MoveForm(forms.Form):
    starts_at = LocalTimeField(label="Starts")
    ends_at = LocalTimeField(label="Ends")


class PlanForm(forms.Form):
    """What an operation watches for, and who must know."""

    name = forms.CharField(label="Name", max_length=200)
    place = forms.CharField(label="Place", max_length=200, required=False)
    keywords = forms.CharField(
        label="Words that tie a report to it",
        required=False,
        help_text="Separated by commas: names, places, hashtags.",
    )
    checklist = forms.MultipleChoiceField(
        label="Signs to watch for",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Kinds of sign that count towards the alarm.",
    )
    k = forms.IntegerField(
        label="Alarm at",
        min_value=1,
        max_value=20,
        initial=3,
        help_text="So many different kinds raise the alarm.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["checklist"].choices = categories()  # type: ignore[attr-defined]

    def clean_keywords(self) -> list[str]:
        words = str(self.cleaned_data["keywords"]).split(",")
        return list(dict.fromkeys(w.strip() for w in words if w.strip()))

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        chosen, k = given.get("checklist"), given.get("k")
        if chosen and k and k > len(chosen):
            self.add_error("k", f"Only {len(chosen)} kinds are ticked: it could never be reached.")
        return given


class OpenForm(PlanForm, MoveForm):
    """A new operation: the plan and its dates."""

    agencies = forms.MultipleChoiceField(
        label="Agencies that take part", required=False, widget=forms.CheckboxSelectMultiple
    )
    field_order = (
        "name",
        "place",
        "starts_at",
        "ends_at",
        "agencies",
        "keywords",
        "checklist",
        "k",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agencies"].choices = agencies()  # type: ignore[attr-defined]
