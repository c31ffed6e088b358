"""Whom to try next, when to try again, who counts as informed: decided purely."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from tocsin.deliver.terms import (
    GIVE_UP_AFTER,
    LINK_LIVES_ON,
    Channel,
    Entrant,
    Hop,
    Informed,
    State,
    Way,
    Why,
)
from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Invalid
from tocsin.record.terms import Tlp
from tocsin.warn.terms import Seat

_FIRST_WAIT = 15
_LONGEST_WAIT = 900
_WITHIN_MAIL = {Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER}
_TITLE_IN_SUBJECT = {Tlp.CLEAR, Tlp.GREEN}


def informed(required: Iterable[Seat], acknowledged: Collection[Seat]) -> Informed:
    """ "Informed" is true only when every seat that must know has acknowledged; naming nobody is not enough.

    `required` is what the operation asks for now, joined with what was asked for when the warning went out:
    a role added later makes the word disappear until that role has answered too.
    """
    seats = set(required)
    done = len(seats & set(acknowledged))
    if not seats:
        return Informed(False, 0, 0, "no role is named that must know")
    if done < len(seats):
        return Informed(
            False, done, len(seats), f"{len(seats) - done} of {len(seats)} roles have not answered"
        )
    return Informed(True, done, len(seats), "every role that must know has acknowledged")


def best(states: Iterable[State]) -> State | None:
    """The highest rung among deliveries; None when none of them is on the ladder."""
    on_ladder = [s for s in states if s.rung]
    return max(on_ladder, key=lambda s: s.rung) if on_ladder else None


def raises(now_at: State, reached: State) -> bool:
    """Whether reaching `reached` lifts a destination that stands at `now_at`."""
    return reached.rung > now_at.rung


def keeper_order(seat_agency: str, sender: str, lead: str) -> list[str]:
    """Whose lines of the directory count for a seat, best first. The first who has any decides alone.

    The agency itself knows best who sits where. Nobody but the sender and the operation's lead may
    name recipients for another agency: else a stranger could have that agency's warnings sent to himself.
    """
    return list(dict.fromkeys(k for k in (seat_agency, sender, lead) if k))


def first_hops(entrants: Sequence[Entrant], *, flash: bool, why: Why = Why.FIRST) -> list[Hop]:
    """Whom to try first: the first of the order, or everybody for a FLASH. [] = there is nobody."""
    able = [e for e in _ordered(entrants) if e.ways]
    if flash:
        return [Hop(e.id, 0, Why.EVERYONE.name) for e in able]
    return [Hop(able[0].id, 0, why.name)] if able else []


def again_hops(entrants: Sequence[Entrant], got: Mapping[str, int]) -> list[Hop]:
    """Whom an update or a cancellation goes to: everybody who got what it replaces, the way it went.

    `got` = recipient -> place of the way that worked. Where none of them is listed any more: the first in order.
    """
    hops = [
        Hop(e.id, got[e.id] if got[e.id] < e.ways else 0, Why.GOT_THE_LAST.name)
        for e in _ordered(entrants)
        if e.id in got and e.ways
    ]
    return hops or first_hops(entrants, flash=False)


def next_hops(
    entrants: Sequence[Entrant],
    tried: Collection[tuple[str, int]],
    current: str,
    *,
    same_person: bool,
    everyone: bool = False,
    failed: bool = False,
) -> list[Hop]:
    """Whom to try after no answer (or a failure for good: `failed`). [] = nothing is left to try.

    `tried` = (recipient, place of the way). With `same_person`, first the next way to `current`; then the
    next person who was not tried, then whatever way is left. With `everyone` (a FLASH, where all were told
    at once) the next way to each of them, or to `current` alone where that one failed.
    """
    order = _ordered(entrants)
    if everyone:
        asked = [e for e in order if e.id == current or not failed]
        ways = [(e.id, _next_way(e, tried)) for e in asked]
        why = Why.FAILED_WAY if failed else Why.NEXT_WAY
        return [Hop(who, place, why.name) for who, place in ways if place is not None]
    same = [e for e in order if same_person and e.id == current]
    known = {recipient for recipient, _ in tried}
    fresh = [e for e in order if e.id not in known]
    for group, why in (
        (same, Why.FAILED_WAY if failed else Why.NEXT_WAY),
        (fresh, Why.FAILED_PERSON if failed else Why.NEXT_PERSON),
        (order, Why.LEFT_OVER),
    ):
        for entrant in group:
            if (place := _next_way(entrant, tried)) is not None:
                return [Hop(entrant.id, place, why.name)]
    return []


def _ordered(entrants: Sequence[Entrant]) -> list[Entrant]:
    return sorted(entrants, key=lambda e: (e.rank, e.id))


def _next_way(entrant: Entrant, tried: Collection[tuple[str, int]]) -> int | None:
    return next((p for p in range(entrant.ways) if (entrant.id, p) not in tried), None)


def wait(delivery: str, attempts: int) -> timedelta | None:
    """How long to wait after the `attempts`-th temporary failure; None = give up.

    Doubles from 15 s to 15 min; up to a fifth more or less, fixed by the id, so that deliveries refused
    together do not all come back together.
    """
    if attempts >= GIVE_UP_AFTER:
        return None
    seconds = min(_FIRST_WAIT << (attempts - 1), _LONGEST_WAIT)
    share = zlib.crc32(f"{delivery}/{attempts}".encode()) % 401 - 200
    return timedelta(milliseconds=seconds * (1000 + share))


def urgency(precedence: str) -> int:
    """3 for FLASH down to 0: what is sent first."""
    return list(Precedence).index(Precedence(precedence))


def text_in_mail(label: str) -> bool:
    """Whether the text itself may travel by mail, or only a link to it.

    Mail is kept by servers nobody here knows of: AMBER+STRICT and RED stay behind the link.
    """
    return label in _WITHIN_MAIL


def subject_line(
    label: str, precedence: str, agency: str, title: str, *, cancelled: bool = False
) -> str:
    """The subject of a mail: urgency and sender always, the title only where the TLP lets anybody see it.

    Subjects show on locked phones and in server logs, so a title above GREEN would already be a leak.
    """
    what = "CANCELLED: warning" if cancelled else f"{precedence} warning"
    if label in _TITLE_IN_SUBJECT and title:
        return f"[TLP:{label}] {what} from {agency}: {title}"
    return f"[TLP:{label}] {what} from {agency}: open to read"


def short_line(
    label: str, precedence: str, agency: str, title: str, *, cancelled: bool = False
) -> str:
    """What a locked screen may show: urgency and sender; the title only where the TLP lets anybody see it."""
    what = "CANCELLED: warning" if cancelled else f"{precedence} warning"
    if precedence == "TEST":
        return f"Test from {agency}: nothing has happened"
    known = f": {title}" if title and label in _TITLE_IN_SUBJECT else ""
    return f"{what} from {agency}{known}"


def relay_allowed(label: str) -> bool:
    """Whether who got it may pass it on within their own agency: RED is for those named only (TLP 2.0)."""
    return label != Tlp.RED


def link_works(now: datetime, expires_at: datetime | None, ended_at: datetime | None) -> bool:
    """Whether an acknowledgement link still works: until 30 days after the warning is over."""
    over = [at for at in (expires_at, ended_at) if at]
    return not over or now <= min(over) + LINK_LIVES_ON


def way(kind: str, address: str, *, person: str = "", plain_http: bool = False) -> Way:
    """A checked way to reach somebody. `plain_http` lets a webhook go without TLS (our own networks).

    Raises: Invalid naming the field and the cure.
    """
    kind, address = kind.strip().lower(), address.strip()
    if kind == Channel.INAPP:
        if not person:
            raise Invalid(
                "needs an account", field="inapp", cure="Name the account, or leave this way out."
            )
        return Way(kind)
    if kind == Channel.EMAIL:
        if not is_email(address):
            raise Invalid(
                f"{address!r} is no e-mail address",
                field="email",
                cure="Write it like name@example.org.",
            )
        return Way(kind, address)
    if kind == Channel.WEBHOOK:
        if not _is_url(address, ("https", "http") if plain_http else ("https",)):
            raise Invalid(
                f"{address!r} is no web address",
                field="webhook",
                cure="Write it like https://example.org/in.",
            )
        return Way(kind, address)
    if kind in (Channel.SMS, Channel.VOICE):
        number = re.sub(r"[ ()./-]", "", address)
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
            raise Invalid(
                f"{address!r} is no telephone number",
                field=kind,
                cure="Write it with the country, like +1 202 555 0123.",
            )
        return Way(kind, number)
    if kind == Channel.SERVICE:
        if not re.fullmatch(r"[a-z][a-z0-9]*://[^\s]+", address) or len(address) > 2000:
            raise Invalid(
                f"{address[:40]!r} is no address of a service",
                field="service",
                cure="Write it as Apprise does, like ntfys://ntfy.sh/a-long-secret-topic.",
            )
        return Way(kind, address)
    raise Invalid(
        f"{kind!r} is no way to reach anybody",
        field="kind",
        cure="Use email, webhook, inapp, sms, voice or service.",
    )


def is_email(address: str) -> bool:
    """Whether mail can be sent to it as it is written: one plain ASCII address."""
    name, at, host = address.rpartition("@")
    plain = address.isascii() and address.isprintable() and not set(address) & set(' <>,;:"()[]\\')
    return (
        bool(at and name and plain)
        and len(address) <= 254
        and all(host.split("."))
        and not name.startswith("-")
    )


def _is_url(address: str, schemes: Collection[str]) -> bool:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return False
    sane = address.isprintable() and " " not in address and len(address) <= 2000
    return parts.scheme in schemes and bool(parts.hostname) and not parts.username and sane


def thin_seats(ways: Mapping[Seat, Collection[str]], wanted: Iterable[Seat]) -> dict[Seat, str]:
    """Seats that may not be reached, and why: nobody listed, or everything over one thing.

    `ways` = the kinds of all ways to a seat. Two mailboxes fail together when mail does, so two ways count
    only where they go over different things (`Channel.over`).
    """
    found = {}
    for seat in sorted(set(wanted) | set(ways)):
        over = {Channel(kind).over for kind in ways.get(seat, ())}
        if len(over) < 2:
            found[seat] = "one way" if over else "nobody"
    return found
