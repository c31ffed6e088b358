"""Signed webhooks: a CloudEvent 1.0 by POST, signed as Standard Webhooks asks, to checked addresses only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
from collections import OrderedDict
from functools import cache
from urllib.parse import urlsplit

import httpx

from tocsin.collect.sources.batch import Broken
from tocsin.collect.sources.guard import checked_addresses
from tocsin.collect.terms import FailReason
from tocsin.deliver.channels.job import Job, PermanentFailure, TemporaryFailure
from tocsin.deliver.terms import Reason, State
from tocsin.formats import cloudevents, webhooks
from tocsin.formats.cloudevents import Event
from tocsin.kernel import clock
from tocsin.kernel.settings import Settings, secret

_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_ORIGINS = 8
"""Partners' systems to which one thread keeps a connection."""
_LONGEST_ANSWER = 4096
_TRY_LATER = {408, 409, 423, 425, 429}
TYPE = "org.tocsin.warning"


class Webhook:
    """The webhook channel of one thread. A 2xx answer means: their system has it (DELIVERED)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key = secret(settings, "webhook_secret")
        self._clients: OrderedDict[str, httpx.Client] = OrderedDict()

    def send(self, job: Job) -> State:
        """POST one event. Raises: TemporaryFailure, PermanentFailure."""
        body = self._body(job)
        # The id is the delivery's: a receiver that sees it twice has the same warning twice.
        key = secret_of(self._key, job.recipient)
        headers = webhooks.sign(key, job.delivery, clock.now(), body)
        try:
            status = self._post(job.address, body, headers)
        except httpx.TimeoutException as e:
            raise TemporaryFailure(Reason.TIMED_OUT, str(e)) from e
        except (httpx.HTTPError, OSError) as e:
            raise TemporaryFailure(Reason.UNREACHABLE, str(e)) from e
        except (httpx.InvalidURL, ValueError) as e:
            raise PermanentFailure(Reason.BAD_ANSWER, str(e)) from e
        if 200 <= status < 300:
            return State.DELIVERED
        if status == 410:
            raise PermanentFailure(Reason.GONE, f"HTTP {status}")
        if status >= 500 or status in _TRY_LATER:
            raise TemporaryFailure(Reason.BAD_ANSWER, f"HTTP {status}")
        raise PermanentFailure(Reason.BAD_ANSWER, f"HTTP {status}")

    def _body(self, job: Job) -> bytes:
        letter = job.letter
        return cloudevents.write(
            Event(
                id=job.delivery,
                source=self._settings.base_url,
                type=f"{TYPE}.{letter.data['occasion']}",
                subject=letter.warning,
                time=clock.now(),
                data={**letter.data, "delivery": job.delivery, "acknowledge_url": job.link},
            )
        )

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Connect to an address that was checked, while name and certificate stay those of the host.

        A redirect is not followed: it would lead a signed warning to an address nobody entered.
        """
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        private = self._settings.allow_private_addresses
        try:
            addresses = checked_addresses(parts.hostname or "", port, allow_private=private)
        except Broken as e:
            if e.reason is FailReason.ADDRESS_REFUSED:
                raise PermanentFailure(Reason.ADDRESS_REFUSED, str(e)) from e
            raise TemporaryFailure(Reason.UNREACHABLE, str(e)) from e
        head = {**headers, "Host": parts.netloc, "Content-Type": cloudevents.MEDIA_TYPE}
        client = self._client(f"{parts.scheme}://{parts.netloc}")
        request = client.build_request(
            "POST",
            httpx.URL(url).copy_with(host=addresses[0]),
            headers=head,
            content=body,
            extensions={"sni_hostname": parts.hostname},
        )
        response = client.send(request, stream=True)
        try:
            if int(response.headers.get("Content-Length", _LONGEST_ANSWER + 1)) <= _LONGEST_ANSWER:
                response.read()  # so that the connection can be used again
        except ValueError:
            pass  # a length that is none: the connection is given up
        finally:
            response.close()
        return response.status_code

    def _client(self, origin: str) -> httpx.Client:
        """A client for this origin alone: a kept connection never serves another host's name."""
        client = self._clients.pop(origin, None)
        if client is None:
            client = httpx.Client(
                timeout=_TIMEOUT,
                trust_env=False,
                follow_redirects=False,
                verify=_trusted(),
                limits=httpx.Limits(max_connections=1, keepalive_expiry=20.0),
            )
        self._clients[origin] = client
        if len(self._clients) > _ORIGINS:
            self._clients.popitem(last=False)[1].close()
        return client

    def close(self) -> None:
        while self._clients:
            self._clients.popitem()[1].close()


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


def secret_of(key: str, recipient: str) -> str:
    """The recipient's own signing secret, derived from ours: one partner cannot forge to another."""
    made = hmac.digest(key.encode(), f"webhook/{recipient}".encode(), hashlib.sha256)
    return webhooks.PREFIX + base64.b64encode(made).decode()
