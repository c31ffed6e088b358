"""What can be looked back on: the kinds of content, the version somebody saw, and what hangs together with what."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q, QuerySet

from tocsin.assess.models import Dissent, Membership, Rfi, Situation
from tocsin.collect.models import Report
from tocsin.deliver.models import Destination
from tocsin.duties.models import Duty
from tocsin.operate.models import Absence, Hold, Incident, Photo, Question, Sighting
from tocsin.oversee.models import Finding, Inquiry
from tocsin.people.store import operations_of
from tocsin.people.terms import Actor
from tocsin.people.visibility import visible_to
from tocsin.plan.models import Area, Position, Zone
from tocsin.record.store import contents
from tocsin.retain.models import Intelligence, Sar
from tocsin.warn.models import Warning

MOST = 500
"""Subjects of one timeline at most: the newest."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of content: its rows, the column that grows with what can be read ('' = it never changes), the column
    of its words."""

    model: type[Model]
    version: str
    content: str

    def rows(self) -> QuerySet[Any]:
        return self.model._default_manager.all()

    def version_of(self, subject: str) -> int | None:
        """The version of one of them as it stands; None where there is none."""
        found = self.rows().filter(pk=subject).values_list(self.version or "pk", flat=True).first()
        return None if found is None else int(found) if self.version else 1


KINDS: dict[str, Kind] = {
    "rpt": Kind(Report, "version", "content"),
    "sit": Kind(Situation, "version", "title"),
    "wrn": Kind(Warning, "revision", "content"),
    "rfi": Kind(Rfi, "version", "content"),
    "dis": Kind(Dissent, "version", "content"),
    "fnd": Kind(Finding, "version", "content"),
    "inq": Kind(Inquiry, "version", "content"),
    "sgt": Kind(Sighting, "version", "what"),
    "qst": Kind(Question, "", "words"),
    "sar": Kind(Sar, "", "content"),
    "cri": Kind(Intelligence, "", "content"),
}
"""By the prefix of the id. What is not here carries no content of its own, and nobody's sight of it is noted."""


def kind_of(subject: str) -> Kind | None:
    return KINDS.get(subject.partition("_")[0])


def rows(subjects: Iterable[str], actor: Actor | None = None) -> dict[str, Any]:
    """Subject -> its row, a query a kind; as far as `actor` may see them, where one is given."""
    by_prefix: dict[str, list[str]] = {}
    for subject in subjects:
        by_prefix.setdefault(subject.partition("_")[0], []).append(subject)
    found: dict[str, Any] = {}
    for prefix, ids in by_prefix.items():
        if prefix in KINDS:
            query = KINDS[prefix].rows().filter(pk__in=ids)
            found.update((r.pk, r) for r in (visible_to(actor, query) if actor else query))
    return found


def titles(found: dict[str, Any]) -> dict[str, str]:
    """Subject -> its first words, for rows the caller may see; one query."""
    vaults = {s: getattr(r, KINDS[s.partition("_")[0]].content) for s, r in found.items()}
    kept = contents(vaults.values())
    out = {}
    for subject, vault in vaults.items():
        body = kept.get(vault) or {}
        words = " ".join(str(body.get("title") or body.get("text") or "").split())
        out[subject] = words[:90] or ("(no words)" if vault in kept else "(purged: no longer kept)")
    return out


def linked(actor: Actor, subject: str) -> list[str]:
    """The subject and what it hangs together with, newest first after itself; the entries decide who sees which."""
    find = _LINKS.get(subject.partition("_")[0])
    found = find(actor, subject) if find else []
    return list(dict.fromkeys([subject, *found]))[:MOST]


def _asked(about: Collection[str]) -> list[str]:
    if not about:
        return []
    rfis = Rfi.objects.filter(about__in=about).values_list("id", flat=True)
    return [*rfis, *Dissent.objects.filter(about__in=about).values_list("id", flat=True)]


def _delivered(warnings: Collection[str]) -> list[str]:
    rows = Destination.objects.filter(warning__in=warnings).order_by("id")
    return list(rows.values_list("id", flat=True)[:MOST])


