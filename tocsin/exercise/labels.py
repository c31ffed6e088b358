"""The closed lists of an exercise: what a fact, a person, a request or a measure may be."""

from __future__ import annotations

from enum import StrEnum


class Certainty(StrEnum):
    """How well a fact is known; shown beside it, so that nobody mistakes our text for history."""

    DOCUMENTED = "documented"  # in public reports
    SINGLE_SOURCE = "single_source"  # one public source only
    WIDELY_REPORTED = "widely_reported"  # not re-checked in a primary text
    CONFLICTING = "conflicting"  # public sources disagree
    INVENTED = "invented"  # written for the exercise


class TimeKnown(StrEnum):
    """How exactly the public record gives the time; the rest of it is our assumption."""

    MINUTE = "minute"
    DAY = "day"
    PERIOD = "period"
    INVENTED = "invented"


class Speech(StrEnum):
    """Kind of speech, the label a careful reader would give."""

    PROTECTED = "protected"
    HYPERBOLE = "hyperbole"
    TRUE_THREAT = "true_threat"
    INCITEMENT = "incitement"
    PLANNING = "planning"


class Seat(StrEnum):
    """What a person may do in the system."""

    COLLECTOR = "collector"
    RELEASE_AUTHORITY = "release_authority"
    PARTNER = "partner"
    OPERATION_LEAD = "operation_lead"
    FIELD = "field"
    PRIVACY_OFFICER = "privacy_officer"
    OVERSIGHT = "oversight"
    ADMINISTRATOR = "administrator"


class Skill(StrEnum):
    """A collector's standing; all but `current` get a second reader on every no-report."""

    CURRENT = "current"
    NOVICE = "novice"
    LAPSED = "lapsed"


class Ask(StrEnum):
    """What a person can be asked to do."""

    ASSESS_REPORT = "assess_report"
    SECOND_READ = "second_read"
    SETTLE_DISAGREEMENT = "settle_disagreement"
    ASSESS_WHOLE = "assess_whole"
    REVIEW_DRAFT = "review_draft"
    CLOSE_DRAFT = "close_draft"
    ACKNOWLEDGE = "acknowledge"
    ANSWER_DISSENT = "answer_dissent"
    ANSWER_RFI = "answer_rfi"
    UPDATE_PLAN = "update_plan"
    RESTORE_SOURCE = "restore_source"


class Reply(StrEnum):
    """What the person answers."""

    JUDGE = "judge"  # decides by the person's `judgement`
    RELEASE = "release"
    RETURN = "return"
    REFUSE = "refuse"
    WARN = "warn"  # drafts a warning about the whole
    ACKNOWLEDGE = "acknowledge"
    ACT = "act"  # acknowledges and records what was done
    REPLY = "reply"  # a written answer, with a reason
    UPDATE = "update"
    SUBSTITUTE = "substitute"  # names another way to cover an outage


class Judgement(StrEnum):
    """How a person sorts flagged items."""

    AS_LABELLED = "as_labelled"  # agrees with the scenario's labels
    CALLS_HYPERBOLE = "calls_hyperbole"  # afraid to over-report: all of it is talk
    REPORTS_ALL = "reports_all"  # the other end of the pendulum


class Better(StrEnum):
    """Which way a measure improves."""

    LOWER = "lower"
    HIGHER = "higher"
    EARLIER = "earlier"
    TRUE = "true"


class MeasureKind(StrEnum):
    """What the score computes; the comment gives value and unit."""

    ALARM_RAISED_AT = "alarm_raised_at"  # time of the first duty to assess the whole
    QUIET_ALARMS = "quiet_alarms"  # such duties raised by background chatter alone, count
    UNDECIDED_FLAGGED = "undecided_flagged"  # past due, neither decided nor passed on, count
    DRAFT_DECIDED = "draft_decided"  # release or refusal by a named person, time
    SILENT_DRAFTS_AT_EVENT = "silent_drafts_at_event"  # crossing the start undecided, count
    UNACKNOWLEDGED_ESCALATED = "unacknowledged_escalated"  # next person asked, time
    MUST_KNOW_INFORMED = "must_know_informed"  # every must-know role acknowledged, time
    WHOLE_WARNING_INFORMED = "whole_warning_informed"  # same, warning on the whole, time
    INFORMED_TOO_SOON = "informed_too_soon"  # shown informed with an acknowledgement missing, count
    ACKNOWLEDGE_MEDIAN = "acknowledge_median"  # minutes
    ACKNOWLEDGE_P95 = "acknowledge_p95"  # minutes
    RFI_RAISED = "rfi_raised"  # overdue request raised to the next person, time
    DISSENT_ANSWERED = "dissent_answered"  # share answered in writing, percent
    SECOND_READ = "second_read"  # share of no-reports owing a second reading that got it, percent
    DRAFTS_CLOSED = "drafts_closed"  # abandoned drafts ended by a recorded decision, percent
    DUTIES_ENDED_BY_NULL = "duties_ended_by_null"  # open duties a null report ended, count
    STALE_CITATIONS = "stale_citations"  # plan citing a superseded product at the start, count
    OUTAGE_COVERED = "outage_covered"  # compensating measure recorded, time
    FACTS_KEPT = "facts_kept"  # fields equal to the first record at the last hop, percent
    PROTECTED_REPORTED = "protected_reported"  # protected posts sent on as reports, count
    FALSE_ALARMS = "false_alarms"  # protected or hyperbole, percent of reported
    MISSED_THREATS = "missed_threats"  # threat, incitement, planning unreported, percent
    OVERDUE_PURGES = "overdue_purges"  # items kept past their retention, count
    CHATTER_FLAGGED = "chatter_flagged"  # background posts flagged, per thousand
    UNQUALIFIED_ALONE = "unqualified_alone"  # watches without a current collector, nobody told
