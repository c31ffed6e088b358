"""What the entries of the brief do to its table."""

from __future__ import annotations

from collections.abc import Iterable

from tocsin.plan.terms.brief import BRIEFED
from tocsin.record.applying import on
from tocsin.record.terms import Change, Entry, Marking, Merge


@on(BRIEFED)
def briefed(e: Entry) -> Iterable[Change]:
    m = e.marking or Marking("")
    marks = {"agency": m.agency, "tlp": m.tlp, "operation": m.operation}
    row = {"words": e.data["words"]["vault"], "version": e.data["version"], "by": e.actor}
    yield Merge("plan_brief", {"id": e.subject}, {**marks, **row, "changed_at": e.recorded_at})
