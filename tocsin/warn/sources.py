"""What a judgment may cite: reports, situations and other warnings, pinned as they stood."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import QuerySet

from tocsin.assess.models import Membership, Situation
from tocsin.collect.models import Report
from tocsin.kernel.errors import Invalid
from tocsin.people.terms import SYSTEM, Actor
from tocsin.people.visibility import visible_to
from tocsin.record.canonical import canonical, commitment
from tocsin.record.models import Vault
from tocsin.warn.models import Warning
from tocsin.warn.terms import WAS_RELEASED, Cited, State

LABEL_LENGTH = 90
NEWEST = 200
"""Of so many newest reports the strongest are offered: an index gives them, however many there are."""


def pin(actor: Actor, ids: Iterable[str]) -> dict[str, Cited]:
    """The sources of these ids that the actor may see, as they stand now, by id; in the order given.

    One query a kind, and one for the contents. Sources that are absent, or hidden, are left out.
    """
    wanted = list(dict.fromkeys(i for i in ids if i))
    rows: dict[str, tuple[str, int, str, str]] = {}
    for prefix, (kind, query, read) in _KINDS.items():
        mine = [i for i in wanted if i.startswith(prefix)]
        if mine:
            for row in visible_to(actor, query()).filter(pk__in=mine):
                rows[str(row.pk)] = (kind, *read(row))
    kept = {v.id: v for v in Vault.objects.filter(id__in=[r[2] for r in rows.values()])}
    return {
        i: Cited(
            i,
            rows[i][0],
            rows[i][1],
            _commitment(kept.get(rows[i][2])),
            rows[i][3],
            _label(kept.get(rows[i][2])),
        )
        for i in wanted
        if i in rows
    }


def pin_all(actor: Actor, ids: Iterable[str]) -> dict[str, Cited]:
    """As `pin`. Raises: Invalid when one of them is absent or hidden."""
    wanted = list(dict.fromkeys(i for i in ids if i))
    found = pin(actor, wanted)
    if missing := [i for i in wanted if i not in found]:
        raise Invalid(
            f"there is no source {missing[0]}, or it is not yours to see",
            field="cites",
            cure="Cite a report, a situation or a released warning by its id.",
        )
    return found


def outdated(pinned: Mapping[str, Cited]) -> frozenset[str]:
    """Ids of pinned sources that have changed since, are gone, or no longer hold."""
    now = pin(SYSTEM, pinned)
    ended = set(
        Warning.objects.filter(
            id__in=list(pinned), state__in=[s.value for s in WAS_RELEASED - {State.RELEASED}]
        ).values_list("id", flat=True)
    )
    changed = {
        i
        for i, c in pinned.items()
        if i not in now or (now[i].version != c.version and c.kind == "report")
    }
    return frozenset(changed | ended)


def candidates(actor: Actor, situation: str, operation: str, limit: int = 20) -> list[Cited]:
    """What a draft from a situation may want to cite: the situation itself, its reports (those of its
    operation, where it is the whole picture), the strongest of the newest first, and what is in force on it."""
    found = [situation] if situation else []
    members = Membership.objects.filter(situation=situation, ended_at=None).values("report")
    if situation and members.exists():
        reports = Report.objects.filter(id__in=members)
    else:
        reports = Report.objects.filter(operation=operation) if operation else Report.objects.none()
    newest = visible_to(actor, reports).order_by("-received_at").values_list("id", "score")[:NEWEST]
    found += [i for i, _ in sorted(newest, key=lambda row: -row[1])[:limit]]
    if operation:
        live = Warning.objects.filter(operation=operation, state=State.RELEASED.value)
        found += visible_to(actor, live).order_by("-released_at").values_list("id", flat=True)[:5]
    return list(pin(actor, found).values())


def _commitment(kept: Vault | None) -> str:
    return commitment(bytes(kept.salt), canonical(kept.body)).hex() if kept else ""


def _label(kept: Vault | None) -> str:
    """A few words by which a reader knows the source: its title, else how its text begins."""
    return "" if kept is None or kept.sealed else short(kept.body)


def short(body: Mapping[str, Any]) -> str:
    """The title of a content, else how its text begins: at most `LABEL_LENGTH` letters."""
    words = " ".join(str(body.get("title") or body.get("text") or "").split())
    return words if len(words) <= LABEL_LENGTH else words[: LABEL_LENGTH - 1].rstrip() + "…"


def _released() -> QuerySet[Any]:
    return Warning.objects.filter(state__in=[s.value for s in WAS_RELEASED])


_KINDS: dict[
    str, tuple[str, Callable[[], QuerySet[Any]], Callable[[Any], tuple[int, str, str]]]
] = {
    "rpt_": ("report", Report.objects.all, lambda row: (row.version, row.content, row.tlp)),
    "sit_": ("situation", Situation.objects.all, lambda row: (row.version, row.title, row.tlp)),
    "wrn_": ("warning", _released, lambda row: (row.edition, row.content, row.label)),
}
