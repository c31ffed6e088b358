"""The forms of keeping and forgetting. What they cannot know, the actions refuse."""

from __future__ import annotations

from typing import Any

from django import forms

from tocsin.assess.behaviours import BEHAVIOURS
from tocsin.people.store import operations_of
from tocsin.people.terms import Actor, Role
from tocsin.retain import store
from tocsin.retain.terms import Confidence, Sensitivity
from tocsin.web.pages.admin_forms import agencies
from tocsin.web.pages.warning_times import LocalTimeField

_TEXT = forms.Textarea(attrs={"rows": 4})
_ROLES = [("", "Anybody"), *((r.value, r.title.capitalize()) for r in Role)]


class ReasonForm(forms.Form):
    """One reason, for an act that is nothing without it."""

    reason = forms.CharField(
        label="Why",
        max_length=4000,
        widget=_TEXT,
        help_text="It goes on the record with your name.",
    )


class HoldForm(forms.Form):
    title = forms.CharField(
        label="The matter", max_length=200, help_text="As the letter names it; no person's name."
    )
    letter = forms.FileField(
        label="The letter", help_text="The order to preserve, as PDF or picture, up to 5 MB."
    )
    text = forms.CharField(label="What it asks for", required=False, max_length=4000, widget=_TEXT)
    operation = forms.ChoiceField(label="Everything about an operation", required=False)
    subjects = forms.CharField(
        label="These reports, warnings or situations", required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Ids, as in the addresses of their pages. A situation brings its reports, a warning what it cites.",
    )  # fmt: skip
    role = forms.ChoiceField(
        label="What people of your agency did in this role", required=False, choices=_ROLES
    )
    first = LocalTimeField(label="Collected from", required=False)
    last = LocalTimeField(label="Collected until", required=False)

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        events = [(o.id, o.name) for o in operations_of(actor).distinct()]
        self.fields["operation"].choices = [("", "Not bounded by one"), *events]  # type: ignore[attr-defined]


class DisclosureForm(forms.Form):
    subject = forms.CharField(
        label="What was given", max_length=64, help_text="The id, as in the address of its page."
    )
    to = forms.CharField(label="To whom", max_length=300, help_text="Person or post, and agency.")
    routine_use = forms.ChoiceField(label="By which routine use")
    reason = forms.CharField(label="Why", max_length=4000, widget=_TEXT)
    at = LocalTimeField(label="When", required=False, help_text="Empty means now.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        uses = store.policy().routine_uses.values()
        self.fields["routine_use"].choices = [(u.id, f"{u.id}: {u.plain}") for u in uses]  # type: ignore[attr-defined]


class ShareForm(forms.Form):
    agency = forms.ChoiceField(label="Agency that needs and has a right to know")
    routine_use = forms.ChoiceField(label="By which routine use")
    reason = forms.CharField(label="Why", max_length=4000, widget=_TEXT)

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = [(i, n) for i, n in agencies() if i != actor.agency]
        uses = store.policy().routine_uses.values()
        self.fields["agency"].choices = [("", "Choose"), *others]  # type: ignore[attr-defined]
        self.fields["routine_use"].choices = [(u.id, f"{u.id}: {u.plain}") for u in uses]  # type: ignore[attr-defined]


class SarForm(forms.Form):
    behaviours = forms.MultipleChoiceField(
        label="What was seen", widget=forms.CheckboxSelectMultiple,
        choices=[(k, f"{b.title}{' (needs facts)' if b.needs_facts else ''}") for k, b in BEHAVIOURS.items()],
    )  # fmt: skip
    facts = forms.CharField(
        label="Additional facts", required=False, max_length=4000, widget=_TEXT,
        help_text="Where the behaviour is lawful by itself: what can be named that makes it suspicious. "
        "Race, ethnicity, religion and politics are never such a fact.",
    )  # fmt: skip
    meets = forms.BooleanField(label="It meets the criterion of what was ticked", required=False)
    nexus = forms.CharField(
        label="Possible link to terrorism or other crime, from context",
        max_length=4000,
        widget=_TEXT,
    )


class IntelligenceForm(forms.Form):
    suspicion = forms.CharField(
        label="Reasonable suspicion", max_length=8000, widget=forms.Textarea(attrs={"rows": 6}),
        help_text="The facts that give a trained officer reason to believe that there is a definite criminal activity.",
    )  # fmt: skip
    crime = forms.CharField(label="The criminal activity", max_length=1000)
    sensitivity = forms.ChoiceField(
        label="Sensitivity",
        choices=[("", "Choose"), *((s.value, s.value.capitalize()) for s in Sensitivity)],
    )
    confidence = forms.ChoiceField(
        label="Confidence",
        choices=[("", "Choose"), *((c.value, c.value.capitalize()) for c in Confidence)],
    )
    control = forms.CharField(
        label="Control official", max_length=200, help_text="The post that answers for the entry."
    )
    protected = forms.BooleanField(
        label="It concerns political, religious or social views or associations", required=False
    )
    tie = forms.CharField(
        label="Its direct tie to the criminal conduct",
        required=False,
        max_length=4000,
        widget=_TEXT,
    )
