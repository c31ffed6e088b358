"""The k-of-n alarm: each report weak, the sum strong. Counted as reports are flagged, decided or
not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol

from tocsin.assess import rules, store, terms
from tocsin.assess.models import Situation
from tocsin.assess.terms import SituationKind
from tocsin.duties import actions as duties
from tocsin.duties.terms import Precedence
from tocsin.kernel.ids import new_id
from tocsin.people.models import Operation
from tocsin.people.terms import Role
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing
from tocsin.record.terms import Marking, Tlp, stamp, unstamp


class Flagged(Protocol):
    """What the alarm needs to know of a flagged report."""

    operation: str
    categories: list[str]


def count_flagged(w: Writing, reports: Iterable[Flagged]) -> None:
    """Count newly flagged reports into the picture of their operations; ring the alarm where k is
    reached.

    Runs in the transaction that flags them. Takes the operation's row as its lock, in order of id,
    so that any number of intakes count one after the other.
    """
    by_operation: dict[str, list[Flagged]] = defaultdict(list)
    for report in reports:
        if report.operation:
            by_operation[report.operation].append(report)
    if not by_operation:
        return
    w.flush()
    locked = Operation.objects.select_for_update().filter(id__in=by_operation).order_by("id")
    for operation in locked:
        _count(w, operation, by_operation[operation.id])


def _count(w: Writing, operation: Operation, reports: list[Flagged]) -> None:
    picture = _picture(w, operation)
    signs = Counter(c for r in reports for c in set(r.categories))
    window = timedelta(days=store.policy().k_of_n_window_days)
    last = {c: unstamp(at) for c, at in picture.seen.items()}
    before = rules.active(last, operation.checklist, w.at, window)
    last.update(dict.fromkeys(signs, w.at))
    after = rules.active(last, operation.checklist, w.at, window)
    marking = marking_of(picture)
    data = {
        "signs": dict(signs),
        "day": w.recorded_at[:10],
        "hour": w.recorded_at[:13],
        "flagged": len(reports),
        "reports": picture.reports + len(reports),
        "seen": {c: stamp(at) for c, at in sorted(last.items())},
    }
    w.append(terms.SITUATION_COUNTED, picture.id, data, marking=marking)
    alarm = rules.crossing(before, after, picture.alarmed, operation.k)
    if alarm is None:
        return
    raised = {
        "id": new_id("alm", w.at),
        "reason": alarm.reason.value,
        "k": operation.k,
        "n": picture.alarms + 1,
        "categories": list(alarm.categories),
        "added": list(alarm.added),
        "version": picture.version + 1,
    }
    w.append(terms.ALARM_RAISED, picture.id, raised, marking=marking)
    duties.open_duty(
        w,
        "assess_whole",
        picture.id,
        f"Assess the whole picture of {operation.name}: "
        f"{len(alarm.categories)} kinds of sign together",
        marking,
        owner_agency=operation.lead_agency,
        owner_role=Role.COLLECTOR,
        precedence=Precedence.IMMEDIATE,
        event_start=operation.starts_at,
    )


def _picture(w: Writing, operation: Operation) -> Situation:
    """The whole picture of an operation, made when its first report is flagged."""
    picture = store.picture_id(operation.id)
    if (found := Situation.objects.filter(id=picture).first()) is not None:
        return found
    data = {
        "kind": SituationKind.PICTURE.value,
        "title": w.keep(picture, {"title": f"The whole picture: {operation.name}", "text": ""}),
        "categories": [],
        "reports": [],
        "k": operation.k,
    }
    marking = Marking(operation.lead_agency, Tlp.AMBER.value, operation.id)
    w.append(terms.SITUATION_OPENED, picture, data, marking=marking)
    w.flush()
    return Situation.objects.get(id=picture)


def take_out(w: Writing, operation: str, categories: Iterable[str]) -> None:
    """Look again when a kind of sign was last seen, after reports were found to be protected speech
    (or were put back by an undo).
    """
    if not operation:
        return
    w.flush()
    Operation.objects.select_for_update().filter(id=operation).first()
    picture = Situation.objects.filter(id=store.picture_id(operation)).first()
    if picture is None:
        return
    seen = dict(picture.seen)
    for category in sorted(set(categories)):
        at = store.last_sign(operation, category)
        if at is None:
            seen.pop(category, None)
        else:
            seen[category] = stamp(at)
    if seen == picture.seen:
        return
    data = {"signs": {}, "day": w.recorded_at[:10], "reports": picture.reports, "seen": seen}
    w.append(terms.SITUATION_COUNTED, picture.id, data, marking=marking_of(picture))
