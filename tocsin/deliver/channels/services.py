"""Messaging services (Slack, Teams, ntfy, Matrix, …) through Apprise. What they get is a line and a link.

The text of a warning stays here: nobody knows who reads a channel of a service. A service that took the
message proves SENT. Only kinds of services that the site allows are used: some of Apprise's act on this
machine or read its files.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tocsin.collect.sources.batch import Broken
from tocsin.collect.sources.guard import checked_addresses
from tocsin.collect.terms import FailReason
from tocsin.deliver.channels.job import Job, PermanentFailure, TemporaryFailure
from tocsin.deliver.channels.phone import words
from tocsin.deliver.terms import Reason, State
from tocsin.kernel.settings import Settings


class Services:
    """The service channel of one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def send(self, job: Job) -> State:
        """Hand one message to a service. Raises: TemporaryFailure, PermanentFailure."""
        import apprise  # noqa: PLC0415 - heavy: only who uses it pays for it

        if urlsplit(job.address).scheme.lower() not in self._settings.services:
            raise PermanentFailure(Reason.NOT_ALLOWED)
        service = apprise.Apprise.instantiate(job.address, suppress_exceptions=True)
        if service is None:
            raise PermanentFailure(Reason.BAD_ANSWER, "no service understands this address")
        self._guard(service)
        asker = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Tocsin", async_mode=False))
        asker.add(service)
        with apprise.LogCapture(level=apprise.logging.WARNING) as said:  # type: ignore[no-untyped-call]
            if asker.notify(title="", body=words(job), body_format=apprise.NotifyFormat.TEXT):
                return State.SENT
            raise TemporaryFailure(Reason.BAD_ANSWER, said.getvalue())

    def _guard(self, service: Any) -> None:
        """A service with a host of its own must not lead into our network. Raises: Undelivered."""
        if not any("{host}" in t for t in service.templates):
            return
        port = service.port or (443 if service.secure else 80)
        private = self._settings.allow_private_addresses
        try:
            checked_addresses(str(service.host), port, allow_private=private)
        except Broken as e:
            if e.reason is FailReason.ADDRESS_REFUSED:
                raise PermanentFailure(Reason.ADDRESS_REFUSED, str(e)) from e
            raise TemporaryFailure(Reason.UNREACHABLE, str(e)) from e

    def close(self) -> None:
        """Nothing is held open."""
