"""A CAP message that a partner's system sends us: an alert is a report, an `Ack` or `Error` is a receipt."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from tocsin.collect import store as collect
from tocsin.collect.sources.cap import item_of
from tocsin.collect.terms import SourceKind
from tocsin.deliver.actions import machines
from tocsin.exchange.bulletins import bulletin
from tocsin.exchange.keys import alert_key
from tocsin.exchange.terms import Received
from tocsin.formats import as_cap, cap, cap_sign
from tocsin.formats.cap_terms import Alert
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import Invalid, NotFound, TocsinError
from tocsin.kernel.ids import new_id
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import visible_to
from tocsin.screen.actions import take_in
from tocsin.warn.models import Warning
from tocsin.warn.terms import WAS_RELEASED

ANSWERS = frozenset({"Ack", "Error"})


def receive_cap(actor: Actor, *, raw: bytes, source: str = "") -> Received:
    """Take in one CAP message. `source` = the source (kind api or cap) that an alert is for.

    Raises: Forbidden; NotFound; Invalid naming what is wrong with the message.
    """
    permit(actor, Permission.READ_CONTENT)
    alert = cap.read(raw)
    if alert.kind in ANSWERS:
        return Received(alert.kind, receipts=_answer(actor, alert))
    if not source:
        raise Invalid("is missing", field="source", cure="Say which source the alert is for.")
    row = collect.source(actor, source)
    if row.kind not in (SourceKind.API, SourceKind.CAP):
        raise Invalid("does not take alerts", field="source", cure="Use one of kind api or cap.")
    taken = take_in(row, [item_of(alert, raw)], actor=actor)
    counted = taken.screened - taken.flagged
    return Received(alert.kind, flagged=taken.flagged, counted=counted)


def answer_cap(actor: Actor, *, raw: bytes, source: str = "") -> bytes:
    """Take in one CAP message and answer in CAP, signed: an `Ack` or `Error` that refers to theirs; b'' for an answer.

    An `Ack` says that our system has it, and nothing of a person. Raises: as `receive_cap`, for what is no CAP
    message, and for an answer that names none of ours.
    """
    permit(actor, Permission.READ_CONTENT)
    theirs = cap.read(raw)
    kind: Literal["Ack", "Error"] = "Ack"
    said = "Our system has it. No person has answered yet."
    try:
        receive_cap(actor, raw=raw, source=source)
    except TocsinError as error:
        if theirs.kind in ANSWERS:
            raise
        kind, said = "Error", str(error)
    if theirs.kind in ANSWERS:
        return b""  # nobody answers an answer
    now = clock.now()
    site = urlsplit(settings.current().base_url).hostname or "localhost"
    ours = as_cap.answer(
        theirs,
        kind=kind,
        identifier=new_id("ans", now),
        sender=as_cap.address("tocsin", site),
        at=now,
        note=said,
    )
    key, certificate = alert_key()
    return cap_sign.sign(cap.write(ours), key=key, certificate=certificate)


def _answer(actor: Actor, alert: Alert) -> int:
    """Move the receipts of the warnings an answer names. Raises: NotFound when none of them is one of ours."""
    about = _named(actor, alert)
    if not about:
        raise NotFound(
            "none of these messages is ours and yours to answer",
            field="cap.references",
            cure="Send sender, identifier and sent as they stand in our message.",
        )
    if alert.kind == "Ack":
        return machines.taken(actor, about=about, how="cap")
    return machines.not_taken(actor, about=about, how="cap", said=alert.note)


def _named(actor: Actor, alert: Alert) -> set[tuple[str, str]]:
    """(warning, occasion) of each reference that is exactly one of our messages, in the actor's sight."""
    found = set()
    for reference in alert.references:
        warning, _, end = reference.identifier.partition(".")
        rows = Warning.objects.filter(id=warning, state__in=[s.value for s in WAS_RELEASED])
        row = visible_to(actor, rows).first()
        if row is None or end not in ("", "cancel") or (end == "cancel" and row.ended_at is None):
            continue
        sent = row.ended_at if end else row.released_at
        site = bulletin(row).site
        ours = as_cap.address(row.agency, site) == reference.sender
        if ours and sent and sent.replace(microsecond=0) == reference.sent:
            found.add((row.id, "cancel" if end else "release"))
    return found
