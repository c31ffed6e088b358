"""What the page of one warning shows, gathered once: document, sources, lint, clock, what you may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tocsin.duties import store as duties
from tocsin.people.models import Operation
from tocsin.people.store import agency_names, names, operations_of
from tocsin.people.terms import Actor, Permission, Role
from tocsin.warn import rules, sources, store
from tocsin.warn.document import Document
from tocsin.warn.estimates import percent
from tocsin.warn.lint import Finding, stops
from tocsin.warn.models import Warning
from tocsin.warn.products import PRODUCTS
from tocsin.warn.rules import MAY, Right
from tocsin.warn.terms import UNDER_REVIEW, WRITABLE, Act, Cited, Judgment, State

_PLACES = {"rpt": "reports", "sit": "situations", "wrn": "warnings"}
_KINDS = {"report": "Report", "situation": "Situation", "warning": "Warning"}


@dataclass(frozen=True, slots=True)
class Source:
    """One line of the list of sources. `label` is empty when it is not the reader's to see."""

    number: int
    cited: Cited
    kind: str
    label: str
    url: str
    outdated: bool


@dataclass(frozen=True, slots=True)
class Concern:
    """Dissent on record, beside what it is about."""

    id: str
    text: str
    answer: str
    who: str
    filed_at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """A judgment with its number, the numbers of its sources, and who sees it otherwise."""

    number: int
    judgment: Judgment
    percent: str
    cites: list[Source]
    concerns: list[Concern]


@dataclass(slots=True)
class Decisions:
    """What this person may do now; where the release is not theirs, why not."""

    submit: bool = False
    edit: bool = False
    take: bool = False
    hand_over: bool = False
    abandon: bool = False
    release: bool = False
    release_now: bool = False
    lift: bool = False
    confirm: bool = False
    update: bool = False
    cancel: bool = False
    why_not: str = ""
    plans: list[Operation] = field(default_factory=list)

    @property
    def any(self) -> bool:
        return any(getattr(self, name) for name in _OFFERED)


_OFFERED = (
    *("submit", "take", "hand_over", "abandon", "release", "release_now"),
    *("confirm", "update", "cancel", "plans"),
)


def url_of(subject: str) -> str:
    """The page of a report, a situation or a warning; '' for anything else."""
    place = _PLACES.get(subject.partition("_")[0])
    return f"/{place}/{subject}" if place else ""


def checks(findings: list[Finding], edit_url: str = "") -> list[dict[str, str]]:
    """Findings as `parts/checks.html` shows them; none = one line that says so."""
    if not findings:
        return [{"state": "pass", "text": "Nothing found that stops release."}]
    shown = [
        {
            "state": "stop" if f.stops else "warn",
            "text": f.words,
            "note": f.cure,
            "url": f"{edit_url}#{anchor(f.field)}" if edit_url else "",
        }
        for f in findings
    ]
    if not stops(findings):
        shown.append({"state": "pass", "text": "Nothing here stops release."})
    return shown


def anchor(name: str) -> str:
    """The id of the control that a finding's field means, in the editor."""
    parts = name.split(".")
    if parts[0] == "judgments" and len(parts) == 3:
        return f"j{parts[1]}-{parts[2]}"
    return f"id_{parts[0]}"


def listed(actor: Actor, cites: Mapping[str, Cited]) -> dict[str, Source]:
    """Sources by id, numbered in the order cited; labels only of what the actor may see."""
    seen = sources.pin(actor, cites)
    old = sources.outdated(cites)
    return {
        i: Source(
            number,
            cited,
            _KINDS.get(cited.kind, "Source"),
            seen[i].label if i in seen else "",
            url_of(i) if i in seen else "",
            i in old,
        )
        for number, (i, cited) in enumerate(cites.items(), 1)
    }


def concerns(actor: Actor, about: list[str]) -> dict[str, list[Concern]]:
    """Dissent by what it is about, as the actor may see it."""
    found: dict[str, list[Concern]] = {}
    rows = store.dissents(actor, about)
    agencies = agency_names() if rows else {}
    for row, text, answer in rows:
        who = agencies.get(row.person_agency, row.person_agency)
        found.setdefault(row.about, []).append(Concern(row.id, text, answer, who, row.filed_at))
    return found


