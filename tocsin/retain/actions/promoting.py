"""Typed promotion: tip → suspicious activity report → criminal intelligence. Each step is a recorded decision
with the grounds it takes, and makes a new thing in a store of its own; what it came from keeps its own clock."""

from __future__ import annotations

from datetime import datetime

from tocsin.assess.behaviours import BEHAVIOURS
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.kernel.ids import new_id
from tocsin.people.actions import share
from tocsin.people.models import Agency, Share
from tocsin.people.rules import permit, permit_on
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import marking_of
from tocsin.record.actions import writing
from tocsin.record.store import content
from tocsin.record.terms import Marking, Tlp, stamp
from tocsin.retain import rules, store, terms
from tocsin.retain.actions.disclosing import note_disclosure
from tocsin.retain.models import Intelligence, Sar
from tocsin.retain.terms import Grounds, Then, Vetting


def promote_to_sar(actor: Actor, *, report: str, vetting: Vetting) -> str:
    """Make a suspicious activity report of a tip or lead; returns its id.

    Raises: Forbidden, NotFound; Invalid naming the field; Conflict when it was promoted, or its text is gone.
    """
    permit(actor, Permission.ASSESS)
    row = store.report(actor, report)
    permit_on(actor, Permission.ASSESS, marking_of(row))
    if row.agency != actor.agency:
        raise Forbidden("only the agency that collected it may promote it")
    need = frozenset(k for k, b in BEHAVIOURS.items() if b.needs_facts)
    rules.check_vetting(vetting, need, frozenset(BEHAVIOURS))
    sar = new_id("sar")
    with writing(actor) as w:
        locked = type(row).objects.select_for_update().get(id=report)
        if Sar.objects.filter(report=report).exists():
            raise Conflict("it was promoted already")
        said = content(locked.content)
        if not said:
            raise Conflict("its text was purged: there is nothing to promote")
        body = {
            "title": BEHAVIOURS[vetting.behaviours[0]].title,
            "text": said.get("text", ""),
            "facts": vetting.facts.strip(),
            "nexus": vetting.nexus.strip(),
        }
        data = {
            "report": report,
            "content": w.keep(sar, body),
            "behaviours": list(vetting.behaviours),
            "collected_at": stamp(locked.received_at),
            "keep_until": _until("sar", locked.received_at),
        }
        w.append(terms.PROMOTED_SAR, sar, data, marking=_inside(locked.agency, locked.operation))
    return sar


def promote_to_intelligence(actor: Actor, *, sar: str, grounds: Grounds) -> str:
    """Enter a suspicious activity report as criminal intelligence; returns its id. A second person decides it.

    Raises: Forbidden, NotFound; Invalid naming the field; Conflict when it was entered, or its text is gone.
    """
    permit(actor, Permission.SETTLE)
    row = store.sar(actor, sar)
    if row.agency != actor.agency:
        raise Forbidden("only the agency that holds it may enter it")
    if row.promoted_by == actor.person:
        raise Forbidden("who made the report does not enter it", cure="Ask a second person.")
    rules.check_grounds(grounds)
    entry = new_id("cri")
    with writing(actor) as w:
        locked = Sar.objects.select_for_update().get(id=sar)
        if Intelligence.objects.filter(sar=sar).exists():
            raise Conflict("it was entered already")
        said = content(locked.content)
        if not said:
            raise Conflict("its text was purged: there is nothing to enter")
        body = {
            "title": said.get("title", ""),
            "text": said.get("text", ""),
            "suspicion": grounds.suspicion.strip(),
            "crime": grounds.crime.strip(),
            "control": grounds.control.strip(),
            "tie": grounds.tie.strip(),
        }
        data = {
            "sar": sar,
            "content": w.keep(entry, body),
            "sensitivity": grounds.sensitivity,
            "confidence": grounds.confidence,
            "collected_at": stamp(locked.collected_at),
            "keep_until": _until("intelligence", locked.collected_at),
        }
        marking = _inside(locked.agency, locked.operation)
        w.append(terms.PROMOTED_CRIMINAL, entry, data, marking=marking)
    return entry


def share_intelligence(
    actor: Actor, *, entry: str, agency: str, routine_use: str, reason: str
) -> None:
    """Give another agency sight of an entry, because it needs and has a right to know: entered into the account.

    Raises: Forbidden, NotFound; Invalid naming the field.
    """
    permit(actor, Permission.SETTLE)
    words = rules.check_reason(reason)
    with writing(actor) as w:
        row = Intelligence.objects.select_for_update().filter(id=entry, agency=actor.agency).first()
        if row is None:
            raise NotFound("there is no such thing, or it is not your agency's")
        if not Agency.objects.filter(id=agency).exclude(id=actor.agency).exists():
            raise Invalid("is no other agency", field="agency", cure="Choose one.")
        if Share.objects.filter(subject=entry, agency=agency).exists():
            raise Conflict("that agency sees it already", field="agency")
        share(w, subject=entry, agencies=[agency], marking=marking_of(row))
        kept = w.keep(new_id("dsc", w.at), {"to": "", "text": words})
        note_disclosure(
            w, subject=entry, marking=marking_of(row), how="shared", routine_use=routine_use,
            to_agency=agency, content=kept,
        )  # fmt: skip


def _until(kind: str, collected_at: datetime) -> str | None:
    """The end of its time, counted from collection: promotion starts no clock anew."""
    spec = store.schedule(kind)
    return None if spec.then is Then.KEEP else stamp(collected_at + spec.term)


def _inside(agency: str, operation: str) -> Marking:
    """The upper stores stay within their agency, whatever the tip was marked: sharing is a disclosure."""
    return Marking(agency, Tlp.AMBER_STRICT.value, operation)
