"""Entries of the record in plain words: what happened, by kind, with the numbers and names that the entry holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tocsin.record.terms import Entry

_WORDS: Mapping[str, str] = {
    "agency.added": "Added the agency",
    "agency.removed": "Took the agency out",
    "assessment.undone": "Took the decision back",
    "content.purged": "Purged: {why}",
    "content.recipients_told": "Told those who had been given it that it was purged",
    "content.sealed": "Sealed: its time is over, and a legal hold keeps it",
    "content.unsealed": "No longer sealed: the hold was lifted",
    "content.validated": "Kept for another term, with a reason",
    "disclosure.accounted": "Given to {to_role} of {to_agency}, {how} ({routine_use})",
    "hold.lifted": "Lifted the legal hold",
    "hold.placed": "Placed a legal hold",
    "hold.tested": "Somebody tried to remove what the hold covers, and was refused: {what}",
    "intelligence.promoted": "Entered as criminal intelligence ({sensitivity}, confidence {confidence})",
    "retention.policy_adopted": "Schedules of version {version} are in force",
    "sar.promoted": "Made a suspicious activity report of a tip",
    "unmasking.asked": "Asked to look behind the mask",
    "unmasking.decided": "Decided on looking behind the mask: {state}",
    "unmasking.taken": "Looked behind the mask at once; a second person reviews it",
    "unmasking.looked": "Looked behind the mask, with leave",
    "delivery.bounced": "The message came back: {reason}",
    "delivery.said": "They wrote back by mail",
    "delivery.steered": "The release is {state} by its sender",
    "delivery.failed": "A message did not go through: {reason}",
    "delivery.opened": "The message was opened",
    "delivery.passed": "The message was passed to the next person",
    "delivery.queued": "A message was put in line, by {channel}",
    "delivery.sent": "The message left",
    "delivery.stopped": "No further messages: it was answered",
    "destination.acknowledged": "Acknowledged ({how})",
    "destination.acted": "Reported what was done",
    "destination.closed": "Closed: {reason}",
    "destination.exhausted": "Every way in the directory was tried",
    "destination.opened": "Addressed to the {seat_role} of {seat_agency}",
    "destination.staffed": "Somebody was found to tell",
    "dissent.answered": "Answered the concern",
    "dissent.filed": "Filed a concern",
    "duty.discharged": "Answered: {outcome}",
    "duty.fired": "The clock asked {told}",
    "duty.moved": "The time limit moved: {why}",
    "duty.opened": "Owed from here on: {title}",
    "import.kept": "Kept a list of recipients",
    "refused.closed": "Dealt with the refused input",
    "refused.kept": "Input was refused, and kept until somebody looks",
    "notice.seen": "Saw the notice",
    "operation.changed": "Changed the operation",
    "operation.joined": "{agency} takes part",
    "operation.opened": "Opened the operation {name}",
    "person.added": "Added a person",
    "person.left": "The person left",
    "person.novice_marked": "Marked how long the person has done this work",
    "finding.answered": "Answered what was found",
    "finding.closed": "Checked: it is put right",
    "finding.considered": "Said what an operation does about it",
    "finding.filed": "Filed a finding, owed by the {owner_role} of {owner_agency}",
    "finding.returned": "Checked: it is open again",
    "inquiry.cleared": "Cleared the report of findings",
    "inquiry.held": "Held the report of findings",
    "inquiry.hold_lifted": "No longer holds the report of findings",
    "inquiry.published": "Published the report of findings",
    "inquiry.submitted": "Handed the report of findings to the {reviewer_role} of {reviewer_agency}",
    "past.visited": "Looked at the past, as it stood at {at}",
    "release.approved": "Approved the redacted release",
    "release.begun": "Began a redacted release",
    "release.marked": "Withheld words, on the ground {exemption}",
    "release.proposed": "Asked a second person to approve",
    "release.returned": "Sent the redacted release back",
    "release.unmarked": "Showed words again",
    "release.withdrawn": "Withdrew the redacted release",
    "subject.seen": "Read it, version {version}",
    "plan.approval_withdrawn": "Withdrew an approval",
    "plan.approved": "Approved the plan as it stood",
    "plan.area_changed": "Changed what is on the map",
    "plan.area_placed": "Put on the map: {label}",
    "plan.begun": "Began the plan",
    "plan.briefed": "Wrote objectives and medical care, version {version}",
    "plan.coverage_found": "Reckoned what is not swept within standoff: {open_m2} of {whole_m2} m²",
    "plan.going_decided": "Decided whether to go ahead",
    "plan.picture_placed": "Laid a picture under the map: {label}",
    "plan.picture_removed": "Took a picture off the map",
    "plan.position_accepted": "Accepted the position for their agency",
    "plan.position_changed": "Changed the position",
    "plan.position_checked_in": "Checked in at the position",
    "plan.position_declined": "Declined the position for their agency",
    "plan.position_listed": "Listed a position with line of sight: {label}",
    "plan.zone_begun": "Began to sweep",
    "plan.zone_breached": "Somebody got in: the sweep covers nothing any more",
    "plan.zone_changed": "Changed the zone",
    "plan.zone_lapsed": "The sweep is too old and covers nothing any more",
    "plan.zone_not_swept": "Said that the zone will not be swept, and why",
    "plan.zone_planned": "Planned a zone to sweep: {label}",
    "plan.zone_swept": "Swept: {result}",
    "plan.citation_dropped": "The plan no longer rests on the warning",
    "plan.cited": "The plan rests on edition {edition}",
    "policy.changed": "Time limits of version {version} are in force",
    "qualification.granted": "Recorded a qualification",
    "recipient.added": "Added to the directory",
    "recipient.changed": "Changed in the directory",
    "recipient.removed": "Taken out of the directory",
    "recipient.verified": "Checked that the way to reach them works",
    "relay.mailed": "Passed on by mail",
    "relay.made": "Passed on to one's own people, {mailed} of them by mail",
    "relay.read": "One of their people has read it",
    "relay.reader_added": "Named one of their people",
    "report.assessed": "Decided: {disposition}",
    "report.flagged": "Flagged and stored, masked",
    "report.revised": "The post was edited; version {version} was taken in",
    "report.sample_kept": "A sample turned out to matter: an ordinary report from here on",
    "report.sample_read": "Read the sample",
    "report.sampled": "Drawn by lot from just below the line, stored masked for one reading",
    "report.settled": "Settled the difference: {disposition}",
    "rfi.answered": "Answered the request for information",
    "rfi.asked": "Asked for information",
    "rfi.extended": "Gave more time to answer",
    "rfi.withdrawn": "Withdrew the request for information",
    "role.granted": "Gave the role {role}",
    "role.revoked": "Took the role {role}",
    "screen.budget_set": "A shift can read {a_shift} reports",
    "screen.line_moved": "The line lies at {line} now: {expected} reports a shift",
    "screen.models_learned": "Models were refitted on {decisions} decisions",
    "screen.models_promoted": "Models of version {version} are in use",
    "shift.handed_over": "Left a hand-over note",
    "shift.handover_read": "Read the hand-over note",
    "shift.planned": "Planned a shift",
    "situation.alarm_raised": "Several weak signs together raised the alarm",
    "situation.changed": "Changed the situation",
    "situation.counted": "Reports were counted towards the whole picture",
    "situation.draft_begun": "A draft was begun",
    "situation.opened": "Opened the situation",
    "absence.covered": "Said what is done instead",
    "absence.ended": "It is back: the absence is over",
    "absence.found": "Found missing, or not answering",
    "destination.not_taken": "Their system refused it",
    "destination.taken": "Their system fetched it",
    "device.issued": "Made a code for a telephone",
    "device.joined": "The telephone joined",
    "device.revoked": "Shut the telephone out",
    "exchange.collection_added": "Opened a collection for partners' systems",
    "exchange.objects_added": "Put objects into the collection",
    "exchange.objects_removed": "Took objects out of the collection",
    "exchange.relayed": "Passed on another agency's message",
    "hold_question.asked": "Asked whether to hold, go on or move",
    "hold_question.decided": "Decided: {decision}",
    "hold_question.decider_named": "Named who decides whether to hold",
    "hold_question.over": "Over before anybody decided",
    "hold_question.unanswered": "Nobody answered whether to hold: asked further up",
    "incident.ended": "The other matter is over",
    "incident.noted": "Noted another matter that takes people",
    "operate.act_done": "An act from a telephone was taken in",
    "photo.added": "Added a photo",
    "plan.assigned": "Put on the post",
    "plan.assignment_ended": "Relieved of the post",
    "plan.carry_issued": "The set was collected",
    "plan.carry_lost": "The set was lost or given back",
    "plan.carry_planned": "Planned who carries a set",
    "plan.carry_removed": "No longer planned to carry a set",
    "plan.channel_added": "Added the channel",
    "plan.channel_changed": "Changed the channel",
    "plan.gateway_down": "The gateway is down, or up again",
    "plan.gateway_planned": "Planned a gateway between channels",
    "plan.gateway_removed": "Removed the gateway",
    "plan.post_changed": "Changed the post",
    "plan.post_checked_in": "Checked in at the post",
    "plan.post_placed": "Placed the post",
    "plan.post_vacated": "Left the post",
    "plan.radio_check_begun": "Began a radio check",
    "plan.radio_check_failed": "The radio check failed",
    "plan.radio_check_passed": "The radio check passed",
    "plan.seat_left": "Left the seat in the security room",
    "plan.seat_taken": "Took the agency's seat in the security room",
    "question.answered": "Answered the question",
    "question.asked": "Asked: one of ours?",
    "question.unanswered": "Nobody around answered the question",
    "sensor.registered": "Registered the sensor: {label}",
    "sensor.removed": "Took the sensor off",
    "sighting.informed": "Everybody who must know has acknowledged it",
    "sighting.lowered": "Lowered how serious it is, with a reason",
    "sighting.receipts": "People received, opened or acknowledged it",
    "sighting.reported": "Reported a sighting",
    "sighting.resolved": "Closed the sighting",
    "sighting.retried": "Tried to reach people another way",
    "sighting.track_lost": "Lost sight of it",
    "sighting.updated": "Added to the sighting",
    "situation.surged": "{count} reports in an hour, where {usual} are usual",
    "situation.whole_assessed": "Assessed the whole picture",
    "source.added": "Added the source",
    "source.changed": "Changed the source",
    "source.counted": "Read {screened}, flagged {flagged}",
    "source.gapped": "Something may be missing from the stream",
    "source.health_changed": "The source is now {health}",
    "source.seen_again": "Posts were seen again",
    "subject.shared": "Shared with {agencies}",
    "person.password_set": "Gave a new password",
    "token.issued": "Made a key for another system",
    "token.revoked": "Ended a key of another system",
    "paper.taken": "Took a copy out, as {form} ({part})",
    "seal.removed": "Took the agency's seal off its papers",
    "seal.set": "Gave the agency's papers a seal",
    "template.previewed": "Looked at what the layout makes of the sample",
    "template.proposed": "Proposed a layout for the agency's papers",
    "template.retired": "Took the layout out of use",
    "template.used": "Put the layout into use",
    "report.tip_read": "Read the answer to the question",
    "report.tip_answered": "The person who gave the tip answered",
    "report.tip_asked": "Asked the person who gave the tip",
    "report.tip_given": "A tip was given",
    "vault.unmasked": "Looked behind the mask, with a reason",
    "warning.abandoned": "Abandoned the draft",
    "warning.cancelled": "Cancelled the warning",
    "warning.confirmed": "Confirmed what had been released before review",
    "warning.drafted": "Began the draft",
    "warning.expired": "The warning ran out",
    "warning.fanned_out": "Addressed to {destinations} roles",
    "warning.handed_over": "Handed the draft over",
    "warning.held": "Held the draft",
    "warning.hold_lifted": "Lifted the hold",
    "warning.refused": "Refused the draft",
    "warning.released": "Released the warning",
    "warning.returned": "Sent the draft back to be mended",
    "warning.revised": "Saved revision {number}",
    "warning.submitted": "Handed in for review",
    "warning.superseded": "Replaced by a newer edition",
}
LOUD = frozenset(
    {
        "report.assessed",
        "report.settled",
        "situation.alarm_raised",
        "warning.released",
        "warning.refused",
        "warning.held",
        "warning.cancelled",
        "destination.acknowledged",
        "destination.exhausted",
        "dissent.filed",
        "dissent.answered",
        "vault.unmasked",
        "content.purged",
        "hold.placed",
        "hold.lifted",
        "hold.tested",
        "unmasking.looked",
    }
)
"""What somebody decided, or what must not be overlooked: marked apart on the timeline."""


def known() -> frozenset[str]:
    """The kinds of entry that have words of their own."""
    return frozenset(_WORDS)


def people(entry: Entry) -> list[str]:
    """The person ids an entry's words need."""
    told = entry.data.get("told")
    return [
        p for p in [entry.actor, *(told if isinstance(told, list) else [])] if isinstance(p, str)
    ]


