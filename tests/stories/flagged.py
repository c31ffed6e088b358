"""Flagged reports for stories of the assess stage."""

from __future__ import annotations

from tests.cast import Cast
from tocsin.assess.actions import count_flagged
from tocsin.assess.actions.reports import _COPIES
from tocsin.collect.models import Report
from tocsin.duties import actions as duties
from tocsin.duties.terms import Precedence
from tocsin.kernel.ids import new_id
from tocsin.kernel import clock
from tocsin.people.terms import SYSTEM
from tocsin.record.actions import writing
from tocsin.record.terms import Marking
from datetime import timedelta

_n = 0


def flag(
    cast,
    categories,
    *,
    group="",
    operation=None,
    agency="fusion",
    tlp="AMBER",
    text="We will storm it on Wednesday",
    precedence="ROUTINE",
):
    global _n
    _n += 1
    rid = new_id("rpt")
    op = cast.march if operation is None else operation
    now = clock.now()
    m = Marking(agency, tlp, op)
    with writing(SYSTEM) as w:
        kept = w.keep(rid, {"text": text, "why": ["x"], "site": ""})
        r = Report.objects.create(
            id=rid,
            source="src_1",
            identity=f"i{_n}",
            content_hash="h",
            content=kept["vault"],
            original="",
            received_at=now,
            group=group or f"g{_n}",
            retention_until=now + timedelta(days=180),
            last_seen=now,
            categories=list(categories),
            agency=agency,
            tlp=tlp,
            operation=op,
            precedence=precedence,
        )
        duties.open_duty(
            w,
            "assess",
            rid,
            "Assess a flagged report",
            m,
            owner_agency=agency,
            owner_role="collector",
            precedence=Precedence(precedence),
        )
        count_flagged(w, [r])
    return r
