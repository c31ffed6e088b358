"""Storing one chunk in one transaction: new reports, edited ones, near-copies, counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from tocsin.collect import rules, terms
from tocsin.collect.models import Group, Report, Source
from tocsin.collect.terms import RevisionReason
from tocsin.duties import actions as duties
from tocsin.duties.models import Duty
from tocsin.duties.terms import DUTY_MOVED, Precedence
from tocsin.people.terms import Role
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing
from tocsin.record.terms import Marking, stamp
from tocsin.screen import store
from tocsin.screen.actions.keeping import fresh_report, kept, told
from tocsin.screen.actions.refusals import keep_refused
from tocsin.screen.actions.sampling import Sampling, take_up
from tocsin.screen.choosing import Counted
from tocsin.screen.memory import engine, groups
from tocsin.screen.taken import COUNTED, Chunk, Seen, Taken, reading
from tocsin.screen.terms import Priority, Verdict

OnFlagged = Callable[[Writing, Sequence[Report]], None]
on_flagged: list[OnFlagged] = []
"""Called with newly flagged reports (and edited ones that show a new sign) in the transaction that stores them.
A stage above appends to it when the application starts."""

_RANKS = {p.value: p.rank for p in Priority}


class Storing:
    """Stores one chunk in one open transaction, under the agency's intake lock."""

    def __init__(self, w: Writing, row: Source, taken: Taken) -> None:
        self.w = w
        self.row = row
        self.taken = taken
        self.retention_until = stamp(w.at + timedelta(days=row.retention_days))
        self.groups: dict[str, Group] = {}
        self.leaders: dict[str, Report] = {}
        self.starts: dict[str, Any] = {}
        self.again: dict[str, int] = {}
        self.fresh: list[Report] = []
        self.scores: Counter[Counted] = Counter()
        self.sampling = Sampling(w, row, taken)

    def store(self, chunk: Chunk) -> Taken:
        """Store flagged items in the order they came, then refusals, then the counts."""
        known = store.known(self.row.id, {s.identity for s in chunk.seen})
        flagged = [s for s in chunk.seen if s.verdict and not s.verdict.sample]
        flagged = [s for s in flagged if s.identity not in known]
        places = self._places(flagged)
        for seen in chunk.seen:
            before = known.get(seen.identity)
            if before is not None:
                self._known(before, seen)
                continue
            joined = self.taken.joined
            if seen.verdict is not None and seen.verdict.sample:
                if drawn := self.sampling.draw(seen, seen.verdict):
                    known[seen.identity] = drawn
            elif seen.verdict is not None:
                marking, group = places[id(seen)]
                known[seen.identity] = self._flag(seen, seen.verdict, marking, group)
            if seen.counted and self.taken.joined == joined:  # a copy costs no reading of its own
                self.scores[seen.counted] += 1
        keep_refused(self.w, self.row, chunk, self.retention_until)
        self._count()
        if self.fresh:
            for hook in on_flagged:
                hook(self.w, self.fresh)
        return self.taken

    def _places(self, flagged: list[Seen]) -> dict[int, tuple[Marking, str]]:
        """The marking and group of each flagged item; groups and their leaders are fetched and locked."""
        if not flagged:
            return {}
        row, words = self.row, {}
        if not row.operation:
            words = store.operations_by_words(row.agency, self.w.at)
        markings, texts = [], []
        for seen in flagged:
            operation = row.operation or (
                rules.named_operation(reading(seen.item), words) if words else ""
            )
            markings.append(Marking(row.agency, row.tlp, operation))
            texts.append(seen.verdict.masked.text if seen.verdict else "")
        found = groups().assign(markings, texts, row.agency, self.w.at)
        self.groups = store.groups(found)
        self.leaders = store.leaders(g.leader for g in self.groups.values())
        self.starts = store.starts({m.operation for m in markings})
        return {id(s): (m, g) for s, m, g in zip(flagged, markings, found, strict=True)}

    def _flag(self, seen: Seen, verdict: Verdict, marking: Marking, group: str) -> Report:
        """A new report; it joins the leader of its group while that one waits, else it owes its own answer."""
        w, row, item = self.w, self.row, seen.item
        report = fresh_report(w, row, seen, verdict, marking)
        report.group = group
        leader = self._join(report)
        data = {
            **told(w, row, report, seen, verdict),
            "group": group,
            "group_size": self.groups[group].size,
            "leader": leader,
            "retention_until": self.retention_until,
        }
        w.append(terms.REPORT_FLAGGED, report.id, data, marking=marking, occurred_at=item.at)
        if not leader:
            self._owe(report, marking)
        self._tell_new(report, data)
        self.taken.flagged += 1
        self.taken.joined += bool(leader)
        return report

    def _tell_new(self, report: Report, data: dict[str, Any]) -> None:
        report.content = data["content"]["vault"]
        report.original = data["original"]["vault"]
        report.received_at = self.w.at
        report.seen_count = report.version = 1
        self.fresh.append(report)
        self.taken.reports.append(report.id)

    def _join(self, report: Report) -> str:
        """Count a report into its group; returns the id of the report it joins, '' when it leads."""
        group = self.groups.get(report.group)
        if group is None:
            self.groups[report.group] = Group(id=report.group, leader=report.id, size=1)
            self.leaders[report.id] = report
            return ""
        group.size += 1
        leader = self.leaders.get(group.leader)
        waits = leader is not None and leader.state == "OPEN" and leader.flagged
        if leader is not None and waits and _rank(report.precedence) <= _rank(leader.precedence):
            return leader.id
        group.leader = report.id
        self.leaders[report.id] = report
        return ""

    def _owe(self, report: Report, marking: Marking) -> None:
        duties.open_duty(
            self.w,
            "assess",
            report.id,
            f"Assess a flagged report from {self.row.name}",
            marking,
            owner_agency=self.row.agency,
            owner_role=Role.COLLECTOR.value,
            precedence=Precedence(report.precedence),
            event_start=self.starts.get(marking.operation),
        )

    def _known(self, before: Report, seen: Seen) -> None:
        """A post that is stored: unchanged, or edited into a new version."""
        if before.content_hash == seen.digest:
            before.seen_count += 1
            self.again[before.id] = before.seen_count
            self.taken.seen_again += 1
            return
        self._revise(before, seen)
        self.taken.revised += 1
        self.taken.reports.append(before.id)

    def _revise(self, before: Report, seen: Seen) -> None:
        verdict = seen.verdict
        if verdict is not None and verdict.sample:
            verdict = None  # who drew a lot once draws no second one by an edit
        elif verdict is not None and before.sample and before.state in ("SAMPLE", "PURGED"):
            take_up(self.w, self.row, before)
        why = rules.revision(
            _rank(before.precedence),
            before.categories,
            was_flagged=before.flagged,
            after_rank=verdict.priority.rank if verdict else None,
            after_categories=verdict.categories if verdict else (),
        )
        reopened = why.reopens and before.state == "DECIDED"
        raised = verdict is not None and verdict.priority.rank > _rank(before.precedence)
        leads = bool(verdict) and why.reopens and (reopened or raised) and self._takes_lead(before)
        marking = marking_of(before)
        data = {
            "version": before.version + 1,
            "hash": seen.digest,
            "flagged": verdict is not None,
            "why": why.name,
            "reopened": reopened,
            "leads": leads,
            "group": before.group,
            "group_size": self.groups[before.group].size
            if before.group in self.groups
            else before.group_size,
            "before": _version(before),
            **(kept(self.w, before.id, seen.item, verdict) if verdict else {}),
        }
        self.w.append(
            terms.REPORT_REVISED, before.id, data, marking=marking, occurred_at=seen.item.at
        )
        self._owe_again(before, verdict, reopened=reopened, leads=leads)
        _take_over(before, data, self.w)
        if why in (RevisionReason.NEW_SIGN, RevisionReason.FLAGGED_AGAIN):
            self.fresh.append(before)

    def _takes_lead(self, report: Report) -> bool:
        """Make a report lead its group, when it does not yet; returns whether that changed."""
        if report.group not in self.groups:
            self.groups |= store.groups([report.group])
        group = self.groups[report.group]
        self.leaders[report.id] = report
        changed = group.leader != report.id
        group.leader = report.id
        return changed

    def _owe_again(
        self, report: Report, verdict: Verdict | None, *, reopened: bool, leads: bool
    ) -> None:
        """A reopened report, or a copy that stands out now, owes an answer; one that owes it already gets more
        urgent."""
        if verdict is None:
            return
        was, report.precedence = report.precedence, verdict.priority.value
        marking = marking_of(report)
        self.w.flush()
        duty = Duty.objects.filter(subject=report.id, kind="assess", discharged_at=None).first()
        if duty is None and (reopened or leads):
            self.starts |= store.starts([report.operation])
            self._owe(report, marking)
        elif duty is not None and verdict.priority.rank > _rank(was):
            data = {
                "id": duty.id,
                "precedence": verdict.priority.value,
                "why": "the post was edited",
            }
            self.w.append(DUTY_MOVED, report.id, data, marking=marking)

    def _count(self) -> None:
        """One entry of counts a chunk; the hour is that of arrival."""
        taken, marking = self.taken, marking_of(self.row)
        if self.again:
            self.w.append(
                terms.REPORTS_SEEN_AGAIN, self.row.id, {"reports": self.again}, marking=marking
            )
        hour = self.w.at.replace(minute=0, second=0, microsecond=0)
        data = {
            "hour": stamp(hour),
            **{name: getattr(taken, name) for name in COUNTED if name not in ("read", "unkept")},
            "reasons": dict(sorted(taken.reasons.items())),
            "catalogue": engine().version,
            "model_version": engine().models.version,
        }
        self.w.append(terms.ITEMS_COUNTED, self.row.id, data, marking=marking)
        store.count_scores(self.row.agency, hour, self.scores)


def _rank(precedence: str) -> int:
    return _RANKS[precedence]


def _version(row: Report) -> dict[str, Any]:
    """The row of the version that an edit supersedes."""
    return {
        "at": stamp(row.edited_at or row.received_at),
        "content": row.content,
        "original": row.original,
        "flagged": row.flagged,
        "score": row.score,
        "precedence": row.precedence,
        "categories": row.categories,
        "spans": row.spans,
    }


def _take_over(row: Report, data: dict[str, Any], w: Writing) -> None:
    """Keep the row in memory as `apply` will have it: the chunk may hold a further edit."""
    row.version = data["version"]
    row.content_hash = data["hash"]
    row.flagged = data["flagged"]
    row.edited_at = w.at
    if data["flagged"]:
        row.content, row.original = data["content"]["vault"], data["original"]["vault"]
        row.score, row.precedence = data["score"], data["precedence"]
        row.categories, row.spans = data["categories"], data["spans"]
    if data["reopened"]:
        row.state = "OPEN"
    if data["leads"]:
        row.leader = ""