def words(entry: Entry, names: Mapping[str, str], agencies: Mapping[str, str]) -> str:
    """What happened, in a line. A part the entry does not hold is left out."""
    found = _WORDS.get(entry.kind)
    if found is None:
        return entry.kind.replace(".", " ").replace("_", " ").capitalize()
    return found.format_map(_Parts(entry.data, names, agencies)).rstrip(": (").replace(" ()", "")


class _Parts(dict[str, str]):
    """The data of an entry as words: people and agencies by name, lists joined, absent parts empty."""

    def __init__(
        self, data: Mapping[str, Any], names: Mapping[str, str], agencies: Mapping[str, str]
    ) -> None:
        super().__init__({k: self._word(k, v, names, agencies) for k, v in data.items()})

    def __missing__(self, key: str) -> str:
        return ""

    @staticmethod
    def _word(key: str, value: Any, names: Mapping[str, str], agencies: Mapping[str, str]) -> str:
        if key == "told":
            return ", ".join(names.get(p, p) for p in value if isinstance(p, str)) or "nobody"
        if key == "agencies":
            return ", ".join(agencies.get(a, a) for a in value)
        if key == "agency" or key.endswith("_agency"):
            return agencies.get(value, str(value))
        if isinstance(value, dict | list):
            return ""
        return str(value).replace("_", " ")


def references(data: Any) -> list[str]:
    """The ids of other subjects that an entry's data names, in order."""
    found: dict[str, None] = {}

    def walk(value: Any) -> None:
        if isinstance(value, str):
            if (
                value.startswith(("rpt_", "sit_", "wrn_", "rfi_", "dis_", "op_", "src_"))
                and len(value) < 40
            ):
                found[value] = None
        elif isinstance(value, dict):
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(data)
    return list(found)


def kept(data: Any) -> dict[str, str]:
    """Vault id -> what it is in this entry (the key it stands under), for all content the entry refers to."""
    found: dict[str, str] = {}

    def walk(value: Any, name: str) -> None:
        if isinstance(value, dict):
            if "vault" in value and "commitment" in value:
                found[str(value["vault"])] = name
            else:
                for key, inner in value.items():
                    walk(inner, key)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, name)

    walk(data, "")
    return found
