"""Who knocks at the live feed of an operation: a device with its signed token, or somebody signed in.

A thousand devices that come back in the same moment are recognised together, by four questions to the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connections

from tocsin.operate import devices
from tocsin.people.models import Operation
from tocsin.people.rules import SEEN, sight
from tocsin.people.terms import Actor
from tocsin.record.terms import Marking, Tlp
from tocsin.web.gathering import Gathering
from tocsin.web.sessions import actor_of_cookies
from tocsin.web.streams import Scope, header, query

_KNOWN_S = 60.0  # as long as an open stream goes unchecked; the feed itself hears of a revoked device at once
_KNOWN_CAP = 20_000


@dataclass(frozen=True, slots=True)
class Who:
    """Who follows: an actor, for one operation, by a device ('' = signed in with an account)."""

    actor: Actor
    operation: str
    device: str


@dataclass(frozen=True, slots=True)
class Knock:
    """What somebody shows who asks for an operation ('' = the device's own)."""

    token: str
    cookies: str
    operation: str


# What is told never waits behind who knocks, nor either behind what is recorded.
_threads = {w: ThreadPoolExecutor(1, f"field-{w}") for w in ("tell", "know", "record", "read")}
_known: dict[Knock, tuple[float, Who]] = {}
_forgotten = 0  # how often: what was found out before the last time is not kept


async def in_thread(what: str, work: Any, *args: Any) -> Any:
    """Run what asks the database through Django, in the thread for such work."""
    return await asyncio.get_running_loop().run_in_executor(_threads[what], _guarded, work, *args)


def forget() -> None:
    """Whoever is known must show again who they are: somebody was shut out, or may have been."""
    global _forgotten  # noqa: PLW0603 - one door a process
    _forgotten += 1
    _known.clear()


async def who(scope: Scope, *, fresh: bool = False) -> Who | int:
    """Who asks, for which operation; else the status that says why not. Known for a minute, unless `fresh`."""
    cookies = header(scope, b"cookie")
    token = devices.token_of(header(scope, b"authorization")) or _cookie(cookies, devices.COOKIE)
    knock = Knock(token, "" if token else cookies, query(scope, "operation"))
    now = asyncio.get_running_loop().time()
    if not fresh and (known := _known.get(knock)) and now - known[0] < _KNOWN_S:
        return known[1]
    before = _forgotten
    found = await _door.take(knock)
    if isinstance(found, Who) and before == _forgotten:
        if len(_known) > _KNOWN_CAP:
            _known.clear()
        _known[knock] = (now, found)
    return found


async def _ask(knocks: list[Knock]) -> Sequence[Who | int]:
    found: list[Who | int] = await in_thread("know", recognise, knocks)
    return found


_door: Gathering[Knock, Who | int] = Gathering(_ask, most=200)


def recognise(knocks: Sequence[Knock]) -> list[Who | int]:
    """Each one's answer, in order: who it is; 401 for nobody, 404 where the operation is not theirs."""
    sessions = dict(
        zip(
            tokens := list({k.token for k in knocks if k.token}),
            devices.sessions_of(tokens),
            strict=True,
        )
    )
    carriers = devices.carriers([s for s in sessions.values() if s])
    claims = [_claim(k, sessions.get(k.token), carriers) for k in knocks]
    leads = dict(
        Operation.objects.filter(
            id__in={c.operation for c in claims if isinstance(c, Who)}
        ).values_list("id", "lead_agency")
    )
    return [c if isinstance(c, int) or _sees(c, leads) else 404 for c in claims]


def _claim(knock: Knock, session: devices.Session | None, carriers: dict[str, Actor]) -> Who | int:
    if not knock.token:
        found = actor_of_cookies(knock.cookies)
        return 401 if found is None else Who(found, knock.operation, "")
    if session is None:
        return 401
    if knock.operation not in ("", session.operation):
        return 404
    return Who(carriers[session.device], session.operation, session.device)


def _sees(who: Who, leads: dict[str, str]) -> bool:
    lead = leads.get(who.operation)
    if lead is None:
        return False
    return sight(who.actor, Marking(lead, Tlp.AMBER.value, who.operation)) in SEEN


def _guarded(work: Any, *args: Any) -> Any:
    """Run in our thread; a connection that was lost is not kept."""
    try:
        return work(*args)
    except DatabaseError:
        connections.close_all()
        raise


def _cookie(header: str, name: str) -> str:
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""
