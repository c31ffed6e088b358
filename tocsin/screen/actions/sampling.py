"""Near misses drawn by lot: stored for one reading, to measure what the line misses."""

from __future__ import annotations

from datetime import timedelta

from tocsin.collect import terms
from tocsin.collect.models import Report, Source
from tocsin.duties import actions as duties
from tocsin.kernel.ids import new_id
from tocsin.people.terms import Role
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing
from tocsin.record.terms import Marking, stamp
from tocsin.screen import store
from tocsin.screen.actions.keeping import fresh_report, told
from tocsin.screen.taken import Seen, Taken
from tocsin.screen.terms import Verdict

KEPT = timedelta(days=2)
"""How long a sample waits for its reading; then it is purged unread."""

DUTY = "read_sample"
MOST_WAITING = 50
"""Unread samples of one operation from which no more are drawn: a lot that nobody reads measures nothing."""


class Sampling:
    """Stores the samples of one chunk in one open transaction."""

    def __init__(self, w: Writing, row: Source, taken: Taken) -> None:
        self.w = w
        self.row = row
        self.taken = taken
        self.waiting: dict[str, int] = {}

    def draw(self, seen: Seen, verdict: Verdict) -> Report | None:
        """Store a near miss masked, its original sealed, and owe its reading; None when enough wait unread."""
        w, row = self.w, self.row
        operation = seen.counted.operation if seen.counted else row.operation
        if operation not in self.waiting:
            self.waiting[operation] = store.waiting_samples(row.agency, operation, w.at - KEPT)
        if self.waiting[operation] >= MOST_WAITING:
            return None
        self.waiting[operation] += 1
        marking = Marking(row.agency, row.tlp, operation)
        report = fresh_report(w, row, seen, verdict, marking)
        report.group, report.state = new_id("grp", w.at), terms.SAMPLE
        report.flagged, report.sample = False, True
        data = {
            **told(w, row, report, seen, verdict),
            "group": report.group,
            "group_size": 1,
            "leader": "",
            "line": seen.line.line,
            "share": seen.line.share,
            "retention_until": stamp(w.at + min(KEPT, timedelta(days=row.retention_days))),
        }
        w.append(
            terms.NEAR_MISS_SAMPLED, report.id, data, marking=marking, occurred_at=seen.item.at
        )
        duties.open_duty(
            w, DUTY, report.id, "Read a sample from below the line", marking,
            owner_agency=row.agency, owner_role=Role.COLLECTOR.value,
        )  # fmt: skip
        report.content, report.original = data["content"]["vault"], data["original"]["vault"]
        report.received_at, report.seen_count, report.version = w.at, 1, 1
        self.taken.sampled += 1
        return report


def take_up(w: Writing, row: Source, report: Report) -> None:
    """A post that was drawn as a sample was edited and is flagged by itself now: an ordinary report from here on."""
    w.flush()
    marking = marking_of(report)
    until = stamp(w.at + timedelta(days=row.retention_days))
    w.append(terms.SAMPLE_KEPT, report.id, {"retention_until": until}, marking=marking)
    duties.discharge(w, report.id, DUTY, "the post was edited and is flagged now")
    report.state = "DECIDED"  # so that the edit that follows opens it again
