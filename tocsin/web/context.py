"""What every page's frame needs: who you are, where you can go, what you owe."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from tocsin.duties import store as duties
from tocsin.kernel import clock
from tocsin.kernel.settings import current
from tocsin.people.models import Agency
from tocsin.people.terms import Actor, Permission, Role
from tocsin.web import site_clock
from tocsin.web.middleware import actor
from tocsin.web.subjects import page
from tocsin.web.templatetags._times import day_and_time

P = Permission
_QUEUE_KINDS = ("assess", "second_reading", "settle")
_WARNING_KINDS = ("finish_draft", "review", "review_after", "acknowledge", "correct_copies")

_NAV: tuple[tuple[str, str, str, frozenset[Permission], tuple[str, ...]], ...] = (
    # page, label, key after `g`, who (any of; none = everybody), kinds of duty it counts
    ("owed", "Owed", "o", frozenset(), ()),
    ("queue", "Queue", "q", frozenset({P.ASSESS}), _QUEUE_KINDS),
    (
        "situations",
        "Situations",
        "s",
        frozenset({P.READ_CONTENT}),
        ("assess_whole", "draft_warning"),
    ),
    ("warnings", "Warnings", "w", frozenset({P.READ_CONTENT}), _WARNING_KINDS),
    ("portal", "For you", "y", frozenset({P.KEEP_CONTACTS}), ("acknowledge",)),
    (
        "operations",
        "Operations",
        "p",
        frozenset({P.MANAGE_OPERATION, P.TAKE_PART}),
        ("update_plan", "accept_position", "check_in_position", "cover_ground", "sweep_zone"),
    ),
    ("directory", "Directory", "d", frozenset({P.MANAGE_DIRECTORY, P.DRAFT}), ()),
    ("sources", "Sources", "c", frozenset({P.MANAGE_SOURCES}), ("mend_feed", "retry_refused")),
    ("search", "Search", "f", frozenset({P.READ_CONTENT}), ()),
    ("record-latest", "Record", "r", frozenset({P.READ_RECORD}), ()),
    (
        "oversight",
        "Oversight",
        "v",
        frozenset({P.OVERSEE}),
        (
            "validate_or_purge",
            "tell_recipients",
            "decide_unmasking",
            "review_look",
            "approve_release",
            "check_finding",
            "publish_inquiry",
        ),
    ),
    ("shifts", "Shifts", "h", frozenset({P.HAND_OVER, P.MANAGE_SHIFTS}), ()),
    ("admin", "Admin", "a", frozenset({P.ADMINISTER}), ()),
)
_FAMILY = {
    # where a page belongs in the menu, by the first part of its path
    "reports": "queue",
    "rfis": "situations",
    "dissents": "situations",
    "refused": "sources",
    "papers": "warnings",
    "layouts": "warnings",
    "record": "record-latest",
    **dict.fromkeys(("retention", "holds", "disclosures", "unmasking"), "oversight"),
    **dict.fromkeys(("timeline", "asof", "releases", "findings", "inquiries"), "oversight"),
    "stores": "queue",
    "owed": "owed",
    "": "owed",
    "partner": "portal",
}


@dataclass(frozen=True, slots=True)
class Me:
    """The actor, in the words of the frame."""

    person: str
    name: str
    agency: str
    agency_name: str
    role: str
    roles: frozenset[Role]
    permissions: frozenset[Permission]


def shell(request: HttpRequest) -> dict[str, Any]:
    """Template context for `base.html`: at most five queries beyond the actor's own."""
    if not hasattr(request, "user"):
        return {}
    now, a = clock.now(), actor(request)
    common = {"now": now, "exercise": _exercise(now)}
    if not a.person:
        return {**common, "actor": a}
    owed = _owed_by_kind(a, now)
    return {
        **common,
        "actor": SimpleLazyObject(lambda: me(a)),
        "past": getattr(request, "_tocsin_past", None),
        "nav": nav(a, request.path, owed),
        "owed_count": sum(owed.values()),
        "live_url": f"/live?last-event-id={getattr(request, '_tocsin_place', -1)}",
    }


def me(a: Actor) -> Me:
    """How the frame names the actor."""
    agency = Agency.objects.filter(id=a.agency).values_list("name", flat=True).first()
    roles = ", ".join(r.title for r in Role if r in a.roles)
    return Me(
        a.person, a.name, a.agency, agency or a.agency, roles or "no role", a.roles, a.permissions
    )


def nav(a: Actor, path: str, owed: dict[str, int]) -> list[dict[str, Any]]:
    """The menu: what this actor may use, how much waits there, and where they are."""
    first = path.strip("/").split("/", 1)[0]
    here = _FAMILY.get(first, first)
    found = []
    for name, label, key, needs, kinds in _NAV:
        url = page(name)
        if not url or (needs and not needs & a.permissions):
            continue
        count = sum(owed.values()) if name == "owed" else sum(owed.get(k, 0) for k in kinds)
        found.append(
            {"label": label, "url": url, "key": key, "count": count, "current": name == here}
        )
    return found


def _owed_by_kind(a: Actor, now: datetime) -> dict[str, int]:
    rows = duties.owed_by(a, now).order_by().values_list("kind").annotate(n=Count("id"))
    return dict(rows)


def _exercise(now: datetime) -> dict[str, Any] | None:
    name = site_clock.exercise()
    if not name:
        return None
    zone = ZoneInfo(current().timezone)
    local = now.astimezone(zone)
    return {
        "name": name,
        "now_text": f"{local.day} {local:%b %Y} {day_and_time(now, now, zone)}",
        "held": False,
    }
