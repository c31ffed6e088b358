"""What people finally decided on flagged reports, for the models to learn from."""

from __future__ import annotations

import re
from datetime import datetime

from tocsin.assess.models import Standing
from tocsin.assess.terms import Disposition, Stage
from tocsin.collect.models import Report, Sample
from tocsin.record.store import contents
from tocsin.screen.learning import MOST, Decided, Forgotten
from tocsin.screen.terms import Stage as Depth

_MASKED = re.compile(r"⟦[^⟧]*⟧")
_FINAL = (Disposition.REPORT.value, Disposition.NO_REPORT.value)


def decisions(since: datetime | None = None) -> list[Decided]:
    """The newest final decisions whose text is still kept, one of each group of near-copies. The system's own view,
    across agencies: nothing of it is shown to anybody.
    """
    rows = Standing.objects.filter(stage=Stage.FINAL, disposition__in=_FINAL)
    rows = rows.filter(changed_at__gte=since) if since else rows
    newest = list(rows.order_by("-changed_at", "report")[: 2 * MOST])
    reports = Report.objects.in_bulk([s.report for s in newest])
    one_each = {reports[s.report].group: s for s in reversed(newest) if s.report in reports}
    chosen = [(s, reports[s.report]) for s in one_each.values()]
    texts = contents(row.content for _, row in chosen)
    return [
        Decided(
            " ".join(_MASKED.sub(" ", texts[row.content]["text"]).split()),
            standing.disposition == Disposition.REPORT,
            standing.changed_at,
            row.lang,
            row.categories[0] if row.categories else "",
        )
        for standing, row in chosen
        if texts.get(row.content, {}).get("text")
    ]


def forgotten() -> list[Forgotten]:
    """The samples that did not matter: their texts are gone, their scores are left."""
    read = Sample.objects.filter(mattered=False).values("report")
    rows = Report.objects.filter(id__in=read).exclude(stage="").values_list("chance", "stage")
    return [Forgotten(chance, Depth(stage).depth) for chance, stage in rows]
