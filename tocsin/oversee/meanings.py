"""What an entry kind means to somebody who asks who knew what, when: one table, and a rule for kinds it does not name.

A stage that adds a kind of entry adds its line here, where its name does not say it already.
"""

from __future__ import annotations

from functools import cache

from tocsin.oversee.terms import SEEN, Verb
from tocsin.record import applying
from tocsin.record.terms import Entry

_KINDS: dict[str, Verb | None] = {
    SEEN: Verb.SAW,
    "assessment.undone": Verb.CHANGED,
    "delivery.bounced": Verb.FAILED,
    "delivery.queued": None,
    "delivery.stopped": None,
    "destination.closed": None,
    "destination.exhausted": Verb.FAILED,
    "destination.opened": None,
    "destination.staffed": None,
    "dissent.filed": Verb.ASKED,
    "duty.discharged": None,
    "duty.fired": Verb.TOLD,
    "duty.moved": None,
    "duty.opened": None,
    "finding.considered": Verb.DECIDED,
    "notice.seen": Verb.SAW,
    "operation.joined": Verb.CHANGED,
    "inquiry.published": Verb.DECIDED,
    "inquiry.submitted": Verb.SUBMITTED,
    "paper.taken": Verb.SAW,
    "plan.coverage_found": Verb.CREATED,
    "plan.position_accepted": Verb.DECIDED,
    "plan.position_declined": Verb.DECIDED,
    "relay.mailed": Verb.SENT,
    "relay.read": Verb.SAW,
    "relay.reader_added": None,
    "report.flagged": Verb.CREATED,
    "report.sample_kept": Verb.CHANGED,
    "report.sample_read": Verb.DECIDED,
    "report.sampled": Verb.CREATED,
    "report.tip_answered": Verb.ANSWERED,
    "report.tip_asked": Verb.ASKED,
    "report.tip_given": Verb.CREATED,
    "report.tip_read": Verb.SAW,
    "screen.budget_set": Verb.DECIDED,
    "screen.line_moved": None,
    "screen.models_learned": None,
    "screen.models_promoted": Verb.DECIDED,
    "situation.alarm_raised": Verb.CHANGED,
    "situation.counted": None,
    "situation.draft_begun": Verb.CHANGED,
    "situation.surged": Verb.CHANGED,
    "situation.whole_assessed": Verb.DECIDED,
    "source.counted": None,
    "source.gapped": None,
    "source.seen_again": None,
    "subject.shared": Verb.SENT,
    "vault.unmasked": Verb.SAW,
    "warning.expired": Verb.CHANGED,
    "warning.fanned_out": None,
    "warning.handed_over": Verb.CHANGED,
    "warning.hold_lifted": Verb.CHANGED,
    "warning.superseded": Verb.CHANGED,
}
_LAST_WORD: dict[str, Verb] = {
    **dict.fromkeys(
        ("added", "begun", "created", "drafted", "filed", "flagged", "given", "made", "opened", "raised", "reported"),
        Verb.CREATED,
    ),
    **dict.fromkeys(
        ("abandoned", "approved", "assessed", "cancelled", "cleared", "closed", "confirmed", "decided", "promoted",
         "published", "refused", "released", "resolved", "returned", "settled", "validated", "withdrawn"),
        Verb.DECIDED,
    ),
    **dict.fromkeys(("forgotten", "purged"), Verb.FORGOT),
    **dict.fromkeys(("answered", "replied"), Verb.ANSWERED),
    **dict.fromkeys(("asked", "requested"), Verb.ASKED),
    **dict.fromkeys(("proposed", "submitted"), Verb.SUBMITTED),
    "acknowledged": Verb.ACKNOWLEDGED,
    "acted": Verb.ACTED,
    "delivered": Verb.DELIVERED,
    "failed": Verb.FAILED,
    "held": Verb.HELD,
    "seen": Verb.SAW,
    "sent": Verb.SENT,
}  # fmt: skip


def verb(entry: Entry) -> Verb | None:
    """What an entry says about knowing; None where it says nothing of it."""
    if entry.kind == "delivery.sent":
        return Verb.DELIVERED if entry.data.get("state") == "DELIVERED" else Verb.SENT
    if entry.kind == "delivery.opened":
        return Verb.OPENED
    return of_kind(entry.kind)


def of_kind(kind: str) -> Verb | None:
    """The verb of a kind: its own line, else what its last word says, else that something changed."""
    if kind in _KINDS:
        return _KINDS[kind]
    return _LAST_WORD.get(kind.rpartition(".")[2].rpartition("_")[2], Verb.CHANGED)


@cache
def telling() -> tuple[str, ...]:
    """The kinds that belong on a timeline."""
    return tuple(k for k in applying.kinds() if of_kind(k) is not None)
