"""The score: each kind of measure, and the function that says what a run came to.

All of them read the record and the tables as the run left them; the same functions judge both columns. A value
of None means that it never happened, or that nothing on record says it did; `note` says which, and by whom.
"""

from __future__ import annotations

from collections.abc import Callable

from tocsin.exercise import score_answers, score_receipts, score_reports
from tocsin.exercise.labels import MeasureKind
from tocsin.exercise.results import Value
from tocsin.exercise.terms import Measure
from tocsin.exercise.world import World


def value(world: World, measure: Measure) -> Value:
    """What `measure` came to in this run."""
    return _OF[measure.kind](world, measure)


def values(world: World) -> dict[str, Value]:
    """Every measure's value in this run, by its id."""
    return {m.id: value(world, m) for m in world.scenario.measures}


_K = MeasureKind
_OF: dict[MeasureKind, Callable[[World, Measure], Value]] = {
    _K.ALARM_RAISED_AT: score_reports.alarm,
    _K.QUIET_ALARMS: score_reports.quiet_alarms,
    _K.UNDECIDED_FLAGGED: score_reports.undecided,
    _K.DRAFT_DECIDED: score_answers.draft_decided,
    _K.SILENT_DRAFTS_AT_EVENT: score_answers.silent_drafts,
    _K.UNACKNOWLEDGED_ESCALATED: score_receipts.escalated,
    _K.MUST_KNOW_INFORMED: score_receipts.must_know_informed,
    _K.WHOLE_WARNING_INFORMED: score_receipts.whole_informed,
    _K.INFORMED_TOO_SOON: score_receipts.informed_too_soon,
    _K.ACKNOWLEDGE_MEDIAN: score_receipts.median_minutes,
    _K.ACKNOWLEDGE_P95: score_receipts.p95_minutes,
    _K.RFI_RAISED: score_answers.request_raised,
    _K.DISSENT_ANSWERED: score_answers.dissent_answered,
    _K.SECOND_READ: score_reports.second_read,
    _K.DRAFTS_CLOSED: score_answers.drafts_closed,
    _K.DUTIES_ENDED_BY_NULL: score_answers.ended_by_null,
    _K.STALE_CITATIONS: score_answers.stale_citations,
    _K.OUTAGE_COVERED: score_answers.outage_covered,
    _K.FACTS_KEPT: score_receipts.facts_kept,
    _K.PROTECTED_REPORTED: score_reports.protected_reported,
    _K.FALSE_ALARMS: score_reports.false_alarms,
    _K.MISSED_THREATS: score_reports.missed_threats,
    _K.OVERDUE_PURGES: score_reports.overdue_purges,
    _K.CHATTER_FLAGGED: score_reports.chatter_flagged,
    _K.UNQUALIFIED_ALONE: score_reports.watches_alone,
}
