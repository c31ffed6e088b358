"""What the pages of a plan share: whose plan it is, what may be done, and forms that keep what was typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from tocsin.kernel.errors import Invalid, NotFound, TocsinError
from tocsin.people import store as people
from tocsin.people.models import Member, Operation, Participation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.web.middleware import actor

Act = Callable[[Actor, Operation, "Form"], str]


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal, beside the form it belongs to: `where` is that form's row and act; `given` what was typed."""

    where: str
    field: str
    words: str
    given: dict[str, str]


class Form:
    """What a form sent, read plainly."""

    def __init__(self, request: HttpRequest) -> None:
        self.post, self.files = request.POST, request.FILES

    def __getitem__(self, name: str) -> str:
        return (self.post.get(name) or "").strip()

    def number(self, name: str) -> int:
        """A whole number, 0 for nothing. Raises: Invalid."""
        text = self[name]
        if not text:
            return 0
        if not text.isascii() or not text.isdigit() or len(text) > 8:
            raise Invalid(
                f"{text[:20]!r} is no whole number", field=name, cure="Write digits only."
            )
        return int(text)

    @property
    def version(self) -> int:
        return self.number("version")


def mine(request: HttpRequest, operation: str) -> tuple[Actor, Operation]:
    """The actor, and an operation their agency takes part in. Raises: Forbidden, NotFound."""
    a = actor(request)
    permit(a, Permission.READ_CONTENT)
    row = people.operations_of(a).filter(id=operation).first()
    if row is None:
        raise NotFound("there is no such operation, or your agency takes no part in it")
    return a, row


def frame(a: Actor, row: Operation, tab: str) -> dict[str, Any]:
    """Context every page of a plan needs."""
    return {
        "row": row,
        "operation": row,
        "tab": tab,
        "may_plan": Permission.MANAGE_OPERATION in a.permissions,
        "may_take": Permission.TAKE_PART in a.permissions,
        "leads": Permission.MANAGE_OPERATION in a.permissions and a.agency == row.lead_agency,
        "me": a,
    }


def perform(
    request: HttpRequest, a: Actor, row: Operation, acts: Mapping[str, Act]
) -> str | Problem:
    """Do the act a form names; the words that confirm it, or the problem to show beside the form."""
    form = Form(request)
    act = acts.get(form["act"])
    if act is None:
        raise NotFound(f"nothing is called {form['act'][:20]!r} here")
    try:
        return act(a, row, form)
    except NotFound:
        raise
    except TocsinError as e:
        given = {k: v for k, v in request.POST.items() if isinstance(v, str)}
        said = f"{e.message[:1].upper()}{e.message[1:]}. {e.cure}".strip()
        named = f"{_FIELDS.get(e.field, e.field.replace('_', ' '))}: " if e.field else ""
        words = f"{named[:1].upper()}{named[1:]}{said}"
        return Problem(f"{form['act']}:{form['subject']}", e.field, words, given)


_FIELDS = {
    "check_in_every_s": "check-in",
    "mitigation": "what is done about it",
    "accepting": "agency",
    "label": "name",
    "shape": "points",
    "height_m": "height",
    "standoff_m": "standoff",
    "every_m": "length of a piece",
    "holds": "how long it holds",
}


def members(agency: str) -> list[tuple[str, str]]:
    """People of an agency to choose of: id and name."""
    ids = list(Member.objects.filter(agency=agency, left_at=None).values_list("person", flat=True))
    names = people.names(ids)
    return sorted(((p, names.get(p, p)) for p in ids), key=lambda pair: pair[1])


def taking_part(row: Operation) -> list[tuple[str, str]]:
    """Agencies that take part: id and short name."""
    names = people.agency_names()
    ids = Participation.objects.filter(operation=row.id).values_list("agency", flat=True)
    return sorted(((i, names.get(i, i)) for i in ids), key=lambda pair: pair[1])
