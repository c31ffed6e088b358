"""Flagged reports for stories: the entry that intake writes, with kinds of sign of the story's choosing."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

from tests.cast import Cast
from tocsin.assess.store import operation_or_none
from tocsin.collect.models import Group, Report
from tocsin.collect.terms import REPORT_FLAGGED
from tocsin.duties import actions as duties
from tocsin.duties.terms import Precedence
from tocsin.kernel.ids import new_id
from tocsin.people.terms import SYSTEM
from tocsin.record.actions import writing
from tocsin.record.terms import Marking, stamp
from tocsin.screen.actions import on_flagged

_numbers = count(1)


def flag(
    cast: Cast,
    categories: list[str],
    *,
    group: str = "",
    operation: str | None = None,
    agency: str = "fusion",
    tlp: str = "AMBER",
    text: str = "We go in by the north door on Wednesday.",
    precedence: Precedence = Precedence.ROUTINE,
    thread: str = "",
) -> Report:
    """A report as intake stores it: on the record, counted by the stages above, owed an answer."""
    n = next(_numbers)
    report, group = new_id("rpt"), group or f"g-{n}"
    marking = Marking(agency, tlp, cast.march if operation is None else operation)
    leading = Group.objects.filter(id=group).first()
    spans = [[0, 5, f"{c}@1", c] for c in categories]
    with writing(SYSTEM) as w:
        kept = w.keep(report, {"text": text, "why": [f"It shows {c}." for c in categories]})
        data = {
            "source": "src_story",
            "kind": "file",
            "identity": f"identity-{n}",
            "hash": f"hash-{n}",
            "content": kept,
            "original": w.keep(report, {"text": text, "author": "someone"}, sealed=True),
            "score": 500,
            "precedence": precedence.value,
            "indicators": [f"{c}@1" for c in categories],
            "categories": categories,
            "lowered_by": [],
            "spans": spans,
            "catalogue": "story",
            "author": "author",
            "thread": thread,
            "lang": "en",
            "posted_at": stamp(w.at),
            "group": group,
            "group_size": leading.size + 1 if leading else 1,
            "leader": leading.leader if leading else "",
            "reliability": "C",
            "authority": "exercise",
            "purpose": "exercise",
            "retention_until": stamp(w.at + timedelta(days=180)),
        }
        w.append(REPORT_FLAGGED, report, data, marking=marking)
        if not leading:
            event = operation_or_none(marking.operation)
            duties.open_duty(
                w,
                "assess",
                report,
                "Assess a flagged report",
                marking,
                owner_agency=agency,
                owner_role="collector",
                precedence=precedence,
                event_start=event.starts_at if event else None,
            )
        w.flush()
        row = Report.objects.get(id=report)
        for hook in on_flagged:
            hook(w, [row])
    return row