def _of_report(actor: Actor, report: str) -> list[str]:
    topics = list(Membership.objects.filter(report=report).values_list("situation", flat=True))
    citing = Warning.objects.filter(Q(cites__contains=[{"id": report}]) | Q(situation__in=topics))
    seen = visible_to(actor, citing).order_by("-id")
    warnings = list(seen.values_list("id", flat=True)[:50])
    return [*topics, *warnings, *_asked([report, *topics, *warnings]), *_delivered(warnings)]


def _of_situation(actor: Actor, situation: str) -> list[str]:
    members = Membership.objects.filter(situation=situation).order_by("-report")
    reports = list(members.values_list("report", flat=True)[:200])
    drafts = visible_to(actor, Warning.objects.filter(situation=situation))
    warnings = list(drafts.order_by("-id").values_list("id", flat=True)[:50])
    return [*warnings, *reports, *_asked([situation, *warnings]), *_delivered(warnings)]


def _of_warning(actor: Actor, warning: str) -> list[str]:
    row = visible_to(actor, Warning.objects.filter(id=warning)).first()
    cited = [c["id"] for c in row.cites] if row else []
    above = [row.situation] if row and row.situation else []
    return [*above, *cited, *_asked([warning]), *_delivered([warning])]


def _of_operation(actor: Actor, operation: str) -> list[str]:
    if not operations_of(actor).filter(id=operation).exists():
        return []
    warnings = _newest(actor, Warning, operation, 50)
    situations = _newest(actor, Situation, operation, 50)
    reports = _newest(actor, Report, operation, 200)
    rest = [*_newest(actor, Rfi, operation, 50), *_newest(actor, Dissent, operation, 50)]
    for model in (Sighting, Question, Hold, Absence, Incident, Area, Position, Zone):
        rest += _newest(actor, model, operation, 100)
    return [*warnings, *situations, *rest, *_delivered(warnings), *reports]


def _of_sighting(actor: Actor, sighting: str) -> list[str]:
    """Its photos, whether to hold because of it, and what was owed by each seat."""
    asked = Hold.objects.filter(sighting=sighting).values_list("id", flat=True)
    photos = Photo.objects.filter(sighting=sighting).order_by("id").values_list("id", flat=True)
    owed = Duty.objects.filter(subject__startswith=f"{sighting}.").values_list("subject", flat=True)
    return [*asked, *photos, *sorted(set(owed))]


def _newest(actor: Actor, model: Any, operation: str, most: int) -> list[str]:
    rows = visible_to(actor, model.objects.filter(operation=operation)).order_by("-id")
    return list(rows.values_list("id", flat=True)[:most])


def with_indicator(actor: Actor, category: str) -> list[str]:
    """The newest reports that showed a kind of sign, and what was made of them."""
    rows = visible_to(actor, Report.objects.filter(categories__contains=[category])).order_by("-id")
    reports = list(rows.values_list("id", flat=True)[:100])
    topics = Membership.objects.filter(report__in=reports).values_list("situation", flat=True)
    return [*dict.fromkeys(topics), *reports]


_LINKS: dict[str, Callable[[Actor, str], list[str]]] = {
    "rpt": _of_report,
    "sit": _of_situation,
    "wrn": _of_warning,
    "op": _of_operation,
    "sgt": _of_sighting,
    "hlq": lambda actor, subject: [
        *Hold.objects.filter(id=subject).values_list("sighting", flat=True)
    ],
    "sar": lambda actor, subject: [
        *Sar.objects.filter(id=subject).values_list("report", flat=True)
    ],
    "cri": lambda actor, subject: [
        *Intelligence.objects.filter(id=subject).values_list("sar", flat=True)
    ],
    "rfi": lambda actor, subject: _about(Rfi, subject),
    "dis": lambda actor, subject: _about(Dissent, subject),
}
"""By the prefix of the id: how to find what belongs to a subject. A stage that adds a kind of subject adds a line."""


def _about(model: Any, subject: str) -> list[str]:
    return [a for a in model.objects.filter(id=subject).values_list("about", flat=True) if a]
