"""Redacted releases: begun by one person, approved by another, through the gate at both."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256

from tocsin.duties.actions import discharge, open_duty
from tocsin.kernel.errors import Conflict, Invalid
from tocsin.kernel.ids import new_id
from tocsin.oversee import disclosing, rules, terms
from tocsin.oversee.models import Mark, Release
from tocsin.oversee.terms import ReleaseState
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission, Role
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, Tlp
from tocsin.retain import schedules
from tocsin.retain.actions import note_disclosure

_LONGEST = 300


def begin_release(actor: Actor, *, title: str, reference: str, subjects: Sequence[str]) -> str:
    """Begin a release of the agency's own subjects; returns its id. Raises: Forbidden, Invalid."""
    permit(actor, Permission.DISCLOSE)
    title, reference = " ".join(title.split()), " ".join(reference.split())
    if not title:
        raise Invalid("is empty", field="title", cure="Say what is released; it is printed on top.")
    if len(title) > _LONGEST or len(reference) > _LONGEST:
        raise Invalid(f"over {_LONGEST} characters", field="title", cure="Shorten it.")
    items = disclosing.choose(actor, subjects)
    release = new_id("rel")
    with writing(actor) as w:
        kept = w.keep(release, {"title": title, "reference": reference}, sealed=True)
        w.append(
            terms.RELEASE_BEGUN, release, {"content": kept, "items": items}, marking=_marking(actor)
        )
    return release


def withhold(
    actor: Actor,
    *,
    release: str,
    version: int,
    words: str,
    exemption: str,
    harm: str,
    statute: str = "",
    only: tuple[int, int] | None = None,
) -> int:
    """Withhold `words` wherever they stand, or in one text only (`only` = item, text); returns how often.

    Raises: Forbidden, NotFound; Conflict when it changed or is no draft; Invalid when the words stand nowhere.
    """
    permit(actor, Permission.DISCLOSE)
    rules.check_ground(exemption, statute, harm)
    with writing(actor) as w:
        row = _draft(actor, release, version)
        taken = {(m.item, m.field, m.start, m.end, m.exemption) for m in _live(row)}
        found = [
            (i, f, start, end)
            for i, item in enumerate(disclosing.items(row))
            for f, text in enumerate(item.texts)
            if only is None or only == (i, f)
            for start, end in rules.occurrences(text.text, words)
            if (i, f, start, end, exemption) not in taken
        ]
        if not found:
            raise Invalid(
                "these words stand nowhere in it, or are withheld already",
                field="words",
                cure="Copy them from the text as they stand.",
            )
        note = w.keep(release, {"text": harm.strip(), "statute": statute.strip()}, sealed=True)
        marks = [
            {"id": new_id("mrk", w.at), "item": i, "field": f, "start": a, "end": b}
            for i, f, a, b in found
        ]
        data = {"marks": marks, "exemption": exemption, "note": note}
        _changed(w, row, terms.RELEASE_MARKED, data, len(marks))
    return len(marks)


