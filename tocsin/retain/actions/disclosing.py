"""The account of disclosures: filled from what was delivered and exported, and by hand for the rest."""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.db import connection

from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid, NotFound
from tocsin.kernel.ids import new_id
from tocsin.people.rules import permit
from tocsin.people.terms import SYSTEM, Actor, Permission
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking
from tocsin.retain import rules, store, terms

BATCH = 1000

_NEW = """
SELECT d.id, d.warning, d.sender, d.seat_agency, d.seat_role, w.label, d.operation,
       coalesce(d.sent_at, d.delivered_at, d.read_at, d.acknowledged_at)
FROM deliver_destination d JOIN warn_warning w ON w.id = d.warning
WHERE d.occasion = 'release' AND d.seat_agency <> d.sender
AND coalesce(d.sent_at, d.delivered_at, d.read_at, d.acknowledged_at) IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM retain_disclosure r WHERE r.source = d.id)
ORDER BY d.opened_at LIMIT %s FOR UPDATE OF d SKIP LOCKED
"""


_COPIES = """
SELECT c.id, c.subject, c.agency, c.tlp, c.operation, c.form, c.at, n.body
FROM warn_copy c JOIN record_vault n ON n.id = c.note
WHERE n.body ->> 'to' <> '' AND NOT EXISTS (SELECT 1 FROM retain_disclosure r WHERE r.source = c.id)
ORDER BY c.at LIMIT %s FOR UPDATE OF c SKIP LOCKED
"""


def account_due() -> int:
    """Enter what was given to others since: deliveries, and copies taken for somebody. Returns how many.

    The worker's step; any number of workers, each disclosure once.
    """
    return _deliveries() + _copies()


def _deliveries() -> int:
    """Each warning that reached another agency."""
    use = store.policy().delivery_use
    with writing(SYSTEM) as w:
        with connection.cursor() as cursor:
            cursor.execute(_NEW, [BATCH])
            rows = cursor.fetchall()
        for destination, warning, sender, agency, role, label, operation, at in rows:
            note_disclosure(
                w, subject=warning, marking=Marking(sender, label, operation), to_agency=agency,
                to_role=role, how="delivery", routine_use=use, source=destination, at=at,
            )  # fmt: skip
    return len(rows)


def _copies() -> int:
    """Each copy that was printed or saved for somebody who was named. The name is kept with the account: it
    outlives what was copied."""
    use = store.policy().delivery_use
    with writing(SYSTEM) as w:
        with connection.cursor() as cursor:
            cursor.execute(_COPIES, [BATCH])
            rows = cursor.fetchall()
        for copy, subject, agency, tlp, operation, form, at, body in rows:
            note = body if isinstance(body, dict) else msgspec.json.decode(body)
            said = {"to": str(note.get("to", "")), "text": str(note.get("purpose", ""))}
            note_disclosure(
                w, subject=subject, marking=Marking(agency, tlp, operation), how=f"copy, {form}",
                routine_use=use, source=copy, content=w.keep(new_id("dsc", w.at), said), at=at,
            )  # fmt: skip
    return len(rows)


def note_disclosure(
    w: Writing,
    *,
    subject: str,
    marking: Marking,
    how: str,
    routine_use: str,
    to_agency: str = "",
    to_role: str = "",
    source: str = "",
    content: dict[str, str] | None = None,
    at: datetime | None = None,
) -> str:
    """Enter a disclosure within the caller's transaction and authority: for exports, releases, feeds.

    `source` = the id of the export, so that it can be told apart; `content` = what `w.keep` gave for a name.
    Raises: Invalid for a routine use that the policy does not name.
    """
    if routine_use not in store.policy().routine_uses:
        raise Invalid(
            f"{routine_use!r} is no routine use of this site",
            field="routine_use",
            cure="Choose one.",
        )
    disclosure = new_id("dsc", w.at)
    data = {
        "id": disclosure,
        "to_agency": to_agency,
        "to_role": to_role,
        "how": how,
        "routine_use": routine_use,
        "source": source,
        "content": content,
    }
    w.append(terms.DISCLOSED, subject, data, marking=marking, occurred_at=at)
    return disclosure


def disclose(
    actor: Actor,
    *,
    subject: str,
    to: str,
    reason: str,
    routine_use: str,
    at: datetime | None = None,
) -> str:
    """Enter by hand that somebody outside was given a thing: who, why, by which routine use, when.

    Raises: Forbidden, NotFound; Invalid naming the field.
    """
    permit(actor, Permission.READ_RECORD)
    who = " ".join(to.split())
    if not who:
        raise Invalid("is empty", field="to", cure="Name the person or agency that was given it.")
    reason = rules.check_reason(reason)
    if at is not None and at > clock.now():
        raise Invalid("lies in the future", field="at", cure="Enter it when it has happened.")
    marking = store.markings([subject]).get(subject)
    if marking is None or (marking.agency != actor.agency and not actor.system):
        raise NotFound("there is no such thing, or it is not your agency's", field="subject")
    with writing(actor) as w:
        holder = new_id("dsc", w.at)
        kept = w.keep(holder, {"to": who, "text": reason})
        return note_disclosure(
            w, subject=subject, marking=Marking(marking.agency, marking.tlp, marking.operation),
            how="by hand", routine_use=routine_use, content=kept, at=at,
        )  # fmt: skip