def shown_judgments(
    document: Document, numbered: Mapping[str, Source], disputed: Mapping[str, list[Concern]]
) -> list[Shown]:
    """The judgments of a document as its page shows them."""
    return [
        Shown(
            number,
            judgment,
            percent(judgment.likelihood),
            [numbered[c] for c in judgment.cites if c in numbered],
            [concern for c in judgment.cites for concern in disputed.get(c, [])],
        )
        for number, judgment in enumerate(document.content.judgments, 1)
    ]


def decisions(actor: Actor, o: store.Opened, findings: list[Finding]) -> Decisions:
    """What the actor may do with a warning now. The actions decide again; this only spares vain buttons."""
    row = o.row
    state, found = State(row.state), Decisions()
    drafts = Permission.DRAFT in actor.permissions and actor.agency == row.agency
    standing = store.standing_of(row, o.operation, o.told)
    if state in WRITABLE and drafts:
        mine = actor.person == row.holder
        found.edit = found.hand_over = mine
        found.submit = mine and not stops(findings)
        found.take = not mine
        found.abandon = mine or Permission.RELEASE in actor.permissions
    if state in UNDER_REVIEW:
        right = rules.right_to_review(actor, standing)
        found.release = right in MAY
        found.lift = found.release and state is State.HELD
        found.why_not = "" if found.release or right is Right.NOT_PERMITTED else right.value
    if Act.RELEASED_FIRST in rules.allowed(state) and not found.release:
        found.release_now = rules.right_to_release_now(actor, standing) in MAY
    if state is State.RELEASED:
        owed = row.review_after and row.confirmed_at is None
        found.confirm = owed and rules.right_to_confirm(actor, standing) in MAY
        found.cancel = rules.right_to_release_now(actor, standing) in MAY
        found.update = drafts
        found.plans = _plans(actor, row)
    return found


def _plans(actor: Actor, row: Warning) -> list[Operation]:
    """Operations whose plan this person could rest on this edition, and does not yet."""
    if Permission.MANAGE_OPERATION not in actor.permissions:
        return []
    led = operations_of(actor).filter(lead_agency=actor.agency)
    resting = set(store.resting(row))
    return [o for o in led if o.id not in resting]


def clock_of(o: store.Opened, now: datetime, agencies: dict[str, str]) -> dict[str, Any] | None:
    """The duty that runs on a warning: its fuse, who owes it, who was asked, who is next."""
    duty, told = o.duty, o.told
    if duty is None:
        return None
    known = names([*told, duty.owner_person])
    if duty.owner_person:
        whose = known.get(duty.owner_person, duty.owner_person)
    else:
        role = Role(duty.owner_role).title if duty.owner_role else "the agency"
        whose = f"{role}, {agencies.get(duty.owner_agency, duty.owner_agency)}"
    asked = [known.get(p, p) for p in told]
    following = duties.asked_next(duty, now) or _next_releaser(o, now)
    again = bool(following) and set(following) <= {*asked, whose}
    return {"duty": duty, "whose": whose, "told": asked, "next": following, "again": again}


def _next_releaser(o: store.Opened, now: datetime) -> list[str]:
    """Who is asked next where the ladder's next step is to name an alternate."""
    duty = o.duty
    if duty is None or duty.next_at is None or duty.kind != "review":
        return []
    holders, leads = store.alternates(duty, now)
    person = rules.next_releaser(holders, leads, o.row.authors, o.told)
    return [names([person]).get(person, person)] if person else []


def seats(
    row: Warning, operation: Operation | None, agencies: dict[str, str]
) -> list[dict[str, Any]]:
    """To whom it goes, by agency: [{"agency", "roles": [{"title", "must"}]}], must-know roles included."""
    must = rules.seats(operation.must_know) if operation else ()
    found: dict[str, list[dict[str, Any]]] = {}
    for seat in dict.fromkeys([*rules.seats(row.distribution), *must]):
        line = {"title": role_title(seat.role), "must": seat in must}
        found.setdefault(agencies.get(seat.agency, seat.agency), []).append(line)
    return [{"agency": agency, "roles": roles} for agency, roles in sorted(found.items())]


def role_title(role: str) -> str:
    """What people call a role; one the directory made up is shown as written."""
    return Role(role).title if role in list(Role) else role.replace("_", " ")


def product_choices() -> list[tuple[str, str]]:
    """(code, name) of every kind of warning."""
    return [(p.code, p.name) for p in PRODUCTS.values()]
