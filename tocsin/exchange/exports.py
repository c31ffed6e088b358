"""A released warning as bytes in a partner's format: CAP (signed), EDXL-DE, STIX, MISP; and the feed of alerts."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.exchange.bulletins import bulletin
from tocsin.exchange.keys import alert_key
from tocsin.exchange.terms import Format
from tocsin.formats import as_cap, as_misp, as_stix, atom, cap_sign
from tocsin.formats.bulletin import Bulletin
from tocsin.kernel import clock, settings
from tocsin.people.terms import Actor
from tocsin.people.visibility import visible_to
from tocsin.record.models import Site
from tocsin.warn import store
from tocsin.warn.models import Warning
from tocsin.warn.terms import WAS_RELEASED, State

FEED = 100
"""Newest messages in the feed of alerts."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One file: its bytes, media type and name."""

    body: bytes
    media_type: str
    filename: str


def export(actor: Actor, *, warning: str, format: Format, cancelled: bool = False) -> Exported:
    """A released warning the actor may see, in a format. Raises: NotFound; Conflict where it was not released."""
    b = bulletin(store.warning(actor, warning), cancelled=cancelled)
    return Exported(_write(b, format), format.media_type, f"{b.message}.{format}.{format.suffix}")


def signed_cap(b: Bulletin) -> bytes:
    """The CAP message with this site's signature. The same warning gives the same bytes."""
    key, certificate = alert_key()
    return cap_sign.sign(as_cap.write(b), key=key, certificate=certificate)


def feed(actor: Actor, *, address: str) -> bytes:
    """The newest alerts the actor may see as an Atom feed; `address` = where it and its messages are served."""
    rows = visible_to(actor, Warning.objects.filter(state__in=[s.value for s in WAS_RELEASED]))
    listed = list(rows.order_by("-released_at", "-id")[:FEED])
    titles = store.titles(listed)
    base = settings.current().base_url.rstrip("/")
    entries: list[atom.Entry] = []
    for row in listed:
        link = f"{base}{address}/warnings/{row.id}/export/cap"
        if row.state == State.CANCELLED and row.ended_at:
            title = f"Cancelled: {titles[row.id]}"
            entries.append(
                atom.Entry(f"{row.id}.cancel", title, row.ended_at, f"{link}?cancelled=1")
            )
        entries.append(atom.Entry(row.id, titles[row.id], row.released_at, link))
    entries.sort(key=lambda e: e.updated or clock.now(), reverse=True)
    drill = " (EXERCISE)" if Site.objects.filter(id=1).exclude(exercise="").exists() else ""
    return atom.write(
        feed_id=f"{base}{address}/alerts.atom",
        title=f"Alerts{drill}",
        link=f"{base}{address}/alerts.atom",
        entries=entries[:FEED],
        at=clock.now(),
    )


def _write(b: Bulletin, format: Format) -> bytes:
    match format:
        case Format.CAP:
            return signed_cap(b)
        case Format.EDXL:
            return as_cap.envelope(b, signed_cap(b))
        case Format.STIX:
            return as_stix.bundle(b)
        case Format.MISP:
            return as_misp.write(b)