def show_again(actor: Actor, *, release: str, version: int, marks: Sequence[str]) -> int:
    """Take marks off a draft; returns how many. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.DISCLOSE)
    with writing(actor) as w:
        row = _draft(actor, release, version)
        mine = [m.id for m in _live(row) if m.id in set(marks)]
        if not mine:
            raise Conflict("these marks are gone already", cure="Reload the page.")
        _changed(w, row, terms.RELEASE_UNMARKED, {"marks": mine}, -len(mine))
    return len(mine)


def propose_release(actor: Actor, *, release: str, version: int) -> None:
    """Hand a release to a second person. It must pass the gate first; a duty opens.

    Raises: Forbidden, NotFound, Conflict; Leaks when withheld words can still be read.
    """
    permit(actor, Permission.DISCLOSE)
    with writing(actor) as w:
        row = _draft(actor, release, version)
        disclosing.made(row, w.at)
        _append(w, row, terms.RELEASE_PROPOSED, {})
        other = Role.PRIVACY_OFFICER if Role.INSPECTOR in actor.roles else Role.INSPECTOR
        open_duty(
            w,
            "approve_release",
            release,
            "Read the redacted release a second time: approve it, or send it back",
            _marking(actor),
            owner_agency=row.agency,
            owner_role=other.value,
        )


def return_release(actor: Actor, *, release: str, version: int, reason: str) -> None:
    """The second person sends it back, with a reason. Raises: Forbidden, NotFound, Conflict, Invalid."""
    permit(actor, Permission.DISCLOSE)
    with writing(actor) as w:
        row = _locked(actor, release)
        rules.check_approver(row.state, actor.person, row.writers, row.version, version)
        data = {"reason": w.keep(release, {"text": _reason(reason)}, sealed=True)}
        _append(w, row, terms.RELEASE_RETURNED, data)
        discharge(w, release, "approve_release", "sent back")


def approve_release(actor: Actor, *, release: str, version: int) -> str:
    """The second person approves: the document is made, read back by the gate, and kept. Returns its SHA-256.

    1. Somebody who wrote nothing of it, at the version they read.
    2. The document is made again from the texts, and searched for every withheld stretch.
    3. Its hash goes on the record; from now on it never changes.
    4. Each subject's account of disclosures gets a line: who is told when it is purged later.
    Raises: Forbidden, NotFound, Conflict, Leaks.
    """
    permit(actor, Permission.DISCLOSE)
    with writing(actor) as w:
        row = _locked(actor, release)
        rules.check_approver(row.state, actor.person, row.writers, row.version, version)
        pdf, html = disclosing.made(row, w.at)
        digest = sha256(pdf).hexdigest()
        body = {"pdf": b64encode(pdf).decode(), "html": html}
        data = {"document": w.keep(release, body, sealed=True), "sha256": digest}
        _append(w, row, terms.RELEASE_APPROVED, data)
        _account(w, row)
        discharge(w, release, "approve_release", "approved")
    return digest


def _account(w: Writing, row: Release) -> None:
    words = disclosing.titles([row])[row.id]
    said = {"to": words.reference or words.title, "text": f"Redacted release: {words.title}"}
    use = schedules.policy().release_use
    for item in row.items:
        note_disclosure(
            w, subject=item["subject"], marking=Marking(row.agency, row.tlp, row.operation),
            how="redacted release", routine_use=use, source=f"{row.id}/{item['subject']}",
            content=w.keep(new_id("dsc", w.at), said),
        )  # fmt: skip


def withdraw_release(actor: Actor, *, release: str, version: int, reason: str) -> None:
    """Give up a release that was not approved, with a reason. Raises: Forbidden, NotFound, Conflict, Invalid."""
    permit(actor, Permission.DISCLOSE)
    with writing(actor) as w:
        row = _locked(actor, release)
        if row.state not in (ReleaseState.DRAFT, ReleaseState.PROPOSED) or row.version != version:
            raise Conflict(
                "it was approved, or changed since you opened it", cure="Reload the page."
            )
        data = {"reason": w.keep(release, {"text": _reason(reason)}, sealed=True)}
        _append(w, row, terms.RELEASE_WITHDRAWN, data)
        discharge(w, release, "approve_release", "withdrawn")


def _marking(actor: Actor) -> Marking:
    return Marking(actor.agency, Tlp.RED.value)


def _locked(actor: Actor, release: str) -> Release:
    disclosing.release(actor, release)
    return Release.objects.select_for_update().get(id=release)


def _draft(actor: Actor, release: str, version: int) -> Release:
    row = _locked(actor, release)
    if row.state != ReleaseState.DRAFT:
        raise Conflict(f"it is {ReleaseState(row.state).words}", cure="Reload the page.")
    if row.version != version:
        raise Conflict("somebody changed it since you opened it", cure="Reload the page.")
    return row


def _live(row: Release) -> list[Mark]:
    return list(Mark.objects.filter(release=row.id, dropped_at=None))


def _changed(w: Writing, row: Release, kind: str, data: Mapping[str, object], by: int) -> None:
    writers = sorted({*row.writers, w.author.person})
    _append(w, row, kind, {**data, "writers": writers, "withheld": row.withheld + by})


def _append(w: Writing, row: Release, kind: str, data: Mapping[str, object]) -> None:
    marking = Marking(row.agency, row.tlp, row.operation)
    w.append(kind, row.id, {**data, "version": row.version + 1}, marking=marking)


def _reason(text: str) -> str:
    if len(text.strip()) < 10:
        raise Invalid("say why", field="reason", cure="A sentence is enough.")
    return text.strip()
