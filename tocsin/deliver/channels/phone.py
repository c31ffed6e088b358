"""Text messages and voice calls, through whatever gateway the site has: described in a file, not in code.

A gateway takes an HTTP request and answers 2xx when it took the message over: SENT, never more. Its limit a
minute is kept by all workers together, and a part of it is kept free for what is urgent.
"""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal

import httpx
import msgspec
from django.db import connection

from tocsin.deliver import rules
from tocsin.deliver.channels.job import Job, Later, PermanentFailure, TemporaryFailure
from tocsin.deliver.models import Quota
from tocsin.deliver.terms import URGENT, Reason, State
from tocsin.kernel import clock
from tocsin.kernel.errors import BadSettings
from tocsin.kernel.settings import Settings

_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_TRY_LATER = {408, 409, 423, 425, 429}
_MINUTE = timedelta(minutes=1)
_TAKE = """
INSERT INTO deliver_quota AS q (channel, minute, given) VALUES (%(channel)s, %(minute)s, 1)
ON CONFLICT (channel, minute) DO UPDATE SET given = q.given + 1 WHERE q.given < %(most)s RETURNING given
"""


_BODY = {"to": "{to}", "text": "{text}", "reference": "{key}"}


class Gateway(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to ask a gateway. In `body` and `headers` {to}, {text} and {key} stand for the message's own.

    `key` is the delivery's id: the same message twice carries the same one. `calm_percent` = how much of
    `per_minute` what is not urgent may use; `longest` = characters of a text.
    """

    url: str
    method: Literal["POST", "PUT"] = "POST"
    encoding: Literal["json", "form"] = "json"
    headers: dict[str, str] = {}
    body: dict[str, str] = msgspec.field(default_factory=_BODY.copy)
    user: str = ""
    password: str = ""
    per_minute: int = 60
    calm_percent: int = 50
    longest: int = 300


@lru_cache(maxsize=4)
def gateways(file: Path | None) -> dict[str, Gateway]:
    """The gateways a site has, by channel (`sms`, `voice`). Raises: BadSettings naming the key."""
    if file is None:
        return {}
    try:
        found = msgspec.convert(tomllib.loads(file.read_text()), dict[str, Gateway])
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as e:
        raise BadSettings(str(e), field="gateways_file", cure="Write it as documented.") from e
    if unknown := set(found) - {"sms", "voice"}:
        raise BadSettings(
            f"no such gateway: {sorted(unknown)[0]}",
            field="gateways_file",
            cure="Use [sms] or [voice].",
        )
    return found


class Phone:
    """The gateway channels of one thread."""

    def __init__(self, settings: Settings) -> None:
        self._gateways = gateways(settings.gateways_file)
        self._client = httpx.Client(timeout=_TIMEOUT, trust_env=False, follow_redirects=False)

    def send(self, job: Job) -> State:
        """Hand one message to the gateway. Raises: Later, TemporaryFailure, PermanentFailure."""
        gateway = self._gateways.get(job.channel)
        if gateway is None:
            raise PermanentFailure(Reason.NOT_SET_UP)
        _take(job, gateway, clock.now())
        values = {"to": job.address, "text": words(job)[: gateway.longest], "key": job.delivery}
        body = {k: _filled(v, values) for k, v in gateway.body.items()}
        form = gateway.encoding == "form"
        try:
            answer = self._client.request(
                gateway.method,
                gateway.url,
                headers={k: _filled(v, values) for k, v in gateway.headers.items()},
                auth=(gateway.user, gateway.password) if gateway.user else None,
                data=body if form else None,
                json=None if form else body,
            )
        except httpx.TimeoutException as e:
            raise TemporaryFailure(Reason.TIMED_OUT, str(e)) from e
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as e:
            raise TemporaryFailure(Reason.UNREACHABLE, str(e)) from e
        if answer.is_success:
            return State.SENT
        said = f"HTTP {answer.status_code} {answer.text[:200]}"
        if answer.status_code >= 500 or answer.status_code in _TRY_LATER:
            raise TemporaryFailure(Reason.BAD_ANSWER, said)
        raise PermanentFailure(Reason.BAD_ANSWER, said)

    def close(self) -> None:
        self._client.close()


def words(job: Job) -> str:
    """What a text message or a call says: never more than a locked screen may show."""
    d = job.letter.data
    said = rules.short_line(
        d["tlp"],
        d["precedence"],
        d["agency"],
        d.get("content", {}).get("title", ""),
        cancelled=d["occasion"] == "cancel",
    )
    if job.channel == "voice":
        return f"{said}. Open your mail or sign in, and answer it there."
    return f"{said}. Read and answer: {job.link}"


def _filled(pattern: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        pattern = pattern.replace("{" + name + "}", value)
    return pattern


def _take(job: Job, gateway: Gateway, now: datetime) -> None:
    """Take one of this minute's messages. Raises: Later when none is left for this class."""
    minute = now.replace(second=0, microsecond=0)
    urgent = job.urgency >= URGENT
    most = gateway.per_minute if urgent else gateway.per_minute * gateway.calm_percent // 100
    with connection.cursor() as cursor:
        if most > 0:
            cursor.execute(_TAKE, {"channel": job.channel, "minute": minute, "most": most})
            if (row := cursor.fetchone()) is not None:
                if row[0] == 1:
                    Quota.objects.filter(minute__lt=now - 60 * _MINUTE).delete()
                return
    raise Later(minute + _MINUTE - now)
