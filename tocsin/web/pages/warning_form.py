"""The form of a draft: its plain fields, and the rows of judgments, roles and sources as typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from django import forms
from django.http import QueryDict

from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Invalid
from tocsin.record.terms import stamp, unstamp
from tocsin.warn import document as documents
from tocsin.warn.terms import Below, Content, Event, Judgment, Seat, Spot
from tocsin.web.numbers import number
from tocsin.web.pages import warning_view
from tocsin.web.pages.warning_times import LocalTimeField, read_local, zone

MOST_JUDGMENTS = 30
_DEGREES = re.compile(r"(-?\d{1,3}(?:\.\d{1,8})?)\s*,\s*(-?\d{1,3}(?:\.\d{1,8})?)", re.ASCII)
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


class _Lines(forms.CharField):
    """Rows typed as lines, each as the help text shows. `read` makes a row of a line, `write` a line of a row."""

    def __init__(
        self, *, read: Callable[[str], Any], write: Callable[[Any], str], **kwargs: Any
    ) -> None:
        super().__init__(required=False, widget=_area(3), **kwargs)
        self._read, self._write = read, write

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str):
            return tuple(value or ())
        try:
            return tuple(self._read(line.strip()) for line in value.splitlines() if line.strip())
        except Invalid as e:
            raise forms.ValidationError(f"{e.message}. {e.cure}") from e

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else "\n".join(map(self._write, value or ()))


def _spot(line: str) -> Spot:
    """`North doors; 38.89260, -77.00890; eleven posts` as a place."""
    name, where, *note = (part.strip() for part in [*line.split(";"), ""])
    found = _DEGREES.fullmatch(where)
    lat, lon = (round(float(n) * 1_000_000) for n in found.groups()) if found else (0, 0)
    if not found or not name or abs(lat) > 90_000_000 or abs(lon) > 180_000_000:
        raise Invalid(
            f"“{line[:60]}” is no place",
            cure="Write each as: West gate; 38.89260, -77.00890; a note. Latitude first, then longitude.",
        )
    return Spot(name, lat, lon, "; ".join(n for n in note if n))


def _spot_line(row: Spot) -> str:
    where = f"{row.lat / 1_000_000:.5f}, {row.lon / 1_000_000:.5f}"
    return "; ".join(part for part in (row.name, where, row.note) if part)


def _event(line: str) -> Event:
    """`2026-03-04 22:40 A text is copied eight times.` as what happened, in the installation's zone."""
    when, _, text = (
        line.replace(" ", "T", 1).partition(" ") if line[10:11] == " " else line.partition(" ")
    )
    try:
        at = read_local(when, "timeline")
    except Invalid:
        at = None
    if at is None or not text.strip():
        raise Invalid(
            f"“{line[:60]}” is no time and what happened",
            cure="Write each as: 2026-03-04 22:40 A text is copied eight times.",
        )
    return Event(stamp(at), text.strip())


def _event_line(row: Event) -> str:
    return f"{unstamp(row.at).astimezone(zone()):%Y-%m-%d %H:%M} {row.text}"


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
    places = _Lines(
        read=_spot,
        write=_spot_line,
        label="Places",
        help_text="One a line: name; latitude, longitude; a note. They are drawn to scale.",
    )
    timeline = _Lines(
        read=_event,
        write=_event_line,
        label="What happened when",
        help_text="One a line: 2026-03-04 22:40 what happened.",
    )
    below_label = forms.ChoiceField(label="TLP below the tearline", required=False)
    below_title = forms.CharField(label="Title below the tearline", required=False, max_length=300)
    below_text = forms.CharField(
        label="What those may read who are not cleared for the rest",
        required=False,
        widget=_area(3),
        help_text="A version by itself. Name nothing here that only the rest may name.",
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
            ("below_label", [("", "No tearline"), *list(_TLP_WORDS.items())[2:]]),
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
        count = min(number(post.get("judgments")), MOST_JUDGMENTS)
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
        elif pressed.startswith("remove-"):
            at = number(pressed[7:], -1)
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
                places=tuple(cleaned.get("places") or ()),
                timeline=tuple(cleaned.get("timeline") or ()),
                below=Below(
                    cleaned.get("below_label") or "",
                    cleaned.get("below_title") or "",
                    cleaned.get("below_text") or "",
                ),
            )
        )
