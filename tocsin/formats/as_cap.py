"""A warning as CAP 1.2, alone or in an EDXL-DE envelope with the original it passes on."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Final, Literal

from tocsin.formats import cap, edxl
from tocsin.formats.bulletin import Bulletin
from tocsin.formats.cap_terms import MEDIA_TYPE, Alert, Area, Info, Pair, Reference, Resource

# What the sender's precedence means to systems that sort by CAP's words. Severity and urgency are CAP's own axes;
# a warning here states one, and a reader who filters by either must not lose the most urgent.
_URGENCY: Final = {"FLASH": "Immediate", "IMMEDIATE": "Expected", "PRIORITY": "Expected"}
_SEVERITY: Final = {"FLASH": "Extreme", "IMMEDIATE": "Severe", "PRIORITY": "Moderate"}
_LIKELY, _UNLIKELY = 50, 5
_OET: Final = ("OET", "OET-177")  # OASIS event terms: security [V]; the list's short name [M]
_DEREF_CAP: Final = 256 * 1024


def alert(b: Bulletin) -> Alert:
    """The CAP message of a warning: Alert, Update of earlier editions, or Cancel."""
    kind = "Cancel" if b.cancelled else "Update" if b.earlier else "Alert"
    scope, restriction, addresses = _scope(b)
    return Alert(
        identifier=b.message,
        sender=address(b.sender, b.site),
        sent=b.sent.replace(microsecond=0),
        status="Exercise" if b.exercise else "Actual",
        kind=kind,
        source="; ".join(f"passed on from {o.sender}" for o in b.originals),
        scope=scope,
        restriction=restriction,
        addresses=addresses,
        codes=(f"TLP:{b.tlp}",),
        note=b.cancel_reason,
        references=tuple(
            Reference(address(b.sender, b.site), e.id, e.sent.replace(microsecond=0))
            for e in b.earlier
        ),
        incidents=b.series,
        infos=(_info(b),),
    )


def write(b: Bulletin) -> bytes:
    """The message as bytes."""
    return cap.write(alert(b))


def answer(
    to: Alert,
    *,
    kind: Literal["Ack", "Error"],
    identifier: str,
    sender: str,
    at: datetime,
    note: str,
) -> Alert:
    """What our system says to a message of theirs: that it has it, or why it does not take it."""
    return Alert(
        identifier=identifier,
        sender=sender,
        sent=at.replace(microsecond=0),
        status=to.status,
        kind=kind,
        scope="Private",
        addresses=to.sender,
        note=note,
        references=(Reference(to.sender, to.identifier, to.sent),),
    )


def envelope(b: Bulletin, message: bytes) -> bytes:
    """An EDXL-DE envelope with our message and, untouched, every CAP original it passes on."""
    relayed = [o for o in b.originals if o.format == "cap"]
    return edxl.write(
        edxl.Distribution(
            distribution_id=b.message,
            sender_id=address(b.sender, b.site),
            sent=b.sent.replace(microsecond=0),
            status="Exercise" if b.exercise else "Actual",
            type="Cancel" if b.cancelled else "Update" if b.earlier else "Report",
            confidentiality=f"TLP:{b.tlp}",
            descriptions=(b.title, *(f"As issued by {o.sender}" for o in relayed)),
            originals=(message, *(o.raw for o in relayed)),
            recipients=b.recipients,
        )
    )


def address(agency: str, site: str) -> str:
    """A sender as CAP wants one: unique in the world, without blanks and commas."""
    return f"{agency}@{site}"


def _scope(b: Bulletin) -> tuple[str, str, str]:
    """(scope, restriction, addresses) of a TLP label: only CLEAR is public."""
    if b.tlp == "CLEAR":
        return "Public", "", ""
    if b.tlp in ("RED", "AMBER+STRICT") and b.recipients:
        return "Private", f"TLP:{b.tlp}", " ".join(b.recipients)
    return "Restricted", f"TLP:{b.tlp}", ""


def _info(b: Bulletin) -> Info:
    expires = b.expires.replace(microsecond=0) if b.expires and b.expires > b.sent else None
    return Info(
        language="en-US",
        categories=("Security",),
        event=b.product_name,
        responses=("AllClear",) if b.cancelled else ("Execute",) if b.actions else ("Monitor",),
        urgency="Past" if b.cancelled else _URGENCY.get(b.precedence, "Future"),
        severity="Minor" if b.cancelled else _SEVERITY.get(b.precedence, "Minor"),
        certainty=_certainty(b),
        audience=", ".join(b.recipients),
        event_codes=(Pair(*_OET),),
        expires=expires,
        sender_name=b.agency,
        headline=b.title,
        description=b.text,
        instruction="\n".join(b.actions),
        web=b.url,
        parameters=_parameters(b),
        resources=tuple(r for o in b.originals if (r := _original(o.raw, o.format, o.sender))),
        areas=(Area(b.place or b.event),) if b.place or b.event else (),
    )


def _certainty(b: Bulletin) -> str:
    """CAP's word for the likeliest judgment: over 50 % is Likely, about nil is Unlikely; raw is Unknown."""
    highs = [s.high for s in b.statements if s.likelihood]
    if b.raw or not highs:
        return "Unknown"
    if max(highs) > _LIKELY and max(s.low for s in b.statements if s.likelihood) >= _LIKELY:
        return "Likely"
    return "Unlikely" if max(highs) <= _UNLIKELY else "Possible"


def _parameters(b: Bulletin) -> tuple[Pair, ...]:
    """What CAP has no element for, under our own name."""
    pairs = [
        Pair("tocsin:precedence", b.precedence),
        Pair("tocsin:product", b.product),
        Pair("tocsin:edition", str(b.edition)),
    ]
    for n, s in enumerate(b.statements, 1):
        if s.likelihood:
            pairs.append(Pair(f"tocsin:likelihood:{n}", f"{s.likelihood} ({s.low}-{s.high} %)"))
        if s.confidence:
            pairs.append(Pair(f"tocsin:confidence:{n}", s.confidence))
    return tuple(pairs)


def _original(raw: bytes, format_: str, sender: str) -> Resource | None:
    """The original as an enclosed file with its digest, where it is small enough to enclose."""
    if len(raw) > _DEREF_CAP:
        return None
    kinds = {"cap": MEDIA_TYPE, "stix": "application/stix+json", "misp": "application/json"}
    return Resource(
        description=f"As issued by {sender}",
        mime_type=kinds.get(format_, "text/plain"),
        size=len(raw),
        deref_uri=base64.b64encode(raw).decode(),
        digest=hashlib.sha1(raw, usedforsecurity=False).hexdigest(),
    )
